-- Imports asked for, the files they found, what every folder looked like when it was last taken in, and what
-- waits for a person's decision.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    paths TEXT NOT NULL,                  -- JSON array
    draft INTEGER NOT NULL,
    media INTEGER NOT NULL,
    source TEXT NOT NULL DEFAULT 'nfo',
    state TEXT NOT NULL CHECK (state IN ('queued', 'scanning', 'running', 'done', 'failed', 'cancelled')),
    message TEXT NOT NULL DEFAULT '',
    scan_job INTEGER NOT NULL DEFAULT 0,
    folders_total INTEGER NOT NULL DEFAULT 0,
    folders_done INTEGER NOT NULL DEFAULT 0,
    folders_unchanged INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

CREATE TABLE import_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    path TEXT NOT NULL,                   -- as shown: UTF-8
    state TEXT NOT NULL CHECK (state IN ('queued', 'probing', 'copying', 'transcoding', 'indexing', 'done',
        'failed', 'skipped', 'review')),
    reason TEXT NOT NULL DEFAULT '',
    title_id INTEGER,
    job_id INTEGER,
    UNIQUE (import_id, path)
) STRICT;
CREATE INDEX import_files_state ON import_files (import_id, state);
CREATE INDEX import_files_job ON import_files (job_id);

-- A folder as it was when it was taken in: the same again costs one look.
CREATE TABLE scanned_folders (
    path BLOB PRIMARY KEY,                -- bytes of the file system
    signature INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which title a video file became, so that a renamed NFO or a changed guess does not make a second one.
CREATE TABLE sources (
    path BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    title_id INTEGER NOT NULL,
    asset_id INTEGER                      -- NULL until the film is stored
) STRICT, WITHOUT ROWID;

CREATE TABLE reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    shown TEXT NOT NULL,
    import_id INTEGER NOT NULL,
    guess_title TEXT NOT NULL,
    guess_year INTEGER NOT NULL,
    reason TEXT NOT NULL,
    candidates TEXT NOT NULL,             -- JSON
    created_at INTEGER NOT NULL
) STRICT;
-- What a person decided; an import asks here before it guesses.
CREATE TABLE decisions (
    path BLOB PRIMARY KEY,
    decision TEXT NOT NULL CHECK (decision IN ('use', 'new', 'skip')),
    title_id INTEGER,
    title TEXT NOT NULL DEFAULT '',
    year INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
