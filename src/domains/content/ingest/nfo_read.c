/*
 * nfo_read: the elements of an NFO through expat. Which element goes where is a table; the few with
 * an inside (actor, set, ratings, fanart, fileinfo) are told apart by the name of their parent.
 * Callbacks never leave by the arena's way out: the parser must be freed.
 */
#include "nfo_internal.h"

#include "foundation/mem/heap.h"

#include <expat.h>
#include <stddef.h>
#include <string.h>

enum { NAME_MAX_BYTES = 24, ATTRIBUTE_MAX_BYTES = 64 };

struct element {
    char name[NAME_MAX_BYTES]; /* lower case; cut, which makes it unknown */
};

struct reader {
    struct arena *arena;
    struct nfo *nfo;
    XML_Parser parser;
    struct nfo_trouble *trouble;
    struct buf *loose; /* text outside all works */
    struct buf text;   /* of the element being read */
    struct element stack[NFO_DEPTH_MAX];
    unsigned depth;
    struct nfo_work *work; /* NULL: outside */
    unsigned work_depth;   /* of the root of the work */
    struct nfo_actor actor;
    struct nfo_rating rating;
    int rating_max;
    bool rating_valid;
    char type[ATTRIBUTE_MAX_BYTES]; /* of uniqueid, aspect of thumb, imdb attribute of id */
    bool preferred;
    bool exhausted;
};

static void note(struct reader *reader, const char *what)
{
    nfo_trouble_note(reader->trouble, what, XML_GetCurrentLineNumber(reader->parser));
}

static void stop_exhausted(struct reader *reader)
{
    reader->exhausted = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

/* A copy; when the arena is full parsing ends and the caller of nfo_read() is told. */
static str keep(struct reader *reader, str text)
{
    str kept = nfo_keep(reader->arena, text);
    if (!kept.ptr)
        stop_exhausted(reader);
    return kept;
}

#define LIST_ADD(reader, list, count, type)                                                        \
    ((type *)list_add((reader), (void **)&(list), &(count), sizeof(type)))

static void *list_add(struct reader *reader, void **items, size_t *count, size_t size_bytes)
{
    void *item = nfo_array_add(reader->arena, items, count, size_bytes);
    if (!item && *count >= NFO_ITEMS_MAX)
        note(reader, "a list has too many entries");
    else if (!item)
        stop_exhausted(reader);
    return item;
}

static str date_keep(struct reader *reader, str s)
{
    char text[NFO_DATE_BYTES];
    return nfo_date_of(s, text) ? keep(reader, str_of(text)) : STR_NONE;
}

static void rating_value_set(struct reader *reader, str s)
{
    int64_t value = s.len ? nfo_decimal_of(s) : -1, max = reader->rating_max;
    reader->rating_valid = value >= 0 && value <= max * 1000;
    if (reader->rating_valid)
        reader->rating.value = (int)(value / max);
    else if (s.len)
        note(reader, "a rating is out of its range");
}

static void rating_finish(struct reader *reader)
{
    struct nfo_work *work = reader->work;
    struct nfo_rating *rating = NULL;
    if (reader->rating_valid)
        rating = LIST_ADD(reader, work->ratings, work->ratings_count, struct nfo_rating);
    if (rating)
        *rating = reader->rating;
    reader->rating_valid = false;
}

/* --- ids --- */

static void id_add(struct reader *reader, str type, str value, bool preferred)
{
    struct nfo_work *work = reader->work;
    if (value.len == 0 || value.len > 64 || str_eq(value, STR("0")) || str_eq(value, STR("-1")))
        return;
    for (size_t i = 0; i < work->ids_count; i++)
        if (str_eq(work->ids[i].type, type) && str_eq(work->ids[i].value, value))
            return;
    struct nfo_id *id = LIST_ADD(reader, work->ids, work->ids_count, struct nfo_id);
    if (!id)
        return;
    *id = (struct nfo_id){ keep(reader, type), keep(reader, value), preferred };
}

static bool is_imdb(str value)
{
    return value.len >= 7 && str_starts(value, STR("tt"));
}

/* <id>: IMDb's in a film, TheTVDB's in a series, by its looks. */
static void id_bare_add(struct reader *reader, str value)
{
    if (is_imdb(value))
        id_add(reader, STR("imdb"), value, false);
    else if (reader->work->kind == NFO_SERIES)
        id_add(reader, STR("tvdb"), value, false);
    else
        id_add(reader, STR(""), value, false);
}

/* --- elements --- */

enum field_form { FORM_TEXT, FORM_LIST, FORM_NUMBER };

static const struct field {
    const char *name;
    enum field_form form;
    size_t offset;
} fields[] = {
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, FORM_TEXT, offsetof(struct nfo_work, member)                                         \
    }
#define LIST(name, member)                                                                         \
    {                                                                                              \
        name, FORM_LIST, offsetof(struct nfo_work, member)                                         \
    }
#define NUMBER(name, member)                                                                       \
    {                                                                                              \
        name, FORM_NUMBER, offsetof(struct nfo_work, member)                                       \
    }
    TEXT("title", title),
    TEXT("originaltitle", original_title),
    TEXT("sorttitle", sort_title),
    TEXT("plot", plot),
    TEXT("outline", outline),
    TEXT("tagline", tagline),
    TEXT("mpaa", age_rating),
    TEXT("certification", age_rating),
    TEXT("trailer", trailer),
    LIST("genre", genres),
    LIST("country", countries),
    LIST("studio", studios),
    LIST("director", directors),
    LIST("credits", writers),
    LIST("writer", writers),
    LIST("tag", tags),
    NUMBER("season", season),
    NUMBER("seasonnumber", season),
    NUMBER("episode", episode),
    NUMBER("displayseason", display_season),
    NUMBER("displayepisode", display_episode),
#undef TEXT
#undef LIST
#undef NUMBER
};

