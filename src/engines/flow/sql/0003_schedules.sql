-- When jobs are to be added: see schedules.h. next_at is NULL when nothing is to come: it was the last, the
-- schedule is paused, or there is a problem. last_at is a due instant, not when it was noticed.
CREATE TABLE schedules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('at', 'every', 'cron')),
    begins_at INTEGER NOT NULL,
    every INTEGER NOT NULL, -- microseconds
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    missed TEXT NOT NULL CHECK (missed IN ('once', 'skip')),
    declared INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    job_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    priority INTEGER NOT NULL,
    limit_key TEXT,
    attempts_max INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    last_job INTEGER,
    fired INTEGER NOT NULL,
    passed_over INTEGER NOT NULL,
    problem TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX schedules_next ON schedules (next_at) WHERE next_at IS NOT NULL;
