-- name: bus_effect_add :write
INSERT INTO bus_effects (group_name, event_id, aggregate_id, number, text) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: bus_effects_page :page
SELECT id, event_id, aggregate_id, number, text FROM bus_effects
WHERE group_name = ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- name: bus_effects_count :scan
SELECT count(*) FROM bus_effects WHERE group_name = ?1;

-- name: bus_effects_seize_marks :write
-- As if another process had taken the lanes.
UPDATE bus_marks SET owner = 'another' WHERE group_name = ?1;

-- name: bus_effects_seize_leases :write
UPDATE bus_leases SET owner = 'another', lease_until = ?2 WHERE group_name = ?1;

-- name: bus_effects_owners :scan
SELECT count(DISTINCT owner) FROM bus_leases WHERE group_name = ?1 AND owner <> '';

-- name: bus_effects_lanes :scan
SELECT count(*) FROM bus_leases WHERE group_name = ?1 AND owner <> '';
