/* What jobs promise, on PostgreSQL: the suite that src/engines/flow runs on the embedded database.
 */
#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "engines/flow/conformance/conformance.h"
#include "foundation/test/test.h"

static const struct db_conformance_target target = { &db_postgres, postgres_place_new };

__attribute__((constructor)) static void register_suite(void)
{
    flow_conformance_register(&target);
    flow_conformance_register_several();
}
