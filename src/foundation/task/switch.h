/*
 * switch: the sanitizers' view of a stack switch. ASan must know which stack is in force, TSan
 * which fiber; without them these are nothing.
 */
#pragma once

#include "internal.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KB_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define KB_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KB_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define KB_TSAN 1
#endif

#if defined(KB_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* A fresh mapping may lie where the stack of a thread lay: what ASan knew of it does not end with
 * the thread when the C library unmaps it. */
#define switch_stack_mapped(base, len) ASAN_UNPOISON_MEMORY_REGION(base, len)

static inline void *switch_to_task_begin(struct task *task)
{
    void *fake_stack = NULL;
    __sanitizer_start_switch_fiber(&fake_stack, task->stack->top - task->stack->size_bytes,
                                   task->stack->size_bytes);
    return fake_stack;
}

static inline void switch_to_task_end(void *fake_stack)
{
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
}

static inline void switch_entered(struct task *task)
{
    __sanitizer_finish_switch_fiber(task->sanitizer_stack, &task->caller_stack,
                                    &task->caller_stack_bytes);
}

static inline void switch_leave(struct task *task, bool for_good)
{
    __sanitizer_start_switch_fiber(for_good ? NULL : &task->sanitizer_stack, task->caller_stack,
                                   task->caller_stack_bytes);
}

#define switch_task_create(task)  ((task)->sanitizer_stack = NULL)
#define switch_task_destroy(task) ((void)(task))

#elif defined(KB_TSAN)
#include <sanitizer/tsan_interface.h>

static inline void *switch_to_task_begin(struct task *task)
{
    void *own = __tsan_get_current_fiber();
    task->caller_stack = own;
    __tsan_switch_to_fiber(task->sanitizer_stack, 0);
    return own;
}

static inline void switch_to_task_end(void *own)
{
    (void)own;
}

static inline void switch_entered(struct task *task)
{
    (void)task;
}

static inline void switch_leave(struct task *task, bool for_good)
{
    (void)for_good;
    __tsan_switch_to_fiber((void *)task->caller_stack, 0);
}

#define switch_task_create(task)  ((task)->sanitizer_stack = __tsan_create_fiber(0))
#define switch_task_destroy(task) __tsan_destroy_fiber((task)->sanitizer_stack)

#else
#define switch_to_task_begin(task)     NULL
#define switch_to_task_end(fake_stack) ((void)(fake_stack))
#define switch_entered(task)           ((void)(task))
#define switch_leave(task, for_good)   ((void)(task), (void)(for_good))
#define switch_task_create(task)       ((void)(task))
#define switch_task_destroy(task)      ((void)(task))
#endif

#if !defined(KB_ASAN)
#define switch_stack_mapped(base, len) ((void)(base), (void)(len))
#endif
