/*
 * conformance: what jobs promise, as tests, on whatever db driver the target names. The program of
 * a driver's tests registers this suite beside that of the port.
 */
#pragma once

#include "engines/db/conformance/conformance.h"

/* Registers every test of the suite; `target` stays in use. Called by a constructor. */
void flow_conformance_register(const struct db_conformance_target *target);
/* The tests that need several processes on one database, for drivers that allow it. After the
 * other.
 */
void flow_conformance_register_several(void);
