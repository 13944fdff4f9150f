-- Shown now: published, inside its window, and so is its series. Held here and nowhere else: a title is shown
-- from shown_from (included) to shown_until (not included); one that is no published title, never. Queries
-- compare both with the moment they ask for.
CREATE VIEW title_windows AS
SELECT t.id, t.kind, t.series_id, t.season, t.episode, t.year, t.age_min, t.status, t.playable,
    CASE WHEN s.available_from > coalesce(t.available_from, 0) THEN s.available_from
        ELSE coalesce(t.available_from, 0) END AS shown_from,
    CASE WHEN t.status <> 'published' OR coalesce(s.status, 'published') <> 'published' THEN 0
        WHEN s.available_to < coalesce(t.available_to, 9223372036854775807) THEN s.available_to
        ELSE coalesce(t.available_to, 9223372036854775807) END AS shown_until
FROM titles t LEFT JOIN titles s ON s.id = t.series_id;
