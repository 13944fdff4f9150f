/*
 * demo: the cinema one sees before there are films of one's own: public-domain classics, facts and
 * texts and posters of ours, carried in the program. `kinobezdna demo` asks the serving process to
 * put them into the catalogue; doing it again changes nothing that an editor or an import has set.
 */
#include "app.h"

#include "control.h"
#include "domains/content/catalog/catalog.h"
#include "engines/blob/blob.h"
#include "foundation/crypto/crypto.h"
#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"

#include <stdio.h>

enum { TITLES_MAX = 100, CREDITS_MAX = 60, VALUES_MAX = 24, SHELVES_MAX = 20 };

typedef MAP_OF(str) texts;

struct demo_person {
    texts name, character;
};
SHAPE(demo_person_shape, struct demo_person,
      FIELD_MAP(struct demo_person, name, .required = true, .keys = FORMAT_LANGUAGE),
      FIELD_MAP(struct demo_person, character, .keys = FORMAT_LANGUAGE));
typedef LIST_OF(struct demo_person) people;

struct demo_title {
    str key, original_title, original_language, age_rating, imdb;
    texts titles, synopsis, tagline;
    int64_t year;
    opt_i64 runtime_min;
    LIST_OF(str) countries, genres, languages;
    people directors, writers, composers, cast;
};
SHAPE_FORGIVING(demo_title_shape, struct demo_title,
                FIELD(struct demo_title, key, .required = true),
                FIELD_MAP(struct demo_title, titles, .required = true, .keys = FORMAT_LANGUAGE),
                FIELD(struct demo_title, original_title),
                FIELD(struct demo_title, original_language),
                FIELD(struct demo_title, year, .required = true),
                FIELD(struct demo_title, runtime_min), FIELD(struct demo_title, age_rating),
                FIELD(struct demo_title, imdb), FIELD_LIST(struct demo_title, countries),
                FIELD_LIST(struct demo_title, genres), FIELD_LIST(struct demo_title, languages),
                FIELD_MAP(struct demo_title, synopsis, .keys = FORMAT_LANGUAGE),
                FIELD_MAP(struct demo_title, tagline, .keys = FORMAT_LANGUAGE),
                FIELD_SHAPES(struct demo_title, directors, demo_person_shape),
                FIELD_SHAPES(struct demo_title, writers, demo_person_shape),
                FIELD_SHAPES(struct demo_title, composers, demo_person_shape),
                FIELD_SHAPES(struct demo_title, cast, demo_person_shape));

struct demo_shelf {
    str slug;
    texts name;
    LIST_OF(str) titles;
};
SHAPE_FORGIVING(demo_shelf_shape, struct demo_shelf,
                FIELD(struct demo_shelf, slug, .required = true),
                FIELD_MAP(struct demo_shelf, name, .required = true, .keys = FORMAT_LANGUAGE),
                FIELD_LIST(struct demo_shelf, titles));

struct demo_catalogue {
    LIST_OF(struct demo_title) titles;
    LIST_OF(struct demo_shelf) shelves;
};
SHAPE_FORGIVING(demo_catalogue_shape, struct demo_catalogue,
                FIELD_SHAPES(struct demo_catalogue, titles, demo_title_shape, .max = TITLES_MAX),
                FIELD_SHAPES(struct demo_catalogue, shelves, demo_shelf_shape, .max = SHELVES_MAX));

struct picture {
    str kind, blob_key, hash;
};

struct demo {
    struct db *db;
    struct blob_store *blobs;
};
static struct demo demo;

/* What one run puts, prepared before its transaction. */
struct seeding {
    struct arena *arena;
    struct demo_catalogue catalogue;
    struct picture pictures[TITLES_MAX][2];
    struct id ids[TITLES_MAX];
};

/* --- Pictures ------------------------------------------------------------------------------- */

static enum err picture_put(struct seeding *seeding, const char *folder, str key, const char *kind,
                            struct picture *out_picture)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    str path = arena_printf(seeding->arena, "%s/%.*s.svg", folder, STR_ARG(key));
    const struct embedded_file *file = embedded_find(&app_demo, path);
    *out_picture = (struct picture){ 0 };
    if (!file)
        return OK;
    crypto_sha256(embedded_content(file), hash);
    crypto_hex(hash, sizeof(hash), hex);
    *out_picture = (struct picture){
        .kind = str_of(kind),
        .blob_key = arena_printf(seeding->arena, "art/%.2s/%.32s.svg", hex, hex),
        .hash = arena_str(seeding->arena, (str){ hex, 32 }),
    };
    return blob_put(demo.blobs, out_picture->blob_key, embedded_content(file), NULL);
}

