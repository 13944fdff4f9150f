/* catalog_title: a title as it is stored, and the choice of a text by language. */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum { TEXTS_MAX = 600 };

SHAPE_ENUM(title_kinds, [TITLE_FILM] = STR_INIT("film"), [TITLE_SERIES] = STR_INIT("series"),
           [TITLE_EPISODE] = STR_INIT("episode"));
SHAPE_ENUM(title_statuses, [TITLE_DRAFT] = STR_INIT("draft"),
           [TITLE_PUBLISHED] = STR_INIT("published"), [TITLE_ARCHIVED] = STR_INIT("archived"));

const str catalog_languages[INTERFACE_LANGUAGES] = { STR_INIT("ru"), STR_INIT("en") };

static opt_i64 optional(const struct db_row *row, unsigned column)
{
    return db_null(row, column) ? (opt_i64){ .state = OPT_NULL } : OPT(i64, db_i64(row, column));
}

static enum err enum_of(const struct shape_enum *table, str text, unsigned *out)
{
    if (shape_enum_find(table, text, out))
        return OK;
    return err_set(ERR_CORRUPT, NULL, "the catalogue holds \"%.*s\" as a %s", STR_ARG(text),
                   table->name);
}

static enum err texts_load(struct db_tx *tx, struct title *title)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_TITLE_TEXTS_LIST, DB_ARGS(DB_I64(title->id.value)), TEXTS_MAX, &rows));
    title->texts = ARENA_ARRAY(db_arena(tx), rows.count, struct title_text);
    title->texts_count = rows.count;
    for (unsigned i = 0; i < rows.count; i++)
        title->texts[i] =
            (struct title_text){ db_text(&rows.items[i], 0), db_text(&rows.items[i], 1),
                                 db_text(&rows.items[i], 2) };
    return OK;
}

enum err catalog_title_load(struct db_tx *tx, struct id id, struct title *out_title)
{
    struct db_row row;
    struct title title = { .id = id };
    unsigned kind, status;
    TRY(db_find(tx, &SQL_TITLE_GET, DB_ARGS(DB_I64(id.value)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "title-not-found", "there is no title %lld",
                       (long long)id.value);
    TRY(enum_of(&title_kinds, db_text(&row, 1), &kind));
    TRY(enum_of(&title_statuses, db_text(&row, 14), &status));
    title.kind = (enum title_kind)kind;
    title.status = (enum title_status)status;
    title.series_id = ID(db_i64(&row, 2));
    title.season = db_i64(&row, 3);
    title.episode = db_i64(&row, 4);
    title.original_title = db_text(&row, 5);
    title.original_language = db_text(&row, 6);
    title.year = optional(&row, 7);
    title.runtime_min = optional(&row, 8);
    title.genres = db_text(&row, 9);
    title.countries = db_text(&row, 10);
    title.languages = db_text(&row, 11);
    title.age_min = optional(&row, 12);
    title.age_rating = db_text(&row, 13);
    title.available_from = db_at(&row, 15);
    title.available_to = db_at(&row, 16);
    title.playable = db_bool(&row, 17);
    title.added_at = db_at(&row, 18);
    title.updated_at = db_at(&row, 19);
    title.version = db_i64(&row, 20);
    TRY(texts_load(tx, &title));
    *out_title = title;
    return OK;
}

enum err catalog_title_check_shown(struct db_tx *tx, struct id id, instant now)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_TITLE_SHOWN_FIND, DB_ARGS(DB_I64(id.value), DB_TIME(now)), &row));
    if (row.values)
        return OK;
    return err_set(ERR_NOT_FOUND, "title-not-found", "there is no title %lld", (long long)id.value);
}

/* How well a text's language serves one who asked for `wanted`; less is better. */
static int language_distance(str language, str wanted, str original)
{
    if (str_eq_nocase(language, wanted))
        return 0;
    if (language.len == 0)
        return 1;
    if (original.len && str_eq_nocase(language, original))
        return 2;
    return str_eq(language, STR("en")) ? 3 : 4;
}

str catalog_text_choose(const struct catalog_text *texts, size_t count, str language, str original)
{
    str best = STR("");
    int best_distance = 5;
    for (size_t i = 0; i < count; i++) {
        int distance = language_distance(texts[i].language, language, original);
        if (distance < best_distance) {
            best_distance = distance;
            best = texts[i].value;
        }
    }
    return best;
}

str catalog_title_text(const struct title *title, const char *field, str language)
{
    str best = STR("");
    int best_distance = 5;
    for (size_t i = 0; i < title->texts_count; i++) {
        const struct title_text *text = &title->texts[i];
        if (!str_eq(text->field, str_of(field)))
            continue;
        int distance = language_distance(text->language, language, title->original_language);
        if (distance < best_distance) {
            best_distance = distance;
            best = text->value;
        }
    }
    if (best_distance > 0 && str_eq(str_of(field), STR("title")) && title->original_title.len &&
        best_distance > 2)
        return title->original_title;
    return best;
}
