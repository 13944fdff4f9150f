-- name: outbox_add :write
INSERT INTO outbox (type, aggregate_id, payload, created_at) VALUES (?1, ?2, ?3, ?4);

-- name: outbox_list :page
-- Events after a position, in the order of writing.
SELECT id, type, aggregate_id, payload, created_at FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2;

-- name: db_ping :point
SELECT number FROM schema_migrations WHERE module = 'db' AND number = 1;

-- name: change_add :write
INSERT INTO changes (topics) VALUES (?1);
