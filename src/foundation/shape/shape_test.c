#include "shape.h"

#include "foundation/json/json.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

/* --- The tables under test ------------------------------------------------------------------ */

enum kind { KIND_NONE, KIND_FILM, KIND_SERIES };
SHAPE_ENUM(test_kinds, [KIND_FILM] = STR_INIT("film"), [KIND_SERIES] = STR_INIT("series"));

struct person {
    struct id id;
    str name;
};
SHAPE(test_person_shape, struct person, FIELD(struct person, id),
      FIELD(struct person, name, .required = true, .min = 1, .max = 10));

struct texts {
    opt_str title, synopsis;
};
SHAPE(test_texts_shape, struct texts, FIELD(struct texts, title, .max = 20),
      FIELD(struct texts, synopsis));

struct all {
    bool playable;
    int32_t small;
    int64_t large;
    uint32_t count;
    uint64_t bytes;
    struct id id, other;
    double progress;
    str name, slug;
    instant at;
    enum kind kind, second_kind;
    json_raw extra;
    opt_bool maybe_bool;
    opt_i64 year;
    opt_id series;
    opt_double rating;
    opt_str tagline;
    opt_time from;
    opt_enum maybe_kind;
    struct person director;
    struct person *hero;
    LIST_OF(str) genres;
    LIST_OF(int64_t) years;
    LIST_OF(enum kind) kinds;
    LIST_OF(struct person) people;
    MAP_OF(str) names;
    MAP_OF(struct texts) texts;
};
SHAPE(test_all_shape, struct all, FIELD(struct all, playable, .initial = true),
      FIELD(struct all, small, .min = -5, .max = 5), FIELD(struct all, large),
      FIELD(struct all, count, .initial = 24, .max = 100), FIELD(struct all, bytes),
      FIELD(struct all, id), FIELD(struct all, other, .omit = true),
      FIELD(struct all, progress, .max = 1), FIELD(struct all, name, .max = 8),
      FIELD(struct all, slug, .format = FORMAT_SLUG, .nullable = true), FIELD_TIME(struct all, at),
      FIELD_ENUM(struct all, kind, test_kinds),
      FIELD_ENUM(struct all, second_kind, test_kinds, .nullable = true),
      FIELD(struct all, extra, .omit = true), FIELD(struct all, maybe_bool, .omit = true),
      FIELD(struct all, year, .min = 1888, .max = 2100), FIELD(struct all, series),
      FIELD(struct all, rating, .omit = true), FIELD(struct all, tagline), FIELD(struct all, from),
      FIELD_ENUM(struct all, maybe_kind, test_kinds, .omit = true),
      FIELD_SHAPE(struct all, director, test_person_shape),
      FIELD_SHAPE_PTR(struct all, hero, test_person_shape),
      FIELD_LIST(struct all, genres, .max = 3, .item_max = 5, .format = FORMAT_SLUG),
      FIELD_LIST(struct all, years), FIELD_ENUMS(struct all, kinds, test_kinds),
      FIELD_SHAPES(struct all, people, test_person_shape, .max = 20),
      FIELD_MAP(struct all, names, .keys = FORMAT_LANGUAGE),
      FIELD_SHAPE_MAP(struct all, texts, test_texts_shape, .max = 2));

struct filter {
    str genre, prefix;
    opt_i64 year_from;
    opt_bool playable;
    enum kind kind;
    struct id person;
    uint32_t limit;
    double score;
    LIST_OF(str) country;
};
SHAPE(test_filter_shape, struct filter, FIELD(struct filter, genre), FIELD(struct filter, prefix),
      FIELD(struct filter, year_from, .min = 1888, .max = 2100), FIELD(struct filter, playable),
      FIELD_ENUM(struct filter, kind, test_kinds), FIELD(struct filter, person),
      FIELD(struct filter, limit, .initial = 24, .min = 1, .max = 100), FIELD(struct filter, score),
      FIELD_LIST(struct filter, country, .format = FORMAT_COUNTRY, .max = 3));

