-- down
DROP INDEX jobs_running_key;
DROP INDEX jobs_next;
ALTER TABLE jobs DROP COLUMN limit_key;
CREATE INDEX jobs_next ON jobs (kind, priority DESC, run_at, id) WHERE state = 'queued';
