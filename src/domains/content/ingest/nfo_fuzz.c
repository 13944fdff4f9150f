/* nfo_fuzz: any bytes as an NFO; every text that comes out is UTF-8 and every list within its
 * bound. */
#include "nfo.h"

static void check_texts(const struct nfo_texts *texts)
{
    ASSERT(texts->count <= NFO_ITEMS_MAX);
    for (size_t i = 0; i < texts->count; i++)
        ASSERT(texts->items[i].len > 0 && str_is_utf8(texts->items[i]));
}

static void check_work(const struct nfo_work *work)
{
    ASSERT(str_is_utf8(work->title) && str_is_utf8(work->plot));
    ASSERT(work->plot.len <= NFO_TEXT_BYTES_MAX);
    ASSERT(work->premiered.len == 0 || work->premiered.len == 10);
    check_texts(&work->genres);
    check_texts(&work->writers);
    for (size_t i = 0; i < work->actors_count; i++)
        ASSERT(work->actors[i].name.len > 0 && str_is_utf8(work->actors[i].name));
    for (size_t i = 0; i < work->ids_count; i++)
        ASSERT(work->ids[i].value.len > 0 && str_is_utf8(work->ids[i].type));
    for (size_t i = 0; i < work->ratings_count; i++)
        ASSERT(work->ratings[i].value >= 0 && work->ratings[i].value <= 1000);
    for (size_t i = 0; i < work->images_count; i++)
        ASSERT(str_is_utf8(work->images[i].url) && str_is_utf8(work->images[i].aspect));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct nfo nfo;
    arena_init(&arena, MIB(64));
    if (nfo_parse(&arena, (str){ (const char *)data, size_bytes }, &nfo) == OK) {
        ASSERT(nfo.works_count <= NFO_WORKS_MAX && nfo.works_count + nfo.links_count > 0);
        ASSERT(!nfo.incomplete || nfo.warning.len > 0);
        for (size_t i = 0; i < nfo.works_count; i++)
            check_work(&nfo.works[i]);
    }
    arena_deinit(&arena);
    return 0;
}