struct named {
    int64_t default_value;
};
SHAPE_FORGIVING(test_named_shape, struct named, FIELD_AS(struct named, default_value, "default"));

struct card {
    struct id id;
    enum kind kind;
    LIST_OF(struct person) people;
};
struct film {
    str tagline;
    struct card card;
};
#define CARD_FIELDS(type, in)                                                                      \
    FIELD_AS(type, in id, "id"), FIELD_ENUM_AS(type, in kind, "kind", test_kinds),                 \
        FIELD_SHAPES_AS(type, in people, "people", test_person_shape)
SHAPE(test_card_shape, struct card, CARD_FIELDS(struct card, ));
SHAPE(test_film_shape, struct film, CARD_FIELDS(struct film, card.), FIELD(struct film, tagline));

/* --- Helpers -------------------------------------------------------------------------------- */

static struct arena arena;
static struct all all;
static struct filter filter;

static enum err parse(const char *body)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(1));
    return shape_parse_json(&arena, &test_all_shape, str_of(body), &all);
}

static enum err query(const char *text)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(1));
    return shape_parse_query(&arena, &test_filter_shape, str_of(text), &filter);
}

/* "path: message" lines of the error slot, in order. */
static str refusals(void)
{
    static char text[4096];
    size_t len = 0;
    const struct err_slot *slot = err_slot();
    for (unsigned i = 0; i < MIN_OF(slot->fields_count, (unsigned)ERR_FIELDS_MAX); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s: %s", i ? "\n" : "",
                                slot->fields[i].path, slot->fields[i].message);
    return (str){ text, len };
}

static str write_all(const struct all *record)
{
    static struct buf buf;
    buf_deinit(&buf);
    buf_init(&buf, NULL, MIB(1));
    shape_write_json(&buf, &test_all_shape, record);
    CHECK(!buf.overflowed);
    return buf_str(&buf);
}

/* --- JSON in -------------------------------------------------------------------------------- */

TEST(shape_reads_every_kind)
{
    CHECK_OK(
        parse("{\"playable\":false,\"small\":-5,\"large\":-9223372036854775808,\"count\":7,"
              "\"bytes\":9223372036854775807,\"id\":\"42\",\"progress\":0.25,\"name\":\"\\u0416\","
              "\"slug\":\"sci-fi\",\"at\":\"1970-01-01T00:00:01Z\",\"kind\":\"series\","
              "\"extra\":{\"a\":[1, 2]},\"year\":1927,\"series\":\"9\",\"rating\":8,"
              "\"tagline\":\"t\",\"from\":\"1970-01-01T01:00:00+01:00\",\"maybe_kind\":\"film\","
              "\"maybe_bool\":true,\"director\":{\"name\":\"Lang\",\"id\":\"1\"},"
              "\"hero\":{\"name\":\"Maria\"},\"genres\":[\"drama\",\"a\"],\"years\":[1,2,3,4,5],"
              "\"kinds\":[\"film\",\"series\"],\"people\":[{\"name\":\"A\"},{\"name\":\"B\"}],"
              "\"names\":{\"ru\":\"Метрополис\",\"pt-BR\":\"M\"},"
              "\"texts\":{\"en\":{\"title\":\"X\",\"synopsis\":null}}}"));
    CHECK(!all.playable && all.small == -5 && all.large == INT64_MIN && all.count == 7);
    CHECK(all.bytes == INT64_MAX && all.id.value == 42 && all.progress == 0.25);
    CHECK_STR(all.name, STR("\xd0\x96"));
    CHECK_STR(all.slug, STR("sci-fi"));
    CHECK_INT(all.at, SECONDS(1));
    CHECK_INT(all.kind, KIND_SERIES);
    CHECK_STR(all.extra.text, STR("{\"a\":[1, 2]}"));
    CHECK(all.year.state == OPT_SET && all.year.value == 1927 && all.series.value.value == 9);
    CHECK(all.rating.value == 8 && all.from.state == OPT_SET && all.from.value == 0);
    CHECK(all.maybe_bool.state == OPT_SET && all.maybe_bool.value);
    CHECK_INT(all.maybe_kind.value, KIND_FILM);
    CHECK_STR(all.director.name, STR("Lang"));
    CHECK_STR(all.hero->name, STR("Maria"));
    CHECK_INT(all.genres.count, 2);
    CHECK_STR(all.genres.items[1], STR("a"));
    CHECK(all.years.count == 5 && all.years.items[4] == 5);
    CHECK(all.kinds.count == 2 && all.kinds.items[1] == KIND_SERIES);
    CHECK_STR(all.people.items[1].name, STR("B"));
    CHECK_STR(all.names.items[1].key, STR("pt-BR"));
    CHECK_STR(all.names.items[0].value, STR("Метрополис"));
    CHECK_STR(all.texts.items[0].value.title.value, STR("X"));
    CHECK_INT(all.texts.items[0].value.synopsis.state, OPT_NULL);
}

