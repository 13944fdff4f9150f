-- Seasons have a synopsis beside their name. Who owns these texts stands in title_fields of the series, as
-- "season.1.title.ru".
ALTER TABLE season_texts RENAME TO season_names;
CREATE TABLE season_texts (
    series_id INTEGER NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    season INTEGER NOT NULL,
    field TEXT NOT NULL CHECK (field IN ('title', 'synopsis')),
    language TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (series_id, season, field, language)
) STRICT, WITHOUT ROWID;
INSERT INTO season_texts (series_id, season, field, language, value)
SELECT series_id, season, 'title', language, value FROM season_names;
DROP TABLE season_names;