static bool texts_hold(const struct nfo_texts *texts, str text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (str_eq(texts->items[i], text))
            return true;
    return false;
}

static void texts_put(struct reader *reader, struct nfo_texts *texts, str text)
{
    if (text.len == 0 || texts_hold(texts, text))
        return;
    str *item = LIST_ADD(reader, texts->items, texts->count, str);
    if (item)
        *item = keep(reader, text);
}

static void field_set(struct reader *reader, const struct field *field, str text)
{
    void *member = (char *)reader->work + field->offset;
    str *value = member;
    size_t pos = 0;
    int number;
    switch (field->form) {
    case FORM_TEXT: /* the first one that says something */
        if (value->len == 0)
            *value = keep(reader, text);
        return;
    case FORM_LIST:
        texts_put(reader, member, text);
        return;
    case FORM_NUMBER:
        number = nfo_number_at(text, &pos);
        if (number >= 0)
            *(int *)member = number;
        return;
    }
}

/* Fields that need more than to be kept. */
static bool special_set(struct reader *reader, str name, str text)
{
    struct nfo_work *work = reader->work;
    if (str_eq(name, STR("year"))) {
        work->year = nfo_year_of(text) ? nfo_year_of(text) : work->year;
    } else if (str_eq(name, STR("premiered")) || str_eq(name, STR("releasedate"))) {
        if (work->premiered.len == 0)
            work->premiered = date_keep(reader, text);
    } else if (str_eq(name, STR("aired"))) {
        work->aired = date_keep(reader, text);
    } else if (str_eq(name, STR("runtime"))) {
        work->runtime_min = nfo_runtime_of(text);
    } else if (str_eq(name, STR("rating"))) {
        if (text.len)
            rating_value_set(reader, text);
        rating_finish(reader);
    } else if (str_eq(name, STR("votes"))) {
        if (work->ratings_count)
            work->ratings[work->ratings_count - 1].votes = nfo_votes_of(text);
    } else {
        return false;
    }
    return true;
}

static bool id_set(struct reader *reader, str name, str text)
{
    static const char *const named[][2] = { { "imdbid", "imdb" },  { "imdb_id", "imdb" },
                                            { "imdb", "imdb" },    { "tmdbid", "tmdb" },
                                            { "tmdb_id", "tmdb" }, { "tvdbid", "tvdb" } };
    if (str_eq(name, STR("uniqueid"))) {
        if (reader->type[0])
            id_add(reader, str_of(reader->type), text, reader->preferred);
        else
            id_bare_add(reader, text);
        return true;
    }
    if (str_eq(name, STR("id"))) {
        id_bare_add(reader, text);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (!str_eq(name, str_of(named[i][0])))
            continue;
        id_add(reader, str_of(named[i][1]), text, false);
        return true;
    }
    return false;
}

