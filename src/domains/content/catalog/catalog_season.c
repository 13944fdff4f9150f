/*
 * catalog_season: names and synopses of seasons. A season is there by its episodes; its texts are
 * fields of the series, with provenance and locks among those of its title.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum { LANGUAGES_MAX = 40, TITLE_BYTES_MAX = 300 * 4, SYNOPSIS_BYTES_MAX = 8000 * 4 };
enum { SEASON_MAX = 10000 };

static enum err text_store(struct db_tx *tx, const struct catalog_season *season,
                           const struct catalog_value *value)
{
    struct db_value series = DB_I64(season->series.value), number = DB_I64(season->number);
    bool is_title = str_eq(value->field, STR("title"));
    size_t most = is_title ? TITLE_BYTES_MAX : SYNOPSIS_BYTES_MAX;
    if (!is_title && !str_eq(value->field, STR("synopsis")))
        return catalog_field_refuse(value->field, "is no field of a season");
    if (!shape_format_matches(FORMAT_LANGUAGE, value->language))
        return catalog_field_refuse(value->field, "needs a language");
    if (value->value.len > most || !str_is_utf8(value->value))
        return catalog_field_refuse(value->field, "is too long or no UTF-8");
    if (value->value.len == 0)
        return db_exec(tx, &SQL_SEASON_TEXT_REMOVE,
                       DB_ARGS(series, number, DB_TEXT(value->field), DB_TEXT(value->language)),
                       NULL);
    return db_exec(tx, &SQL_SEASON_TEXT_PUT,
                   DB_ARGS(series, number, DB_TEXT(value->field), DB_TEXT(value->language),
                           DB_TEXT(value->value)),
                   NULL);
}

static enum err value_put(struct db_tx *tx, const struct catalog_season *season,
                          const struct catalog_owners *owners, const struct catalog_value *value)
{
    struct arena *arena = db_arena(tx);
    str field =
        arena_printf(arena, "season.%lld.%.*s", (long long)season->number, STR_ARG(value->field));
    str owner = catalog_field_name(arena, field, value->language);
    if (!catalog_owners_allow(owners, owner, season->source))
        return OK;
    TRY(text_store(tx, season, value));
    return db_exec(tx, &SQL_TITLE_FIELD_PUT,
                   DB_ARGS(DB_I64(season->series.value), DB_TEXT(owner),
                           DB_TEXT(shape_enum_text(&catalog_sources, season->source)),
                           DB_TEXT(season->licence),
                           DB_BOOL(season->source == CATALOG_SOURCE_EDITOR), DB_TIME(clock_now())),
                   NULL);
}

enum err catalog_season_put(struct db_tx *tx, const struct catalog_season *season)
{
    struct catalog_owners owners;
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(catalog_owners_load(tx, &SQL_TITLE_FIELDS_LIST, season->series, &owners));
    for (size_t i = 0; i < season->values_count; i++)
        TRY(value_put(tx, season, &owners, &season->values[i]));
    return catalog_title_reindex(tx, season->series);
}

/* --- By an editor --------------------------------------------------------------------------- */

struct season_text_patch {
    opt_str title, synopsis;
};
SHAPE(season_text_patch_shape, struct season_text_patch,
      FIELD(struct season_text_patch, title, .max = 300),
      FIELD(struct season_text_patch, synopsis, .max = 8000));

struct season_body {
    MAP_OF(struct season_text_patch) texts;
};
SHAPE(season_patch_shape, struct season_body,
      FIELD_SHAPE_MAP(struct season_body, texts, season_text_patch_shape, .required = true,
                      .keys = FORMAT_LANGUAGE, .max = LANGUAGES_MAX));

struct season_edit {
    struct catalog_season season;
    struct catalog_value values[2 * LANGUAGES_MAX];
    int64_t version; /* the one in If-Match */
};

static void text_add(struct season_edit *edit, const char *field, str language, opt_str text)
{
    if (text.state != OPT_ABSENT)
        edit->values[edit->season.values_count++] =
            (struct catalog_value){ str_of(field), language,
                                    text.state == OPT_SET ? text.value : STR("") };
}

static enum err season_edit_tx(struct db_tx *tx, void *arg)
{
    const struct season_edit *edit = arg;
    struct title series;
    TRY(catalog_title_load(tx, edit->season.series, &series));
    if (series.kind != TITLE_SERIES)
        return err_set(ERR_NOT_FOUND, "season-not-found", "title %lld is no series",
                       (long long)series.id.value);
    TRY(catalog_version_check("title", series.id, edit->version, series.version));
    return catalog_season_put(tx, &edit->season);
}

enum err catalog_on_season_patch(struct http_request *request, struct http_response *response)
{
    struct season_body body;
    struct season_edit *edit = ARENA_NEW(request->arena, struct season_edit);
    bool answered;
    str number = http_param(request, "number");
    *edit = (struct season_edit){
        .season = { .source = CATALOG_SOURCE_EDITOR, .licence = STR(""), .values = edit->values }
    };
    TRY(shape_parse_json(request->arena, &season_patch_shape, request->body, &body));
    TRY(catalog_request_id(request, "id", "title-not-found", &edit->season.series));
    if (!str_parse_i64(number, &edit->season.number) || edit->season.number < 0 ||
        edit->season.number > SEASON_MAX)
        return err_set(ERR_NOT_FOUND, "season-not-found", "\"%.*s\" is no season", STR_ARG(number));
    TRY(catalog_if_match(request, response, &edit->version, &answered));
    if (answered)
        return OK;
    for (size_t i = 0; i < body.texts.count; i++) {
        text_add(edit, "title", body.texts.items[i].key, body.texts.items[i].value.title);
        text_add(edit, "synopsis", body.texts.items[i].key, body.texts.items[i].value.synopsis);
    }
    TRY(db_tx(catalog.db, season_edit_tx, edit));
    return catalog_reply_title(request, response, edit->season.series, 200);
}
