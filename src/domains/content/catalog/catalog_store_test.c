/*
 * What imports rely on: where a value comes from decides whether it may be replaced, a name finds
 * its title and no other, and what plays follows from the editions.
 */
#include "catalog_stage_test.h"

#include "engines/db/conformance/conformance.h"

#include <stdio.h>
#include <string.h>

TEST(queries_use_their_indexes)
{
    stage_open();
    CHECK_OK(db_conformance_queries(stage_db()));
    stage_close();
}

static str page(struct id id, const char *query)
{
    return get(path_of("/v1/titles/%lld%s", (long long)id.value, query));
}

static str form(struct id id)
{
    return answer_body(admin("GET", path_of("/v1/titles/%lld/edit", (long long)id.value), ""));
}

/* --- Provenance ----------------------------------------------------------------------------- */

TEST(sources_have_ranks)
{
    stage_open();
    struct id id = stage_film("Metropolis", 1927);
    stage_set(id, CATALOG_SOURCE_NFO, "year", "1926");
    CHECK(has(page(id, ""), "\"year\":1926"));
    stage_set(id, CATALOG_SOURCE_NAME, "year", "1999");
    stage_set(id, CATALOG_SOURCE_DEMO, "year", "1998");
    CHECK(has(page(id, ""), "\"year\":1926"));
    stage_set(id, CATALOG_SOURCE_NFO, "year", "1925"); /* the same source may think again */
    CHECK(has(page(id, ""), "\"year\":1925"));
    CHECK(has(form(id), "\"year\":{\"source\":\"nfo\""));
    stage_close();
}

TEST(what_an_editor_set_stays)
{
    stage_open();
    struct id id = stage_film("Metropolis", 1927);
    str answer = admin_edit("PATCH", id, "",
                            "{\"year\":1928,\"genres\":[],\"texts\":{\"en\":{"
                            "\"title\":\"Metropolis!\",\"tagline\":null}}}");
    CHECK_INT(answer_status(answer), 200);
    stage_set(id, CATALOG_SOURCE_NFO, "year", "1926");
    stage_set(id, CATALOG_SOURCE_NFO, "genres", "drama");
    stage_text(id, CATALOG_SOURCE_NFO, "en", "Metropolis 2");
    stage_text(id, CATALOG_SOURCE_NFO, "ru", "Метрополис"); /* another language is another field */
    CHECK_OK(stage_put(id, CATALOG_SOURCE_NFO,
                       (struct catalog_value){ STR("tagline"), STR("en"), STR("Big") }));
    CHECK(has(page(id, "?lang=en"), "\"title\":\"Metropolis!\""));
    CHECK(has(page(id, "?lang=en"), "\"year\":1928"));
    CHECK(has(page(id, "?lang=en"), "\"genres\":[]"));
    CHECK(has(page(id, "?lang=en"), "\"tagline\":\"\"")); /* removed stays removed */
    CHECK(has(page(id, "?lang=ru"), "\"title\":\"Метрополис\""));
    CHECK(has(form(id), "\"title.en\":{\"source\":\"editor\",\"licence\":\"\",\"locked\":true"));
    CHECK(has(form(id), "\"title.ru\":{\"source\":\"nfo\",\"licence\":\"\",\"locked\":false"));
    stage_close();
}

TEST(credits_are_replaced_as_a_whole)
{
    stage_open();
    struct id id = stage_film("M", 1931);
    stage_person(id, CATALOG_SOURCE_NFO, "Fritz Lang");
    CHECK(has(page(id, ""), "\"name\":\"Fritz Lang\",\"role\":\"director\""));
    stage_person(id, CATALOG_SOURCE_NAME, "Nobody");
    CHECK(!has(page(id, ""), "Nobody"));
    stage_person(id, CATALOG_SOURCE_NFO, "Thea von Harbou");
    CHECK(!has(page(id, ""), "Fritz Lang") && has(page(id, ""), "Thea von Harbou"));
    struct id other = stage_film("Other", 1932);
    stage_person(other, CATALOG_SOURCE_NFO, "  THEA VON HARBOU ");
    CHECK_INT(list_get("/v1/people?prefix=harbou").count, 1); /* found again by her folded name */
    stage_close();
}

