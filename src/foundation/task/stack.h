/*
 * stack: the mapped stacks tasks run on. 256 KiB reserved (1 MiB under sanitizers) above a guard
 * page, kept for reuse; what a stack touched beyond its top 16 KiB is returned to the system. One
 * thread.
 */
#pragma once

#include <stddef.h>

struct stack {
    struct stack *next;
    char *top; /* exclusive end; the struct itself lies just under it */
    char *guard;
    size_t size_bytes;
    unsigned uses;
};

struct stack_pool {
    struct stack *free;
    unsigned mapped_count, free_count;
};

/* NULL when the system refuses another mapping. */
struct stack *stack_take(struct stack_pool *pool);
void stack_give(struct stack_pool *pool, struct stack *stack);
void stack_pool_deinit(struct stack_pool *pool);
