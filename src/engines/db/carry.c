/*
 * carry: a whole database into another, whatever the drivers: tables and columns are those the
 * databases have. One transaction on the other side, so that an attempt that was cut off leaves
 * nothing. Rows are compared as multisets: their number and the sum of their SHA-256.
 */
#include "driver.h"

#include "foundation/mem/buf.h"
#include "foundation/mem/heap.h"

#include <openssl/sha.h>
#include <string.h>

enum { LANES = SHA256_DIGEST_LENGTH / 8, ROW_BYTES_MAX = 64 << 20 };

struct digest {
    uint64_t rows, lanes[LANES];
};

struct side {
    const struct db_carrier *carrier;
    struct db_carry *carry;
    struct db_carry_table *tables;
    unsigned count;
};

struct carrying {
    struct side from, to;
    struct digest *digests; /* of what was read, by table */
    struct digest *digest;
    struct buf row;
    bool writes;
    struct db_carried carried;
};

void db_carry_columns_put(struct buf *sql, const struct db_carry_table *table)
{
    for (unsigned i = 0; i < table->columns_count; i++)
        buf_printf(sql, "%s\"%s\"", i ? ", " : "", table->columns[i]);
}

/* The history of migrations is each database's own, and so is what it tells other processes. */
static bool is_carried(const char *name)
{
    return strcmp(name, "schema_migrations") != 0 && strcmp(name, "changes") != 0;
}

/* --- Rows ----------------------------------------------------------------------------------- */

static void put_number(struct buf *out, uint64_t number)
{
    buf_put(out, (str){ (const char *)&number, sizeof(number) });
}

static void put_value(struct buf *out, const struct db_value *value)
{
    uint64_t bits = 0;
    buf_put_char(out, (char)value->kind);
    if (value->kind == DB_KIND_I64 || value->kind == DB_KIND_F64) {
        memcpy(&bits, &value->i64, sizeof(bits));
        put_number(out, bits);
    } else if (value->kind != DB_KIND_NULL) {
        put_number(out, value->bytes.len);
        buf_put(out, value->bytes);
    }
}

static enum err row_take(const struct db_row *row, void *arg)
{
    struct carrying *carrying = arg;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    buf_clear(&carrying->row);
    for (unsigned i = 0; i < row->columns_count; i++)
        put_value(&carrying->row, &row->values[i]);
    if (carrying->row.overflowed)
        return err_set(ERR_TOO_LARGE, "carry-row", "a row is larger than %d bytes", ROW_BYTES_MAX);
    SHA256((const unsigned char *)carrying->row.ptr, carrying->row.len, hash);
    for (unsigned i = 0; i < LANES; i++) {
        uint64_t lane;
        memcpy(&lane, hash + sizeof(lane) * i, sizeof(lane));
        carrying->digest->lanes[i] += lane;
    }
    carrying->digest->rows++;
    return carrying->writes ? carrying->to.carrier->write_row(carrying->to.carry, row) : OK;
}

static enum err side_read(struct carrying *carrying, struct side *side, unsigned table,
                          struct digest *out)
{
    *out = (struct digest){ 0 };
    carrying->digest = out;
    return side->carrier->read(side->carry, &side->tables[table], row_take, carrying);
}

/* --- Tables --------------------------------------------------------------------------------- */

static enum err side_open(struct side *side, struct db *db, bool writes)
{
    side->carrier = db->driver->carrier;
    side->tables = HEAP_ARRAY(CARRY_TABLES_MAX, struct db_carry_table);
    TRY(side->carrier->open(db, writes, &side->carry));
    TRY(side->carrier->tables(side->carry, side->tables, &side->count));
    unsigned kept = 0;
    for (unsigned i = 0; i < side->count; i++)
        if (is_carried(side->tables[i].name))
            side->tables[kept++] = side->tables[i];
    side->count = kept;
    return OK;
}

static void side_close(struct side *side)
{
    if (side->carry)
        side->carrier->close(side->carry);
    heap_free(side->tables);
}

