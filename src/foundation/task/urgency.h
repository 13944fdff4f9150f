/*
 * urgency: which threads give way to which. The loops, and the pool their requests wait for, give
 * way to nobody. What nobody waits for by the millisecond runs beside them at a nice value: on a
 * busy core a loop that wakes up takes the processor from it at once, instead of waiting for the
 * end of its turn.
 */
#pragma once

enum {
    NICE_WRITER = 5,     /* of a database: somebody waits, but for a disk, too */
    NICE_BACKGROUND = 10 /* imports, copies, moves */
};

/* Of the calling thread (Linux has one a thread). It is never made more urgent again. */
void thread_nice(int nice);
/*
 * The calling thread works in short turns and, in return, takes the processor when it wakes up,
 * though the other has not had all of its turn: a loop. Linux 6.12 and newer (sched_setattr(2),
 * sched_runtime); older ones give it to who is less nice anyway, or do not know of it.
 */
void thread_prompt(void);
