/*
 * catalog_record: what imports write: records, credits and people, external ids, editions, artwork,
 * publishing. Everything takes part in the caller's transaction and ends in
 * catalog_title_reindex().
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "media/text/fold.h"

enum { CREDITS_MAX = 150, NAMED_MAX = 200 };

/* The person of a credit: found by any of the names, else made. New languages are added. */
static enum err person_put(struct db_tx *tx, const struct catalog_record *record,
                           const struct catalog_credit *credit, struct id *out_id)
{
    struct db_row row = { 0 };
    struct arena *arena = db_arena(tx);
    int64_t id = 0;
    for (size_t i = 0; i < credit->names_count && !row.values; i++) {
        str key = fold_str(arena, str_trim(credit->names[i].value));
        TRY(db_find(tx, &SQL_PERSON_FIND, DB_ARGS(DB_TEXT(key)), &row));
    }
    if (row.values) {
        id = db_i64(&row, 0);
    } else {
        str key = fold_str(arena, str_trim(credit->names[0].value));
        TRY(db_insert(tx, &SQL_PERSON_ADD, DB_ARGS(DB_TEXT(key)), &id));
    }
    struct catalog_value *values = ARENA_ARRAY(arena, credit->names_count, struct catalog_value);
    for (size_t i = 0; i < credit->names_count; i++)
        values[i] = (struct catalog_value){ STR("name"), credit->names[i].language,
                                            str_trim(credit->names[i].value) };
    struct catalog_change change = { .values = values,
                                     .values_count = credit->names_count,
                                     .source = record->source,
                                     .licence = record->licence };
    *out_id = ID(id);
    return catalog_person_fields_put(tx, *out_id, &change);
}

static enum err credit_put(struct db_tx *tx, struct id title, const struct catalog_record *record,
                           size_t position)
{
    struct id person;
    const struct catalog_credit *credit = &record->credits[position];
    TRY(person_put(tx, record, credit, &person));
    TRY(db_exec(tx, &SQL_CREDIT_PUT,
                DB_ARGS(DB_I64(title.value), DB_I64((int64_t)position), DB_I64(person.value),
                        DB_TEXT(credit->role)),
                NULL));
    for (size_t i = 0; i < credit->characters_count; i++)
        if (credit->characters[i].value.len)
            TRY(db_exec(tx, &SQL_CREDIT_TEXT_PUT,
                        DB_ARGS(DB_I64(title.value), DB_I64((int64_t)position),
                                DB_TEXT(credit->characters[i].language),
                                DB_TEXT(credit->characters[i].value)),
                        NULL));
    return OK;
}

/* Credits are one field as far as provenance goes: a source replaces them whole or not at all. */
enum err catalog_credits_put(struct db_tx *tx, struct id id, const struct catalog_record *record)
{
    struct catalog_owners owners;
    if (record->credits_count == 0)
        return OK;
    TRY(catalog_owners_load(tx, &SQL_TITLE_FIELDS_LIST, id, &owners));
    if (!catalog_owners_allow(&owners, STR("credits"), record->source))
        return OK;
    TRY(db_exec(tx, &SQL_CREDITS_CLEAR, DB_ARGS(DB_I64(id.value)), NULL));
    size_t count = MIN_OF(record->credits_count, (size_t)CREDITS_MAX);
    for (size_t i = 0; i < count; i++)
        if (record->credits[i].names_count && str_trim(record->credits[i].names[0].value).len)
            TRY(credit_put(tx, id, record, i));
    return db_exec(tx, &SQL_TITLE_FIELD_PUT,
                   DB_ARGS(DB_I64(id.value), DB_TEXT(STR("credits")),
                           DB_TEXT(shape_enum_text(&catalog_sources, record->source)),
                           DB_TEXT(record->licence), DB_BOOL(false), DB_TIME(clock_now())),
                   NULL);
}

