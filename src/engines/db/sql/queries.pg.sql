-- name: event_add :write
-- The row's id is taken under the lock of the aggregate, as its version is: for one aggregate both are in the
-- order of commits.
WITH aggregate AS (
    INSERT INTO event_aggregates (aggregate_id, version) VALUES (?3, 1)
    ON CONFLICT (aggregate_id) DO UPDATE SET version = event_aggregates.version + 1
    RETURNING version)
INSERT INTO outbox (type, type_version, aggregate_id, version, created_at, payload)
SELECT ?1, ?2, ?3, version, ?4, ?5 FROM aggregate;

-- name: event_sequence :write
-- Whatever is committed now and has no position, late as it may be, gets the next ones. One at a time does
-- this, with a snapshot taken after it had the lock.
WITH taken AS (
    DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT ?1)
    RETURNING id, type, type_version, aggregate_id, version, created_at, payload)
INSERT INTO event_log (type, type_version, aggregate_id, version, created_at, payload)
SELECT type, type_version, aggregate_id, version, created_at, payload
FROM (SELECT *, max(id) OVER (PARTITION BY aggregate_id ORDER BY version) AS after FROM taken) AS ordered
ORDER BY after, version;
