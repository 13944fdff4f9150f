/* catalog_list: pages of titles by filters and order, and the facets to filter by. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "domains/content/vocabulary/countries.h"
#include "foundation/cursor/cursor.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT_DEFAULT = 24, LIMIT_MAX = 100, FACETS_MAX = 1000 };

enum sort {
    SORT_SHELF, /* what plays first, newest first: the order of a shop window */
    SORT_ADDED,
    SORT_ADDED_DESC,
    SORT_TITLE,
    SORT_TITLE_DESC,
    SORT_YEAR,
    SORT_YEAR_DESC
};
SHAPE_ENUM(title_sorts, [SORT_SHELF] = STR_INIT("shelf"), [SORT_ADDED] = STR_INIT("added"),
           [SORT_ADDED_DESC] = STR_INIT("-added"), [SORT_TITLE] = STR_INIT("title"),
           [SORT_TITLE_DESC] = STR_INIT("-title"), [SORT_YEAR] = STR_INIT("year"),
           [SORT_YEAR_DESC] = STR_INIT("-year"));

struct titles_query {
    opt_enum kind, status;
    str genre, country, language, prefix, lang, cursor;
    opt_i64 year_from, year_to, age_max;
    opt_id person;
    opt_bool playable;
    enum sort sort;
    int64_t limit;
};
SHAPE(titles_query_shape, struct titles_query, FIELD_ENUM(struct titles_query, kind, title_kinds),
      FIELD_ENUM(struct titles_query, status, title_statuses,
                 .doc = "other than published: for the administrator"),
      FIELD(struct titles_query, genre, .format = FORMAT_SLUG),
      FIELD(struct titles_query, country, .format = FORMAT_COUNTRY),
      FIELD(struct titles_query, language, .format = FORMAT_LANGUAGE),
      FIELD(struct titles_query, prefix, .max = 100, .doc = "beginning of a word of the name"),
      FIELD(struct titles_query, lang, .format = FORMAT_LANGUAGE, .doc = "language of the answer"),
      FIELD(struct titles_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct titles_query, year_from, .min = 1, .max = 9999),
      FIELD(struct titles_query, year_to, .min = 1, .max = 9999),
      FIELD(struct titles_query, age_max, .min = 0, .max = 99), FIELD(struct titles_query, person),
      FIELD(struct titles_query, playable),
      FIELD_ENUM(struct titles_query, sort, title_sorts, .initial = SORT_SHELF),
      FIELD(struct titles_query, limit, .min = 1, .max = LIMIT_MAX, .initial = LIMIT_DEFAULT));

struct titles_list {
    title_cards items;
    opt_str next;
};
SHAPE(titles_list_shape, struct titles_list,
      FIELD_SHAPES(struct titles_list, items, title_card_shape), FIELD(struct titles_list, next));

struct list {
    const struct titles_query *query;
    str language;
    char ordering[24];
    bool descending;
    str key; /* where the last page ended */
    struct id id;
    struct titles_list answer;
};

/* --- What titles must have, as the JSON array of tokens the query reads --------------------- */

static void token_add(struct buf *buf, const char *kind, str value)
{
    if (value.len == 0)
        return;
    buf_printf(buf, "%s\"%s:%.*s\"", buf->len > 1 ? "," : "", kind, STR_ARG(value));
}

/* Every value was checked by its format, so none needs escaping. */
static str tokens_of(struct arena *arena, const struct titles_query *query)
{
    struct buf buf;
    char text[ID_TEXT_MAX];
    buf_init(&buf, arena, KIB(4));
    buf_put_char(&buf, '[');
    token_add(&buf, "kind",
              query->kind.state == OPT_SET ? shape_enum_text(&title_kinds, query->kind.value)
                                           : STR("any"));
    token_add(&buf, "genre", query->genre);
    token_add(&buf, "country", query->country);
    token_add(&buf, "language", query->language);
    if (query->person.state == OPT_SET)
        token_add(&buf, "person", id_format(query->person.value, text));
    if (query->playable.state == OPT_SET)
        token_add(&buf, "playable", query->playable.value ? STR("true") : STR("false"));
    buf_put_char(&buf, ']');
    return buf_str(&buf);
}

/* The folded prefix, and the first text after everything that begins with it. */
static void prefix_range(struct arena *arena, str prefix, str *out_from, str *out_to)
{
    *out_from = catalog_name_fold(arena, prefix);
    *out_to = arena_printf(arena, "%.*s\xf4\x8f\xbf\xbf", STR_ARG(*out_from)); /* U+10FFFF */
}

