/*
 * shape_fields: the macros that make a field table, included by shape.h. Each takes kind, offset
 * and sizes from the member itself and stops the build where the member is of another type than the
 * macro is for.
 */
#pragma once

/* clang-format off */
#define SHAPE_MEMBER_(type, member) (((type *)0)->member)
#define SHAPE_KIND_(expression)                                                                  \
    _Generic((expression),                                                                       \
        bool: SHAPE_BOOL, opt_bool: SHAPE_BOOL,                                                  \
        int32_t: SHAPE_I32, uint32_t: SHAPE_U32,                                                 \
        int64_t: SHAPE_I64, uint64_t: SHAPE_U64, opt_i64: SHAPE_I64,                             \
        struct id: SHAPE_ID, opt_id: SHAPE_ID,                                                   \
        double: SHAPE_DOUBLE, opt_double: SHAPE_DOUBLE,                                          \
        str: SHAPE_STR, opt_str: SHAPE_STR,                                                      \
        opt_time: SHAPE_TIME, json_raw: SHAPE_RAW)
#define SHAPE_FORM_(expression)                                                                  \
    _Generic((expression),                                                                       \
        opt_bool: FORM_OPTIONAL, opt_i64: FORM_OPTIONAL, opt_id: FORM_OPTIONAL,                  \
        opt_double: FORM_OPTIONAL, opt_str: FORM_OPTIONAL, opt_time: FORM_OPTIONAL,              \
        opt_enum: FORM_OPTIONAL, default: FORM_ONE)
#define SHAPE_VALUE_OFFSET_(expression)                                                          \
    _Generic((expression),                                                                       \
        opt_bool: offsetof(opt_bool, value), opt_i64: offsetof(opt_i64, value),                  \
        opt_id: offsetof(opt_id, value), opt_double: offsetof(opt_double, value),                \
        opt_str: offsetof(opt_str, value), opt_time: offsetof(opt_time, value),                  \
        opt_enum: offsetof(opt_enum, value), default: 0)

/* Zero, or a build that stops. */
#define SHAPE_CHECK_(condition, message)                                                         \
    (sizeof(struct { _Static_assert(condition, message); char unused; }) * 0)
#define SHAPE_SAME_(expression, type)                                                            \
    SHAPE_CHECK_(__builtin_types_compatible_p(__typeof__(expression), type),                     \
                 "the member is not of the type this field macro is for")

#define SHAPE_NAMES_(text) .name = STR_INIT(text), .key = STR_INIT(",\"" text "\":")
#define SHAPE_AT_(type, member)                                                                  \
    .offset = offsetof(type, member), .stride = sizeof(SHAPE_MEMBER_(type, member))
#define SHAPE_OPTIONAL_(type, member)                                                            \
    .form = SHAPE_FORM_(SHAPE_MEMBER_(type, member)),                                            \
    .value_offset = SHAPE_VALUE_OFFSET_(SHAPE_MEMBER_(type, member))
#define SHAPE_MANY_(type, member)                                                                \
    .offset = offsetof(type, member) +                                                           \
              SHAPE_CHECK_(offsetof(__typeof__(SHAPE_MEMBER_(type, member)), count) ==           \
                               offsetof(struct shape_many, count),                               \
                           "the member is no LIST_OF or MAP_OF"),                                \
    .stride = sizeof(*SHAPE_MEMBER_(type, member).items)
#define SHAPE_ENTRY_VALUE_(type, member)                                                         \
    offsetof(__typeof__(*SHAPE_MEMBER_(type, member).items), value)

/*
 * The JSON name is the member's; every macro has an ..._AS form that gives another. Further
 * arguments are designators. A member may be a path, so that structs that share fields share them:
 *
 *     #define CARD_FIELDS(type, in) FIELD_AS(type, in id, "id"), FIELD_AS(type, in name, "name")
 *     SHAPE(card_shape, struct card, CARD_FIELDS(struct card, ));
 *     SHAPE(film_shape, struct film, CARD_FIELDS(struct film, card.), FIELD(struct film, tagline));
 */
