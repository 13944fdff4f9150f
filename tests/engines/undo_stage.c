/* undo_stage: see its header. */
#include "undo_stage.h"

#include "domains/content/assets/assets.h"
#include "domains/content/catalog/catalog.h"
#include "domains/content/ingest/ingest.h"
#include "domains/module/module.h"
#include "engines/bus/bus.h"
#include "engines/flow/jobs.h"
#include "foundation/mem/buf.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

const struct db_module *undo_heads[UNDO_MODULES];
struct db_module undo_cut[UNDO_MODULES];
const struct db_module *undo_cut_list[UNDO_MODULES];

static const struct undo_driver *of;

void undo_begin(const struct undo_driver *driver)
{
    of = driver;
    undo_heads[UNDO_FLOW] = &FLOW_SQL;
    undo_heads[UNDO_BUS] = &BUS_SQL;
    undo_heads[UNDO_CATALOG] = catalog_module.sql;
    undo_heads[UNDO_ASSETS] = assets_module.sql;
    undo_heads[UNDO_INGEST] = ingest_module.sql;
    for (unsigned i = 0; i < UNDO_MODULES; i++) {
        undo_cut[i] = *undo_heads[i];
        undo_cut_list[i] = &undo_cut[i];
    }
}

void undo_open_once(const struct db_module *const *modules)
{
    struct db_spec spec = of->spec_of(modules);
    struct db *db;
    CHECK_OK(db_open(&spec, &db));
    db_close(db);
}

void undo_same(char *before, char *after)
{
    if (strcmp(before, after) != 0) {
        size_t at = 0;
        while (before[at] == after[at])
            at++;
        size_t from = at > 200 ? at - 200 : 0;
        test_fail("before: ...%.400s\nafter: ...%.400s", before + from, after + from);
    }
    struct buf holders[] = { { .ptr = before }, { .ptr = after } };
    buf_deinit(&holders[0]);
    buf_deinit(&holders[1]);
}

/* --- There and back --------------------------------------------------------------------------- */

static void there_and_back(unsigned module, unsigned count)
{
    struct db_snapshot snapshot;
    struct db_spec spec = of->spec_of(undo_heads);
    undo_cut[module].migrations_count = count;
    undo_open_once(undo_cut_list);
    of->fill();
    char *older = of->dump();
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    CHECK_OK(db_rollback(&spec, &snapshot.versions));
    undo_same(older, of->dump());
    undo_open_once(undo_cut_list); /* the older program takes it */
    undo_open_once(undo_heads);    /* and the newer one upgrades it again */
    char *newer = of->dump();
    CHECK_OK(db_rollback(&spec, &snapshot.versions));
    older = of->dump();
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_restore(&spec, &snapshot));
    undo_same(older, of->dump());
    undo_open_once(undo_cut_list);
    undo_open_once(undo_heads);
    undo_same(newer, of->dump());
}

void undo_every_number(const struct undo_driver *driver, unsigned module)
{
    undo_begin(driver);
    unsigned count = undo_heads[module]->migrations_count;
    for (unsigned i = 1; i < count; i++) {
        of->fresh();
        there_and_back(module, i);
    }
}

void undo_whole_module(const struct undo_driver *driver, unsigned module)
{
    undo_begin(driver);
    of->fresh();
    there_and_back(module, 0);
}

/* How often the part stands in what a dump has of the table. */
static unsigned times(const char *dump, const char *table, const char *part)
{
    char head[64];
    unsigned count = 0;
    snprintf(head, sizeof(head), "-- %s\n", table);
    const char *text = strstr(dump, head);
    CHECK(text != NULL);
    if (!text)
        return 0;
    text += strlen(head);
    const char *end = strstr(text, "\n-- ");
    while ((text = strstr(text, part)) != NULL && (!end || text < end)) {
        text += strlen(part);
        count++;
    }
    return count;
}

