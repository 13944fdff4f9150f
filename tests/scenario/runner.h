/* runner: one scenario in a process of its own. */
#pragma once

#include "world.h"

enum { SCENARIO_PASSED = 0, SCENARIO_FAILED = 1, SCENARIO_SKIPPED = 2 };

/*
 * Runs the scenario in this process and ends it with one of the codes above. What failed is on
 * standard output. `binary` is the program under test, `folder` an empty folder of this scenario.
 */
NORETURN void scenario_run(const struct script *script, const char *binary, const char *folder,
                           struct shared *shared);
