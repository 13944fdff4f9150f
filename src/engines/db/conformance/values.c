/* values: what is stored comes back as it was; what cannot be stored is refused the same way. */
#include "internal.h"

#include "conformance_sql.h"

#include <math.h>
#include <string.h>

struct sample {
    struct db_value values[4]; /* i, r, t, b */
    int64_t id;
};

static enum err sample_add(struct db_tx *tx, void *arg)
{
    struct sample *sample = arg;
    return db_insert(tx, &SQL_SAMPLE_ADD, (struct db_args){ sample->values, 4 }, &sample->id);
}

static struct db_row sample_store(struct db *db, struct sample *sample)
{
    struct db_row row = { 0 };
    CHECK_OK(db_tx(db, sample_add, sample));
    CHECK_OK(db_one(db_now(db), &SQL_SAMPLE_GET, DB_ARGS(DB_I64(sample->id)), &row));
    CHECK_INT(row.columns_count, 4);
    return row;
}

static void numbers_round_trip(void)
{
    static const int64_t numbers[] = { 0, 1, -1, INT32_MAX, INT64_MAX, INT64_MIN, 1LL << 53 };
    static const double reals[] = { 0.0, -1.5, 1e308, -2.2250738585072014e-308, 0.1, INFINITY };
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct sample sample = { .values = { DB_I64(numbers[i]), DB_NULL, DB_NULL, DB_NULL } };
        struct db_row row = sample_store(f.db, &sample);
        CHECK_INT(db_i64(&row, 0), numbers[i]);
        CHECK(db_null(&row, 1) && db_null(&row, 2) && db_null(&row, 3));
    }
    for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
        struct sample sample = { .values = { DB_NULL, DB_F64(reals[i]), DB_NULL, DB_NULL } };
        struct db_row row = sample_store(f.db, &sample);
        CHECK(db_f64(&row, 1) == reals[i]);
        CHECK(db_null(&row, 0));
    }
    database_close(&f);
}

static void texts_round_trip(void)
{
    static const char *const texts[] = {
        "", "film", "Кинобездна", "\xF0\x9F\x8E\xAC", "a'b\"c\\", "line\nline\ttab", "?1 $1 :name"
    };
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sample sample = { .values = { DB_NULL, DB_NULL, DB_TEXT(str_of(texts[i])),
                                             DB_BLOB(str_of(texts[i])) } };
        struct db_row row = sample_store(f.db, &sample);
        CHECK_STR(db_text(&row, 2), str_of(texts[i]));
        CHECK_STR(db_blob(&row, 3), str_of(texts[i]));
        CHECK_INT(db_text(&row, 2).ptr[db_text(&row, 2).len], 0);
        CHECK(!db_null(&row, 2) && !db_null(&row, 3)); /* empty is not NULL */
    }
    database_close(&f);
}

static void blobs_keep_every_byte(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    size_t len = KIB(300);
    char *bytes = arena_alloc(&f.arena, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 >> 3);
    struct sample sample = { .values = { DB_NULL, DB_NULL, DB_NULL,
                                         DB_BLOB(((str){ bytes, len })) } };
    struct db_row row = sample_store(f.db, &sample);
    CHECK_STR(db_blob(&row, 3), ((str){ bytes, len }));
    database_close(&f);
}

static void times_and_booleans(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct sample sample = { .values = { DB_TIME(1795255200000001), DB_NULL, DB_NULL, DB_NULL } };
    struct db_row row = sample_store(f.db, &sample);
    CHECK_INT(db_at(&row, 0), 1795255200000001);
    sample.values[0] = DB_TIME(INSTANT_NEVER);
    row = sample_store(f.db, &sample);
    CHECK(db_null(&row, 0));
    CHECK(db_at(&row, 0) == INSTANT_NEVER);
    sample.values[0] = DB_BOOL(true);
    row = sample_store(f.db, &sample);
    CHECK(db_bool(&row, 0));
    database_close(&f);
}

static void values_that_are_refused(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct db_value bad[] = { DB_TEXT(STR("\xff\xfe")), DB_TEXT(STR("a\0b")),
                              DB_TEXT(STR("\xed\xa0\x80")) };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sample sample = { .values = { DB_NULL, DB_NULL, bad[i], DB_NULL } };
        CHECK_ERR(db_tx(f.db, sample_add, &sample), ERR_INVALID);
        CHECK_STR(str_of(err_slot()->slug), STR("value"));
    }
    struct sample sample = { .values = { DB_NULL, DB_F64(NAN), DB_NULL, DB_NULL } };
    CHECK_ERR(db_tx(f.db, sample_add, &sample), ERR_INVALID);
    database_close(&f);
}

static void check_conflict(struct db *db, db_tx_fn fn, void *arg, const char *slug)
{
    CHECK_ERR(db_tx(db, fn, arg), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
}

static enum err name_missing(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &SQL_ITEM_ADD, DB_ARGS(DB_NULL, DB_I64(1), DB_NULL), NULL);
}

static enum err text_as_number(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &SQL_ITEM_ADD, DB_ARGS(DB_TEXT(STR("x")), DB_TEXT(STR("many")), DB_NULL),
                   NULL);
}

static void constraints_are_conflicts(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct item_new item = { .name = "one", .score = 1 };
    CHECK_OK(db_tx(f.db, item_add, &item));
    check_conflict(f.db, item_add, &item, "unique");
    item = (struct item_new){ .name = "two", .score = -1 };
    check_conflict(f.db, item_add, &item, "check");
    item = (struct item_new){ .name = "three", .parent_id = 999 };
    check_conflict(f.db, item_add, &item, "foreign-key");
    check_conflict(f.db, name_missing, NULL, "not-null");
    check_conflict(f.db, text_as_number, NULL, "datatype");
    CHECK_INT(items_count(f.db), 1);
    database_close(&f);
}

void register_values(void)
{
    test_register("db_numbers_round_trip", __FILE__, numbers_round_trip);
    test_register("db_texts_round_trip", __FILE__, texts_round_trip);
    test_register("db_blobs_keep_every_byte", __FILE__, blobs_keep_every_byte);
    test_register("db_times_and_booleans", __FILE__, times_and_booleans);
    test_register("db_values_that_are_refused", __FILE__, values_that_are_refused);
    test_register("db_constraints_are_conflicts", __FILE__, constraints_are_conflicts);
}
