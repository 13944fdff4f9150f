/*
 * Imports of whole folders, as people have them: what they become, what happens the second time,
 * and that nothing in a folder stops the others.
 */
#include "ingest_stage_test.h"

#include "engines/db/conformance/conformance.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const str a_png = STR_INIT("\x89PNG\r\n\x1a\nnot much of a picture");

TEST(queries_use_their_indexes)
{
    stage_open();
    CHECK_OK(db_conformance_queries(stage_db()));
    stage_close();
}

TEST(films_become_titles)
{
    stage_open();
    film_with_nfo("Metropolis (1927)/Metropolis (1927)", "Metropolis", 1927,
                  "<plot>A city.</plot><genre>Drama</genre><country>Germany</country>"
                  "<director>Fritz Lang</director><mpaa>Rated PG-13 for violence</mpaa>"
                  "<actor><name>Brigitte Helm</name><role>Maria</role></actor>"
                  "<uniqueid type=\"imdb\">tt0017136</uniqueid>");
    film_file("Metropolis (1927)/Metropolis (1927) - Restored.mkv", STR("no film either"));
    film_file("Metropolis (1927)/poster.png", a_png);
    film_file("Metropolis (1927)/trailers/Trailer.mkv", STR("x"));
    film_file("Solaris (1972) [imdbid-tt0069293].mkv", STR("x"));
    film_file("\xD0\x81\xD0\xBB\xD0\xBA\xD0\xB8 (2010)/\xD0\x95\xD0\xBB\xD0\xBA\xD0\xB8 (2010).avi",
              STR("x"));
    struct imported first = import();
    CHECK_STR(first.state, STR("done"));
    CHECK_INT(first.files_total, 5);
    CHECK_INT(first.files_failed, 0);
    CHECK_INT(counts().titles, 3);
    CHECK_INT(counts().published, 3);
    str page = title_page("metr");
    CHECK(has(page, "\"synopsis\":\"A city.\"") && has(page, "\"genres\":[\"drama\"]"));
    CHECK(has(page, "\"countries\":[\"DE\"]") && has(page, "\"imdb\":\"tt0017136\""));
    CHECK(has(page, "\"name\":\"Fritz Lang\",\"role\":\"director\""));
    CHECK(has(page, "\"role\":\"actor\",\"character\":\"Maria\""));
    CHECK(has(page, "\"age_rating\":\"PG-13\"") && has(page, "\"poster\":\"/artwork/"));
    CHECK(has(title_page("sol"), "\"imdb\":\"tt0069293\""));
    CHECK(has(title_page("%D0%B5%D0%BB%D0%BA%D0%B8"), "\"title\":\"Ёлки\""));
    stage_close();
}

TEST(series_have_seasons)
{
    stage_open();
    film_file("Dark (2017)/tvshow.nfo", STR("<tvshow><title>Dark</title><year>2017</year>"
                                            "<plot>Time.</plot></tvshow>"));
    film_file("Dark (2017)/poster.png", a_png);
    film_file("Dark (2017)/Season 01/Dark S01E01 - Secrets.mkv", STR("x"));
    film_file("Dark (2017)/Season 01/Dark S01E02.mkv", STR("x"));
    film_file("Dark (2017)/Season 01/Dark S01E02.nfo",
              STR("<episodedetails><title>Lies</title><season>1</season><episode>2</episode>"
                  "</episodedetails>"));
    film_file("Dark (2017)/Season 02/Dark S02E01-E02.mkv", STR("x"));
    CHECK_INT(import().files_failed, 0);
    CHECK_INT(counts().titles, 4);
    str page = title_page("dark");
    CHECK(has(page, "\"kind\":\"series\"") && has(page, "\"synopsis\":\"Time.\""));
    CHECK(has(page, "\"poster\":\"/artwork/"));
    CHECK(has(page, "\"number\":1,\"title\":\"Secrets\""));
    CHECK(has(page, "\"number\":2,\"title\":\"Lies\""));
    CHECK(has(page, "\"title\":\"1–2\""));
    int64_t version_before = title_id("dark");
    film_file("Dark (2017)/Season 02/Dark S02E03.mkv", STR("x"));
    CHECK_INT(import().files_failed, 0);
    CHECK_INT(counts().titles, 5);
    CHECK_INT(title_id("dark"), version_before);
    stage_close();
}

