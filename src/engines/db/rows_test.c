/* Tests of rows as records. */
#include "db.h"

#include "foundation/shape/shape.h"
#include "foundation/test/test.h"

struct film {
    struct id id;
    str name;
    opt_i64 year;
    LIST_OF(str) genres; /* no column */
    bool playable;
    instant added_at;
    double score;
};
SHAPE(film_shape, struct film, FIELD(struct film, id), FIELD(struct film, name),
      FIELD(struct film, year), FIELD_LIST(struct film, genres), FIELD(struct film, playable),
      FIELD_TIME(struct film, added_at), FIELD(struct film, score));

TEST(a_record_goes_to_columns_and_back)
{
    struct arena arena;
    arena_init(&arena, KIB(16));
    struct film film = { .id = { 42 },
                         .name = STR("Metropolis"),
                         .year = OPT(i64, 1927),
                         .playable = true,
                         .added_at = 1795255200000000,
                         .score = 0.5 };
    struct film back = { 0 };
    struct db_args args = db_args_of(&arena, &film_shape, &film);
    CHECK_INT(args.count, 6);
    CHECK_INT(args.values[0].i64, 42);
    struct db_row row = { args.values, args.count };
    CHECK_OK(db_row_read(&row, &film_shape, &back));
    CHECK_INT(back.id.value, 42);
    CHECK_STR(back.name, film.name);
    CHECK_INT(back.year.value, 1927);
    CHECK(back.playable);
    CHECK_INT(back.added_at, film.added_at);
    CHECK(back.score == 0.5);
    arena_deinit(&arena);
}

TEST(absent_values_are_null)
{
    struct arena arena;
    arena_init(&arena, KIB(16));
    struct film film = { .name = STR("") }, back = { .year = OPT(i64, 1) };
    struct db_args args = db_args_of(&arena, &film_shape, &film);
    CHECK_INT(args.values[2].kind, DB_KIND_NULL);
    struct db_row row = { args.values, args.count };
    CHECK_OK(db_row_read(&row, &film_shape, &back));
    CHECK(back.year.state != OPT_SET);
    arena_deinit(&arena);
}

TEST(a_column_of_another_kind_is_corrupt)
{
    struct film film;
    struct db_value values[] = { DB_I64(1), DB_I64(2), DB_NULL, DB_I64(1), DB_I64(1), DB_F64(1) };
    struct db_row row = { values, ARRAY_LEN(values) };
    CHECK_ERR(db_row_read(&row, &film_shape, &film), ERR_CORRUPT);
}
