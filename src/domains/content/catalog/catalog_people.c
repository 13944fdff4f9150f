/* catalog_people: people, with what they took part in. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/cursor/cursor.h"

#include <stdio.h>

enum { LIMIT_DEFAULT = 24, LIMIT_MAX = 100, TITLES_MAX = 200 };

enum sort { SORT_ADDED, SORT_ADDED_DESC, SORT_NAME, SORT_NAME_DESC };
SHAPE_ENUM(people_sorts, [SORT_ADDED] = STR_INIT("added"), [SORT_ADDED_DESC] = STR_INIT("-added"),
           [SORT_NAME] = STR_INIT("name"), [SORT_NAME_DESC] = STR_INIT("-name"));

struct people_query {
    str prefix, lang, cursor;
    enum sort sort;
    bool all;
    int64_t limit;
};
SHAPE(people_query_shape, struct people_query,
      FIELD(struct people_query, prefix, .max = 100, .doc = "beginning of a word of the name"),
      FIELD(struct people_query, lang, .format = FORMAT_LANGUAGE, .doc = "language of the answer"),
      FIELD_ENUM(struct people_query, sort, people_sorts, .initial = SORT_ADDED,
                 .doc = "name: as shown in the language of the answer"),
      FIELD(struct people_query, all,
            .doc = "for the administrator: also who is known from nothing that is shown"),
      FIELD(struct people_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct people_query, limit, .min = 1, .max = LIMIT_MAX, .initial = LIMIT_DEFAULT));

struct person_card {
    struct id id;
    str name;
};
SHAPE(person_card_shape, struct person_card, FIELD(struct person_card, id),
      FIELD(struct person_card, name));
struct people_list {
    LIST_OF(struct person_card) items;
    opt_str next;
};
SHAPE(people_list_shape, struct people_list,
      FIELD_SHAPES(struct people_list, items, person_card_shape), FIELD(struct people_list, next));

struct person_page {
    struct id id;
    str name, biography;
    opt_i64 born, died;
    int64_t version;
    title_cards titles;
    str_list roles; /* of titles, in their order */
};
SHAPE(person_page_shape, struct person_page, FIELD(struct person_page, id),
      FIELD(struct person_page, name), FIELD(struct person_page, biography),
      FIELD(struct person_page, born, .doc = "year"),
      FIELD(struct person_page, died, .doc = "year"), FIELD(struct person_page, version),
      FIELD_SHAPES(struct person_page, titles, title_card_shape),
      FIELD_LIST(struct person_page, roles, .doc = "of titles, in their order"));

/* --- Lists ---------------------------------------------------------------------------------- */

struct people_read {
    struct people_query query;
    str language;
    char ordering[24];
    bool descending;
    str key; /* where the last page ended */
    struct id id;
    struct people_list answer;
};

static str cursor_list(struct arena *arena, const struct people_read *read)
{
    return arena_printf(arena, "people.%s%s", read->descending ? "-" : "", read->ordering);
}

static enum err people_begin(struct arena *arena, struct people_read *read)
{
    enum sort sort = read->query.sort;
    bool by_name = sort == SORT_NAME || sort == SORT_NAME_DESC;
    bool russian = str_eq(read->language, STR("ru"));
    snprintf(read->ordering, sizeof(read->ordering), "%s",
             !by_name  ? "added"
             : russian ? "name.ru"
                       : "name.en");
    read->descending = sort == SORT_ADDED_DESC || sort == SORT_NAME_DESC;
    if (read->query.cursor.len)
        return cursor_parse(arena, read->query.cursor, cursor_list(arena, read), &read->key,
                            &read->id);
    read->key = read->descending ? STR("\xf4\x8f\xbf\xbf") : STR("");
    read->id = ID(read->descending ? INT64_MAX : 0);
    return OK;
}

static enum err people_read(struct db_tx *tx, void *arg)
{
    static const struct db_query *const texts = &SQL_PERSON_TEXTS_LIST;
    static const struct catalog_ahead names = { &texts, 1, 1 };
    struct people_read *read = arg;
    struct arena *arena = db_arena(tx);
    struct db_rows rows;
    int64_t limit = read->query.limit;
    str from = catalog_name_fold(arena, read->query.prefix);
    str to = arena_printf(arena, "%.*s\xf4\x8f\xbf\xbf", STR_ARG(from));
    TRY(db_all(tx, read->descending ? &SQL_PEOPLE_DESCENDING : &SQL_PEOPLE_ASCENDING,
               DB_ARGS(DB_TEXT(str_of(read->ordering)), DB_TEXT(read->key), DB_I64(read->id.value),
                       DB_TEXT(from), DB_TEXT(to), read->query.all ? DB_NULL : DB_TIME(clock_now()),
                       DB_I64(limit + 1)),
               (unsigned)limit + 1, &rows));
    unsigned count = MIN_OF(rows.count, (unsigned)limit);
    read->answer.items.items = ARENA_ARRAY(arena, count, struct person_card);
    for (unsigned i = 0; i < count; i++) {
        struct person_card *card = &read->answer.items.items[read->answer.items.count++];
        TRY(catalog_ask_ahead(tx, &rows, &names, i));
        card->id = ID(db_i64(&rows.items[i], 1));
        TRY(catalog_person_name(tx, card->id, read->language, &card->name));
    }
    read->answer.next = (opt_str){ .state = OPT_NULL };
    if (rows.count > count) {
        const struct db_row *last = &rows.items[count - 1];
        read->answer.next = OPT(str, cursor_format(arena, cursor_list(arena, read),
                                                   db_text(last, 0), ID(db_i64(last, 1))));
    }
    return OK;
}

