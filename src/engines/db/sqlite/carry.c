/* carry: SQLite's side of carrying a database over, on a handle of its own. */
#include "internal.h"

#include "foundation/mem/buf.h"
#include "foundation/mem/heap.h"

#include <string.h>

enum { SQL_BYTES = 8 << 10 };

struct side {
    struct db_carry base;
    sqlite3 *handle;
    sqlite3_stmt *insert;
    struct buf sql;
};

static struct side *side_of(struct db_carry *carry)
{
    return (struct side *)carry;
}

static enum err fail(struct side *side, int code)
{
    return sqlite_fail(sqlite_of(side->base.db), side->handle, code, "carry");
}

static enum err run(struct side *side, const char *sql)
{
    int code = sqlite3_exec(side->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : fail(side, code);
}

static enum err prepare(struct side *side, const char *sql, sqlite3_stmt **out)
{
    int code = sqlite3_prepare_v2(side->handle, sql, -1, out, NULL);
    return code == SQLITE_OK ? OK : fail(side, code);
}

static void carry_close(struct db_carry *carry)
{
    struct side *side = side_of(carry);
    sqlite3_finalize(side->insert);
    sqlite3_close(side->handle);
    buf_deinit(&side->sql);
    heap_free(side);
}

static enum err carry_open(struct db *db, bool writes, struct db_carry **out_carry)
{
    struct side *side = HEAP_NEW(struct side);
    side->base = (struct db_carry){ .db = db, .writes = writes };
    buf_init(&side->sql, NULL, SQL_BYTES);
    int code = sqlite3_open_v2(sqlite_of(db)->path, &side->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err err = code == SQLITE_OK ? OK : fail(side, code);
    sqlite3_busy_timeout(side->handle, 5000);
    if (err == OK)
        err = run(side, writes ? "PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE"
                               : "BEGIN IMMEDIATE"); /* nobody writes meanwhile */
    if (err != OK) {
        carry_close(&side->base);
        return err;
    }
    *out_carry = &side->base;
    return OK;
}

/* --- Tables --------------------------------------------------------------------------------- */

static const char *text_at(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}

static enum err column_add(struct db_carry_table *tables, unsigned *count, sqlite3_stmt *stmt)
{
    struct db_carry_table *table = *count ? &tables[*count - 1] : NULL;
    const char *name = text_at(stmt, 0), *column = text_at(stmt, 1);
    if (!table || strcmp(table->name, name) != 0) {
        if (*count == CARRY_TABLES_MAX)
            return err_set(ERR_TOO_LARGE, "carry-schema", "there are too many tables");
        table = &tables[(*count)++];
        *table = (struct db_carry_table){ .last_id = sqlite3_column_int64(stmt, 2) };
        snprintf(table->name, sizeof(table->name), "%s", name);
    }
    if (table->columns_count == DB_COLUMNS_MAX)
        return err_set(ERR_TOO_LARGE, "carry-schema", "%s has too many columns", name);
    snprintf(table->columns[table->columns_count++], CARRY_NAME, "%s", column);
    return OK;
}

/* Columns by name: a migration that rebuilt a table may have put them in another order. */
static enum err carry_tables(struct db_carry *carry, struct db_carry_table *out_tables,
                             unsigned *out_count)
{
    static const char with_ids[] =
        "SELECT m.name, c.name, coalesce((SELECT seq FROM sqlite_sequence WHERE name = m.name), 0) "
        "FROM sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name";
    struct side *side = side_of(carry);
    sqlite3_stmt *stmt;
    enum err err = OK;
    int code;
    *out_count = 0;
    TRY(prepare(side, with_ids, &stmt));
    while (err == OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        err = column_add(out_tables, out_count, stmt);
    if (err == OK && code != SQLITE_DONE)
        err = fail(side, code);
    sqlite3_finalize(stmt);
    return err;
}

/* --- Rows ----------------------------------------------------------------------------------- */

static struct db_value value_of(sqlite3_stmt *stmt, int column)
{
    size_t len;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return DB_I64(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT:
        return DB_F64(sqlite3_column_double(stmt, column));
    case SQLITE_TEXT:
        len = (size_t)sqlite3_column_bytes(stmt, column);
        return DB_TEXT(((str){ text_at(stmt, column), len }));
    case SQLITE_BLOB:
        len = (size_t)sqlite3_column_bytes(stmt, column);
        return DB_BLOB(((str){ sqlite3_column_blob(stmt, column), len }));
    default:
        return DB_NULL;
    }
}

static enum err carry_read(struct db_carry *carry, const struct db_carry_table *table, db_row_fn fn,
                           void *arg)
{
    struct side *side = side_of(carry);
    struct db_value values[DB_COLUMNS_MAX];
    struct db_row row = { values, table->columns_count };
    sqlite3_stmt *stmt;
    enum err err = OK;
    int code = SQLITE_DONE;
    buf_clear(&side->sql);
    buf_put(&side->sql, STR("SELECT "));
    db_carry_columns_put(&side->sql, table);
    buf_printf(&side->sql, " FROM \"%s\"", table->name);
    buf_put_char(&side->sql, 0);
    TRY(prepare(side, side->sql.ptr, &stmt));
    while (err == OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (unsigned i = 0; i < table->columns_count; i++)
            values[i] = value_of(stmt, (int)i);
        err = fn(&row, arg);
    }
    if (err == OK && code != SQLITE_DONE)
        err = fail(side, code);
    sqlite3_finalize(stmt);
    return err;
}

static enum err carry_write_begin(struct db_carry *carry, const struct db_carry_table *table)
{
    struct side *side = side_of(carry);
    buf_clear(&side->sql);
    buf_printf(&side->sql, "INSERT INTO \"%s\" (", table->name);
    db_carry_columns_put(&side->sql, table);
    for (unsigned i = 0; i < table->columns_count; i++)
        buf_put(&side->sql, i ? STR(", ?") : STR(") VALUES (?"));
    buf_put(&side->sql, STR(")"));
    buf_put_char(&side->sql, 0);
    sqlite3_finalize(side->insert);
    side->insert = NULL;
    return prepare(side, side->sql.ptr, &side->insert);
}

static int bind(sqlite3_stmt *stmt, int number, const struct db_value *value)
{
    const char *bytes = value->bytes.len ? value->bytes.ptr : "";
    switch (value->kind) {
    case DB_KIND_I64:
        return sqlite3_bind_int64(stmt, number, value->i64);
    case DB_KIND_F64:
        return sqlite3_bind_double(stmt, number, value->f64);
    case DB_KIND_TEXT:
        return sqlite3_bind_text(stmt, number, bytes, (int)value->bytes.len, SQLITE_STATIC);
    case DB_KIND_BLOB:
        return sqlite3_bind_blob(stmt, number, bytes, (int)value->bytes.len, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, number);
    }
}

static enum err carry_write_row(struct db_carry *carry, const struct db_row *row)
{
    struct side *side = side_of(carry);
    int code = SQLITE_OK;
    for (unsigned i = 0; code == SQLITE_OK && i < row->columns_count; i++)
        code = bind(side->insert, (int)i + 1, &row->values[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(side->insert);
    enum err err = code == SQLITE_DONE ? OK : fail(side, code);
    sqlite3_reset(side->insert);
    return err;
}

/* Tables with AUTOINCREMENT never give an id twice, not even a removed row's. */
static enum err carry_write_end(struct db_carry *carry, const struct db_carry_table *table)
{
    struct side *side = side_of(carry);
    buf_clear(&side->sql);
    buf_printf(&side->sql,
               "DELETE FROM sqlite_sequence WHERE name = '%s' AND seq < %lld;"
               "INSERT INTO sqlite_sequence (name, seq) SELECT name, %lld FROM sqlite_master "
               "WHERE name = '%s' AND sql LIKE '%%AUTOINCREMENT%%' AND %lld > 0 "
               "AND name NOT IN (SELECT name FROM sqlite_sequence)",
               table->name, (long long)table->last_id, (long long)table->last_id, table->name,
               (long long)table->last_id);
    buf_put_char(&side->sql, 0);
    return run(side, side->sql.ptr);
}

static enum err carry_commit(struct db_carry *carry)
{
    struct side *side = side_of(carry);
    sqlite3_stmt *stmt;
    TRY(prepare(side, "PRAGMA foreign_key_check", &stmt));
    int code = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    if (code == SQLITE_ROW)
        return err_set(ERR_CORRUPT, "carry-differs", "a row refers to one that is not there");
    return run(side, "COMMIT");
}

const struct db_carrier sqlite_carrier = {
    .open = carry_open,
    .tables = carry_tables,
    .read = carry_read,
    .write_begin = carry_write_begin,
    .write_row = carry_write_row,
    .write_end = carry_write_end,
    .commit = carry_commit,
    .close = carry_close,
};
