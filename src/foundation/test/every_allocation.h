/*
 * every_allocation: memory that ends at every point. A function is run again and again, and the
 * first, the second, … allocation from an arena is refused, until a run needs no more than was
 * given. Whoever swallows a refusal, leaks by leaving in the middle or goes on with half a result
 * shows. heap_*() is not part of it: without memory of its own the process ends by design.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

/* What is done again and again: of its inputs alone, everything new in the arena. */
typedef enum err (*allocating_fn)(struct arena *arena, void *arg);

/*
 * Runs fn with an arena of 256 MiB until no allocation was refused. A run in which one was must
 * return ERR_EXHAUSTED or leave by the arena's way out (`other`: or return that), the last one OK;
 * else the test fails. Returns how many allocations fn makes.
 */
unsigned test_every_allocation(allocating_fn fn, void *arg);
unsigned test_every_allocation_or(allocating_fn fn, void *arg, enum err other);

/*
 * By hand, for what does not fit: the n-th allocation from now on, of any thread, is refused (1:
 * the next). true when that has happened. 0: none is.
 */
void allocation_refuse(unsigned nth);
bool allocation_was_refused(void);
