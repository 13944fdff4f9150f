/* Lists: what they hold, in what order, and that pages stay right while titles come and go. */
#include "catalog_stage_test.h"

#include <stdio.h>
#include <string.h>

static bool is(const struct listed *list, size_t count, const struct id *ids)
{
    if (list->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!id_eq(list->ids[i], ids[i]))
            return false;
    return true;
}
#define CHECK_LIST(path, ...)                                                                      \
    do {                                                                                           \
        const struct id expected_[] = { __VA_ARGS__ };                                             \
        struct listed list_ = list_get(path);                                                      \
        CHECK(is(&list_, ARRAY_LEN(expected_), expected_));                                        \
    } while (0)

/* Four films and a series, made one after another. */
static struct id metropolis, solaris, alien, elka, dark;

static void five_titles(void)
{
    stage_open();
    clock_set(SECONDS(1000000000));
    metropolis = stage_film("Metropolis", 1927);
    clock_set(SECONDS(1000000001));
    solaris = stage_film("Solaris", 1972);
    clock_set(SECONDS(1000000002));
    alien = stage_film("Alien", 1979);
    clock_set(SECONDS(1000000003));
    elka = stage_film("Ёлка", 0);
    clock_set(SECONDS(1000000004));
    dark = stage_title(TITLE_SERIES, "Dark", 2017, true);
    stage_set(metropolis, CATALOG_SOURCE_NFO, "genres", "drama sci-fi");
    stage_set(metropolis, CATALOG_SOURCE_NFO, "countries", "DE");
    stage_set(solaris, CATALOG_SOURCE_NFO, "genres", "sci-fi");
    stage_set(solaris, CATALOG_SOURCE_NFO, "countries", "SU");
    stage_set(solaris, CATALOG_SOURCE_NFO, "languages", "ru de");
    stage_set(alien, CATALOG_SOURCE_NFO, "age_rating", "R");
    stage_set(solaris, CATALOG_SOURCE_NFO, "age_rating", "12+");
    stage_person(solaris, CATALOG_SOURCE_NFO, "Андрей Тарковский");
    stage_edition(metropolis, 1, "feature", "");
}

TEST(lists_have_orders)
{
    five_titles();
    CHECK_LIST("/v1/titles", metropolis, dark, elka, alien, solaris); /* what plays is first */
    CHECK_LIST("/v1/titles?sort=added", metropolis, solaris, alien, elka, dark);
    CHECK_LIST("/v1/titles?sort=-added", dark, elka, alien, solaris, metropolis);
    CHECK_LIST("/v1/titles?sort=year", elka, metropolis, solaris, alien, dark);
    CHECK_LIST("/v1/titles?sort=-year", dark, alien, solaris, metropolis, elka);
    CHECK_LIST("/v1/titles?sort=title&lang=en", alien, dark, metropolis, solaris, elka);
    CHECK_LIST("/v1/titles?sort=-title&lang=en", elka, solaris, metropolis, dark, alien);
    stage_text(alien, CATALOG_SOURCE_NFO, "ru", "Чужой");
    stage_text(dark, CATALOG_SOURCE_NFO, "ru", "Тьма");
    CHECK_LIST("/v1/titles?sort=title&lang=ru", metropolis, solaris, elka, dark, alien);
    stage_close();
}

