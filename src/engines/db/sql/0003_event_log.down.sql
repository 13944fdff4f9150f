-- down
INSERT INTO outbox (type, aggregate_id, payload, created_at)
SELECT type, aggregate_id, payload, created_at FROM event_log ORDER BY position;
DROP TABLE event_log;
DROP TABLE event_logs;
DROP TABLE event_aggregates;
ALTER TABLE outbox DROP COLUMN type_version;
ALTER TABLE outbox DROP COLUMN version;
CREATE INDEX outbox_aggregate ON outbox (aggregate_id, id);
