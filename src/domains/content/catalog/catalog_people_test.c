/* People: their pages and lists, what an editor changes, what imports may change after that. */
#include "catalog_stage_test.h"

#include <string.h>

TEST(people_have_pages)
{
    stage_open();
    struct id m = stage_film("M", 1931), metropolis = stage_film("Metropolis", 1927);
    struct id draft = stage_title(TITLE_FILM, "Draft", 1933, false);
    stage_person(m, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_person(metropolis, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_person(draft, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_person(stage_title(TITLE_FILM, "Other draft", 1934, false), CATALOG_SOURCE_NFO, "Nobody");
    str page = get("/v1/people/1");
    CHECK(has(page, "\"name\":\"Fritz Lang\""));
    CHECK(str_find(page, STR("\"title\":\"M\"")) < str_find(page, STR("\"title\":\"Metropolis\"")));
    CHECK(!has(page, "Draft"));
    CHECK_INT(list_get("/v1/people").count, 1); /* who is in drafts only is not listed */
    CHECK_INT(list_get("/v1/people?prefix=lan").count, 1);
    CHECK_INT(list_get("/v1/people?prefix=ang").count, 0);
    CHECK_INT(answer_status(ask("GET", "/v1/people/99", "", "")), 404);
    CHECK_INT(answer_status(ask("GET", "/v1/people/me", "", "")), 404);
    for (int i = 0; i < 5; i++)
        stage_person(stage_film("Film", 1950 + i), CATALOG_SOURCE_NFO, path_of("Person %d", i));
    struct listed first = list_get("/v1/people?limit=4");
    CHECK(first.count == 4 && first.next);
    struct listed second = list_get(path_of("/v1/people?limit=4&cursor=%s", first.next));
    CHECK(second.count == 2 && !second.next && !listed_has(&first, second.ids[0]));
    stage_close();
}

/* --- Lists ---------------------------------------------------------------------------------- */

static void people_of(struct id film, const char *const *names, size_t count)
{
    struct catalog_text texts[8];
    struct catalog_credit credits[8];
    for (size_t i = 0; i < count; i++) {
        texts[i] = (struct catalog_text){ STR("en"), str_of(names[i]) };
        credits[i] =
            (struct catalog_credit){ .names = &texts[i], .names_count = 1, .role = STR("actor") };
    }
    stage_credits(film, CATALOG_SOURCE_NFO, credits, count);
}

static void check_names(const char *path, const char *const *names, size_t count)
{
    const char *cursor = "";
    for (size_t i = 0; i < count; i++) { /* a page is one person */
        const char *page_path = path_of("%s&limit=1%s%s", path, *cursor ? "&cursor=" : "", cursor);
        str page = get(page_path);
        struct listed list = list_of(page);
        CHECK_INT(list.count, 1);
        CHECK(has(page, path_of("\"name\":\"%s\"", names[i])));
        CHECK_INT(list.next == NULL, i + 1 == count);
        cursor = list.next ? list.next : "";
    }
}

TEST(people_are_sorted_by_name_in_the_language_of_the_answer)
{
    static const char *const names[] = { "Wilhelm", "brigitte", "emile", "Alfred" };
    static const char *const up[] = { "Alfred", "brigitte", "emile", "Wilhelm" };
    static const char *const down[] = { "Wilhelm", "emile", "brigitte", "Alfred" };
    static const char *const newest[] = { "Alfred", "emile", "brigitte", "Wilhelm" };
    static const char *const russian[] = { "brigitte", "emile", "Wilhelm", "Ян" };
    stage_open();
    people_of(stage_film("M", 1931), names, 4);
    check_names("/v1/people?sort=name&lang=en", up, 4);
    check_names("/v1/people?sort=-name&lang=en", down, 4);
    check_names("/v1/people?sort=added&lang=en", names, 4);
    check_names("/v1/people?sort=-added&lang=en", newest, 4);
    str answer = admin_edit_of("PATCH", "/v1/people/4", "{\"texts\":{\"ru\":{\"name\":\"Ян\"}}}");
    CHECK_INT(answer_status(answer), 200);
    check_names("/v1/people?sort=name&lang=ru", russian, 4);
    check_names("/v1/people?sort=name&lang=en", up, 4);
    stage_close();
}

/* The cursor is a key and an id: who comes or goes before it moves nobody. */
TEST(pages_of_people_stay_right_while_people_come)
{
    static const char *const names[] = { "Bela", "Dora", "Fritz", "Hans" };
    static const char *const before[] = { "Adam", "Clara" }, *const after[] = { "Gerda" };
    stage_open();
    people_of(stage_film("M", 1931), names, 4);
    struct listed first = list_get("/v1/people?sort=name&lang=en&limit=2");
    people_of(stage_film("N", 1932), before, 2);
    people_of(stage_film("O", 1933), after, 1);
    str rest = get(path_of("/v1/people?sort=name&lang=en&cursor=%s", first.next));
    CHECK_INT(list_of(rest).count, 3); /* Fritz, Gerda, Hans */
    CHECK(str_find(rest, STR("Fritz")) < str_find(rest, STR("Gerda")));
    CHECK(str_find(rest, STR("Gerda")) < str_find(rest, STR("Hans")));
    str other = ask("GET", path_of("/v1/people?sort=-name&cursor=%s", first.next), "", "");
    CHECK_INT(answer_status(other), 400); /* a cursor of another order */
    stage_close();
}

TEST(the_administrator_lists_everybody)
{
    stage_open();
    stage_person(stage_film("M", 1931), CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_person(stage_title(TITLE_FILM, "Draft", 1934, false), CATALOG_SOURCE_NFO, "Nobody Yet");
    CHECK_INT(list_get("/v1/people?all=false").count, 1);
    CHECK_INT(answer_status(ask("GET", "/v1/people?all=true", "", "")), 401);
    CHECK_INT(answer_status(ask("GET", "/v1/people?%61ll=true", "", "")), 401);
    str answer = admin("GET", "/v1/people?all=true&sort=name", "");
    CHECK_INT(list_of(answer_body(answer)).count, 2);
    CHECK_STR(answer_field(answer, STR("Cache-Control")), STR("no-store"));
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/people?all=true&prefix=nob", ""))).count, 1);
    CHECK_INT(list_get("/v1/people").count, 1);
    stage_close();
}

/* --- Editing -------------------------------------------------------------------------------- */

TEST(a_person_is_changed_and_stays_so)
{
    stage_open();
    struct id film = stage_film("M", 1931);
    stage_person(film, CATALOG_SOURCE_NFO, "Fritz Lang");
    str before = ask("GET", "/v1/people/1", "", "");
    CHECK_INT(answer_status(admin("PATCH", "/v1/people/1", "{}")), 428);
    CHECK_INT(answer_status(ask("PATCH", "/v1/people/1", "If-Match: \"1-x\"\r\n", "{}")), 401);
    str answer = admin_edit_of("PATCH", "/v1/people/1",
                               "{\"born\":1890,\"died\":1976,\"texts\":{\"en\":{\"name\":"
                               "\"Friedrich Lang\",\"biography\":\"A director.\"}}}");
    CHECK_INT(answer_status(answer), 200);
    CHECK(has(answer, "\"born\":1890") && has(answer, "\"biography\":\"A director.\""));
    str stale = answer_field(before, STR("ETag"));
    CHECK_INT(answer_status(ask("PATCH", "/v1/people/1",
                                path_of("X-Admin: 1\r\nIf-Match: %.*s\r\n", STR_ARG(stale)),
                                "{\"born\":1891}")),
              412);
    CHECK(has(get("/v1/people/1"), "\"name\":\"Friedrich Lang\""));
    CHECK(has(get(path_of("/v1/titles/%lld", (long long)film.value)), "Friedrich Lang"));
    CHECK_INT(list_get("/v1/people?prefix=fried").count, 1);
    CHECK_INT(list_get("/v1/people?prefix=fritz").count, 0);
    /* an import finds him by the name it knows, and leaves the editor's alone */
    stage_person(stage_film("N", 1932), CATALOG_SOURCE_NFO, "Fritz Lang");
    CHECK(has(get("/v1/people/1"), "\"name\":\"Friedrich Lang\""));
    CHECK_INT(list_get("/v1/people").count, 1);
    str form = answer_body(admin("GET", "/v1/people/1/edit", ""));
    CHECK(has(form,
              "\"texts\":{\"en\":{\"name\":\"Friedrich Lang\",\"biography\":\"A director.\"}}"));
    CHECK(has(form, "\"name.en\":{\"source\":\"editor\",\"licence\":\"\",\"locked\":true"));
    CHECK_INT(answer_status(ask("GET", "/v1/people/1/edit", "", "")), 401);
    stage_close();
}

TEST(wrong_changes_of_people_name_their_fields)
{
    static const struct {
        const char *body, *part;
    } refused[] = {
        { "{\"born\":0}", "\"field\":\"born\"" },
        { "{\"born\":1900,\"died\":1890}", "\"field\":\"died\"" },
        { "{\"texts\":{\"en\":{\"name\":null}}}", "\"field\":\"name\"" },
        { "{\"texts\":{\"en\":{\"name\":\"\"}}}", "\"field\":\"name\"" },
        { "{\"texts\":{\"english!\":{}}}", "texts" },
        { "{\"unlock\":[\"born\"]}", "\"field\":\"unlock[0]\"" },
        { "{\"shoe_size\":43}", "shoe_size" },
    };
    stage_open();
    stage_person(stage_film("M", 1931), CATALOG_SOURCE_NFO, "Fritz Lang");
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        str answer = admin_edit_of("PATCH", "/v1/people/1", refused[i].body);
        CHECK_INT(answer_status(answer), 400);
        CHECK(has(answer, refused[i].part));
    }
    CHECK(has(get("/v1/people/1"), "\"born\":null"));
    CHECK_INT(answer_status(admin("GET", "/v1/people/9/edit", "")), 404);
    stage_close();
}

/* --- Giving back ---------------------------------------------------------------------------- */

TEST(a_persons_field_is_given_back_to_imports)
{
    stage_open();
    struct id film = stage_film("M", 1931);
    stage_person(film, CATALOG_SOURCE_NFO, "Fritz Lang");
    str answer =
        admin_edit_of("PATCH", "/v1/people/1", "{\"texts\":{\"en\":{\"name\":\"F. L.\"}}}");
    CHECK_INT(answer_status(answer), 200);
    stage_person(film, CATALOG_SOURCE_DEMO, "FRITZ LANG");
    CHECK(has(get("/v1/people/1"), "\"name\":\"F. L.\""));
    CHECK_INT(answer_status(admin_edit_of("PATCH", "/v1/people/1", "{\"unlock\":[\"name.en\"]}")),
              200);
    CHECK(has(get("/v1/people/1"), "\"name\":\"F. L.\"")); /* until an import brings one */
    stage_person(film, CATALOG_SOURCE_NFO, "Fritz Lang");
    CHECK(has(get("/v1/people/1"), "\"name\":\"Fritz Lang\""));
    stage_close();
}

TEST(a_titles_field_is_given_back_to_imports)
{
    stage_open();
    struct id film = stage_film("Metropolis", 1927);
    admin_edit("PATCH", film, "", "{\"year\":1928,\"texts\":{\"en\":{\"title\":\"Mine\"}}}");
    const char *path = path_of("/v1/titles/%lld", (long long)film.value);
    str answer = admin_edit("PATCH", film, "", "{\"unlock\":[\"title.en\",\"year\"]}");
    CHECK_INT(answer_status(answer), 200);
    CHECK(has(answer, "\"title\":\"Mine\"")); /* until an import brings one */
    stage_set(film, CATALOG_SOURCE_NAME, "year", "1926");
    stage_text(film, CATALOG_SOURCE_NAME, "en", "Metropolis");
    CHECK(has(get(path), "\"year\":1926") && has(get(path), "\"title\":\"Metropolis\""));
    answer = admin_edit("PATCH", film, "", "{\"unlock\":[\"title.en\",\"colour\"]}");
    CHECK_INT(answer_status(answer), 400);
    CHECK(has(answer, "\"field\":\"unlock[1]\""));
    /* what is set again is locked again */
    CHECK_INT(answer_status(admin_edit("PATCH", film, "", "{\"year\":1927}")), 200);
    stage_set(film, CATALOG_SOURCE_NFO, "year", "1926");
    CHECK(has(get(path), "\"year\":1927"));
    stage_close();
}
