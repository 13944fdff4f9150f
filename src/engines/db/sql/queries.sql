-- name: event_version :write
-- The aggregate's row is its lock until the commit.
INSERT INTO event_aggregates (aggregate_id, version) VALUES (?1, 1)
ON CONFLICT (aggregate_id) DO UPDATE SET version = event_aggregates.version + 1;

-- name: event_version_get :point
SELECT version FROM event_aggregates WHERE aggregate_id = ?1;

-- name: event_list :page
-- Events after a position, in order.
SELECT position, type, type_version, aggregate_id, version, created_at, payload
FROM event_log WHERE position > ?1 ORDER BY position LIMIT ?2;

-- name: event_first :point
SELECT position, created_at FROM event_log WHERE position > ?1 ORDER BY position LIMIT 1;

-- name: event_last :point
SELECT coalesce(max(position), 0) FROM event_log;

-- name: event_prune :write
DELETE FROM event_log WHERE position IN (
    SELECT position FROM event_log WHERE position <= ?1 ORDER BY position LIMIT ?2);

-- name: event_log_get :point
SELECT name FROM event_logs WHERE id = 1;

-- name: event_log_put :write
INSERT INTO event_logs (id, name) VALUES (1, ?1) ON CONFLICT (id) DO NOTHING;

-- name: outbox_any :point
SELECT id FROM outbox WHERE id > 0 ORDER BY id LIMIT 1;

-- name: outbox_clear :write
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT ?1);

-- name: db_ping :point
SELECT number FROM schema_migrations WHERE module = 'db' AND number = 1;

-- name: change_add :write
INSERT INTO changes (topics) VALUES (?1);
