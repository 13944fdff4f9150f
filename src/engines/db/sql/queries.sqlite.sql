-- name: event_add :write
-- There is one writer: the order of writing is that of the commits. After event_version.
INSERT INTO event_log (type, type_version, aggregate_id, version, created_at, payload)
SELECT ?1, ?2, ?3, version, ?4, ?5 FROM event_aggregates WHERE aggregate_id = ?3;

-- name: event_sequence :write
-- What another kind of database has left waiting; outbox_clear follows.
INSERT INTO event_log (type, type_version, aggregate_id, version, created_at, payload)
SELECT type, type_version, aggregate_id, version, created_at, payload FROM outbox ORDER BY id LIMIT ?1;
