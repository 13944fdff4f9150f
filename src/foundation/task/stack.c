/* stack: mapping, recycling and trimming of task stacks. */
#include "stack.h"

#include "switch.h"

#include "foundation/base/base.h"

#include <sys/mman.h>

#if defined(KB_SANITIZED)
enum { STACK_BYTES = 1 << 20 };
#else
enum { STACK_BYTES = 256 << 10 };
#endif

enum {
    PAGE_BYTES = 4096,
    KEPT_BYTES = 16 << 10,
    FREE_MAX = 256, /* stacks kept; beyond it they are unmapped */
    USES_BETWEEN_TRIMS = 16,
};

static struct stack *stack_map(void)
{
    size_t total = STACK_BYTES + PAGE_BYTES;
    char *base = mmap(NULL, total, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (mprotect(base, PAGE_BYTES, PROT_NONE) != 0) {
        munmap(base, total);
        return NULL;
    }
    switch_stack_mapped(base + PAGE_BYTES, STACK_BYTES);
    struct stack *stack = (struct stack *)(void *)(base + total - sizeof(struct stack));
    *stack = (struct stack){ .top = base + total, .guard = base, .size_bytes = STACK_BYTES };
    return stack;
}

static void stack_unmap(struct stack *stack)
{
    munmap(stack->guard, stack->size_bytes + PAGE_BYTES);
}

struct stack *stack_take(struct stack_pool *pool)
{
    struct stack *stack = pool->free;
    if (stack) {
        pool->free = stack->next;
        pool->free_count--;
        return stack;
    }
    stack = stack_map();
    if (stack)
        pool->mapped_count++;
    return stack;
}

/* Deep pages are given back only when one was touched: mincore() tells, and most stacks stay
 * shallow. */
static void stack_trim(struct stack *stack)
{
    unsigned char resident = 0;
    char *kept = stack->top - KEPT_BYTES;
    char *usable = stack->guard + PAGE_BYTES;
    if (mincore(kept - PAGE_BYTES, PAGE_BYTES, &resident) == 0 && (resident & 1))
        madvise(usable, (size_t)(kept - usable), MADV_DONTNEED);
}

void stack_give(struct stack_pool *pool, struct stack *stack)
{
    if (pool->free_count >= FREE_MAX) {
        stack_unmap(stack);
        pool->mapped_count--;
        return;
    }
    if (++stack->uses % USES_BETWEEN_TRIMS == 0)
        stack_trim(stack);
    stack->next = pool->free;
    pool->free = stack;
    pool->free_count++;
}

void stack_pool_deinit(struct stack_pool *pool)
{
    while (pool->free) {
        struct stack *stack = pool->free;
        pool->free = stack->next;
        stack_unmap(stack);
    }
    *pool = (struct stack_pool){ 0 };
}
