-- How many events each aggregate has had. Who publishes has its row until the commit, so that versions are in
-- the order of commits.
CREATE TABLE event_aggregates (
    aggregate_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Committed events in the order in which everybody sees them.
CREATE TABLE event_log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    type_version INTEGER NOT NULL,
    aggregate_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;

-- Which log this is, as part of its events' identity. Who gives positions holds its lock.
CREATE TABLE event_logs (
    id INTEGER PRIMARY KEY, -- 1
    name TEXT NOT NULL
) STRICT;

-- Events wait here for their position.
ALTER TABLE outbox ADD COLUMN type_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

UPDATE outbox SET version = numbered.version
FROM (SELECT id, row_number() OVER (PARTITION BY aggregate_id ORDER BY id) AS version FROM outbox) AS numbered
WHERE numbered.id = outbox.id;
INSERT INTO event_aggregates SELECT aggregate_id, count(*) FROM outbox GROUP BY aggregate_id;
DROP INDEX outbox_aggregate;
