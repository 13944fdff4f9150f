/* What the bus promises, on the embedded log of the embedded database. */
#include "engines/bus/conformance/conformance.h"

#include "engines/db/sqlite/sqlite.h"
#include "foundation/test/test.h"

static const struct bus_conformance_target target = { .driver = &bus_embedded,
                                                      .database = &db_sqlite,
                                                      .place_new = test_folder };

__attribute__((constructor)) static void register_suite(void)
{
    bus_conformance_register(&target);
}
