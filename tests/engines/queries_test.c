/*
 * queries: every named query of the program, prepared on every database: none but a scan walks a
 * table, and every migration runs.
 */
#include "domains/content/assets/assets.h"
#include "domains/content/catalog/catalog.h"
#include "domains/content/ingest/ingest.h"
#include "domains/content/playback/playback.h"
#include "domains/module/module.h"
#include "engines/bus/bus.h"
#include "engines/db/conformance/conformance.h"
#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "engines/db/sqlite/sqlite.h"
#include "engines/flow/jobs.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

static const struct module *const modules[] = {
    &catalog_module,
    &assets_module,
    &ingest_module,
    &playback_module,
};

static void check_all(const struct db_driver *driver, const char *place)
{
    const struct db_module *sql[ARRAY_LEN(modules) + 2] = { &FLOW_SQL, &BUS_SQL };
    unsigned count = 2, bad = 0;
    for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
        if (modules[i]->sql)
            sql[count++] = modules[i]->sql;
    }
    struct db_spec spec = { .driver = driver,
                            .place = place,
                            .context = "content",
                            .modules = sql,
                            .modules_count = count };
    struct db *db;
    CHECK_OK(db_open(&spec, &db));
    for (unsigned i = 0; i < db->modules_count; i++) {
        for (unsigned k = 0; k < db->modules[i]->queries_count; k++) {
            if (db_conformance_query(db, db->modules[i]->queries[k]) == OK)
                continue;
            printf("  %s: %s\n", db->modules[i]->name, err_slot()->text);
            bad++;
        }
    }
    db_close(db);
    CHECK_INT(bad, 0);
}

TEST(queries_are_as_marked_on_sqlite)
{
    check_all(&db_sqlite, test_folder());
}

TEST(queries_are_as_marked_on_postgres)
{
    check_all(&db_postgres, postgres_place_new());
}

/* The program's own list, read as text: the application is no library. */
static bool is_checked(str name)
{
    static const char *const keep_nothing[] = { "demo", "health", "backup",
                                                "move", "flow",   "events_v1" };
    for (size_t i = 0; i < ARRAY_LEN(keep_nothing); i++) {
        if (str_eq(name, str_of(keep_nothing[i])))
            return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
        if (str_eq(name, str_of(modules[i]->name)))
            return true;
    }
    return false;
}

TEST(queries_of_every_module_are_checked)
{
    static char text[8192];
    FILE *file = fopen(KB_MODULES, "r");
    CHECK(file != NULL);
    str rest = { text, fread(text, 1, sizeof(text), file) };
    fclose(file);
    unsigned found = 0;
    for (ptrdiff_t at; (at = str_find(rest, STR("_module,"))) >= 0; found++) {
        str before = str_sub(rest, 0, (size_t)at);
        str name = str_skip(before, (size_t)str_find_last_char(before, '&') + 1);
        if (!is_checked(name))
            printf("  %.*s is not in the list above\n", STR_ARG(name));
        CHECK(is_checked(name));
        rest = str_skip(rest, (size_t)at + 1);
    }
    CHECK(found > ARRAY_LEN(modules));
}