static enum err series_check(struct db_tx *tx, struct id id)
{
    struct title series;
    enum err result = catalog_title_load(tx, id, &series);
    if (result == OK && series.kind == TITLE_SERIES)
        return OK;
    if (result != OK && result != ERR_NOT_FOUND)
        return result;
    err_set(ERR_INVALID, "invalid-fields", "there is no series %lld", (long long)id.value);
    err_field_add(STR("series_id"), "is no series");
    return ERR_INVALID;
}

static enum err title_add(struct db_tx *tx, const struct catalog_record *record, struct id *out_id)
{
    bool episode = record->kind == TITLE_EPISODE;
    int64_t id;
    if (episode)
        TRY(series_check(tx, record->series_id));
    TRY(db_insert(tx, &SQL_TITLE_ADD,
                  DB_ARGS(DB_TEXT(shape_enum_text(&title_kinds, record->kind)),
                          episode ? DB_I64(record->series_id.value) : DB_NULL,
                          episode ? DB_I64(record->season) : DB_NULL,
                          episode ? DB_I64(record->episode) : DB_NULL, DB_TIME(clock_now())),
                  &id));
    *out_id = ID(id);
    return OK;
}

enum err catalog_record_put(struct db_tx *tx, const struct catalog_record *record, struct id *io_id)
{
    struct id id = *io_id;
    struct catalog_change change = { .values = record->values,
                                     .values_count = record->values_count,
                                     .source = record->source,
                                     .licence = record->licence,
                                     .lock = record->source == CATALOG_SOURCE_EDITOR };
    db_notify(tx, DB_TOPIC_CATALOG);
    if (id_is_none(id))
        TRY(title_add(tx, record, &id));
    TRY(catalog_title_fields_put(tx, id, &change));
    TRY(catalog_credits_put(tx, id, record));
    for (size_t i = 0; i < record->external_ids_count; i++)
        TRY(db_exec(tx, &SQL_EXTERNAL_ID_PUT,
                    DB_ARGS(DB_TEXT(record->external_ids[i].provider),
                            DB_TEXT(record->external_ids[i].value), DB_I64(id.value)),
                    NULL));
    TRY(catalog_title_reindex(tx, id));
    *io_id = id;
    return OK;
}

enum err catalog_episode_find(struct db_tx *tx, struct id series, int64_t season, int64_t episode,
                              struct id *out_id)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_TITLE_EPISODE_FIND,
                DB_ARGS(DB_I64(series.value), DB_I64(season), DB_I64(episode)), &row));
    *out_id = row.values ? ID(db_i64(&row, 0)) : ID_NONE;
    return OK;
}

enum err catalog_series_of(struct db_tx *tx, struct id title, struct id *out_series)
{
    struct title loaded;
    TRY(catalog_title_load(tx, title, &loaded));
    *out_series = loaded.kind == TITLE_EPISODE ? loaded.series_id : ID_NONE;
    return OK;
}

/* --- Matching ------------------------------------------------------------------------------- */

/* The same name with the same year is certain; a year off by one is how catalogues differ. */
static double match_score(int64_t wanted_year, int64_t year)
{
    if (wanted_year == 0 || year == 0)
        return 0.6;
    int64_t apart = wanted_year > year ? wanted_year - year : year - wanted_year;
    return apart == 0 ? 1.0 : apart == 1 ? 0.8 : 0.2;
}

static void match_insert(struct catalog_match *matches, unsigned *count, unsigned limit,
                         struct catalog_match match)
{
    unsigned at = *count;
    while (at > 0 && matches[at - 1].score < match.score)
        at--;
    if (at >= limit)
        return;
    unsigned last = *count < limit ? (*count)++ : limit - 1;
    for (unsigned i = last; i > at; i--)
        matches[i] = matches[i - 1];
    matches[at] = match;
}

