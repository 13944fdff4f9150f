-- refuse: schedules were added that the older program cannot keep
SELECT count(*) FROM schedules WHERE declared = 0;
-- down
DROP TABLE schedules;