static void image_add(struct reader *reader, str url, bool fanart)
{
    struct nfo_work *work = reader->work;
    if (url.len == 0)
        return;
    struct nfo_image *image = LIST_ADD(reader, work->images, work->images_count, struct nfo_image);
    if (image)
        *image =
            (struct nfo_image){ keep(reader, url), keep(reader, str_of(reader->type)), fanart };
}

static void actor_finish(struct reader *reader, str text)
{
    struct nfo_work *work = reader->work;
    if (reader->actor.name.len == 0)
        reader->actor.name = keep(reader, text);
    if (reader->actor.name.len == 0)
        return;
    struct nfo_actor *actor = LIST_ADD(reader, work->actors, work->actors_count, struct nfo_actor);
    if (actor)
        *actor = reader->actor;
    reader->actor = (struct nfo_actor){ .order = -1 };
}

/* An element directly under the root of the work. */
static void field_end(struct reader *reader, str name, str text)
{
    struct nfo_work *work = reader->work;
    if (special_set(reader, name, text) || id_set(reader, name, text))
        return;
    if (str_eq(name, STR("actor"))) {
        actor_finish(reader, text);
    } else if (str_eq(name, STR("set"))) {
        if (work->set_name.len == 0)
            work->set_name = keep(reader, text);
    } else if (str_eq(name, STR("thumb"))) {
        image_add(reader, text, false);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (str_eq(name, str_of(fields[i].name)))
                field_set(reader, &fields[i], text);
    }
}

static void actor_part_end(struct reader *reader, str name, str text)
{
    size_t pos = 0;
    if (str_eq(name, STR("name")))
        reader->actor.name = keep(reader, text);
    else if (str_eq(name, STR("role")))
        reader->actor.role = keep(reader, text);
    else if (str_eq(name, STR("thumb")))
        reader->actor.thumb = keep(reader, text);
    else if (str_eq(name, STR("order")))
        reader->actor.order = nfo_number_at(text, &pos);
}

/* An element deeper inside: its parent says what it is of. */
static void part_end(struct reader *reader, str parent, str name, str text)
{
    struct nfo_work *work = reader->work;
    if (str_eq(parent, STR("actor"))) {
        actor_part_end(reader, name, text);
    } else if (str_eq(parent, STR("set"))) {
        if (str_eq(name, STR("name")))
            work->set_name = keep(reader, text);
        else if (str_eq(name, STR("overview")))
            work->set_overview = keep(reader, text);
    } else if (str_eq(parent, STR("rating"))) {
        if (str_eq(name, STR("value")))
            rating_value_set(reader, text);
        else if (str_eq(name, STR("votes")))
            reader->rating.votes = nfo_votes_of(text);
    } else if (str_eq(parent, STR("ratings"))) {
        if (text.len && !reader->rating_valid)
            rating_value_set(reader, text);
        rating_finish(reader);
    } else if (str_eq(parent, STR("fanart"))) {
        image_add(reader, text, true);
    } else if (str_eq(name, STR("language")) && str_eq(parent, STR("audio"))) {
        texts_put(reader, &work->audio_languages, text);
    } else if (str_eq(name, STR("language")) && str_eq(parent, STR("subtitle"))) {
        texts_put(reader, &work->subtitle_languages, text);
    }
}

/* --- expat --- */

