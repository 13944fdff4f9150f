/*
 * place: the URL of a database: what libpq takes, what is ours, how messages name it, and the
 * settings of its sessions.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

enum { URL_BYTES = 2048, OPTIONS_MAX = 64, VERSION_MIN = 130000 };

bool postgres_is_place(str place)
{
    return str_starts(place, STR("postgres://")) || str_starts(place, STR("postgresql://"));
}

/* --- Settings of a session -----------------------------------------------------------------------
 *
 * Point and page queries promise an index, so plans do not depend on the day's statistics: a
 * sequential scan is out and a plan is made once. Scans switch it on again for themselves. A shared
 * read may not hold up its neighbours for long.
 */

struct setting {
    const char *name, *value;
    bool reads_only;
};

static const struct setting settings[] = {
    { "client_min_messages", "warning", false },
    { "jit", "off", false },
    { "enable_seqscan", "off", false },
    { "plan_cache_mode", "force_generic_plan", false },
    { "cursor_tuple_fraction", "1", false },
    { "idle_in_transaction_session_timeout", "60s", false },
    { "default_transaction_read_only", "on", true },
    { "lock_timeout", "2s", true },
    { "statement_timeout", "3s", true },
};

static bool applies(const struct setting *setting, enum use use)
{
    return use != USE_PLAIN && (use == USE_READS || !setting->reads_only);
}

static void session_options(const struct pg_db *db, enum use use, struct buf *out)
{
    buf_printf(out, "-c search_path=\"%s\"", db->base.context);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (applies(&settings[i], use))
            buf_printf(out, " -c %s=%s", settings[i].name, settings[i].value);
    }
    if (use == USE_READS) /* a batch, which is one transaction, is of one moment */
        buf_printf(out, " -c default_transaction_isolation=repeatable\\ read");
}

/* For PgBouncer: the same, until the end of the transaction. */
static void session_select(const struct pg_db *db, enum use use, struct buf *out)
{
    buf_printf(out, "SELECT set_config('search_path', '\"%s\"', true)", db->base.context);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (applies(&settings[i], use))
            buf_printf(out, ", set_config('%s', '%s', true)", settings[i].name, settings[i].value);
    }
}

static void sessions_write(struct pg_db *db)
{
    for (enum use use = 0; use < USES; use++) {
        struct buf out;
        buf_init_fixed(&out, db->session[use], SESSION_TEXT - 1);
        if (db->bouncer)
            session_select(db, use, &out);
        else
            session_options(db, use, &out);
        ASSERT(!out.overflowed);
        db->session[use][out.len] = 0;
    }
}

/* --- The URL ------------------------------------------------------------------------------------
 */

static enum err number_take(str value, unsigned max, unsigned *out)
{
    int64_t number;
    if (!str_parse_i64(value, &number) || number < 1 || number > max)
        return err_set(ERR_INVALID, "database-url", "%.*s is no number between 1 and %u",
                       STR_ARG(value), max);
    *out = (unsigned)number;
    return OK;
}

/* "db.example:5432", "db.example", or the folder of a socket. */
static enum err direct_take(struct pg_db *db, str value)
{
    ptrdiff_t colon = str_find_last_char(value, ':');
    str port = colon < 0 ? STR_NONE : str_skip(value, (size_t)colon + 1);
    str host = colon < 0 ? value : str_sub(value, 0, (size_t)colon);
    int64_t number;
    if (host.len == 0 || host.len >= sizeof(db->direct_host) ||
        (port.ptr && (!str_parse_i64(port, &number) || number < 1 || number > 65535)))
        return err_set(ERR_INVALID, "database-url", "direct is HOST or HOST:PORT");
    snprintf(db->direct_host, sizeof(db->direct_host), "%.*s", STR_ARG(host));
    snprintf(db->direct_port, sizeof(db->direct_port), "%.*s", STR_ARG(port));
    return OK;
}

/* True when the parameter was one of ours. */
static bool parameter_take(struct pg_db *db, str parameter, enum err *out_err)
{
    str value = parameter, name;
    if (!str_cut(&value, '=', &name))
        return false;
    if (str_eq(name, STR("pool"))) {
        *out_err = number_take(value, POOL_MAX, &db->pool_max);
    } else if (str_eq(name, STR("readers"))) {
        *out_err = number_take(value, READERS_MAX, &db->readers_max);
    } else if (str_eq(name, STR("direct"))) {
        *out_err = direct_take(db, value);
    } else if (str_eq(name, STR("pgbouncer"))) {
        db->bouncer = str_eq(value, STR("1"));
        if (!db->bouncer && !str_eq(value, STR("0")))
            *out_err = err_set(ERR_INVALID, "database-url", "pgbouncer is 0 or 1");
    } else {
        return false;
    }
    return true;
}

/* The URL without our parameters. */
static enum err url_strip(struct pg_db *db, const char *url, struct buf *out)
{
    str rest = str_of(url), parameter;
    ptrdiff_t question = str_find_char(rest, '?');
    char separator = '?';
    buf_put(out, str_sub(rest, 0, question < 0 ? rest.len : (size_t)question));
    rest = question < 0 ? STR_NONE : str_skip(rest, (size_t)question + 1);
    while (str_cut(&rest, '&', &parameter)) {
        enum err err = OK;
        bool ours = parameter_take(db, parameter, &err);
        TRY(err);
        if (!ours) {
            buf_put_char(out, separator);
            buf_put(out, parameter);
            separator = '&';
        }
    }
    buf_put_char(out, 0);
    return out->overflowed ? err_set(ERR_INVALID, "database-url", "the URL is too long") : OK;
}

