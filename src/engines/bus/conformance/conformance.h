/*
 * conformance: what the bus promises, as tests, on whatever log and database the target names. The
 * program of a driver's tests describes itself and registers the suite; nothing here knows which
 * driver runs.
 */
#pragma once

#include "engines/bus/driver.h"

struct bus_conformance_target {
    const struct bus_driver *driver;
    /*
     * Settings of a log nobody has used (topics of its own), for all the starts of one test; may
     * SKIP(). NULL: the driver needs none.
     */
    const void *(*settings_new)(void);
    const struct db_driver *database;
    const char *(*place_new)(void);
    bool processes; /* several may have the database open */
};

/* Registers every test of the suite; `target` stays in use. Called by a constructor. */
void bus_conformance_register(const struct bus_conformance_target *target);
