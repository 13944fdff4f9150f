/* catalog_people: people, with what they took part in. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/cursor/cursor.h"

enum { LIMIT_DEFAULT = 24, LIMIT_MAX = 100, TITLES_MAX = 200 };

struct people_query {
    str prefix, lang, cursor;
    int64_t limit;
};
SHAPE(people_query_shape, struct people_query, FIELD(struct people_query, prefix, .max = 100),
      FIELD(struct people_query, lang, .format = FORMAT_LANGUAGE),
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
    title_cards titles;
    str_list roles; /* of titles, in their order */
};
SHAPE(person_page_shape, struct person_page, FIELD(struct person_page, id),
      FIELD(struct person_page, name), FIELD(struct person_page, biography),
      FIELD(struct person_page, born, .doc = "year"),
      FIELD(struct person_page, died, .doc = "year"),
      FIELD_SHAPES(struct person_page, titles, title_card_shape),
      FIELD_LIST(struct person_page, roles, .doc = "of titles, in their order"));

struct people_read {
    struct people_query query;
    str language;
    struct id after;
    struct people_list answer;
};

static enum err people_read(struct db_tx *tx, void *arg)
{
    struct people_read *read = arg;
    struct arena *arena = db_arena(tx);
    struct db_rows rows;
    int64_t limit = read->query.limit;
    str from = catalog_name_fold(arena, read->query.prefix);
    str to = arena_printf(arena, "%.*s\xf4\x8f\xbf\xbf", STR_ARG(from));
    TRY(db_all(tx, &SQL_PEOPLE_LIST,
               DB_ARGS(DB_I64(read->after.value), DB_TEXT(from), DB_TEXT(to), DB_I64(limit + 1),
                       DB_TIME(clock_now())),
               (unsigned)limit + 1, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)limit);
    read->answer.items.items = ARENA_ARRAY(arena, count, struct person_card);
    for (size_t i = 0; i < count; i++) {
        struct person_card *card = &read->answer.items.items[read->answer.items.count++];
        card->id = ID(db_i64(&rows.items[i], 0));
        TRY(catalog_person_text(tx, card->id, "name", read->language, &card->name));
    }
    read->answer.next = (opt_str){ .state = OPT_NULL };
    if (rows.count > count)
        read->answer.next = OPT(str, cursor_format(arena, STR("people"), STR(""),
                                                   ID(db_i64(&rows.items[count - 1], 0))));
    return OK;
}

static enum err people_build(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version)
{
    struct people_read read = { .language = language };
    str key;
    (void)out_version;
    TRY(shape_parse_query(request->arena, &people_query_shape, request->query, &read.query));
    if (read.query.cursor.len)
        TRY(cursor_parse(request->arena, read.query.cursor, STR("people"), &key, &read.after));
    TRY(db_read_scan(catalog.db, people_read, &read));
    shape_write_json(out, &people_list_shape, &read.answer);
    return OK;
}

enum err catalog_on_people_list(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, people_build);
}

struct person_read {
    struct id id;
    struct page_view view;
    struct person_page page;
    int64_t version;
};

static enum err person_not_found(struct id id)
{
    return err_set(ERR_NOT_FOUND, "person-not-found", "there is no person %lld",
                   (long long)id.value);
}

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
        return person_not_found(read->id); /* known only from what is not shown */
    page->titles.items = ARENA_ARRAY(arena, rows.count, struct title_card);
    page->roles.items = ARENA_ARRAY(arena, rows.count, str);
    for (unsigned i = 0; i < rows.count; i++) {
        struct id title = ID(db_i64(&rows.items[i], 0));
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
    struct db_row row;
    TRY(db_find(tx, &SQL_PERSON_GET, DB_ARGS(DB_I64(read->id.value)), &row));
    if (!row.values)
        return person_not_found(read->id);
    read->page.id = read->id;
    read->version = db_i64(&row, 3);
    read->page.born = db_null(&row, 1) ? (opt_i64){ .state = OPT_NULL } : OPT(i64, db_i64(&row, 1));
    read->page.died = db_null(&row, 2) ? (opt_i64){ .state = OPT_NULL } : OPT(i64, db_i64(&row, 2));
    TRY(catalog_person_text(tx, read->id, "name", read->view.language, &read->page.name));
    TRY(catalog_person_text(tx, read->id, "biography", read->view.language, &read->page.biography));
    return person_titles(tx, read);
}

static enum err person_answer(struct http_request *request, struct person_read *read,
                              struct buf *out)
{
    TRY(catalog_request_id(request, "id", "person-not-found", &read->id));
    TRY(db_read(catalog.db, person_read, read));
    shape_write_json(out, &person_page_shape, &read->page);
    return OK;
}

static enum err person_build(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version)
{
    struct person_read read = { .view = { language, clock_now() } };
    TRY(person_answer(request, &read, out));
    *out_version = read.version;
    return OK;
}

enum err catalog_on_person_get(struct http_request *request, struct http_response *response)
{
    struct person_read read = { .view = { catalog_request_language(request), INSTANT_NEVER } };
    struct buf buf;
    if (!caller_has(request, ROLE_ADMIN))
        return catalog_cache_answer(request, response, person_build);
    if (!task_current())
        return http_continue_in_task(request);
    buf_init(&buf, request->arena, MIB(1));
    TRY(person_answer(request, &read, &buf));
    return catalog_reply_editor(request, response, buf_str(&buf), read.version);
}
