/* catalog_page: all there is to say of one title, for its page, in one language. */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum {
    OWNER_TEXTS_MAX = 200,
    CREDITS_MAX = 200,
    EDITIONS_MAX = 100,
    EPISODES_MAX = 2000,
    COLLECTIONS_MAX = 50,
    CREDIT_NAMES_MAX = 4000,
    COLLECTION_NAMES_MAX = 2000,
    SEASON_TEXTS_MAX = 2000
};

struct page_person {
    struct id id;
    str name, role;
    opt_str character;
};
SHAPE(page_person_shape, struct page_person, FIELD(struct page_person, id),
      FIELD(struct page_person, name), FIELD(struct page_person, role),
      FIELD(struct page_person, character));

struct page_edition {
    struct id id;
    str name, kind;
    int64_t duration_ms, width, height;
    bool playable;
    json_raw audio, subtitles, subtitles_unavailable;
};
SHAPE(page_edition_shape, struct page_edition, FIELD(struct page_edition, id),
      FIELD(struct page_edition, name), FIELD(struct page_edition, kind),
      FIELD(struct page_edition, duration_ms), FIELD(struct page_edition, width),
      FIELD(struct page_edition, height), FIELD(struct page_edition, playable),
      FIELD(struct page_edition, audio), FIELD(struct page_edition, subtitles),
      FIELD(struct page_edition, subtitles_unavailable,
            .doc = "pictures instead of text, not shown yet: [{language, label, format, forced}]"));

struct page_episode {
    struct id id;
    int64_t number;
    str title, synopsis;
    opt_i64 runtime_min;
    bool playable;
    opt_str still;
    enum title_status status;
};
SHAPE(page_episode_shape, struct page_episode, FIELD(struct page_episode, id),
      FIELD(struct page_episode, number), FIELD(struct page_episode, title),
      FIELD(struct page_episode, synopsis), FIELD(struct page_episode, runtime_min),
      FIELD(struct page_episode, playable), FIELD(struct page_episode, still),
      FIELD_ENUM(struct page_episode, status, title_statuses,
                 .doc = "the administrator is shown all episodes"));

struct page_season {
    int64_t number;
    str title, synopsis;
    LIST_OF(struct page_episode) episodes;
};
SHAPE(page_season_shape, struct page_season,
      FIELD(struct page_season, number, .doc = "0: specials, which come last"),
      FIELD(struct page_season, title, .doc = "empty: it has no name of its own"),
      FIELD(struct page_season, synopsis),
      FIELD_SHAPES(struct page_season, episodes, page_episode_shape));

struct page_collection {
    struct id id;
    str name;
};
SHAPE(page_collection_shape, struct page_collection, FIELD(struct page_collection, id),
      FIELD(struct page_collection, name));

struct title_page {
    struct id id;
    enum title_kind kind;
    enum title_status status;
    str title, original_title, synopsis, tagline;
    opt_i64 year, runtime_min;
    str_list genres, countries, languages;
    opt_str age_rating, poster, backdrop;
    bool playable;
    LIST_OF(struct page_person) people;
    LIST_OF(struct page_edition) editions;
    LIST_OF(struct page_edition) extras;
    LIST_OF(struct page_season) seasons;
    LIST_OF(struct page_collection) collections;
    MAP_OF(str) external_ids;
    opt_id series_id;
    opt_i64 season, episode;
    opt_time available_from, available_to;
    int64_t version;
    instant updated_at;
};
SHAPE(title_page_shape, struct title_page, FIELD(struct title_page, id),
      FIELD_ENUM(struct title_page, kind, title_kinds),
      FIELD_ENUM(struct title_page, status, title_statuses), FIELD(struct title_page, title),
      FIELD(struct title_page, original_title), FIELD(struct title_page, synopsis),
      FIELD(struct title_page, tagline), FIELD(struct title_page, year),
      FIELD(struct title_page, runtime_min, .doc = "minutes"),
      FIELD_LIST(struct title_page, genres), FIELD_LIST(struct title_page, countries),
      FIELD_LIST(struct title_page, languages), FIELD(struct title_page, age_rating),
      FIELD(struct title_page, poster), FIELD(struct title_page, backdrop),
      FIELD(struct title_page, playable),
      FIELD_SHAPES(struct title_page, people, page_person_shape),
      FIELD_SHAPES(struct title_page, editions, page_edition_shape),
      FIELD_SHAPES(struct title_page, extras, page_edition_shape),
      FIELD_SHAPES(struct title_page, seasons, page_season_shape),
      FIELD_SHAPES(struct title_page, collections, page_collection_shape),
      FIELD_MAP(struct title_page, external_ids, .doc = "by provider"),
      FIELD(struct title_page, series_id), FIELD(struct title_page, season),
      FIELD(struct title_page, episode), FIELD(struct title_page, available_from),
      FIELD(struct title_page, available_to), FIELD(struct title_page, version),
      FIELD_TIME(struct title_page, updated_at));

