/*
 * arena_faults: refusals on purpose, for tests. Only builds with KB_TESTS or KB_FUZZ have
 * it; in the program that is shipped an allocation does not ask.
 */
#pragma once

#include <stdbool.h>

/* The n-th allocation from now on is refused, in any arena of any thread; 0: none. */
void arena_refuse(unsigned nth);
/* Whether that has happened since. */
bool arena_has_refused(void);
