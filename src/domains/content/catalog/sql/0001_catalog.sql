-- What there is to see: titles, people, artwork, editions, collections. Descriptive texts stand apart, a row
-- a language; where every value came from, and whether an editor locked it, stands in title_fields.
CREATE TABLE titles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('film', 'series', 'episode')),
    series_id INTEGER REFERENCES titles (id) ON DELETE CASCADE,
    season INTEGER,
    episode INTEGER,
    original_title TEXT NOT NULL DEFAULT '',
    original_language TEXT NOT NULL DEFAULT '',
    year INTEGER,
    runtime_min INTEGER,
    genres TEXT NOT NULL DEFAULT '',      -- slugs, separated by spaces
    countries TEXT NOT NULL DEFAULT '',   -- ISO 3166 alpha-2
    languages TEXT NOT NULL DEFAULT '',   -- BCP 47
    age_min INTEGER,
    age_rating TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    available_from INTEGER,
    available_to INTEGER,
    playable INTEGER NOT NULL DEFAULT 0,
    added_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CHECK ((kind = 'episode') = (series_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX titles_episode ON titles (series_id, season, episode);
CREATE INDEX titles_from ON titles (available_from) WHERE available_from IS NOT NULL;
CREATE INDEX titles_to ON titles (available_to) WHERE available_to IS NOT NULL;

CREATE TABLE title_texts (
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    field TEXT NOT NULL CHECK (field IN ('title', 'synopsis', 'tagline')),
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (title_id, field, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE title_fields (
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    field TEXT NOT NULL,                  -- "year", or "synopsis.ru"
    source TEXT NOT NULL,                 -- "editor", "nfo", "demo", "name", "file"
    licence TEXT NOT NULL DEFAULT '',
    locked INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (title_id, field)
) STRICT, WITHOUT ROWID;

-- What lists filter by: "genre:drama", "country:FR", "person:12", "language:ru", "kind:film".
CREATE TABLE title_tokens (
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    token TEXT NOT NULL,
    PRIMARY KEY (title_id, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_tokens_token ON title_tokens (token, title_id);

-- Case-folded names from each word on, for finding as you type.
CREATE TABLE title_names (
    folded TEXT NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (folded, title_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_names_title ON title_names (title_id);

-- Every order a list can have: "added", "shelf", "year", "title.ru" ... with a key that sorts as text.
CREATE TABLE title_orders (
    ordering TEXT NOT NULL,
    key TEXT NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (ordering, key, title_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_orders_title ON title_orders (title_id);

CREATE TABLE external_ids (
    provider TEXT NOT NULL,
    value TEXT NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_ids_title ON external_ids (title_id);

CREATE TABLE season_texts (
    series_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    season INTEGER NOT NULL,
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (series_id, season, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name_key TEXT NOT NULL UNIQUE,        -- folded original name: how imports find a person again
    born INTEGER,
    died INTEGER,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE person_texts (
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    field TEXT NOT NULL CHECK (field IN ('name', 'biography')),
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    locked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person_id, field, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE person_names (
    folded TEXT NOT NULL,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    PRIMARY KEY (folded, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_names_person ON person_names (person_id);

CREATE TABLE credits (
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES people (id),
    role TEXT NOT NULL,
    PRIMARY KEY (title_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX credits_person ON credits (person_id, title_id);

CREATE TABLE credit_texts (
    title_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    language TEXT NOT NULL,
    value TEXT NOT NULL,                  -- the character
    PRIMARY KEY (title_id, position, language),
    FOREIGN KEY (title_id, position) REFERENCES credits (title_id, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE artwork (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('poster', 'backdrop', 'still', 'logo')),
    blob_key TEXT NOT NULL,
    media_type TEXT NOT NULL,
    hash TEXT NOT NULL,
    source TEXT NOT NULL,
    licence TEXT NOT NULL DEFAULT '',
    locked INTEGER NOT NULL DEFAULT 0,
    UNIQUE (title_id, kind)
) STRICT;

-- What can be watched of a title: its editions, and extras.
CREATE TABLE editions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                   -- "feature", "trailer", "featurette" ...
    name TEXT NOT NULL DEFAULT '',
    asset_id INTEGER NOT NULL UNIQUE,     -- ingest's
    duration_ms INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    audio TEXT NOT NULL DEFAULT '[]',     -- JSON, as answers show it
    subtitles TEXT NOT NULL DEFAULT '[]',
    position INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX editions_title ON editions (title_id, position, id);

CREATE TABLE collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('shelf', 'collection')),
    position INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX collections_order ON collections (kind, position, id);

CREATE TABLE collection_texts (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    field TEXT NOT NULL CHECK (field IN ('name', 'description')),
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (collection_id, field, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE collection_titles (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (collection_id, title_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX collection_titles_title ON collection_titles (title_id);