TEST(shape_tells_absent_null_and_value_apart)
{
    CHECK_OK(
        parse("{\"year\":null,\"hero\":null,\"slug\":null,\"genres\":[],\"second_kind\":null}"));
    CHECK_INT(all.year.state, OPT_NULL);
    CHECK_INT(all.tagline.state, OPT_ABSENT);
    CHECK(!all.hero && !all.slug.ptr && !all.name.ptr);
    CHECK(all.genres.items && all.genres.count == 0);
    CHECK(!all.years.items);
    CHECK(all.playable && all.count == 24);
    CHECK_OK(parse("{\"name\":\"\"}"));
    CHECK(all.name.ptr && all.name.len == 0);
}

TEST(shape_names_every_failing_field)
{
    memset(&all, 0x5a, sizeof(all));
    CHECK_ERR(
        parse("{\"small\":6,\"large\":1.5,\"count\":-1,\"id\":7,\"progress\":2,"
              "\"name\":\"123456789\",\"slug\":\"A--b\",\"at\":\"yesterday\",\"kind\":\"opera\","
              "\"year\":12,\"director\":{\"nam\":1},\"genres\":[\"x\",3,\"toolong\"],"
              "\"people\":[{\"name\":\"A\"},{\"name\":\"\"}]}"),
        ERR_INVALID);
    CHECK_STR(refusals(), STR("small: must be at most 5\n"
                              "large: must be a whole number\n"
                              "count: must be at least 0\n"
                              "id: must be an id, a decimal number as text\n"
                              "progress: must be at most 1\n"
                              "name: must have at most 8 characters\n"
                              "slug: must be a slug: lower-case letters, digits and single dashes\n"
                              "at: must be a time like 2026-11-21T10:00:00Z\n"
                              "kind: must be one of film, series\n"
                              "year: must be at least 1888\n"
                              "director.nam: unknown field\n"
                              "director.name: is required\n"
                              "genres[1]: must be text\n"
                              "genres[2]: must have at most 5 characters\n"
                              "people[1].name: must not be empty"));
    CHECK_STR(str_of(err_slot()->slug), STR("invalid-fields"));
    CHECK_STR(str_of(err_slot()->text), STR("small must be at most 5"));
    CHECK_INT(all.small, 0x5a5a5a5a);
}

struct refusal {
    const char *body, *message;
};

static void refuse_all(const struct refusal *cases, size_t count, enum err (*read)(const char *))
{
    for (size_t i = 0; i < count; i++) {
        CHECK_ERR(read(cases[i].body), ERR_INVALID);
        CHECK_STR(refusals(), str_of(cases[i].message));
    }
}

