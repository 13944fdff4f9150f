-- name: job_add :write
-- No row comes back when the key is taken.
INSERT INTO jobs (kind, subject, payload, state, priority, idempotency_key, attempts, attempts_max,
                  run_at, cancel_requested, progress, message, created_at, updated_at, limit_key)
VALUES (?1, ?2, ?3, 'queued', ?4, ?5, 0, ?6, ?7, 0, 0.0, '', ?8, ?8, ?9)
ON CONFLICT (kind, idempotency_key) DO NOTHING
RETURNING id;

-- name: job_by_key :point
SELECT id FROM jobs WHERE kind = ?1 AND idempotency_key = ?2;

-- name: job_get :point
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested,
       limit_key
FROM jobs WHERE id = ?1;

-- name: jobs_list :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested,
       limit_key
FROM jobs WHERE id < ?1 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_state :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested,
       limit_key
FROM jobs WHERE id < ?1 AND state = ?3 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_kind :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested,
       limit_key
FROM jobs WHERE id < ?1 AND kind = ?3 ORDER BY id DESC LIMIT ?2;

-- name: jobs_list_kind_state :page
SELECT id, kind, subject, payload, state, priority, attempts, attempts_max, run_at, progress, message,
       checkpoint, error_slug, error_text, created_at, updated_at, finished_at, cancel_requested,
       limit_key
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

-- name: job_priority_put :write
UPDATE jobs SET priority = ?2, updated_at = ?3 WHERE id = ?1 AND state = 'queued';

-- name: jobs_prune :write
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs WHERE finished_at < ?1 ORDER BY finished_at LIMIT ?2);

-- name: jobs_running_count :point
SELECT count(*) FROM jobs WHERE kind = ?1 AND state = 'running';

-- name: jobs_next :page
-- What may begin: due, and about nothing that ?4 or more of the kind are at work on.
SELECT id FROM jobs WHERE kind = ?1 AND state = 'queued' AND run_at <= ?2
    AND (limit_key IS NULL OR limit_key NOT IN (
        SELECT r.limit_key FROM jobs r
        WHERE r.kind = ?1 AND r.state = 'running' AND r.limit_key IS NOT NULL
        GROUP BY r.limit_key HAVING count(*) >= ?4))
ORDER BY priority DESC, run_at, id LIMIT ?3;

-- name: jobs_due_next :point
-- When the next job of a kind is due, or NULL.
SELECT min(run_at) FROM jobs WHERE kind = ?1 AND state = 'queued';

-- name: job_claim :write
UPDATE jobs SET state = 'running', owner = ?2, lease_until = ?3, attempts = attempts + 1,
                attempts_max = CASE attempts_max WHEN 0 THEN ?5 ELSE attempts_max END,
                updated_at = ?4
WHERE id = ?1 AND state = 'queued' AND (limit_key IS NULL OR ?6 > (
    SELECT count(*) FROM jobs r
    WHERE r.kind = jobs.kind AND r.state = 'running' AND r.limit_key = jobs.limit_key))
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

-- name: schedule_get :point
SELECT id, name, kind, begins_at, every, cron, zone, missed, declared, paused, job_kind, subject,
       payload, priority, limit_key, attempts_max, next_at, last_at, last_job, fired, passed_over,
       problem, alone
FROM schedules WHERE name = ?1;

-- name: schedules_list :page
SELECT id, name, kind, begins_at, every, cron, zone, missed, declared, paused, job_kind, subject,
       payload, priority, limit_key, attempts_max, next_at, last_at, last_job, fired, passed_over,
       problem, alone
FROM schedules WHERE id > ?1 ORDER BY id LIMIT ?2;

-- name: schedules_due :page
SELECT id, name, kind, begins_at, every, cron, zone, missed, declared, paused, job_kind, subject,
       payload, priority, limit_key, attempts_max, next_at, last_at, last_job, fired, passed_over,
       problem, alone
FROM schedules WHERE next_at IS NOT NULL AND next_at <= ?1 ORDER BY next_at LIMIT ?2;

-- name: schedules_due_next :point
SELECT min(next_at) FROM schedules WHERE next_at >= 0;

-- name: schedule_add :write
INSERT INTO schedules (name, kind, begins_at, every, cron, zone, missed, declared, paused, job_kind,
                       subject, payload, priority, limit_key, attempts_max, next_at, fired,
                       passed_over, created_at, updated_at, alone)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, 0, ?16, ?16, ?17)
RETURNING id;

-- name: schedule_change :write
UPDATE schedules SET kind = ?2, begins_at = ?3, every = ?4, cron = ?5, zone = ?6, missed = ?7,
                     declared = ?8, job_kind = ?9, subject = ?10, payload = ?11, priority = ?12,
                     limit_key = ?13, attempts_max = ?14, next_at = ?15, problem = NULL,
                     updated_at = ?16, alone = ?17
WHERE name = ?1;

