/*
 * err: what can go wrong, as eighteen meanings. A function that can fail returns enum err; the
 * detail (a stable slug, a sentence, a message per field) is recorded once, where the error is
 * born, in the slot of the running task. TRY() passes the code up. Lower layers do not log: the
 * edge does, once.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/str.h"

/* name, slug, HTTP status, gRPC status, whether the caller may retry, log level at the edge */
#define ERR_TABLE(X)                                                                               \
    X(INVALID, "invalid", 400, 3, false, "info")                                                   \
    X(UNAUTHENTICATED, "unauthenticated", 401, 16, false, "info")                                  \
    X(PAYMENT_REQUIRED, "payment-required", 402, 9, false, "info")                                 \
    X(FORBIDDEN, "forbidden", 403, 7, false, "info")                                               \
    X(NOT_FOUND, "not-found", 404, 5, false, "info")                                               \
    X(METHOD, "method-not-allowed", 405, 12, false, "info")                                        \
    X(CONFLICT, "conflict", 409, 10, false, "info")                                                \
    X(GONE, "gone", 410, 5, false, "info")                                                         \
    X(PRECONDITION, "precondition-failed", 412, 9, false, "info")                                  \
    X(TOO_LARGE, "too-large", 413, 11, false, "info")                                              \
    X(RANGE, "range-not-satisfiable", 416, 11, false, "info")                                      \
    X(RATE_LIMITED, "rate-limited", 429, 8, true, "info")                                          \
    X(INTERNAL, "internal", 500, 13, false, "error")                                               \
    X(CORRUPT, "corrupt", 500, 15, false, "error")                                                 \
    X(UNAVAILABLE, "unavailable", 503, 14, true, "warn")                                           \
    X(EXHAUSTED, "exhausted", 503, 8, true, "warn")                                                \
    X(TIMEOUT, "timeout", 504, 4, true, "warn")                                                    \
    X(CANCELLED, "cancelled", 499, 1, false, "debug")

enum err {
    OK = 0,
#define X(name, ...) ERR_##name,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

struct err_info {
    const char *slug;
    unsigned http_status;
    unsigned grpc_status;
    bool retryable;
    const char *log_level;
};
/* The row of a code; OK has slug "ok" and HTTP 200. */
const struct err_info *err_info(enum err code);

enum { ERR_FIELDS_MAX = 16, ERR_TEXT_MAX = 256, ERR_FIELD_MAX = 64 };

struct err_field {
    char path[ERR_FIELD_MAX]; /* "titles[2].year" */
    char message[ERR_FIELD_MAX * 2];
};

/* The detail of the last failure of one task (or of one plain thread). */
struct err_slot {
    enum err code;
    char slug[ERR_FIELD_MAX]; /* stable, for programs: "title-not-found" */
    char text[ERR_TEXT_MAX];  /* one English sentence, for people */
    const char *file;
    int line;
    unsigned fields_count; /* may exceed ERR_FIELDS_MAX: the rest was dropped */
    struct err_field fields[ERR_FIELDS_MAX];
};

/* The slot in force on this thread: that of the running task, or the thread's own. Never NULL. */
struct err_slot *err_slot(void);
/* Installs `slot` (NULL: the thread's own), returns the one replaced. For schedulers and workers.
 */
struct err_slot *err_slot_use(struct err_slot *slot);

/* Tells the compiler what err_set_at() asserts, so that it sees which out parameters are set. */
static inline enum err err_never_ok(enum err code)
{
    if (code == OK)
        __builtin_unreachable();
    return code;
}

/*
 * Records a failure and returns `code`, so that it reads `return err_set(ERR_NOT_FOUND, "no-title",
 * "there is no title %s", id)`. slug NULL: the code's own. Earlier field messages are dropped.
 */
#define err_set(code, slug, ...)                                                                   \
    err_never_ok(err_set_at(__FILE__, __LINE__, (code), (slug), __VA_ARGS__))
enum err err_set_at(const char *file, int line, enum err code, const char *slug, const char *format,
                    ...) PRINTF_LIKE(5, 6);
/* Adds one field's message to the failure in the slot. Both are cut to their limits. */
void err_field_add(str path, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts more context before the sentence ("import of X: ..."); returns the slot's code. */
enum err err_prefix(const char *format, ...) PRINTF_LIKE(1, 2);
/* A failed system call: chooses the code by errno (ENOENT, EACCES, ENOSPC, ...) and adds its text.
 */
#define err_errno(what) err_never_ok(err_errno_at(__FILE__, __LINE__, (what)))
enum err err_errno_at(const char *file, int line, const char *what);
void err_clear(void);
/* What an error number means, for any thread, unlike strerror(); never NULL. */
const char *err_number_text(int number);

/* Passes a failure up. Nothing needs cleaning by hand on the way (arena, defer list, transaction).
 */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum err try_err_ = (expression);                                                          \
        if (__builtin_expect(try_err_ != OK, 0))                                                   \
            return try_err_;                                                                       \
    } while (0)
