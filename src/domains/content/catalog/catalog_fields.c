/*
 * catalog_fields: the one way a descriptive value is written. Imports and editors both come here: a
 * value is checked, then set unless it is locked or was set by a source of higher rank, and its
 * provenance is kept beside it.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "domains/content/vocabulary/ages.h"
#include "foundation/mem/buf.h"

#include <string.h>

/* Bytes: the limits in characters are the shapes', and a character has four bytes at most. */
enum { FIELDS_MAX = 4000, TITLE_MAX = 300 * 4, TEXT_MAX = 8000 * 4, WORDS_MAX = 40 };

SHAPE_ENUM(catalog_sources, [CATALOG_SOURCE_NAME] = STR_INIT("name"),
           [CATALOG_SOURCE_FILE] = STR_INIT("file"), [CATALOG_SOURCE_DEMO] = STR_INIT("demo"),
           [CATALOG_SOURCE_NFO] = STR_INIT("nfo"), [CATALOG_SOURCE_EDITOR] = STR_INIT("editor"));

struct change_state {
    struct db_tx *tx;
    struct id id;
    const struct catalog_change *change;
    struct catalog_owners owners;
    struct title title;
    bool scalars_changed;
};

/* --- Who owns a field ----------------------------------------------------------------------- */

enum err catalog_owners_load(struct db_tx *tx, const struct db_query *query, struct id id,
                             struct catalog_owners *out_owners)
{
    return db_all(tx, query, DB_ARGS(DB_I64(id.value)), FIELDS_MAX, &out_owners->rows);
}

/* An editor's value that is not locked is one the editor gave back: it waits for any other. */
bool catalog_owners_allow(const struct catalog_owners *owners, str field,
                          enum catalog_source source)
{
    if (source == CATALOG_SOURCE_EDITOR)
        return true;
    for (unsigned i = 0; i < owners->rows.count; i++) {
        const struct db_row *row = &owners->rows.items[i];
        unsigned owner = 0;
        if (!str_eq(db_text(row, 0), field))
            continue;
        shape_enum_find(&catalog_sources, db_text(row, 1), &owner);
        return !db_bool(row, 3) && (owner <= (unsigned)source || owner == CATALOG_SOURCE_EDITOR);
    }
    return true;
}

str catalog_field_name(struct arena *arena, str field, str language)
{
    if (language.len == 0)
        return field;
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(field), STR_ARG(language));
}

enum err catalog_fields_unlock(struct db_tx *tx, const struct db_query *query, struct id id,
                               const str_list *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        int64_t changed;
        str path = arena_printf(db_arena(tx), "unlock[%zu]", i);
        TRY(db_exec(tx, query, DB_ARGS(DB_I64(id.value), DB_TEXT(fields->items[i])), &changed));
        if (changed == 0)
            return catalog_field_refuse(path, "is no field that was ever set");
    }
    return OK;
}

/* --- Values --------------------------------------------------------------------------------- */

enum err catalog_field_refuse(str field, const char *message)
{
    err_set(ERR_INVALID, "invalid-fields", "%.*s %s", STR_ARG(field), message);
    err_field_add(field, "%s", message);
    return ERR_INVALID;
}

enum err catalog_number_parse(str field, str value, struct number_range range, opt_i64 *out)
{
    int64_t number;
    if (value.len == 0) {
        *out = (opt_i64){ .state = OPT_NULL };
        return OK;
    }
    if (!str_parse_i64(value, &number) || number < range.min || number > range.max)
        return catalog_field_refuse(field, "is not a number in range");
    *out = OPT(i64, number);
    return OK;
}

static enum err parse_words(str field, str value, str *out)
{
    str rest = value, word;
    unsigned count = 0;
    while (str_cut(&rest, ' ', &word))
        if (word.len && (word.len > 40 || ++count > WORDS_MAX))
            return catalog_field_refuse(field, "has too many or too long values");
    *out = str_trim(value);
    return OK;
}

static enum err parse_time(str field, str value, instant *out)
{
    if (value.len == 0)
        *out = INSTANT_NEVER;
    else if (!instant_parse(value, out))
        return catalog_field_refuse(field, "is not an RFC 3339 time");
    return OK;
}

/* "12+", "PG-13": kept as written; one that is unknown limits nobody, and fits no age. */
static enum err parse_age(str field, str value, struct title *title)
{
    struct age_rating rating;
    if (value.len > 20)
        return catalog_field_refuse(field, "is too long");
    title->age_rating = value;
    title->age_min = age_rating_parse(value, &rating) ? OPT(i64, rating.age_min)
                                                      : (opt_i64){ .state = OPT_NULL };
    return OK;
}

