/*
 * catalog_person: a person as stored, and the one way a value of theirs is written, with source,
 * rank and lock as titles have it. Names to find by and keys to sort by are made anew whenever a
 * name changes.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/task/run.h"

#include <stdio.h>

enum {
    TEXTS_MAX = 200,
    NAME_BYTES_MAX = 300 * 4,
    BIOGRAPHY_BYTES_MAX = 8000 * 4,
    LANGUAGE_BYTES_MAX = 35,
    STALE_AT_ONCE = 200
};

static opt_i64 year_of(const struct db_row *row, unsigned column)
{
    return db_null(row, column) ? (opt_i64){ .state = OPT_NULL } : OPT(i64, db_i64(row, column));
}

enum err catalog_person_load(struct db_tx *tx, struct id id, struct person *out_person)
{
    struct db_row row;
    struct db_rows texts;
    TRY(db_find(tx, &SQL_PERSON_GET, DB_ARGS(DB_I64(id.value)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "person-not-found", "there is no person %lld",
                       (long long)id.value);
    struct person person = { id, year_of(&row, 1), year_of(&row, 2), db_i64(&row, 3), NULL, 0 };
    TRY(db_all(tx, &SQL_PERSON_TEXTS_LIST, DB_ARGS(DB_I64(id.value)), TEXTS_MAX, &texts));
    person.texts = ARENA_ARRAY(db_arena(tx), texts.count, struct title_text);
    for (unsigned i = 0; i < texts.count; i++)
        person.texts[person.texts_count++] =
            (struct title_text){ db_text(&texts.items[i], 0), db_text(&texts.items[i], 1),
                                 db_text(&texts.items[i], 2) };
    *out_person = person;
    return OK;
}

str catalog_person_text(struct arena *arena, const struct person *person, const char *field,
                        str language)
{
    struct catalog_text *texts = ARENA_ARRAY(arena, person->texts_count, struct catalog_text);
    size_t count = 0;
    for (size_t i = 0; i < person->texts_count; i++)
        if (str_eq(person->texts[i].field, str_of(field)))
            texts[count++] =
                (struct catalog_text){ person->texts[i].language, person->texts[i].value };
    return catalog_text_choose(texts, count, language, STR(""));
}

/* --- What derives from names ---------------------------------------------------------------- */

static enum err name_put(struct db_tx *tx, str folded, struct id id)
{
    return db_exec(tx, &SQL_PERSON_NAME_PUT, DB_ARGS(DB_TEXT(folded), DB_I64(id.value)), NULL);
}

static enum err order_put(struct db_tx *tx, struct id id, const char *ordering, str key)
{
    return db_exec(tx, &SQL_PERSON_ORDER_PUT,
                   DB_ARGS(DB_TEXT(str_of(ordering)), DB_TEXT(key), DB_I64(id.value)), NULL);
}

static enum err derive(struct db_tx *tx, struct id id)
{
    struct person person;
    struct arena *arena = db_arena(tx);
    char ordering[32];
    TRY(catalog_person_load(tx, id, &person));
    TRY(db_exec(tx, &SQL_PERSON_NAMES_CLEAR, DB_ARGS(DB_I64(id.value)), NULL));
    for (size_t i = 0; i < person.texts_count; i++)
        if (str_eq(person.texts[i].field, STR("name")))
            TRY(catalog_name_words(tx, person.texts[i].value, id, name_put));
    TRY(db_exec(tx, &SQL_PERSON_ORDERS_CLEAR, DB_ARGS(DB_I64(id.value)), NULL));
    TRY(order_put(tx, id, "added", STR("")));
    for (size_t i = 0; i < INTERFACE_LANGUAGES; i++) {
        str name = catalog_person_text(arena, &person, "name", catalog_languages[i]);
        snprintf(ordering, sizeof(ordering), "name.%.*s", STR_ARG(catalog_languages[i]));
        TRY(order_put(tx, id, ordering, catalog_name_fold(arena, name)));
    }
    return OK;
}

enum err catalog_person_reindex(struct db_tx *tx, struct id id)
{
    int64_t version;
    TRY(db_insert(tx, &SQL_PERSON_TOUCH, DB_ARGS(DB_I64(id.value)), &version));
    TRY(derive(tx, id));
    return catalog_person_tell(tx, id, version);
}

struct stale_batch {
    unsigned count;
};