/* --- Parts ---------------------------------------------------------------------------------- */

/* Texts of many things in one result: (key, language, value) rows; those of `key` are chosen from.
 */
static str row_text(const struct db_rows *rows, struct arena *arena, int64_t key, str language)
{
    struct catalog_text *texts = ARENA_ARRAY(arena, rows->count, struct catalog_text);
    size_t count = 0;
    for (unsigned i = 0; i < rows->count; i++)
        if (db_i64(&rows->items[i], 0) == key)
            texts[count++] =
                (struct catalog_text){ db_text(&rows->items[i], 1), db_text(&rows->items[i], 2) };
    return catalog_text_choose(texts, count, language, STR(""));
}

enum err catalog_owner_text(struct db_tx *tx, const struct text_wanted *wanted, str language,
                            str *out)
{
    struct db_rows rows;
    TRY(db_all(tx, wanted->query, DB_ARGS(DB_I64(wanted->id.value)), OWNER_TEXTS_MAX, &rows));
    struct catalog_text *texts = ARENA_ARRAY(db_arena(tx), rows.count, struct catalog_text);
    size_t count = 0;
    for (unsigned i = 0; i < rows.count; i++)
        if (str_eq(db_text(&rows.items[i], 0), str_of(wanted->field)))
            texts[count++] =
                (struct catalog_text){ db_text(&rows.items[i], 1), db_text(&rows.items[i], 2) };
    *out = catalog_text_choose(texts, count, language, STR(""));
    return OK;
}

enum err catalog_person_name(struct db_tx *tx, struct id id, str language, str *out)
{
    struct text_wanted wanted = { &SQL_PERSON_TEXTS_LIST, id, "name" };
    return catalog_owner_text(tx, &wanted, language, out);
}

static enum err people_load(struct db_tx *tx, str language, struct title_page *page)
{
    struct db_rows credits, texts, names;
    struct arena *arena = db_arena(tx);
    TRY(db_all(tx, &SQL_CREDITS_LIST, DB_ARGS(DB_I64(page->id.value)), CREDITS_MAX, &credits));
    TRY(db_all(tx, &SQL_CREDIT_TEXTS_LIST, DB_ARGS(DB_I64(page->id.value)), CREDITS_MAX * 4,
               &texts));
    TRY(db_all(tx, &SQL_CREDIT_NAMES_LIST, DB_ARGS(DB_I64(page->id.value)), CREDIT_NAMES_MAX,
               &names));
    page->people.items = ARENA_ARRAY(arena, credits.count, struct page_person);
    for (unsigned i = 0; i < credits.count; i++) {
        struct page_person *person = &page->people.items[page->people.count++];
        person->id = ID(db_i64(&credits.items[i], 1));
        person->role = db_text(&credits.items[i], 2);
        person->name = row_text(&names, arena, person->id.value, language);
        str character = row_text(&texts, arena, db_i64(&credits.items[i], 0), language);
        person->character = character.len ? OPT(str, character) : (opt_str){ .state = OPT_NULL };
    }
    return OK;
}

