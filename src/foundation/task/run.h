/* run: one task on a loop of its own, until it ends: for tests and commands without a server. */
#pragma once

#include "task.h"

/*
 * Opens a loop on this thread, runs fn as a task with the given arena limit (0: the default), waits
 * for everything it started, closes the loop, and returns what fn returned (its detail in this
 * thread's slot).
 */
enum err task_run(const char *name, size_t arena_bytes_max, task_fn fn, void *arg);