/* An editor calls a series by another name; its next episode must find it all the same. */
TEST(a_renamed_series_stays_one)
{
    stage_open();
    film_file("Dark/Season 01/Dark S01E01.mkv", STR("x"));
    import();
    int64_t id = title_id("dark");
    edit(id, "{\"texts\":{\"en\":{\"title\":\"Finsternis\"}}}");
    film_file("Dark/Season 01/Dark S01E02.mkv", STR("x"));
    CHECK_STR(import().state, STR("done"));
    CHECK_INT(counts().titles, 3);
    CHECK(has(title_page("finster"), "\"number\":2"));
    stage_close();
}

/* --- The second time ------------------------------------------------------------------------ */

static int64_t version_of(const char *prefix)
{
    str page = title_page(prefix), number;
    int64_t version = 0;
    str rest = str_skip(page, (size_t)str_find(page, STR("\"version\":")) + 10);
    CHECK(str_cut(&rest, ',', &number) && str_parse_i64(number, &version));
    return version;
}

TEST(the_same_again_changes_nothing)
{
    stage_open();
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "");
    film_file("M (1931)/poster.png", a_png);
    film_file("Dark/Dark S01E01.mkv", STR("x"));
    struct imported first = import();
    CHECK_INT(first.folders_total, 2);
    CHECK_INT(first.folders_unchanged, 0);
    int64_t version = version_of("m");
    struct imported second = import();
    CHECK_INT(second.folders_unchanged, 2);
    CHECK_INT(second.files_total, 0);
    CHECK_INT(version_of("m"), version);
    CHECK_INT(counts().titles, 3);
    /* from another root the folders are others, the films are not */
    CHECK_STR(import_of("M (1931)").state, STR("done"));
    CHECK_INT(counts().titles, 3);
    stage_close();
}

TEST(a_changed_nfo_is_read_again)
{
    stage_open();
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "<plot>Old.</plot><runtime>111</runtime>");
    import();
    edit(title_id("m"), "{\"runtime_min\":117}");
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "<plot>New text.</plot><runtime>99</runtime>");
    CHECK_INT(import().folders_unchanged, 0);
    CHECK(has(title_page("m"), "\"synopsis\":\"New text.\""));
    CHECK(has(title_page("m"), "\"runtime_min\":117")); /* the editor's */
    CHECK_INT(counts().titles, 1);
    film_with_nfo("M (1931)/M (1931)", "M - Eine Stadt", 1932, ""); /* another name, one film */
    import();
    CHECK_INT(counts().titles, 1);
    CHECK(has(form_of(title_id("m")), "\"title.en\":{\"source\":\"nfo\""));
    stage_close();
}

TEST(files_that_went_leave_their_titles)
{
    stage_open();
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "<plot>Text.</plot>");
    import();
    film_remove("M (1931)/M (1931).nfo");
    CHECK_STR(import().state, STR("done"));
    CHECK(has(title_page("m"), "\"synopsis\":\"Text.\""));
    film_remove("M (1931)/M (1931).mkv");
    CHECK_STR(import().state, STR("done"));
    CHECK_INT(counts().published, 1);
    stage_close();
}

/* --- Doubts --------------------------------------------------------------------------------- */

static unsigned status_of(str answer)
{
    uint64_t status = 0;
    str_parse_u64(str_sub(answer, 9, 3), &status);
    return (unsigned)status;
}

static unsigned decide(int64_t review, const char *body)
{
    return status_of(admin("POST", text_of("/v1/reviews/%lld", (long long)review), body));
}

