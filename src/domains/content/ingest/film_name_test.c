#include "film_name.h"

#include "foundation/mem/buf.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

/* KB_FILM_NAMES: the path of film_names.txt, from the build. */

static struct arena arena;

static void put_text(struct buf *out, const char *key, str value)
{
    if (value.len)
        buf_printf(out, " %s=\"%.*s\"", key, STR_ARG(value));
}

static void put_word(struct buf *out, const char *key, str value)
{
    if (value.len)
        buf_printf(out, " %s=%.*s", key, STR_ARG(value));
}

static void put_number(struct buf *out, const struct film_name *name)
{
    if (name->season >= 0 || name->episode >= 0)
        buf_put_char(out, ' ');
    if (name->season >= 0)
        buf_printf(out, "S%02d", name->season);
    if (name->episode >= 0)
        buf_printf(out, "E%02d", name->episode);
    if (name->episode_last > name->episode)
        buf_printf(out, "-E%02d", name->episode_last);
}

/* Everything that is not empty, in one line. */
static str describe(const struct film_name *name)
{
    struct buf out;
    buf_init(&out, &arena, KIB(16));
    buf_put(&out, str_of(film_name_kind_name(name->kind)));
    if (name->title.len)
        buf_printf(&out, " \"%.*s\"", STR_ARG(name->title));
    if (name->year)
        buf_printf(&out, " %d", name->year);
    put_number(&out, name);
    put_text(&out, "name", name->episode_title);
    put_text(&out, "edition", name->edition);
    put_text(&out, "quality", name->quality);
    if (name->part)
        buf_printf(&out, " part=%d", name->part);
    if (name->kind == FILM_NAME_EXTRA)
        put_word(&out, "extra", str_of(film_name_extra_name(name->extra)));
    put_text(&out, "called", name->extra_name);
    put_word(&out, "imdb", name->imdb);
    put_word(&out, "tmdb", name->tmdb);
    put_word(&out, "tvdb", name->tvdb);
    put_word(&out, "lang", name->language.language ? str_of(name->language.text) : STR_NONE);
    buf_printf(&out, "%s%s%s%s%s", name->forced ? " forced" : "", name->sdh ? " sdh" : "",
               name->preferred ? " default" : "", name->commentary ? " commentary" : "",
               name->picture ? " picture" : "");
    put_text(&out, "track", name->track_name);
    put_word(&out, "image", str_of(film_name_image_name(name->image)));
    static const char *const nfos[] = { "", "film", "series", "season", "episode" };
    put_word(&out, "nfo", str_of(nfos[name->nfo]));
    put_word(&out, "doubt", str_of(film_name_doubt_slug(name->doubt)));
    put_text(&out, "reason", str_of(name->reason));
    return buf_str(&out);
}

/* \xHH as the byte, \\ as a backslash. */
static str unescape(str s)
{
    char *out = arena_alloc(&arena, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned byte;
        /* NOLINTBEGIN(cert-err34-c): two digits cannot be too many */
        if (s.ptr[i] == '\\' && i + 1 < s.len && s.ptr[i + 1] == '\\') {
            out[len++] = s.ptr[i++];
        } else if (s.ptr[i] == '\\' && sscanf(s.ptr + i, "\\x%2x", &byte) == 1) {
            out[len++] = (char)byte;
            i += 3;
        } else {
            out[len++] = s.ptr[i];
        }
        /* NOLINTEND(cert-err34-c) */
    }
    return (str){ out, len };
}

/* One line of the fixture; false, with a message, when the name is read otherwise. */
static bool line_holds(str line, unsigned number)
{
    ptrdiff_t arrow = str_find(line, STR(" => "));
    CHECK(arrow > 0);
    struct film_name name;
    film_name_parse(&arena, unescape(str_sub(line, 0, (size_t)arrow)), &name);
    str actual = describe(&name), expected = unescape(str_skip(line, (size_t)arrow + 4));
    if (str_eq(actual, expected))
        return true;
    printf("  film_names.txt:%u: %.*s\n    is  %.*s\n    not %.*s\n", number,
           STR_ARG(str_sub(line, 0, (size_t)arrow)), STR_ARG(actual), STR_ARG(expected));
    return false;
}

TEST(film_names_are_read_as_documented)
{
    static char text[1 << 16];
    FILE *file = fopen(KB_FILM_NAMES, "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    unsigned number = 0, names = 0, wrong = 0;
    str rest = { text, len }, line;
    arena_init(&arena, MIB(16));
    while (str_cut(&rest, '\n', &line)) {
        number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        names++;
        wrong += !line_holds(line, number);
    }
    arena_deinit(&arena);
    CHECK(len < sizeof(text) - 1);
    CHECK(names >= 150);
    CHECK_INT(wrong, 0);
}

static struct film_name parse(const char *path)
{
    struct film_name name;
    film_name_parse(&arena, str_of(path), &name);
    return name;
}

TEST(sidecars_share_owner_and_stem_with_their_film)
{
    static const char *const paths[] = {
        "Films/A (1927)/A (1927) - X.mkv",         "Films/A (1927)/A (1927) - X.ru.forced.srt",
        "Films/A (1927)/A (1927) - X.eng.mka",     "Films/A (1927)/A (1927) - X-poster.jpg",
        "Films/A (1927)/A (1927) - X.nfo",         "Films/A (1927)/A (1927) - X-trailer.mp4",
        "Films/A (1927)/Subs/A (1927) - X.en.srt",
    };
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CHECK_STR(parse(paths[i]).owner, STR("Films/A (1927)"));
        CHECK_STR(parse(paths[i]).stem, STR("A (1927) - X"));
    }
    CHECK_STR(parse("Films/A (1927)/extras/b.mkv").owner, STR("Films/A (1927)"));
    CHECK_STR(parse("Films/A (1927)/poster.jpg").stem, STR(""));
    CHECK_STR(parse("Films/A (1927)/Subs/2_English.srt").stem, STR(""));
    CHECK_STR(parse("S/Season 01/Subs/S S01E02/2_English.srt").stem, STR("S S01E02"));
    CHECK_STR(parse("S/Season 01/Subs/S S01E02/2_English.srt").owner, STR("S/Season 01"));
    CHECK_STR(parse("\xff.mkv").owner, STR(""));
    CHECK_STR(parse("\xff.mkv").stem, STR("\xff"));
    arena_deinit(&arena);
}

TEST(strange_paths_are_ignored_with_a_reason)
{
    static char deep[400], long_path[FILM_NAME_PATH_MAX + 2];
    memset(long_path, 'a', sizeof(long_path) - 1);
    for (size_t i = 0; i + 1 < sizeof(deep); i++)
        deep[i] = i & 1 ? '/' : 'a';
    const char *const paths[] = { "", "/", "./.", "..", deep, long_path };
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct film_name name = parse(paths[i]);
        CHECK_INT(name.kind, FILM_NAME_IGNORED);
        CHECK(name.reason != NULL);
    }
    CHECK(film_name_folder_ignored(STR("@eaDir")));
    CHECK(film_name_folder_ignored(STR(".git")));
    CHECK(!film_name_folder_ignored(STR("Films")));
    arena_deinit(&arena);
}
