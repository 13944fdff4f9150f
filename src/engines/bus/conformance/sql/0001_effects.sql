-- What the suite's handlers leave: a row an event that was handled.
CREATE TABLE bus_effects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL,
    event_id TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX bus_effects_group ON bus_effects (group_name, id);