TEST(shape_refuses)
{
    static const struct refusal cases[] = {
        { "{\"nope\":{\"x\":[1]}}", "nope: unknown field" },
        { "{\"id\":\"1\",\"id\":\"2\"}", "id: is given twice" },
        { "{\"id\":\"1\",\"\\u0069d\":\"2\"}", "id: is given twice" },
        { "{\"id\":\"01\"}", "id: must be an id, a decimal number as text" },
        { "{\"id\":null}", "id: must not be null" },
        { "{\"at\":null}", "at: must not be null" },
        { "{\"small\":9223372036854775808}", "small: is out of range" },
        { "{\"large\":9223372036854775808}", "large: is out of range" },
        { "{\"large\":\"1\"}", "large: must be a whole number" },
        { "{\"large\":1e3}", "large: must be a whole number" },
        { "{\"bytes\":-1}", "bytes: is out of range" },
        { "{\"count\":4294967296}", "count: must be at most 100" },
        { "{\"progress\":1e999}", "progress: is out of range" },
        { "{\"progress\":\"1\"}", "progress: must be a number" },
        { "{\"playable\":1}", "playable: must be true or false" },
        { "{\"name\":\"a\\u0000b\"}", "name: must not contain a zero character" },
        { "{\"director\":[]}", "director: must be an object" },
        { "{\"hero\":1}", "hero: must be an object" },
        { "{\"hero\":{}}", "hero.name: is required" },
        { "{\"genres\":{}}", "genres: must be a list" },
        { "{\"genres\":null}", "genres: must be a list" },
        { "{\"genres\":[null]}", "genres[0]: must not be null" },
        { "{\"genres\":[\"a\",\"b\",\"c\",\"d\"]}", "genres: must have at most 3 items" },
        { "{\"names\":[]}", "names: must be an object" },
        { "{\"names\":{\"Russian\":\"x\"}}", "names.Russian: is not a valid key here" },
        { "{\"names\":{\"ru\":\"x\",\"ru\":\"y\"}}", "names.ru: is given twice" },
        { "{\"texts\":{\"a\":{},\"b\":{},\"c\":{}}}", "texts: must have at most 2 items" },
        { "{\"texts\":{\"ru\":{\"title\":\"123456789012345678901\"}}}",
          "texts.ru.title: must have at most 20 characters" },
        { "{\"maybe_kind\":\"\"}", "maybe_kind: must be one of film, series" },
    };
    refuse_all(cases, ARRAY_LEN(cases), parse);
}

TEST(shape_refuses_what_is_no_json)
{
    CHECK_ERR(parse("{\"small\":99,\"large\":}"), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("json-syntax"));
    CHECK_INT(err_slot()->fields_count, 0);
    CHECK_ERR(parse("[]"), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("json-type"));
    CHECK_ERR(parse("{} {}"), ERR_INVALID);
    CHECK_ERR(parse(""), ERR_INVALID);
    CHECK_ERR(parse("{\"extra\":{\"a\":1,\"a\":2}}"), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("json-syntax"));
}

TEST(shape_counts_more_refusals_than_it_keeps)
{
    CHECK_ERR(parse("{\"years\":[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,"
                    "0.1,0.1,0.1,0.1]}"),
              ERR_INVALID);
    CHECK_INT(err_slot()->fields_count, 20);
}

TEST(shape_respects_the_arena)
{
    struct arena small;
    arena_init(&small, sizeof(struct all) + 64);
    CHECK_ERR(shape_parse_json(&small, &test_all_shape,
                               STR("{\"people\":[{\"name\":\"A\"},{\"name\":\"A\"}]}"), &all),
              ERR_TOO_LARGE);
    arena_deinit(&small);
    arena_init(&small, 8);
    CHECK_ERR(shape_parse_json(&small, &test_all_shape, STR("{}"), &all), ERR_TOO_LARGE);
    arena_deinit(&small);
}

TEST(shape_runs_out_of_memory_at_any_point)
{
    static const char body[] = "{\"people\":[{\"name\":\"A\"},{\"name\":\"\\u0042\"}],\"names\":{},"
                               "\"hero\":{\"name\":\"H\"},\"extra\":{\"a\":1,\"b\":2},\"years\":"
                               "[1,2,3,4,5,6,7,8,9],\"texts\":{\"ru\":{\"title\":\"t\"}}}";
    enum err result = ERR_TOO_LARGE;
    size_t limit = 0;
    for (; result != OK; limit += 16) {
        struct arena small;
        arena_init(&small, limit);
        result = shape_parse_json(&small, &test_all_shape, str_of(body), &all);
        CHECK(result == OK || result == ERR_TOO_LARGE);
        arena_deinit(&small);
    }
    CHECK(limit > sizeof(struct all));
}

