/* error: SQLSTATEs (PostgreSQL manual, appendix A) as our meanings. */
#include "internal.h"

#include <string.h>

static const char *state_of(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state ? state : "";
}

bool pg_error_is(const PGresult *result, const char *sqlstate)
{
    return strcmp(state_of(result), sqlstate) == 0;
}

bool pg_error_is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return !severity || strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

bool pg_error_is_contention(const PGresult *result)
{
    return pg_error_is(result, "40001") || pg_error_is(result, "40P01");
}

static const struct {
    const char *state; /* of five characters, or a class of two */
    enum err code;
    const char *slug;
} meanings[] = {
    { "23505", ERR_CONFLICT, "unique" },
    { "23503", ERR_CONFLICT, "foreign-key" },
    { "23514", ERR_CONFLICT, "check" },
    { "23502", ERR_CONFLICT, "not-null" },
    { "23", ERR_CONFLICT, "constraint" },
    { "22P02", ERR_CONFLICT, "datatype" },
    { "22P03", ERR_CONFLICT, "datatype" },
    { "22003", ERR_CONFLICT, "datatype" },
    { "42804", ERR_CONFLICT, "datatype" },
    { "22021", ERR_INVALID, "value" },
    { "40", ERR_UNAVAILABLE, "database-contention" },
    { "57014", ERR_EXHAUSTED, "query-budget" },
    { "55P03", ERR_UNAVAILABLE, "database-busy" },
    { "25006", ERR_UNAVAILABLE, "database-unwritable" },
    { "42501", ERR_UNAVAILABLE, "database-unwritable" },
    { "53100", ERR_EXHAUSTED, "disk-full" },
    { "53200", ERR_EXHAUSTED, "memory" },
    { "53300", ERR_UNAVAILABLE, "database-connections" },
    { "53", ERR_UNAVAILABLE, "database-connections" },
    { "54", ERR_TOO_LARGE, "value-too-large" },
    { "57", ERR_UNAVAILABLE, "database-lost" },
    { "08", ERR_UNAVAILABLE, "database-lost" },
    { "58", ERR_UNAVAILABLE, "database-io" },
    { "XX001", ERR_CORRUPT, "database-corrupt" },
    { "XX002", ERR_CORRUPT, "database-corrupt" },
};

enum err pg_error_set(const struct pg_db *db, const PGresult *result, const char *what)
{
    const char *state = state_of(result);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return err_set(meanings[i].code, meanings[i].slug, "%s: %s", what,
                           message ? message : state);
    }
    return err_set(ERR_INTERNAL, "database", "%s: %s: %s (%s)", what, db->shown,
                   message ? message : PQresultErrorMessage(result), state);
}

enum err pg_error_lost(const struct pg_db *db, const char *what)
{
    return err_set(ERR_UNAVAILABLE, "database-lost", "%s: the connection to %s was lost", what,
                   db->shown);
}

/* libpq's message is several lines and names what it tried; its last line says why. */
enum err pg_error_connect(const struct pg_db *db, PGconn *handle)
{
    str message = str_trim(str_of(PQerrorMessage(handle)));
    ptrdiff_t colon = str_find(message, STR("failed: "));
    str reason = colon < 0 ? message : str_skip(message, (size_t)colon + 8);
    ptrdiff_t line = str_find_char(reason, '\n');
    if (line >= 0)
        reason = str_sub(reason, 0, (size_t)line);
    bool full = str_find(reason, STR("too many clients")) >= 0 ||
                str_find(reason, STR("remaining connection slots")) >= 0;
    return err_set(ERR_UNAVAILABLE, full ? "database-connections" : "database-unreachable",
                   "%s: %.*s", db->shown, STR_ARG(str_head_utf8(reason, 150)));
}
