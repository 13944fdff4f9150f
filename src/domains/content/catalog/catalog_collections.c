/* catalog_collections: what editors put together, in lists, pages and changes. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/cursor/cursor.h"

enum { LIMIT_DEFAULT = 24, LIMIT_MAX = 100, TITLES_MAX = 200 };

struct collection_card {
    struct id id;
    str slug, kind, name, description;
    int64_t count;
};
SHAPE(collection_card_shape, struct collection_card, FIELD(struct collection_card, id),
      FIELD(struct collection_card, slug), FIELD(struct collection_card, kind),
      FIELD(struct collection_card, name), FIELD(struct collection_card, description),
      FIELD(struct collection_card, count));

enum collection_kind { KIND_SHELF, KIND_COLLECTION };
SHAPE_ENUM(
    collection_kinds, [KIND_SHELF] = STR_INIT("shelf"), [KIND_COLLECTION] = STR_INIT("collection"));

struct collections_query {
    enum collection_kind kind;
    str lang, cursor;
    int64_t limit;
};
SHAPE(collections_query_shape, struct collections_query,
      FIELD_ENUM(struct collections_query, kind, collection_kinds, .initial = KIND_SHELF),
      FIELD(struct collections_query, lang, .format = FORMAT_LANGUAGE,
            .doc = "language of the answer"),
      FIELD(struct collections_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct collections_query, limit, .min = 1, .max = LIMIT_MAX, .initial = LIMIT_DEFAULT));

struct collections_list {
    LIST_OF(struct collection_card) items;
    opt_str next;
};
SHAPE(collections_list_shape, struct collections_list,
      FIELD_SHAPES(struct collections_list, items, collection_card_shape),
      FIELD(struct collections_list, next));

struct collection_page {
    struct id id;
    str slug, kind, name, description;
    int64_t version;
    title_cards titles;
};
SHAPE(collection_page_shape, struct collection_page, FIELD(struct collection_page, id),
      FIELD(struct collection_page, slug), FIELD(struct collection_page, kind),
      FIELD(struct collection_page, name), FIELD(struct collection_page, description),
      FIELD(struct collection_page, version),
      FIELD_SHAPES(struct collection_page, titles, title_card_shape));

enum err catalog_collection_text(struct db_tx *tx, struct id id, const char *field, str language,
                                 str *out)
{
    struct text_wanted wanted = { &SQL_COLLECTION_TEXTS_LIST, id, field };
    return catalog_owner_text(tx, &wanted, language, out);
}

enum err catalog_collection_titles(struct db_tx *tx, struct id id, str language, unsigned limit,
                                   title_cards *out)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_COLLECTION_TITLES_LIST, DB_ARGS(DB_I64(id.value), DB_TIME(clock_now())),
               limit, &rows));
    out->items = ARENA_ARRAY(db_arena(tx), rows.count, struct title_card);
    out->count = 0;
    for (unsigned i = 0; i < rows.count; i++) {
        TRY(catalog_cards_ahead(tx, &rows, 0, i));
        TRY(catalog_card_load(tx, ID(db_i64(&rows.items[i], 0)), language,
                              &out->items[out->count++]));
    }
    return OK;
}

/* --- Lists and pages ------------------------------------------------------------------------ */

struct collections_read {
    struct collections_query query;
    str language, cursor_list;
    int64_t position; /* where the last page ended */
    struct id id;     /* there, or of the page that is asked for */
    struct collections_list list;
    struct collection_page page;
};

static enum err card_read(struct db_tx *tx, const struct db_row *row, str language,
                          struct collection_card *card)
{
    struct db_row count;
    card->id = ID(db_i64(row, 0));
    card->slug = db_text(row, 1);
    card->kind = db_text(row, 2);
    TRY(catalog_collection_text(tx, card->id, "name", language, &card->name));
    TRY(catalog_collection_text(tx, card->id, "description", language, &card->description));
    TRY(db_one(tx, &SQL_COLLECTION_TITLES_COUNT,
               DB_ARGS(DB_I64(card->id.value), DB_TIME(clock_now())), &count));
    card->count = db_i64(&count, 0);
    return OK;
}

