/*
 * catalog_edit: what an editor does to titles: create, change, publish, archive. Every change names
 * the version it was made from (If-Match), and what an editor set is locked against imports.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum { LANGUAGES_MAX = 40, VALUES_MAX = 200, UNLOCK_MAX = 100, ANSWER_BYTES_MAX = 1 << 20 };

struct text_patch {
    opt_str title, synopsis, tagline;
};
SHAPE(text_patch_shape, struct text_patch, FIELD(struct text_patch, title, .max = 300),
      FIELD(struct text_patch, synopsis, .max = 8000),
      FIELD(struct text_patch, tagline, .max = 300));

typedef MAP_OF(struct text_patch) text_patches;

/* The body of POST and PATCH: two shapes over one struct, for a title's kind is given once. */
struct title_body {
    opt_enum kind;
    opt_id series_id;
    opt_i64 season, episode;
    text_patches texts;
    opt_str original_title, original_language, age_rating;
    opt_i64 year, runtime_min;
    str_list genres, countries, languages;
    opt_time available_from, available_to;
    str_list unlock;
};
#define EDITABLE_FIELDS                                                                            \
    FIELD_SHAPE_MAP(struct title_body, texts, text_patch_shape, .keys = FORMAT_LANGUAGE,           \
                    .max = LANGUAGES_MAX),                                                         \
        FIELD(struct title_body, original_title, .max = 300),                                      \
        FIELD(struct title_body, original_language, .format = FORMAT_LANGUAGE),                    \
        FIELD(struct title_body, age_rating, .max = 20),                                           \
        FIELD(struct title_body, year, .min = 1870, .max = 2200),                                  \
        FIELD(struct title_body, runtime_min, .min = 1, .max = 10000),                             \
        FIELD_LIST(struct title_body, genres, .format = FORMAT_SLUG, .max = 20),                   \
        FIELD_LIST(struct title_body, countries, .format = FORMAT_COUNTRY, .max = 20),             \
        FIELD_LIST(struct title_body, languages, .format = FORMAT_LANGUAGE, .max = 20),            \
        FIELD(struct title_body, available_from), FIELD(struct title_body, available_to)
SHAPE(title_patch_shape, struct title_body, EDITABLE_FIELDS,
      FIELD_LIST(struct title_body, unlock, .max = UNLOCK_MAX, .item_max = 80,
                 .doc = "fields given back to imports, as the form names them: \"title.ru\""));
SHAPE(title_add_shape, struct title_body,
      FIELD_ENUM(struct title_body, kind, title_kinds, .required = true),
      FIELD(struct title_body, series_id), FIELD(struct title_body, season, .min = 0, .max = 10000),
      FIELD(struct title_body, episode, .min = 0, .max = 100000), EDITABLE_FIELDS);

/* --- A patch as values ---------------------------------------------------------------------- */

struct values {
    struct arena *arena;
    struct catalog_value *items;
    size_t count;
};

static void value_add(struct values *values, const char *field, str language, str value)
{
    if (values->count < VALUES_MAX)
        values->items[values->count++] = (struct catalog_value){ str_of(field), language, value };
}

static void text_add(struct values *values, const char *field, str language, opt_str text)
{
    if (text.state == OPT_ABSENT)
        return;
    value_add(values, field, language, text.state == OPT_SET ? text.value : STR(""));
}

static void number_add(struct values *values, const char *field, opt_i64 number)
{
    if (number.state == OPT_ABSENT)
        return;
    value_add(values, field, STR(""),
              number.state == OPT_SET ? arena_printf(values->arena, "%lld", (long long)number.value)
                                      : STR(""));
}

static void time_add(struct values *values, const char *field, opt_time at)
{
    char text[INSTANT_TEXT_MAX];
    if (at.state == OPT_ABSENT)
        return;
    value_add(values, field, STR(""),
              at.state == OPT_SET ? arena_str(values->arena, instant_format(at.value, text))
                                  : STR(""));
}

static void words_add(struct values *values, const char *field, str_list words)
{
    struct buf buf;
    if (!words.items)
        return;
    buf_init(&buf, values->arena, KIB(4));
    for (size_t i = 0; i < words.count; i++)
        buf_printf(&buf, "%s%.*s", i ? " " : "", STR_ARG(words.items[i]));
    value_add(values, field, STR(""), buf_str(&buf));
}

