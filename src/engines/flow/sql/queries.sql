-- name: job_add :write
-- No row comes back when the key is taken.
INSERT INTO jobs (kind, subject, payload, state, priority, idempotency_key, attempts, attempts_max,
                  run_at, cancel_requested, progress, message, created_at, updated_at)
VALUES (?1, ?2, ?3, 'queued', ?4, ?5, 0, ?6, ?7, 0, 0.0, '', ?8, ?8)
ON CONFLICT (kind, idempotency_key) DO NOTHING
RETURNING id;

-- name: job_by_key :point
SELECT id FROM jobs WHERE kind = ?1 AND idempotency_key = ?2;

-- name: job_get :point
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested
FROM jobs WHERE id = ?1;

-- name: jobs_list :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested
FROM jobs WHERE id < ?1 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_state :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested
FROM jobs WHERE id < ?1 AND state = ?3 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_kind :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested
FROM jobs WHERE id < ?1 AND kind = ?3 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_kind_state :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested
FROM jobs WHERE id < ?1 AND kind = ?3 AND state = ?4 ORDER BY id DESC LIMIT ?2;

-- name: jobs_count_state :scan
SELECT count(*) FROM jobs WHERE state = ?1;

-- name: job_cancel_queued :write
UPDATE jobs SET state = 'cancelled', updated_at = ?2, finished_at = ?2, message = ''
WHERE id = ?1 AND state = 'queued';

-- name: job_cancel_running :write
UPDATE jobs SET cancel_requested = 1, updated_at = ?2 WHERE id = ?1 AND state = 'running';

-- name: job_retry :write
UPDATE jobs SET state = 'queued', attempts = 0, run_at = 0, updated_at = ?2, finished_at = NULL,
                cancel_requested = 0, error_slug = NULL, error_text = NULL, message = ''
WHERE id = ?1 AND state IN ('failed', 'cancelled');

-- name: jobs_prune :write
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs WHERE finished_at < ?1 ORDER BY finished_at LIMIT ?2);

-- name: jobs_running_count :point
SELECT count(*) FROM jobs WHERE kind = ?1 AND state = 'running';

-- name: jobs_next :page
SELECT id FROM jobs WHERE kind = ?1 AND state = 'queued' AND run_at <= ?2
ORDER BY priority DESC, run_at, id LIMIT ?3;

-- name: jobs_due_next :point
-- When the next job of a kind is due, or NULL.
SELECT min(run_at) FROM jobs WHERE kind = ?1 AND state = 'queued';

-- name: job_claim :write
UPDATE jobs SET state = 'running', owner = ?2, lease_until = ?3, attempts = attempts + 1,
                attempts_max = CASE attempts_max WHEN 0 THEN ?5 ELSE attempts_max END,
                updated_at = ?4
WHERE id = ?1 AND state = 'queued'
RETURNING id, kind, subject, payload, attempts, attempts_max, checkpoint;

-- name: jobs_lease_extend :write
-- What this owner runs; a job it thinks it runs that does not come back was taken from it.
UPDATE jobs SET lease_until = ?3 WHERE kind = ?1 AND owner = ?2 AND state = 'running'
RETURNING id, cancel_requested;

-- name: jobs_stray :page
-- Running jobs of a kind whose owner is another and whose lease has ended, or whose owner's name lies in a
-- range: an earlier process of the same seat.
SELECT id, attempts, attempts_max, cancel_requested, owner FROM jobs
WHERE kind = ?1 AND state = 'running' AND owner <> ?2
    AND (lease_until < ?3 OR (owner >= ?5 AND owner < ?6)) LIMIT ?4;

-- name: job_done :write
UPDATE jobs SET state = 'done', progress = 1.0, message = '', owner = NULL, lease_until = NULL,
                checkpoint = NULL, error_slug = NULL, error_text = NULL, updated_at = ?4,
                finished_at = ?4
WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'running';

-- name: job_ended :write
-- failed or cancelled
UPDATE jobs SET state = ?4, error_slug = ?5, error_text = ?6, message = '', owner = NULL,
                lease_until = NULL, updated_at = ?7, finished_at = ?7
WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'running';

-- name: job_again :write
UPDATE jobs SET state = 'queued', run_at = ?4, attempts = ?5, error_slug = ?6, error_text = ?7,
                message = '', owner = NULL, lease_until = NULL, updated_at = ?8
WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'running';

-- name: jobs_cancelling :page
SELECT id FROM jobs WHERE kind = ?1 AND owner = ?2 AND state = 'running' AND cancel_requested = 1
LIMIT ?3;

-- name: job_progress_put :write
UPDATE jobs SET progress = ?4, message = ?5, updated_at = ?6
WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'running';

-- name: job_checkpoint_put :write
UPDATE jobs SET checkpoint = ?4, updated_at = ?5
WHERE id = ?1 AND owner = ?2 AND attempts = ?3 AND state = 'running';

-- name: jobs_wait_shorten :write
-- Those that wait after a failure, of a kind, wait until ?2 at the latest.
UPDATE jobs SET run_at = ?2
WHERE kind = ?1 AND state = 'queued' AND error_slug IS NOT NULL AND run_at > ?2;
