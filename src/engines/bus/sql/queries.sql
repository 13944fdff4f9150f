-- name: bus_group_add :write
INSERT INTO bus_groups (name, paused, paused_why, created_at) VALUES (?1, 0, '', ?2)
ON CONFLICT (name) DO NOTHING;

-- name: bus_group_find :point
SELECT name, paused, paused_why FROM bus_groups WHERE name = ?1;

-- name: bus_groups_list :page
SELECT name, paused, paused_why FROM bus_groups WHERE name > ?1 ORDER BY name LIMIT ?2;

-- name: bus_group_set_paused :write
UPDATE bus_groups SET paused = ?2, paused_why = ?3 WHERE name = ?1;

-- name: bus_group_remove :write
DELETE FROM bus_groups WHERE name = ?1;

-- name: bus_mark_claim :write
INSERT INTO bus_marks (group_name, feed, lane, reached, position, owner) VALUES (?1, ?2, ?3, -1, 0, ?4)
ON CONFLICT (group_name, feed, lane) DO UPDATE SET owner = excluded.owner
RETURNING reached, position;

-- name: bus_mark_put :write
UPDATE bus_marks SET reached = ?5, position = ?6
WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND owner = ?4;

-- name: bus_mark_get :point
SELECT reached, position, owner FROM bus_marks WHERE group_name = ?1 AND feed = ?2 AND lane = ?3;

-- name: bus_marks_floor :point
-- The least of a group's marks in a feed; NULL: it has none.
SELECT min(reached), max(reached), max(position) FROM bus_marks WHERE group_name = ?1 AND feed = ?2;

-- name: bus_marks_list :page
SELECT lane, reached FROM bus_marks WHERE group_name = ?1 AND feed = ?2 ORDER BY lane LIMIT ?3;

-- name: bus_marks_remove :write
DELETE FROM bus_marks WHERE group_name = ?1 AND feed = ?2;

-- name: bus_mark_add :write
INSERT INTO bus_marks (group_name, feed, lane, reached, position, owner) VALUES (?1, ?2, ?3, ?4, ?5, '');

-- name: bus_member_put :write
INSERT INTO bus_members (group_name, owner, lease_until) VALUES (?1, ?2, ?3)
ON CONFLICT (group_name, owner) DO UPDATE SET lease_until = excluded.lease_until;

-- name: bus_members_drop :write
DELETE FROM bus_members WHERE group_name = ?1 AND lease_until < ?2;

-- name: bus_member_remove :write
DELETE FROM bus_members WHERE group_name = ?1 AND owner = ?2;

-- name: bus_members_list :page
SELECT owner FROM bus_members WHERE group_name = ?1 ORDER BY owner LIMIT ?2;

-- name: bus_leases_list :page
SELECT lane, owner, lease_until FROM bus_leases WHERE group_name = ?1 AND feed = ?2 ORDER BY lane LIMIT ?3;

-- name: bus_leases_count :point
SELECT count(*) FROM bus_leases WHERE group_name = ?1 AND feed = ?2;

-- name: bus_lease_add :write
INSERT INTO bus_leases (group_name, feed, lane, owner, lease_until) VALUES (?1, ?2, ?3, '', 0)
ON CONFLICT (group_name, feed, lane) DO NOTHING;

-- name: bus_lease_set :write
UPDATE bus_leases SET owner = ?4, lease_until = ?5 WHERE group_name = ?1 AND feed = ?2 AND lane = ?3;

-- name: bus_leases_leave :write
UPDATE bus_leases SET owner = '', lease_until = 0 WHERE group_name = ?1 AND owner = ?2;

-- name: bus_leases_remove :write
DELETE FROM bus_leases WHERE group_name = ?1 AND feed = ?2;

-- name: bus_waiting_add :write
INSERT INTO bus_waiting (group_name, feed, lane, due_at, attempts, slug, text, event_id, source, type,
                         type_version, aggregate_id, version, position, at, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16);

-- name: bus_waiting_due :page
SELECT id, attempts, event_id, source, type, type_version, aggregate_id, version, position, at, data
FROM bus_waiting WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND due_at <= ?4
ORDER BY due_at LIMIT ?5;

-- name: bus_waiting_due_next :point
SELECT min(due_at) FROM bus_waiting
WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND due_at IS NOT NULL;

