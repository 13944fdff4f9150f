/*
 * conformance: what every driver of db must do, as tests. A driver's test program describes itself
 * as a target and registers the suite; nothing here knows which driver runs.
 */
#pragma once

#include "engines/db/driver.h"

struct db_conformance_target {
    const struct db_driver *driver;
    /* An empty place for the running test (a folder, a URL of a fresh database). May SKIP(). */
    const char *(*place_new)(void);
};

/* Registers every test of the suite; `target` stays in use. Called by a constructor. */
void db_conformance_register(const struct db_conformance_target *target);

/*
 * Prepares every named query of the database's modules. ERR_INTERNAL "query-scans" for a point or
 * page query that walks a table, "query-kind" for a read that writes or a write that does not.
 */
enum err db_conformance_queries(struct db *db);
/* The same for one. */
enum err db_conformance_query(struct db *db, const struct db_query *query);
