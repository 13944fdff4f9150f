/*
 * tools: PostgreSQL's own programs (pg_dump, pg_restore, psql) as supervised children. Where the
 * database is and who may enter stands in their environment, never among their arguments: every
 * user of the machine reads those.
 */
#include "internal.h"

#include "foundation/child/child.h"
#include "foundation/mem/heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 96, VERSION_BYTES = 256, ARENA_BYTES = 1 << 20 };
#define VERSION_WAIT SECONDS(60)
#define RUN_WAIT     DAYS(2)
#define STALL_WAIT   MINUTES(30)

struct pg_tools {
    struct arena arena;
    const struct pg_db *db;
    const struct db_copy_watch *watch;
    const char *environment[ENVIRONMENT_MAX + 1];
    unsigned count, own_count; /* the first are copies of ours */
    const char *grows;         /* the file that is being written; NULL: none */
    uint64_t grown_bytes;
    instant grown_at;
    bool stalled;
};

/* --- Environment --------------------------------------------------------------------------------
 */

static void put(struct pg_tools *tools, const char *name, const char *value)
{
    ASSERT(tools->count < ENVIRONMENT_MAX);
    tools->environment[tools->count++] = arena_printf(&tools->arena, "%s=%s", name, value).ptr;
}

static bool is_put(const struct pg_tools *tools, str name)
{
    for (unsigned i = 0; i < tools->count; i++) {
        str have = str_of(tools->environment[i]);
        if (str_starts(have, name) && have.ptr[name.len] == '=')
            return true;
    }
    return false;
}

/* Ours, as libpq would read it here: PGPASSWORD, PGPASSFILE ... What the URL says comes first. */
static void inherit(struct pg_tools *tools)
{
    for (char **entry = environ; *entry && tools->count < ENVIRONMENT_MAX; entry++) {
        str text = str_of(*entry), name = STR_NONE;
        bool ours = str_starts(text, STR("PG")) || str_starts(text, STR("HOME="));
        if (ours && str_cut(&text, '=', &name) && !is_put(tools, name))
            tools->environment[tools->count++] = *entry;
    }
}

static void environment_make(struct pg_tools *tools)
{
    const struct pg_db *db = tools->db;
    const char *path = getenv("PATH");
    put(tools, "PATH", path ? path : "/usr/bin:/bin");
    put(tools, "LC_ALL", "C.UTF-8");
    if (db->direct_host[0])
        put(tools, "PGHOST", db->direct_host);
    if (db->direct_port[0])
        put(tools, "PGPORT", db->direct_port);
    for (const PQconninfoOption *option = db->options; option->keyword; option++) {
        bool said = option->val && *option->val && option->envvar;
        if (said && !is_put(tools, str_of(option->envvar)))
            put(tools, option->envvar, option->val);
    }
    if (!is_put(tools, STR("PGCONNECT_TIMEOUT")))
        put(tools, "PGCONNECT_TIMEOUT", "10");
    if (!is_put(tools, STR("PGAPPNAME")))
        put(tools, "PGAPPNAME", "kinobezdna copy");
    tools->own_count = tools->count;
    inherit(tools);
    tools->environment[tools->count] = NULL;
}

struct pg_tools *pg_tools_open(const struct pg_db *db, const struct db_copy_watch *watch)
{
    struct pg_tools *tools = HEAP_NEW(struct pg_tools);
    arena_init(&tools->arena, ARENA_BYTES);
    tools->db = db;
    tools->watch = watch;
    environment_make(tools);
    return tools;
}

void pg_tools_close(struct pg_tools *tools)
{
    for (unsigned i = 0; i < tools->own_count; i++) /* the password was among them */
        explicit_bzero((char *)tools->environment[i], strlen(tools->environment[i]));
    arena_deinit(&tools->arena);
    heap_free(tools);
}

/* --- Finding ------------------------------------------------------------------------------------
 */

/* "pg_dump (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)" */
static unsigned version_of(str output)
{
    static const str mark = STR_INIT("(PostgreSQL) ");
    ptrdiff_t at = str_find(output, mark);
    return at < 0 ? 0 : (unsigned)strtoul(output.ptr + at + mark.len, NULL, 10);
}

