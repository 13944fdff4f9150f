/*
 * postgres: the driver of db for PostgreSQL. A schema a context in the database of a URL; any
 * number of processes. Reads of one loop turn share a pipelined connection and one synchronisation;
 * transactions and snapshots hold a connection to themselves and run in the task that asked, which
 * suspends at each statement. Without a task (start-up, pool threads, tools) calls block.
 *
 * The place is a libpq URL (postgres://user@host:port/database?sslmode=…) that may also say
 *   pool=N       connections a loop for transactions, snapshots and scans (default 8)
 *   readers=N    connections a loop that batches of reads share (default 2)
 *   pgbouncer=1  behind PgBouncer in transaction mode: nothing is kept in the session
 *   direct=H:P   then: where the server itself is, for copies (pg_dump, pg_restore)
 */
#pragma once

#include "engines/db/driver.h"

extern const struct db_driver db_postgres;

/* True for what this driver takes as a place. */
bool postgres_is_place(str place);
