-- name: import_add :write
INSERT INTO imports (paths, draft, media, source, state, created_at) VALUES (?1, ?2, ?3, ?4, 'queued', ?5)
RETURNING id;
-- name: import_job_put :write
UPDATE imports SET scan_job = ?2 WHERE id = ?1;
-- name: import_get :point
SELECT id, paths, draft, media, source, state, message, scan_job, folders_total, folders_done,
    folders_unchanged, created_at, finished_at FROM imports WHERE id = ?1;
-- name: import_of_job :point
SELECT id FROM imports WHERE scan_job = ?1 LIMIT 1;
-- name: import_reopen :write
UPDATE imports SET state = ?2, message = CASE WHEN ?2 = 'queued' THEN '' ELSE message END, finished_at = NULL,
    folders_total = CASE WHEN ?2 = 'queued' THEN 0 ELSE folders_total END,
    folders_done = CASE WHEN ?2 = 'queued' THEN 0 ELSE folders_done END,
    folders_unchanged = CASE WHEN ?2 = 'queued' THEN 0 ELSE folders_unchanged END
WHERE id = ?1 AND state IN ('cancelled', 'done', 'failed');
-- name: import_failures_remove :write
DELETE FROM import_files WHERE import_id = ?1 AND state = 'failed' AND job_id IS NULL;
-- name: imports_list :page
SELECT id FROM imports WHERE id < ?1 ORDER BY id DESC LIMIT ?2;
-- name: import_state_put :write
UPDATE imports SET state = ?2, message = ?3 WHERE id = ?1 AND state NOT IN ('cancelled', 'done', 'failed');
-- name: import_finish :write
UPDATE imports SET state = ?2, message = ?3, finished_at = ?4
WHERE id = ?1 AND state NOT IN ('cancelled', 'done', 'failed');
-- name: import_folders_put :write
UPDATE imports SET folders_total = ?2, folders_done = ?3, folders_unchanged = ?4 WHERE id = ?1;

-- name: import_file_put :write
INSERT INTO import_files (import_id, path, state, reason, title_id, job_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (import_id, path) DO UPDATE SET state = excluded.state, reason = excluded.reason,
    title_id = excluded.title_id, job_id = excluded.job_id
RETURNING id;
-- name: import_file_job_put :write
UPDATE import_files SET job_id = ?2 WHERE id = ?1;
-- name: import_file_of_job :point
SELECT id, import_id, state FROM import_files WHERE job_id = ?1 LIMIT 1;
-- name: import_file_get :point
SELECT id, import_id, path, state, reason, title_id, job_id FROM import_files WHERE id = ?1;
-- name: import_file_state_put :write
UPDATE import_files SET state = ?2, reason = ?3 WHERE id = ?1;
-- name: import_files_list :page
SELECT id, path, state, reason, title_id, job_id FROM import_files WHERE import_id = ?1 AND id > ?2
ORDER BY id LIMIT ?3;
-- name: import_files_in_state :page
SELECT id, path, state, reason, title_id, job_id FROM import_files
WHERE import_id = ?1 AND state = ?2 AND id > ?3 ORDER BY id LIMIT ?4;
-- name: import_files_running :page
SELECT id, path, state, reason, title_id, job_id FROM import_files WHERE import_id = ?1
    AND state IN ('probing', 'copying', 'transcoding', 'indexing') AND id > ?2 ORDER BY id LIMIT ?3;
-- name: import_files_count :page
SELECT state, count(*) FROM import_files WHERE import_id = ?1 GROUP BY state;
-- name: import_files_pending :point
SELECT count(*) FROM import_files WHERE import_id = ?1
    AND state IN ('queued', 'probing', 'copying', 'transcoding', 'indexing');
-- name: import_jobs_list :page
SELECT job_id FROM import_files WHERE import_id = ?1 AND job_id IS NOT NULL
    AND state IN ('queued', 'probing', 'copying', 'transcoding', 'indexing') LIMIT 100000;

-- name: folder_find :point
SELECT signature FROM scanned_folders WHERE path = ?1;
-- name: folder_put :write
INSERT INTO scanned_folders (path, signature) VALUES (?1, ?2)
ON CONFLICT (path) DO UPDATE SET signature = excluded.signature;
-- name: folder_remove :write
DELETE FROM scanned_folders WHERE path = ?1;

-- name: source_find :point
SELECT size_bytes, modified_ns, title_id, asset_id FROM sources WHERE path = ?1;
-- name: source_put :write
INSERT INTO sources (path, size_bytes, modified_ns, title_id, asset_id) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (path) DO UPDATE SET size_bytes = excluded.size_bytes, modified_ns = excluded.modified_ns,
    title_id = excluded.title_id, asset_id = excluded.asset_id;

-- name: review_put :write
INSERT INTO reviews (path, shown, import_id, guess_title, guess_year, reason, candidates, created_at, folder)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (path) DO UPDATE SET import_id = excluded.import_id, guess_title = excluded.guess_title,
    guess_year = excluded.guess_year, reason = excluded.reason, candidates = excluded.candidates,
    folder = excluded.folder;
-- name: reviews_list :page
SELECT id, shown, guess_title, guess_year, reason, candidates, created_at FROM reviews
WHERE id > ?1 ORDER BY id LIMIT ?2;
-- name: review_get :point
SELECT id, path, shown, import_id, folder FROM reviews WHERE id = ?1;
-- name: review_remove :write
DELETE FROM reviews WHERE id = ?1;
-- name: review_remove_path :write
DELETE FROM reviews WHERE path = ?1;
-- name: decision_find :point
SELECT decision, title_id, title, year FROM decisions WHERE path = ?1;
-- name: decision_put :write
INSERT INTO decisions (path, decision, title_id, title, year) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (path) DO UPDATE SET decision = excluded.decision, title_id = excluded.title_id,
    title = excluded.title, year = excluded.year;

-- name: import_files_cancel :write
UPDATE import_files SET state = 'skipped', reason = 'cancelled' WHERE import_id = ?1
    AND state IN ('queued', 'probing', 'copying', 'transcoding', 'indexing');
