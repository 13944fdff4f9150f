/* rows: rows as records and records as arguments, by the same field tables that drive JSON. */
#include "db.h"

#include "foundation/shape/shape.h"

static struct shape_value shape_value_of(const struct db_value *value)
{
    switch (value->kind) {
    case DB_KIND_I64:
        return (struct shape_value){ .kind = VALUE_I64, .i64 = value->i64 };
    case DB_KIND_F64:
        return (struct shape_value){ .kind = VALUE_DOUBLE, .number = value->f64 };
    case DB_KIND_TEXT:
        return (struct shape_value){ .kind = VALUE_TEXT, .text = value->bytes };
    default:
        return (struct shape_value){ .kind = VALUE_NULL };
    }
}

static struct db_value db_value_of(struct shape_value value)
{
    switch (value.kind) {
    case VALUE_I64:
        return DB_I64(value.i64);
    case VALUE_DOUBLE:
        return DB_F64(value.number);
    case VALUE_TEXT:
        return DB_TEXT(value.text);
    default:
        return DB_NULL;
    }
}

static unsigned scalars_count(const struct shape *shape)
{
    unsigned count = 0;
    for (size_t i = 0; i < shape->fields_count; i++)
        count += shape_field_is_scalar(shape_field_at(shape, i));
    return count;
}

enum err db_row_read(const struct db_row *row, const struct shape *shape, void *out_record)
{
    unsigned column = 0;
    ASSERT(row->values && row->columns_count == scalars_count(shape));
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = shape_field_at(shape, i);
        if (shape_field_is_scalar(field))
            TRY(shape_value_set(field, out_record, shape_value_of(&row->values[column++])));
    }
    return OK;
}

struct db_args db_args_of(struct arena *arena, const struct shape *shape, const void *record)
{
    unsigned count = scalars_count(shape), at = 0;
    struct db_value *values = ARENA_ARRAY(arena, MAX_OF(count, 1u), struct db_value);
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = shape_field_at(shape, i);
        if (shape_field_is_scalar(field))
            values[at++] = db_value_of(shape_value_get(field, record));
    }
    return (struct db_args){ values, count };
}