static enum err set_scalar(struct title *title, str field, str value)
{
    if (str_eq(field, STR("original_title"))) {
        if (value.len > TITLE_MAX)
            return catalog_field_refuse(field, "is too long");
        title->original_title = value;
        return OK;
    }
    if (str_eq(field, STR("original_language"))) {
        if (value.len && !shape_format_matches(FORMAT_LANGUAGE, value))
            return catalog_field_refuse(field, "is no language tag");
        title->original_language = value;
        return OK;
    }
    if (str_eq(field, STR("year")))
        return catalog_number_parse(field, value, (struct number_range){ 1870, 2200 },
                                    &title->year);
    if (str_eq(field, STR("runtime_min")))
        return catalog_number_parse(field, value, (struct number_range){ 1, 10000 },
                                    &title->runtime_min);
    if (str_eq(field, STR("genres")))
        return parse_words(field, value, &title->genres);
    if (str_eq(field, STR("countries")))
        return parse_words(field, value, &title->countries);
    if (str_eq(field, STR("languages")))
        return parse_words(field, value, &title->languages);
    if (str_eq(field, STR("age_rating")))
        return parse_age(field, value, title);
    if (str_eq(field, STR("available_from")))
        return parse_time(field, value, &title->available_from);
    if (str_eq(field, STR("available_to")))
        return parse_time(field, value, &title->available_to);
    return catalog_field_refuse(field, "is no field of a title");
}

static enum err set_text(struct change_state *state, const struct catalog_value *value)
{
    int64_t id = state->id.value;
    size_t most = str_eq(value->field, STR("synopsis")) ? TEXT_MAX : TITLE_MAX;
    if (!shape_format_matches(FORMAT_LANGUAGE, value->language))
        return catalog_field_refuse(value->field, "needs a language");
    if (value->value.len > most || !str_is_utf8(value->value))
        return catalog_field_refuse(value->field, "is too long or no UTF-8");
    if (value->value.len == 0)
        return db_exec(state->tx, &SQL_TITLE_TEXT_REMOVE,
                       DB_ARGS(DB_I64(id), DB_TEXT(value->field), DB_TEXT(value->language)), NULL);
    return db_exec(
        state->tx, &SQL_TITLE_TEXT_PUT,
        DB_ARGS(DB_I64(id), DB_TEXT(value->field), DB_TEXT(value->language), DB_TEXT(value->value)),
        NULL);
}

static bool is_text(str field)
{
    return str_eq(field, STR("title")) || str_eq(field, STR("synopsis")) ||
           str_eq(field, STR("tagline"));
}

static enum err set_value(struct change_state *state, const struct catalog_value *value)
{
    const struct catalog_change *change = state->change;
    bool text = is_text(value->field);
    str owner = value->field;
    if (text)
        owner = catalog_field_name(db_arena(state->tx), value->field, value->language);
    if (!catalog_owners_allow(&state->owners, owner, change->source))
        return OK;
    if (text) {
        TRY(set_text(state, value));
    } else {
        TRY(set_scalar(&state->title, value->field, value->value));
        state->scalars_changed = true;
    }
    return db_exec(state->tx, &SQL_TITLE_FIELD_PUT,
                   DB_ARGS(DB_I64(state->id.value), DB_TEXT(owner),
                           DB_TEXT(shape_enum_text(&catalog_sources, change->source)),
                           DB_TEXT(change->licence), DB_BOOL(change->lock), DB_TIME(clock_now())),
                   NULL);
}

static enum err scalars_store(struct change_state *state)
{
    const struct title *title = &state->title;
    if (title->available_from != INSTANT_NEVER && title->available_to != INSTANT_NEVER &&
        title->available_to <= title->available_from)
        return catalog_field_refuse(STR("available_to"), "is not after available_from");
    return db_exec(state->tx, &SQL_TITLE_SCALARS_PUT,
                   DB_ARGS(DB_I64(state->id.value), DB_TEXT(title->original_title),
                           DB_TEXT(title->original_language), number_or_null(title->year),
                           number_or_null(title->runtime_min), DB_TEXT(title->genres),
                           DB_TEXT(title->countries), DB_TEXT(title->languages),
                           number_or_null(title->age_min), DB_TEXT(title->age_rating),
                           DB_TIME(title->available_from), DB_TIME(title->available_to)),
                   NULL);
}

enum err catalog_title_fields_put(struct db_tx *tx, struct id id,
                                  const struct catalog_change *change)
{
    struct change_state *state = ARENA_NEW(db_arena(tx), struct change_state);
    *state = (struct change_state){ .tx = tx, .id = id, .change = change };
    TRY(catalog_title_load(tx, id, &state->title));
    TRY(catalog_owners_load(tx, &SQL_TITLE_FIELDS_LIST, id, &state->owners));
    for (size_t i = 0; i < change->values_count; i++)
        TRY(set_value(state, &change->values[i]));
    return state->scalars_changed ? scalars_store(state) : OK;
}
