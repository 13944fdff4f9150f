-- A line a committed transaction that changed what processes keep in memory. Others look here for what no
-- hint told them; used where several processes have the database.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topics INTEGER NOT NULL
) STRICT;
