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
-- Of the job's kind, and of its key among them.
SELECT count(*),
       count(CASE WHEN r.limit_key = (SELECT k.limit_key FROM jobs k WHERE k.id = ?1) THEN 1 END)
FROM jobs r WHERE r.kind = (SELECT k.kind FROM jobs k WHERE k.id = ?1) AND r.state = 'running';