-- name: bus_waiting_before :point
-- Whether something of the aggregate waits.
SELECT id FROM bus_waiting WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND aggregate_id = ?4 LIMIT 1;

-- name: bus_waiting_aggregates :page
-- Of each the first has a date.
SELECT aggregate_id FROM bus_waiting
WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND due_at IS NOT NULL LIMIT ?4;

-- name: bus_waiting_remove :write
DELETE FROM bus_waiting WHERE id = ?1;

-- name: bus_waiting_again :write
UPDATE bus_waiting SET due_at = ?2, attempts = ?3, slug = ?4, text = ?5 WHERE id = ?1 AND attempts = ?6;

-- name: bus_waiting_next :write
-- The first of the aggregate is tried next.
UPDATE bus_waiting SET due_at = ?5 WHERE id = (
    SELECT id FROM bus_waiting WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND aggregate_id = ?4
    ORDER BY position, id LIMIT 1);

-- name: bus_waiting_behind :write
-- All of the aggregate waits for another.
UPDATE bus_waiting SET due_at = NULL
WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND aggregate_id = ?4 AND due_at IS NOT NULL;

-- name: bus_waiting_lanes :page
SELECT id, aggregate_id FROM bus_waiting WHERE group_name = ?1 AND feed = ?2 AND lane = ?3 AND id > ?4
ORDER BY id LIMIT ?5;

-- name: bus_waiting_lane_set :write
UPDATE bus_waiting SET lane = ?2 WHERE id = ?1;

-- name: bus_waiting_count :point
SELECT count(*) FROM (SELECT id FROM bus_waiting WHERE group_name = ?1 LIMIT 10000) AS counted;

-- name: bus_dead_add :write
INSERT INTO bus_dead (group_name, feed, lane, died_at, attempts, slug, text, event_id, source, type,
                      type_version, aggregate_id, version, position, at, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16);

-- name: bus_dead_find :point
SELECT id, group_name, feed, lane, died_at, attempts, slug, text, event_id, source, type, type_version,
       aggregate_id, version, position, at, data
FROM bus_dead WHERE id = ?1;

-- name: bus_dead_page :page
SELECT id, group_name, feed, lane, died_at, attempts, slug, text, event_id, source, type, type_version,
       aggregate_id, version, position, at, data
FROM bus_dead WHERE id < ?1 ORDER BY id DESC LIMIT ?2;

-- name: bus_dead_page_of_group :page
SELECT id, group_name, feed, lane, died_at, attempts, slug, text, event_id, source, type, type_version,
       aggregate_id, version, position, at, data
FROM bus_dead WHERE id < ?1 AND group_name = ?3 ORDER BY id DESC LIMIT ?2;

-- name: bus_dead_set_data :write
UPDATE bus_dead SET data = ?2 WHERE id = ?1;

-- name: bus_dead_remove :write
DELETE FROM bus_dead WHERE id = ?1;

-- name: bus_dead_count :point
SELECT count(*) FROM (SELECT id FROM bus_dead WHERE group_name = ?1 LIMIT 10000) AS counted;

-- name: bus_cursor_add :write
INSERT INTO bus_cursors (name, position, owner, lease_until, updated_at) VALUES (?1, 0, '', 0, ?2)
ON CONFLICT (name) DO NOTHING;

-- name: bus_cursor_put :write
UPDATE bus_cursors SET position = ?2, updated_at = ?3 WHERE name = ?1 AND position < ?2;

-- name: bus_cursors_floor :point
-- The least of the groups that read the log; NULL: none does.
SELECT min(position) FROM bus_cursors WHERE name > '';

-- name: bus_relay_get :point
SELECT position FROM bus_cursors WHERE name = '';

-- name: bus_cursor_remove :write
DELETE FROM bus_cursors WHERE name = ?1;

-- name: bus_relay_claim :write
-- Of who relays the log one has it, until it says nothing for a while.
UPDATE bus_cursors SET owner = ?2, lease_until = ?3
WHERE name = ?1 AND (owner = ?2 OR owner = '' OR lease_until < ?4)
RETURNING position;

-- name: bus_relay_put :write
UPDATE bus_cursors SET position = ?3, lease_until = ?4, updated_at = ?5 WHERE name = ?1 AND owner = ?2;

-- name: bus_relay_leave :write
UPDATE bus_cursors SET owner = '', lease_until = 0 WHERE name = ?1 AND owner = ?2;