static const char *option_of(const struct pg_db *db, const char *keyword)
{
    for (const PQconninfoOption *option = db->options; option->keyword; option++) {
        if (strcmp(option->keyword, keyword) == 0)
            return option->val && *option->val ? option->val : NULL;
    }
    return NULL;
}

/* Host, port and database; never a password. */
static void shown_write(struct pg_db *db)
{
    const char *host = option_of(db, "host"), *port = option_of(db, "port");
    const char *database = option_of(db, "dbname");
    struct buf out;
    buf_init_fixed(&out, db->shown, sizeof(db->shown) - 1);
    buf_printf(&out, "%.60s/%.60s", host ? host : "localhost", database ? database : "");
    if (port)
        buf_printf(&out, " (port %.8s)", port);
    db->shown[out.len] = 0;
}

enum err pg_place_parse(struct pg_db *db, const char *url)
{
    char stripped[URL_BYTES], *message = NULL;
    struct buf out;
    db->pool_max = 8;
    db->readers_max = 2;
    if (!postgres_is_place(str_of(url)))
        return err_set(ERR_INVALID, "database-url", "the URL of a database begins postgres://");
    buf_init_fixed(&out, stripped, sizeof(stripped));
    TRY(url_strip(db, url, &out));
    db->options = PQconninfoParse(stripped, &message);
    PQfreemem(message); /* it repeats parts of the URL: a password may be among them */
    if (!db->options)
        return err_set(ERR_INVALID, "database-url", "the URL of the database cannot be read");
    shown_write(db);
    sessions_write(db);
    return OK;
}

struct pg_db *pg_place_closed(const struct db *base, const char *place)
{
    struct pg_db *db = HEAP_NEW(struct pg_db);
    db->base = *base;
    if (pg_place_parse(db, place) == OK)
        return db;
    pg_place_closed_free(db);
    return NULL;
}

void pg_place_closed_free(struct pg_db *db)
{
    if (!db)
        return;
    PQconninfoFree(db->options);
    heap_free(db);
}

/* --- Connecting ---------------------------------------------------------------------------------
 */

struct parameters {
    const char *names[OPTIONS_MAX], *values[OPTIONS_MAX];
    unsigned count;
};

static void parameter_add(struct parameters *parameters, const char *name, const char *value)
{
    ASSERT(parameters->count < OPTIONS_MAX - 1);
    parameters->names[parameters->count] = name;
    parameters->values[parameters->count++] = value;
}

static enum err connection_check(const struct pg_db *db, PGconn *handle)
{
    const char *encoding = PQparameterStatus(handle, "server_encoding");
    if (PQstatus(handle) != CONNECTION_OK)
        return pg_error_connect(db, handle);
    if (PQserverVersion(handle) < VERSION_MIN)
        return err_set(ERR_PRECONDITION, "database-old", "%s is PostgreSQL %d: 13 is the oldest",
                       db->shown, PQserverVersion(handle) / 10000);
    if (encoding && strcmp(encoding, "UTF8") != 0)
        return err_set(ERR_PRECONDITION, "database-encoding", "%s holds text in %s, not in UTF-8",
                       db->shown, encoding);
    return OK;
}

/* libpq would write them to standard error. */
static void notice_drop(void *arg, const char *message)
{
    (void)arg, (void)message;
}

/* Sessions of readers are read-only by our own setting: of them the server is asked for. */
static const char *value_for(const PQconninfoOption *option, enum use use)
{
    bool writable = strcmp(option->keyword, "target_session_attrs") == 0 &&
                    strcmp(option->val, "read-write") == 0;
    return writable && use == USE_READS ? "primary" : option->val;
}

enum err pg_place_connect(const struct pg_db *db, enum use use, PGconn **out_handle)
{
    struct parameters parameters = { .count = 0 };
    char options[SESSION_TEXT + 256];
    const char *own = option_of(db, "options");
    snprintf(options, sizeof(options), "%.200s %s", own ? own : "", db->session[use]);
    for (const PQconninfoOption *option = db->options; option->keyword; option++) {
        if (option->val && strcmp(option->keyword, "options") != 0)
            parameter_add(&parameters, option->keyword, value_for(option, use));
    }
    if (!db->bouncer)
        parameter_add(&parameters, "options", options);
    else if (own)
        parameter_add(&parameters, "options", own);
    parameter_add(&parameters, "client_encoding", "UTF8");
    if (!option_of(db, "connect_timeout"))
        parameter_add(&parameters, "connect_timeout", "5");
    if (!option_of(db, "application_name"))
        parameter_add(&parameters, "application_name", "kinobezdna");
    PGconn *handle = PQconnectdbParams(parameters.names, parameters.values, 0);
    enum err err = connection_check(db, handle);
    PQsetNoticeProcessor(handle, notice_drop, NULL);
    if (err == OK && use != USE_PLAIN &&
        (PQsetnonblocking(handle, 1) != 0 || !PQenterPipelineMode(handle)))
        err = pg_error_lost(db, "connect");
    if (err != OK) {
        PQfinish(handle);
        return err;
    }
    *out_handle = handle;
    return OK;
}
