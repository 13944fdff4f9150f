/* Seasons: named by imports and editors, within their series. */
#include "catalog_stage_test.h"

struct naming {
    struct id series;
    const char *title;
};

static enum err naming_tx(struct db_tx *tx, void *arg)
{
    const struct naming *naming = arg;
    struct catalog_value value = { STR("title"), STR("en"), str_of(naming->title) };
    struct catalog_season season = { .series = naming->series,
                                     .number = 1,
                                     .source = CATALOG_SOURCE_NFO,
                                     .values = &value,
                                     .values_count = 1 };
    return catalog_season_put(tx, &season);
}

TEST(seasons_have_names_that_an_editor_gives)
{
    stage_open();
    struct id series = stage_title(TITLE_SERIES, "Dark", 2017, true);
    stage_episode(series, 0, 1, "Making of");
    stage_episode(series, 1, 1, "Secrets");
    struct naming naming = { series, "Imported" };
    stage_do(naming_tx, &naming);
    const char *path = path_of("/v1/titles/%lld", (long long)series.value);
    CHECK(has(get(path), "\"number\":1,\"title\":\"Imported\""));
    CHECK(has(get(path), "\"number\":0,\"title\":\"\"")); /* the client's word for specials */
    CHECK(str_find(get(path), STR("Secrets")) < str_find(get(path), STR("Making of")));
    str answer = admin_edit("PATCH", series, "/seasons/1",
                            "{\"texts\":{\"en\":{\"title\":\"Cycle one\",\"synopsis\":\"2019.\"},"
                            "\"ru\":{\"title\":\"Первый цикл\"}}}");
    CHECK_INT(answer_status(answer), 200);
    CHECK(has(answer, "\"title\":\"Cycle one\",\"synopsis\":\"2019.\""));
    stage_do(naming_tx, &naming); /* locked */
    CHECK(has(get(path_of("%s?lang=en", path)), "\"title\":\"Cycle one\""));
    CHECK(has(get(path_of("%s?lang=ru", path)), "\"title\":\"Первый цикл\""));
    str form = admin("GET", path_of("%s/edit", path), "");
    CHECK(has(form, "\"season.1.title.en\":{\"source\":\"editor\""));
    CHECK(has(form,
              "\"seasons\":[{\"number\":1,\"texts\":{\"en\":{\"title\":\"Cycle one\","
              "\"synopsis\":\"2019.\"},\"ru\":{\"title\":\"Первый цикл\",\"synopsis\":\"\"}}}]"));
    answer = admin_edit("PATCH", series, "", "{\"unlock\":[\"season.1.title.en\"]}");
    CHECK_INT(answer_status(answer), 200);
    stage_do(naming_tx, &naming);
    CHECK(has(get(path_of("%s?lang=en", path)), "\"title\":\"Imported\""));
    stage_close();
}

TEST(what_is_no_season_is_not_named)
{
    static const char *const body = "{\"texts\":{\"en\":{\"title\":\"x\"}}}";
    stage_open();
    struct id series = stage_title(TITLE_SERIES, "Dark", 2017, true), film = stage_film("M", 1931);
    const char *path = path_of("/v1/titles/%lld/seasons/1", (long long)series.value);
    CHECK_INT(answer_status(admin("PATCH", path, body)), 428);
    CHECK_INT(answer_status(ask("PATCH", path, "X-Admin: 1\r\nIf-Match: \"99-x\"\r\n", body)), 412);
    CHECK_INT(answer_status(ask("PATCH", path, "If-Match: \"1-x\"\r\n", body)), 401);
    CHECK_INT(answer_status(admin_edit("PATCH", film, "/seasons/1", body)), 404);
    CHECK_INT(answer_status(admin_edit("PATCH", series, "/seasons/one", body)), 404);
    CHECK_INT(answer_status(admin_edit("PATCH", series, "/seasons/-1", body)), 404);
    CHECK_INT(answer_status(admin_edit("PATCH", series, "/seasons/1", "{}")), 400);
    CHECK_INT(answer_status(admin_edit("PATCH", series, "/seasons/2", body)), 200); /* none yet */
    stage_close();
}
