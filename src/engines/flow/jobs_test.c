/* What jobs promise, on the embedded database. */
#include "engines/flow/conformance/conformance.h"

#include "engines/db/sqlite/sqlite.h"
#include "foundation/test/test.h"

static const struct db_conformance_target target = { &db_sqlite, test_folder };

__attribute__((constructor)) static void register_suite(void)
{
    flow_conformance_register(&target);
}