static enum err match_by_id(struct db_tx *tx, enum title_kind kind,
                            const struct catalog_external_id *external,
                            struct catalog_match *out_match, bool *out_found)
{
    struct db_row row;
    struct title title;
    *out_found = false;
    TRY(db_find(tx, &SQL_EXTERNAL_ID_FIND,
                DB_ARGS(DB_TEXT(external->provider), DB_TEXT(shape_enum_text(&title_kinds, kind)),
                        DB_TEXT(external->value)),
                &row));
    if (!row.values)
        return OK;
    TRY(catalog_title_load(tx, ID(db_i64(&row, 0)), &title));
    *out_match = (struct catalog_match){ title.id, catalog_title_text(&title, "title", STR("en")),
                                         title.year.state == OPT_SET ? title.year.value : 0, 1.0 };
    *out_found = true;
    return OK;
}

/* Names are stored from each of their words on; here only a whole one counts. */
static bool title_has_name(const struct title *title, str name)
{
    bool has = fold_eq(title->original_title, name);
    for (size_t i = 0; i < title->texts_count && !has; i++)
        has = str_eq(title->texts[i].field, STR("title")) && fold_eq(title->texts[i].value, name);
    return has;
}

enum err catalog_match(struct db_tx *tx, const struct catalog_wanted *wanted, unsigned limit,
                       struct catalog_match *out_matches, unsigned *out_count)
{
    struct db_rows rows;
    unsigned count = 0;
    for (size_t i = 0; i < wanted->ids_count; i++) {
        bool found;
        TRY(match_by_id(tx, wanted->kind, &wanted->ids[i], &out_matches[0], &found));
        if (found) {
            *out_count = 1;
            return OK;
        }
    }
    str folded = catalog_name_fold(db_arena(tx), wanted->name);
    TRY(db_all(tx, &SQL_TITLES_NAMED, DB_ARGS(DB_TEXT(folded)), NAMED_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        struct title title;
        if (!str_eq(db_text(&rows.items[i], 2), shape_enum_text(&title_kinds, wanted->kind)))
            continue;
        TRY(catalog_title_load(tx, ID(db_i64(&rows.items[i], 0)), &title));
        if (!title_has_name(&title, str_trim(wanted->name)))
            continue;
        int64_t its_year = db_i64(&rows.items[i], 1);
        match_insert(out_matches, &count, limit,
                     (struct catalog_match){ title.id,
                                             catalog_title_text(&title, "title", STR("en")),
                                             its_year, match_score(wanted->year, its_year) });
    }
    *out_count = count;
    return OK;
}

/* --- Editions and artwork ------------------------------------------------------------------- */

enum err catalog_playable_refresh(struct db_tx *tx, struct id id)
{
    struct title title;
    TRY(db_exec(tx, &SQL_TITLE_PLAYABLE_PUT, DB_ARGS(DB_I64(id.value)), NULL));
    TRY(catalog_title_reindex(tx, id));
    TRY(catalog_title_load(tx, id, &title));
    if (title.kind != TITLE_EPISODE)
        return OK;
    TRY(db_exec(tx, &SQL_TITLE_PLAYABLE_PUT, DB_ARGS(DB_I64(title.series_id.value)), NULL));
    return catalog_title_reindex(tx, title.series_id);
}

enum err catalog_edition_put(struct db_tx *tx, const struct catalog_edition *edition,
                             struct id *out_id)
{
    int64_t id;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(db_insert(
        tx, &SQL_EDITION_PUT,
        DB_ARGS(DB_I64(edition->title.value), DB_TEXT(edition->kind), DB_TEXT(edition->name),
                DB_I64(edition->asset.value), DB_I64(edition->duration_ms), DB_I64(edition->width),
                DB_I64(edition->height), DB_TEXT(edition->audio_json),
                DB_TEXT(edition->subtitles_json), DB_I64(edition->position),
                DB_TEXT(edition->unavailable_json.len ? edition->unavailable_json : STR("[]"))),
        &id));
    TRY(catalog_playable_refresh(tx, edition->title));
    *out_id = ID(id);
    return OK;
}

enum err catalog_edition_remove(struct db_tx *tx, struct id asset)
{
    int64_t title;
    db_notify(tx, DB_TOPIC_CATALOG);
    enum err result =
        db_insert(tx, &SQL_EDITION_REMOVE_ASSET, DB_ARGS(DB_I64(asset.value)), &title);
    if (result == ERR_NOT_FOUND)
        return OK;
    TRY(result);
    return catalog_playable_refresh(tx, ID(title));
}

enum err catalog_asset_get(struct db_tx *tx, struct id title, struct id edition,
                           struct id *out_asset)
{
    struct db_rows rows;
    TRY(catalog_title_check_shown(tx, title, clock_now()));
    TRY(db_all(tx, &SQL_EDITIONS_LIST, DB_ARGS(DB_I64(title.value)), 100, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        bool wanted = id_is_none(edition) ? str_eq(db_text(&rows.items[i], 1), STR("feature"))
                                          : db_i64(&rows.items[i], 0) == edition.value;
        if (!wanted)
            continue;
        *out_asset = ID(db_i64(&rows.items[i], 3));
        return OK;
    }
    if (!id_is_none(edition))
        return err_set(ERR_NOT_FOUND, "edition-not-found", "title %lld has no edition %lld",
                       (long long)title.value, (long long)edition.value);
    return err_set(ERR_CONFLICT, "not-playable", "title %lld has no film yet",
                   (long long)title.value);
}

enum err catalog_artwork_put(struct db_tx *tx, const struct catalog_artwork *artwork)
{
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(db_exec(
        tx, &SQL_ARTWORK_PUT,
        DB_ARGS(DB_I64(artwork->title.value), DB_TEXT(artwork->kind), DB_TEXT(artwork->blob_key),
                DB_TEXT(artwork->media_type), DB_TEXT(artwork->hash),
                DB_TEXT(shape_enum_text(&catalog_sources, artwork->source)),
                DB_TEXT(artwork->licence), DB_BOOL(artwork->source == CATALOG_SOURCE_EDITOR)),
        NULL));
    return catalog_title_reindex(tx, artwork->title);
}

enum err catalog_title_show(struct db_tx *tx, struct id id, bool *out_shown)
{
    struct title title;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(catalog_title_load(tx, id, &title));
    *out_shown = title.status == TITLE_DRAFT;
    if (!*out_shown)
        return OK;
    TRY(db_exec(tx, &SQL_TITLE_STATUS_PUT, DB_ARGS(DB_I64(id.value), DB_TEXT(STR("published"))),
                NULL));
    return catalog_playable_refresh(tx, id);
}

enum err catalog_title_publish(struct db_tx *tx, struct id id)
{
    bool shown;
    struct title title;
    TRY(catalog_title_show(tx, id, &shown));
    if (!shown)
        return OK;
    TRY(catalog_title_load(tx, id, &title));
    return catalog_title_tell(tx, &catalog_title_published, &title);
}

enum err catalog_counts(struct db_tx *tx, struct catalog_counts *out_counts)
{
    struct db_row row;
    TRY(db_one(tx, &SQL_CATALOG_COUNTS, DB_NO_ARGS, &row));
    *out_counts = (struct catalog_counts){ db_i64(&row, 0), db_i64(&row, 1), db_i64(&row, 2) };
    return OK;
}

struct artwork_walk {
    catalog_artwork_fn fn;
    void *arg;
};

static enum err on_artwork(const struct db_row *row, void *arg)
{
    const struct artwork_walk *walk = arg;
    return walk->fn(walk->arg, db_text(row, 0), db_text(row, 1));
}

enum err catalog_artwork_walk(struct db_tx *tx, catalog_artwork_fn fn, void *arg)
{
    struct artwork_walk walk = { fn, arg };
    return db_each(tx, &SQL_ARTWORK_WALK, DB_NO_ARGS, on_artwork, &walk);
}