static enum err people_answer(struct http_request *request, struct people_read *read,
                              struct buf *out)
{
    TRY(people_begin(request->arena, read));
    TRY(db_read_scan(catalog.db, people_read, read));
    shape_write_json(out, &people_list_shape, &read->answer);
    return OK;
}

static enum err people_build(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version)
{
    struct people_read read = { .language = language };
    (void)out_version;
    TRY(shape_parse_query(request->arena, &people_query_shape, request->query, &read.query));
    read.query.all = false; /* what is kept is for everybody */
    return people_answer(request, &read, out);
}

enum err catalog_on_people_list(struct http_request *request, struct http_response *response)
{
    struct people_read read = { .language = catalog_request_language(request) };
    struct buf buf;
    if (str_find(request->query, STR("all=")) < 0 && str_find_char(request->query, '%') < 0)
        return catalog_cache_answer(request, response, people_build);
    TRY(shape_parse_query(request->arena, &people_query_shape, request->query, &read.query));
    if (!read.query.all)
        return catalog_cache_answer(request, response, people_build);
    TRY(require_role(request, ROLE_ADMIN));
    if (!task_current())
        return http_continue_in_task(request);
    buf_init(&buf, request->arena, MIB(1));
    TRY(people_answer(request, &read, &buf));
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    return OK;
}

/* --- One person ----------------------------------------------------------------------------- */

struct person_read {
    struct id id;
    struct page_view view;
    struct person_page page;
};

/* Somebody with several roles in one title has several rows; the title is shown once, with the
 * first. */
static enum err person_titles(struct db_tx *tx, struct person_read *read)
{
    struct db_rows rows;
    struct arena *arena = db_arena(tx);
    struct person_page *page = &read->page;
    TRY(db_all(tx, &SQL_PERSON_TITLES_LIST,
               DB_ARGS(DB_I64(read->id.value), DB_TIME(read->view.now)), TITLES_MAX, &rows));
    if (rows.count == 0 && read->view.now != INSTANT_NEVER)
        return err_set(ERR_NOT_FOUND, "person-not-found", "there is no person %lld",
                       (long long)read->id.value); /* known only from what is not shown */
    page->titles.items = ARENA_ARRAY(arena, rows.count, struct title_card);
    page->roles.items = ARENA_ARRAY(arena, rows.count, str);
    for (unsigned i = 0; i < rows.count; i++) {
        struct id title = ID(db_i64(&rows.items[i], 0));
        TRY(catalog_cards_ahead(tx, &rows, 0, i));
        if (page->titles.count && id_eq(page->titles.items[page->titles.count - 1].id, title))
            continue;
        TRY(catalog_card_load(tx, title, read->view.language,
                              &page->titles.items[page->titles.count++]));
        page->roles.items[page->roles.count++] = db_text(&rows.items[i], 1);
    }
    return OK;
}

static enum err person_read(struct db_tx *tx, void *arg)
{
    struct person_read *read = arg;
    struct person person;
    str language = read->view.language;
    TRY(catalog_person_load(tx, read->id, &person));
    read->page =
        (struct person_page){ .id = person.id,
                              .name = catalog_person_text(db_arena(tx), &person, "name", language),
                              .biography =
                                  catalog_person_text(db_arena(tx), &person, "biography", language),
                              .born = person.born,
                              .died = person.died,
                              .version = person.version };
    return person_titles(tx, read);
}

static enum err person_build(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version)
{
    struct person_read read = { .view = { language, clock_now() } };
    TRY(catalog_language_check(request));
    TRY(catalog_request_id(request, "id", "person-not-found", &read.id));
    TRY(db_read(catalog.db, person_read, &read));
    *out_version = read.page.version;
    shape_write_json(out, &person_page_shape, &read.page);
    return OK;
}

enum err catalog_reply_person(struct http_request *request, struct http_response *response,
                              struct id id)
{
    struct person_read read = { .id = id,
                                .view = { catalog_request_language(request), INSTANT_NEVER } };
    struct buf buf;
    TRY(db_read(catalog.db, person_read, &read));
    buf_init(&buf, request->arena, MIB(1));
    shape_write_json(&buf, &person_page_shape, &read.page);
    return catalog_reply_editor(request, response, buf_str(&buf), read.page.version);
}

enum err catalog_on_person_get(struct http_request *request, struct http_response *response)
{
    struct id id;
    if (!caller_has(request, ROLE_ADMIN))
        return catalog_cache_answer(request, response, person_build);
    if (!task_current())
        return http_continue_in_task(request);
    TRY(catalog_language_check(request));
    TRY(catalog_request_id(request, "id", "person-not-found", &id));
    return catalog_reply_person(request, response, id);
}
