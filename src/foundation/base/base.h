/*
 * base: the few macros and assertions everything uses. Assertions state bugs, not bad input; they
 * stay on in release builds and end the process with file, line and a backtrace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(array)                (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN_OF(a, b)                    ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)                    ((a) > (b) ? (a) : (b))

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define NORETURN                __attribute__((noreturn))
#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            panic_at(__FILE__, __LINE__, "assertion failed: %s", #condition);                      \
    } while (0)

#define PANIC(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

/* Prints the message to standard error and ends the process by SIGABRT. Safe on any thread. */
NORETURN void panic_at(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);
