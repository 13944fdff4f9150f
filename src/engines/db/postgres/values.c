/*
 * values: arguments and rows in PostgreSQL's binary formats (src/backend/utils/adt: *send, *recv):
 * big-endian integers and IEEE doubles, texts and bytes as they are.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* pg_type.dat */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_NUMERIC = 1700
};

static void be_put(char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (char)(value >> 8 * (bytes - 1 - i));
}

static uint64_t be_get(const char *in, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)in[i];
    return value;
}

/* --- Arguments ----------------------------------------------------------------------------------
 */

static bool is_text(Oid type)
{
    return type == OID_TEXT || type == OID_VARCHAR || type == OID_BPCHAR || type == OID_NAME ||
           type == OID_JSON || type == OID_UNKNOWN;
}

static unsigned integer_bytes(Oid type)
{
    return type == OID_INT8 ? 8 : type == OID_INT4 ? 4 : type == OID_INT2 ? 2 : 0;
}

static bool integer_fits(int64_t value, unsigned bytes)
{
    return bytes == 8 ||
           (value >= -((int64_t)1 << (8 * bytes - 1)) && value < (int64_t)1 << (8 * bytes - 1));
}

static int float8_put(char *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    be_put(out, bits, 8);
    return 8;
}

/* The bytes written to `number`; -1: text with a zero; 0: the kinds do not fit. */
static int integer_encode(int64_t value, Oid type, char number[24])
{
    unsigned bytes = integer_bytes(type);
    if (bytes && integer_fits(value, bytes)) {
        be_put(number, (uint64_t)value, bytes);
        return (int)bytes;
    }
    if (type == OID_BOOL && (value == 0 || value == 1)) {
        number[0] = (char)value;
        return 1;
    }
    if (type == OID_FLOAT8)
        return float8_put(number, (double)value);
    if (type != OID_NUMERIC)
        return 0;
    snprintf(number, 24, "%" PRId64, value);
    return -1;
}

static int real_encode(double value, Oid type, char number[24])
{
    if (type == OID_FLOAT8)
        return float8_put(number, value);
    if (type != OID_NUMERIC)
        return 0;
    snprintf(number, 24, "%.16g", value);
    return -1;
}

static bool value_encode(const struct db_value *value, Oid type, struct encoded *out, unsigned at)
{
    const char *bytes = value->bytes.ptr ? value->bytes.ptr : "";
    int len = 0;
    out->formats[at] = 1;
    out->values[at] = out->numbers[at];
    switch (value->kind) {
    case DB_KIND_NULL:
        out->values[at] = NULL;
        out->lengths[at] = 0;
        return true;
    case DB_KIND_I64:
        len = integer_encode(value->i64, type, out->numbers[at]);
        break;
    case DB_KIND_F64:
        len = real_encode(value->f64, type, out->numbers[at]);
        break;
    case DB_KIND_TEXT:
    case DB_KIND_BLOB:
        out->values[at] = bytes;
        out->lengths[at] = (int)value->bytes.len;
        return value->kind == DB_KIND_TEXT ? is_text(type) : type == OID_BYTEA;
    }
    out->formats[at] = len > 0;
    out->lengths[at] = MAX_OF(len, 0);
    return len != 0;
}

enum err pg_values_encode(const struct db_query *query, struct db_args args,
                          const struct types *types, struct encoded *out)
{
    ASSERT(args.count == types->count);
    for (unsigned i = 0; i < args.count; i++) {
        const struct db_value *value = &args.values[i];
        if ((value->kind == DB_KIND_TEXT || value->kind == DB_KIND_BLOB) &&
            value->bytes.len > (size_t)INT32_MAX)
            return err_set(ERR_TOO_LARGE, "value-too-large", "%s: ?%u is too large", query->name,
                           i + 1);
        if (!value_encode(value, types->oids[i], out, i))
            return err_set(ERR_CONFLICT, "datatype", "%s: ?%u is not of the parameter's type",
                           query->name, i + 1);
    }
    return OK;
}

/* --- Rows ---------------------------------------------------------------------------------------
 */

/*
 * numeric_send: digits of base 10000 behind four 16-bit words: their count, the weight of the
 * first, the sign, the scale. Sums of integers come as numeric.
 */
static struct db_value numeric_of(const char *in, int len)
{
    unsigned count = len >= 8 ? (unsigned)be_get(in, 2) : 0;
    int weight = len >= 8 ? (int16_t)be_get(in + 2, 2) : 0;
    bool negative = len >= 8 && be_get(in + 4, 2) == 0x4000;
    bool whole = true, fits = true;
    int64_t number = 0;
    double real = 0, unit = 1;
    for (int i = -1; i > weight; i--)
        unit /= 10000;
    for (unsigned i = 0; i < count && (int)(8 + 2 * i + 2) <= len; i++) {
        int digit = (int)be_get(in + 8 + 2 * (size_t)i, 2);
        if ((int)i > weight) {
            whole = false;
            unit /= 10000;
            real += digit * unit;
            continue;
        }
        real = real * 10000 + digit;
        fits = fits && !__builtin_mul_overflow(number, (int64_t)10000, &number) &&
               !__builtin_sub_overflow(number, (int64_t)digit, &number);
    }
    for (int i = (int)count; i <= weight; i++) {
        real *= 10000;
        fits = fits && !__builtin_mul_overflow(number, (int64_t)10000, &number);
    }
    if (whole && fits && (negative || number != INT64_MIN))
        return DB_I64(negative ? number : -number); /* summed below zero, where there is one more */
    return DB_F64(negative ? -real : real);
}

static struct db_value float_of(const char *in, int len)
{
    if (len == 4) {
        float narrow;
        uint32_t bits = (uint32_t)be_get(in, 4);
        memcpy(&narrow, &bits, sizeof(bits));
        return DB_F64((double)narrow);
    }
    double value;
    uint64_t bits = be_get(in, 8);
    memcpy(&value, &bits, sizeof(bits));
    return DB_F64(value);
}

static struct db_value value_of(const PGresult *result, int row, int column)
{
    const char *in = PQgetvalue(result, row, column);
    int len = PQgetlength(result, row, column);
    if (PQgetisnull(result, row, column))
        return DB_NULL;
    Oid type = PQftype(result, column);
    switch (type) {
    case OID_BOOL:
        return DB_I64(in[0] != 0);
    case OID_INT8:
        return DB_I64((int64_t)be_get(in, 8));
    case OID_INT4:
        return DB_I64((int32_t)be_get(in, 4));
    case OID_INT2:
        return DB_I64((int16_t)be_get(in, 2));
    case OID_FLOAT4:
    case OID_FLOAT8:
        return float_of(in, len);
    case OID_NUMERIC:
        return numeric_of(in, len);
    case OID_BYTEA:
        return DB_BLOB(((str){ in, (size_t)len }));
    default:
        if (!is_text(type))
            PANIC("a column is of PostgreSQL's type %u, which has no kind of value", type);
        return DB_TEXT(((str){ in, (size_t)len }));
    }
}

enum err pg_values_walk(const PGresult *result, struct db_call *call)
{
    int rows = PQntuples(result), columns = PQnfields(result);
    struct db_value values[DB_COLUMNS_MAX];
    ASSERT(columns <= DB_COLUMNS_MAX);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++)
            values[column] = value_of(result, row, column);
        struct db_row shown = { values, (unsigned)columns };
        TRY(call->row(&shown, call->row_arg));
    }
    return OK;
}