TEST(values_are_checked)
{
    static const struct {
        const char *field, *language, *value;
    } refused[] = { { "year", "", "17" },
                    { "year", "", "MCM" },
                    { "year", "", "99999999999999999999" },
                    { "runtime_min", "", "0" },
                    { "title", "", "no language" },
                    { "title", "not a tag", "x" },
                    { "title", "en", "\xff" },
                    { "available_from", "", "tomorrow" },
                    { "original_language", "", "english please" },
                    { "age_rating", "", "much too long for a rating" },
                    { "colour", "", "black" } };
    stage_open();
    struct id id = stage_film("M", 1931);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK_ERR(
            stage_put(id, CATALOG_SOURCE_NFO,
                      (struct catalog_value){ str_of(refused[i].field), str_of(refused[i].language),
                                              str_of(refused[i].value) }),
            ERR_INVALID);
    CHECK(has(page(id, ""), "\"year\":1931"));
    CHECK_ERR(stage_put(ID(4711), CATALOG_SOURCE_NFO,
                        (struct catalog_value){ STR("year"), STR(""), STR("1931") }),
              ERR_NOT_FOUND);
    CHECK_ERR(stage_put(id, CATALOG_SOURCE_NFO,
                        (struct catalog_value){ STR("title"), STR("en"), { "a\0b", 3 } }),
              ERR_INVALID);
    stage_close();
}

/* --- Texts ---------------------------------------------------------------------------------- */

TEST(a_text_falls_back_by_language)
{
    stage_open();
    struct id id = stage_title(TITLE_FILM, "", 1927, true);
    stage_text(id, CATALOG_SOURCE_NFO, "fr", "Le film");
    CHECK(has(page(id, "?lang=ru"), "\"title\":\"Le film\"")); /* any */
    stage_text(id, CATALOG_SOURCE_NFO, "en", "The film");
    CHECK(has(page(id, "?lang=ru"), "\"title\":\"The film\"")); /* English before any */
    stage_text(id, CATALOG_SOURCE_NFO, "de", "Der Film");
    stage_set(id, CATALOG_SOURCE_NFO, "original_language", "de");
    CHECK(has(page(id, "?lang=ru"), "\"title\":\"Der Film\"")); /* the original's before English */
    stage_text(id, CATALOG_SOURCE_NFO, "ru", "Фильм");
    CHECK(has(page(id, "?lang=ru"), "\"title\":\"Фильм\""));
    CHECK(has(page(id, "?lang=fr"), "\"title\":\"Le film\""));
    CHECK(has(page(id, "?lang=zh"), "\"title\":\"Der Film\""));
    str answer = ask("GET", path_of("/v1/titles/%lld", (long long)id.value),
                     "Accept-Language: RU-ru,en;q=0.5\r\n", "");
    CHECK(has(answer, "\"title\":\"Фильм\""));
    stage_close();
}

TEST(texts_of_every_kind_come_back_as_they_went_in)
{
    /* NOLINTBEGIN(misc-misleading-bidirectional): a title may hold any */
    static const char *const texts[] = { "<script>alert(1)</script>",
                                         "\xF0\x9F\x8E\xAC film \xF0\x9D\x94\x98",
                                         "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xE2\x80\xAE abc",
                                         "tab\tand \"quotes\" \\ back",
                                         "e\xCC\x81 combining",
                                         "'; DROP TABLE titles; --" };
    /* NOLINTEND(misc-misleading-bidirectional) */
    stage_open();
    struct id id = stage_film("M", 1931);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct title_card card = { 0 };
        stage_text(id, CATALOG_SOURCE_NFO, "en", texts[i]);
        str body = get("/v1/titles");
        str_cut(&body, '[', &(str){ 0 });
        CHECK_OK(shape_parse_json(stage_arena(), &title_card_shape,
                                  str_sub(body, 0, (size_t)str_find(body, STR("],\"next"))),
                                  &card));
        CHECK_STR(card.title, str_of(texts[i]));
    }
    stage_close();
}

