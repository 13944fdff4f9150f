/* Editing, collections, the home page and ready bytes, as a client sees them. */
#include "catalog_stage_test.h"

#include <stdio.h>

static struct id added(str answer)
{
    struct title_card card;
    CHECK_INT(answer_status(answer), 201);
    CHECK_INT(answer_status(admin(
                  "GET", path_of("%.*s", STR_ARG(answer_field(answer, STR("Location")))), "")),
              200);
    str body = answer_body(answer);
    ptrdiff_t at = str_find(body, STR("\"id\":\""));
    str rest = str_skip(body, (size_t)at + 6), number = STR_NONE;
    CHECK(at >= 0 && str_cut(&rest, '"', &number));
    CHECK(id_parse(number, &card.id));
    return card.id;
}

/* --- Editing -------------------------------------------------------------------------------- */

TEST(a_title_is_added_changed_and_published)
{
    stage_open();
    struct id id = added(admin("POST", "/v1/titles",
                               "{\"kind\":\"film\",\"year\":1927,\"texts\":{\"en\":{\"title\":"
                               "\"Metropolis\"}}}"));
    const char *path = path_of("/v1/titles/%lld", (long long)id.value);
    CHECK_INT(answer_status(ask("GET", path, "", "")), 404); /* a draft */
    str answer = admin_edit("PATCH", id, "",
                            "{\"genres\":[\"drama\"],\"countries\":[\"DE\"],"
                            "\"available_from\":\"2001-01-01T00:00:00Z\"}");
    CHECK_INT(answer_status(answer), 200);
    CHECK(has(answer, "\"genres\":[\"drama\"]") && has(answer, "\"status\":\"draft\""));
    CHECK(has(admin_edit("POST", id, "/publish", ""), "\"status\":\"published\""));
    CHECK(has(get(path), "\"available_from\":\"2001-01-01T00:00:00Z\""));
    answer = admin_edit("PATCH", id, "", "{\"year\":null,\"genres\":[],\"available_from\":null}");
    CHECK(has(answer, "\"year\":null") && has(answer, "\"genres\":[]"));
    CHECK(has(get(path), "\"available_from\":null"));
    CHECK(has(get(path), "\"countries\":[\"DE\"]")); /* what was not named stays */
    stage_close();
}

TEST(a_change_names_the_version_it_was_made_from)
{
    stage_open();
    struct id id = stage_film("M", 1931);
    const char *path = path_of("/v1/titles/%lld", (long long)id.value);
    str etag = answer_field(admin("GET", path, ""), STR("ETag"));
    const char *fields = path_of("X-Admin: yes\r\nIf-Match: %.*s\r\n", STR_ARG(etag));
    CHECK_INT(answer_status(admin("PATCH", path, "{\"year\":1932}")), 428);
    CHECK_INT(answer_status(ask("PATCH", path, "X-Admin: 1\r\nIf-Match: \"\"\r\n", "{}")), 412);
    CHECK_INT(answer_status(ask("PATCH", path, fields, "{\"year\":1932}")), 200);
    str answer = ask("PATCH", path, fields, "{\"year\":1933}"); /* made from what is no more */
    CHECK_INT(answer_status(answer), 412);
    CHECK(has(answer, "\"slug\":\"precondition-failed\""));
    CHECK(has(get(path), "\"year\":1932"));
    CHECK_INT(answer_status(ask("POST", path_of("%s/archive", path), fields, "")), 412);
    CHECK_INT(answer_status(ask("PATCH", path, "If-Match: \"1-x\"\r\n", "{}")), 401);
    stage_close();
}

TEST(bad_bodies_name_their_fields)
{
    static const struct {
        const char *body, *part;
    } refused[] = {
        { "{\"kind\":\"opera\"}", "\"field\":\"kind\"" },
        { "{\"texts\":{}}", "\"field\":\"kind\"" },
        { "{\"kind\":\"film\",\"year\":5}", "\"field\":\"year\"" },
        { "{\"kind\":\"film\",\"colour\":1}", "colour" },
        { "{\"kind\":\"film\",\"texts\":{\"english!\":{}}}", "texts" },
        { "{\"kind\":\"film\",\"genres\":[\"a b\"]}", "genres" },
        { "{\"kind\":\"film\",\"texts\":{\"en\":{\"title\":\"a\\u0000b\"}}}", "title" },
        { "{\"kind\":\"film\",\"available_from\":\"2002-01-01T00:00:00Z\","
          "\"available_to\":\"2001-01-01T00:00:00Z\"}",
          "available_to" },
        { "{\"kind\":\"episode\"}", "series_id" },
        { "{\"kind\":\"episode\",\"series_id\":\"99\",\"season\":1,\"episode\":1}", "series_id" },
        { "{\"kind\":\"episode\",\"series_id\":\"1\",\"season\":1,\"episode\":1}", "series_id" },
        { "[]", "" },
        { "{", "" },
    };
    stage_open();
    CHECK_INT(stage_film("A film is no series", 1931).value, 1);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        str answer = admin("POST", "/v1/titles", refused[i].body);
        CHECK_INT(answer_status(answer), 400);
        CHECK(has(answer, refused[i].part));
    }
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/titles?status=any", ""))).count, 1);
    stage_close();
}

