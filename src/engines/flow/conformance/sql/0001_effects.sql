-- What handlers of the suite leave: one row a job that acted.
CREATE TABLE effects (job_id INTEGER NOT NULL) STRICT;
CREATE INDEX effects_job ON effects (job_id);