/* Cut anywhere but between characters, a key or name would be refused by the database. */
TEST(long_names_of_wide_characters_are_stored)
{
    char name[500] = "";
    stage_open();
    for (size_t shift = 0; shift < 3; shift++) {
        memset(name, 'x', shift);
        name[shift] = 0;
        for (size_t i = 0, at = shift; i < 120; i++)
            at += (size_t)snprintf(name + at, sizeof(name) - at, "%s",
                                   i % 9 == 8 ? " "
                                   : i & 1    ? "Ё"
                                              : "世");
        struct id id = stage_film(name, 1990 + (int)shift);
        stage_text(id, CATALOG_SOURCE_NFO, "ru", name);
        stage_person(id, CATALOG_SOURCE_NFO, name);
        str synopsis = { name, strlen(name) };
        CHECK_OK(stage_put(id, CATALOG_SOURCE_NFO,
                           (struct catalog_value){ STR("synopsis"), STR("en"), synopsis }));
        CHECK_INT(list_get("/v1/titles?sort=title&lang=ru").count, shift + 1);
    }
    stage_close();
}

TEST(the_beginning_of_a_synopsis_needs_no_spaces)
{
    char text[1300] = "";
    stage_open();
    struct id id = stage_film("M", 1931);
    for (size_t i = 0; i < 200; i++)
        memcpy(text + i * strlen("电"), "电", strlen("电"));
    CHECK_OK(stage_put(id, CATALOG_SOURCE_NFO,
                       (struct catalog_value){ STR("synopsis"), STR("zh"), str_of(text) }));
    CHECK(has(get("/v1/titles?lang=zh"), "\"synopsis\":\"电电"));
    CHECK(has(get("/v1/titles?lang=zh"), "电…\""));
    stage_close();
}

/* --- Matching ------------------------------------------------------------------------------- */

struct matching {
    const char *name;
    int64_t year;
    enum title_kind kind;
    struct catalog_external_id id;
    struct catalog_match matches[3];
    unsigned count;
};

static enum err match_tx(struct db_tx *tx, void *arg)
{
    struct matching *matching = arg;
    struct catalog_wanted wanted = { .kind = matching->kind,
                                     .name = str_of(matching->name),
                                     .year = matching->year,
                                     .ids = &matching->id,
                                     .ids_count = matching->id.value.len > 0 };
    return catalog_match(tx, &wanted, 3, matching->matches, &matching->count);
}

static struct matching match(enum title_kind kind, const char *name, int64_t year, const char *imdb)
{
    struct matching matching = {
        .name = name, .year = year, .kind = kind, .id = { STR("imdb"), str_of(imdb) }
    };
    stage_do(match_tx, &matching);
    return matching;
}

static enum err imdb_tx(struct db_tx *tx, void *arg)
{
    struct id *id = arg;
    struct catalog_external_id external = { STR("imdb"), STR("tt0017136") };
    struct catalog_record record = { .external_ids = &external, .external_ids_count = 1 };
    return catalog_record_put(tx, &record, id);
}

