/*
 * carry: PostgreSQL's side of carrying a database over, on a connection of its own. Rows come one
 * at a time as text and go by COPY. Foreign keys are deferred to the end of the transaction,
 * because tables and rows come in any order.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_TEXT_MAX = 256 << 20, SQL_BYTES = 16 << 10, KEYS_MAX = 128, KEY_SQL = 512 };
/* pg_type.dat: the types that the dialect has. */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_FLOAT8 = 701 };

struct side {
    struct db_carry base;
    PGconn *handle;
    struct buf sql, row;
    unsigned keys_count;
    char keys[KEYS_MAX][KEY_SQL]; /* ALTER TABLE … ALTER CONSTRAINT … */
};

static struct side *side_of(struct db_carry *carry)
{
    return (struct side *)carry;
}

static enum err fail(struct side *side, const PGresult *result)
{
    const struct pg_db *db = pg_of(side->base.db);
    return PQstatus(side->handle) == CONNECTION_BAD ? pg_error_lost(db, "carry")
                                                    : pg_error_set(db, result, "carry");
}

static enum err ask(struct side *side, const char *sql, PGresult **out_result)
{
    PGresult *result = PQexec(side->handle, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
        enum err err = fail(side, result);
        PQclear(result);
        return err;
    }
    if (out_result)
        *out_result = result;
    else
        PQclear(result);
    return OK;
}

static enum err ask_of(struct side *side, PGresult **out_result)
{
    buf_put_char(&side->sql, 0);
    return ask(side, side->sql.ptr, out_result);
}

/* --- Opening -------------------------------------------------------------------------------------
 */

static enum err keys_defer(struct side *side)
{
    PGresult *rows = NULL;
    TRY(ask(side,
            "SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I', conrelid::regclass, conname) "
            "FROM pg_constraint WHERE contype = 'f' "
            "AND connamespace = current_schema()::regnamespace",
            &rows));
    int count = PQntuples(rows);
    enum err err = count > KEYS_MAX ? err_set(ERR_TOO_LARGE, "carry-schema", "too many keys") : OK;
    for (int i = 0; err == OK && i < count; i++) {
        snprintf(side->keys[side->keys_count++], KEY_SQL, "%s", PQgetvalue(rows, i, 0));
        buf_clear(&side->sql);
        buf_printf(&side->sql, "%s DEFERRABLE INITIALLY DEFERRED", side->keys[i]);
        err = ask_of(side, NULL);
    }
    PQclear(rows);
    return err;
}

/* Nobody else writes; everybody may read. */
static enum err tables_lock(struct side *side)
{
    PGresult *rows = NULL;
    TRY(ask(side,
            "SELECT format('LOCK TABLE %s IN SHARE MODE', string_agg(format('%I', relname), ', ')) "
            "FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
            "AND relname NOT IN ('changes', 'schema_migrations')",
            &rows));
    enum err err = ask(side, PQgetvalue(rows, 0, 0), NULL);
    PQclear(rows);
    return err;
}

static void carry_close(struct db_carry *carry)
{
    struct side *side = side_of(carry);
    PQfinish(side->handle);
    buf_deinit(&side->sql);
    buf_deinit(&side->row);
    heap_free(side);
}

static enum err begin(struct side *side)
{
    struct pg_db *db = pg_of(side->base.db);
    TRY(pg_place_connect(db, USE_PLAIN, &side->handle));
    buf_printf(&side->sql,
               "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path TO \"%s\"; "
               "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'; "
               "SET LOCAL idle_in_transaction_session_timeout = 0; "
               "SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'",
               db->base.context);
    TRY(ask_of(side, NULL));
    return side->base.writes ? keys_defer(side) : tables_lock(side);
}

static enum err carry_open(struct db *db, bool writes, struct db_carry **out_carry)
{
    struct side *side = HEAP_NEW(struct side);
    side->base = (struct db_carry){ .db = db, .writes = writes };
    buf_init(&side->sql, NULL, SQL_BYTES);
    buf_init(&side->row, NULL, ROW_TEXT_MAX);
    enum err err = begin(side);
    if (err != OK) {
        carry_close(&side->base);
        return err;
    }
    *out_carry = &side->base;
    return OK;
}

/* --- Tables --------------------------------------------------------------------------------------
 */

static enum err number_of(struct side *side, int64_t *out)
{
    PGresult *rows = NULL;
    TRY(ask_of(side, &rows));
    *out = PQntuples(rows) ? strtoll(PQgetvalue(rows, 0, 0), NULL, 10) : 0;
    PQclear(rows);
    return OK;
}

