/* The conformance suite on SQLite. What files can suffer is in files_test.c. */
#include "sqlite.h"

#include "engines/db/conformance/conformance.h"
#include "foundation/test/test.h"

static const struct db_conformance_target target = { &db_sqlite, test_folder };

__attribute__((constructor)) static void register_suite(void)
{
    db_conformance_register(&target);
}
