/* catalog_card: a title as lists show it. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "domains/content/vocabulary/genres.h"

enum { SYNOPSIS_BYTES_MAX = 320, ARTWORK_MAX = 16 };

SHAPE(title_card_shape, struct title_card, FIELD(struct title_card, id),
      FIELD_ENUM(struct title_card, kind, title_kinds), FIELD(struct title_card, title),
      FIELD(struct title_card, original_title), FIELD(struct title_card, year),
      FIELD(struct title_card, runtime_min, .doc = "minutes"),
      FIELD_LIST(struct title_card, genres, .doc = "slugs; names by /v1/genres"),
      FIELD_LIST(struct title_card, countries, .doc = "ISO 3166-1 alpha-2"),
      FIELD(struct title_card, age_rating), FIELD(struct title_card, poster),
      FIELD(struct title_card, backdrop),
      FIELD(struct title_card, playable, .doc = "false: there is no film yet"),
      FIELD(struct title_card, synopsis, .doc = "its beginning"),
      FIELD_ENUM(struct title_card, status, title_statuses));

str_list catalog_words(struct arena *arena, str words)
{
    str_list list = { ARENA_ARRAY(arena, words.len / 2 + 1, str), 0 };
    str word;
    while (str_cut(&words, ' ', &word))
        if (word.len)
            list.items[list.count++] = word;
    return list;
}

str catalog_genre_label(str slug, str language)
{
    const struct genre *genre = genre_get(slug);
    if (!genre)
        return slug;
    return str_of(str_eq(language, STR("ru")) ? genre->name_ru : genre->name_en);
}

/* The beginning of a text, cut at a word. */
static str beginning(struct arena *arena, str text)
{
    if (text.len <= SYNOPSIS_BYTES_MAX)
        return text;
    str head = str_head_utf8(text, SYNOPSIS_BYTES_MAX);
    ptrdiff_t space = str_find_last_char(head, ' ');
    if (space > SYNOPSIS_BYTES_MAX / 2) /* Chinese has no spaces */
        head = str_sub(head, 0, (size_t)space);
    return arena_printf(arena, "%.*s…", STR_ARG(head));
}

static enum err artwork_load(struct db_tx *tx, struct title_card *card)
{
    struct db_rows rows;
    card->poster = card->backdrop = (opt_str){ .state = OPT_NULL };
    TRY(db_all(tx, &SQL_ARTWORK_LIST, DB_ARGS(DB_I64(card->id.value)), ARTWORK_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        str kind = db_text(row, 1);
        str url = arena_printf(db_arena(tx), "/artwork/%lld?v=%.*s", (long long)db_i64(row, 0),
                               STR_ARG(str_sub(db_text(row, 2), 0, 12)));
        if (str_eq(kind, STR("poster")))
            card->poster = OPT(str, url);
        else if (str_eq(kind, STR("backdrop")) || str_eq(kind, STR("still")))
            card->backdrop = OPT(str, url);
    }
    return OK;
}

enum err catalog_card_of(struct db_tx *tx, const struct title *title, str language,
                         struct title_card *out_card)
{
    struct arena *arena = db_arena(tx);
    struct title_card card = {
        .id = title->id,
        .kind = title->kind,
        .title = catalog_title_text(title, "title", language),
        .original_title = title->original_title,
        .year = title->year,
        .runtime_min = title->runtime_min,
        .genres = catalog_words(arena, title->genres),
        .countries = catalog_words(arena, title->countries),
        .playable = title->playable,
        .synopsis = beginning(arena, catalog_title_text(title, "synopsis", language)),
        .status = title->status,
    };
    card.age_rating =
        title->age_rating.len ? OPT(str, title->age_rating) : (opt_str){ .state = OPT_NULL };
    TRY(artwork_load(tx, &card));
    *out_card = card;
    return OK;
}

enum err catalog_card_load(struct db_tx *tx, struct id id, str language,
                           struct title_card *out_card)
{
    struct title title;
    TRY(catalog_title_load(tx, id, &title));
    return catalog_card_of(tx, &title, language, out_card);
}

enum err catalog_ask_ahead(struct db_tx *tx, const struct db_rows *rows,
                           const struct catalog_ahead *of, unsigned row)
{
    unsigned owners_max = DB_FETCH_MAX / of->queries_count, count = 0;
    if (row % owners_max != 0 || !db_fetches(tx))
        return OK;
    struct arena *arena = db_arena(tx);
    unsigned owners = MIN_OF(rows->count - row, owners_max);
    struct db_value *ids = ARENA_ARRAY(arena, owners, struct db_value);
    struct db_ahead *ahead =
        ARENA_ARRAY(arena, (size_t)owners * of->queries_count, struct db_ahead);
    for (unsigned i = 0; i < owners; i++) {
        ids[i] = DB_I64(db_i64(&rows->items[row + i], of->column));
        for (unsigned k = 0; k < of->queries_count; k++)
            ahead[count++] = (struct db_ahead){ of->queries[k], { &ids[i], 1 } };
    }
    return db_fetch(tx, ahead, count);
}

enum err catalog_cards_ahead(struct db_tx *tx, const struct db_rows *rows, unsigned column,
                             unsigned row)
{
    static const struct db_query *const queries[] = { &SQL_TITLE_GET, &SQL_TITLE_TEXTS_LIST,
                                                      &SQL_ARTWORK_LIST };
    struct catalog_ahead cards = { queries, ARRAY_LEN(queries), column };
    return catalog_ask_ahead(tx, rows, &cards, row);
}