static enum err collections_read(struct db_tx *tx, void *arg)
{
    static const struct db_query *const texts = &SQL_COLLECTION_TEXTS_LIST;
    static const struct catalog_ahead names = { &texts, 1, 0 };
    struct collections_read *read = arg;
    struct arena *arena = db_arena(tx);
    struct db_rows rows;
    int64_t limit = read->query.limit;
    str kind = shape_enum_text(&collection_kinds, read->query.kind);
    TRY(db_all(
        tx, &SQL_COLLECTIONS_LIST,
        DB_ARGS(DB_TEXT(kind), DB_I64(read->position), DB_I64(read->id.value), DB_I64(limit + 1)),
        (unsigned)limit + 1, &rows));
    unsigned count = MIN_OF(rows.count, (unsigned)limit);
    read->list.items.items = ARENA_ARRAY(arena, count, struct collection_card);
    for (unsigned i = 0; i < count; i++) {
        TRY(catalog_ask_ahead(tx, &rows, &names, i));
        TRY(card_read(tx, &rows.items[i], read->language,
                      &read->list.items.items[read->list.items.count++]));
    }
    read->list.next = (opt_str){ .state = OPT_NULL };
    if (rows.count > count) {
        const struct db_row *last = &rows.items[count - 1];
        str key = arena_printf(arena, "%lld", (long long)db_i64(last, 3));
        read->list.next =
            OPT(str, cursor_format(arena, read->cursor_list, key, ID(db_i64(last, 0))));
    }
    return OK;
}

/* A cursor is of a kind: the position in the editor's order, and the id. */
static enum err collections_begin(struct arena *arena, struct collections_read *read)
{
    str key;
    str kind = shape_enum_text(&collection_kinds, read->query.kind);
    read->cursor_list = arena_printf(arena, "collections.%.*s", STR_ARG(kind));
    read->position = INT64_MIN;
    if (read->query.cursor.len == 0)
        return OK;
    TRY(cursor_parse(arena, read->query.cursor, read->cursor_list, &key, &read->id));
    if (!str_parse_i64(key, &read->position))
        return err_set(ERR_INVALID, "bad-cursor", "the cursor is not one of this list");
    return OK;
}

static enum err collections_build(struct http_request *request, str language, struct buf *out,
                                  int64_t *out_version)
{
    struct collections_read read = { .language = language };
    (void)out_version;
    TRY(shape_parse_query(request->arena, &collections_query_shape, request->query, &read.query));
    TRY(collections_begin(request->arena, &read));
    TRY(db_read(catalog.db, collections_read, &read));
    shape_write_json(out, &collections_list_shape, &read.list);
    return OK;
}

enum err catalog_on_collections_list(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, collections_build);
}

static enum err collection_read(struct db_tx *tx, void *arg)
{
    struct collections_read *read = arg;
    struct collection_page *page = &read->page;
    struct db_row row;
    TRY(db_find(tx, &SQL_COLLECTION_GET, DB_ARGS(DB_I64(read->id.value)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "collection-not-found", "there is no collection %lld",
                       (long long)read->id.value);
    page->id = read->id;
    page->slug = db_text(&row, 1);
    page->kind = db_text(&row, 2);
    page->version = db_i64(&row, 3);
    TRY(catalog_collection_text(tx, read->id, "name", read->language, &page->name));
    TRY(catalog_collection_text(tx, read->id, "description", read->language, &page->description));
    return catalog_collection_titles(tx, read->id, read->language, TITLES_MAX, &page->titles);
}

static enum err collection_build(struct http_request *request, str language, struct buf *out,
                                 int64_t *out_version)
{
    struct collections_read read = { .language = language };
    TRY(catalog_language_check(request));
    TRY(catalog_request_id(request, "id", "collection-not-found", &read.id));
    TRY(db_read(catalog.db, collection_read, &read));
    *out_version = read.page.version;
    shape_write_json(out, &collection_page_shape, &read.page);
    return OK;
}

enum err catalog_on_collection_get(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, collection_build);
}

/* --- Writing -------------------------------------------------------------------------------- */

static enum err collection_add(struct db_tx *tx, const struct catalog_collection *collection,
                               int64_t *out_id)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_COLLECTION_FIND, DB_ARGS(DB_TEXT(collection->slug)), &row));
    if (row.values) {
        *out_id = db_i64(&row, 0);
        return db_exec(
            tx, &SQL_COLLECTION_UPDATE,
            DB_ARGS(DB_I64(*out_id), DB_TEXT(collection->kind), DB_I64(collection->position)),
            NULL);
    }
    return db_insert(
        tx, &SQL_COLLECTION_ADD,
        DB_ARGS(DB_TEXT(collection->slug), DB_TEXT(collection->kind), DB_I64(collection->position)),
        out_id);
}