static bool same_table(const struct db_carry_table *a, const struct db_carry_table *b)
{
    if (strcmp(a->name, b->name) != 0 || a->columns_count != b->columns_count)
        return false;
    for (unsigned i = 0; i < a->columns_count; i++)
        if (strcmp(a->columns[i], b->columns[i]) != 0)
            return false;
    return true;
}

static enum err tables_check(struct carrying *carrying)
{
    struct side *from = &carrying->from, *to = &carrying->to;
    bool same = from->count == to->count;
    for (unsigned i = 0; same && i < from->count; i++)
        same = same_table(&from->tables[i], &to->tables[i]);
    return same ? OK
                : err_set(ERR_PRECONDITION, "carry-schema",
                          "the two databases do not have the same tables");
}

static enum err table_check(struct carrying *carrying, unsigned table)
{
    struct digest there;
    TRY(side_read(carrying, &carrying->to, table, &there));
    if (memcmp(&there, &carrying->digests[table], sizeof(there)) == 0)
        return OK;
    return err_set(ERR_CORRUPT, "carry-differs", "table %s came over with other rows",
                   carrying->from.tables[table].name);
}

static enum err rows_there(struct carrying *carrying, uint64_t *out_rows)
{
    *out_rows = 0;
    for (unsigned i = 0; i < carrying->to.count; i++) {
        struct digest digest;
        TRY(side_read(carrying, &carrying->to, i, &digest));
        *out_rows += digest.rows;
    }
    return OK;
}

static enum err table_copy(struct carrying *carrying, unsigned table)
{
    struct side *from = &carrying->from, *to = &carrying->to;
    TRY(to->carrier->write_begin(to->carry, &from->tables[table]));
    carrying->writes = true;
    enum err err = side_read(carrying, from, table, &carrying->digests[table]);
    carrying->writes = false;
    TRY(err);
    return to->carrier->write_end(to->carry, &from->tables[table]);
}

/* What is there must be this database's: then an earlier attempt had come to its end. */
static enum err compare_all(struct carrying *carrying)
{
    for (unsigned i = 0; i < carrying->from.count; i++) {
        TRY(side_read(carrying, &carrying->from, i, &carrying->digests[i]));
        carrying->carried.rows += carrying->digests[i].rows;
        if (table_check(carrying, i) == ERR_CORRUPT)
            return err_set(ERR_PRECONDITION, "carry-not-empty",
                           "the other database is not empty: table %s holds other rows",
                           carrying->from.tables[i].name);
    }
    carrying->carried.was_there = true;
    return OK;
}

static enum err copy_all(struct carrying *carrying)
{
    for (unsigned i = 0; i < carrying->from.count; i++) {
        TRY(table_copy(carrying, i));
        carrying->carried.rows += carrying->digests[i].rows;
    }
    for (unsigned i = 0; i < carrying->from.count; i++)
        TRY(table_check(carrying, i));
    return carrying->to.carrier->commit(carrying->to.carry);
}

static enum err run(struct carrying *carrying, struct db *from, struct db *to)
{
    uint64_t rows = 0;
    TRY(side_open(&carrying->from, from, false));
    TRY(side_open(&carrying->to, to, true));
    TRY(tables_check(carrying));
    TRY(rows_there(carrying, &rows));
    carrying->carried.tables = carrying->from.count;
    return rows ? compare_all(carrying) : copy_all(carrying);
}

enum err db_carry_over(struct db *from, struct db *to, struct db_carried *out_carried)
{
    struct carrying *carrying = HEAP_NEW(struct carrying);
    carrying->digests = HEAP_ARRAY(CARRY_TABLES_MAX, struct digest);
    buf_init(&carrying->row, NULL, ROW_BYTES_MAX);
    enum err err = run(carrying, from, to);
    struct err_slot detail = *err_slot();
    side_close(&carrying->from);
    side_close(&carrying->to);
    *err_slot() = detail;
    if (err == OK)
        *out_carried = carrying->carried;
    buf_deinit(&carrying->row);
    heap_free(carrying->digests);
    heap_free(carrying);
    return err;
}
