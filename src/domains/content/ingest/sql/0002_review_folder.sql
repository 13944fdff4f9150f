-- The group of files a review is about, as in scanned_folders: once decided, it is taken in again.
ALTER TABLE reviews ADD COLUMN folder BLOB NOT NULL DEFAULT x'';
