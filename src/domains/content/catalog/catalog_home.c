/* catalog_home: the page one comes to: what is new, the editors' shelves, shelves of genres. */
#include "catalog_internal.h"

#include "catalog_sql.h"

#include <stdlib.h>

enum { SHELF_TITLES = 24, GENRE_SHELVES = 6, SHELVES_MAX = 40 };

struct shelf {
    str id, slug, name;
    title_cards titles;
};
SHAPE(shelf_shape, struct shelf, FIELD(struct shelf, id), FIELD(struct shelf, slug),
      FIELD(struct shelf, name), FIELD_SHAPES(struct shelf, titles, title_card_shape));

struct home {
    struct title_card *hero;
    LIST_OF(struct shelf) shelves;
};
SHAPE(home_shape, struct home, FIELD_SHAPE_PTR(struct home, hero, title_card_shape),
      FIELD_SHAPES(struct home, shelves, shelf_shape));

struct home_read {
    str language;
    struct home home;
};

/*
 * Titles come with those that play first, so a shelf that begins with one without a film has none
 * at all: it is left out, unless nothing plays in this cinema yet. So is an empty one.
 */
static void shelf_add(struct home *home, struct shelf shelf)
{
    if (!shelf.titles.count || (home->hero && !shelf.titles.items[0].playable))
        return;
    if (home->shelves.count < SHELVES_MAX)
        home->shelves.items[home->shelves.count++] = shelf;
}

/* Films and series in the order of a shop window; `token`: of a genre, or empty. */
static enum err listed_titles(struct db_tx *tx, str token, str language, title_cards *out)
{
    struct db_rows rows;
    struct db_value none = DB_TEXT(STR(""));
    TRY(db_all(tx, &SQL_TITLES_DESCENDING,
               DB_ARGS(DB_TEXT(STR("shelf")), DB_TEXT(STR("\xf4\x8f\xbf\xbf")), DB_I64(INT64_MAX),
                       DB_TIME(clock_now()), none, DB_NULL, DB_NULL, DB_NULL, none, none,
                       DB_I64(SHELF_TITLES), DB_TEXT(STR("kind:any")), DB_TEXT(token), none, none,
                       none, none),
               SHELF_TITLES, &rows));
    out->items = ARENA_ARRAY(db_arena(tx), rows.count, struct title_card);
    out->count = 0;
    for (unsigned i = 0; i < rows.count; i++) {
        TRY(catalog_cards_ahead(tx, &rows, 1, i));
        TRY(catalog_card_load(tx, ID(db_i64(&rows.items[i], 1)), language,
                              &out->items[out->count++]));
    }
    return OK;
}

static enum err new_shelf(struct db_tx *tx, struct home_read *read)
{
    bool russian = str_eq(read->language, STR("ru"));
    struct shelf shelf = { .id = STR("new"),
                           .slug = STR("new"),
                           .name = russian ? STR("Новое в кинотеатре") : STR("New in the cinema") };
    TRY(listed_titles(tx, STR(""), read->language, &shelf.titles));
    for (size_t i = 0; i < shelf.titles.count && !read->home.hero; i++)
        if (shelf.titles.items[i].playable && shelf.titles.items[i].backdrop.state == OPT_SET)
            read->home.hero = &shelf.titles.items[i];
    if (!read->home.hero && shelf.titles.count && shelf.titles.items[0].playable)
        read->home.hero = &shelf.titles.items[0];
    shelf_add(&read->home, shelf);
    return OK;
}

static enum err editors_shelves(struct db_tx *tx, struct home_read *read)
{
    struct db_rows rows;
    char number[ID_TEXT_MAX];
    TRY(db_all(tx, &SQL_COLLECTIONS_LIST,
               DB_ARGS(DB_TEXT(STR("shelf")), DB_I64(INT64_MIN), DB_I64(0), DB_I64(SHELVES_MAX)),
               SHELVES_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        struct id id = ID(db_i64(&rows.items[i], 0));
        struct shelf shelf = { .id = arena_str(db_arena(tx), id_format(id, number)),
                               .slug = db_text(&rows.items[i], 1) };
        TRY(catalog_collection_text(tx, id, "name", read->language, &shelf.name));
        TRY(catalog_collection_titles(tx, id, read->language, SHELF_TITLES, &shelf.titles));
        shelf_add(&read->home, shelf);
    }
    return OK;
}

static int by_count(const void *a, const void *b)
{
    int64_t one = db_i64(a, 1), other = db_i64(b, 1);
    return one < other ? 1 : one > other ? -1 : 0;
}

static enum err genre_shelves(struct db_tx *tx, struct home_read *read)
{
    struct db_rows rows;
    struct arena *arena = db_arena(tx);
    TRY(db_all(tx, &SQL_FACETS_LIST,
               DB_ARGS(DB_TEXT(STR("genre:")), DB_TEXT(STR("genre;")), DB_TIME(clock_now())), 1000,
               &rows));
    struct db_row *genres = ARENA_ARRAY(arena, rows.count, struct db_row);
    for (unsigned i = 0; i < rows.count; i++)
        genres[i] = rows.items[i];
    if (rows.count)
        qsort(genres, rows.count, sizeof(*genres), by_count);
    for (unsigned i = 0; i < rows.count && i < GENRE_SHELVES && db_i64(&genres[i], 1) >= 3; i++) {
        str slug = str_skip(db_text(&genres[i], 0), 6);
        struct shelf shelf = { .id = arena_printf(arena, "genre-%.*s", STR_ARG(slug)),
                               .slug = slug,
                               .name = catalog_genre_label(slug, read->language) };
        TRY(listed_titles(tx, db_text(&genres[i], 0), read->language, &shelf.titles));
        shelf_add(&read->home, shelf);
    }
    return OK;
}

static enum err home_read(struct db_tx *tx, void *arg)
{
    struct home_read *read = arg;
    read->home.shelves.items = ARENA_ARRAY(db_arena(tx), SHELVES_MAX, struct shelf);
    TRY(new_shelf(tx, read));
    TRY(editors_shelves(tx, read));
    return genre_shelves(tx, read);
}

static enum err home_build(struct http_request *request, str language, struct buf *out,
                           int64_t *out_version)
{
    struct home_read read = { .language = language };
    (void)out_version;
    TRY(catalog_language_check(request));
    TRY(db_read_scan(catalog.db, home_read, &read));
    shape_write_json(out, &home_shape, &read.home);
    return OK;
}

enum err catalog_on_home_get(struct http_request *request, struct http_response *response)
{
    return catalog_cache_answer(request, response, home_build);
}
