/* catalog_form: all there is of a title for an editor: every language, every provenance. */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum { ANSWER_BYTES_MAX = 1 << 20, SEASON_TEXTS_MAX = 2000 };

SHAPE(catalog_form_field_shape, struct catalog_form_field, FIELD(struct catalog_form_field, source),
      FIELD(struct catalog_form_field, licence), FIELD(struct catalog_form_field, locked),
      FIELD_TIME(struct catalog_form_field, updated_at));

struct edit_text {
    str title, synopsis, tagline;
};
SHAPE(edit_text_shape, struct edit_text, FIELD(struct edit_text, title),
      FIELD(struct edit_text, synopsis), FIELD(struct edit_text, tagline));

struct form_season_text {
    str title, synopsis;
};
SHAPE(form_season_text_shape, struct form_season_text, FIELD(struct form_season_text, title),
      FIELD(struct form_season_text, synopsis));
struct form_season {
    int64_t number;
    MAP_OF(struct form_season_text) texts;
};
SHAPE(form_season_shape, struct form_season, FIELD(struct form_season, number),
      FIELD_SHAPE_MAP(struct form_season, texts, form_season_text_shape));

struct title_form {
    struct id id;
    enum title_kind kind;
    enum title_status status;
    int64_t version;
    MAP_OF(struct edit_text) texts;
    str original_title, original_language, age_rating;
    opt_i64 year, runtime_min;
    str_list genres, countries, languages;
    opt_time available_from, available_to;
    LIST_OF(struct form_season) seasons;
    catalog_form_fields fields;
};
SHAPE(title_edit_shape, struct title_form, FIELD(struct title_form, id),
      FIELD_ENUM(struct title_form, kind, title_kinds),
      FIELD_ENUM(struct title_form, status, title_statuses), FIELD(struct title_form, version),
      FIELD_SHAPE_MAP(struct title_form, texts, edit_text_shape),
      FIELD(struct title_form, original_title), FIELD(struct title_form, original_language),
      FIELD(struct title_form, age_rating), FIELD(struct title_form, year),
      FIELD(struct title_form, runtime_min), FIELD_LIST(struct title_form, genres),
      FIELD_LIST(struct title_form, countries), FIELD_LIST(struct title_form, languages),
      FIELD(struct title_form, available_from), FIELD(struct title_form, available_to),
      FIELD_SHAPES(struct title_form, seasons, form_season_shape,
                   .doc = "those that have texts, with or without episodes"),
      FIELD_SHAPE_MAP(struct title_form, fields, catalog_form_field_shape,
                      .doc = "where each value is from; texts as \"synopsis.ru\""));

static struct edit_text *form_text(struct title_form *form, str language)
{
    for (size_t i = 0; i < form->texts.count; i++)
        if (str_eq(form->texts.items[i].key, language))
            return &form->texts.items[i].value;
    form->texts.items[form->texts.count].key = language;
    return &form->texts.items[form->texts.count++].value;
}

static void form_texts(struct arena *arena, const struct title *title, struct title_form *form)
{
    form->texts.items = arena_zalloc(arena, title->texts_count, sizeof(*form->texts.items));
    for (size_t i = 0; i < title->texts_count; i++) {
        struct edit_text *text = form_text(form, title->texts[i].language);
        if (str_eq(title->texts[i].field, STR("title")))
            text->title = title->texts[i].value;
        else if (str_eq(title->texts[i].field, STR("synopsis")))
            text->synopsis = title->texts[i].value;
        else
            text->tagline = title->texts[i].value;
    }
}

/* Rows come by season; texts of one language need not come together. */
static struct form_season_text *season_text(struct form_season *season, str language)
{
    for (size_t i = 0; i < season->texts.count; i++)
        if (str_eq(season->texts.items[i].key, language))
            return &season->texts.items[i].value;
    season->texts.items[season->texts.count].key = language;
    return &season->texts.items[season->texts.count++].value;
}

static enum err form_seasons(struct db_tx *tx, struct title_form *form)
{
    struct db_rows rows;
    struct arena *arena = db_arena(tx);
    struct form_season *season = NULL;
    TRY(db_all(tx, &SQL_SEASON_TEXTS_LIST, DB_ARGS(DB_I64(form->id.value)), SEASON_TEXTS_MAX,
               &rows));
    form->seasons.items = arena_zalloc(arena, rows.count, sizeof(*form->seasons.items));
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        if (!season || season->number != db_i64(row, 0)) {
            season = &form->seasons.items[form->seasons.count++];
            season->number = db_i64(row, 0);
            season->texts.items = arena_zalloc(arena, rows.count - i, sizeof(*season->texts.items));
        }
        struct form_season_text *text = season_text(season, db_text(row, 1));
        *(str_eq(db_text(row, 3), STR("title")) ? &text->title : &text->synopsis) = db_text(row, 2);
    }
    return OK;
}

enum err catalog_form_fields_load(struct db_tx *tx, const struct db_query *query, struct id id,
                                  catalog_form_fields *out_fields)
{
    struct catalog_owners owners;
    TRY(catalog_owners_load(tx, query, id, &owners));
    const struct db_rows *rows = &owners.rows;
    out_fields->items = arena_zalloc(db_arena(tx), rows->count, sizeof(*out_fields->items));
    for (unsigned i = 0; i < rows->count; i++) {
        const struct db_row *row = &rows->items[i];
        out_fields->items[i].key = db_text(row, 0);
        out_fields->items[i].value = (struct catalog_form_field){ db_text(row, 1), db_text(row, 2),
                                                                  db_bool(row, 3), db_at(row, 4) };
    }
    out_fields->count = rows->count;
    return OK;
}

struct form_read {
    struct title title;
    struct id id;
    struct buf buf;
};

static enum err read_form(struct db_tx *tx, void *arg)
{
    struct form_read *read = arg;
    struct arena *arena = db_arena(tx);
    const struct title *title = &read->title;
    TRY(catalog_title_load(tx, read->id, &read->title));
    struct title_form form = { .id = title->id,
                               .kind = title->kind,
                               .status = title->status,
                               .version = title->version,
                               .original_title = title->original_title,
                               .original_language = title->original_language,
                               .age_rating = title->age_rating,
                               .year = title->year,
                               .runtime_min = title->runtime_min,
                               .genres = catalog_words(arena, title->genres),
                               .countries = catalog_words(arena, title->countries),
                               .languages = catalog_words(arena, title->languages),
                               .available_from = time_or_null(title->available_from),
                               .available_to = time_or_null(title->available_to) };
    form_texts(arena, title, &form);
    TRY(form_seasons(tx, &form));
    TRY(catalog_form_fields_load(tx, &SQL_TITLE_FIELDS_LIST, title->id, &form.fields));
    shape_write_json(&read->buf, &title_edit_shape, &form);
    return OK;
}

enum err catalog_on_title_edit_get(struct http_request *request, struct http_response *response)
{
    struct form_read read = { .id = ID_NONE };
    TRY(catalog_request_id(request, "id", "title-not-found", &read.id));
    buf_init(&read.buf, request->arena, ANSWER_BYTES_MAX);
    TRY(db_read(catalog.db, read_form, &read));
    return catalog_reply_editor(request, response, buf_str(&read.buf), read.title.version);
}
