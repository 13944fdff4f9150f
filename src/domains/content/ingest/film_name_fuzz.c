/* film_name_fuzz: any bytes as a path; whatever it is called, the result is text and within bounds.
 */
#include "film_name.h"

static void check_text(str text)
{
    ASSERT(str_is_utf8(text));
    ASSERT(text.len <= 32ul * FILM_NAME_PATH_MAX);
}

/* A part of the path, in its own bytes. */
static void check_slice(str slice, str path)
{
    ASSERT(slice.len == 0 ||
           (slice.ptr >= path.ptr && slice.ptr + slice.len <= path.ptr + path.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct film_name name;
    str path = { (const char *)data, size_bytes };
    arena_init(&arena, MIB(16));
    film_name_parse(&arena, path, &name);
    ASSERT(film_name_kind_name(name.kind) && film_name_doubt_text(name.doubt));
    ASSERT((name.kind == FILM_NAME_IGNORED) == (name.reason != NULL));
    ASSERT(name.year == 0 || (name.year > 1800 && name.year < 2100));
    ASSERT(name.episode_last >= name.episode && name.season >= -1);
    check_slice(name.owner, path);
    check_slice(name.stem, path);
    str texts[] = { name.shown, name.title, name.edition,       name.quality,   name.imdb,
                    name.tmdb,  name.tvdb,  name.episode_title, name.extra_name };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        check_text(texts[i]);
    arena_deinit(&arena);
    return 0;
}