static void patch_values(struct values *values, const struct title_body *patch)
{
    values->items = ARENA_ARRAY(values->arena, VALUES_MAX, struct catalog_value);
    for (size_t i = 0; i < patch->texts.count; i++) {
        str language = patch->texts.items[i].key;
        const struct text_patch *text = &patch->texts.items[i].value;
        text_add(values, "title", language, text->title);
        text_add(values, "synopsis", language, text->synopsis);
        text_add(values, "tagline", language, text->tagline);
    }
    text_add(values, "original_title", STR(""), patch->original_title);
    text_add(values, "original_language", STR(""), patch->original_language);
    text_add(values, "age_rating", STR(""), patch->age_rating);
    number_add(values, "year", patch->year);
    number_add(values, "runtime_min", patch->runtime_min);
    words_add(values, "genres", patch->genres);
    words_add(values, "countries", patch->countries);
    words_add(values, "languages", patch->languages);
    time_add(values, "available_from", patch->available_from);
    time_add(values, "available_to", patch->available_to);
}

/* --- Transactions --------------------------------------------------------------------------- */

enum edit_kind { EDIT_ADD, EDIT_PATCH, EDIT_PUBLISH, EDIT_ARCHIVE };

struct edit {
    enum edit_kind kind;
    struct id id;
    int64_t version; /* the one in If-Match */
    struct values values;
    const struct title_body *add;
    str_list unlock;
};

enum err catalog_version_check(const char *what, struct id id, int64_t wanted, int64_t version)
{
    if (wanted == CATALOG_VERSION_ANY || version == wanted)
        return OK;
    return err_set(ERR_PRECONDITION, "precondition-failed",
                   "%s %lld was changed meanwhile: it is at version %lld, not %lld", what,
                   (long long)id.value, (long long)version, (long long)wanted);
}

static enum err version_check(struct db_tx *tx, const struct edit *edit)
{
    struct title title;
    TRY(catalog_title_load(tx, edit->id, &title));
    return catalog_version_check("title", edit->id, edit->version, title.version);
}

static enum err edit_add(struct db_tx *tx, struct edit *edit)
{
    const struct title_body *add = edit->add;
    struct catalog_record record = { .kind = (enum title_kind)add->kind.value,
                                     .series_id = add->series_id.value,
                                     .season = add->season.value,
                                     .episode = add->episode.value,
                                     .source = CATALOG_SOURCE_EDITOR,
                                     .licence = STR(""),
                                     .values = edit->values.items,
                                     .values_count = edit->values.count };
    edit->id = ID_NONE;
    return catalog_record_put(tx, &record, &edit->id);
}

static enum err edit_status(struct db_tx *tx, const struct edit *edit)
{
    if (edit->kind == EDIT_ARCHIVE) {
        TRY(db_exec(tx, &SQL_TITLE_STATUS_PUT,
                    DB_ARGS(DB_I64(edit->id.value), DB_TEXT(STR("archived"))), NULL));
        return catalog_playable_refresh(tx, edit->id);
    }
    TRY(db_exec(tx, &SQL_TITLE_STATUS_PUT, DB_ARGS(DB_I64(edit->id.value), DB_TEXT(STR("draft"))),
                NULL));
    return catalog_title_publish(tx, edit->id);
}

static enum err edit_tx(struct db_tx *tx, void *arg)
{
    struct edit *edit = arg;
    struct catalog_change change = { .values = edit->values.items,
                                     .values_count = edit->values.count,
                                     .source = CATALOG_SOURCE_EDITOR,
                                     .licence = STR(""),
                                     .lock = true };
    db_notify(tx, DB_TOPIC_CATALOG);
    if (edit->kind == EDIT_ADD)
        return edit_add(tx, edit);
    TRY(version_check(tx, edit));
    if (edit->kind != EDIT_PATCH)
        return edit_status(tx, edit);
    TRY(catalog_title_fields_put(tx, edit->id, &change));
    TRY(catalog_fields_unlock(tx, &SQL_TITLE_FIELD_UNLOCK, edit->id, &edit->unlock));
    return catalog_title_reindex(tx, edit->id);
}

