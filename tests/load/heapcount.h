/* heapcount: the shared counter that heapcount.c writes and the load client reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct heapcount {
    _Atomic uint64_t calls;
};
