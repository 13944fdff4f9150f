/*
 * catalog_person_edit: what an editor does to people: change, lock, give back to imports. As with
 * titles, a change names the version it was made from.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"

enum { LANGUAGES_MAX = 40, UNLOCK_MAX = 100, FIELDS_MAX = 500, ANSWER_BYTES_MAX = 1 << 20 };

/* "und" (BCP 47: undetermined) is a name as it is written everywhere; it is stored without. */
static str language_stored(str language)
{
    return str_eq(language, STR("und")) ? STR("") : language;
}

static str language_shown(str language)
{
    return language.len ? language : STR("und");
}

struct person_text_patch {
    opt_str name, biography;
};
SHAPE(person_text_patch_shape, struct person_text_patch,
      FIELD(struct person_text_patch, name, .max = 300),
      FIELD(struct person_text_patch, biography, .max = 8000));

struct person_body {
    MAP_OF(struct person_text_patch) texts;
    opt_i64 born, died;
    str_list unlock;
};
SHAPE(person_patch_shape, struct person_body,
      FIELD_SHAPE_MAP(struct person_body, texts, person_text_patch_shape, .keys = FORMAT_LANGUAGE,
                      .max = LANGUAGES_MAX,
                      .doc = "by language; \"und\": as it is written everywhere"),
      FIELD(struct person_body, born, .min = 1, .max = 2200, .doc = "year"),
      FIELD(struct person_body, died, .min = 1, .max = 2200, .doc = "year"),
      FIELD_LIST(struct person_body, unlock, .max = UNLOCK_MAX, .item_max = 80,
                 .doc = "fields given back to imports, as the form names them: \"name.ru\""));

/* --- Change --------------------------------------------------------------------------------- */

struct person_edit {
    struct id id;
    int64_t version; /* the one in If-Match */
    struct catalog_value values[2 * LANGUAGES_MAX + 2];
    size_t count;
    str_list unlock;
};

static void text_add(struct person_edit *edit, const char *field, str language, opt_str text)
{
    if (text.state != OPT_ABSENT)
        edit->values[edit->count++] =
            (struct catalog_value){ str_of(field), language_stored(language),
                                    text.state == OPT_SET ? str_trim(text.value) : STR("") };
}

static void year_add(struct arena *arena, struct person_edit *edit, const char *field, opt_i64 year)
{
    if (year.state != OPT_ABSENT)
        edit->values[edit->count++] = (struct catalog_value){
            str_of(field), STR(""),
            year.state == OPT_SET ? arena_printf(arena, "%lld", (long long)year.value) : STR("")
        };
}

static enum err person_edit_tx(struct db_tx *tx, void *arg)
{
    const struct person_edit *edit = arg;
    struct person person;
    struct catalog_change change = { .values = edit->values,
                                     .values_count = edit->count,
                                     .source = CATALOG_SOURCE_EDITOR,
                                     .licence = STR(""),
                                     .lock = true };
    db_notify(tx, DB_TOPIC_CATALOG);
    TRY(catalog_person_load(tx, edit->id, &person));
    TRY(catalog_version_check("person", edit->id, edit->version, person.version));
    TRY(catalog_person_fields_put(tx, edit->id, &change));
    TRY(catalog_fields_unlock(tx, &SQL_PERSON_FIELD_UNLOCK, edit->id, &edit->unlock));
    return edit->unlock.count && !edit->count ? catalog_person_reindex(tx, edit->id) : OK;
}

enum err catalog_on_person_patch(struct http_request *request, struct http_response *response)
{
    struct person_body body;
    struct person_edit *edit = ARENA_NEW(request->arena, struct person_edit);
    bool answered;
    *edit = (struct person_edit){ .count = 0 };
    TRY(shape_parse_json(request->arena, &person_patch_shape, request->body, &body));
    TRY(catalog_request_id(request, "id", "person-not-found", &edit->id));
    TRY(catalog_if_match(request, response, &edit->version, &answered));
    if (answered)
        return OK;
    for (size_t i = 0; i < body.texts.count; i++) {
        text_add(edit, "name", body.texts.items[i].key, body.texts.items[i].value.name);
        text_add(edit, "biography", body.texts.items[i].key, body.texts.items[i].value.biography);
    }
    year_add(request->arena, edit, "born", body.born);
    year_add(request->arena, edit, "died", body.died);
    edit->unlock = body.unlock;
    TRY(db_tx(catalog.db, person_edit_tx, edit));
    return catalog_reply_person(request, response, edit->id);
}

/* --- The form: every language and every provenance ------------------------------------------ */

struct person_form_text {
    str name, biography;
};
SHAPE(person_form_text_shape, struct person_form_text, FIELD(struct person_form_text, name),
      FIELD(struct person_form_text, biography));

struct person_form {
    struct id id;
    int64_t version;
    MAP_OF(struct person_form_text) texts;
    opt_i64 born, died;
    catalog_form_fields fields;
};
SHAPE(person_edit_shape, struct person_form, FIELD(struct person_form, id),
      FIELD(struct person_form, version),
      FIELD_SHAPE_MAP(struct person_form, texts, person_form_text_shape),
      FIELD(struct person_form, born, .doc = "year"),
      FIELD(struct person_form, died, .doc = "year"),
      FIELD_SHAPE_MAP(struct person_form, fields, catalog_form_field_shape,
                      .doc = "where each value is from; texts as \"name.ru\""));

static struct person_form_text *form_text(struct person_form *form, str language)
{
    for (size_t i = 0; i < form->texts.count; i++)
        if (str_eq(form->texts.items[i].key, language))
            return &form->texts.items[i].value;
    form->texts.items[form->texts.count].key = language;
    return &form->texts.items[form->texts.count++].value;
}

struct person_form_read {
    struct id id;
    int64_t version;
    struct buf buf;
};

static enum err read_form(struct db_tx *tx, void *arg)
{
    struct person_form_read *read = arg;
    struct person person;
    TRY(catalog_person_load(tx, read->id, &person));
    struct person_form form = {
        .id = person.id, .version = person.version, .born = person.born, .died = person.died
    };
    form.texts.items = arena_zalloc(db_arena(tx), person.texts_count, sizeof(*form.texts.items));
    for (size_t i = 0; i < person.texts_count; i++) {
        struct person_form_text *text = form_text(&form, language_shown(person.texts[i].language));
        *(str_eq(person.texts[i].field, STR("name")) ? &text->name : &text->biography) =
            person.texts[i].value;
    }
    TRY(catalog_form_fields_load(tx, &SQL_PERSON_FIELDS_LIST, read->id, &form.fields));
    read->version = person.version;
    shape_write_json(&read->buf, &person_edit_shape, &form);
    return OK;
}

enum err catalog_on_person_edit_get(struct http_request *request, struct http_response *response)
{
    struct person_form_read read = { .version = 0 };
    TRY(catalog_request_id(request, "id", "person-not-found", &read.id));
    buf_init(&read.buf, request->arena, ANSWER_BYTES_MAX);
    TRY(db_read(catalog.db, read_form, &read));
    return catalog_reply_editor(request, response, buf_str(&read.buf), read.version);
}