void undo_event_log(const struct undo_driver *driver)
{
    struct db_versions to = { .items = { { "db", 2 } }, .count = 1 };
    undo_begin(driver);
    of->fresh();
    undo_open_once(undo_heads);
    of->fill(); /* the outbox and the log have a row of each payload */
    if (of->dialect == DB_POSTGRES)
        of->run("SELECT setval(pg_get_serial_sequence('outbox', 'id'), 10)");
    for (unsigned i = 0; i < UNDO_MODULES; i++) {
        struct db_version *version = &to.items[to.count++];
        snprintf(version->module, sizeof(version->module), "%s", undo_heads[i]->name);
        version->number = db_module_version(undo_heads[i]);
    }
    struct db_spec spec = of->spec_of(undo_heads);
    CHECK_OK(db_rollback(&spec, &to));
    char *older = of->dump();
    CHECK(strstr(older, "event_log") == NULL);
    CHECK_INT(times(older, "outbox", "payload 1"), 2);
    CHECK_INT(times(older, "outbox", "payload 2"), 2);
    undo_open_once(undo_heads);
    char *newer = of->dump();
    CHECK(strstr(newer, "event_log") != NULL);
    CHECK_INT(times(newer, of->dialect == DB_POSTGRES ? "outbox" : "event_log", "payload 1"), 2);
    struct buf holders[] = { { .ptr = older }, { .ptr = newer } };
    buf_deinit(&holders[0]);
    buf_deinit(&holders[1]);
}

void undo_every_migration_has_a_way_back(const struct undo_driver *driver)
{
    undo_begin(driver);
    for (unsigned i = 0; i < UNDO_MODULES; i++)
        for (unsigned k = 1; k < undo_heads[i]->migrations_count; k++)
            if (!undo_heads[i]->migrations[k].down[of->dialect])
                test_fail("%s of %s has no .down.sql", undo_heads[i]->migrations[k].name,
                          undo_heads[i]->name);
}

/* --- What the older schema cannot hold -------------------------------------------------------- */

/* `newer` ends with a blob where the driver is asked for one. */
static const struct {
    unsigned module, number;
    const char *newer, *named;
    bool and_a_blob;
} cases[] = {
    { UNDO_CATALOG, 2,
      "INSERT INTO title_external_ids VALUES ('tmdb', 'film', '7', 1), ('tmdb', 'series', '7', 2)",
      "0003_external_ids_by_kind" },
    { UNDO_CATALOG, 3, "INSERT INTO person_fields VALUES (1, 'born', 'editor', '', 1, 1)",
      "0004_people_fields" },
    { UNDO_CATALOG, 4, "INSERT INTO season_texts VALUES (1, 1, 'synopsis', 'en', 'It is winter')",
      "0005_season_texts" },
    { UNDO_CATALOG, 5, "UPDATE editions SET subtitles_unavailable = '[1]'",
      "0006_subtitles_not_shown" },
    { UNDO_INGEST, 1, "UPDATE reviews SET folder = ", "0002_review_folder", true },
    { UNDO_FLOW, 2,
      "INSERT INTO schedules (name, kind, begins_at, every, cron, zone, missed, declared, alone, "
      "paused, job_kind, subject, payload, priority, attempts_max, fired, passed_over, created_at, "
      "updated_at) VALUES ('mine', 'at', 1, 0, '', '', 'once', 0, 0, 0, 'k', '', '', 0, 0, 0, 0, "
      "1, 1)",
      "0003_schedules" },
    { UNDO_FLOW, 3,
      "INSERT INTO sagas (kind, subject, input, state, undoing, holds, position, round, "
      "created_at, updated_at) VALUES ('k', '', '', 'running', 0, 0, 0, 0, 1, 1)",
      "0004_sagas" },
};

void undo_newer_data_is_refused(const struct undo_driver *driver)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db_snapshot snapshot;
        char sql[600];
        undo_begin(driver);
        of->fresh();
        struct db_spec spec = of->spec_of(undo_heads);
        undo_cut[cases[i].module].migrations_count = cases[i].number;
        undo_open_once(undo_cut_list);
        of->fill();
        undo_open_once(undo_heads);
        snprintf(sql, sizeof(sql), "%s%s", cases[i].newer, cases[i].and_a_blob ? of->a_blob : "");
        of->run(sql);
        char *before = of->dump();
        CHECK_OK(db_snapshot_newest(&spec, &snapshot));
        CHECK_ERR(db_rollback(&spec, &snapshot.versions), ERR_PRECONDITION);
        CHECK_STR(str_of(err_slot()->slug), STR("rollback-refused"));
        if (!strstr(err_slot()->text, cases[i].named))
            test_fail("%s is not named: %s", cases[i].named, err_slot()->text);
        undo_same(before, of->dump());
    }
}
