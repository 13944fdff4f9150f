/* meters: how long each named query takes, and its span. Shared by the port's own files. */
#pragma once

#include "driver.h"

/* tx->db->driver->call(), observed and traced when asked for. */
TASK_FN enum err db_call_metered(struct db_tx *tx, struct db_call *call);
/* driver->write() and read() under a span, which the queries within are children of. */
TASK_FN enum err db_write_traced(struct db *db, struct arena *arena, db_tx_fn fn, void *arg);
TASK_FN enum err db_read_traced(struct db *db, bool scans, db_tx_fn fn, void *arg);
/* The database is closed: its numbers are no more. */
void db_meters_close(const struct db *db);
