-- Files of an import are listed in pages, all of them or those in one state, in the order they were found. A scan's
-- job finds its import when it is queued again.
DROP INDEX import_files_state;
CREATE INDEX import_files_order ON import_files (import_id, id);
CREATE INDEX import_files_state ON import_files (import_id, state, id);
CREATE INDEX imports_scan_job ON imports (scan_job);
