/*
 * conformance: what every driver of blob must do, as tests. A driver's test program describes
 * itself as a target and registers the suite; nothing here knows which driver runs.
 */
#pragma once

#include "engines/blob/driver.h"

struct blob_conformance_target {
    const struct blob_driver *driver;
    /*
     * An empty location for the running test: a folder, a URL of a fresh bucket. A process that was
     * killed there may leave its store open; the location must then open again. May SKIP().
     */
    const char *(*location_new)(void);
};

/* Registers every test of the suite; `target` stays in use. Called by a constructor. */
void blob_conformance_register(const struct blob_conformance_target *target);