TEST(a_name_finds_its_title_and_no_other)
{
    stage_open();
    struct id king = stage_film("King", 1994), lion = stage_film("The Lion King", 1994);
    struct id remake = stage_film("The Lion King", 2019);
    struct matching found = match(TITLE_FILM, "the lion KING", 1994, "");
    CHECK_INT(found.count, 2);
    CHECK(id_eq(found.matches[0].id, lion) && found.matches[0].score >= 1.0);
    CHECK(id_eq(found.matches[1].id, remake) && found.matches[1].score < 0.5);
    found = match(TITLE_FILM, "King", 1994, ""); /* the end of a name is another name */
    CHECK(found.count == 1 && id_eq(found.matches[0].id, king));
    found = match(TITLE_FILM, "King", 1995, "");
    CHECK(found.count == 1 && found.matches[0].score < 1.0 && found.matches[0].score >= 0.8);
    found = match(TITLE_FILM, "King", 0, "");
    CHECK(found.count == 1 && found.matches[0].score < 0.8);
    CHECK_INT(match(TITLE_FILM, "Lion", 1994, "").count, 0);
    CHECK_INT(match(TITLE_SERIES, "King", 1994, "").count, 0);
    CHECK_INT(match(TITLE_FILM, "", 1994, "").count, 0);
    stage_text(king, CATALOG_SOURCE_NFO, "ru", "Чёрный король");
    CHECK_INT(match(TITLE_FILM, "ЧЕРНЫЙ КОРОЛЬ", 1994, "").count, 1);
    stage_close();
}

TEST(an_external_id_is_the_only_answer)
{
    stage_open();
    struct id metropolis = stage_film("Metropolis", 1927);
    stage_do(imdb_tx, &metropolis);
    stage_film("Some other film", 1999);
    struct matching found = match(TITLE_FILM, "Some other film", 1999, "tt0017136");
    CHECK(found.count == 1 && id_eq(found.matches[0].id, metropolis));
    CHECK_INT(match(TITLE_SERIES, "Nothing", 1999, "tt0017136").count, 0); /* not of this kind */
    CHECK_INT(match(TITLE_FILM, "Nothing", 1999, "tt9999999").count, 0);
    CHECK(has(page(metropolis, ""), "\"external_ids\":{\"imdb\":\"tt0017136\"}"));
    stage_close();
}

static enum err tmdb_tx(struct db_tx *tx, void *arg)
{
    struct id *id = arg;
    const struct catalog_external_id ids[] = { { STR("tmdb"), STR("123") },
                                               { STR("tmdb"), STR("124") } };
    struct catalog_record record = { .external_ids = ids, .external_ids_count = 2 };
    return catalog_record_put(tx, &record, id);
}

static enum err tmdb_match_tx(struct db_tx *tx, void *arg)
{
    struct matching *matching = arg;
    const struct catalog_external_id id = { STR("tmdb"), STR("123") };
    struct catalog_wanted wanted = { .kind = matching->kind, .ids = &id, .ids_count = 1 };
    return catalog_match(tx, &wanted, 3, matching->matches, &matching->count);
}

/* Providers number films and series apart. */
TEST(a_film_and_a_series_may_have_the_same_external_id)
{
    stage_open();
    struct id film = stage_film("Ghosts", 1997),
              series = stage_title(TITLE_SERIES, "Dark", 0, true);
    struct matching as_film = { .kind = TITLE_FILM }, as_series = { .kind = TITLE_SERIES };
    stage_do(tmdb_tx, &film);
    stage_do(tmdb_tx, &series);
    stage_do(tmdb_match_tx, &as_film);
    stage_do(tmdb_match_tx, &as_series);
    CHECK(as_film.count == 1 && id_eq(as_film.matches[0].id, film));
    CHECK(as_series.count == 1 && id_eq(as_series.matches[0].id, series));
    CHECK(has(page(film, ""), "\"external_ids\":{\"tmdb\":\"123\"}")); /* a key once */
    CHECK(has(page(series, ""), "\"external_ids\":{\"tmdb\":\"123\"}"));
    stage_close();
}

/* --- What plays ----------------------------------------------------------------------------- */