static void ordering_of(struct list *list)
{
    static const char *const names[] = {
        [SORT_SHELF] = "shelf",   [SORT_ADDED] = "added",      [SORT_ADDED_DESC] = "added",
        [SORT_TITLE] = "title",   [SORT_TITLE_DESC] = "title", [SORT_YEAR] = "year",
        [SORT_YEAR_DESC] = "year"
    };
    enum sort sort = list->query->sort;
    bool by_title = sort == SORT_TITLE || sort == SORT_TITLE_DESC;
    bool russian = str_eq(list->language, STR("ru"));
    snprintf(list->ordering, sizeof(list->ordering), "%s%s", names[sort],
             !by_title ? ""
             : russian ? ".ru"
                       : ".en");
    list->descending = sort == SORT_SHELF || sort == SORT_ADDED_DESC || sort == SORT_TITLE_DESC ||
                       sort == SORT_YEAR_DESC;
}

/* A cursor is of an order and its direction. */
static str cursor_list(struct arena *arena, const struct list *list)
{
    return arena_printf(arena, "%s%s", list->descending ? "-" : "", list->ordering);
}

static enum err list_begin(struct arena *arena, struct list *list)
{
    ordering_of(list);
    if (list->query->cursor.len)
        return cursor_parse(arena, list->query->cursor, cursor_list(arena, list), &list->key,
                            &list->id);
    /* before the first key, or after the last */
    list->key = list->descending ? STR("\xf4\x8f\xbf\xbf") : STR("");
    list->id = ID(list->descending ? INT64_MAX : 0);
    return OK;
}

static enum err list_read(struct db_tx *tx, void *arg)
{
    struct list *list = arg;
    const struct titles_query *query = list->query;
    struct arena *arena = db_arena(tx);
    struct db_rows rows;
    str from, to;
    prefix_range(arena, query->prefix, &from, &to);
    TRY(db_all(tx, list->descending ? &SQL_TITLES_DESCENDING : &SQL_TITLES_ASCENDING,
               DB_ARGS(DB_TEXT(str_of(list->ordering)), DB_TEXT(list->key), DB_I64(list->id.value),
                       DB_TEXT(tokens_of(arena, query)), DB_TIME(clock_now()),
                       number_or_null(query->year_from), number_or_null(query->year_to),
                       number_or_null(query->age_max), DB_TEXT(from), DB_TEXT(to),
                       DB_I64(query->limit + 1)),
               (unsigned)query->limit + 1, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)query->limit);
    list->answer.items.items = ARENA_ARRAY(arena, count, struct title_card);
    for (size_t i = 0; i < count; i++)
        TRY(catalog_card_load(tx, ID(db_i64(&rows.items[i], 1)), list->language,
                              &list->answer.items.items[list->answer.items.count++]));
    list->answer.next = (opt_str){ .state = OPT_NULL };
    if (rows.count > count) {
        const struct db_row *last = &rows.items[count - 1];
        list->answer.next = OPT(str, cursor_format(arena, cursor_list(arena, list),
                                                   db_text(last, 0), ID(db_i64(last, 1))));
    }
    return OK;
}

static enum err list_build(struct http_request *request, str language, struct buf *out,
                           int64_t *out_version)
{
    struct titles_query query;
    struct list list = { .query = &query, .language = language };
    (void)out_version;
    TRY(shape_parse_query(request->arena, &titles_query_shape, request->query, &query));
    TRY(list_begin(request->arena, &list));
    TRY(db_read_scan(catalog.db, list_read, &list));
    shape_write_json(out, &titles_list_shape, &list.answer);
    return OK;
}

/* --- For editors: any status, newest first -------------------------------------------------- */

static enum err edit_list_read(struct db_tx *tx, void *arg)
{
    struct list *list = arg;
    struct arena *arena = db_arena(tx);
    const struct titles_query *query = list->query;
    struct db_rows rows;
    str from, to;
    prefix_range(arena, query->prefix, &from, &to);
    str status = query->status.state == OPT_SET
                     ? shape_enum_text(&title_statuses, query->status.value)
                     : STR("");
    TRY(db_all(tx, &SQL_TITLES_EDIT_LIST,
               DB_ARGS(DB_TEXT(status), DB_I64(list->id.value), DB_TEXT(from), DB_TEXT(to),
                       DB_I64(query->limit + 1)),
               (unsigned)query->limit + 1, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)query->limit);
    list->answer.items.items = ARENA_ARRAY(arena, count, struct title_card);
    for (size_t i = 0; i < count; i++)
        TRY(catalog_card_load(tx, ID(db_i64(&rows.items[i], 0)), list->language,
                              &list->answer.items.items[list->answer.items.count++]));
    list->answer.next = (opt_str){ .state = OPT_NULL };
    if (rows.count > count)
        list->answer.next = OPT(
            str, cursor_format(arena, STR("edit"), STR(""), ID(db_i64(&rows.items[count - 1], 0))));
    return OK;
}