-- name: schedule_remove :write
DELETE FROM schedules WHERE name = ?1;

-- name: schedule_paused_put :write
UPDATE schedules SET paused = ?2, next_at = ?3, updated_at = ?4 WHERE name = ?1;

-- name: schedule_passed :write
UPDATE schedules SET next_at = ?3, updated_at = ?4 WHERE id = ?1 AND next_at = ?2;

-- name: schedule_held :write
-- Its last job has not ended.
UPDATE schedules SET passed_over = passed_over + 1 WHERE id = ?1;

-- name: job_is_active :point
SELECT 1 FROM jobs WHERE id = ?1 AND state IN ('queued', 'running');

-- name: schedule_fired :write
UPDATE schedules SET last_at = ?2, last_job = ?3, fired = fired + 1, passed_over = passed_over + ?4
WHERE id = ?1;

-- name: schedule_moved :write
-- Without a job: from ?2 (-1: none) to ?3.
UPDATE schedules SET next_at = ?3, passed_over = passed_over + ?4, problem = ?5, updated_at = ?6
WHERE id = ?1 AND coalesce(next_at, -1) = ?2 AND paused = 0;

-- name: saga_add :write
-- No row comes back when the key is taken.
INSERT INTO sagas (kind, subject, input, idempotency_key, state, undoing, holds, position, round, created_at,
                   updated_at)
VALUES (?1, ?2, ?3, ?4, 'running', 0, ?5, 0, 0, ?6, ?6)
ON CONFLICT (kind, idempotency_key) DO NOTHING
RETURNING id;

-- name: saga_by_key :point
SELECT id FROM sagas WHERE kind = ?1 AND idempotency_key = ?2;

-- name: saga_step_add :write
INSERT INTO saga_steps (saga_id, position, name, state, has_undo, attempts_max, deadline)
VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6);

-- name: saga_event_add :write
INSERT INTO saga_events (saga_id, at, what, step, attempt, slug, text)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: saga_get :point
SELECT s.id, s.kind, s.subject, s.input, s.state, s.undoing, s.holds, s.position, s.round, s.job_id,
       s.error_slug, s.error_text, s.created_at, s.updated_at, s.finished_at,
       (SELECT p.name FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position),
       (SELECT p.deadline_at FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position)
FROM sagas s WHERE s.id = ?1;

-- name: saga_by_job :point
SELECT s.id, s.kind, s.subject, s.input, s.state, s.undoing, s.holds, s.position, s.round, s.job_id,
       s.error_slug, s.error_text, s.created_at, s.updated_at, s.finished_at,
       (SELECT p.name FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position),
       (SELECT p.deadline_at FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position)
FROM sagas s WHERE s.job_id = ?1;

-- name: sagas_list :page
SELECT s.id, s.kind, s.subject, s.input, s.state, s.undoing, s.holds, s.position, s.round, s.job_id,
       s.error_slug, s.error_text, s.created_at, s.updated_at, s.finished_at,
       (SELECT p.name FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position),
       (SELECT p.deadline_at FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position)
FROM sagas s
WHERE s.id < ?1 ORDER BY s.id DESC LIMIT ?2;

-- name: sagas_list_state :page
SELECT s.id, s.kind, s.subject, s.input, s.state, s.undoing, s.holds, s.position, s.round, s.job_id,
       s.error_slug, s.error_text, s.created_at, s.updated_at, s.finished_at,
       (SELECT p.name FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position),
       (SELECT p.deadline_at FROM saga_steps p WHERE p.saga_id = s.id AND p.position = s.position)
FROM sagas s
WHERE s.id < ?1 AND s.state = ?3 ORDER BY s.id DESC LIMIT ?2;

-- name: sagas_held_count :point
SELECT count(*) FROM sagas WHERE state = 'held';

-- name: saga_steps_list :page
SELECT name, state, result, deadline_at, has_undo, attempts_max, deadline, position
FROM saga_steps WHERE saga_id = ?1 ORDER BY position LIMIT ?2;

-- name: saga_timeline :page
SELECT at, what, step, attempt, slug, text FROM saga_events WHERE saga_id = ?1
ORDER BY id DESC LIMIT ?2;

-- name: saga_step_put :write
UPDATE saga_steps SET state = ?3, deadline_at = ?4 WHERE saga_id = ?1 AND position = ?2;

-- name: saga_step_result_put :write
UPDATE saga_steps SET result = ?3 WHERE saga_id = ?1 AND position = ?2;

-- name: saga_move :write
-- To a step and its job; what was wrong stays to be seen while it compensates.
UPDATE sagas SET state = ?2, undoing = ?3, position = ?4, round = ?5, job_id = ?6, error_slug = ?7,
                 error_text = ?8, updated_at = ?9, finished_at = ?10
WHERE id = ?1;

-- name: sagas_prune :write
DELETE FROM sagas WHERE id IN (
    SELECT id FROM sagas WHERE finished_at < ?1 ORDER BY finished_at LIMIT ?2);
