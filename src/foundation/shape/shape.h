/*
 * shape: one field table per request, answer, event and row. The table drives JSON reading with
 * validation, JSON writing, query strings, binding of columns and OpenAPI, so that none of them can
 * disagree. The kind of a field is picked from its C type; a table that does not fit its struct
 * does not compile.
 *
 *     struct person { struct id id; str name; opt_i64 born; };
 *     SHAPE(person_shape, struct person,
 *         FIELD(struct person, id),
 *         FIELD(struct person, name, .required = true, .min = 1, .max = 200),
 *         FIELD(struct person, born, .min = 1800, .max = 2100, .doc = "year of birth"));
 *
 * C type of the member           in JSON
 * bool                           true or false
 * int32_t, int64_t, uint32_t,    whole number (unsigned: 0 to 2^63-1)
 *   uint64_t
 * struct id                      decimal string
 * double                         number; for progress and scores only, never for money or time
 * str                            text; ptr NULL: absent
 * json_raw                       any value, kept as its JSON text
 * opt_bool opt_i64 opt_id        the same or null; tells absent, null and value apart
 *   opt_double opt_str opt_time
 * instant by FIELD_TIME          RFC 3339 text in UTC (instant is an int64_t to the compiler)
 * an enum by FIELD_ENUM          one of the texts of an enum table; opt_enum: or null
 * struct by FIELD_SHAPE          object; FIELD_SHAPE_PTR: a pointer, NULL is null
 * LIST_OF(type) by FIELD_LIST    list; of structs by FIELD_SHAPES, of enums by FIELD_ENUMS
 * MAP_OF(type) by FIELD_MAP      object with any keys ({"ru": "x"}); of structs by FIELD_SHAPE_MAP
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/id.h"
#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/buf.h"

/* --- Types of members ----------------------------------------------------------------------- */

enum opt {
    OPT_ABSENT, /* not given: the zero value of every optional */
    OPT_NULL,   /* given as null: a PATCH empties the field */
    OPT_SET
};

typedef struct opt_bool {
    enum opt state;
    bool value;
} opt_bool;
typedef struct opt_i64 {
    enum opt state;
    int64_t value;
} opt_i64;
typedef struct opt_id {
    enum opt state;
    struct id value;
} opt_id;
typedef struct opt_double {
    enum opt state;
    double value;
} opt_double;
typedef struct opt_str {
    enum opt state;
    str value;
} opt_str;
typedef struct opt_time {
    enum opt state;
    instant value;
} opt_time;
typedef struct opt_enum {
    enum opt state;
    unsigned value;
} opt_enum;

/* An optional with a value: .year = OPT(i64, 1927). */
#define OPT(type, ...) ((opt_##type){ OPT_SET, __VA_ARGS__ })

/* JSON text that is passed through, checked when it is read. Empty is written as null. */
typedef struct json_raw {
    str text;
} json_raw;

/* items NULL: absent; count 0 with items not NULL: given as empty. */
#define LIST_OF(type)                                                                              \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
    }
#define MAP_OF(type)                                                                               \
    struct {                                                                                       \
        struct {                                                                                   \
            str key;                                                                               \
            type value;                                                                            \
        } * items;                                                                                 \
        size_t count;                                                                              \
    }

/* --- Tables --------------------------------------------------------------------------------- */

enum shape_kind {
    SHAPE_BOOL,
    SHAPE_I32,
    SHAPE_U32,
    SHAPE_I64,
    SHAPE_U64,
    SHAPE_ID,
    SHAPE_DOUBLE,
    SHAPE_STR,
    SHAPE_TIME,
    SHAPE_CHOICE,
    SHAPE_RAW,
    SHAPE_OBJECT
};

enum shape_form {
    FORM_ONE,
    FORM_OPTIONAL, /* an opt_ type */
    FORM_POINTER,  /* to a struct; NULL is null */
    FORM_LIST,
    FORM_MAP
};

