/* progress: a line on the terminal: how far, how fast, how long still. Nothing elsewhere. */
#pragma once

#include "foundation/base/clock.h"

enum { PROGRESS_SIZE_BYTES = 32 };

struct progress_bar {
    bool shown;
    instant begun;
    uint64_t begun_bytes;
};

/* `wanted`: unless something else is printed for programs. */
void progress_bar_init(struct progress_bar *bar, bool wanted);
void progress_bar_show(struct progress_bar *bar, uint64_t done_bytes, uint64_t total_bytes);
/* Clears the line. */
void progress_bar_end(struct progress_bar *bar);
/* "1.5 GiB". */
void progress_size(uint64_t size_bytes, char out[PROGRESS_SIZE_BYTES]);