static void name_copy(char out[NAME_MAX_BYTES], const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < NAME_MAX_BYTES; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    out[name[i] ? 0 : i] = 0; /* a longer name is none of ours */
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

static void attributes_read(struct reader *reader, const char **attributes)
{
    reader->type[0] = 0;
    reader->preferred = false;
    for (; attributes[0]; attributes += 2) {
        str key = str_of(attributes[0]), value = str_of(attributes[1]);
        size_t pos = 0;
        if (str_eq(key, STR("type")) || str_eq(key, STR("aspect"))) {
            size_t len = MIN_OF(value.len, sizeof(reader->type) - 1);
            for (size_t i = 0; i < len; i++)
                reader->type[i] =
                    (char)(value.ptr[i] >= 'A' && value.ptr[i] <= 'Z' ? value.ptr[i] + 32
                                                                      : value.ptr[i]);
            reader->type[len] = 0;
        } else if (str_eq(key, STR("default"))) {
            reader->preferred = str_eq_nocase(value, STR("true"));
        } else if (str_eq(key, STR("max"))) {
            int max = nfo_number_at(value, &pos);
            reader->rating_max = max >= 1 && max <= 1000 ? max : 10;
        } else if (str_eq(key, STR("name"))) {
            reader->rating.name = keep(reader, value);
        }
    }
}

static void work_begin(struct reader *reader, enum nfo_kind kind)
{
    struct nfo *nfo = reader->nfo;
    if (nfo->works_count >= NFO_WORKS_MAX) {
        note(reader, "there are too many works in one file");
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    reader->work = LIST_ADD(reader, nfo->works, nfo->works_count, struct nfo_work);
    if (!reader->work)
        return;
    *reader->work = (struct nfo_work){
        .kind = kind, .season = -1, .episode = -1, .display_season = -1, .display_episode = -1
    };
    reader->work_depth = reader->depth;
    reader->actor = (struct nfo_actor){ .order = -1 };
}

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
    struct reader *reader = context;
    enum nfo_kind kind;
    if (reader->depth == NFO_DEPTH_MAX) {
        note(reader, "elements are nested too deeply");
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    /* "<actor>Name<role>": text before the first part is the name */
    if (reader->work && reader->depth &&
        strcmp(reader->stack[reader->depth - 1].name, "actor") == 0 && !reader->actor.name.len)
        reader->actor.name = keep(reader, str_trim(buf_str(&reader->text)));
    name_copy(reader->stack[reader->depth++].name, name);
    buf_clear(&reader->text);
    if (!reader->work && root_kind(reader->stack[reader->depth - 1].name, &kind)) {
        work_begin(reader, kind);
        return;
    }
    if (strcmp(reader->stack[reader->depth - 1].name, "rating") == 0) {
        reader->rating = (struct nfo_rating){ 0 };
        reader->rating_max = 10;
        reader->rating_valid = false;
    }
    attributes_read(reader, attributes);
}

static void element_end(struct reader *reader, str text)
{
    str name = str_of(reader->stack[reader->depth - 1].name);
    if (!reader->work)
        return;
    if (reader->depth <= reader->work_depth)
        reader->work = NULL;
    else if (reader->depth == reader->work_depth + 1)
        field_end(reader, name, text);
    else
        part_end(reader, str_of(reader->stack[reader->depth - 2].name), name, text);
}

static void XMLCALL on_end(void *context, const char *name)
{
    struct reader *reader = context;
    (void)name;
    element_end(reader, str_trim(buf_str(&reader->text)));
    reader->depth--;
    buf_clear(&reader->text);
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
    struct reader *reader = context;
    str text = { ptr, (size_t)len };
    if (reader->text.len + text.len > NFO_TEXT_BYTES_MAX)
        note(reader, "a text is too long and was cut");
    text_put(&reader->text, text);
    if (reader->depth <= 1)
        text_put(reader->loose, text);
}

/* The parser stopped inside elements: what is complete is kept, the innermost text is not. */
static void unwind(struct reader *reader)
{
    for (bool innermost = true; reader->depth > 0; reader->depth--, innermost = false)
        if (!innermost)
            element_end(reader, STR_NONE);
}

static struct reader *reader_open(struct nfo *nfo, struct arena *arena)
{
    static const XML_Memory_Handling_Suite heap = { heap_alloc, heap_resize, heap_free };
    struct reader *reader = HEAP_NEW(struct reader);
    *reader = (struct reader){ .arena = arena, .nfo = nfo, .rating_max = 10 };
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
    struct reader *reader = reader_open(out, arena);
    reader->trouble = trouble;
    reader->loose = out_loose;
    enum XML_Status status = XML_Parse(reader->parser, xml.ptr, (int)xml.len, 1);
    if (status != XML_STATUS_OK && !reader->exhausted) {
        out->incomplete = true;
        note(reader, XML_ErrorString(XML_GetErrorCode(reader->parser)));
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
