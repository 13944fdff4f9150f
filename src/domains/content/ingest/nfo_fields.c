/*
 * nfo_fields: which element of an NFO goes where. Most are rows of a table; the few with an inside
 * (actor, set, ratings, fanart, fileinfo) are told apart by the name of their parent.
 */
#include "nfo_internal.h"

#include <stddef.h>

static void note(struct nfo_reader *reader, const char *what)
{
    nfo_trouble_note(reader->trouble, what, reader->line);
}

str nfo_reader_keep(struct nfo_reader *reader, str text)
{
    str kept = nfo_keep(reader->arena, text);
    if (!kept.ptr)
        reader->exhausted = true;
    return kept;
}

#define LIST_ADD(reader, list, count, type)                                                        \
    ((type *)list_add((reader), (void **)&(list), &(count), sizeof(type)))

static void *list_add(struct nfo_reader *reader, void **items, size_t *count, size_t size_bytes)
{
    void *item = nfo_array_add(reader->arena, items, count, size_bytes);
    if (!item && *count >= NFO_ITEMS_MAX)
        note(reader, "a list has too many entries");
    else if (!item)
        reader->exhausted = true;
    return item;
}

static str date_keep(struct nfo_reader *reader, str s)
{
    char text[NFO_DATE_BYTES];
    return nfo_date_of(s, text) ? nfo_reader_keep(reader, str_of(text)) : STR_NONE;
}

static void rating_value_set(struct nfo_reader *reader, str s)
{
    int64_t value = s.len ? nfo_decimal_of(s) : -1, max = reader->rating_max;
    reader->rating_valid = value >= 0 && value <= max * 1000;
    if (reader->rating_valid)
        reader->rating.value = (int)(value / max);
    else if (s.len)
        note(reader, "a rating is out of its range");
}

static void rating_finish(struct nfo_reader *reader)
{
    struct nfo_work *work = reader->work;
    struct nfo_rating *rating = NULL;
    if (reader->rating_valid)
        rating = LIST_ADD(reader, work->ratings, work->ratings_count, struct nfo_rating);
    if (rating)
        *rating = reader->rating;
    reader->rating_valid = false;
}

/* --- ids ------------------------------------------------------------------------------------ */

static void id_add(struct nfo_reader *reader, str type, str value, bool preferred)
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
    *id =
        (struct nfo_id){ nfo_reader_keep(reader, type), nfo_reader_keep(reader, value), preferred };
}

static bool is_imdb(str value)
{
    return value.len >= 7 && str_starts(value, STR("tt"));
}

/* <id>: IMDb's in a film, TheTVDB's in a series, by its looks. */
static void id_bare_add(struct nfo_reader *reader, str value)
{
    if (is_imdb(value))
        id_add(reader, STR("imdb"), value, false);
    else if (reader->work->kind == NFO_SERIES)
        id_add(reader, STR("tvdb"), value, false);
    else
        id_add(reader, STR(""), value, false);
}

/* --- elements ------------------------------------------------------------------------------- */

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

static void texts_put(struct nfo_reader *reader, struct nfo_texts *texts, str text)
{
    if (text.len == 0 || texts_hold(texts, text))
        return;
    str *item = LIST_ADD(reader, texts->items, texts->count, str);
    if (item)
        *item = nfo_reader_keep(reader, text);
}

static void field_set(struct nfo_reader *reader, const struct field *field, str text)
{
    void *member = (char *)reader->work + field->offset;
    str *value = member;
    size_t pos = 0;
    int number;
    switch (field->form) {
    case FORM_TEXT: /* the first one that says something */
        if (value->len == 0)
            *value = nfo_reader_keep(reader, text);
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
static bool special_set(struct nfo_reader *reader, str name, str text)
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

static bool id_set(struct nfo_reader *reader, str name, str text)
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

static void image_add(struct nfo_reader *reader, str url, bool fanart)
{
    struct nfo_work *work = reader->work;
    if (url.len == 0)
        return;
    struct nfo_image *image = LIST_ADD(reader, work->images, work->images_count, struct nfo_image);
    if (image)
        *image = (struct nfo_image){ nfo_reader_keep(reader, url),
                                     nfo_reader_keep(reader, str_of(reader->type)), fanart };
}

static void actor_finish(struct nfo_reader *reader, str text)
{
    struct nfo_work *work = reader->work;
    if (reader->actor.name.len == 0)
        reader->actor.name = nfo_reader_keep(reader, text);
    if (reader->actor.name.len == 0)
        return;
    struct nfo_actor *actor = LIST_ADD(reader, work->actors, work->actors_count, struct nfo_actor);
    if (actor)
        *actor = reader->actor;
    reader->actor = (struct nfo_actor){ .order = -1 };
}

/* An element directly under the root of the work. */
static void field_end(struct nfo_reader *reader, str name, str text)
{
    struct nfo_work *work = reader->work;
    if (special_set(reader, name, text) || id_set(reader, name, text))
        return;
    if (str_eq(name, STR("actor"))) {
        actor_finish(reader, text);
    } else if (str_eq(name, STR("set"))) {
        if (work->set_name.len == 0)
            work->set_name = nfo_reader_keep(reader, text);
    } else if (str_eq(name, STR("thumb"))) {
        image_add(reader, text, false);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (str_eq(name, str_of(fields[i].name)))
                field_set(reader, &fields[i], text);
    }
}

static void actor_part_end(struct nfo_reader *reader, str name, str text)
{
    size_t pos = 0;
    if (str_eq(name, STR("name")))
        reader->actor.name = nfo_reader_keep(reader, text);
    else if (str_eq(name, STR("role")))
        reader->actor.role = nfo_reader_keep(reader, text);
    else if (str_eq(name, STR("thumb")))
        reader->actor.thumb = nfo_reader_keep(reader, text);
    else if (str_eq(name, STR("order")))
        reader->actor.order = nfo_number_at(text, &pos);
}

/* An element deeper inside: its parent says what it is of. */
static void part_end(struct nfo_reader *reader, str parent, str name, str text)
{
    struct nfo_work *work = reader->work;
    if (str_eq(parent, STR("actor"))) {
        actor_part_end(reader, name, text);
    } else if (str_eq(parent, STR("set"))) {
        if (str_eq(name, STR("name")))
            work->set_name = nfo_reader_keep(reader, text);
        else if (str_eq(name, STR("overview")))
            work->set_overview = nfo_reader_keep(reader, text);
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

void nfo_work_begin(struct nfo_reader *reader, enum nfo_kind kind)
{
    struct nfo *nfo = reader->nfo;
    if (nfo->works_count >= NFO_WORKS_MAX) {
        note(reader, "there are too many works in one file");
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

void nfo_element_end(struct nfo_reader *reader, str text)
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