enum err catalog_collection_put(struct db_tx *tx, const struct catalog_collection *collection)
{
    int64_t id;
    struct db_row end;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(collection_add(tx, collection, &id));
    for (size_t i = 0; i < collection->names_count; i++)
        TRY(db_exec(tx, &SQL_COLLECTION_TEXT_PUT,
                    DB_ARGS(DB_I64(id), DB_TEXT(STR("name")),
                            DB_TEXT(collection->names[i].language),
                            DB_TEXT(collection->names[i].value)),
                    NULL));
    if (!collection->append)
        TRY(db_exec(tx, &SQL_COLLECTION_TITLES_CLEAR, DB_ARGS(DB_I64(id)), NULL));
    TRY(db_one(tx, &SQL_COLLECTION_TITLES_END, DB_ARGS(DB_I64(id)), &end));
    for (size_t i = 0; i < collection->titles_count; i++)
        TRY(db_exec(tx, &SQL_COLLECTION_TITLE_PUT,
                    DB_ARGS(DB_I64(id), DB_I64(db_i64(&end, 0) + (int64_t)i),
                            DB_I64(collection->titles[i].value)),
                    NULL));
    return OK;
}

struct collection_body {
    str slug;
    enum collection_kind kind;
    MAP_OF(str) names;
    LIST_OF(struct id) titles;
    int64_t position;
};
SHAPE(collection_put_shape, struct collection_body,
      FIELD(struct collection_body, slug, .required = true, .format = FORMAT_SLUG, .max = 60),
      FIELD_ENUM(struct collection_body, kind, collection_kinds, .required = true),
      FIELD_MAP(struct collection_body, names, .required = true, .min = 1, .max = 40,
                .keys = FORMAT_LANGUAGE, .item_max = 200),
      FIELD_LIST(struct collection_body, titles, .max = TITLES_MAX),
      FIELD(struct collection_body, position, .min = -1000, .max = 1000));

struct collection_edit {
    struct catalog_collection collection;
    struct id id;
    bool made;
};

static enum err collection_put_tx(struct db_tx *tx, void *arg)
{
    struct collection_edit *edit = arg;
    struct db_row row;
    TRY(db_find(tx, &SQL_COLLECTION_FIND, DB_ARGS(DB_TEXT(edit->collection.slug)), &row));
    edit->made = !row.values;
    TRY(catalog_collection_put(tx, &edit->collection));
    TRY(db_one(tx, &SQL_COLLECTION_FIND, DB_ARGS(DB_TEXT(edit->collection.slug)), &row));
    edit->id = ID(db_i64(&row, 0));
    return OK;
}

enum err catalog_on_collection_put(struct http_request *request, struct http_response *response)
{
    struct collection_body body;
    TRY(shape_parse_json(request->arena, &collection_put_shape, request->body, &body));
    struct catalog_text *names = ARENA_ARRAY(request->arena, body.names.count, struct catalog_text);
    for (size_t i = 0; i < body.names.count; i++)
        names[i] = (struct catalog_text){ body.names.items[i].key, body.names.items[i].value };
    struct collection_edit edit = { .collection = {
                                        .slug = body.slug,
                                        .kind = shape_enum_text(&collection_kinds, body.kind),
                                        .names = names,
                                        .names_count = body.names.count,
                                        .titles = body.titles.items,
                                        .titles_count = body.titles.count,
                                        .position = body.position } };
    TRY(db_tx(catalog.db, collection_put_tx, &edit));
    struct collections_read read = { .language = catalog_request_language(request), .id = edit.id };
    struct buf buf;
    TRY(db_read(catalog.db, collection_read, &read));
    buf_init(&buf, request->arena, MIB(1));
    shape_write_json(&buf, &collection_page_shape, &read.page);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    if (!edit.made)
        return OK;
    response->status = 201;
    return http_header_add(
        response, STR("Location"),
        arena_printf(request->arena, "/v1/collections/%lld", (long long)edit.id.value));
}

static enum err collection_remove_tx(struct db_tx *tx, void *arg)
{
    struct id *id = arg;
    int64_t removed;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(db_exec(tx, &SQL_COLLECTION_REMOVE, DB_ARGS(DB_I64(id->value)), &removed));
    if (removed == 0)
        return err_set(ERR_NOT_FOUND, "collection-not-found", "there is no collection %lld",
                       (long long)id->value);
    return OK;
}

enum err catalog_on_collection_remove(struct http_request *request, struct http_response *response)
{
    struct id id;
    TRY(catalog_request_id(request, "id", "collection-not-found", &id));
    TRY(db_tx(catalog.db, collection_remove_tx, &id));
    http_reply_status(response, 204);
    return OK;
}
