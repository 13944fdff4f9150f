-- Jobs of a kind with the same limit_key are about one thing (a folder, a film), of which only so many at a
-- time are worked on as the kind says. NULL: the kind's own limit alone.
ALTER TABLE jobs ADD COLUMN limit_key TEXT;
DROP INDEX jobs_next;
CREATE INDEX jobs_next ON jobs (kind, priority DESC, run_at, id, limit_key) WHERE state = 'queued';
CREATE INDEX jobs_running_key ON jobs (kind, limit_key) WHERE state = 'running';