TEST(shape_forgives_when_told)
{
    struct named named;
    CHECK_OK(parse("{}"));
    CHECK_OK(shape_parse_json(&arena, &test_named_shape,
                              STR("{\"x\":[{\"y\":1}],\"default\":3,\"x\":2}"), &named));
    CHECK_INT(named.default_value, 3);
    CHECK_ERR(
        shape_parse_json(&arena, &test_named_shape, STR("{\"default\":3,\"default\":3}"), &named),
        ERR_INVALID);
}

/* --- JSON out ------------------------------------------------------------------------------- */

TEST(shape_writes_what_is_not_set)
{
    struct all none = { .progress = 0.5, .at = INSTANT_NEVER };
    CHECK_STR(
        write_all(&none),
        STR("{\"playable\":false,\"small\":0,\"large\":0,\"count\":0,\"bytes\":0,\"id\":\"0\","
            "\"progress\":0.5,\"name\":\"\",\"slug\":null,\"at\":null,\"kind\":null,"
            "\"second_kind\":null,\"year\":null,\"series\":null,\"tagline\":null,"
            "\"from\":null,\"director\":{\"id\":\"0\",\"name\":\"\"},\"hero\":null,"
            "\"genres\":[],\"years\":[],\"kinds\":[],\"people\":[],\"names\":{},"
            "\"texts\":{}}"));
}

TEST(shape_writes_what_it_reads)
{
    static const char text[] =
        "{\"playable\":true,\"small\":-5,\"large\":-9223372036854775808,\"count\":24,"
        "\"bytes\":9223372036854775807,\"id\":\"9223372036854775807\",\"other\":\"1\","
        "\"progress\":0.1,\"name\":\"\\\"Ж\\n\",\"slug\":\"a\",\"at\":\"2026-11-21T10:00:00."
        "000001Z\","
        "\"kind\":\"film\",\"second_kind\":\"series\",\"extra\":{\"a\": [1,\"x\"]},"
        "\"maybe_bool\":null,\"year\":1927,\"series\":\"2\",\"rating\":7.5,\"tagline\":\"\","
        "\"from\":\"1895-12-28T00:00:00Z\",\"maybe_kind\":\"film\","
        "\"director\":{\"id\":\"1\",\"name\":\"L\"},\"hero\":{\"id\":\"3\",\"name\":\"M\"},"
        "\"genres\":[\"a\",\"b\"],\"years\":[-1],\"kinds\":[\"series\"],"
        "\"people\":[{\"id\":\"4\",\"name\":\"P\"}],\"names\":{\"ru\":\"р\",\"en\":\"e\"},"
        "\"texts\":{\"de\":{\"title\":null,\"synopsis\":\"s\"}}}";
    CHECK_OK(parse(text));
    CHECK_STR(write_all(&all), str_of(text));
}

TEST(shape_tables_can_be_shared)
{
    struct person lang = { ID(2), STR("Lang") };
    struct card card = { .id = ID(1), .kind = KIND_FILM, .people = { &lang, 1 } };
    struct film film = { .tagline = STR("t"), .card = card };
    struct buf buf;
    buf_init(&buf, NULL, KIB(4));
    shape_write_json(&buf, &test_card_shape, &card);
    CHECK_STR(buf_str(&buf), STR("{\"id\":\"1\",\"kind\":\"film\","
                                 "\"people\":[{\"id\":\"2\",\"name\":\"Lang\"}]}"));
    buf_clear(&buf);
    shape_write_json(&buf, &test_film_shape, &film);
    CHECK_STR(buf_str(&buf),
              STR("{\"id\":\"1\",\"kind\":\"film\","
                  "\"people\":[{\"id\":\"2\",\"name\":\"Lang\"}],\"tagline\":\"t\"}"));
    buf_deinit(&buf);
}

