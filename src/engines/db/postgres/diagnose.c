/*
 * diagnose: what an operator wants to know of the server on a bad day, in the order in which it
 * goes wrong: is it there, does it let us in, is it the right one, has it room, is its clock ours,
 * do its standbys follow, could a copy be made. Nothing is changed.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 380 };
#define SKEW_HINT  SECONDS(2)
#define SKEW_WRONG MINUTES(1)

struct diagnosis {
    struct migration m;
    db_finding_fn fn;
    void *arg;
};

static void add(const struct diagnosis *d, enum db_level level, const char *name,
                const char *advice, const char *format, ...) PRINTF_LIKE(5, 6);
static void add(const struct diagnosis *d, enum db_level level, const char *name,
                const char *advice, const char *format, ...)
{
    char what[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    d->fn(d->arg, &(struct db_finding){ level, name, what, advice });
}

/* --- Getting in ------------------------------------------------------------------------------- */

static const struct {
    const char *said, *advice;
} refusals[] = {
    { "password", "put the right one into KB_DB_URL, database.url or ~/.pgpass; the server's is "
                  "set by ALTER ROLE ... PASSWORD" },
    { "pg_hba.conf", "let this machine and role in: a line in the server's pg_hba.conf, then "
                     "reload it" },
    { "role \"", "createuser it on the server, or name the right one in the URL" },
    { "database \"", "createdb it on the server, or name the right one in the URL" },
    { "too many clients", "raise max_connections, or lower pool= and readers= in the URL" },
    { "remaining connection slots", "raise max_connections, or lower pool= and readers= in the "
                                    "URL" },
    { "certificate",
      "look at sslmode and sslrootcert in the URL, and at the server's certificate" },
    { "SSL", "look at sslmode in the URL, and at ssl of the server" },
    { "read-write", "none of the hosts takes writes: promote a standby, or start the primary" },
    { "translate host name", "look at the host in the URL, and at the name service" },
    { "starting up", "wait: it recovers after a crash, or starts" },
};

static enum err get_in(struct diagnosis *d)
{
    const char *advice = "start it (systemctl status postgresql there), or look at host and port "
                         "in the URL (pg_isready) and at the network between";
    enum err err = pg_place_connect(d->m.db, USE_PLAIN, &d->m.handle);
    if (err == OK)
        return OK;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (strstr(err_slot()->text, refusals[i].said)) {
            advice = refusals[i].advice;
            break;
        }
    }
    add(d, DB_WRONG, "database", err == ERR_UNAVAILABLE ? advice : "read docs/ops/postgresql.md",
        "%s", err_slot()->text);
    return err;
}

/* --- Asking ------------------------------------------------------------------------------------
 */