static enum err catch_up_tx(struct db_tx *tx, void *arg)
{
    struct stale_batch *batch = arg;
    struct db_rows rows;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(db_all(tx, &SQL_PEOPLE_STALE_LIST, DB_ARGS(DB_I64(STALE_AT_ONCE)), STALE_AT_ONCE, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        int64_t id = db_i64(&rows.items[i], 0);
        TRY(derive(tx, ID(id)));
        TRY(db_exec(tx, &SQL_PERSON_STALE_REMOVE, DB_ARGS(DB_I64(id)), NULL));
    }
    batch->count = rows.count;
    return OK;
}

static enum err catch_up(void *arg)
{
    return db_tx(catalog.db, catch_up_tx, arg);
}

/* A batch a transaction, each in an arena of its own: a crash leaves the rest for the next start.
 */
enum err catalog_people_catch_up(void)
{
    struct stale_batch batch;
    struct db_rows rows;
    struct arena arena = { 0 };
    arena_init(&arena, KIB(64));
    struct arena *before = db_arena_use(&arena);
    enum err result =
        db_all(db_now(catalog.db), &SQL_PEOPLE_STALE_LIST, DB_ARGS(DB_I64(1)), 1, &rows);
    batch.count = result == OK ? rows.count : 0;
    db_arena_use(before);
    arena_deinit(&arena);
    while (result == OK && batch.count > 0)
        result = task_run("people", MIB(32), catch_up, &batch);
    return result;
}

/* --- Writing -------------------------------------------------------------------------------- */

struct person_state {
    struct db_tx *tx;
    const struct catalog_change *change;
    struct catalog_owners owners;
    struct person person;
    bool changed, years_changed;
};

static bool is_text(str field)
{
    return str_eq(field, STR("name")) || str_eq(field, STR("biography"));
}

static str stored_text(const struct person *person, const struct catalog_value *value)
{
    for (size_t i = 0; i < person->texts_count; i++)
        if (str_eq(person->texts[i].field, value->field) &&
            str_eq(person->texts[i].language, value->language))
            return person->texts[i].value;
    return STR("");
}

/* The last name stays: somebody without any could not be shown. */
static bool is_last_name(const struct person_state *state, const struct catalog_value *value)
{
    struct person person = { 0 };
    if (!str_eq(value->field, STR("name")) || value->value.len)
        return false;
    if (catalog_person_load(state->tx, state->person.id, &person) != OK)
        return false; /* the next statement says so */
    for (size_t i = 0; i < person.texts_count; i++)
        if (str_eq(person.texts[i].field, STR("name")) &&
            !str_eq(person.texts[i].language, value->language))
            return false;
    return true;
}

static enum err text_set(struct person_state *state, const struct catalog_value *value)
{
    size_t most = str_eq(value->field, STR("name")) ? NAME_BYTES_MAX : BIOGRAPHY_BYTES_MAX;
    struct db_value id = DB_I64(state->person.id.value);
    if (value->language.len > LANGUAGE_BYTES_MAX ||
        (value->language.len && !shape_format_matches(FORMAT_LANGUAGE, value->language)))
        return catalog_field_refuse(value->field, "has no such language");
    if (value->value.len > most || !str_is_utf8(value->value))
        return catalog_field_refuse(value->field, "is too long or no UTF-8");
    if (is_last_name(state, value))
        return catalog_field_refuse(value->field, "is the last one: a person has a name");
    if (value->value.len == 0)
        return db_exec(state->tx, &SQL_PERSON_TEXT_REMOVE,
                       DB_ARGS(id, DB_TEXT(value->field), DB_TEXT(value->language)), NULL);
    return db_exec(
        state->tx, &SQL_PERSON_TEXT_PUT,
        DB_ARGS(id, DB_TEXT(value->field), DB_TEXT(value->language), DB_TEXT(value->value)), NULL);
}

static enum err year_set(struct person_state *state, const struct catalog_value *value)
{
    struct number_range range = { 1, 2200 };
    state->years_changed = true;
    if (str_eq(value->field, STR("born")))
        return catalog_number_parse(value->field, value->value, range, &state->person.born);
    if (str_eq(value->field, STR("died")))
        return catalog_number_parse(value->field, value->value, range, &state->person.died);
    return catalog_field_refuse(value->field, "is no field of a person");
}

/* Imports bring the same names with every title; what they would not change costs no write. */
static bool is_known(const struct person_state *state, const struct catalog_value *value)
{
    return state->change->source != CATALOG_SOURCE_EDITOR && is_text(value->field) &&
           value->value.len && str_eq(stored_text(&state->person, value), value->value);
}

static enum err value_set(struct person_state *state, const struct catalog_value *value)
{
    const struct catalog_change *change = state->change;
    str owner = catalog_field_name(db_arena(state->tx), value->field, value->language);
    if (is_known(state, value) || !catalog_owners_allow(&state->owners, owner, change->source))
        return OK;
    if (is_text(value->field))
        TRY(text_set(state, value));
    else
        TRY(year_set(state, value));
    state->changed = true;
    return db_exec(state->tx, &SQL_PERSON_FIELD_PUT,
                   DB_ARGS(DB_I64(state->person.id.value), DB_TEXT(owner),
                           DB_TEXT(shape_enum_text(&catalog_sources, change->source)),
                           DB_TEXT(change->licence), DB_BOOL(change->lock), DB_TIME(clock_now())),
                   NULL);
}

static enum err years_store(struct person_state *state)
{
    const struct person *person = &state->person;
    if (person->born.state == OPT_SET && person->died.state == OPT_SET &&
        person->died.value < person->born.value)
        return catalog_field_refuse(STR("died"), "is before born");
    return db_exec(state->tx, &SQL_PERSON_YEARS_PUT,
                   DB_ARGS(DB_I64(person->id.value), number_or_null(person->born),
                           number_or_null(person->died)),
                   NULL);
}

enum err catalog_person_fields_put(struct db_tx *tx, struct id id,
                                   const struct catalog_change *change)
{
    struct person_state *state = ARENA_NEW(db_arena(tx), struct person_state);
    bool known = true;
    *state = (struct person_state){ .tx = tx, .change = change };
    TRY(catalog_person_load(tx, id, &state->person));
    for (size_t i = 0; i < change->values_count; i++)
        known = known && is_known(state, &change->values[i]);
    if (known)
        return OK;
    TRY(catalog_owners_load(tx, &SQL_PERSON_FIELDS_LIST, id, &state->owners));
    for (size_t i = 0; i < change->values_count; i++)
        TRY(value_set(state, &change->values[i]));
    if (state->years_changed)
        TRY(years_store(state));
    return state->changed ? catalog_person_reindex(tx, id) : OK;
}
