/* Imports over HTTP: their files in pages, paths that are not there, and work that is tried again.
 */
#include "ingest_stage_test.h"

#include <time.h>

#include "foundation/shape/shape.h"

static unsigned status_of(str answer)
{
    uint64_t status = 0;
    str_parse_u64(str_sub(answer, 9, 3), &status);
    return (unsigned)status;
}

struct file_line {
    str path, state;
};
struct files_page {
    LIST_OF(struct file_line) items;
    opt_str next;
};
SHAPE_FORGIVING(file_line_shape, struct file_line, FIELD(struct file_line, path),
                FIELD(struct file_line, state));
SHAPE_FORGIVING(files_page_shape, struct files_page,
                FIELD_SHAPES(struct files_page, items, file_line_shape, .max = 128),
                FIELD(struct files_page, next));

/* All pages; every path once. Returns how many files there were. */
static size_t walk_pages(const char *query, unsigned limit)
{
    struct files_page page = { .next = { .state = OPT_NULL } };
    size_t count = 0, pages = 0;
    str before = STR("");
    do {
        bool more = page.next.state == OPT_SET;
        const char *cursor = more ? text_of("&cursor=%.*s", STR_ARG(page.next.value)) : "";
        str body = get(text_of("/v1/imports/1/files?limit=%u%s%s", limit, query, cursor));
        CHECK_OK(shape_parse_json(stage_arena(), &files_page_shape, body, &page));
        CHECK(page.items.count <= limit);
        for (size_t i = 0; i < page.items.count; i++) {
            CHECK(!str_eq(before, page.items.items[i].path));
            before = page.items.items[i].path;
        }
        count += page.items.count;
    } while (page.next.state == OPT_SET && ++pages < 100);
    return count;
}

TEST(files_are_listed_in_pages_and_by_state)
{
    enum { FILMS = 23, DOUBTS = 5 };
    stage_open();
    for (int i = 0; i < FILMS; i++)
        film_with_nfo(text_of("F%d (1950)/F%d (1950)", i, i), text_of("F%d", i), 1950, "");
    for (int i = 0; i < DOUBTS; i++)
        film_file(text_of("doubt %c.mkv", 'a' + i), STR("x"));
    struct imported imported = import();
    CHECK_INT(imported.files_total, FILMS + DOUBTS);
    CHECK(!has(imported.body, "F7"));
    CHECK(has(imported.body, "\"files\":{\"waiting\":0,\"running\":0,\"done\":23,\"failed\":0,"
                             "\"skipped\":0,\"review\":5}"));
    CHECK(has(imported.body, "\"now\":[]"));
    CHECK_INT(walk_pages("", 10), FILMS + DOUBTS);
    CHECK_INT(walk_pages("", 100), FILMS + DOUBTS);
    CHECK_INT(walk_pages("&state=done", 7), FILMS);
    CHECK_INT(walk_pages("&state=review", 2), DOUBTS);
    CHECK_INT(walk_pages("&state=waiting", 2), 0);
    CHECK_INT(walk_pages("&state=running", 2), 0);
    CHECK_INT(walk_pages("&state=failed", 2), 0);
    CHECK_INT(status_of(admin("GET", "/v1/imports/1/files?state=sleeping", "")), 400);
    CHECK_INT(status_of(admin("GET", "/v1/imports/1/files?limit=101", "")), 400);
    CHECK_INT(status_of(admin("GET", "/v1/imports/1/files?cursor=x", "")), 400);
    CHECK_INT(status_of(admin("GET", "/v1/imports/9/files", "")), 404);
    str page = get("/v1/imports/1/files?limit=1"); /* a cursor is of its import */
    str cursor, rest = str_skip(page, (size_t)str_find(page, STR("\"next\":\"")) + 8);
    CHECK(str_cut(&rest, '"', &cursor));
    CHECK_INT(
        status_of(admin("GET", text_of("/v1/imports/1/files?cursor=%.*s", STR_ARG(cursor)), "")),
        200);
    import();
    CHECK_INT(
        status_of(admin("GET", text_of("/v1/imports/2/files?cursor=%.*s", STR_ARG(cursor)), "")),
        400);
    stage_close();
}

TEST(a_path_that_is_missing_stops_no_other)
{
    stage_open();
    film_with_nfo("one/A (2001)/A (2001)", "A", 2001, "");
    film_with_nfo("two/B (2002)/B (2002)", "B", 2002, "");
    str answer = admin("POST", "/v1/imports",
                       text_of("{\"paths\":[\"%s\",\"%s\",\"%s\"],\"media\":false}",
                               films_path("one"), films_path("gone"), films_path("two")));
    CHECK_INT(status_of(answer), 202);
    struct imported imported = import_wait();
    CHECK_STR(imported.state, STR("done"));
    CHECK_INT(counts().titles, 2);
    CHECK_INT(imported.files_failed, 1);
    CHECK_INT(imported.files_done, 2);
    CHECK(has(imported.message, "gone was not taken in: it is not there"));
    CHECK(has(imported.body, "\"code\":\"path-failed\"") &&
          has(imported.body, "\"cause\":{\"code\":\"path-missing\""));
    CHECK(has(get("/v1/imports/1/files?state=failed"), "/films/gone\",\"state\":\"failed\""));
    stage_close();
}

/* --- Again ---------------------------------------------------------------------------------- */

TEST(a_failed_scan_that_is_tried_again_opens_its_import)
{
    stage_open();
    struct imported failed = import_of("later");
    CHECK_STR(failed.state, STR("failed"));
    CHECK_INT(failed.files_failed, 1);
    str job = get("/v1/jobs?kind=import.scan");
    /* The import has ended with its transaction, its job does a moment later. */
    for (int round = 0; round < 3000 && !has(job, "\"state\":\"failed\""); round++) {
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        job = get("/v1/jobs?kind=import.scan");
    }
    CHECK(has(job, "\"code\":\"path-failed\""));
    film_with_nfo("later/A (2001)/A (2001)", "A", 2001, "");
    CHECK_INT(status_of(admin("POST", "/v1/jobs/1/retry", "")), 204);
    struct imported again = import_wait();
    CHECK_STR(again.state, STR("done"));
    CHECK_STR(again.message, STR(""));
    CHECK_INT(again.files_failed, 0);
    CHECK_INT(again.files_total, 1);
    CHECK_INT(again.folders_total, 1);
    CHECK_INT(counts().titles, 1);
    CHECK_INT(status_of(admin("POST", "/v1/jobs/1/retry", "")), 409); /* it is done */
    stage_close();
}

TEST(an_import_that_has_ended_is_not_cancelled)
{
    stage_open();
    import_of("nowhere");
    CHECK_INT(status_of(admin("POST", "/v1/imports/1/cancel", "")), 204);
    CHECK_STR(import_wait().state, STR("failed")); /* what has ended stays as it is */
    stage_close();
}
