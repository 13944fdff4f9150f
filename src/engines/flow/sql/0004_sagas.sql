-- Work in steps: see sagas.h. `undoing` is the way it goes; job_id is the job of the step under way and of
-- no other saga; `round` grows with every retry by hand.
CREATE TABLE sagas (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    input TEXT NOT NULL,
    idempotency_key TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'compensating', 'held', 'done', 'undone')),
    undoing INTEGER NOT NULL,
    holds INTEGER NOT NULL,
    position INTEGER NOT NULL,
    round INTEGER NOT NULL,
    job_id INTEGER,
    error_slug TEXT,
    error_text TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (kind, idempotency_key)
) STRICT;

CREATE UNIQUE INDEX sagas_job ON sagas (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX sagas_state ON sagas (state, id);
CREATE INDEX sagas_finished ON sagas (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE saga_steps (
    saga_id INTEGER NOT NULL REFERENCES sagas (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'done', 'failed', 'undoing', 'undone')),
    has_undo INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    deadline INTEGER NOT NULL, -- microseconds; 0: none
    deadline_at INTEGER,
    result TEXT,
    PRIMARY KEY (saga_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE saga_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    saga_id INTEGER NOT NULL REFERENCES sagas (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    slug TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX saga_events_saga ON saga_events (saga_id, id);
