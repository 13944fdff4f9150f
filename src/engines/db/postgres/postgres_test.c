/* The conformance suite on PostgreSQL. What a server and a network can do is in faults_test.c. */
#include "postgres.h"

#include "engines/db/conformance/conformance.h"
#include "engines/db/postgres/fixture/fixture.h"
#include "foundation/test/test.h"

static const struct db_conformance_target target = { &db_postgres, postgres_place_new };

__attribute__((constructor)) static void register_suite(void)
{
    db_conformance_register(&target);
}