/* One row, or NULL; what cannot be asked is not worth failing for. */
static PGresult *row_of(const struct diagnosis *d, const char *sql)
{
    const char *values[] = { d->m.db->base.context };
    bool named = strstr(sql, "$1") != NULL;
    PGresult *result = PQexecParams(d->m.handle, sql, named, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        return result;
    PQclear(result);
    return NULL;
}

static const char *text_at(const PGresult *row, int column)
{
    return PQgetvalue(row, 0, column);
}

static int64_t number_at(const PGresult *row, int column)
{
    return strtoll(PQgetvalue(row, 0, column), NULL, 10);
}

/* --- What it is ------------------------------------------------------------------------------- */

static void look_server(const struct diagnosis *d)
{
    PGresult *row = row_of(d, "SELECT pg_is_in_recovery(), current_setting('server_version'), "
                              "current_setting('transaction_read_only')");
    if (!row)
        return;
    if (text_at(row, 0)[0] == 't')
        add(d, DB_WRONG, "database",
            "name all hosts and target_session_attrs=read-write in the URL, or promote it "
            "(docs/ops/failover.md)",
            "%s is a standby: nothing can be written there", d->m.db->shown);
    else if (text_at(row, 2)[1] == 'n')
        add(d, DB_WRONG, "database", "ALTER DATABASE ... SET default_transaction_read_only = off",
            "%s is read-only", d->m.db->shown);
    else
        add(d, DB_WELL, "database", "", "%s answers, PostgreSQL %s", d->m.db->shown,
            text_at(row, 1));
    PQclear(row);
}

static void look_schema(const struct diagnosis *d)
{
    struct db_versions versions;
    const struct db *base = &d->m.db->base;
    int64_t history = 0;
    if (pg_migration_check(&d->m, &history) != OK || !history ||
        pg_migration_versions(&d->m, &versions) != OK)
        return; /* the check of the database says it */
    for (unsigned i = 0; i < base->modules_count; i++) {
        const struct db_module *module = base->modules[i];
        unsigned number = 0;
        for (unsigned k = 0; k < versions.count; k++)
            if (strcmp(versions.items[k].module, module->name) == 0)
                number = versions.items[k].number;
        if (number < db_module_version(module))
            add(d, DB_HINT, "schema", "nothing: the next start upgrades it, after a copy",
                "%s is at version %u, this program has version %u", module->name, number,
                db_module_version(module));
    }
}

/* --- How it is -------------------------------------------------------------------------------- */

static void look_connections(const struct diagnosis *d)
{
    PGresult *row =
        row_of(d, "SELECT count(*) FILTER (WHERE backend_type = 'client backend' OR backend_type "
                  "IS NULL), current_setting('max_connections')::int - "
                  "current_setting('superuser_reserved_connections')::int FROM pg_stat_activity");
    if (!row)
        return;
    int64_t used = number_at(row, 0), most = number_at(row, 1);
    PQclear(row);
    if (used * 10 >= most * 9)
        add(d, DB_WRONG, "connections",
            "raise max_connections, or lower pool= and readers= in the URL",
            "%lld of %lld connections are in use", (long long)used, (long long)most);
    else
        add(d, DB_WELL, "connections", "", "%lld of %lld are in use", (long long)used,
            (long long)most);
}

static void look_clock(const struct diagnosis *d)
{
    instant before = clock_now();
    PGresult *row = row_of(d, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    instant after = clock_now();
    if (!row)
        return;
    instant there = number_at(row, 0);
    PQclear(row);
    span skew = there < before ? before - there : there > after ? there - after : 0;
    enum db_level level = skew > SKEW_WRONG ? DB_WRONG : skew > SKEW_HINT ? DB_HINT : DB_WELL;
    add(d, level, "server clock", level == DB_WELL ? "" : "timedatectl set-ntp true on both",
        "%lld ms from ours", (long long)(skew / MILLISECONDS(1)));
}

static void look_durability(const struct diagnosis *d)
{
    PGresult *row = row_of(d, "SELECT string_agg(name, ', ') FROM pg_settings WHERE name IN "
                              "('fsync', 'full_page_writes', 'synchronous_commit') AND setting = "
                              "'off'");
    if (row && !PQgetisnull(row, 0, 0))
        add(d, DB_WRONG, "durability", "switch it on: a power cut loses what was acknowledged",
            "off: %s", text_at(row, 0));
    else if (row)
        add(d, DB_WELL, "durability", "", "commits are on the disk when they are answered");
    PQclear(row);
}

static void look_age(const struct diagnosis *d)
{
    PGresult *row =
        row_of(d, "SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()");
    if (row && number_at(row, 0) > 1500000000)
        add(d, DB_WRONG, "transaction ids", "VACUUM FREEZE the database, and let autovacuum run",
            "%s are unfrozen; at 2147483648 the server stops", text_at(row, 0));
    PQclear(row);
}

/* --- Who follows it --------------------------------------------------------------------------- */

static void look_standby(const struct diagnosis *d, const PGresult *rows, int i)
{
    const char *name = PQgetvalue(rows, i, 0), *state = PQgetvalue(rows, i, 1);
    double lag_s = strtod(PQgetvalue(rows, i, 2), NULL);
    if (PQgetisnull(rows, i, 1)) {
        add(d, DB_HINT, "standby", "GRANT pg_monitor to the role",
            "%s: this role may not see how "
            "far it is",
            name);
        return;
    }
    bool behind = strcmp(state, "streaming") != 0 || lag_s > 60;
    add(d, behind ? DB_WRONG : DB_WELL, "standby",
        behind ? "look at its log, its disk and the network between" : "",
        "%s: %s, %s, %.1f s and %s bytes behind", name, state, PQgetvalue(rows, i, 4), lag_s,
        PQgetvalue(rows, i, 3));
}

static void look_standbys(const struct diagnosis *d)
{
    PGresult *rows = PQexec(
        d->m.handle, "SELECT application_name, state, coalesce(extract(epoch FROM replay_lag), 0), "
                     "CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), "
                     "replay_lsn) END, sync_state FROM pg_stat_replication");
    for (int i = 0; PQresultStatus(rows) == PGRES_TUPLES_OK && i < PQntuples(rows); i++)
        look_standby(d, rows, i);
    PQclear(rows);
    rows =
        PQexec(d->m.handle, "SELECT slot_name FROM pg_replication_slots WHERE NOT active AND NOT "
                            "temporary");
    for (int i = 0; PQresultStatus(rows) == PGRES_TUPLES_OK && i < PQntuples(rows); i++)
        add(d, DB_WRONG, "standby",
            "bring its standby back, or pg_drop_replication_slot() it: the server keeps all logs "
            "for it until the disk is full",
            "nobody reads from the replication slot %s", PQgetvalue(rows, i, 0));
    PQclear(rows);
}

/* --- Copies ----------------------------------------------------------------------------------- */

static void look_tools(const struct diagnosis *d)
{
    static const char *const names[] = { "pg_dump", "pg_restore", "psql" };
    unsigned version = (unsigned)PQserverVersion(d->m.handle) / 10000;
    const char *path;
    struct pg_tools *tools = pg_tools_open(d->m.db, NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (pg_tools_find(tools, names[i], version, &path) == OK)
            add(d, DB_WELL, names[i], "", "%s", path);
        else
            add(d, DB_WRONG, names[i],
                "without it there are no backups, and no copies before "
                "upgrades",
                "%s", err_slot()->text);
    }
    pg_tools_close(tools);
    if (pg_copy_direct(d->m.db) != OK)
        add(d, DB_WRONG, "pg_dump",
            "without it there are no backups, and no copies before "
            "upgrades",
            "%s", err_slot()->text);
}

enum err pg_diagnose(const struct db *base, const char *place, db_finding_fn fn, void *arg)
{
    struct diagnosis d = { .m = { .db = pg_place_closed(base, place) }, .fn = fn, .arg = arg };
    if (!d.m.db) {
        add(&d, DB_WRONG, "database", "write it as postgres://user@host/database", "%s",
            err_slot()->text);
        return ERR_UNAVAILABLE;
    }
    enum err err = get_in(&d);
    if (err == OK) {
        static void (*const looks[])(const struct diagnosis *) = { look_server,      look_schema,
                                                                   look_connections, look_clock,
                                                                   look_durability,  look_age,
                                                                   look_standbys,    look_tools };
        for (size_t i = 0; i < ARRAY_LEN(looks); i++)
            looks[i](&d);
        PQfinish(d.m.handle);
    }
    pg_place_closed_free(d.m.db);
    return err == OK ? OK : ERR_UNAVAILABLE;
}