/* `sequence` is quoted as it must be. */
static enum err last_id_get(struct side *side, const char *sequence, int64_t *out)
{
    buf_clear(&side->sql);
    buf_printf(&side->sql, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM %s",
               sequence);
    return number_of(side, out);
}

static enum err column_add(struct side *side, const PGresult *rows, int row,
                           struct db_carry_table *tables, unsigned *count)
{
    const char *name = PQgetvalue(rows, row, 0), *column = PQgetvalue(rows, row, 1);
    struct db_carry_table *table = *count ? &tables[*count - 1] : NULL;
    if (!table || strcmp(table->name, name) != 0) {
        if (*count == CARRY_TABLES_MAX)
            return err_set(ERR_TOO_LARGE, "carry-schema", "there are too many tables");
        table = &tables[(*count)++];
        *table = (struct db_carry_table){ .last_id = 0 };
        snprintf(table->name, sizeof(table->name), "%s", name);
    }
    if (table->columns_count == DB_COLUMNS_MAX)
        return err_set(ERR_TOO_LARGE, "carry-schema", "%s has too many columns", name);
    snprintf(table->columns[table->columns_count++], CARRY_NAME, "%s", column);
    return PQgetisnull(rows, row, 2) ? OK
                                     : last_id_get(side, PQgetvalue(rows, row, 2), &table->last_id);
}

static enum err carry_tables(struct db_carry *carry, struct db_carry_table *out_tables,
                             unsigned *out_count)
{
    struct side *side = side_of(carry);
    PGresult *rows = NULL;
    enum err err = OK;
    *out_count = 0;
    TRY(ask(side,
            "SELECT c.relname, a.attname, CASE WHEN a.attidentity <> '' THEN "
            "pg_get_serial_sequence(format('%I', c.relname), a.attname) END "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace "
            "AND a.attnum > 0 AND NOT a.attisdropped "
            "ORDER BY c.relname COLLATE \"C\", a.attname COLLATE \"C\"",
            &rows));
    for (int row = 0; err == OK && row < PQntuples(rows); row++)
        err = column_add(side, rows, row, out_tables, out_count);
    PQclear(rows);
    return err;
}

/* --- Reading -------------------------------------------------------------------------------------
 */

static int hex_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* "\x00ff" in place: the answer is ours. */
static str bytes_of_hex(char *text, size_t len)
{
    size_t count = len >= 2 ? (len - 2) / 2 : 0;
    for (size_t i = 0; i < count; i++)
        text[i] = (char)(hex_of(text[2 + 2 * i]) << 4 | hex_of(text[3 + 2 * i]));
    return (str){ text, count };
}

static struct db_value value_of(const PGresult *result, int column)
{
    char *text = PQgetvalue(result, 0, column);
    size_t len = (size_t)PQgetlength(result, 0, column);
    if (PQgetisnull(result, 0, column))
        return DB_NULL;
    switch (PQftype(result, column)) {
    case OID_INT8:
    case OID_INT4:
        return DB_I64(strtoll(text, NULL, 10));
    case OID_FLOAT8:
        return DB_F64(strtod(text, NULL));
    case OID_BYTEA:
        return DB_BLOB(bytes_of_hex(text, len));
    default:
        return DB_TEXT(((str){ text, len }));
    }
}

static enum err row_hand_over(const PGresult *result, db_row_fn fn, void *arg)
{
    struct db_value values[DB_COLUMNS_MAX];
    struct db_row row = { values, (unsigned)PQnfields(result) };
    for (unsigned i = 0; i < row.columns_count; i++)
        values[i] = value_of(result, (int)i);
    return fn(&row, arg);
}

