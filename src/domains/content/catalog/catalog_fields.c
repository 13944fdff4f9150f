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
enum { FIELDS_MAX = 700, TITLE_MAX = 300 * 4, TEXT_MAX = 8000 * 4, WORDS_MAX = 40 };

SHAPE_ENUM(catalog_sources, [CATALOG_SOURCE_NAME] = STR_INIT("name"),
           [CATALOG_SOURCE_FILE] = STR_INIT("file"), [CATALOG_SOURCE_DEMO] = STR_INIT("demo"),
           [CATALOG_SOURCE_NFO] = STR_INIT("nfo"), [CATALOG_SOURCE_EDITOR] = STR_INIT("editor"));

struct owner {
    str field;
    enum catalog_source source;
    bool locked;
};

struct change_state {
    struct db_tx *tx;
    struct id id;
    const struct title_change *change;
    struct owner *owners;
    size_t owners_count;
    struct title title;
    bool scalars_changed;
};

static enum err owners_load(struct change_state *state)
{
    struct db_rows rows;
    struct arena *arena = db_arena(state->tx);
    TRY(db_all(state->tx, &SQL_TITLE_FIELDS_LIST, DB_ARGS(DB_I64(state->id.value)), FIELDS_MAX,
               &rows));
    state->owners = ARENA_ARRAY(arena, rows.count, struct owner);
    for (unsigned i = 0; i < rows.count; i++) {
        unsigned source = 0;
        shape_enum_find(&catalog_sources, db_text(&rows.items[i], 1), &source);
        state->owners[i] = (struct owner){ db_text(&rows.items[i], 0), (enum catalog_source)source,
                                           db_bool(&rows.items[i], 3) };
    }
    state->owners_count = rows.count;
    return OK;
}

static bool may_set(const struct change_state *state, str field)
{
    if (state->change->source == CATALOG_SOURCE_EDITOR)
        return true;
    for (size_t i = 0; i < state->owners_count; i++)
        if (str_eq(state->owners[i].field, field))
            return !state->owners[i].locked && state->owners[i].source <= state->change->source;
    return true;
}

static enum err refuse(str field, const char *message)
{
    err_set(ERR_INVALID, "invalid-fields", "%.*s %s", STR_ARG(field), message);
    err_field_add(field, "%s", message);
    return ERR_INVALID;
}

static enum err parse_number(str field, str value, int64_t min, int64_t max, opt_i64 *out)
{
    int64_t number;
    if (value.len == 0) {
        *out = (opt_i64){ .state = OPT_NULL };
        return OK;
    }
    if (!str_parse_i64(value, &number) || number < min || number > max)
        return refuse(field, "is not a number in range");
    *out = OPT(i64, number);
    return OK;
}

static enum err parse_words(str field, str value, str *out)
{
    str rest = value, word;
    unsigned count = 0;
    while (str_cut(&rest, ' ', &word))
        if (word.len && (word.len > 40 || ++count > WORDS_MAX))
            return refuse(field, "has too many or too long values");
    *out = str_trim(value);
    return OK;
}

static enum err parse_time(str field, str value, instant *out)
{
    if (value.len == 0)
        *out = INSTANT_NEVER;
    else if (!instant_parse(value, out))
        return refuse(field, "is not an RFC 3339 time");
    return OK;
}

/* "12+", "PG-13": kept as written; one that is unknown limits nobody, and fits no age. */
static enum err parse_age(str field, str value, struct title *title)
{
    struct age_rating rating;
    if (value.len > 20)
        return refuse(field, "is too long");
    title->age_rating = value;
    title->age_min = age_rating_parse(value, &rating) ? OPT(i64, rating.age_min)
                                                      : (opt_i64){ .state = OPT_NULL };
    return OK;
}

static enum err set_scalar(struct title *title, str field, str value)
{
    if (str_eq(field, STR("original_title"))) {
        if (value.len > TITLE_MAX)
            return refuse(field, "is too long");
        title->original_title = value;
        return OK;
    }
    if (str_eq(field, STR("original_language"))) {
        if (value.len && !shape_format_matches(FORMAT_LANGUAGE, value))
            return refuse(field, "is no language tag");
        title->original_language = value;
        return OK;
    }
    if (str_eq(field, STR("year")))
        return parse_number(field, value, 1870, 2200, &title->year);
    if (str_eq(field, STR("runtime_min")))
        return parse_number(field, value, 1, 10000, &title->runtime_min);
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
    return refuse(field, "is no field of a title");
}

static enum err set_text(struct change_state *state, const struct catalog_value *value)
{
    int64_t id = state->id.value;
    size_t most = str_eq(value->field, STR("synopsis")) ? TEXT_MAX : TITLE_MAX;
    if (!shape_format_matches(FORMAT_LANGUAGE, value->language))
        return refuse(value->field, "needs a language");
    if (value->value.len > most || !str_is_utf8(value->value))
        return refuse(value->field, "is too long or no UTF-8");
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
    const struct title_change *change = state->change;
    bool text = is_text(value->field);
    str owner = value->field;
    if (text)
        owner = arena_printf(db_arena(state->tx), "%.*s.%.*s", STR_ARG(value->field),
                             STR_ARG(value->language));
    if (!may_set(state, owner))
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
        return refuse(STR("available_to"), "is not after available_from");
    return db_exec(state->tx, &SQL_TITLE_SCALARS_PUT,
                   DB_ARGS(DB_I64(state->id.value), DB_TEXT(title->original_title),
                           DB_TEXT(title->original_language), number_or_null(title->year),
                           number_or_null(title->runtime_min), DB_TEXT(title->genres),
                           DB_TEXT(title->countries), DB_TEXT(title->languages),
                           number_or_null(title->age_min), DB_TEXT(title->age_rating),
                           DB_TIME(title->available_from), DB_TIME(title->available_to)),
                   NULL);
}

enum err catalog_title_fields_put(struct db_tx *tx, struct id id, const struct title_change *change)
{
    struct change_state *state = ARENA_NEW(db_arena(tx), struct change_state);
    *state = (struct change_state){ .tx = tx, .id = id, .change = change };
    TRY(catalog_title_load(tx, id, &state->title));
    TRY(owners_load(state));
    for (size_t i = 0; i < change->values_count; i++)
        TRY(set_value(state, &change->values[i]));
    return state->scalars_changed ? scalars_store(state) : OK;
}
