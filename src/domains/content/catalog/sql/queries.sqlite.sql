-- name: titles_ascending :scan
-- A page of what is shown now. ?4: JSON array of tokens, all of which a title must have.
SELECT o.key, o.title_id FROM title_orders o JOIN titles t ON t.id = o.title_id
WHERE o.ordering = ?1 AND (o.key, o.title_id) > (?2, ?3)
    AND t.status = 'published'
    AND (t.available_from IS NULL OR t.available_from <= ?5)
    AND (t.available_to IS NULL OR t.available_to > ?5)
    AND (t.series_id IS NULL OR EXISTS (SELECT 1 FROM titles s WHERE s.id = t.series_id
        AND s.status = 'published' AND (s.available_from IS NULL OR s.available_from <= ?5)
        AND (s.available_to IS NULL OR s.available_to > ?5)))
    AND (?6 IS NULL OR t.year >= ?6) AND (?7 IS NULL OR t.year <= ?7)
    AND (?8 IS NULL OR coalesce(t.age_min, 0) <= ?8)
    AND (?9 = '' OR t.id IN (SELECT title_id FROM title_names WHERE folded >= ?9 AND folded < ?10))
    AND NOT EXISTS (SELECT 1 FROM json_each(?4) f WHERE NOT EXISTS
        (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = f.value))
ORDER BY o.key, o.title_id LIMIT ?11;

-- name: titles_descending :scan
SELECT o.key, o.title_id FROM title_orders o JOIN titles t ON t.id = o.title_id
WHERE o.ordering = ?1 AND (o.key, o.title_id) < (?2, ?3)
    AND t.status = 'published'
    AND (t.available_from IS NULL OR t.available_from <= ?5)
    AND (t.available_to IS NULL OR t.available_to > ?5)
    AND (t.series_id IS NULL OR EXISTS (SELECT 1 FROM titles s WHERE s.id = t.series_id
        AND s.status = 'published' AND (s.available_from IS NULL OR s.available_from <= ?5)
        AND (s.available_to IS NULL OR s.available_to > ?5)))
    AND (?6 IS NULL OR t.year >= ?6) AND (?7 IS NULL OR t.year <= ?7)
    AND (?8 IS NULL OR coalesce(t.age_min, 0) <= ?8)
    AND (?9 = '' OR t.id IN (SELECT title_id FROM title_names WHERE folded >= ?9 AND folded < ?10))
    AND NOT EXISTS (SELECT 1 FROM json_each(?4) f WHERE NOT EXISTS
        (SELECT 1 FROM title_tokens x WHERE x.title_id = t.id AND x.token = f.value))
ORDER BY o.key DESC, o.title_id DESC LIMIT ?11;
