-- refuse: values of people have a source or a lock
SELECT count(*) FROM person_fields;
-- down
DROP TABLE people_stale;
DROP TABLE person_orders;
DROP TABLE person_fields;
ALTER TABLE person_texts ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
