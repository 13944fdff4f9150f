/*
 * statements: what is sent to a PostgreSQL server. One that is refused meets what happens on bad
 * days: the connection is cut before it, or before its answer is heard, or the server answers with
 * an error. BEGIN, COMMIT and ROLLBACK are not answered so: a failed COMMIT ends its transaction,
 * which nobody but the server can do; there the connection is cut.
 */
#include "layer.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE_BYTES = 100 };

/* The orders' error (schedule.mjs). */
enum trouble { LOST = 1, UNHEARD, FULL, SERIAL };

typedef void conn;   /* PGconn */
typedef void result; /* PGresult */

static _Thread_local unsigned within __attribute__((tls_model("initial-exec")));

/* libpq's own function of that name. */
#define REAL(type, name, ...)                                                                      \
    static _Atomic(void *) found;                                                                  \
    if (!atomic_load(&found))                                                                      \
        atomic_store(&found, dlsym(RTLD_NEXT, name));                                              \
    type (*real)(__VA_ARGS__) = (type(*)(__VA_ARGS__))atomic_load(&found)

static void cut(conn *handle, int how)
{
    REAL(int, "PQsocket", const conn *);
    int fd = real(handle);
    if (fd >= 0)
        shutdown(fd, how);
}

static void flush(conn *handle)
{
    REAL(int, "PQflush", conn *);
    real(handle);
}

static bool ends_or_begins(const char *sql)
{
    static const char *const words[] = { "BEGIN", "COMMIT", "ROLLBACK", "START" };
    for (size_t i = 0; sql && i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(sql, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static const char *error_sql(enum trouble trouble)
{
    return trouble == FULL ? "DO $$ BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'torture'; END $$"
                           : "DO $$ BEGIN RAISE SQLSTATE '40001' USING MESSAGE = 'torture'; END $$";
}

/* What becomes of a statement: `wrong` is sent in its place, unless it is NULL. */
struct fate {
    enum verdict verdict;
    bool unheard;
    const char *wrong;
};

static struct fate fate_of(conn *handle, const char *sql)
{
    char line[LINE_BYTES] = "a prepared one"; /* for who has to find it */
    struct fate fate = { .verdict = DO };
    if (within || !layer_watched())
        return fate;
    int saved = errno;
    if (sql)
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(sql, "\n"), sql);
    fate.verdict = layer_ask(KIND_SENT, "statement", -1, line);
    enum trouble trouble = (enum trouble)errno;
    errno = saved;
    if (fate.verdict != REFUSE)
        return fate;
    fate.unheard = trouble == UNHEARD;
    if (trouble == LOST || (trouble != UNHEARD && ends_or_begins(sql)))
        cut(handle, SHUT_RDWR);
    else if (trouble != UNHEARD)
        fate.wrong = error_sql(trouble);
    return fate;
}

/* It has been handed to libpq; the answer is never heard, or the process dies once it is sent. */
static int fulfil(struct fate fate, conn *handle, int queued)
{
    within--;
    if (fate.unheard || fate.verdict == DO_AND_DIE || fate.verdict == DO_HALF_AND_DIE)
        flush(handle);
    if (fate.unheard)
        cut(handle, SHUT_RD);
    return (int)layer_ended(fate.verdict, queued);
}

static int send_wrong(conn *handle, const char *sql)
{
    REAL(int, "PQsendQueryParams", conn *, const char *, int, const unsigned *, const char *const *,
         const int *, const int *, int);
    return real(handle, sql, 0, NULL, NULL, NULL, NULL, 0);
}

#define SEND(sql, name, types, ...)                                                                \
    struct fate fate = fate_of(handle, sql);                                                       \
    within++;                                                                                      \
    if (fate.wrong)                                                                                \
        return fulfil(fate, handle, send_wrong(handle, fate.wrong));                               \
    REAL(int, name, TYPES types);                                                                  \
    return fulfil(fate, handle, real(handle, ##__VA_ARGS__))
#define TYPES(...) __VA_ARGS__

int PQsendQuery(conn *handle, const char *sql);
int PQsendQueryParams(conn *handle, const char *sql, int count, const unsigned *types,
                      const char *const *values, const int *lengths, const int *formats,
                      int format);
int PQsendPrepare(conn *handle, const char *name, const char *sql, int count,
                  const unsigned *types);
int PQsendQueryPrepared(conn *handle, const char *name, int count, const char *const *values,
                        const int *lengths, const int *formats, int format);
result *PQexec(conn *handle, const char *sql);
result *PQexecParams(conn *handle, const char *sql, int count, const unsigned *types,
                     const char *const *values, const int *lengths, const int *formats, int format);

int PQsendQuery(conn *handle, const char *sql)
{
    SEND(sql, "PQsendQuery", (conn *, const char *), sql);
}

int PQsendQueryParams(conn *handle, const char *sql, int count, const unsigned *types,
                      const char *const *values, const int *lengths, const int *formats, int format)
{
    SEND(sql, "PQsendQueryParams",
         (conn *, const char *, int, const unsigned *, const char *const *, const int *,
          const int *, int),
         sql, count, types, values, lengths, formats, format);
}

int PQsendPrepare(conn *handle, const char *name, const char *sql, int count, const unsigned *types)
{
    SEND(sql, "PQsendPrepare", (conn *, const char *, const char *, int, const unsigned *), name,
         sql, count, types);
}

int PQsendQueryPrepared(conn *handle, const char *name, int count, const char *const *values,
                        const int *lengths, const int *formats, int format)
{
    SEND(NULL, "PQsendQueryPrepared",
         (conn *, const char *, int, const char *const *, const int *, const int *, int), name,
         count, values, lengths, formats, format);
}

/* Those that wait for their answer: unheard, it is as if the connection was lost after it. */
static result *heard(struct fate fate, conn *handle, result *answer)
{
    within--;
    if (fate.unheard)
        cut(handle, SHUT_RDWR);
    if (fate.verdict == DO_AND_DIE || fate.verdict == DO_HALF_AND_DIE)
        layer_die();
    return answer;
}

result *PQexec(conn *handle, const char *sql)
{
    struct fate fate = fate_of(handle, sql);
    REAL(result *, "PQexec", conn *, const char *);
    within++;
    return heard(fate, handle, real(handle, fate.wrong ? fate.wrong : sql));
}

result *PQexecParams(conn *handle, const char *sql, int count, const unsigned *types,
                     const char *const *values, const int *lengths, const int *formats, int format)
{
    struct fate fate = fate_of(handle, sql);
    REAL(result *, "PQexecParams", conn *, const char *, int, const unsigned *, const char *const *,
         const int *, const int *, int);
    within++;
    if (fate.wrong)
        return heard(fate, handle, real(handle, fate.wrong, 0, NULL, NULL, NULL, NULL, 0));
    return heard(fate, handle, real(handle, sql, count, types, values, lengths, formats, format));
}
