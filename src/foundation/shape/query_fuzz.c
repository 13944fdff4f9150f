/*
 * Fuzz: query strings. What is accepted is valid UTF-8 without zero bytes, within the limits of its
 * table.
 */
#include "shape.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum order { ORDER_NONE, ORDER_ADDED, ORDER_TITLE };
SHAPE_ENUM(fuzz_orders, [ORDER_ADDED] = STR_INIT("-added"), [ORDER_TITLE] = STR_INIT("title"));

struct search {
    str q;
    opt_i64 year;
    bool all;
    double score;
    struct id id;
    opt_time since;
    enum order sort;
    uint32_t limit;
    LIST_OF(str) genre;
};
SHAPE(fuzz_search_shape, struct search, FIELD(struct search, q, .max = 10),
      FIELD(struct search, year, .min = 1888, .max = 2100), FIELD(struct search, all),
      FIELD(struct search, score, .max = 10), FIELD(struct search, id), FIELD(struct search, since),
      FIELD_ENUM(struct search, sort, fuzz_orders),
      FIELD(struct search, limit, .initial = 24, .min = 1, .max = 100),
      FIELD_LIST(struct search, genre, .format = FORMAT_SLUG, .max = 4));

static void check(const struct search *search)
{
    ASSERT(search->limit >= 1 && search->limit <= 100);
    ASSERT(search->q.len <= 40 && str_is_utf8(search->q));
    ASSERT(!search->q.len || !memchr(search->q.ptr, 0, search->q.len));
    ASSERT(search->year.state == OPT_ABSENT || search->year.value >= 1888);
    ASSERT(search->score >= 0 && search->score <= 10);
    ASSERT(search->genre.count <= 4 && search->sort <= ORDER_TITLE && search->id.value >= 0);
    for (size_t i = 0; i < search->genre.count; i++)
        ASSERT(shape_format_matches(FORMAT_SLUG, search->genre.items[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct search search;
    arena_init(&arena, MIB(4));
    str query = { (const char *)data, size_bytes };
    if (shape_parse_query(&arena, &fuzz_search_shape, query, &search) == OK)
        check(&search);
    arena_deinit(&arena);
    return 0;
}
