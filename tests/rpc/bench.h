/* bench: the medians of single calls, one after the other. */
#pragma once

/* Prints "here NANOSECONDS" and "there NANOSECONDS", medians of so many calls. Exit code. */
int bench_run(unsigned calls);
