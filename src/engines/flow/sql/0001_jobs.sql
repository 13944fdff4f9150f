CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority INTEGER NOT NULL,
    idempotency_key TEXT,
    attempts INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL, -- 0: as the kind says
    run_at INTEGER NOT NULL,
    owner TEXT,
    lease_until INTEGER,
    cancel_requested INTEGER NOT NULL,
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    checkpoint TEXT,
    error_slug TEXT,
    error_text TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (kind, idempotency_key)
) STRICT;

CREATE INDEX jobs_next ON jobs (kind, priority DESC, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_due ON jobs (kind, run_at) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (kind, owner) WHERE state = 'running';
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_kind ON jobs (kind, id);
CREATE INDEX jobs_kind_state ON jobs (kind, state, id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
