/*
 * nfo_read: expat over the cleaned text. Callbacks never leave by the arena's way out, because the
 * parser must be freed: memory comes from arena_try(), and a full arena ends the parse.
 */
#include "nfo_internal.h"

#include "foundation/mem/heap.h"

#include <expat.h>
#include <string.h>

/* In lower case; what does not fit becomes empty, for it is none of the words we know. */
static void lower_copy(char *out, size_t size_bytes, const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size_bytes; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    out[text[i] ? 0 : i] = 0;
}

static bool root_kind(const char *name, enum nfo_kind *out)
{
    static const char *const roots[] = { "movie", "tvshow", "season", "episodedetails" };
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        if (strcmp(name, roots[i]) != 0)
            continue;
        *out = (enum nfo_kind)i;
        return true;
    }
    return false;
}

static void attributes_read(struct nfo_reader *reader, const char **attributes)
{
    reader->type[0] = 0;
    reader->preferred = false;
    for (; attributes[0]; attributes += 2) {
        str key = str_of(attributes[0]), value = str_of(attributes[1]);
        size_t pos = 0;
        if (str_eq(key, STR("type")) || str_eq(key, STR("aspect"))) {
            lower_copy(reader->type, sizeof(reader->type), attributes[1]);
        } else if (str_eq(key, STR("default"))) {
            reader->preferred = str_eq_nocase(value, STR("true"));
        } else if (str_eq(key, STR("max"))) {
            int max = nfo_number_at(value, &pos);
            reader->rating_max = max >= 1 && max <= 1000 ? max : 10;
        } else if (str_eq(key, STR("name"))) {
            reader->rating.name = nfo_reader_keep(reader, value);
        }
    }
}

static unsigned long line_now(const struct nfo_reader *reader)
{
    return XML_GetCurrentLineNumber(reader->parser);
}

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
    struct nfo_reader *reader = context;
    enum nfo_kind kind;
    reader->line = line_now(reader);
    if (reader->depth == NFO_DEPTH_MAX) {
        nfo_trouble_note(reader->trouble, "elements are nested too deeply", reader->line);
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    /* "<actor>Name<role>": text before the first part is the name */
    if (reader->work && reader->depth &&
        strcmp(reader->stack[reader->depth - 1].name, "actor") == 0 && !reader->actor.name.len)
        reader->actor.name = nfo_reader_keep(reader, str_trim(buf_str(&reader->text)));
    lower_copy(reader->stack[reader->depth++].name, NFO_NAME_BYTES, name);
    buf_clear(&reader->text);
    if (!reader->work && root_kind(reader->stack[reader->depth - 1].name, &kind)) {
        nfo_work_begin(reader, kind);
        return;
    }
    if (strcmp(reader->stack[reader->depth - 1].name, "rating") == 0) {
        reader->rating = (struct nfo_rating){ 0 };
        reader->rating_max = 10;
        reader->rating_valid = false;
    }
    attributes_read(reader, attributes);
}

static void XMLCALL on_end(void *context, const char *name)
{
    struct nfo_reader *reader = context;
    (void)name;
    reader->line = line_now(reader);
    nfo_element_end(reader, str_trim(buf_str(&reader->text)));
    reader->depth--;
    buf_clear(&reader->text);
    if (reader->exhausted)
        XML_StopParser(reader->parser, XML_FALSE);
}

/* What fits; a cut never leaves half a character. */
static void text_put(struct buf *out, str text)
{
    size_t room = out->size_bytes_max - out->len;
    if (text.len > room) {
        text.len = room;
        while (text.len && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    buf_put(out, text);
}

static void XMLCALL on_text(void *context, const char *ptr, int len)
{
    struct nfo_reader *reader = context;
    str text = { ptr, (size_t)len };
    if (reader->text.len + text.len > NFO_TEXT_BYTES_MAX)
        nfo_trouble_note(reader->trouble, "a text is too long and was cut", line_now(reader));
    text_put(&reader->text, text);
    if (reader->depth <= 1)
        text_put(reader->loose, text);
}

/* The parser stopped inside elements: what is complete is kept, the innermost text is not. */
static void unwind(struct nfo_reader *reader)
{
    for (bool innermost = true; reader->depth > 0; reader->depth--, innermost = false)
        if (!innermost)
            nfo_element_end(reader, STR_NONE);
}

static struct nfo_reader *reader_open(struct nfo *nfo, struct arena *arena)
{
    static const XML_Memory_Handling_Suite heap = { heap_alloc, heap_resize, heap_free };
    struct nfo_reader *reader = HEAP_NEW(struct nfo_reader);
    *reader = (struct nfo_reader){ .arena = arena, .nfo = nfo, .rating_max = 10 };
    buf_init(&reader->text, NULL, NFO_TEXT_BYTES_MAX);
    reader->parser = XML_ParserCreate_MM("UTF-8", &heap, NULL);
    ASSERT(reader->parser);
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    return reader;
}

enum err nfo_read(struct arena *arena, str xml, struct nfo *out, struct buf *out_loose,
                  struct nfo_trouble *trouble)
{
    struct nfo_reader *reader = reader_open(out, arena);
    reader->trouble = trouble;
    reader->loose = out_loose;
    enum XML_Status status = XML_Parse(reader->parser, xml.ptr, (int)xml.len, 1);
    if (status != XML_STATUS_OK && !reader->exhausted) {
        out->incomplete = true;
        nfo_trouble_note(trouble, XML_ErrorString(XML_GetErrorCode(reader->parser)),
                         line_now(reader));
        unwind(reader);
    }
    bool exhausted = reader->exhausted;
    XML_ParserFree(reader->parser);
    buf_deinit(&reader->text);
    heap_free(reader);
    if (exhausted)
        return err_set(ERR_EXHAUSTED, NULL, "there is no memory for the NFO file");
    return OK;
}