TEST(lists_are_filtered)
{
    five_titles();
    CHECK_LIST("/v1/titles?kind=series", dark);
    CHECK_LIST("/v1/titles?genre=sci-fi&sort=year", metropolis, solaris);
    CHECK_LIST("/v1/titles?genre=sci-fi&country=SU", solaris);
    CHECK_INT(list_get("/v1/titles?genre=sci").count, 0);
    CHECK_LIST("/v1/titles?country=DE", metropolis);
    CHECK_LIST("/v1/titles?language=de", solaris);
    CHECK_LIST("/v1/titles?year_from=1972&year_to=1979&sort=year", solaris, alien);
    CHECK_LIST("/v1/titles?year_to=1927&sort=year", metropolis); /* an unknown year is none */
    CHECK_LIST("/v1/titles?age_max=13&sort=year", solaris);      /* an unknown rating is none */
    CHECK_LIST("/v1/titles?age_max=99&sort=year", solaris, alien);
    stage_set(metropolis, CATALOG_SOURCE_NFO, "age_rating", "0+");
    CHECK_LIST("/v1/titles?age_max=0", metropolis);
    stage_set(metropolis, CATALOG_SOURCE_NFO, "age_rating", "for the brave");
    CHECK_INT(list_get("/v1/titles?age_max=11").count, 0);
    CHECK_LIST("/v1/titles?playable=true", metropolis);
    CHECK_LIST("/v1/titles?playable=false&sort=added", solaris, alien, elka, dark);
    CHECK_LIST("/v1/titles?status=published&kind=series", dark);
    struct listed people = list_get("/v1/people");
    CHECK_INT(people.count, 1);
    CHECK_LIST(path_of("/v1/titles?person=%lld", (long long)people.ids[0].value), solaris);
    stage_close();
}

TEST(a_prefix_is_the_beginning_of_any_word)
{
    stage_open();
    struct id dog = stage_film("Schindler's “List”: [Director's-cut] №5", 1993);
    struct id fir = stage_film("Ёлки чёрные", 2010);
    CHECK_LIST("/v1/titles?prefix=SCHIND", dog);
    CHECK_LIST("/v1/titles?prefix=list", dog);
    CHECK_LIST("/v1/titles?prefix=director", dog);
    CHECK_LIST("/v1/titles?prefix=cut", dog);
    CHECK_LIST("/v1/titles?prefix=%20schindler%27s%20", dog);
    CHECK_LIST("/v1/titles?prefix=%D0%B5%D0%BB%D0%BA%D0%B8", fir);             /* елки */
    CHECK_LIST("/v1/titles?prefix=%D0%81%D0%9B", fir);                         /* ЁЛ */
    CHECK_LIST("/v1/titles?prefix=%D1%87%D1%91%D1%80%D0%BD%D1%8B%D0%B5", fir); /* чёрные */
    CHECK_INT(list_get("/v1/titles?prefix=ist").count, 0);
    CHECK_INT(list_get("/v1/titles?prefix=%25").count, 0);
    CHECK_INT(list_get("/v1/titles?prefix=status=").count, 0); /* no filter, and not forbidden */
    stage_close();
}

TEST(lists_refuse_what_makes_no_sense)
{
    static const char *const refused[] = { "limit=0",         "limit=101",        "limit=x",
                                           "sort=random",     "kind=opera",       "person=me",
                                           "year_from=0",     "year_from=100000", "genre=%22%5D",
                                           "country=Germany", "cursor=abcd",      "nonsense=1",
                                           "playable=maybe" };
    stage_open();
    stage_film("A", 2000);
    stage_film("B", 2001);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        str answer = ask("GET", path_of("/v1/titles?%s", refused[i]), "", "");
        CHECK_INT(answer_status(answer), 400);
        CHECK(has(answer, "application/problem+json"));
    }
    struct listed page = list_get("/v1/titles?limit=1&sort=added");
    CHECK(page.next != NULL);
    str other = ask("GET", path_of("/v1/titles?limit=1&sort=title&cursor=%s", page.next), "", "");
    CHECK_INT(answer_status(other), 400); /* a cursor of another order */
    stage_close();
}

/* --- Windows and status --------------------------------------------------------------------- */

static bool shown(struct id id)
{
    struct listed list = list_get("/v1/titles?limit=100");
    str answer = ask("GET", path_of("/v1/titles/%lld", (long long)id.value), "", "");
    bool listed = listed_has(&list, id), found = answer_status(answer) == 200;
    CHECK(found || answer_status(answer) == 404);
    CHECK_INT(listed, found); /* both or neither */
    CHECK_INT(found, list_get("/v1/people").count);
    CHECK_INT(found, has(get("/v1/genres"), "\"count\":1"));
    CHECK_INT(found, has(get("/v1/home"), "\"title\":\"M\""));
    return found;
}

