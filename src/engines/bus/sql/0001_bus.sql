-- Groups of consumers whose handlers write into this database.
CREATE TABLE bus_groups (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL,
    paused_why TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far a group has come in each lane of each feed: its inbox. Written with the effects, by the owner alone.
CREATE TABLE bus_marks (
    group_name TEXT NOT NULL,
    feed TEXT NOT NULL,
    lane INTEGER NOT NULL,
    reached INTEGER NOT NULL,  -- the last offset done with; -1: none yet
    position INTEGER NOT NULL, -- the highest position of an event among them
    owner TEXT NOT NULL,
    PRIMARY KEY (group_name, feed, lane)
) STRICT, WITHOUT ROWID;

-- Which process has a lane of the embedded log, and until when unless it says so again.
CREATE TABLE bus_leases (
    group_name TEXT NOT NULL,
    feed TEXT NOT NULL,
    lane INTEGER NOT NULL,
    owner TEXT NOT NULL, -- empty: nobody
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (group_name, feed, lane)
) STRICT, WITHOUT ROWID;

-- Processes that share a group, so that each takes its part of the lanes.
CREATE TABLE bus_members (
    group_name TEXT NOT NULL,
    owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (group_name, owner)
) STRICT, WITHOUT ROWID;

-- Events whose handler has failed, and those of the same aggregate behind them (due_at NULL).
CREATE TABLE bus_waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL,
    feed TEXT NOT NULL,
    lane INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    slug TEXT NOT NULL,
    text TEXT NOT NULL,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    type_version INTEGER NOT NULL,
    aggregate_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX bus_waiting_due ON bus_waiting (group_name, feed, lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX bus_waiting_aggregate ON bus_waiting (group_name, feed, lane, aggregate_id, position, id);

-- Events that were given up.
CREATE TABLE bus_dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL,
    feed TEXT NOT NULL,
    lane INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    slug TEXT NOT NULL,
    text TEXT NOT NULL,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    type_version INTEGER NOT NULL,
    aggregate_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX bus_dead_group ON bus_dead (group_name, id);

-- Who reads this database's log, and up to where it is needed no more. Groups may be of other databases. The
-- relay's is kept here too, with its lease.
CREATE TABLE bus_cursors (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