TEST(a_title_plays_while_it_has_a_feature)
{
    stage_open();
    struct id film = stage_film("M", 1931);
    CHECK(has(page(film, ""), "\"playable\":false"));
    stage_edition(film, 1, "trailer", "");
    CHECK(has(page(film, ""), "\"playable\":false"));
    CHECK(has(page(film, ""), "\"extras\":[{"));
    stage_edition(film, 2, "feature", "");
    stage_edition(film, 3, "feature", "Restored");
    CHECK(has(page(film, ""), "\"playable\":true"));
    stage_edition_remove(2);
    stage_edition_remove(2);
    CHECK(has(page(film, ""), "\"playable\":true"));
    stage_edition_remove(3);
    CHECK(has(page(film, ""), "\"playable\":false"));
    CHECK_INT(list_get("/v1/titles?playable=true").count, 0);
    CHECK_INT(list_get("/v1/titles?playable=false").count, 1);
    stage_close();
}

TEST(subtitles_that_cannot_be_shown_are_listed)
{
    static const char *const list =
        "[{\"language\":\"de\",\"label\":\"\",\"format\":\"PGS\",\"forced\":false}]";
    stage_open();
    struct id film = stage_film("M", 1931);
    stage_feature(film, 1, list);
    CHECK(has(page(film, ""), path_of("\"subtitles\":[],\"subtitles_unavailable\":%s", list)));
    stage_feature(film, 1, ""); /* taken in again, and now it has none */
    CHECK(has(page(film, ""), "\"subtitles_unavailable\":[]"));
    stage_close();
}

TEST(a_series_plays_while_an_episode_does)
{
    stage_open();
    struct id series = stage_title(TITLE_SERIES, "Dark", 2017, true);
    struct id first = stage_episode(series, 1, 1, "Secrets");
    struct id second = stage_episode(series, 2, 1, "Beginnings");
    CHECK(has(page(series, ""), "\"playable\":false"));
    stage_edition(first, 1, "feature", "");
    CHECK(has(page(series, ""), "\"playable\":true"));
    CHECK(has(page(series, ""), "\"seasons\":[{\"number\":1,"));
    CHECK_INT(answer_status(admin_edit("POST", first, "/archive", "")), 200);
    CHECK(has(page(series, ""), "\"playable\":false"));
    CHECK(!has(page(series, ""), "Secrets") && has(page(series, ""), "Beginnings"));
    CHECK_INT(answer_status(admin_edit("POST", first, "/publish", "")), 200);
    CHECK(has(page(series, ""), "\"playable\":true"));
    CHECK_INT(answer_status(admin_edit("POST", series, "/archive", "")), 200);
    CHECK_INT(
        answer_status(ask("GET", path_of("/v1/titles/%lld", (long long)second.value), "", "")),
        404); /* an episode goes with its series */
    CHECK_INT(list_get("/v1/titles?kind=episode").count, 0);
    stage_close();
}

struct playing {
    struct id title, edition, asset;
};

static enum err play_tx(struct db_tx *tx, void *arg)
{
    struct playing *playing = arg;
    return catalog_asset_get(tx, playing->title, playing->edition, &playing->asset);
}

static enum err play(struct id title, struct id edition, struct id *out_asset)
{
    struct playing playing = { title, edition, ID_NONE };
    enum err result = stage_try(play_tx, &playing);
    *out_asset = playing.asset;
    return result;
}

TEST(the_asset_of_what_may_be_seen)
{
    stage_open();
    struct id film = stage_film("M", 1931), asset;
    CHECK_ERR(play(film, ID_NONE, &asset), ERR_CONFLICT);
    struct id trailer = stage_edition(film, 7, "trailer", "");
    stage_edition(film, 8, "feature", "");
    CHECK_OK(play(film, ID_NONE, &asset));
    CHECK_INT(asset.value, 8);
    CHECK_OK(play(film, trailer, &asset));
    CHECK_INT(asset.value, 7);
    CHECK_ERR(play(film, ID(999), &asset), ERR_NOT_FOUND);
    CHECK_ERR(play(stage_title(TITLE_FILM, "Draft", 1931, false), ID_NONE, &asset), ERR_NOT_FOUND);
    stage_set(film, CATALOG_SOURCE_NFO, "available_to", "2020-01-01T00:00:00Z");
    CHECK_ERR(play(film, ID_NONE, &asset), ERR_NOT_FOUND);
    stage_close();
}