/* Through the cache: nothing changes but the time. */
TEST(windows_open_and_close_by_themselves)
{
    stage_open();
    clock_set(SECONDS(1000000000)); /* 2001-09-09T01:46:40Z */
    struct id id = stage_film("M", 1931);
    stage_person(id, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_set(id, CATALOG_SOURCE_NFO, "genres", "drama");
    CHECK(shown(id));
    stage_set(id, CATALOG_SOURCE_NFO, "available_from", "2001-09-09T01:47:00Z");
    stage_set(id, CATALOG_SOURCE_NFO, "available_to", "2001-09-09T01:48:00Z");
    CHECK(!shown(id));
    clock_set(SECONDS(1000000019) + 999999);
    CHECK(!shown(id));
    clock_set(SECONDS(1000000020));
    CHECK(shown(id));
    clock_set(SECONDS(1000000080) - 1);
    CHECK(shown(id));
    clock_set(SECONDS(1000000080));
    CHECK(!shown(id));
    CHECK_ERR(stage_put(id, CATALOG_SOURCE_NFO,
                        (struct catalog_value){ STR("available_to"), STR(""),
                                                STR("2001-09-09T01:47:00Z") }),
              ERR_INVALID);
    stage_close();
}

/* A clock that was wrong and is put right takes back what it had shown, and hides nothing else. */
TEST(windows_hold_when_the_clock_jumps)
{
    static const struct {
        int64_t second;
        bool open;
    } jumps[] = { { 1000000030, true },  { 1000000000, false }, { 1000000070, true },
                  { 2000000000, false }, { 1000000020, true },  { 1000000019, false },
                  { 1000000079, true },  { 1000000080, false }, { 500000000, false },
                  { 1000000050, true } };
    stage_open();
    clock_set(SECONDS(1000000000));
    struct id id = stage_film("M", 1931);
    stage_person(id, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_set(id, CATALOG_SOURCE_NFO, "genres", "drama");
    stage_set(id, CATALOG_SOURCE_NFO, "available_from", "2001-09-09T01:47:00Z");
    stage_set(id, CATALOG_SOURCE_NFO, "available_to", "2001-09-09T01:48:00Z");
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        clock_set(SECONDS(jumps[i].second));
        CHECK_INT(shown(id), jumps[i].open);
        CHECK_INT(shown(id), jumps[i].open); /* once more, from the cache */
    }
    stage_close();
}

TEST(drafts_and_archived_titles_are_for_editors)
{
    stage_open();
    struct id id = stage_title(TITLE_FILM, "M", 1931, false);
    stage_person(id, CATALOG_SOURCE_NFO, "Fritz Lang");
    stage_set(id, CATALOG_SOURCE_NFO, "genres", "drama");
    CHECK(!shown(id));
    CHECK_INT(answer_status(ask("GET", "/v1/titles?status=draft", "", "")), 401);
    CHECK_INT(answer_status(ask("GET", "/v1/titles?status=any", "", "")), 401);
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/titles?status=draft", ""))).count, 1);
    stage_publish(id);
    CHECK(shown(id));
    CHECK_INT(answer_status(admin_edit("POST", id, "/archive", "")), 200);
    CHECK(!shown(id));
    stage_publish(id); /* an import does not bring it back */
    CHECK(!shown(id));
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/titles?status=archived&prefix=M", ""))).count,
              1);
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/titles?status=draft", ""))).count, 0);
    CHECK_INT(list_of(answer_body(admin("GET", "/v1/titles?status=any", ""))).count, 1);
    stage_close();
}

