/*
 * pool: threads for what blocks (files, hashing, name look-ups, scans). A pool has a fixed number
 * of threads and a bounded queue; full means ERR_EXHAUSTED at once.
 */
#pragma once

#include "task.h"

struct pool;

/* Starts the threads. `name` is a literal of at most 15 bytes. */
enum err pool_open(const char *name, unsigned threads, unsigned queue_max, struct pool **out_pool);
/* The same with threads that give way to loops and other pools (urgency.h). */
enum err pool_open_background(const char *name, unsigned threads, unsigned queue_max,
                              struct pool **out_pool);
/* Runs what is queued, then ends the threads. No task may be waiting in it from another loop. */
void pool_close(struct pool *pool);

/*
 * Runs fn(arg) on a thread of the pool while the running task is suspended; the thread borrows the
 * task's arena and error slot. Returns what fn returned. While fn waits in the queue the deadline
 * and cancellation hold; once it runs, the task waits for it to end, so fn must be bounded itself.
 * ERR_EXHAUSTED: the queue is full. Without a running task (start-up, tools) fn runs right here.
 */
TASK_FN enum err await_blocking(struct pool *pool, task_fn fn, void *arg);
/* True on a pool's thread while the task behind the running fn has been cancelled: long fns may
 * ask. */
bool pool_work_cancelled(void);
