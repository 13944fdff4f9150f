/*
 * resources: memory, connections, statements. An allocation that is refused returns NULL; a
 * statement that is refused fails at its first step and says so again when it is reset, as SQLite's
 * own do.
 */
#include "layer.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* --- Memory ------------------------------------------------------------------------------------
 */

static bool memory_refused(const char *call)
{
    if (!layer_orders)
        return false;
    enum verdict verdict = layer_ask(KIND_ALLOC, call, -1, "");
    if (verdict == DO_AND_DIE || verdict == DO_HALF_AND_DIE)
        layer_die();
    return verdict == REFUSE;
}

void *malloc(size_t size)
{
    return memory_refused("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_refused("calloc") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    return memory_refused("realloc") ? NULL : __libc_realloc(ptr, size);
}

void *memalign(size_t alignment, size_t size)
{
    return memory_refused("memalign") ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out_ptr, size_t alignment, size_t size)
{
    void *ptr = memalign(alignment, size);
    if (!ptr)
        return ENOMEM;
    *out_ptr = ptr;
    return 0;
}

/* --- Connections -------------------------------------------------------------------------------
 */

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    enum verdict verdict = layer_watched() ? layer_ask(KIND_ACCEPT, "accept", -1, "") : DO;
    if (verdict == REFUSE)
        return -1;
    return (int)layer_ended(verdict, syscall(SYS_accept4, fd, address, len, flags));
}

int accept(int fd, struct sockaddr *address, socklen_t *len)
{
    return accept4(fd, address, len, 0);
}

/* --- Statements --------------------------------------------------------------------------------
 */

typedef int (*statement_fn)(void *statement);

static _Thread_local void *refused __attribute__((tls_model("initial-exec")));
static _Thread_local int refused_code __attribute__((tls_model("initial-exec")));

static statement_fn real(_Atomic(statement_fn) *kept, const char *name)
{
    statement_fn found = atomic_load(kept);
    if (!found) {
        found = (statement_fn)dlsym(RTLD_NEXT, name);
        atomic_store(kept, found);
    }
    return found;
}

int sqlite3_step(void *statement);
int sqlite3_reset(void *statement);

int sqlite3_step(void *statement)
{
    static _Atomic(statement_fn) step, running;
    if (!layer_orders || real(&running, "sqlite3_stmt_busy")(statement))
        return real(&step, "sqlite3_step")(statement);
    int saved = errno;
    enum verdict verdict = layer_ask(KIND_QUERY, "statement", -1, "");
    if (verdict == REFUSE) {
        refused = statement;
        refused_code = errno; /* the orders' error is SQLite's here */
        errno = saved;
        return refused_code;
    }
    return (int)layer_ended(verdict, real(&step, "sqlite3_step")(statement));
}

int sqlite3_reset(void *statement)
{
    static _Atomic(statement_fn) reset;
    int code = real(&reset, "sqlite3_reset")(statement);
    if (!statement || refused != statement)
        return code;
    refused = NULL;
    return refused_code;
}

typedef int (*prepare_fn)(void *, const char *, int, void **, const char **);
typedef int (*exec_fn)(void *, const char *, int (*)(void *, int, char **, char **), void *,
                       char **);
int sqlite3_exec(void *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
                 char **message);

/* SQLite's own takes the word of its finalize, which knows nothing of a step that we refused. */
int sqlite3_exec(void *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
                 char **message)
{
    static _Atomic(statement_fn) finalize;
    static _Atomic(prepare_fn) prepare;
    int code = 0, stepped = 100;
    if (row || message)
        return ((exec_fn)dlsym(RTLD_NEXT, "sqlite3_exec"))(db, sql, row, arg, message);
    if (!atomic_load(&prepare))
        atomic_store(&prepare, (prepare_fn)dlsym(RTLD_NEXT, "sqlite3_prepare_v2"));
    while (code == 0 && sql && *sql) {
        void *statement = NULL;
        code = atomic_load(&prepare)(db, sql, -1, &statement, &sql);
        if (code != 0 || !statement)
            continue;
        while ((stepped = sqlite3_step(statement)) == 100) /* SQLITE_ROW */
            continue;
        code = stepped == 101 ? 0 : stepped; /* SQLITE_DONE */
        if (refused == statement)
            refused = NULL;
        real(&finalize, "sqlite3_finalize")(statement);
    }
    return code;
}
