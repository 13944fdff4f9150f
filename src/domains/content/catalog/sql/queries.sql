-- name: title_get :point
SELECT id, kind, series_id, season, episode, original_title, original_language, year, runtime_min,
    genres, countries, languages, age_min, age_rating, status, available_from, available_to,
    playable, added_at, updated_at, version
FROM titles WHERE id = ?1;

-- name: title_add :write
INSERT INTO titles (kind, series_id, season, episode, status, added_at, updated_at)
VALUES (?1, ?2, ?3, ?4, 'draft', ?5, ?5) RETURNING id;

-- name: title_touch :write
-- Every change of a title ends here: its version is what ETags show.
UPDATE titles SET version = version + 1, updated_at = ?2 WHERE id = ?1 RETURNING version;

-- name: title_status_put :write
UPDATE titles SET status = ?2 WHERE id = ?1;

-- name: title_playable_put :write
-- A film or episode is playable with its first feature, a series with its first playable episode.
UPDATE titles SET playable = CASE
    WHEN EXISTS (SELECT 1 FROM editions e WHERE e.title_id = ?1 AND e.kind = 'feature') THEN 1
    WHEN EXISTS (SELECT 1 FROM titles c WHERE c.series_id = ?1 AND c.playable = 1 AND c.status = 'published')
        THEN 1
    ELSE 0 END
WHERE id = ?1;

-- name: title_scalars_put :write
UPDATE titles SET original_title = ?2, original_language = ?3, year = ?4, runtime_min = ?5,
    genres = ?6, countries = ?7, languages = ?8, age_min = ?9, age_rating = ?10,
    available_from = ?11, available_to = ?12
WHERE id = ?1;

-- name: title_texts_list :page
SELECT field, language, value FROM title_texts WHERE title_id = ?1 ORDER BY field, language;

-- name: title_text_put :write
INSERT INTO title_texts (title_id, field, language, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (title_id, field, language) DO UPDATE SET value = excluded.value;

-- name: title_text_remove :write
DELETE FROM title_texts WHERE title_id = ?1 AND field = ?2 AND language = ?3;

-- name: title_fields_list :page
SELECT field, source, licence, locked, updated_at FROM title_fields WHERE title_id = ?1 ORDER BY field;

-- name: title_field_put :write
INSERT INTO title_fields (title_id, field, source, licence, locked, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (title_id, field) DO UPDATE SET source = excluded.source, licence = excluded.licence,
    locked = excluded.locked, updated_at = excluded.updated_at;

-- name: title_field_unlock :write
UPDATE title_fields SET locked = 0 WHERE title_id = ?1 AND field = ?2;

-- name: title_tokens_clear :write
DELETE FROM title_tokens WHERE title_id = ?1;
-- name: title_token_put :write
INSERT INTO title_tokens (title_id, token) VALUES (?1, ?2) ON CONFLICT DO NOTHING;
-- name: title_names_clear :write
DELETE FROM title_names WHERE title_id = ?1;
-- name: title_name_put :write
INSERT INTO title_names (folded, title_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING;
-- name: title_orders_clear :write
DELETE FROM title_orders WHERE title_id = ?1;
-- name: title_order_put :write
INSERT INTO title_orders (ordering, key, title_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: titles_ascending :scan
-- A page of titles. ?4: the moment at which they are shown; NULL for an editor, who sees any. ?5: the status,
-- '' for any. ?12 to ?17: tokens a title must have, '' for none.
SELECT o.key, o.title_id FROM title_orders o JOIN title_windows t ON t.id = o.title_id
WHERE o.ordering = ?1 AND (o.key, o.title_id) > (?2, ?3)
    AND (CAST(?4 AS INTEGER) IS NULL OR (t.shown_from <= ?4 AND t.shown_until > ?4)) AND (?5 = '' OR t.status = ?5)
    AND (CAST(?6 AS INTEGER) IS NULL OR t.year >= ?6) AND (CAST(?7 AS INTEGER) IS NULL OR t.year <= ?7)
    AND (CAST(?8 AS INTEGER) IS NULL OR t.age_min <= ?8)
    AND (?9 = '' OR t.id IN (SELECT title_id FROM title_names WHERE folded >= ?9 AND folded < ?10))
    AND (?12 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?12))
    AND (?13 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?13))
    AND (?14 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?14))
    AND (?15 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?15))
    AND (?16 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?16))
    AND (?17 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?17))
ORDER BY o.key, o.title_id LIMIT ?11;

