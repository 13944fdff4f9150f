-- down
DROP VIEW title_windows;
