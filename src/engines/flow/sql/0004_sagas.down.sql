-- refuse: sagas are under way that the older program cannot go on with
SELECT count(*) FROM sagas WHERE finished_at IS NULL;
-- down
DROP TABLE saga_events;
DROP TABLE saga_steps;
DROP TABLE sagas;