TEST(shape_writing_respects_the_ceiling)
{
    char memory[40];
    struct buf buf;
    buf_init_fixed(&buf, memory, sizeof(memory));
    struct all none = { 0 };
    shape_write_json(&buf, &test_all_shape, &none);
    CHECK(buf.overflowed);
}

/* --- Queries -------------------------------------------------------------------------------- */

TEST(shape_reads_a_query)
{
    CHECK_OK(query("genre=sci-fi&prefix=%D0%9C%d0%b5+x%26&year_from=1927&playable=true&kind=film"
                   "&person=12&score=0.5&country=DE&limit=10&country=FR&"));
    CHECK_STR(filter.genre, STR("sci-fi"));
    CHECK_STR(filter.prefix, STR("Ме x&"));
    CHECK(filter.year_from.value == 1927 && filter.playable.value && filter.kind == KIND_FILM);
    CHECK(filter.person.value == 12 && filter.score == 0.5 && filter.limit == 10);
    CHECK_INT(filter.country.count, 2);
    CHECK_STR(filter.country.items[1], STR("FR"));
    CHECK_OK(query(""));
    CHECK(filter.limit == 24 && !filter.genre.ptr && filter.playable.state == OPT_ABSENT);
    CHECK_OK(query("prefix="));
    CHECK(filter.prefix.ptr && filter.prefix.len == 0);
    CHECK_OK(query("prefix"));
    CHECK(filter.prefix.ptr && filter.prefix.len == 0);
}

TEST(shape_refuses_queries)
{
    static const struct refusal cases[] = {
        { "nope=1", "nope: unknown parameter" },
        { "genre=a&genre=b", "genre: is given twice" },
        { "limit=0", "limit: must be at least 1" },
        { "limit=101", "limit: must be at most 100" },
        { "limit=", "limit: must be a whole number" },
        { "limit=1.0", "limit: must be a whole number" },
        { "limit=+1", "limit: must be a whole number" },
        { "year_from=99999999999999999999", "year_from: must be a whole number" },
        { "playable=1", "playable: must be true or false" },
        { "kind=x&person=0",
          "kind: must be one of film, series\nperson: must be an id, a decimal number as text" },
        { "score=0x1", "score: must be a number" },
        { "score=%201", "score: must be a number" },
        { "score=nan", "score: must be a number" },
        { "country=DE&country=de", "country[1]: must be a country code of two capital letters" },
        { "country=DE&country=FR&country=RU&country=US", "country: must have at most 3 items" },
    };
    refuse_all(cases, ARRAY_LEN(cases), query);
    static const char *const broken[] = { "genre=%",   "genre=%4", "genre=%zz", "genre=%ff",
                                          "genre=%00", "%c0%af=1", "genre=\xff" };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        CHECK_ERR(query(broken[i]), ERR_INVALID);
        CHECK_STR(str_of(err_slot()->slug), STR("bad-query"));
    }
    char many[2 * SHAPE_PAIRS_MAX + 3];
    memset(many, '&', sizeof(many) - 1);
    many[sizeof(many) - 1] = 0;
    CHECK_ERR(query(many), ERR_INVALID);
}

/* --- Formats -------------------------------------------------------------------------------- */