static enum err editions_load(struct db_tx *tx, struct title_page *page)
{
    struct db_rows rows;
    struct arena *arena = db_arena(tx);
    TRY(db_all(tx, &SQL_EDITIONS_LIST, DB_ARGS(DB_I64(page->id.value)), EDITIONS_MAX, &rows));
    page->editions.items = ARENA_ARRAY(arena, rows.count, struct page_edition);
    page->extras.items = ARENA_ARRAY(arena, rows.count, struct page_edition);
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        struct page_edition edition = { .id = ID(db_i64(row, 0)),
                                        .kind = db_text(row, 1),
                                        .name = db_text(row, 2),
                                        .duration_ms = db_i64(row, 4),
                                        .width = db_i64(row, 5),
                                        .height = db_i64(row, 6),
                                        .audio = { db_text(row, 7) },
                                        .subtitles = { db_text(row, 8) },
                                        .subtitles_unavailable = { db_text(row, 9) },
                                        .playable = true };
        if (str_eq(edition.kind, STR("feature")))
            page->editions.items[page->editions.count++] = edition;
        else
            page->extras.items[page->extras.count++] = edition;
    }
    return OK;
}

static enum err external_ids_load(struct db_tx *tx, struct title_page *page)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_EXTERNAL_IDS_LIST, DB_ARGS(DB_I64(page->id.value)), 50, &rows));
    page->external_ids.items =
        arena_zalloc(db_arena(tx), rows.count, sizeof(*page->external_ids.items));
    for (unsigned i = 0; i < rows.count; i++) {
        page->external_ids.items[i].key = db_text(&rows.items[i], 0);
        page->external_ids.items[i].value = db_text(&rows.items[i], 1);
    }
    page->external_ids.count = rows.count;
    return OK;
}

static enum err collections_load(struct db_tx *tx, str language, struct title_page *page)
{
    struct db_rows rows, names;
    struct arena *arena = db_arena(tx);
    TRY(db_all(tx, &SQL_COLLECTIONS_OF_TITLE_LIST, DB_ARGS(DB_I64(page->id.value)), COLLECTIONS_MAX,
               &rows));
    TRY(db_all(tx, &SQL_COLLECTION_NAMES_OF_TITLE_LIST, DB_ARGS(DB_I64(page->id.value)),
               COLLECTION_NAMES_MAX, &names));
    page->collections.items = ARENA_ARRAY(arena, rows.count, struct page_collection);
    for (unsigned i = 0; i < rows.count; i++) {
        struct page_collection *collection = &page->collections.items[page->collections.count++];
        collection->id = ID(db_i64(&rows.items[i], 0));
        collection->name = row_text(&names, arena, collection->id.value, language);
    }
    return OK;
}

static enum err episode_add(struct db_tx *tx, const struct title *episode, str language,
                            struct page_season *season)
{
    struct title_card card;
    TRY(catalog_card_of(tx, episode, language, &card));
    season->episodes.items[season->episodes.count++] =
        (struct page_episode){ .id = card.id,
                               .number = episode->episode,
                               .title = card.title,
                               .synopsis = card.synopsis,
                               .runtime_min = card.runtime_min,
                               .playable = card.playable,
                               .still = card.backdrop,
                               .status = card.status };
    return OK;
}

static str season_text(const struct db_rows *rows, struct arena *arena, int64_t season,
                       const char *field, str language)
{
    struct db_row *those = ARENA_ARRAY(arena, rows->count, struct db_row);
    struct db_rows of_field = { .items = those };
    for (unsigned i = 0; i < rows->count; i++)
        if (str_eq(db_text(&rows->items[i], 3), str_of(field)))
            those[of_field.count++] = rows->items[i];
    return row_text(&of_field, arena, season, language);
}