/* Every place that shows an episode asks the same question: its own window and its series'. */
TEST(an_episode_goes_everywhere_with_its_series)
{
    stage_open();
    clock_set(SECONDS(1000000000)); /* 2001-09-09T01:46:40Z */
    struct id series = stage_title(TITLE_SERIES, "Dark", 2017, true);
    struct id episode = stage_episode(series, 1, 1, "Secrets");
    stage_person(episode, CATALOG_SOURCE_NFO, "Baran bo Odar");
    stage_set(episode, CATALOG_SOURCE_NFO, "available_to", "2001-09-09T01:48:00Z");
    for (int step = 0; step < 4; step++) {
        static const instant moments[] = { 1000000000, 1000000019, 1000000020, 1000000080 };
        bool shown = step != 1 && step != 3; /* before the series; after the episode's own end */
        clock_set(SECONDS(moments[step]));
        str answer = ask("GET", path_of("/v1/titles/%lld", (long long)episode.value), "", "");
        CHECK_INT(answer_status(answer), shown ? 200 : 404);
        CHECK_INT(list_get("/v1/titles?kind=episode").count, shown);
        CHECK_INT(list_get("/v1/people").count, shown);
        CHECK_INT(answer_status(ask("GET", "/v1/people/1", "", "")), shown ? 200 : 404);
        if (step == 0)
            stage_set(series, CATALOG_SOURCE_NFO, "available_from", "2001-09-09T01:47:00Z");
    }
    CHECK(!has(get(path_of("/v1/titles/%lld", (long long)series.value)), "Secrets"));
    CHECK(has(admin("GET", path_of("/v1/titles/%lld", (long long)series.value), ""), "Secrets"));
    stage_close();
}

#define CHECK_ADMIN_LIST(path, ...)                                                                \
    do {                                                                                           \
        const struct id expected_[] = { __VA_ARGS__ };                                             \
        struct listed list_ = list_of(answer_body(admin("GET", path, "")));                        \
        CHECK(is(&list_, ARRAY_LEN(expected_), expected_));                                        \
    } while (0)

TEST(an_editors_list_has_every_filter_and_order)
{
    five_titles();
    struct id draft = stage_title(TITLE_FILM, "Stalker", 1979, false);
    struct id episode = stage_episode(dark, 1, 1, "Secrets");
    stage_set(draft, CATALOG_SOURCE_NFO, "genres", "sci-fi");
    stage_set(draft, CATALOG_SOURCE_NFO, "age_rating", "12+");
    stage_set(alien, CATALOG_SOURCE_NFO, "available_to", "2001-01-01T00:00:00Z"); /* gone */
    CHECK_ADMIN_LIST("/v1/titles?status=any", episode, draft, dark, elka, alien, solaris,
                     metropolis); /* newest first */
    CHECK_ADMIN_LIST("/v1/titles?status=any&kind=episode", episode);
    CHECK_ADMIN_LIST("/v1/titles?status=any&genre=sci-fi&sort=-year", draft, solaris, metropolis);
    CHECK_ADMIN_LIST("/v1/titles?status=published&genre=sci-fi&sort=year", metropolis, solaris);
    CHECK_ADMIN_LIST("/v1/titles?status=any&year_from=1979&year_to=1979&sort=title", alien, draft);
    CHECK_ADMIN_LIST("/v1/titles?status=any&age_max=12&sort=title&lang=en", solaris, draft);
    CHECK_ADMIN_LIST("/v1/titles?status=any&country=SU", solaris);
    CHECK_ADMIN_LIST("/v1/titles?status=any&playable=true", metropolis);
    CHECK_ADMIN_LIST("/v1/titles?status=draft&prefix=sta&kind=film", draft);
    CHECK_ADMIN_LIST("/v1/titles?%73tatus=draft", draft);
    CHECK_INT(answer_status(ask("GET", "/v1/titles?%73tatus=draft", "", "")), 401);
    struct listed page = { .next = "" };
    for (size_t i = 0; page.next; i++) { /* a page at a time: each once, in order */
        const struct id expected[] = { metropolis, solaris, alien, draft };
        page = list_of(answer_body(
            admin("GET",
                  path_of("/v1/titles?status=any&kind=film&year_from=1900&sort=year&limit=1%s%s",
                          i ? "&cursor=" : "", page.next),
                  "")));
        CHECK(i < 4 && page.count == 1 && id_eq(page.ids[0], expected[i]));
        CHECK_INT(page.next == NULL, i == 3);
    }
    stage_close();
}