TEST(a_doubt_is_decided_as_new)
{
    stage_open();
    film_file("1917.mkv", STR("x")); /* loose, in the root: a title or a year? */
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "");
    struct imported first = import();
    CHECK(has(first.files, "\"state\":\"review\""));
    CHECK_INT(counts().titles, 1);
    int64_t review = only_review();
    CHECK_INT(import().folders_unchanged, 2); /* the doubt waits and costs nothing */
    CHECK_INT(only_review(), review);
    CHECK_INT(decide(review, "{\"decision\":\"new\"}"), 400);
    CHECK_INT(decide(review, "{\"decision\":\"guess\"}"), 400);
    CHECK_INT(decide(review + 1, "{\"decision\":\"skip\"}"), 404);
    CHECK_INT(decide(review, "{\"decision\":\"new\",\"title\":\"1917\",\"year\":2019}"), 204);
    CHECK_INT(import_wait().folders_unchanged, 1); /* the rest was not looked at again */
    CHECK(has(title_page("1917"), "\"year\":2019"));
    CHECK(has(get("/v1/reviews"), "\"items\":[]"));
    film_file("1917.mkv", STR("changed")); /* decided once, one title for ever */
    import();
    film_file("1917.srt", STR("1\n00:00:01,000 --> 00:00:02,000\nHello\n"));
    import();
    CHECK_INT(counts().titles, 2);
    stage_close();
}

TEST(a_doubt_is_decided_as_a_title_there_is)
{
    stage_open();
    film_with_nfo("M (1931)/M (1931)", "M", 1931, "");
    film_file("Rip of something/mmm.rip.mkv", STR("x"));
    import();
    int64_t review = only_review(), film = title_id("m");
    CHECK_INT(decide(review, "{\"decision\":\"use\",\"title_id\":\"4711\"}"), 404);
    CHECK_INT(
        decide(review, text_of("{\"decision\":\"use\",\"title_id\":\"%lld\"}", (long long)film)),
        204);
    CHECK_STR(import_wait().state, STR("done"));
    CHECK_INT(counts().titles, 1);
    CHECK(has(title_page("m"), "\"title\":\"M\"")); /* not renamed after its rip */
    CHECK(has(get("/v1/reviews"), "\"items\":[]"));
    film_file("Rip of something/mmm.rip.mkv", STR("better rip"));
    import();
    CHECK_INT(counts().titles, 1);
    CHECK(has(title_page("m"), "\"title\":\"M\""));
    stage_close();
}

TEST(a_doubt_is_decided_as_nothing)
{
    stage_open();
    film_file("Holiday/clip.mkv", STR("x"));
    import();
    CHECK_INT(decide(only_review(), "{\"decision\":\"skip\"}"), 204);
    film_file("Holiday/clip.mkv", STR("longer"));
    struct imported again = import();
    CHECK(has(again.files, "\"state\":\"skipped\""));
    CHECK(has(get("/v1/reviews"), "\"items\":[]"));
    CHECK_INT(counts().titles, 0);
    stage_close();
}

TEST(an_episode_without_numbers_waits_for_a_person)
{
    stage_open();
    film_file("Dark/Season 01/Dark S01E01.mkv", STR("x"));
    film_file("Dark/Season 01/Dark - 2017-12-01.mkv", STR("x"));
    import();
    CHECK_INT(counts().titles, 2);
    int64_t episode = title_id("dark") + 1;
    CHECK_INT(decide(only_review(),
                     text_of("{\"decision\":\"use\",\"title_id\":\"%lld\"}", (long long)episode)),
              204);
    CHECK_STR(import_wait().state, STR("done"));
    CHECK_INT(counts().titles, 2);
    CHECK(has(get("/v1/reviews"), "\"items\":[]"));
    stage_close();
}

TEST(nearly_the_same_is_a_doubt)
{
    stage_open();
    film_with_nfo("King (1994)/King (1994)", "King", 1994, "");
    film_with_nfo("Lion (1994)/The Lion King (1994)", "The Lion King", 1994, ""); /* not nearly */
    import();
    CHECK_INT(counts().titles, 2);
    film_with_nfo("King (1995)/King (1995)", "King", 1995, ""); /* a year apart */
    import();
    CHECK_INT(counts().titles, 2);
    CHECK(has(get("/v1/reviews"), "a year apart"));
    CHECK(has(get("/v1/reviews"), "\"title\":\"King\",\"year\":1994,\"score\":0.8"));
    film_with_nfo("King (2019)/King (2019)", "King", 2019, ""); /* far apart: another film */
    import();
    CHECK_INT(counts().titles, 3);
    edit(title_id("lion"), "{\"year\":null}");
    film_file("Other/The Lion King (1994).mkv", STR("x"));
    import();
    CHECK_INT(counts().titles, 3);
    CHECK(has(get("/v1/reviews"), "without a year"));
    stage_close();
}

