/*
 * snapshot: the schema as it was before migrations changed it, as a dump in the snapshots' folder.
 * Where its modules stood, and of which database it is, stands in a file beside it. The way back
 * puts it in the schema's place in one transaction; what was there stays under another name.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".dump"
enum { ABOUT_BYTES = 8192 };

/* --- What stands beside ---------------------------------------------------------------------- */

/* A database is known by the moment its first migration ran: it keeps that wherever it goes. */
static enum err born_read(const struct migration *m, int64_t *out_born)
{
    char sql[120];
    snprintf(sql, sizeof(sql), "SELECT coalesce(min(applied_at), 0) FROM \"%s\".schema_migrations",
             m->db->base.context);
    return pg_migration_number(m, sql, NULL, 0, out_born);
}

static enum err about_write(const char *path, int64_t born, const struct db_versions *versions)
{
    char name[DB_PLACE_MAX + 16];
    snprintf(name, sizeof(name), "%s" DB_SNAPSHOT_ABOUT, path);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(name);
    bool written = dprintf(fd, "born %lld\n", (long long)born) > 0;
    for (unsigned i = 0; i < versions->count; i++)
        written = dprintf(fd, "module %s %u\n", versions->items[i].module,
                          versions->items[i].number) > 0 &&
                  written;
    written = dprintf(fd, "end %u\n", versions->count) > 0 && written;
    enum err err = written && fsync(fd) == 0 ? OK : err_errno(name);
    close(fd);
    return err;
}

static bool version_read(str line, struct db_versions *versions)
{
    str name;
    uint64_t number;
    if (versions->count == DB_VERSIONS_MAX || !str_cut(&line, ' ', &name) ||
        !str_parse_u64(line, &number) || number > 1000000 ||
        name.len >= sizeof(versions->items[0].module))
        return false;
    struct db_version *version = &versions->items[versions->count++];
    snprintf(version->module, sizeof(version->module), "%.*s", STR_ARG(name));
    version->number = (unsigned)number;
    return true;
}

static bool about_parse(str text, int64_t *out_born, struct db_versions *versions)
{
    str line, word;
    uint64_t count;
    versions->count = 0;
    if (!str_cut(&text, '\n', &line) || !str_cut(&line, ' ', &word) || !str_eq(word, STR("born")) ||
        !str_parse_i64(line, out_born))
        return false;
    while (str_cut(&text, '\n', &line) && str_cut(&line, ' ', &word)) {
        if (str_eq(word, STR("end")))
            return str_parse_u64(line, &count) && count == versions->count;
        if (!str_eq(word, STR("module")) || !version_read(line, versions))
            return false;
    }
    return false;
}

