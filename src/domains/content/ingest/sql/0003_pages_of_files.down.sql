-- down
DROP INDEX imports_scan_job;
DROP INDEX import_files_state;
DROP INDEX import_files_order;
CREATE INDEX import_files_state ON import_files (import_id, state);