TEST(a_series_a_year_apart_waits_for_a_person)
{
    stage_open();
    film_file("King (1994)/Season 01/King (1994) S01E01.mkv", STR("x"));
    film_file("Lost/Season 01/Lost S01E01.mkv", STR("x"));
    import();
    CHECK_INT(counts().titles, 4);
    film_file("King (1995)/Season 01/King (1995) S01E01.mkv", STR("x"));
    film_file("King (1995)/Season 01/King (1995) S01E02.mkv", STR("x"));
    film_file("Lost (2004)/Season 02/Lost (2004) S02E01.mkv", STR("x")); /* a year is no doubt */
    struct imported doubtful = import();
    CHECK_INT(counts().titles, 5);
    CHECK(has(doubtful.files, "\"code\":\"series-year-apart\""));
    CHECK(has(doubtful.body, "\"review\":2")); /* both episodes, one question */
    str reviews = get("/v1/reviews");
    CHECK(has(reviews, "\"guess\":{\"title\":\"King\",\"year\":1995}"));
    CHECK(has(reviews, "\"title\":\"King\",\"year\":1994,\"score\":0.8"));
    int64_t review = only_review();
    CHECK_INT(import().folders_unchanged, 4); /* it waits and costs nothing */
    CHECK_INT(only_review(), review);
    CHECK_INT(decide(review, "{\"decision\":\"new\",\"title\":\"King II\",\"year\":1995}"), 204);
    CHECK_STR(import_wait().state, STR("done"));
    CHECK_INT(counts().titles, 8); /* the series and its two episodes */
    CHECK(has(title_page("king%20ii"), "\"year\":1995"));
    CHECK(has(get("/v1/reviews"), "\"items\":[]"));
    film_file("King (1995)/Season 01/King (1995) S01E03.mkv", STR("x"));
    import();
    CHECK_INT(counts().titles, 9);
    CHECK(has(title_page("king%20ii"), "\"number\":3"));
    stage_close();
}

TEST(a_doubtful_series_is_one_there_is_or_none)
{
    stage_open();
    film_file("King (1994)/Season 01/King (1994) S01E01.mkv", STR("x"));
    import();
    int64_t series = title_id("king");
    film_file("King (1995)/Season 02/King (1995) S02E01.mkv", STR("x"));
    import();
    CHECK_INT(decide(only_review(),
                     text_of("{\"decision\":\"use\",\"title_id\":\"%lld\"}", (long long)series)),
              204);
    CHECK_STR(import_wait().state, STR("done"));
    CHECK_INT(counts().titles, 3);
    CHECK(has(title_page("king"), "\"year\":1994")); /* not renamed after its folder */
    CHECK(has(title_page("king"), "\"number\":2,"));
    film_file("King (1993)/Season 03/King (1993) S03E01.mkv", STR("x"));
    import();
    CHECK_INT(decide(only_review(), "{\"decision\":\"skip\"}"), 204);
    film_file("King (1993)/Season 03/King (1993) S03E02.mkv", STR("x"));
    CHECK(has(import().files, "\"state\":\"skipped\""));
    CHECK_INT(counts().titles, 3);
    stage_close();
}

/* --- What folders may hold ------------------------------------------------------------------ */