enum err pg_tools_find(struct pg_tools *tools, const char *name, unsigned version_min,
                       const char **out_path)
{
    struct child_result result;
    str path = child_find_program(&tools->arena, name);
    if (!path.len)
        return err_set(ERR_UNAVAILABLE, "tool-missing",
                       "%s is not installed (apt-get install postgresql-client)", name);
    const char *const argv[] = { path.ptr, "--version", NULL };
    struct child_spec spec = { .argv = argv,
                               .environment = tools->environment,
                               .timeout = VERSION_WAIT,
                               .output_bytes_max = VERSION_BYTES };
    TRY(child_run(&tools->arena, &spec, &result));
    unsigned version = result.exit_code == 0 ? version_of(result.output) : 0;
    if (version == 0)
        return err_set(ERR_UNAVAILABLE, "tool-missing", "%s does not say its version", path.ptr);
    if (version < version_min)
        return err_set(ERR_PRECONDITION, "tool-version",
                       "%s is of PostgreSQL %u, the server is %u: install postgresql-client-%u",
                       name, version, version_min, version_min);
    *out_path = path.ptr;
    return OK;
}

/* --- Running ------------------------------------------------------------------------------------
 */

void pg_tools_watch_file(struct pg_tools *tools, const char *path)
{
    tools->grows = path;
    tools->grown_bytes = 0;
    tools->grown_at = clock_mono();
}

static bool is_wanted(void *arg)
{
    struct pg_tools *tools = arg;
    struct stat info;
    if (tools->grows && stat(tools->grows, &info) == 0) {
        if ((uint64_t)info.st_size != tools->grown_bytes)
            tools->grown_at = clock_mono();
        tools->grown_bytes = (uint64_t)info.st_size;
        tools->stalled = clock_mono() - tools->grown_at > STALL_WAIT;
    }
    return !tools->stalled &&
           (!tools->watch || tools->watch->on_step(tools->watch->arg, tools->grown_bytes, 0));
}

static const struct {
    const char *said;
    enum err code;
    const char *slug;
} meanings[] = {
    { "No space left on device", ERR_EXHAUSTED, "disk-full" },
    { "Disk quota exceeded", ERR_EXHAUSTED, "disk-full" },
    { "server version mismatch", ERR_PRECONDITION, "tool-version" },
    { "unsupported version", ERR_PRECONDITION, "tool-version" },
    { "not appear to be a valid archive", ERR_CORRUPT, "copy-damaged" },
    { "could not read from input file", ERR_CORRUPT, "copy-damaged" },
    { "could not uncompress data", ERR_CORRUPT, "copy-damaged" },
    { "permission denied", ERR_FORBIDDEN, "database-rights" },
    { "already exists", ERR_CONFLICT, "database-not-empty" },
    { "connection to server", ERR_UNAVAILABLE, "database-unreachable" },
    { "server closed the connection", ERR_UNAVAILABLE, "database-lost" },
    { "terminating connection", ERR_UNAVAILABLE, "database-lost" },
};

/* "pg_dump: error: ...": the first such line says why, later ones what came of it. */
static enum err said(const char *name, str text)
{
    ptrdiff_t at = str_find(text, STR("error: "));
    str why = str_trim(at < 0 ? text : str_skip(text, (size_t)at + 7));
    ptrdiff_t end = str_find_char(why, '\n');
    if (end >= 0)
        why = str_sub(why, 0, (size_t)end);
    why = str_head_utf8(why, 180);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (str_find(text, str_of(meanings[i].said)) >= 0)
            return err_set(meanings[i].code, meanings[i].slug, "%s: %.*s", name, STR_ARG(why));
    }
    return err_set(ERR_UNAVAILABLE, "tool-failed", "%s: %.*s", name, STR_ARG(why));
}

enum err pg_tools_run(struct pg_tools *tools, const char *const *argv)
{
    struct child_result result;
    struct child_spec spec = { .argv = argv,
                               .environment = tools->environment,
                               .network = true,
                               .timeout = RUN_WAIT,
                               .wanted = is_wanted,
                               .arg = tools };
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    enum err err = child_run(&tools->arena, &spec, &result);
    if (tools->stalled)
        return err_set(ERR_TIMEOUT, "child-silent", "%s has written nothing for %lld minutes", name,
                       (long long)(STALL_WAIT / MINUTES(1)));
    TRY(err);
    if (result.signal)
        return err_set(ERR_UNAVAILABLE, "tool-failed", "%s was ended by signal %d", name,
                       result.signal);
    return result.exit_code == 0 ? OK : said(name, result.error_tail);
}
