-- name: effect_add :write
INSERT INTO effects (job_id) VALUES (?1);

-- name: effects_of :point
SELECT count(*) FROM effects WHERE job_id = ?1;

-- name: effect_lease :point
SELECT coalesce(lease_until, 0) FROM jobs WHERE id = ?1;

-- name: effect_seize :write
-- As if another process had claimed the job.
UPDATE jobs SET state = 'running', owner = ?4, lease_until = ?2, attempts = ?3
WHERE id = ?1;

-- name: effects_running :point
SELECT count(*) FROM jobs WHERE kind = 'effect' AND state = 'running';