static enum err pictures_put(struct seeding *seeding)
{
    for (size_t i = 0; i < seeding->catalogue.titles.count; i++) {
        str key = seeding->catalogue.titles.items[i].key;
        TRY(picture_put(seeding, "posters", key, "poster", &seeding->pictures[i][0]));
        TRY(picture_put(seeding, "backdrops", key, "backdrop", &seeding->pictures[i][1]));
    }
    return OK;
}

/* --- Records -------------------------------------------------------------------------------- */

struct builder {
    struct arena *arena;
    struct catalog_value values[VALUES_MAX];
    size_t values_count;
    struct catalog_credit credits[CREDITS_MAX];
    size_t credits_count;
};

static void value_add(struct builder *builder, const char *field, str language, str value)
{
    if (value.len && builder->values_count < VALUES_MAX)
        builder->values[builder->values_count++] =
            (struct catalog_value){ str_of(field), language, value };
}

static void texts_add(struct builder *builder, const char *field, const texts *from)
{
    for (size_t i = 0; i < from->count; i++)
        value_add(builder, field, from->items[i].key, from->items[i].value);
}

static str joined(struct arena *arena, const str *words, size_t count)
{
    struct buf buf;
    buf_init(&buf, arena, KIB(4));
    for (size_t i = 0; i < count; i++)
        buf_printf(&buf, "%s%.*s", i ? " " : "", STR_ARG(words[i]));
    return buf_str(&buf);
}

static const struct catalog_text *catalog_texts(struct arena *arena, const texts *from)
{
    struct catalog_text *list = ARENA_ARRAY(arena, from->count, struct catalog_text);
    for (size_t i = 0; i < from->count; i++)
        list[i] = (struct catalog_text){ from->items[i].key, from->items[i].value };
    return list;
}

static void credits_add(struct builder *builder, const char *role, const people *from)
{
    for (size_t i = 0; i < from->count && builder->credits_count < CREDITS_MAX; i++) {
        const struct demo_person *person = &from->items[i];
        builder->credits[builder->credits_count++] =
            (struct catalog_credit){ .names = catalog_texts(builder->arena, &person->name),
                                     .names_count = person->name.count,
                                     .role = str_of(role),
                                     .characters =
                                         catalog_texts(builder->arena, &person->character),
                                     .characters_count = person->character.count };
    }
}

static void title_values(struct builder *builder, const struct demo_title *title)
{
    struct arena *arena = builder->arena;
    texts_add(builder, "title", &title->titles);
    texts_add(builder, "synopsis", &title->synopsis);
    texts_add(builder, "tagline", &title->tagline);
    value_add(builder, "original_title", STR(""), title->original_title);
    value_add(builder, "original_language", STR(""), title->original_language);
    value_add(builder, "age_rating", STR(""), title->age_rating);
    value_add(builder, "year", STR(""), arena_printf(arena, "%lld", (long long)title->year));
    if (title->runtime_min.state == OPT_SET)
        value_add(builder, "runtime_min", STR(""),
                  arena_printf(arena, "%lld", (long long)title->runtime_min.value));
    value_add(builder, "genres", STR(""), joined(arena, title->genres.items, title->genres.count));
    value_add(builder, "countries", STR(""),
              joined(arena, title->countries.items, title->countries.count));
    value_add(builder, "languages", STR(""),
              joined(arena, title->languages.items, title->languages.count));
    credits_add(builder, "director", &title->directors);
    credits_add(builder, "writer", &title->writers);
    credits_add(builder, "composer", &title->composers);
    credits_add(builder, "actor", &title->cast);
}

static str any_text(const texts *from)
{
    return from->count ? from->items[0].value : STR("");
}

/* Found again by its key, or, where an import was first, by name and year. */
static enum err title_put(struct db_tx *tx, struct seeding *seeding, size_t index)
{
    const struct demo_title *title = &seeding->catalogue.titles.items[index];
    struct builder *builder = ARENA_NEW(seeding->arena, struct builder);
    struct catalog_external_id ids[2] = { { STR("demo"), title->key },
                                          { STR("imdb"), title->imdb } };
    size_t ids_count = title->imdb.len ? 2 : 1;
    struct catalog_match match;
    unsigned count;
    builder->arena = seeding->arena;
    title_values(builder, title);
    struct catalog_wanted wanted = { TITLE_FILM, any_text(&title->titles), title->year, ids,
                                     ids_count };
    TRY(catalog_match(tx, &wanted, 1, &match, &count));
    struct id id = count && match.score >= 1.0 ? match.id : ID_NONE;
    struct catalog_record record = { .kind = TITLE_FILM,
                                     .source = CATALOG_SOURCE_DEMO,
                                     .licence = STR("Apache-2.0"),
                                     .values = builder->values,
                                     .values_count = builder->values_count,
                                     .credits = builder->credits,
                                     .credits_count = builder->credits_count,
                                     .external_ids = ids,
                                     .external_ids_count = ids_count };
    TRY(catalog_record_put(tx, &record, &id));
    for (size_t i = 0; i < ARRAY_LEN(seeding->pictures[index]); i++) {
        const struct picture *picture = &seeding->pictures[index][i];
        struct catalog_artwork artwork = { .title = id,
                                           .kind = picture->kind,
                                           .blob_key = picture->blob_key,
                                           .media_type = STR("image/svg+xml"),
                                           .hash = picture->hash,
                                           .source = CATALOG_SOURCE_DEMO,
                                           .licence = STR("Apache-2.0") };
        if (picture->blob_key.len)
            TRY(catalog_artwork_put(tx, &artwork));
    }
    seeding->ids[index] = id;
    return catalog_title_publish(tx, id);
}