static enum err edit_list(struct http_request *request, struct http_response *response,
                          const struct titles_query *query)
{
    struct list list = { .query = query,
                         .language = catalog_request_language(request),
                         .id = ID(INT64_MAX) };
    struct buf buf;
    if (query->cursor.len)
        TRY(cursor_parse(request->arena, query->cursor, STR("edit"), &list.key, &list.id));
    TRY(db_read_scan(catalog.db, edit_list_read, &list));
    buf_init(&buf, request->arena, MIB(1));
    shape_write_json(&buf, &titles_list_shape, &list.answer);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    return OK;
}

/* "status=any" is the editor's word for every status; the table knows only the real ones. */
static str without_any(struct arena *arena, str query, bool *out_any)
{
    struct buf buf;
    str pair;
    *out_any = false;
    buf_init(&buf, arena, query.len + 1);
    while (str_cut(&query, '&', &pair)) {
        if (str_eq(pair, STR("status=any"))) {
            *out_any = true;
            continue;
        }
        if (buf.len)
            buf_put_char(&buf, '&');
        buf_put(&buf, pair);
    }
    return buf_str(&buf);
}

enum err catalog_on_titles_list(struct http_request *request, struct http_response *response)
{
    struct titles_query query;
    bool any;
    str text = without_any(request->arena, request->query, &any);
    if (str_find(request->query, STR("status=")) < 0)
        return catalog_cache_answer(request, response, list_build);
    TRY(shape_parse_query(request->arena, &titles_query_shape, text, &query));
    bool published =
        !any && (query.status.state != OPT_SET || query.status.value == TITLE_PUBLISHED);
    if (published && !caller_has(request, ROLE_ADMIN))
        return catalog_cache_answer(request, response, list_build);
    TRY(require_role(request, ROLE_ADMIN));
    if (!task_current())
        return http_continue_in_task(request);
    return edit_list(request, response, &query);
}

/* --- Facets --------------------------------------------------------------------------------- */

struct facet {
    str slug, name;
    int64_t count;
};
SHAPE(facet_shape, struct facet, FIELD(struct facet, slug), FIELD(struct facet, name),
      FIELD(struct facet, count));
struct facets_list {
    LIST_OF(struct facet) items;
    opt_str next;
};
SHAPE(facets_list_shape, struct facets_list, FIELD_SHAPES(struct facets_list, items, facet_shape),
      FIELD(struct facets_list, next));

struct language_query {
    str lang;
};
SHAPE(language_query_shape, struct language_query,
      FIELD(struct language_query, lang, .format = FORMAT_LANGUAGE));

static str country_label(str slug, str language)
{
    const struct country *country = country_get(slug);
    return country ? country_name(country, language) : slug;
}

static str plain_label(str slug, str language)
{
    (void)language;
    return slug;
}

static enum err facets_write(struct http_request *request, const char *kind, struct buf *out,
                             str (*label)(str slug, str language))
{
    struct db_rows rows;
    struct language_query query;
    struct facets_list list = { .next = { .state = OPT_NULL } };
    str from = arena_printf(request->arena, "%s:", kind),
        to = arena_printf(request->arena, "%s;", kind);
    TRY(shape_parse_query(request->arena, &language_query_shape, request->query, &query));
    TRY(db_all(db_now(catalog.db), &SQL_FACETS_LIST,
               DB_ARGS(DB_TEXT(from), DB_TEXT(to), DB_TIME(clock_now())), FACETS_MAX, &rows));
    list.items.items = ARENA_ARRAY(request->arena, rows.count, struct facet);
    for (unsigned i = 0; i < rows.count; i++) {
        str slug = str_skip(db_text(&rows.items[i], 0), from.len);
        list.items.items[list.items.count++] =
            (struct facet){ slug, label(slug, catalog_request_language(request)),
                            db_i64(&rows.items[i], 1) };
    }
    shape_write_json(out, &facets_list_shape, &list);
    return OK;
}

static enum err genres_build(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version)
{
    (void)language, (void)out_version;
    return facets_write(request, "genre", out, catalog_genre_label);
}

static enum err countries_build(struct http_request *request, str language, struct buf *out,
                                int64_t *out_version)
{
    (void)language, (void)out_version;
    return facets_write(request, "country", out, country_label);
}

static enum err years_build(struct http_request *request, str language, struct buf *out,
                            int64_t *out_version)
{
    (void)language, (void)out_version;
    return facets_write(request, "year", out, plain_label);
}

enum err catalog_on_genres_list(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, genres_build);
}

enum err catalog_on_countries_list(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, countries_build);
}

enum err catalog_on_years_list(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, years_build);
}
