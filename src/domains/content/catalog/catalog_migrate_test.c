/*
 * Migrations that carry data over: a database as the first version left it, filled by statements of
 * that time, is opened by the present program.
 */
#include "catalog_stage_test.h"

#include "engines/db/sqlite/sqlite.h"
#include "foundation/task/run.h"

#define OLD(name, text) static const struct db_query name = { #name, { text, NULL }, DB_WRITE, 0 }

OLD(old_titles, "INSERT INTO titles (id, kind, status, added_at, updated_at) VALUES "
                "(1, 'film', 'published', 0, 0), (2, 'series', 'published', 0, 0), "
                "(3, 'film', 'draft', 0, 0)");
OLD(old_ids, "INSERT INTO external_ids (provider, value, title_id) VALUES "
             "('tmdb', '123', 1), ('imdb', 'tt1', 2)");
OLD(old_seasons, "INSERT INTO season_texts (series_id, season, language, value) VALUES "
                 "(2, 1, 'en', 'Cycle one')");
OLD(old_people, "INSERT INTO people (id, name_key, born) VALUES (1, 'fritz lang', 1890), "
                "(2, 'ян фрид', NULL), (3, 'nobody', NULL)");
OLD(old_names, "INSERT INTO person_texts (person_id, field, language, value) VALUES "
               "(1, 'name', 'en', 'Fritz Lang'), (1, 'name', 'ru', 'Яныч'), "
               "(2, 'name', 'ru', 'Ян Фрид'), (2, 'name', 'en', 'Adam Frid'), "
               "(3, 'name', 'en', 'Nobody')");
OLD(old_credits, "INSERT INTO credits (title_id, position, person_id, role) VALUES "
                 "(1, 0, 1, 'director'), (1, 1, 2, 'actor'), (3, 0, 3, 'actor')");
OLD(old_episode, "INSERT INTO titles (id, kind, series_id, season, episode, status, added_at, "
                 "updated_at) VALUES (4, 'episode', 2, 1, 1, 'published', 0, 0)");

static const struct db_query *const old_queries[] = {
    &old_titles, &old_ids, &old_seasons, &old_people, &old_names, &old_credits, &old_episode,
};

static enum err fill_tx(struct db_tx *tx, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(old_queries); i++)
        TRY(db_exec(tx, old_queries[i], DB_NO_ARGS, NULL));
    return OK;
}

static enum err fill(void *arg)
{
    return db_tx(arg, fill_tx, NULL);
}

static void first_version(void)
{
    struct db_module module = { catalog_module.sql->name, catalog_module.sql->migrations, 1,
                                old_queries, ARRAY_LEN(old_queries) };
    const struct db_module *const modules[] = { &module };
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = modules,
                            .modules_count = 1 };
    struct db *db;
    CHECK_OK(db_open(&spec, &db));
    CHECK_OK(task_run("fill", MIB(1), fill, db));
    db_close(db);
}

TEST(what_the_first_version_left_is_carried_over)
{
    first_version();
    stage_open();
    CHECK(has(get("/v1/titles/1"), "\"external_ids\":{\"tmdb\":\"123\"}"));
    CHECK(has(get("/v1/titles/2"), "\"external_ids\":{\"imdb\":\"tt1\"}"));
    CHECK(has(get("/v1/titles/2"), "\"number\":1,\"title\":\"Cycle one\""));
    CHECK(has(get("/v1/people/1"), "\"born\":1890"));
    struct listed english = list_get("/v1/people?sort=name&lang=en");
    struct listed russian = list_get("/v1/people?sort=name&lang=ru");
    CHECK(english.count == 2 && english.ids[0].value == 2); /* Adam Frid, Fritz Lang */
    CHECK(russian.count == 2 && russian.ids[0].value == 2); /* Ян Фрид, Яныч */
    CHECK_INT(list_get("/v1/people?prefix=lang").count, 1);
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/people?all=true", ""))).count, 3);
    stage_close();
}
