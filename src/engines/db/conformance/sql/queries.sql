-- name: item_add :write
INSERT INTO items (name, score, parent_id) VALUES (?1, ?2, ?3) RETURNING id;

-- name: item_score_set :write
UPDATE items SET score = ?2 WHERE id = ?1;

-- name: items_remove :write
DELETE FROM items WHERE score >= ?1;

-- name: item_get :point
SELECT id, name, score, parent_id FROM items WHERE id = ?1;

-- name: item_by_name :point
SELECT id, score FROM items WHERE name = ?1;

-- name: items_after :page
SELECT id, name, score FROM items WHERE id > ?1 ORDER BY id LIMIT ?2;

-- name: items_count :scan
SELECT count(*), coalesce(sum(score), 0) FROM items;

-- name: items_by_score :scan
SELECT id, name, score FROM items ORDER BY score DESC, id;

-- name: sample_add :write
INSERT INTO samples (i, r, t, b) VALUES (?1, ?2, ?3, ?4) RETURNING id;

-- name: sample_get :point
SELECT i, r, t, b FROM samples WHERE id = ?1;

-- name: mark_add :write
INSERT INTO marks (writer, n) VALUES (?1, ?2);

-- name: mark_find :point
SELECT id FROM marks WHERE writer = ?1 AND n = ?2;

-- name: mark_last :point
-- The highest number a writer has written, or NULL.
SELECT max(n) FROM marks WHERE writer = ?1;

-- name: marks_count :scan
SELECT count(*) FROM marks;

-- name: count_for_ever :scan
-- Ends only by being stopped.
WITH RECURSIVE numbers (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM numbers)
SELECT count(*) FROM numbers;