-- name: titles_descending :scan
SELECT o.key, o.title_id FROM title_orders o JOIN title_windows t ON t.id = o.title_id
WHERE o.ordering = ?1 AND (o.key, o.title_id) < (?2, ?3)
    AND (CAST(?4 AS INTEGER) IS NULL OR (t.shown_from <= ?4 AND t.shown_until > ?4)) AND (?5 = '' OR t.status = ?5)
    AND (CAST(?6 AS INTEGER) IS NULL OR t.year >= ?6) AND (CAST(?7 AS INTEGER) IS NULL OR t.year <= ?7)
    AND (CAST(?8 AS INTEGER) IS NULL OR t.age_min <= ?8)
    AND (?9 = '' OR t.id IN (SELECT title_id FROM title_names WHERE folded >= ?9 AND folded < ?10))
    AND (?12 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?12))
    AND (?13 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?13))
    AND (?14 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?14))
    AND (?15 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?15))
    AND (?16 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?16))
    AND (?17 = '' OR EXISTS (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = ?17))
ORDER BY o.key DESC, o.title_id DESC LIMIT ?11;

-- name: title_episodes_list :page
-- Those shown at ?2, or all (NULL); specials, which are season 0, come last.
SELECT t.id FROM title_windows t WHERE t.series_id = ?1
    AND (CAST(?2 AS INTEGER) IS NULL OR (t.shown_from <= ?2 AND t.shown_until > ?2))
ORDER BY t.season = 0, t.season, t.episode LIMIT 2000;

-- name: title_episode_find :point
SELECT id FROM titles WHERE series_id = ?1 AND season = ?2 AND episode = ?3;

-- name: title_shown_find :point
SELECT t.id FROM title_windows t WHERE t.id = ?1 AND t.shown_from <= ?2 AND t.shown_until > ?2;

-- name: windows_around :point
-- The moments at which a window opened or closed last, at ?1 or before, and will next, after ?1.
SELECT (SELECT max(at) FROM (
           SELECT max(available_from) AS at FROM titles WHERE available_from <= ?1
           UNION ALL SELECT max(available_to) FROM titles WHERE available_to <= ?1) AS past),
       (SELECT min(at) FROM (
           SELECT min(available_from) AS at FROM titles WHERE available_from > ?1
           UNION ALL SELECT min(available_to) FROM titles WHERE available_to > ?1) AS future);

-- name: facets_list :scan
-- How many shown titles have each token of a range ("genre:" to "genre;").
SELECT x.token, count(*) FROM title_tokens x JOIN title_windows t ON t.id = x.title_id
WHERE x.token >= ?1 AND x.token < ?2 AND t.kind <> 'episode' AND t.shown_from <= ?3 AND t.shown_until > ?3
GROUP BY x.token ORDER BY x.token LIMIT 1000;

-- name: titles_named :page
-- Candidates for a match by folded name.
SELECT DISTINCT t.id, t.year, t.kind FROM title_names n JOIN titles t ON t.id = n.title_id
WHERE n.folded = ?1 LIMIT 200;

-- name: external_id_find :point
SELECT title_id FROM title_external_ids WHERE provider = ?1 AND kind = ?2 AND value = ?3;
-- name: external_ids_list :page
-- One a provider.
SELECT provider, min(value) FROM title_external_ids WHERE title_id = ?1
GROUP BY provider ORDER BY provider LIMIT 50;
-- name: external_id_put :write
INSERT INTO title_external_ids (provider, kind, value, title_id)
SELECT ?1, t.kind, ?2, t.id FROM titles t WHERE t.id = ?3
ON CONFLICT (provider, kind, value) DO NOTHING;

-- name: season_texts_list :page
SELECT season, language, value, field FROM season_texts WHERE series_id = ?1 ORDER BY season, field, language
LIMIT 2000;
-- name: season_text_put :write
INSERT INTO season_texts (series_id, season, field, language, value) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (series_id, season, field, language) DO UPDATE SET value = excluded.value;
-- name: season_text_remove :write
DELETE FROM season_texts WHERE series_id = ?1 AND season = ?2 AND field = ?3 AND language = ?4;

