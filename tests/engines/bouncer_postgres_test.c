/* The conformance suite on PostgreSQL behind PgBouncer in transaction mode. */
#include "engines/db/conformance/conformance.h"
#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "foundation/test/test.h"

static const struct db_conformance_target target = { &db_postgres, postgres_place_bounced };

__attribute__((constructor)) static void register_suite(void)
{
    db_conformance_register(&target);
}