TEST(an_episode_is_there_once)
{
    stage_open();
    struct id series = stage_title(TITLE_SERIES, "Dark", 2017, true);
    const char *body = path_of("{\"kind\":\"episode\",\"series_id\":\"%lld\",\"season\":1,"
                               "\"episode\":1,\"texts\":{\"en\":{\"title\":\"Secrets\"}}}",
                               (long long)series.value);
    added(admin("POST", "/v1/titles", body));
    CHECK_INT(answer_status(admin("POST", "/v1/titles", body)), 409);
    stage_close();
}

/* --- Ready bytes ---------------------------------------------------------------------------- */

static unsigned again(const char *path, str answer)
{
    str etag = answer_field(answer, STR("ETag"));
    return answer_status(ask("GET", path, path_of("If-None-Match: %.*s\r\n", STR_ARG(etag)), ""));
}

TEST(what_did_not_change_is_not_sent_again)
{
    static const char *const paths[] = { "/v1/titles/1",    "/v1/titles",    "/v1/home",
                                         "/v1/people/1",    "/v1/people",    "/v1/genres",
                                         "/v1/collections", "/v1/countries", "/v1/years" };
    stage_open();
    struct id id = stage_film("M", 1931);
    stage_person(id, CATALOG_SOURCE_NFO, "Fritz Lang");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        str first = ask("GET", paths[i], "", ""), second = ask("GET", paths[i], "", "");
        CHECK_INT(answer_status(first), 200);
        CHECK_STR(answer_body(second), answer_body(first));
        CHECK_STR(answer_field(first, STR("Vary")), STR("Accept-Language, Accept-Encoding"));
        CHECK_INT(again(paths[i], first), 304);
    }
    str before = ask("GET", "/v1/titles/1", "", "");
    stage_set(id, CATALOG_SOURCE_NFO, "year", "1932");
    CHECK_INT(again("/v1/titles/1", before), 200);
    CHECK(has(get("/v1/titles/1"), "\"year\":1932"));
    CHECK(has(get("/v1/titles"), "\"year\":1932"));
    CHECK_INT(answer_status(ask("GET", "/v1/titles/2", "", "")), 404);
    stage_film("N", 1932); /* a 404 is not remembered */
    CHECK_INT(answer_status(ask("GET", "/v1/titles/2", "", "")), 200);
    stage_close();
}

TEST(what_is_asked_for_again_is_compressed_once_and_kept)
{
    static const char brotli[] = "Accept-Encoding: gzip, br\r\n",
                      gzip[] = "Accept-Encoding: gzip\r\n";
    stage_open();
    for (int i = 0; i < 12; i++)
        stage_film("The same long title of a film, again and again and again and again", 1931);
    str plain = answer_body(ask("GET", "/v1/titles", "", ""));
    CHECK(plain.len > 1024);
    ask("GET", "/v1/titles", "", "");
    str packed = ask("GET", "/v1/titles", brotli, "");
    CHECK_STR(answer_field(packed, STR("Content-Encoding")), STR("br"));
    CHECK(answer_body(packed).len < plain.len / 2);
    CHECK(str_ends(answer_field(packed, STR("ETag")), STR("-br\"")));
    CHECK_STR(answer_body(ask("GET", "/v1/titles", brotli, "")), answer_body(packed));
    str etag = answer_field(packed, STR("ETag"));
    str same =
        ask("GET", "/v1/titles", path_of("%sIf-None-Match: %.*s\r\n", brotli, STR_ARG(etag)), "");
    CHECK_INT(answer_status(same), 304);
    packed = ask("HEAD", "/v1/titles", gzip, "");
    CHECK_STR(answer_field(packed, STR("Content-Encoding")), STR("gzip"));
    CHECK_INT(answer_body(packed).len, 0);
    CHECK_STR(answer_body(ask("GET", "/v1/titles", "", "")), plain);
    stage_film("Another", 1932); /* what has changed is compressed anew, when asked for often */
    CHECK(!answer_field(ask("GET", "/v1/titles", gzip, ""), STR("Content-Encoding")).ptr);
    CHECK_STR(answer_field(ask("GET", "/v1/titles", "Accept-Encoding: br, identity;q=0\r\n", ""),
                           STR("Content-Encoding")),
              STR("br"));
    stage_close();
}