enum shape_format {
    FORMAT_ANY,
    FORMAT_SLUG,     /* a-z, 0-9 and single dashes between them */
    FORMAT_LANGUAGE, /* BCP 47 as we use it: "ru", "pt-BR", "zh-Hant" */
    FORMAT_COUNTRY,  /* ISO 3166-1 alpha-2, upper case */
};

/* Limits where a field states none. */
enum { SHAPE_TEXT_MAX = 4000, SHAPE_LIST_MAX = 1000, SHAPE_MAP_MAX = 64, SHAPE_FIELDS_MAX = 64 };

/* Texts of an enum, by value. A value without text stands for "not set": null, or left out. */
struct shape_enum {
    const char *name;
    const str *texts;
    unsigned count;
};

/* What every LIST_OF and MAP_OF looks like in memory. */
struct shape_many {
    void *items;
    size_t count;
};

struct shape;

struct shape_field {
    /* Set by the FIELD macros. */
    str name;
    str key; /* ,"name": as it is written */
    enum shape_kind kind;
    enum shape_form form;
    size_t offset;       /* of the member */
    size_t value_offset; /* of the value in an optional or a map's entry */
    size_t stride;       /* size of the value, of a list's item or of a map's entry */
    const struct shape *shape;
    const struct shape_enum *texts;
    /* Set by the table. */
    bool required;
    /*
     * null is taken as not given (but for FIELD_TIME: opt_time), and what is not set is written as
     * null. Optionals and pointers do so anyway.
     */
    bool nullable;
    bool omit; /* written only when it is set, instead of as null or empty */
    /*
     * Numbers: the range, in force when min or max is not 0; a max of 0 is then no maximum. Texts:
     * length in code points. Lists and maps: number of items, SHAPE_..._MAX when max is 0.
     */
    int64_t min, max;
    int64_t item_max;         /* code points of a text in a list or map; 0: SHAPE_TEXT_MAX */
    enum shape_format format; /* of the text, or of the texts in a list or map */
    enum shape_format keys;   /* of a map's keys */
    int64_t initial;          /* value of a number, bool or enum that is not given */
    const char *doc;          /* one sentence, for the API's documentation */
    unsigned proto;           /* protobuf field number; given once, never reused */
};

struct shape {
    const char *name; /* as in C, "title_card_shape" */
    const char *doc;
    size_t size_bytes; /* of the struct */
    const struct shape_field *fields;
    size_t fields_count;
    bool forgiving; /* unknown fields are passed over, for answers of others; never for requests */
};

#include "foundation/shape/shape_fields.h"

/* --- Reading -------------------------------------------------------------------------------- */

/*
 * Readers fill *out (a struct of the shape) from zero and the fields' `initial`, and leave it
 * untouched on failure. Texts, lists and maps are in the arena or in `body` itself, and live as
 * long as both.
 *
 * ERR_INVALID "invalid-fields": values were wrong; the slot has a message for every failing field,
 * with its path ("people[2].name"), and the sentence names the first. Anything json.h says: the
 * body is no JSON at all. None suspends.
 */

/* `body` is at most 1 MiB; depth 32. */
enum err shape_parse_json(struct arena *arena, const struct shape *shape, str body, void *out);

/*
 * "a=1&b=x%20y" (application/x-www-form-urlencoded: '+' is a space too). A repeated name is an
 * error unless the field is a list, which takes each as an item. Objects and maps cannot be given.
 * A leading
 * '?' is not expected.
 */
enum err shape_parse_query(struct arena *arena, const struct shape *shape, str query, void *out);

/* The same from pairs decoded elsewhere: path parameters, form parts, columns of a CSV. */
struct shape_pair {
    str name, value;
};
enum err shape_parse_pairs(struct arena *arena, const struct shape *shape,
                           const struct shape_pair *pairs, size_t count, void *out);

