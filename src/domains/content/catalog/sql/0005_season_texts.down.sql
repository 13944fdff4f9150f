-- refuse: seasons have synopses
SELECT count(*) FROM season_texts WHERE field <> 'title';
-- down
ALTER TABLE season_texts RENAME TO season_fields;
CREATE TABLE season_texts (
    series_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    season INTEGER NOT NULL,
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (series_id, season, language)
) STRICT, WITHOUT ROWID;
INSERT INTO season_texts (series_id, season, language, value)
SELECT series_id, season, language, value FROM season_fields;
DROP TABLE season_fields;
