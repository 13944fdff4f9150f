-- refuse: events wait to be tried again
SELECT count(*) FROM bus_waiting;
-- refuse: there are dead letters
SELECT count(*) FROM bus_dead;
-- down
DROP TABLE bus_cursors;
DROP TABLE bus_dead;
DROP TABLE bus_waiting;
DROP TABLE bus_members;
DROP TABLE bus_leases;
DROP TABLE bus_marks;
DROP TABLE bus_groups;