static enum err shelf_put(struct db_tx *tx, const struct seeding *seeding, size_t index)
{
    const struct demo_shelf *shelf = &seeding->catalogue.shelves.items[index];
    struct id *ids = ARENA_ARRAY(seeding->arena, shelf->titles.count, struct id);
    size_t count = 0;
    for (size_t i = 0; i < shelf->titles.count; i++)
        for (size_t j = 0; j < seeding->catalogue.titles.count; j++)
            if (str_eq(seeding->catalogue.titles.items[j].key, shelf->titles.items[i]))
                ids[count++] = seeding->ids[j];
    struct catalog_collection collection = { .slug = shelf->slug,
                                             .kind = STR("shelf"),
                                             .names = catalog_texts(seeding->arena, &shelf->name),
                                             .names_count = shelf->name.count,
                                             .titles = ids,
                                             .titles_count = count,
                                             .position = (int64_t)index };
    return catalog_collection_put(tx, &collection);
}

static enum err seed_tx(struct db_tx *tx, void *arg)
{
    struct seeding *seeding = arg;
    for (size_t i = 0; i < seeding->catalogue.titles.count; i++)
        TRY(title_put(tx, seeding, i));
    for (size_t i = 0; i < seeding->catalogue.shelves.count; i++)
        TRY(shelf_put(tx, seeding, i));
    return OK;
}

/* --- The route and the command -------------------------------------------------------------- */

struct demo_answer {
    int64_t titles;
};
SHAPE(demo_answer_shape, struct demo_answer, FIELD(struct demo_answer, titles));

static enum err on_demo(struct http_request *request, struct http_response *response)
{
    struct seeding *seeding = ARENA_NEW(request->arena, struct seeding);
    const struct embedded_file *file = embedded_find(&app_demo, STR("catalogue.json"));
    if (!file)
        return err_set(ERR_UNAVAILABLE, "no-demo", "this program carries no demo catalogue");
    seeding->arena = request->arena;
    TRY(shape_parse_json(request->arena, &demo_catalogue_shape, embedded_content(file),
                         &seeding->catalogue));
    TRY(pictures_put(seeding));
    TRY(db_tx(demo.db, seed_tx, seeding));
    struct demo_answer answer = { (int64_t)seeding->catalogue.titles.count };
    struct buf out;
    buf_init(&out, request->arena, KIB(1));
    shape_write_json(&out, &demo_answer_shape, &answer);
    http_reply_memory(response, STR("application/json"), buf_str(&out));
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/demo", on_demo, .role = ROLE_ADMIN, .arena_bytes_max = 64 << 20,
      .timeout = SECONDS(60), .flags = ROUTE_HIDDEN },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err demo_open(const struct module_env *env)
{
    demo = (struct demo){ env->db, env->blobs };
    return OK;
}

static void demo_close(void)
{
}

const struct module demo_module = {
    .name = "demo",
    .context = "content",
    .routes = &route_table,
    .open = demo_open,
    .close = demo_close,
};

static enum err seed_through(struct arena *arena, const char *folder)
{
    str answer;
    struct demo_answer seeded;
    TRY(control_call(arena, folder, "POST", "/v1/demo", STR(""), &answer));
    TRY(shape_parse_json(arena, &demo_answer_shape, answer, &seeded));
    printf(app_flags.json ? "{\"titles\":%lld}\n" : "The demo catalogue is in: %lld titles\n",
           (long long)seeded.titles);
    return OK;
}

int command_demo(int argc, char **argv)
{
    struct arena arena;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " demo [--data DIR]\n");
        return EXIT_USAGE;
    }
    arena_init(&arena, MIB(16));
    enum err result = app_with_server(&arena, seed_through);
    arena_deinit(&arena);
    return result == OK ? 0 : app_fail(result);
}