TEST(nothing_in_a_folder_stops_the_others)
{
    static char long_text[30000];
    stage_open();
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = 0;
    film_with_nfo("A (2001)/A (2001)", "A", 2001, "");
    film_file("B (2002)/B (2002).mkv", STR("x"));
    film_file("B (2002)/B (2002).nfo", STR("<movie><title>B</ti"));
    film_file("B (2002)/poster.jpg", STR("no picture at all"));
    film_file("B (2002)/fanart.png", STR(""));
    film_file("C (2003)/C (2003).mkv", STR("x"));
    film_file("C (2003)/C (2003).nfo",
              str_of(arena_printf(stage_arena(),
                                  "<movie><title>C</title><year>2003</year><plot>%s</plot>"
                                  "<tagline>%s</tagline><mpaa>1984</mpaa></movie>",
                                  long_text, long_text)
                         .ptr));
    film_file("D (2004)/D (2004).mkv", STR("x"));
    film_file("D (2004)/D (2004).nfo",
              STR("<movie><title>D</title><year>99999</year><runtime>-5</runtime><actor><name>"
                  "xЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁ"
                  "ЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁЁ</name>"
                  "</actor></movie>"));
    film_file("E (2005)/\xC5\xEB\xEA\xE8 (2005).mkv", STR("x")); /* Windows-1251 */
    film_file("E (2005)/\xFF\xFE\x01.srt", STR("x"));
    film_file("F (2006)/F (2006).mkv", STR("x"));
    CHECK(symlink("..", films_path("F (2006)/up")) == 0);
    CHECK(symlink("nowhere", films_path("F (2006)/gone.mkv")) == 0);
    struct imported all = import();
    CHECK_STR(all.state, STR("done"));
    CHECK_INT(all.files_failed, 0);
    CHECK_INT(all.files_total, 6);
    CHECK_INT(counts().titles + has(get("/v1/reviews"), "\"reason\""), 6);
    CHECK(has(title_page("b"), "\"title\":\"B\""));
    CHECK(has(all.files, "NFO: ")); /* said where the file is listed */
    CHECK(has(title_page("c"), "\"synopsis\":\"xxx"));
    stage_close();
}

TEST(an_unreadable_folder_is_named)
{
    stage_open();
    film_with_nfo("A (2001)/A (2001)", "A", 2001, "");
    film_with_nfo("B (2002)/B (2002)", "B", 2002, "");
    film_folder_forbid("B (2002)", true);
    struct imported imported = import();
    bool is_root = geteuid() == 0; /* reads everything */
    film_folder_forbid("B (2002)", false);
    CHECK_STR(imported.state, STR("done"));
    CHECK_INT(counts().titles, is_root ? 2 : 1);
    CHECK(is_root || has(imported.message, "B (2002)"));
    stage_close();
}

TEST(what_is_not_there_fails_with_its_name)
{
    stage_open();
    struct imported imported = import_of("no such folder");
    CHECK_STR(imported.state, STR("failed"));
    CHECK(has(imported.message, "no such folder"));
    CHECK_INT(status_of(admin("POST", "/v1/imports", "{\"paths\":[\"films\"],\"media\":false}")),
              400);
    CHECK_INT(status_of(admin("POST", "/v1/imports", "{\"paths\":[]}")), 400);
    CHECK_INT(status_of(admin("GET", "/v1/imports/99", "")), 404);
    stage_close();
}

TEST(many_folders_at_once)
{
    enum { FOLDERS = 300 };
    stage_open();
    for (int i = 0; i < FOLDERS; i++) {
        const char *stem =
            text_of("Film %d (%d)/Film %d (%d)", i, 1900 + i % 100, i, 1900 + i % 100);
        film_with_nfo(stem, text_of("Film %d", i), 1900 + i % 100,
                      "<director>Somebody Else</director>");
    }
    struct imported first = import();
    CHECK_STR(first.state, STR("done"));
    CHECK_INT(first.folders_total, FOLDERS);
    CHECK_INT(first.files_done, FOLDERS);
    CHECK_INT(counts().published, FOLDERS);
    CHECK_INT(import().folders_unchanged, FOLDERS);
    stage_close();
}

