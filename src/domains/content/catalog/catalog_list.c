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

/* "any" is the editor's word for every status. */
enum status_filter { FILTER_ANY = TITLE_ARCHIVED + 1 };
SHAPE_ENUM(title_status_filters, [TITLE_DRAFT] = STR_INIT("draft"),
           [TITLE_PUBLISHED] = STR_INIT("published"), [TITLE_ARCHIVED] = STR_INIT("archived"),
           [FILTER_ANY] = STR_INIT("any"));

struct titles_query {
    opt_enum kind, status, sort;
    str genre, country, language, prefix, lang, cursor;
    opt_i64 year_from, year_to, age_max;
    opt_id person;
    opt_bool playable;
    int64_t limit;
};
SHAPE(titles_query_shape, struct titles_query,
      FIELD_ENUM(struct titles_query, kind, title_kinds,
                 .doc = "left out: films and series; with a status: episodes too"),
      FIELD_ENUM(struct titles_query, status, title_status_filters,
                 .doc = "for the administrator: titles of this status, whether shown now or not"),
      FIELD(struct titles_query, genre, .format = FORMAT_SLUG),
      FIELD(struct titles_query, country, .format = FORMAT_COUNTRY),
      FIELD(struct titles_query, language, .format = FORMAT_LANGUAGE),
      FIELD(struct titles_query, prefix, .max = 100, .doc = "beginning of a word of the name"),
      FIELD(struct titles_query, lang, .format = FORMAT_LANGUAGE, .doc = "language of the answer"),
      FIELD(struct titles_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct titles_query, year_from, .min = 1, .max = 9999),
      FIELD(struct titles_query, year_to, .min = 1, .max = 9999),
      FIELD(struct titles_query, age_max, .min = 0, .max = 99,
            .doc = "titles for viewers of this age; one without a known rating is none"),
      FIELD(struct titles_query, person), FIELD(struct titles_query, playable),
      FIELD_ENUM(struct titles_query, sort, title_sorts,
                 .doc = "left out: shelf, what plays first; with a status: -added"),
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
    bool editor; /* sees what is not shown, too */
    char ordering[24];
    bool descending;
    str key; /* where the last page ended */
    struct id id;
    struct titles_list answer;
};

/* --- What titles must have: tokens the query looks for -------------------------------------- */

enum { FILTER_KIND, FILTER_GENRE, FILTER_COUNTRY, FILTER_LANGUAGE, FILTER_PERSON, FILTER_PLAYABLE };

static void token_set(struct arena *arena, struct db_value *token, const char *kind, str value)
{
    if (value.len)
        *token = DB_TEXT(arena_printf(arena, "%s:%.*s", kind, STR_ARG(value)));
}

static void tokens_of(struct arena *arena, const struct list *list, struct db_value *tokens)
{
    const struct titles_query *query = list->query;
    char text[ID_TEXT_MAX];
    for (size_t i = 0; i < CATALOG_LIST_TOKENS; i++)
        tokens[i] = DB_TEXT(STR(""));
    if (query->kind.state == OPT_SET)
        token_set(arena, &tokens[FILTER_KIND], "kind",
                  shape_enum_text(&title_kinds, query->kind.value));
    else if (!list->editor)
        token_set(arena, &tokens[FILTER_KIND], "kind", STR("any"));
    token_set(arena, &tokens[FILTER_GENRE], "genre", query->genre);
    token_set(arena, &tokens[FILTER_COUNTRY], "country", query->country);
    token_set(arena, &tokens[FILTER_LANGUAGE], "language", query->language);
    if (query->person.state == OPT_SET)
        token_set(arena, &tokens[FILTER_PERSON], "person", id_format(query->person.value, text));
    if (query->playable.state == OPT_SET)
        token_set(arena, &tokens[FILTER_PLAYABLE], "playable",
                  query->playable.value ? STR("true") : STR("false"));
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
    enum sort sort = list->query->sort.state == OPT_SET ? (enum sort)list->query->sort.value
                     : list->editor                     ? SORT_ADDED_DESC
                                                        : SORT_SHELF;
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
    struct db_value tokens[CATALOG_LIST_TOKENS];
    str from, to, status = STR("");
    prefix_range(arena, query->prefix, &from, &to);
    tokens_of(arena, list, tokens);
    if (list->editor && query->status.value != FILTER_ANY)
        status = shape_enum_text(&title_statuses, query->status.value);
    TRY(db_all(tx, list->descending ? &SQL_TITLES_DESCENDING : &SQL_TITLES_ASCENDING,
               DB_ARGS(DB_TEXT(str_of(list->ordering)), DB_TEXT(list->key), DB_I64(list->id.value),
                       list->editor ? DB_NULL : DB_TIME(clock_now()), DB_TEXT(status),
                       number_or_null(query->year_from), number_or_null(query->year_to),
                       number_or_null(query->age_max), DB_TEXT(from), DB_TEXT(to),
                       DB_I64(query->limit + 1), tokens[0], tokens[1], tokens[2], tokens[3],
                       tokens[4], tokens[5]),
               (unsigned)query->limit + 1, &rows));
    unsigned count = MIN_OF(rows.count, (unsigned)query->limit);
    list->answer.items.items = ARENA_ARRAY(arena, count, struct title_card);
    for (unsigned i = 0; i < count; i++) {
        TRY(catalog_cards_ahead(tx, &rows, 1, i));
        TRY(catalog_card_load(tx, ID(db_i64(&rows.items[i], 1)), list->language,
                              &list->answer.items.items[list->answer.items.count++]));
    }
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

/* --- For editors: any status ---------------------------------------------------------------- */

static enum err edit_list(struct http_request *request, struct http_response *response,
                          const struct titles_query *query)
{
    struct list list = { .query = query,
                         .language = catalog_request_language(request),
                         .editor = true };
    struct buf buf;
    TRY(list_begin(request->arena, &list));
    TRY(db_read_scan(catalog.db, list_read, &list));
    buf_init(&buf, request->arena, MIB(1));
    shape_write_json(&buf, &titles_list_shape, &list.answer);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    return OK;
}

/* A viewer's list is looked for among the ready bytes before its query is read. */
enum err catalog_on_titles_list(struct http_request *request, struct http_response *response)
{
    struct titles_query query;
    if (str_find(request->query, STR("status=")) < 0 && str_find_char(request->query, '%') < 0)
        return catalog_cache_answer(request, response, list_build);
    TRY(shape_parse_query(request->arena, &titles_query_shape, request->query, &query));
    bool asked = query.status.state == OPT_SET;
    if (!asked || (query.status.value == TITLE_PUBLISHED && !caller_has(request, ROLE_ADMIN)))
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
      FIELD(struct language_query, lang, .format = FORMAT_LANGUAGE,
            .doc = "language of the answer"));

enum err catalog_language_check(const struct http_request *request)
{
    struct language_query query;
    return shape_parse_query(request->arena, &language_query_shape, request->query, &query);
}

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
    struct facets_list list = { .next = { .state = OPT_NULL } };
    str from = arena_printf(request->arena, "%s:", kind),
        to = arena_printf(request->arena, "%s;", kind);
    TRY(catalog_language_check(request));
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
