/* nfo: encoding, links beside the XML, and the order of the steps. XML: nfo_clean.c, nfo_read.c. */
#include "nfo.h"

#include "nfo_internal.h"

#include "media/text/charset.h"

#include <stdlib.h>

/* Nothing grows more than sixfold by cleaning: a quote becomes "&quot;". */
enum {
    CLEAN_BYTES_MAX = 6 * NFO_BYTES_MAX + 64,
    LOOSE_BYTES_MAX = 16 << 10,
    DECLARATION_BYTES = 256
};

/* encoding="..." of the XML declaration, or empty. */
static str declared_encoding(str bytes)
{
    str head = str_sub(bytes, 0, DECLARATION_BYTES);
    ptrdiff_t at = str_find(head, STR("encoding="));
    if (at < 0 || str_find(head, STR("<?xml")) < 0)
        return STR_NONE;
    str value = str_skip(head, (size_t)at + 9);
    if (value.len == 0 || (value.ptr[0] != '"' && value.ptr[0] != '\''))
        return STR_NONE;
    ptrdiff_t end = str_find_char(str_skip(value, 1), value.ptr[0]);
    return end < 0 ? STR_NONE : str_sub(value, 1, (size_t)end);
}

/* Drawings in the code pages of old terminals have no letters to guess by; links are ASCII. */
static str ascii_only(struct arena *arena, str bytes)
{
    str copy = arena_str(arena, bytes);
    char *out = (char *)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if ((out[i] & 0x80) || out[i] == 0)
            out[i] = '?';
    return copy;
}

static enum err text_of(struct arena *arena, str bytes, struct charset_text *out)
{
    enum err err = charset_to_utf8(arena, bytes, declared_encoding(bytes), out);
    if (err != OK && str_eq(str_of(err_slot()->slug), STR("text-charset-unknown"))) {
        err_clear();
        *out = (struct charset_text){ ascii_only(arena, bytes), "ASCII", 0 };
        return OK;
    }
    return err;
}

/* --- links ---------------------------------------------------------------------------------- */

static str digits_at(str s, size_t from)
{
    size_t to = from;
    while (to < s.len && to - from < 12 && s.ptr[to] >= '0' && s.ptr[to] <= '9')
        to++;
    return str_sub(s, from, to - from);
}

static bool link_add(struct arena *arena, struct nfo *out, str type, str digits)
{
    void *links = out->links;
    struct buf value;
    char memory[16];
    buf_init_fixed(&value, memory, sizeof(memory));
    if (str_eq(type, STR("imdb")))
        buf_put(&value, STR("tt"));
    buf_put(&value, digits);
    str kept = nfo_keep(arena, buf_str(&value));
    struct nfo_id *link =
        kept.ptr ? nfo_array_add(arena, &links, &out->links_count, sizeof(*link)) : NULL;
    if (!link)
        return false;
    out->links = links;
    *link = (struct nfo_id){ type, kept, false };
    return true;
}

/* The links to the databases Kodi's scrapers know; the first of each counts. */
static void links_find(struct arena *arena, str text, struct nfo *out)
{
    static const struct {
        str mark, type;
    } marks[] = {
        { STR_INIT("imdb.com/title/tt"), STR_INIT("imdb") },
        { STR_INIT("imdb.com/Title?"), STR_INIT("imdb") },
        { STR_INIT("themoviedb.org/movie/"), STR_INIT("tmdb") },
        { STR_INIT("themoviedb.org/tv/"), STR_INIT("tmdb") },
        { STR_INIT("thetvdb.com/?tab=series&id="), STR_INIT("tvdb") },
        { STR_INIT("kinopoisk.ru/film/"), STR_INIT("kinopoisk") },
        { STR_INIT("kinopoisk.ru/series/"), STR_INIT("kinopoisk") },
    };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        ptrdiff_t at = str_find(text, marks[i].mark);
        str digits = at < 0 ? STR_NONE : digits_at(text, (size_t)at + marks[i].mark.len);
        if (digits.len == 0)
            continue;
        if (!link_add(arena, out, marks[i].type, digits))
            return;
    }
}

str nfo_id_find(const struct nfo_work *work, str type)
{
    str found = STR_NONE;
    for (size_t i = 0; i < work->ids_count; i++) {
        if (!str_eq(work->ids[i].type, type))
            continue;
        if (work->ids[i].preferred)
            return work->ids[i].value;
        if (found.len == 0)
            found = work->ids[i].value;
    }
    return found;
}

/* A link beside the XML of one work completes its ids. */
static void links_join(struct arena *arena, struct nfo *out)
{
    if (out->works_count != 1)
        return;
    struct nfo_work *work = &out->works[0];
    for (size_t i = 0; i < out->links_count; i++) {
        void *ids = work->ids;
        if (nfo_id_find(work, out->links[i].type).len)
            continue;
        struct nfo_id *id = nfo_array_add(arena, &ids, &work->ids_count, sizeof(*id));
        if (!id)
            return;
        work->ids = ids;
        *id = out->links[i];
    }
}

static void years_complete(struct nfo *out)
{
    for (size_t i = 0; i < out->works_count; i++) {
        struct nfo_work *work = &out->works[i];
        str date = work->premiered.len ? work->premiered : work->aired;
        int64_t year;
        if (work->year == 0 && date.len >= 4 && str_parse_i64(str_sub(date, 0, 4), &year))
            work->year = (int)year;
    }
}

/* Leaves by its return only: the buffers are the caller's to free. */
static enum err read_text(struct arena *arena, str text, struct nfo *out, struct buf buffers[2],
                          struct nfo_trouble *trouble)
{
    struct buf *clean = &buffers[0], *loose = &buffers[1];
    nfo_clean(text, clean, trouble);
    ASSERT(!clean->overflowed);
    TRY(nfo_read(arena, buf_str(clean), out, loose, trouble));
    links_find(arena, out->works_count ? buf_str(loose) : text, out);
    links_join(arena, out);
    years_complete(out);
    return OK;
}

static str warning_of(struct arena *arena, const struct nfo_trouble *trouble)
{
    if (!trouble->what)
        return STR_NONE;
    return trouble->line ? arena_printf(arena, "line %lu: %s", trouble->line, trouble->what)
                         : str_of(trouble->what);
}

enum err nfo_parse(struct arena *arena, str bytes, struct nfo *out)
{
    struct charset_text text;
    struct nfo_trouble trouble = { 0 };
    struct nfo nfo = { 0 };
    struct buf buffers[2];
    if (bytes.len > NFO_BYTES_MAX)
        return err_set(ERR_TOO_LARGE, "nfo-too-large", "the NFO file has %zu bytes, more than %d",
                       bytes.len, NFO_BYTES_MAX);
    TRY(text_of(arena, bytes, &text));
    buf_init(&buffers[0], NULL, CLEAN_BYTES_MAX);
    buf_init(&buffers[1], NULL, LOOSE_BYTES_MAX);
    enum err err = read_text(arena, text.utf8, &nfo, buffers, &trouble);
    buf_deinit(&buffers[0]);
    buf_deinit(&buffers[1]);
    if (err != OK)
        return err;
    if (nfo.works_count == 0 && nfo.links_count == 0)
        return err_set(ERR_INVALID, "nfo-empty",
                       "the NFO file has neither Kodi's XML nor a known link");
    nfo.charset = text.charset;
    if (nfo.works_count)
        nfo.warning = warning_of(arena, &trouble);
    nfo.incomplete &= nfo.works_count > 0;
    *out = nfo;
    return OK;
}