enum { SHAPE_PAIRS_MAX = 256 };
/*
 * Percent-decodes a query string into pairs in the arena. ERR_INVALID "bad-query": a broken escape,
 * bytes that are no UTF-8, a zero byte, more than SHAPE_PAIRS_MAX parameters.
 */
enum err shape_split_query(struct arena *arena, str query, struct shape_pair **out_pairs,
                           size_t *out_count);

/* --- Writing -------------------------------------------------------------------------------- */

/* `record` as a JSON object. Allocates nothing but the buffer's growth; check buf->overflowed. */
void shape_write_json(struct buf *buf, const struct shape *shape, const void *record);

/* --- Walking: for drivers that bind and read columns ---------------------------------------- */

/* NULL when there is no such field. */
const struct shape_field *shape_field_find(const struct shape *shape, str name);
/* index < shape->fields_count. */
const struct shape_field *shape_field_at(const struct shape *shape, size_t index);

enum shape_value_kind { VALUE_NULL, VALUE_I64, VALUE_DOUBLE, VALUE_TEXT };

/* A scalar as databases know them: bool, id and time are VALUE_I64 (microseconds), enums their
 * text. */
struct shape_value {
    enum shape_value_kind kind;
    union {
        int64_t i64;
        double number;
        str text;
    };
};

/* True for what fits one column: no object, list or map. */
bool shape_field_is_scalar(const struct shape_field *field);
/* An optional that is not set, an absent text, ID_NONE and an enum without text are VALUE_NULL. */
struct shape_value shape_value_get(const struct shape_field *field, const void *record);
/*
 * The reverse, for columns read from a table of ours: nothing is validated but that it fits.
 * ERR_CORRUPT "bad-column" when it does not. An enum is taken as text or as number. A text is
 * stored as it is, not copied.
 */
enum err shape_value_set(const struct shape_field *field, void *record, struct shape_value value);

/* The text of an enum's value; empty when it has none. */
str shape_enum_text(const struct shape_enum *table, unsigned value);
/* False when no value has this text. */
bool shape_enum_find(const struct shape_enum *table, str text, unsigned *out_value);
/* Whether text has the format. */
bool shape_format_matches(enum shape_format format, str text);

/* --- OpenAPI -------------------------------------------------------------------------------- */

enum { SHAPE_REGISTRY_MAX = 512 };

/* The shapes a document refers to, each once. Zeroed to begin with; too large for a stack. */
struct shape_registry {
    const struct shape *shapes[SHAPE_REGISTRY_MAX];
    bool requested[SHAPE_REGISTRY_MAX]; /* it is read from clients, not only written */
    unsigned count;
};

/* Adds the shape of a request, with every shape it refers to. */
void shape_registry_add(struct shape_registry *registry, const struct shape *shape);
/* The same of an answer. A shape that is both counts as a request's. */
void shape_registry_add_answer(struct shape_registry *registry, const struct shape *shape);
/*
 * The name in documents: "title_card_shape" is TitleCard. Written into `out`, which is at least 64
 * bytes.
 */
str shape_schema_name(const struct shape *shape, char out[64]);
/* {"$ref":"#/components/schemas/TitleCard"} */
void shape_write_schema_ref(struct buf *buf, const struct shape *shape);
/*
 * The JSON Schema (2020-12, as OpenAPI 3.1 uses it) of one shape; nested shapes are written as
 * references. As a request its required fields are required and others refused; as an answer every
 * field without .omit is there, and more may come.
 */
void shape_write_schema(struct buf *buf, const struct shape *shape);
void shape_write_answer_schema(struct buf *buf, const struct shape *shape);
/* "TitleCard":{...},"Person":{...}: all schemas of a registry, as members of components.schemas. */
void shape_write_schemas(struct buf *buf, const struct shape_registry *registry);
/* The schema of one field alone, for parameters. */
void shape_write_field_schema(struct buf *buf, const struct shape_field *field);