enum err catalog_if_match(struct http_request *request, struct http_response *response,
                          int64_t *out_version, bool *out_answered)
{
    str field = str_trim(http_header_find(request, STR("If-Match")));
    *out_answered = false;
    if (field.len == 0) {
        http_reply_problem(request, response, 428, "etag-required",
                           "a change names the version it was made from in If-Match");
        *out_answered = true;
        return OK;
    }
    if (str_eq(field, STR("*"))) {
        *out_version = CATALOG_VERSION_ANY;
        return OK;
    }
    ptrdiff_t dash = str_find_char(field, '-');
    if (field.ptr[0] == '"' && dash > 1 &&
        str_parse_i64(str_sub(field, 1, (size_t)dash - 1), out_version))
        return OK;
    return err_set(ERR_PRECONDITION, "precondition-failed",
                   "If-Match holds no ETag of what is to be changed");
}

struct edit_read {
    struct title title;
    struct id id;
    str language;
    struct buf buf;
};

static enum err read_title(struct db_tx *tx, void *arg)
{
    struct edit_read *read = arg;
    TRY(catalog_title_load(tx, read->id, &read->title));
    struct page_view view = { read->language, INSTANT_NEVER };
    return catalog_page_write(tx, &read->title, &view, &read->buf);
}

enum err catalog_reply_title(struct http_request *request, struct http_response *response,
                             struct id id, unsigned status)
{
    struct edit_read read = { .id = id, .language = catalog_request_language(request) };
    buf_init(&read.buf, request->arena, ANSWER_BYTES_MAX);
    TRY(db_read(catalog.db, read_title, &read));
    response->status = status;
    return catalog_reply_editor(request, response, buf_str(&read.buf), read.title.version);
}

static enum err run_edit(struct http_request *request, struct http_response *response,
                         struct edit *edit)
{
    bool answered = false;
    if (edit->kind != EDIT_ADD) {
        TRY(catalog_request_id(request, "id", "title-not-found", &edit->id));
        TRY(catalog_if_match(request, response, &edit->version, &answered));
    }
    if (answered)
        return OK;
    TRY(db_tx(catalog.db, edit_tx, edit));
    if (edit->kind == EDIT_ADD)
        TRY(http_header_add(
            response, STR("Location"),
            arena_printf(request->arena, "/v1/titles/%lld", (long long)edit->id.value)));
    return catalog_reply_title(request, response, edit->id, edit->kind == EDIT_ADD ? 201 : 200);
}

/* --- Handlers ------------------------------------------------------------------------------- */

enum err catalog_on_title_add(struct http_request *request, struct http_response *response)
{
    struct title_body add;
    struct edit edit = { .kind = EDIT_ADD, .values = { .arena = request->arena }, .add = &add };
    TRY(shape_parse_json(request->arena, &title_add_shape, request->body, &add));
    bool episode = add.kind.value == TITLE_EPISODE;
    if (episode != (add.series_id.state == OPT_SET && add.season.state == OPT_SET &&
                    add.episode.state == OPT_SET)) {
        err_set(ERR_INVALID, "invalid-fields", "an episode has series_id, season and episode");
        err_field_add(STR("series_id"), "an episode has series_id, season and episode");
        return ERR_INVALID;
    }
    patch_values(&edit.values, &add);
    return run_edit(request, response, &edit);
}

enum err catalog_on_title_patch(struct http_request *request, struct http_response *response)
{
    struct title_body patch;
    struct edit edit = { .kind = EDIT_PATCH, .values = { .arena = request->arena } };
    TRY(shape_parse_json(request->arena, &title_patch_shape, request->body, &patch));
    patch_values(&edit.values, &patch);
    edit.unlock = patch.unlock;
    return run_edit(request, response, &edit);
}

enum err catalog_on_title_publish(struct http_request *request, struct http_response *response)
{
    struct edit edit = { .kind = EDIT_PUBLISH };
    return run_edit(request, response, &edit);
}

enum err catalog_on_title_archive(struct http_request *request, struct http_response *response)
{
    struct edit edit = { .kind = EDIT_ARCHIVE };
    return run_edit(request, response, &edit);
}