#define FIELD(type, member, ...) FIELD_AS(type, member, #member, ##__VA_ARGS__)
#define FIELD_AS(type, member, text, ...)                                                        \
    { SHAPE_NAMES_(text), SHAPE_AT_(type, member), SHAPE_OPTIONAL_(type, member),                \
      .kind = SHAPE_KIND_(SHAPE_MEMBER_(type, member)), ##__VA_ARGS__ }

/* The member is an instant. */
#define FIELD_TIME(type, member, ...) FIELD_TIME_AS(type, member, #member, ##__VA_ARGS__)
#define FIELD_TIME_AS(type, member, text, ...)                                                   \
    { SHAPE_NAMES_(text), SHAPE_AT_(type, member),                                               \
      .kind = SHAPE_TIME + SHAPE_SAME_(SHAPE_MEMBER_(type, member), instant), ##__VA_ARGS__ }

/* The member is an enum or an opt_enum. */
#define FIELD_ENUM(type, member, table, ...)                                                     \
    FIELD_ENUM_AS(type, member, #member, table, ##__VA_ARGS__)
#define FIELD_ENUM_AS(type, member, text, table, ...)                                            \
    { SHAPE_NAMES_(text), SHAPE_AT_(type, member), SHAPE_OPTIONAL_(type, member),                \
      .kind = SHAPE_CHOICE +                                                                       \
              SHAPE_CHECK_(sizeof(SHAPE_MEMBER_(type, member)) == sizeof(unsigned) ||            \
                               sizeof(SHAPE_MEMBER_(type, member)) == sizeof(opt_enum),          \
                           "the member is no enum"),                                             \
      .texts = &(table), ##__VA_ARGS__ }

/* The member is the struct of the shape `of`, or a pointer to it. */
#define FIELD_SHAPE(type, member, of, ...)                                                       \
    FIELD_SHAPE_AS(type, member, #member, of, ##__VA_ARGS__)
#define FIELD_SHAPE_AS(type, member, text, of, ...)                                              \
    { SHAPE_NAMES_(text), SHAPE_AT_(type, member), .shape = &(of),                               \
      .kind = SHAPE_OBJECT + SHAPE_SAME_(SHAPE_MEMBER_(type, member), of##_type),                \
      ##__VA_ARGS__ }
#define FIELD_SHAPE_PTR(type, member, of, ...)                                                   \
    FIELD_SHAPE_PTR_AS(type, member, #member, of, ##__VA_ARGS__)
#define FIELD_SHAPE_PTR_AS(type, member, text, of, ...)                                          \
    { SHAPE_NAMES_(text), .offset = offsetof(type, member), .stride = sizeof(of##_type),         \
      .kind = SHAPE_OBJECT + SHAPE_SAME_(*SHAPE_MEMBER_(type, member), of##_type),               \
      .form = FORM_POINTER, .shape = &(of), ##__VA_ARGS__ }

/* The member is a LIST_OF scalars, of enums, of structs. */
#define FIELD_LIST(type, member, ...) FIELD_LIST_AS(type, member, #member, ##__VA_ARGS__)
#define FIELD_LIST_AS(type, member, text, ...)                                                   \
    { SHAPE_NAMES_(text), SHAPE_MANY_(type, member), .form = FORM_LIST,                          \
      .kind = SHAPE_KIND_(*SHAPE_MEMBER_(type, member).items) +                                  \
              SHAPE_CHECK_(SHAPE_FORM_(*SHAPE_MEMBER_(type, member).items) == FORM_ONE,          \
                           "a list holds no optionals"),                                         \
      ##__VA_ARGS__ }
#define FIELD_ENUMS(type, member, table, ...)                                                    \
    FIELD_ENUMS_AS(type, member, #member, table, ##__VA_ARGS__)
#define FIELD_ENUMS_AS(type, member, text, table, ...)                                           \
    { SHAPE_NAMES_(text), SHAPE_MANY_(type, member), .form = FORM_LIST,                          \
      .kind = SHAPE_CHOICE +                                                                       \
              SHAPE_CHECK_(sizeof(*SHAPE_MEMBER_(type, member).items) == sizeof(unsigned),       \
                           "the items are no enums"),                                            \
      .texts = &(table), ##__VA_ARGS__ }
#define FIELD_SHAPES(type, member, of, ...)                                                      \
    FIELD_SHAPES_AS(type, member, #member, of, ##__VA_ARGS__)
#define FIELD_SHAPES_AS(type, member, text, of, ...)                                             \
    { SHAPE_NAMES_(text), SHAPE_MANY_(type, member), .form = FORM_LIST, .shape = &(of),          \
      .kind = SHAPE_OBJECT + SHAPE_SAME_(*SHAPE_MEMBER_(type, member).items, of##_type),         \
      ##__VA_ARGS__ }

/* The member is a MAP_OF scalars, of structs. */
#define FIELD_MAP(type, member, ...) FIELD_MAP_AS(type, member, #member, ##__VA_ARGS__)
#define FIELD_MAP_AS(type, member, text, ...)                                                    \
    { SHAPE_NAMES_(text), SHAPE_MANY_(type, member), .form = FORM_MAP,                           \
      .value_offset = SHAPE_ENTRY_VALUE_(type, member),                                          \
      .kind = SHAPE_KIND_(SHAPE_MEMBER_(type, member).items->value) +                            \
              SHAPE_CHECK_(SHAPE_FORM_(SHAPE_MEMBER_(type, member).items->value) == FORM_ONE,    \
                           "a map holds no optionals"),                                          \
      ##__VA_ARGS__ }
#define FIELD_SHAPE_MAP(type, member, of, ...)                                                   \
    FIELD_SHAPE_MAP_AS(type, member, #member, of, ##__VA_ARGS__)
#define FIELD_SHAPE_MAP_AS(type, member, text, of, ...)                                          \
    { SHAPE_NAMES_(text), SHAPE_MANY_(type, member), .form = FORM_MAP, .shape = &(of),           \
      .value_offset = SHAPE_ENTRY_VALUE_(type, member),                                          \
      .kind = SHAPE_OBJECT + SHAPE_SAME_(SHAPE_MEMBER_(type, member).items->value, of##_type),   \
      ##__VA_ARGS__ }
/* clang-format on */

/* In headers: makes a shape known to fields of others. */
#define SHAPE_DECLARE(shape_name, type)                                                            \
    typedef type shape_name##_type;                                                                \
    extern const struct shape shape_name

#define SHAPE_DEFINE_(shape_name, struct_type, is_forgiving, ...)                                  \
    typedef struct_type shape_name##_type;                                                         \
    extern const struct shape shape_name;                                                          \
    static const struct shape_field shape_name##_fields[] = { __VA_ARGS__ };                       \
    const struct shape shape_name = { .name = #shape_name,                                         \
                                      .size_bytes = sizeof(struct_type),                           \
                                      .fields = shape_name##_fields,                               \
                                      .fields_count = ARRAY_LEN(shape_name##_fields),              \
                                      .forgiving = is_forgiving };                                 \
    _Static_assert(ARRAY_LEN(shape_name##_fields) <= SHAPE_FIELDS_MAX, "too many fields")
#define SHAPE(shape_name, type, ...)           SHAPE_DEFINE_(shape_name, type, false, __VA_ARGS__)
#define SHAPE_FORGIVING(shape_name, type, ...) SHAPE_DEFINE_(shape_name, type, true, __VA_ARGS__)

/* SHAPE_ENUM(title_kinds, [TITLE_FILM] = STR_INIT("film"), [TITLE_SERIES] = STR_INIT("series")); */
#define SHAPE_ENUM_DECLARE(enum_name) extern const struct shape_enum enum_name
#define SHAPE_ENUM(enum_name, ...)                                                                 \
    SHAPE_ENUM_DECLARE(enum_name);                                                                 \
    static const str enum_name##_texts[] = { __VA_ARGS__ };                                        \
    const struct shape_enum enum_name = { #enum_name, enum_name##_texts,                           \
                                          ARRAY_LEN(enum_name##_texts) }