TEST(what_is_small_or_not_for_everybody_is_not_compressed)
{
    static const char coded[] = "X-Admin: yes\r\nAccept-Encoding: gzip, br\r\n";
    stage_open();
    for (int i = 0; i < 12; i++)
        stage_film("The same long title of a film, again and again and again and again", 1931);
    for (int i = 0; i < 4; i++) {
        str small = ask("GET", "/v1/years", coded, "");
        CHECK_INT(answer_status(small), 200);
        CHECK(!answer_field(small, STR("Content-Encoding")).ptr);
        str private = ask("GET", "/v1/titles?status=published", coded, "");
        CHECK_STR(answer_field(private, STR("Cache-Control")), STR("no-store"));
        CHECK(answer_body(private).len > 1024);
        CHECK(!answer_field(private, STR("Content-Encoding")).ptr);
    }
    CHECK_INT(answer_status(ask("GET", "/v1/years", "Accept-Encoding: *;q=0\r\n", "")), 406);
    stage_close();
}

TEST(a_parameter_that_is_not_known_is_refused)
{
    static const char *const paths[] = { "/v1/titles/1",    "/v1/home",   "/v1/people/1",
                                         "/v1/genres",      "/v1/titles", "/v1/people",
                                         "/v1/collections", "/artwork/1" };
    stage_open();
    stage_person(stage_film("M", 1931), CATALOG_SOURCE_NFO, "Fritz Lang");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        str answer = ask("GET", path_of("%s?colour=grey", paths[i]), "", "");
        CHECK_INT(answer_status(answer), 400);
        CHECK(has(answer, "\"field\":\"colour\""));
    }
    CHECK_INT(answer_status(admin("GET", "/v1/titles/1?colour=grey", "")), 400);
    CHECK_INT(answer_status(admin("GET", "/v1/people/1?colour=grey", "")), 400);
    stage_close();
}

TEST(ready_bytes_are_of_one_language_and_query)
{
    stage_open();
    struct id id = stage_film("Alien", 1979);
    stage_text(id, CATALOG_SOURCE_NFO, "ru", "Чужой");
    for (int round = 0; round < 2; round++) {
        CHECK(has(get("/v1/titles/1?lang=ru"), "Чужой"));
        CHECK(has(get("/v1/titles/1?lang=en"), "Alien"));
        CHECK(has(ask("GET", "/v1/titles/1", "Accept-Language: ru\r\n", ""), "Чужой"));
        CHECK(has(ask("GET", "/v1/titles/1", "Accept-Language: en-GB, ru\r\n", ""), "Alien"));
        CHECK(has(ask("GET", "/v1/titles/1", "Accept-Language: *\r\n", ""), "Alien"));
        CHECK(!has(get("/v1/titles?prefix=b"), "Alien"));
        CHECK(has(get("/v1/titles?prefix=a"), "Alien"));
    }
    stage_close();
}

