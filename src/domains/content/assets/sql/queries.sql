-- name: asset_add :write
INSERT INTO assets (token, fingerprint, checksum, source, created_at)
VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id;

-- name: asset_get :point
SELECT id, token, ready, duration_ms, width, height, fingerprint, checksum, source, version, created_at,
    coalesce((SELECT sum(size_bytes) FROM asset_tracks WHERE asset_id = ?1 AND removed = 0), 0)
FROM assets WHERE id = ?1;

-- name: asset_source_find :point
SELECT id FROM assets WHERE fingerprint = ?1 AND ready = 1 ORDER BY id DESC LIMIT 1;

-- name: asset_ready_put :write
UPDATE assets SET ready = 1, duration_ms = ?2, width = ?3, height = ?4, version = version + 1
WHERE id = ?1;

-- name: asset_touch :write
UPDATE assets SET version = version + 1 WHERE id = ?1;

-- name: asset_remove :write
DELETE FROM assets WHERE id = ?1;

-- name: assets_unfinished_list :page
SELECT id FROM assets WHERE ready = 0 AND created_at < ?1 ORDER BY created_at LIMIT ?2;

-- name: asset_tracks_count :point
SELECT count(*) FROM asset_tracks WHERE asset_id = ?1;

-- name: asset_track_add :write
INSERT INTO asset_tracks (asset_id, name, kind, position, language, label, codec, channels, width, height,
    bandwidth, size_bytes, is_default, forced, sdh)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15);

-- name: asset_track_remove :write
UPDATE asset_tracks SET removed = 1 WHERE asset_id = ?1 AND name = ?2 AND removed = 0;

-- name: asset_tracks_list :page
SELECT name, kind, language, label, codec, channels, width, height, bandwidth, size_bytes, is_default,
    forced, sdh
FROM asset_tracks WHERE asset_id = ?1 AND removed = 0 ORDER BY kind, position LIMIT 200;

-- name: asset_tracks_walk :scan
-- Every track of every asset, for who compares them with the files.
SELECT t.asset_id, t.name, t.kind, t.language, a.ready
FROM asset_tracks t JOIN assets a ON a.id = t.asset_id WHERE t.removed = 0
ORDER BY t.asset_id, t.kind, t.position;

-- name: assets_walk :scan
SELECT id FROM assets ORDER BY id;