static enum err carry_read(struct db_carry *carry, const struct db_carry_table *table, db_row_fn fn,
                           void *arg)
{
    struct side *side = side_of(carry);
    PGresult *result;
    enum err err = OK;
    buf_clear(&side->sql);
    buf_put(&side->sql, STR("SELECT "));
    db_carry_columns_put(&side->sql, table);
    buf_printf(&side->sql, " FROM \"%s\"", table->name);
    buf_put_char(&side->sql, 0);
    if (!PQsendQuery(side->handle, side->sql.ptr) || !PQsetSingleRowMode(side->handle))
        return pg_error_lost(pg_of(side->base.db), "carry");
    while ((result = PQgetResult(side->handle)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (err == OK && status == PGRES_SINGLE_TUPLE)
            err = row_hand_over(result, fn, arg);
        else if (err == OK && status != PGRES_TUPLES_OK)
            err = fail(side, result);
        PQclear(result);
    }
    return err;
}

/* --- Writing -------------------------------------------------------------------------------------
 */

static enum err carry_write_begin(struct db_carry *carry, const struct db_carry_table *table)
{
    struct side *side = side_of(carry);
    buf_clear(&side->sql);
    buf_printf(&side->sql, "COPY \"%s\" (", table->name);
    db_carry_columns_put(&side->sql, table);
    buf_put(&side->sql, STR(") FROM STDIN"));
    return ask_of(side, NULL);
}

/* PostgreSQL's manual, COPY, "Text Format". */
static void text_put(struct buf *out, str text)
{
    static const char special[] = "\\\n\r\t", letters[] = "\\nrt";
    for (size_t i = 0; i < text.len; i++) {
        const char *found = memchr(special, text.ptr[i], sizeof(special) - 1);
        if (found)
            buf_put_char(out, '\\');
        buf_put_char(out, found ? letters[found - special] : text.ptr[i]);
    }
}

static void value_put(struct buf *out, const struct db_value *value)
{
    static const char digits[] = "0123456789abcdef";
    switch (value->kind) {
    case DB_KIND_I64:
        buf_printf(out, "%" PRId64, value->i64);
        break;
    case DB_KIND_F64:
        buf_printf(out, "%.17g", value->f64);
        break;
    case DB_KIND_TEXT:
        text_put(out, value->bytes);
        break;
    case DB_KIND_BLOB:
        buf_put(out, STR("\\\\x"));
        for (size_t i = 0; i < value->bytes.len; i++) {
            buf_put_char(out, digits[(unsigned char)value->bytes.ptr[i] >> 4]);
            buf_put_char(out, digits[(unsigned char)value->bytes.ptr[i] & 15]);
        }
        break;
    default:
        buf_put(out, STR("\\N"));
    }
}

static enum err carry_write_row(struct db_carry *carry, const struct db_row *row)
{
    struct side *side = side_of(carry);
    buf_clear(&side->row);
    for (unsigned i = 0; i < row->columns_count; i++) {
        if (i)
            buf_put_char(&side->row, '\t');
        value_put(&side->row, &row->values[i]);
    }
    buf_put_char(&side->row, '\n');
    if (side->row.overflowed)
        return err_set(ERR_TOO_LARGE, "carry-row", "a row is larger than %d bytes", ROW_TEXT_MAX);
    if (PQputCopyData(side->handle, side->row.ptr, (int)side->row.len) != 1)
        return pg_error_lost(pg_of(side->base.db), "carry");
    return OK;
}

static enum err copy_end(struct side *side)
{
    PGresult *result;
    enum err err = OK;
    if (PQputCopyEnd(side->handle, NULL) != 1)
        return pg_error_lost(pg_of(side->base.db), "carry");
    while ((result = PQgetResult(side->handle)) != NULL) {
        if (err == OK && PQresultStatus(result) != PGRES_COMMAND_OK)
            err = fail(side, result);
        PQclear(result);
    }
    return err;
}

/* An identity begins above what it has given, and above all that is there. */
static enum err carry_write_end(struct db_carry *carry, const struct db_carry_table *table)
{
    struct side *side = side_of(carry);
    PGresult *rows = NULL;
    TRY(copy_end(side));
    buf_clear(&side->sql);
    buf_printf(&side->sql,
               "SELECT format('SELECT setval(%%L, m, true) FROM (SELECT GREATEST(%" PRId64
               ", COALESCE(max(%%I), 0)) AS m FROM %%I) AS ids WHERE m > 0', "
               "pg_get_serial_sequence(format('%%I', c.relname), a.attname), a.attname, c.relname) "
               "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = '%s' "
               "AND c.relnamespace = current_schema()::regnamespace AND a.attidentity <> ''",
               table->last_id, table->name);
    TRY(ask_of(side, &rows));
    enum err err = PQntuples(rows) ? ask(side, PQgetvalue(rows, 0, 0), NULL) : OK;
    PQclear(rows);
    return err;
}

static enum err carry_commit(struct db_carry *carry)
{
    struct side *side = side_of(carry);
    TRY(ask(side, "SET CONSTRAINTS ALL IMMEDIATE", NULL));
    for (unsigned i = 0; i < side->keys_count; i++) {
        buf_clear(&side->sql);
        buf_printf(&side->sql, "%s NOT DEFERRABLE", side->keys[i]);
        TRY(ask_of(side, NULL));
    }
    return ask(side, "COMMIT", NULL);
}

const struct db_carrier pg_carrier = {
    .open = carry_open,
    .tables = carry_tables,
    .read = carry_read,
    .write_begin = carry_write_begin,
    .write_row = carry_write_row,
    .write_end = carry_write_end,
    .commit = carry_commit,
    .close = carry_close,
};
