/* Any bytes as the head of a second track: an error, or a film whose pieces follow each other. */
#include "progressive.h"

#include "media/fixture/film.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct index fuzz_index(struct arena *arena, str *out_head)
{
    struct film film = film_video(30);
    uint64_t file_bytes;
    str bytes;
    struct index index;
    *out_head = film_head(arena, &film, &file_bytes);
    struct index_params params = { .head = *out_head,
                                   .file_size_bytes = file_bytes,
                                   .target_ms = 500 };
    ASSERT(index_build(arena, &params, &bytes) == OK);
    ASSERT(index_open(bytes, &index) == OK);
    return index;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena own;
    static struct index index;
    static str head;
    struct arena arena;
    struct progressive film;
    if (!head.ptr) {
        arena_init(&own, MIB(4));
        index = fuzz_index(&own, &head);
    }
    arena_init(&arena, MIB(8));
    struct progressive_track tracks[] = { { &index, head },
                                          { &index, { (const char *)data, size } } };
    for (size_t first = 0; first < 2; first++)
        if (progressive_build(&arena, tracks + first, 2 - first, &film) == OK) {
            uint64_t at = film.head.len;
            for (size_t i = 0; i < film.pieces_count; i++) {
                ASSERT(film.pieces[i].at == at);
                at += film.pieces[i].size_bytes;
            }
            ASSERT(at == film.size_bytes);
        }
    arena_deinit(&arena);
    return 0;
}
