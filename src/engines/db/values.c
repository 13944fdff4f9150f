/* values: the columns of a row, by number. A value of another kind reads as nothing. */
#include "db.h"

static const struct db_value *value_at(const struct db_row *row, unsigned column)
{
    ASSERT(row->values && column < row->columns_count);
    return &row->values[column];
}

bool db_null(const struct db_row *row, unsigned column)
{
    return value_at(row, column)->kind == DB_KIND_NULL;
}

int64_t db_i64(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_I64 ? value->i64 : 0;
}

double db_f64(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_F64 ? value->f64 : (double)db_i64(row, column);
}

bool db_bool(const struct db_row *row, unsigned column)
{
    return db_i64(row, column) != 0;
}

str db_text(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_TEXT ? value->bytes : STR_NONE;
}

str db_blob(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_BLOB ? value->bytes : STR_NONE;
}

instant db_at(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_I64 ? value->i64 : INSTANT_NEVER;
}
