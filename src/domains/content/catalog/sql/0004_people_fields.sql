-- People as titles have it: where each value is from and whether an editor locked it, and keys to sort by. The
-- keys are names folded by the program: those of the people already there are made when the module opens, from
-- the list in people_stale.
CREATE TABLE person_fields (
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    field TEXT NOT NULL,                  -- "born", or "name.ru"
    source TEXT NOT NULL,
    licence TEXT NOT NULL DEFAULT '',
    locked INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, field)
) STRICT, WITHOUT ROWID;
ALTER TABLE person_texts DROP COLUMN locked;

CREATE TABLE person_orders (
    ordering TEXT NOT NULL,               -- "added", "name.ru" ...
    key TEXT NOT NULL,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    PRIMARY KEY (ordering, key, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_orders_person ON person_orders (person_id);

CREATE TABLE people_stale (
    person_id INTEGER NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE
) STRICT;
INSERT INTO people_stale (person_id) SELECT id FROM people;
