/* What the bus promises, on the embedded log of PostgreSQL: the suite that src/engines/bus runs on
 * SQLite. */
#include "engines/bus/conformance/conformance.h"
#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "foundation/test/test.h"

static const struct bus_conformance_target target = { .driver = &bus_embedded,
                                                      .database = &db_postgres,
                                                      .place_new = postgres_place_new,
                                                      .processes = true };

__attribute__((constructor)) static void register_suite(void)
{
    bus_conformance_register(&target);
}