TEST(shape_formats)
{
    static const struct {
        enum shape_format format;
        const char *text;
        bool matches;
    } cases[] = {
        { FORMAT_SLUG, "a", true },
        { FORMAT_SLUG, "sci-fi-2", true },
        { FORMAT_SLUG, "", false },
        { FORMAT_SLUG, "-a", false },
        { FORMAT_SLUG, "a-", false },
        { FORMAT_SLUG, "a--b", false },
        { FORMAT_SLUG, "A", false },
        { FORMAT_SLUG, "\xd0\x96", false },
        { FORMAT_LANGUAGE, "ru", true },
        { FORMAT_LANGUAGE, "zh-Hant-TW", true },
        { FORMAT_LANGUAGE, "und", true },
        { FORMAT_LANGUAGE, "r", false },
        { FORMAT_LANGUAGE, "RU", false },
        { FORMAT_LANGUAGE, "ru-", false },
        { FORMAT_LANGUAGE, "", false },
        { FORMAT_LANGUAGE, "russian", false },
        { FORMAT_LANGUAGE, "ru_RU", false },
        { FORMAT_COUNTRY, "DE", true },
        { FORMAT_COUNTRY, "de", false },
        { FORMAT_COUNTRY, "DEU", false },
        { FORMAT_ANY, "", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_INT(shape_format_matches(cases[i].format, str_of(cases[i].text)), cases[i].matches);
}

/* --- Columns -------------------------------------------------------------------------------- */

TEST(shape_values_of_every_scalar_survive_a_column)
{
    struct all copy;
    memset(&copy, 0, sizeof(copy));
    CHECK_OK(parse("{\"small\":-5,\"count\":7,\"bytes\":8,\"id\":\"42\",\"progress\":0.25,"
                   "\"name\":\"n\",\"at\":\"1970-01-01T00:00:01Z\",\"kind\":\"series\","
                   "\"extra\":[1],\"year\":1927,\"tagline\":null,\"maybe_kind\":\"film\","
                   "\"maybe_bool\":false,\"rating\":1,\"series\":\"3\","
                   "\"from\":\"1970-01-01T00:00:02Z\"}"));
    for (size_t i = 0; i < test_all_shape.fields_count; i++) {
        const struct shape_field *field = shape_field_at(&test_all_shape, i);
        if (shape_field_is_scalar(field))
            CHECK_OK(shape_value_set(field, &copy, shape_value_get(field, &all)));
    }
    CHECK(copy.playable && copy.small == -5 && copy.count == 7 && copy.bytes == 8);
    CHECK(copy.id.value == 42 && copy.other.value == 0 && copy.progress == 0.25);
    CHECK_STR(copy.name, STR("n"));
    CHECK_STR(copy.extra.text, STR("[1]"));
    CHECK(!copy.slug.ptr && copy.at == SECONDS(1) && copy.kind == KIND_SERIES);
    CHECK(copy.second_kind == KIND_NONE && copy.year.state == OPT_SET && copy.year.value == 1927);
    CHECK(copy.tagline.state == OPT_NULL && copy.maybe_kind.value == KIND_FILM);
    CHECK(copy.maybe_bool.state == OPT_SET && !copy.maybe_bool.value && copy.rating.value == 1);
    CHECK(copy.series.value.value == 3 && copy.from.value == SECONDS(2));
    struct shape_value kind = shape_value_get(shape_field_find(&test_all_shape, STR("kind")), &all);
    CHECK_INT(kind.kind, VALUE_TEXT);
    CHECK_STR(kind.text, STR("series"));
}

TEST(shape_columns_of_a_wrong_type_are_corrupt)
{
    struct all record = { 0 };
    struct shape_value text = { .kind = VALUE_TEXT, .text = STR("x") };
    struct shape_value large = { .kind = VALUE_I64, .i64 = INT64_MAX };
    struct shape_value null = { .kind = VALUE_NULL };
    static const char *const whole[] = { "small", "count", "kind", "maybe_kind" };
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        const struct shape_field *field = shape_field_find(&test_all_shape, str_of(whole[i]));
        CHECK_ERR(shape_value_set(field, &record, text), ERR_CORRUPT);
        CHECK_ERR(shape_value_set(field, &record, large), ERR_CORRUPT);
    }
    CHECK_ERR(shape_value_set(shape_field_find(&test_all_shape, STR("large")), &record, null),
              ERR_CORRUPT);
    CHECK_ERR(shape_value_set(shape_field_find(&test_all_shape, STR("name")), &record, large),
              ERR_CORRUPT);
    CHECK(!shape_field_find(&test_all_shape, STR("nope")));
    CHECK(!shape_field_is_scalar(shape_field_find(&test_all_shape, STR("hero"))));
}

/* --- OpenAPI -------------------------------------------------------------------------------- */

TEST(shape_schemas)
{
    struct buf buf;
    char name[64];
    buf_init(&buf, NULL, KIB(64));
    CHECK_STR(shape_schema_name(&test_person_shape, name), STR("TestPerson"));
    shape_write_schema(&buf, &test_person_shape);
    CHECK_STR(buf_str(&buf),
              STR("{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"id\":{\"type\":"
                  "\"string\",\"pattern\":\"^[1-9][0-9]{0,18}$\"},\"name\":{\"type\":\"string\","
                  "\"minLength\":1,\"maxLength\":10}},\"additionalProperties\":false}"));
    static const struct {
        const char *field, *schema;
    } cases[] = {
        { "year", "{\"type\":[\"integer\",\"null\"],\"format\":\"int64\",\"minimum\":1888,"
                  "\"maximum\":2100}" },
        { "count", "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":0,\"maximum\":100,"
                   "\"default\":24}" },
        { "kind", "{\"type\":\"string\",\"enum\":[\"film\",\"series\"]}" },
        { "second_kind", "{\"type\":[\"string\",\"null\"],\"enum\":[\"film\",\"series\",null]}" },
        { "at", "{\"type\":\"string\",\"format\":\"date-time\"}" },
        { "extra", "{}" },
        { "director", "{\"$ref\":\"#/components/schemas/TestPerson\"}" },
        { "hero", "{\"anyOf\":[{\"$ref\":\"#/components/schemas/TestPerson\"},"
                  "{\"type\":\"null\"}]}" },
        { "genres",
          "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":5,\"pattern\":"
          "\"^[a-z0-9]+(-[a-z0-9]+)*$\"},\"maxItems\":3}" },
        { "names", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},"
                   "\"propertyNames\":{\"pattern\":\"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$\"}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&buf);
        shape_write_field_schema(&buf, shape_field_find(&test_all_shape, str_of(cases[i].field)));
        CHECK_STR(buf_str(&buf), str_of(cases[i].schema));
    }
    buf_deinit(&buf);
}

TEST(shape_answers_have_all_their_fields_and_may_grow)
{
    static struct shape_registry registry;
    struct buf buf;
    buf_init(&buf, NULL, KIB(64));
    shape_registry_add_answer(&registry, &test_film_shape);
    CHECK(registry.count == 2 && !registry.requested[0] && !registry.requested[1]);
    json_object_begin(&buf);
    shape_write_schemas(&buf, &registry);
    json_object_end(&buf);
    CHECK(str_find(buf_str(&buf), STR("\"required\":[\"id\",\"kind\",\"people\",\"tagline\"]")) >
          0);
    CHECK(str_find(buf_str(&buf), STR("\"additionalProperties\":true")) > 0);
    shape_registry_add(&registry, &test_card_shape);
    CHECK(registry.count == 3 && !registry.requested[0]);
    CHECK(registry.requested[1] && registry.requested[2]); /* person, of film and card; card */
    buf_deinit(&buf);
}

TEST(shape_registry_holds_each_shape_once_and_writes_json)
{
    static struct shape_registry registry;
    struct json json;
    struct buf buf;
    shape_registry_add(&registry, &test_all_shape);
    shape_registry_add(&registry, &test_person_shape);
    shape_registry_add(&registry, &test_filter_shape);
    CHECK_INT(registry.count, 4);
    buf_init(&buf, NULL, KIB(64));
    json_object_begin(&buf);
    shape_write_schemas(&buf, &registry);
    json_object_end(&buf);
    CHECK_OK(parse("{}"));
    CHECK_OK(json_init(&json, &arena, buf_str(&buf), NULL));
    CHECK_OK(json_skip(&json, NULL));
    CHECK_OK(json_finish(&json));
    CHECK(str_find(buf_str(&buf), STR("\"TestTexts\":{")) > 0);
    buf_deinit(&buf);
}
