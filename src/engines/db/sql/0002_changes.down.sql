-- down
DROP TABLE changes;