TEST(facets_count_what_is_shown)
{
    five_titles();
    CHECK(has(get("/v1/genres?lang=en"),
              "{\"slug\":\"sci-fi\",\"name\":\"Science fiction\",\"count\":2}"));
    CHECK(!has(get("/v1/genres?lang=ru"), "\"name\":\"Science fiction\""));
    CHECK(has(get("/v1/countries?lang=en"), "{\"slug\":\"DE\",\"name\":\"Germany\",\"count\":1}"));
    CHECK(has(get("/v1/years"), "{\"slug\":\"1979\",\"name\":\"1979\",\"count\":1}"));
    struct id draft = stage_title(TITLE_FILM, "Stalker", 1980, false);
    stage_set(draft, CATALOG_SOURCE_NFO, "genres", "sci-fi mystery");
    CHECK(has(get("/v1/genres?lang=en"), "\"name\":\"Science fiction\",\"count\":2}"));
    CHECK(!has(get("/v1/genres"), "mystery") && !has(get("/v1/years"), "1980"));
    stage_close();
}

/* --- Pages while the catalogue changes ------------------------------------------------------ */

enum { STAYING = 60, PAGE = 7 };

static int random_below(int n)
{
    return (int)(test_random() % (unsigned)n);
}

static struct id random_film(void)
{
    char title[32];
    /* few titles and years, so that keys are often equal */
    snprintf(title, sizeof(title), "%c%c", 'a' + random_below(3), 'a' + random_below(3));
    return stage_film(title, 1990 + random_below(5));
}

static bool is_staying(const struct id *staying, struct id id)
{
    for (size_t i = 0; i < STAYING; i++)
        if (id_eq(staying[i], id))
            return true;
    return false;
}

/* Something happens to the others: a new one, a new name and year, one that goes. */
static void something_happens(struct id *passing)
{
    size_t which = (size_t)random_below(8);
    switch (random_below(3)) {
    case 0:
        passing[which] = random_film();
        break;
    case 1:
        stage_set(passing[which], CATALOG_SOURCE_NFO, "year", random_below(2) ? "1950" : "2050");
        stage_text(passing[which], CATALOG_SOURCE_NFO, "en", random_below(2) ? "0" : "zz");
        break;
    default:
        stage_set(passing[which], CATALOG_SOURCE_NFO, "available_to", "1999-01-01T00:00:00Z");
    }
}

static void walk(const char *sort, const struct id *staying, struct id *passing)
{
    static struct id seen[512];
    size_t seen_count = 0, staying_seen = 0;
    const char *cursor = NULL;
    do {
        struct listed page = list_get(path_of("/v1/titles?limit=%d&sort=%s%s%s", PAGE, sort,
                                              cursor ? "&cursor=" : "", cursor ? cursor : ""));
        CHECK(page.count <= PAGE && (page.next == NULL || page.count == PAGE));
        for (size_t i = 0; i < page.count; i++) {
            bool stays = is_staying(staying, page.ids[i]);
            for (size_t j = 0; stays && j < seen_count; j++)
                CHECK(!id_eq(seen[j], page.ids[i])); /* none twice */
            staying_seen += stays;
            CHECK(seen_count < ARRAY_LEN(seen));
            seen[seen_count++] = page.ids[i];
        }
        something_happens(passing);
        cursor = page.next;
    } while (cursor);
    CHECK_INT(staying_seen, STAYING); /* none missing */
}

TEST(pages_stay_right_while_titles_come_and_go)
{
    static const char *const sorts[] = { "shelf",  "added", "-added", "title",
                                         "-title", "year",  "-year" };
    struct id staying[STAYING], passing[8];
    stage_open();
    for (size_t i = 0; i < STAYING; i++)
        staying[i] = random_film();
    for (size_t i = 0; i < 8; i++)
        passing[i] = random_film();
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++)
        walk(sorts[i], staying, passing);
    stage_close();
}
