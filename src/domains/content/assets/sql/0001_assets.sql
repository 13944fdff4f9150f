-- What is stored of films. The bytes lie in the blob store under media/{asset id}/{track name}.
CREATE TABLE assets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: URLs with it are cached for ever
    token TEXT NOT NULL,                   -- the half of its URLs that cannot be guessed
    ready INTEGER NOT NULL DEFAULT 0,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    fingerprint TEXT NOT NULL,
    checksum TEXT NOT NULL,
    source TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assets_fingerprint ON assets (fingerprint, id);
CREATE INDEX assets_unfinished ON assets (created_at) WHERE ready = 0;

CREATE TABLE asset_tracks (
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    name TEXT NOT NULL,                    -- in URLs
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),  -- video, audio, subtitle
    position INTEGER NOT NULL,             -- order of preference
    removed INTEGER NOT NULL DEFAULT 0,    -- the row stays, so that its name is never given again
    language TEXT NOT NULL,
    label TEXT NOT NULL,
    codec TEXT NOT NULL,
    channels INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bandwidth INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    is_default INTEGER NOT NULL,
    forced INTEGER NOT NULL,
    sdh INTEGER NOT NULL,
    PRIMARY KEY (asset_id, name)
) STRICT, WITHOUT ROWID;