/* One picture of a kind is shown; whatever else lies there is counted or named. */
TEST(nothing_is_left_out_in_silence)
{
    enum { EPISODES = 150, SUBTITLES = 40 };
    stage_open();
    for (int i = 1; i <= EPISODES; i++) {
        const char *stem = text_of("Long (2001)/Season 01/Long S01E%02d", i);
        film_file(text_of("%s.mkv", stem), STR("x"));
        film_file(text_of("%s-thumb.png", stem), a_png);
    }
    film_file("Long (2001)/poster.png", a_png);
    for (int i = 0; i < SUBTITLES; i++)
        film_file(text_of("M (1931)/M (1931).%c%c.srt", 'a' + i / 26, 'a' + i % 26), STR("x"));
    film_file("M (1931)/M (1931).mkv", STR("x"));
    film_file("M (1931)/folder.png", a_png);
    film_file("M (1931)/poster.png", a_png);
    film_file("M (1931)/fanart.jpg", STR("no picture"));
    struct imported imported = import();
    CHECK_STR(imported.state, STR("done"));
    CHECK_INT(counts().titles, EPISODES + 2);
    str series = title_page("long");
    unsigned stills = 0;
    for (str rest = series; has(rest, "\"still\":\"/artwork/"); stills++)
        rest = str_skip(rest, (size_t)str_find(rest, STR("\"still\":\"/artwork/")) + 18);
    CHECK_INT(stills, EPISODES);
    CHECK(has(series, "\"poster\":\"/artwork/"));
    str files = get(text_of("/v1/imports/1/files?limit=100&state=done"));
    unsigned named = 0;
    for (int page = 0; page < 3 && !has(files, "M (1931).mkv"); page++) {
        str next, rest = str_skip(files, (size_t)str_find(files, STR("\"next\":\"")) + 8);
        CHECK(str_cut(&rest, '"', &next));
        files = get(text_of("/v1/imports/1/files?limit=100&cursor=%.*s", STR_ARG(next)));
    }
    CHECK(has(files, "one picture of a kind is shown: 1 more were left out, the first is "
                     "M (1931)/folder.png"));
    CHECK(
        has(files, "the picture M (1931)/fanart.jpg was left out: M (1931)/fanart.jpg is no JPEG"));
    for (int i = 0; i < SUBTITLES; i++)
        named += has(files, text_of("more than 32 subtitle and sound files for one film: M "
                                    "(1931)/M (1931).%c%c.srt",
                                    'a' + i / 26, 'a' + i % 26));
    CHECK_INT(named, SUBTITLES - 32);
    stage_close();
}

TEST(parts_become_one_title)
{
    stage_open();
    film_file("Dune (1984)/Dune (1984)-cd2.avi", STR("x"));
    film_file("Dune (1984)/Dune (1984)-cd1.avi", STR("x"));
    film_file("Dune (1984)/Dune (1984).nfo",
              STR("<movie><title>Dune</title><year>1984</year></movie>"));
    film_file("Lola (1981) disc1.mkv", STR("x")); /* loose, in the root */
    film_file("Lola (1981) disc2.mkv", STR("x"));
    film_file("Kolya (1996)/Kolya (1996)-part1.mkv", STR("x")); /* alone it is the film */
    film_file("Ran (1985)/Ran (1985)-cd1.mkv", STR("x"));
    film_file("Ran (1985)/Ran (1985)-cd3.mkv", STR("x"));
    film_file("Lost (1950)/Lost (1950)-cd2.mkv", STR("x"));
    film_file("Twice (1951)/Twice (1951)-cd1.mkv", STR("x"));
    film_file("Twice (1951)/Twice (1951)-cd2.mkv", STR("x"));
    film_file("Twice (1951)/Twice (1951)-cd2.avi", STR("x"));
    struct imported imported = import();
    CHECK_INT(counts().titles, 3);
    CHECK_INT(imported.files_failed, 6);
    CHECK(has(imported.files, "part 2, joined to Dune (1984)/Dune (1984)-cd1.avi"));
    CHECK(has(imported.files, "part 2, joined to Lola (1981) disc1.mkv"));
    CHECK(has(imported.files, "{\"code\":\"part-missing\",\"text\":\"part 2 of the film is not "
                              "there\",\"params\":{\"part\":\"2\"}}"));
    CHECK(has(imported.files, "part 1 of the film is not there"));
    CHECK(has(imported.files, "part 2 of the film is there twice"));
    film_file("Ran (1985)/Ran (1985)-cd2.mkv", STR("x")); /* now it is whole */
    import();
    CHECK_INT(counts().titles, 4);
    CHECK(has(title_page("ran"), "\"year\":1985"));
    stage_close();
}