-- name: person_find :point
SELECT id FROM people WHERE name_key = ?1;
-- name: person_add :write
INSERT INTO people (name_key) VALUES (?1) RETURNING id;
-- name: person_get :point
SELECT id, born, died, version FROM people WHERE id = ?1;
-- name: person_texts_list :page
SELECT field, language, value FROM person_texts WHERE person_id = ?1 ORDER BY field, language;
-- name: person_text_put :write
INSERT INTO person_texts (person_id, field, language, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (person_id, field, language) DO UPDATE SET value = excluded.value;
-- name: person_text_remove :write
DELETE FROM person_texts WHERE person_id = ?1 AND field = ?2 AND language = ?3;
-- name: person_years_put :write
UPDATE people SET born = ?2, died = ?3 WHERE id = ?1;
-- name: person_touch :write
UPDATE people SET version = version + 1 WHERE id = ?1 RETURNING version;
-- name: person_fields_list :page
SELECT field, source, licence, locked, updated_at FROM person_fields WHERE person_id = ?1 ORDER BY field;
-- name: person_field_put :write
INSERT INTO person_fields (person_id, field, source, licence, locked, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (person_id, field) DO UPDATE SET source = excluded.source, licence = excluded.licence,
    locked = excluded.locked, updated_at = excluded.updated_at;
-- name: person_field_unlock :write
UPDATE person_fields SET locked = 0 WHERE person_id = ?1 AND field = ?2;
-- name: person_names_clear :write
DELETE FROM person_names WHERE person_id = ?1;
-- name: person_name_put :write
INSERT INTO person_names (folded, person_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING;
-- name: person_orders_clear :write
DELETE FROM person_orders WHERE person_id = ?1;
-- name: person_order_put :write
INSERT INTO person_orders (ordering, key, person_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;
-- name: people_stale_list :page
SELECT person_id FROM people_stale WHERE person_id > 0 ORDER BY person_id LIMIT ?1;
-- name: person_stale_remove :write
DELETE FROM people_stale WHERE person_id = ?1;
-- name: people_ascending :scan
-- ?6: the moment at which something of theirs is shown; NULL for an editor, who sees all.
SELECT o.key, o.person_id FROM person_orders o
WHERE o.ordering = ?1 AND (o.key, o.person_id) > (?2, ?3)
    AND (?4 = '' OR o.person_id IN (SELECT person_id FROM person_names WHERE folded >= ?4 AND folded < ?5))
    AND (CAST(?6 AS INTEGER) IS NULL OR EXISTS (SELECT 1 FROM credits c JOIN title_windows t ON t.id = c.title_id
        WHERE c.person_id = o.person_id AND t.shown_from <= ?6 AND t.shown_until > ?6))
ORDER BY o.key, o.person_id LIMIT ?7;
-- name: people_descending :scan
SELECT o.key, o.person_id FROM person_orders o
WHERE o.ordering = ?1 AND (o.key, o.person_id) < (?2, ?3)
    AND (?4 = '' OR o.person_id IN (SELECT person_id FROM person_names WHERE folded >= ?4 AND folded < ?5))
    AND (CAST(?6 AS INTEGER) IS NULL OR EXISTS (SELECT 1 FROM credits c JOIN title_windows t ON t.id = c.title_id
        WHERE c.person_id = o.person_id AND t.shown_from <= ?6 AND t.shown_until > ?6))
ORDER BY o.key DESC, o.person_id DESC LIMIT ?7;
-- name: person_titles_list :page
SELECT c.title_id, c.role, c.position FROM credits c JOIN title_windows t ON t.id = c.title_id
WHERE c.person_id = ?1 AND (CAST(?2 AS INTEGER) IS NULL OR (t.shown_from <= ?2 AND t.shown_until > ?2))
ORDER BY coalesce(t.year, 0) DESC, t.id DESC LIMIT 200;

-- name: credits_list :page
SELECT c.position, c.person_id, c.role FROM credits c WHERE c.title_id = ?1 ORDER BY c.position LIMIT 200;
-- name: credits_clear :write
DELETE FROM credits WHERE title_id = ?1;
-- name: credit_put :write
INSERT INTO credits (title_id, position, person_id, role) VALUES (?1, ?2, ?3, ?4);
-- name: credit_texts_list :page
SELECT position, language, value FROM credit_texts WHERE title_id = ?1;
-- name: credit_names_list :page
-- The names of those with a credit; of one with two, twice.
SELECT c.person_id, t.language, t.value FROM credits c
JOIN person_texts t ON t.person_id = c.person_id AND t.field = 'name'
WHERE c.title_id = ?1 ORDER BY c.position, t.language LIMIT 4000;
-- name: credit_text_put :write
INSERT INTO credit_texts (title_id, position, language, value) VALUES (?1, ?2, ?3, ?4);

-- name: artwork_get :point
-- The last column: whether its title is shown at ?2.
SELECT a.blob_key, a.media_type, a.hash, CASE WHEN t.shown_from <= ?2 AND t.shown_until > ?2 THEN 1 ELSE 0 END
FROM artwork a JOIN title_windows t ON t.id = a.title_id WHERE a.id = ?1;
-- name: artwork_list :page
SELECT id, kind, hash, source, locked FROM artwork WHERE title_id = ?1;
-- name: artwork_put :write
INSERT INTO artwork (title_id, kind, blob_key, media_type, hash, source, licence, locked)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (title_id, kind) DO UPDATE SET blob_key = excluded.blob_key,
    media_type = excluded.media_type, hash = excluded.hash, source = excluded.source,
    licence = excluded.licence, locked = excluded.locked
WHERE artwork.locked = 0 OR excluded.locked = 1;

-- name: editions_list :page
SELECT id, kind, name, asset_id, duration_ms, width, height, audio, subtitles, subtitles_unavailable
FROM editions WHERE title_id = ?1 ORDER BY position, id LIMIT 100;
-- name: edition_get :point
SELECT id, kind, name, asset_id, duration_ms, width, height, audio, subtitles, title_id
FROM editions WHERE id = ?1;
-- name: edition_put :write
INSERT INTO editions (title_id, kind, name, asset_id, duration_ms, width, height, audio, subtitles, position,
    subtitles_unavailable)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (asset_id) DO UPDATE SET title_id = excluded.title_id, kind = excluded.kind,
    name = excluded.name, duration_ms = excluded.duration_ms, width = excluded.width,
    height = excluded.height, audio = excluded.audio, subtitles = excluded.subtitles,
    position = excluded.position, subtitles_unavailable = excluded.subtitles_unavailable
RETURNING id;
-- name: edition_remove_asset :write
DELETE FROM editions WHERE asset_id = ?1 RETURNING title_id;

-- name: collections_list :page
SELECT id, slug, kind, position FROM collections WHERE kind = ?1 AND (position, id) > (?2, ?3)
ORDER BY position, id LIMIT ?4;
-- name: collection_get :point
SELECT id, slug, kind, version FROM collections WHERE id = ?1;
-- name: collection_find :point
SELECT id FROM collections WHERE slug = ?1;
-- name: collection_add :write
INSERT INTO collections (slug, kind, position) VALUES (?1, ?2, ?3) RETURNING id;
-- name: collection_update :write
UPDATE collections SET kind = ?2, position = ?3, version = version + 1 WHERE id = ?1;
-- name: collection_remove :write
DELETE FROM collections WHERE id = ?1;
-- name: collection_texts_list :page
SELECT field, language, value FROM collection_texts WHERE collection_id = ?1 ORDER BY field, language;
-- name: collection_text_put :write
INSERT INTO collection_texts (collection_id, field, language, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (collection_id, field, language) DO UPDATE SET value = excluded.value;
-- name: collection_titles_list :page
-- Titles with a film come first, in the editor's order.
SELECT c.title_id FROM collection_titles c JOIN title_windows t ON t.id = c.title_id
WHERE c.collection_id = ?1 AND t.shown_from <= ?2 AND t.shown_until > ?2
ORDER BY t.playable DESC, c.position LIMIT 200;
-- name: collection_titles_count :page
SELECT count(*) FROM (SELECT c.title_id FROM collection_titles c JOIN title_windows t ON t.id = c.title_id
    WHERE c.collection_id = ?1 AND t.shown_from <= ?2 AND t.shown_until > ?2 LIMIT 200) AS shown;
-- name: collection_titles_end :point
SELECT coalesce(max(position), -1) + 1 FROM collection_titles WHERE collection_id = ?1;
-- name: collection_titles_clear :write
DELETE FROM collection_titles WHERE collection_id = ?1;
-- name: collection_title_put :write
INSERT INTO collection_titles (collection_id, position, title_id) VALUES (?1, ?2, ?3)
ON CONFLICT (collection_id, title_id) DO NOTHING;
-- name: collections_of_title_list :page
SELECT collection_id FROM collection_titles WHERE title_id = ?1 ORDER BY collection_id LIMIT 50;

-- name: collection_names_of_title_list :page
SELECT c.collection_id, t.language, t.value FROM collection_titles c
JOIN collection_texts t ON t.collection_id = c.collection_id AND t.field = 'name'
WHERE c.title_id = ?1 ORDER BY c.collection_id, t.language LIMIT 2000;

-- name: catalog_counts :scan
SELECT count(*), count(CASE WHEN status = 'published' THEN 1 END), count(CASE WHEN playable = 1 THEN 1 END)
FROM titles;
-- name: artwork_walk :scan
-- Every picture, for who compares them with the files.
SELECT blob_key, hash FROM artwork ORDER BY blob_key;