/* An editor's view of a draft must not become everybody's. */
TEST(what_an_editor_sees_is_not_kept)
{
    stage_open();
    stage_title(TITLE_FILM, "Secret", 1979, false);
    str answer = admin("GET", "/v1/titles/1", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK_STR(answer_field(answer, STR("Cache-Control")), STR("no-store"));
    CHECK_INT(answer_status(ask("GET", "/v1/titles/1", "", "")), 404);
    stage_close();
}

/* --- Collections and home ------------------------------------------------------------------- */

static str collection_put(const char *body)
{
    str answer = admin("POST", "/v1/collections", body);
    bool made = answer_status(answer) == 201;
    CHECK(made || answer_status(answer) == 200);
    CHECK_INT(made, str_starts(answer_field(answer, STR("Location")), STR("/v1/collections/")));
    return answer_body(answer);
}

TEST(collections_are_made_changed_and_removed)
{
    stage_open();
    stage_film("A", 2001);
    stage_film("B", 2002);
    collection_put("{\"slug\":\"best\",\"kind\":\"collection\",\"names\":{\"en\":\"Best\",\"ru\":"
                   "\"Лучшее\"},\"titles\":[\"2\",\"1\",\"2\"]}");
    CHECK(has(get("/v1/collections?kind=collection&lang=ru"), "\"name\":\"Лучшее\""));
    CHECK(has(get("/v1/collections?kind=collection"), "\"count\":2"));
    CHECK_INT(list_get("/v1/collections").count, 0); /* it is no shelf */
    str page = get("/v1/collections/1");
    CHECK(str_find(page, STR("\"title\":\"B\"")) < str_find(page, STR("\"title\":\"A\"")));
    CHECK(has(get("/v1/titles/1"), "\"collections\":[{\"id\":\"1\",\"name\":\"Best\"}]"));
    collection_put("{\"slug\":\"best\",\"kind\":\"shelf\",\"names\":{\"en\":\"Best\"},"
                   "\"titles\":[\"1\"]}");
    CHECK_INT(list_get("/v1/collections?kind=collection").count, 0);
    CHECK_INT(list_get("/v1/collections?kind=shelf").count, 1);
    CHECK(!has(get("/v1/collections/1"), "\"title\":\"B\""));
    CHECK_INT(answer_status(admin("DELETE", "/v1/collections/1", "")), 204);
    CHECK_INT(answer_status(admin("DELETE", "/v1/collections/1", "")), 404);
    CHECK_INT(answer_status(ask("GET", "/v1/collections/1", "", "")), 404);
    CHECK_INT(answer_status(ask("DELETE", "/v1/collections/1", "", "")), 401);
    str answer = admin("POST", "/v1/collections",
                       "{\"slug\":\"x\",\"kind\":\"pile\",\"names\":{\"en\":\"X\"}}");
    CHECK_INT(answer_status(answer), 400);
    stage_close();
}

TEST(collections_come_in_pages)
{
    stage_open();
    for (int i = 0; i < 5; i++) /* equal positions, and negative ones */
        collection_put(
            path_of("{\"slug\":\"s%d\",\"kind\":\"shelf\",\"position\":%d,\"names\":{\"en\":"
                    "\"Shelf\"},\"titles\":[]}",
                    i, (i % 2) * 10 - 5));
    collection_put(
        "{\"slug\":\"c\",\"kind\":\"collection\",\"names\":{\"en\":\"C\"},\"titles\":[]}");
    struct listed first = list_get("/v1/collections?limit=2");
    CHECK(first.count == 2 && first.ids[0].value == 1 && first.ids[1].value == 3 && first.next);
    collection_put("{\"slug\":\"new\",\"kind\":\"shelf\",\"position\":-9,\"names\":{\"en\":\"N\"},"
                   "\"titles\":[]}");
    struct listed second = list_get(path_of("/v1/collections?limit=2&cursor=%s", first.next));
    CHECK(second.count == 2 && second.ids[0].value == 5 && second.ids[1].value == 2);
    struct listed third = list_get(path_of("/v1/collections?limit=2&cursor=%s", second.next));
    CHECK(third.count == 1 && third.ids[0].value == 4 && !third.next);
    static const char *const refused[] = { "limit=0", "limit=101", "kind=pile", "cursor=abcd" };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK_INT(answer_status(ask("GET", path_of("/v1/collections?%s", refused[i]), "", "")),
                  400);
    str other =
        ask("GET", path_of("/v1/collections?kind=collection&cursor=%s", first.next), "", "");
    CHECK_INT(answer_status(other), 400);
    stage_close();
}

struct some_shelf {
    str slug;
    title_cards titles;
};
SHAPE_FORGIVING(some_shelf_shape, struct some_shelf, FIELD(struct some_shelf, slug),
                FIELD_SHAPES(struct some_shelf, titles, title_card_shape));
struct some_home {
    LIST_OF(struct some_shelf) shelves;
};
SHAPE_FORGIVING(some_home_shape, struct some_home,
                FIELD_SHAPES(struct some_home, shelves, some_shelf_shape));

static struct listed shelf_of(str body, const char *slug)
{
    struct some_home home;
    struct listed list = { .ids = ARENA_NEW(stage_arena(), struct id) };
    CHECK_OK(shape_parse_json(stage_arena(), &some_home_shape, body, &home));
    for (size_t i = 0; i < home.shelves.count; i++) {
        const struct some_shelf *shelf = &home.shelves.items[i];
        if (!str_eq(shelf->slug, str_of(slug)))
            continue;
        list.ids = ARENA_ARRAY(stage_arena(), shelf->titles.count + 1, struct id);
        for (size_t j = 0; j < shelf->titles.count; j++)
            list.ids[list.count++] = shelf->titles.items[j].id;
    }
    return list;
}

TEST(a_title_without_a_film_is_never_first_of_a_shelf)
{
    stage_open();
    for (int i = 1; i <= 4; i++) {
        struct id id = stage_film("Film", 2000 + i);
        stage_set(id, CATALOG_SOURCE_NFO, "genres", i < 4 ? "drama" : "comedy drama");
    }
    collection_put("{\"slug\":\"mixed\",\"kind\":\"shelf\",\"names\":{\"en\":\"Mixed\"},"
                   "\"titles\":[\"1\",\"2\",\"3\"]}");
    collection_put("{\"slug\":\"bare\",\"kind\":\"shelf\",\"names\":{\"en\":\"Bare\"},"
                   "\"titles\":[\"4\",\"1\"]}");
    CHECK(has(get("/v1/home"), "\"hero\":null"));
    CHECK_INT(shelf_of(get("/v1/home"), "bare").count, 2); /* nothing plays: better than nothing */
    stage_edition(ID(2), 1, "feature", "");
    str home = get("/v1/home");
    CHECK(has(home, "\"hero\":{\"id\":\"2\""));
    CHECK_INT(shelf_of(home, "new").ids[0].value, 2);
    CHECK_INT(shelf_of(home, "mixed").ids[0].value, 2);
    CHECK_INT(shelf_of(home, "mixed").ids[1].value, 1);
    CHECK_INT(shelf_of(home, "drama").ids[0].value, 2);
    CHECK_INT(shelf_of(home, "bare").count, 0);
    stage_close();
}

/* --- What belongs to drafts ----------------------------------------------------------------- */

struct picture {
    struct id title;
    str key;
};

static enum err picture_tx(struct db_tx *tx, void *arg)
{
    const struct picture *picture = arg;
    struct catalog_artwork artwork = { .title = picture->title,
                                       .kind = STR("poster"),
                                       .blob_key = picture->key,
                                       .media_type = STR("image/png"),
                                       .hash = STR("0123456789abcdef") };
    return catalog_artwork_put(tx, &artwork);
}

TEST(the_people_and_pictures_of_a_draft_are_for_editors)
{
    stage_open();
    struct id draft = stage_title(TITLE_FILM, "Secret", 1979, false);
    struct picture picture = { draft, stage_blob("posters/1.png", "a picture") };
    stage_person(draft, CATALOG_SOURCE_NFO, "Nobody Yet");
    stage_do(picture_tx, &picture);
    for (int round = 0; round < 2; round++) { /* once more: nothing of it was kept */
        CHECK_INT(answer_status(ask("GET", "/v1/people/1", "", "")), 404);
        CHECK_INT(list_get("/v1/people?prefix=nobody").count, 0);
        CHECK_INT(answer_status(ask("GET", "/artwork/1?v=0123456789ab", "", "")), 404);
        str answer = admin("GET", "/v1/people/1", "");
        CHECK(has(answer, "\"name\":\"Nobody Yet\"") && has(answer, "\"title\":\"Secret\""));
        CHECK_STR(answer_field(answer, STR("Cache-Control")), STR("no-store"));
        answer = admin("GET", "/artwork/1?v=0123456789ab", "");
        CHECK_STR(answer_body(answer), STR("a picture"));
        CHECK_STR(answer_field(answer, STR("Cache-Control")), STR("no-store"));
    }
    stage_publish(draft);
    CHECK(has(get("/v1/people/1"), "\"name\":\"Nobody Yet\""));
    str answer = ask("GET", "/artwork/1?v=0123456789ab", "", "");
    CHECK_STR(answer_body(answer), STR("a picture"));
    CHECK_STR(answer_field(answer, STR("Cache-Control")),
              STR("public, max-age=31536000, immutable"));
    CHECK_INT(answer_status(admin_edit("POST", draft, "/archive", "")), 200);
    CHECK_INT(answer_status(ask("GET", "/artwork/1", "", "")), 404);
    CHECK_INT(answer_status(ask("GET", "/v1/people/1", "", "")), 404);
    stage_close();
}
