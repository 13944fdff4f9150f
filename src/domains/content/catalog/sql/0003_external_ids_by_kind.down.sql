-- refuse: a film and a series have the same id of one provider
SELECT count(*) FROM (SELECT provider, value FROM title_external_ids GROUP BY provider, value HAVING count(*) > 1) x;
-- down
CREATE TABLE external_ids (
    provider TEXT NOT NULL,
    value TEXT NOT NULL,
    title_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, value)
) STRICT, WITHOUT ROWID;
INSERT INTO external_ids (provider, value, title_id) SELECT provider, value, title_id FROM title_external_ids;
DROP TABLE title_external_ids;
CREATE INDEX external_ids_title ON external_ids (title_id);