static __attribute__((noinline)) bool about_read(const char *path, int64_t *out_born,
                                                 struct db_versions *versions)
{
    char name[DB_PLACE_MAX + 16];
    snprintf(name, sizeof(name), "%s" DB_SNAPSHOT_ABOUT, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *text = heap_alloc(ABOUT_BYTES);
    ssize_t got = read(fd, text, ABOUT_BYTES);
    bool whole = got > 0 && about_parse((str){ text, (size_t)got }, out_born, versions);
    close(fd);
    heap_free(text);
    return whole;
}

/* --- Making one ------------------------------------------------------------------------------- */

static enum err parts_write(const struct migration *m, const struct db_versions *versions,
                            const char *path, const char *part)
{
    int64_t born;
    unsigned version = (unsigned)PQserverVersion(m->handle) / 10000;
    TRY(born_read(m, &born));
    if (pg_copy_dump(m->db, version, part, NULL) != OK)
        return err_prefix("the copy before an upgrade");
    TRY(about_write(path, born, versions)); /* before it: a dump alone says too little */
    return rename(part, path) == 0 ? OK : err_errno(path);
}

__attribute__((noinline)) enum err pg_snapshot_make(const struct migration *m,
                                                    const struct db_versions *versions)
{
    const struct db *base = &m->db->base;
    const char *folder = base->settings.snapshots;
    char path[DB_PLACE_MAX], part[DB_PLACE_MAX + 8];
    TRY(db_snapshot_path_new(folder, base->context, SUFFIX, path));
    snprintf(part, sizeof(part), "%s.part", path);
    unlink(part); /* of a process that was killed in the same microsecond of a fixed clock */
    enum err err = parts_write(m, versions, path, part);
    if (err == OK)
        err = db_folder_sync(folder);
    if (err != OK) {
        unlink(part);
        return err;
    }
    db_snapshots_prune(folder, base->context, SUFFIX, base->settings.snapshots_kept);
    return OK;
}

/* --- Finding it ------------------------------------------------------------------------------- */

/* The newest of this database: the folder may hold those of another it was moved from. */
static enum err newest_of(const struct db *base, const struct migration *m, int64_t born,
                          struct db_snapshot *out_snapshot)
{
    instant times[DB_SNAPSHOTS_LISTED];
    const char *folder = base->settings.snapshots;
    unsigned count = folder ? db_snapshots_list(folder, base->context, SUFFIX, times) : 0;
    while (count-- > 0) {
        int64_t of;
        out_snapshot->taken_at = times[count];
        db_snapshot_path(folder, base->context, SUFFIX, times[count], out_snapshot->path);
        if (about_read(out_snapshot->path, &of, &out_snapshot->versions) && of == born)
            return OK;
    }
    return db_snapshot_none(m->db->shown);
}

static enum err with_database(const struct db *base, const char *place,
                              enum err (*fn)(const struct migration *m, void *arg), void *arg)
{
    struct migration m = { .db = pg_place_closed(base, place) };
    if (!m.db)
        return err_slot()->code;
    enum err err = pg_place_connect(m.db, USE_PLAIN, &m.handle);
    if (err == OK) {
        err = fn(&m, arg);
        PQfinish(m.handle);
    }
    pg_place_closed_free(m.db);
    return err;
}

static enum err newest_find(const struct migration *m, void *arg)
{
    int64_t born, history = 0;
    TRY(pg_migration_check(m, &history));
    if (!history)
        return db_snapshot_none(m->db->shown);
    TRY(born_read(m, &born));
    struct db_snapshot *snapshot = HEAP_NEW(struct db_snapshot);
    enum err err = newest_of(&m->db->base, m, born, snapshot);
    if (err == OK)
        *(struct db_snapshot *)arg = *snapshot;
    heap_free(snapshot);
    return err;
}

enum err pg_snapshot_newest(const struct db *base, const char *place,
                            struct db_snapshot *out_snapshot)
{
    return with_database(base, place, newest_find, out_snapshot);
}

/* --- In the database's place -------------------------------------------------------------------
 */

struct scripting {
    struct pg_tools *tools;
    const char *dump, *context;
    char script[DB_PLACE_MAX + 16];
    unsigned version;
};

static enum err script_make(struct scripting *scripting)
{
    const char *program;
    char file[DB_PLACE_MAX + 32];
    TRY(pg_tools_find(scripting->tools, "pg_restore", scripting->version, &program));
    int fd = open(scripting->script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(scripting->script);
    close(fd);
    snprintf(file, sizeof(file), "--file=%s", scripting->script);
    const char *const argv[] = {
        program, "--no-owner", "--no-privileges", "--no-tablespaces", file, scripting->dump, NULL
    };
    return pg_tools_run(scripting->tools, argv);
}

/* psql puts all it is given into one transaction. */
static enum err script_run(struct scripting *scripting)
{
    const char *program;
    char drop[120], rename_it[120];
    TRY(pg_tools_find(scripting->tools, "psql", scripting->version, &program));
    snprintf(drop, sizeof(drop), "DROP SCHEMA IF EXISTS \"%s_before_rollback\" CASCADE",
             scripting->context);
    snprintf(rename_it, sizeof(rename_it), "ALTER SCHEMA \"%s\" RENAME TO \"%s_before_rollback\"",
             scripting->context, scripting->context);
    const char *const argv[] = { program,
                                 "--no-psqlrc",
                                 "--quiet",
                                 "--no-password",
                                 "--set=ON_ERROR_STOP=1",
                                 "--single-transaction",
                                 "--dbname=",
                                 "--command",
                                 drop,
                                 "--command",
                                 rename_it,
                                 "--file",
                                 scripting->script,
                                 NULL };
    return pg_tools_run(scripting->tools, argv);
}

static enum err put_in_place(const struct migration *m, void *arg)
{
    const struct db_snapshot *snapshot = arg;
    struct scripting scripting = { .dump = snapshot->path, .context = m->db->base.context };
    int64_t history;
    TRY(pg_copy_direct(m->db));
    TRY(pg_migration_check(m, &history));
    TRY(pg_nobody_else(m));
    scripting.version = (unsigned)PQserverVersion(m->handle) / 10000;
    snprintf(scripting.script, sizeof(scripting.script), "%s.sql", snapshot->path);
    scripting.tools = pg_tools_open(m->db, NULL);
    enum err err = script_make(&scripting);
    if (err == OK)
        err = script_run(&scripting);
    pg_tools_close(scripting.tools);
    unlink(scripting.script);
    return err;
}

enum err pg_snapshot_restore(const struct db *base, const char *place,
                             const struct db_snapshot *snapshot)
{
    return with_database(base, place, put_in_place, (void *)snapshot);
}
