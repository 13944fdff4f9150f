-- Providers count films and series apart: film 123 and series 123 of one are two titles.
CREATE TABLE title_external_ids (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,                   -- of the title
    value TEXT NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, kind, value)
) STRICT, WITHOUT ROWID;
INSERT INTO title_external_ids (provider, kind, value, title_id)
SELECT x.provider, t.kind, x.value, x.title_id FROM external_ids x JOIN titles t ON t.id = x.title_id;
DROP TABLE external_ids;
CREATE INDEX title_external_ids_title ON title_external_ids (title_id, provider);
