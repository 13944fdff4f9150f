/*
 * ingest_unit: what one video file is, from its name and the NFO beside it together, and the
 * catalogue records that follow from both. Pure.
 */
#include "ingest_internal.h"

#include "domains/content/vocabulary/ages.h"
#include "domains/content/vocabulary/countries.h"
#include "domains/content/vocabulary/genres.h"
#include "media/language/language.h"

enum {
    VALUES_MAX = 24,
    CREDITS_MAX = 120,
    GENRES_MAX = 12,
    NAME_BYTES_MAX = 200,
    TITLE_BYTES_MAX = 500, /* what the catalogue takes */
    TEXT_BYTES_MAX = 20000,
    YEAR_MIN = 1870,
    YEAR_MAX = 2200
};

str ingest_language_of_text(str text)
{
    for (size_t pos = 0; pos < text.len;) {
        uint32_t c = str_utf8_next(text, &pos);
        if (c >= 0x400 && c <= 0x4ff)
            return STR("ru");
    }
    return STR("en");
}

/* --- Identity ------------------------------------------------------------------------------- */

static void id_add(struct identity *identity, const char *provider, str value)
{
    if (value.len && identity->ids_count < ARRAY_LEN(identity->ids))
        identity->ids[identity->ids_count++] =
            (struct catalog_external_id){ str_of(provider), value };
}

/* An id in a name wins over one in an NFO: somebody put it there to settle the matter. */
struct identity ingest_unit_identity(const struct unit *unit)
{
    const struct film_name *name = &unit->video->name;
    const struct nfo_work *nfo = unit->nfo;
    struct identity identity = {
        .kind = name->kind == FILM_NAME_EPISODE ? TITLE_EPISODE : TITLE_FILM,
        .title = name->title,
        .year = name->year,
        .doubt = name->doubt,
    };
    id_add(&identity, "imdb", name->imdb);
    id_add(&identity, "tmdb", name->tmdb);
    id_add(&identity, "tvdb", name->tvdb);
    if (identity.kind == TITLE_EPISODE || !nfo)
        return identity;
    if (identity.ids_count == 0) {
        id_add(&identity, "imdb", nfo_id_find(nfo, STR("imdb")));
        id_add(&identity, "tmdb", nfo_id_find(nfo, STR("tmdb")));
    }
    if (nfo->title.len && nfo->year) {
        identity.title = nfo->title;
        identity.year = nfo->year;
        identity.doubt = FILM_DOUBT_NONE;
    }
    if (identity.ids_count && identity.title.len)
        identity.doubt = FILM_DOUBT_NONE;
    return identity;
}

/* --- Records -------------------------------------------------------------------------------- */

struct builder {
    struct arena *arena;
    struct catalog_value *values;
    size_t values_count;
    struct catalog_credit *credits;
    size_t credits_count;
};

static void value_add(struct builder *builder, const char *field, str language, str value)
{
    if (value.len && builder->values_count < VALUES_MAX)
        builder->values[builder->values_count++] =
            (struct catalog_value){ str_of(field), language, value };
}

/* What is too long for the catalogue is cut rather than refused. */
static void text_add(struct builder *builder, const char *field, str value, size_t bytes_max)
{
    value_add(builder, field, ingest_language_of_text(value), str_head_utf8(value, bytes_max));
}

static void number_add(struct builder *builder, const char *field, int64_t value)
{
    if (value > 0)
        value_add(builder, field, STR(""), arena_printf(builder->arena, "%lld", (long long)value));
}

static struct builder builder_make(struct arena *arena)
{
    return (struct builder){ .arena = arena,
                             .values = ARENA_ARRAY(arena, VALUES_MAX, struct catalog_value),
                             .credits = ARENA_ARRAY(arena, CREDITS_MAX, struct catalog_credit) };
}

static struct catalog_record record_of(const struct builder *builder, enum title_kind kind,
                                       enum catalog_source source)
{
    return (struct catalog_record){ .kind = kind,
                                    .source = source,
                                    .licence = STR(""),
                                    .values = builder->values,
                                    .values_count = builder->values_count,
                                    .credits = builder->credits,
                                    .credits_count = builder->credits_count };
}

struct catalog_record ingest_record_of_name(struct arena *arena, enum title_kind kind, str title,
                                            int64_t year)
{
    struct builder builder = builder_make(arena);
    text_add(&builder, "title", title, TITLE_BYTES_MAX);
    if (year >= YEAR_MIN && year <= YEAR_MAX)
        number_add(&builder, "year", year);
    return record_of(&builder, kind, CATALOG_SOURCE_NAME);
}