/* Rows come ordered by season and episode, specials last. */
static enum err seasons_load(struct db_tx *tx, const struct page_view *view,
                             struct title_page *page)
{
    struct db_rows rows, texts;
    struct arena *arena = db_arena(tx);
    str language = view->language;
    TRY(db_all(tx, &SQL_TITLE_EPISODES_LIST, DB_ARGS(DB_I64(page->id.value), DB_TIME(view->now)),
               EPISODES_MAX, &rows));
    TRY(db_all(tx, &SQL_SEASON_TEXTS_LIST, DB_ARGS(DB_I64(page->id.value)), SEASON_TEXTS_MAX,
               &texts));
    page->seasons.items = ARENA_ARRAY(arena, rows.count, struct page_season);
    struct page_season *season = NULL;
    for (unsigned i = 0; i < rows.count; i++) {
        struct title episode;
        TRY(catalog_cards_ahead(tx, &rows, 0, i));
        TRY(catalog_title_load(tx, ID(db_i64(&rows.items[i], 0)), &episode));
        if (!season || season->number != episode.season) {
            season = &page->seasons.items[page->seasons.count++];
            season->number = episode.season;
            season->title = season_text(&texts, arena, season->number, "title", language);
            season->synopsis = season_text(&texts, arena, season->number, "synopsis", language);
            season->episodes.items = ARENA_ARRAY(arena, rows.count - i, struct page_episode);
        }
        TRY(episode_add(tx, &episode, language, season));
    }
    return OK;
}

static void page_begin(struct arena *arena, const struct title *title,
                       const struct title_card *card, str language, struct title_page *page)
{
    bool episode = title->kind == TITLE_EPISODE;
    *page = (struct title_page){
        .id = card->id,
        .kind = card->kind,
        .status = card->status,
        .title = card->title,
        .original_title = card->original_title,
        .synopsis = catalog_title_text(title, "synopsis", language),
        .tagline = catalog_title_text(title, "tagline", language),
        .year = card->year,
        .runtime_min = card->runtime_min,
        .genres = card->genres,
        .countries = card->countries,
        .languages = catalog_words(arena, title->languages),
        .age_rating = card->age_rating,
        .poster = card->poster,
        .backdrop = card->backdrop,
        .playable = card->playable,
        .series_id = episode ? OPT(id, title->series_id) : (opt_id){ .state = OPT_NULL },
        .season = episode ? OPT(i64, title->season) : (opt_i64){ .state = OPT_NULL },
        .episode = episode ? OPT(i64, title->episode) : (opt_i64){ .state = OPT_NULL },
        .available_from = time_or_null(title->available_from),
        .available_to = time_or_null(title->available_to),
        .version = title->version,
        .updated_at = title->updated_at,
    };
}

enum err catalog_page_read(struct db *db, struct id id, const struct page_view *view, db_tx_fn fn,
                           void *arg)
{
    struct db_value shown[] = { DB_I64(id.value), DB_TIME(view->now) };
    struct db_args of_id = { shown, 1 };
    const struct db_ahead ahead[] = {
        { &SQL_TITLE_SHOWN_FIND, { shown, 2 } },
        { &SQL_TITLE_GET, of_id },
        { &SQL_TITLE_TEXTS_LIST, of_id },
        { &SQL_ARTWORK_LIST, of_id },
        { &SQL_CREDITS_LIST, of_id },
        { &SQL_CREDIT_TEXTS_LIST, of_id },
        { &SQL_CREDIT_NAMES_LIST, of_id },
        { &SQL_EDITIONS_LIST, of_id },
        { &SQL_EXTERNAL_IDS_LIST, of_id },
        { &SQL_COLLECTIONS_OF_TITLE_LIST, of_id },
        { &SQL_COLLECTION_NAMES_OF_TITLE_LIST, of_id },
    };
    return db_read_ahead(db, ahead, ARRAY_LEN(ahead), fn, arg);
}

enum err catalog_page_write(struct db_tx *tx, const struct title *title,
                            const struct page_view *view, struct buf *out)
{
    struct title_card card;
    str language = view->language;
    struct title_page *page = ARENA_NEW(db_arena(tx), struct title_page);
    TRY(catalog_card_of(tx, title, language, &card));
    page_begin(db_arena(tx), title, &card, language, page);
    TRY(people_load(tx, language, page));
    TRY(editions_load(tx, page));
    TRY(external_ids_load(tx, page));
    TRY(collections_load(tx, language, page));
    if (title->kind == TITLE_SERIES)
        TRY(seasons_load(tx, view, page));
    shape_write_json(out, &title_page_shape, page);
    return OK;
}