/* "Rated PG-13 for violence" is "PG-13". */
static str age_label(str text)
{
    struct age_rating rating;
    return str_head_utf8(age_rating_parse(text, &rating) ? rating.label : text, 20);
}

static void genres_add(struct builder *builder, const struct nfo_texts *genres)
{
    str slugs[GENRES_MAX];
    size_t count = 0;
    struct buf words;
    for (size_t i = 0; i < genres->count && count < GENRES_MAX; i++)
        count += genres_parse(builder->arena, genres->items[i], slugs + count, GENRES_MAX - count);
    buf_init(&words, builder->arena, KIB(1));
    for (size_t i = 0; i < count; i++)
        buf_printf(&words, "%s%.*s", i ? " " : "", STR_ARG(slugs[i]));
    value_add(builder, "genres", STR(""), buf_str(&words));
}

static void countries_add(struct builder *builder, const struct nfo_texts *countries)
{
    struct buf words;
    buf_init(&words, builder->arena, KIB(1));
    for (size_t i = 0; i < countries->count && i < 10; i++) {
        const struct country *country = country_find(countries->items[i]);
        if (country)
            buf_printf(&words, "%s%s", words.len ? " " : "", country->code);
    }
    value_add(builder, "countries", STR(""), buf_str(&words));
}

static void languages_add(struct builder *builder, const struct nfo_texts *languages)
{
    struct buf words;
    struct language_tag tag;
    buf_init(&words, builder->arena, KIB(1));
    for (size_t i = 0; i < languages->count && i < 10; i++)
        if (language_tag_parse(languages->items[i], &tag))
            buf_printf(&words, "%s%s", words.len ? " " : "", tag.text);
    value_add(builder, "languages", STR(""), buf_str(&words));
}

static void credit_add(struct builder *builder, str name, const char *role, str character)
{
    if (!str_trim(name).len || builder->credits_count == CREDITS_MAX)
        return;
    struct catalog_text *names = ARENA_NEW(builder->arena, struct catalog_text);
    struct catalog_text *characters = ARENA_NEW(builder->arena, struct catalog_text);
    *names = (struct catalog_text){ ingest_language_of_text(name),
                                    str_head_utf8(str_trim(name), NAME_BYTES_MAX) };
    *characters = (struct catalog_text){ ingest_language_of_text(character),
                                         str_head_utf8(character, NAME_BYTES_MAX) };
    builder->credits[builder->credits_count++] =
        (struct catalog_credit){ .names = names,
                                 .names_count = 1,
                                 .role = str_of(role),
                                 .characters = characters,
                                 .characters_count = character.len ? 1 : 0 };
}

static void credits_add(struct builder *builder, const struct nfo_work *work)
{
    for (size_t i = 0; i < work->directors.count; i++)
        credit_add(builder, work->directors.items[i], "director", STR(""));
    for (size_t i = 0; i < work->writers.count; i++)
        credit_add(builder, work->writers.items[i], "writer", STR(""));
    for (size_t i = 0; i < work->actors_count; i++)
        credit_add(builder, work->actors[i].name, "actor", work->actors[i].role);
}

struct catalog_record ingest_record_of_nfo(struct arena *arena, enum title_kind kind,
                                           const struct nfo_work *work, enum catalog_source source)
{
    struct builder builder = builder_make(arena);
    text_add(&builder, "title", work->title, TITLE_BYTES_MAX);
    value_add(&builder, "original_title", STR(""),
              str_head_utf8(work->original_title, TITLE_BYTES_MAX));
    text_add(&builder, "synopsis", work->plot.len ? work->plot : work->outline, TEXT_BYTES_MAX);
    text_add(&builder, "tagline", work->tagline, TITLE_BYTES_MAX);
    if (work->year >= YEAR_MIN && work->year <= YEAR_MAX)
        number_add(&builder, "year", work->year);
    if (work->runtime_min > 0 && work->runtime_min <= 10000)
        number_add(&builder, "runtime_min", work->runtime_min);
    value_add(&builder, "age_rating", STR(""), age_label(work->age_rating));
    genres_add(&builder, &work->genres);
    countries_add(&builder, &work->countries);
    languages_add(&builder, &work->audio_languages);
    credits_add(&builder, work);
    return record_of(&builder, kind, source);
}
