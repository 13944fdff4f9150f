/*
 * film_name: from a path to what it is. The last component says the type, the folders above say
 * where it belongs; names are understood in film_name_title.c, film_name_episode.c and
 * film_name_sidecar.c.
 */
#include "film_name.h"

#include "film_name_internal.h"

struct path {
    str parts[FILM_NAME_DEPTH_MAX]; /* folders, then the file; bytes of the path */
    unsigned count;
    str whole;
};

static bool path_split(str whole, struct path *out)
{
    str part, rest = whole;
    *out = (struct path){ .whole = whole };
    while (str_cut(&rest, '/', &part)) {
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (out->count == FILM_NAME_DEPTH_MAX)
            return false;
        out->parts[out->count++] = part;
    }
    return out->count > 0;
}

/* The first `depth` parts of the path, in its own bytes. */
static str path_head(const struct path *path, unsigned depth)
{
    if (depth == 0)
        return STR("");
    const str *last = &path->parts[depth - 1];
    const char *from = path->parts[0].ptr;
    return (str){ from, (size_t)(last->ptr + last->len - from) };
}

static struct name_place place_find(struct arena *arena, const struct path *path, unsigned depth)
{
    struct name_place place = { .season = -1, .depth = depth };
    if (depth == 0)
        return place;
    str folder = film_name_shown(arena, path->parts[depth - 1]);
    if (film_name_season_folder(folder, &place.season, &place.series)) {
        place.folder = depth > 1 ? film_name_shown(arena, path->parts[depth - 2]) : STR_NONE;
        return place;
    }
    place.folder = folder;
    return place;
}

static void ignore(struct film_name *out, const char *reason)
{
    out->kind = FILM_NAME_IGNORED;
    out->reason = reason;
}

/* --- the types of files --------------------------------------------------------------------- */

struct file {
    str stem; /* bytes of the path, without extension */
    str extension;
    unsigned depth; /* folders above it */
    enum film_extra folder_extra;
};

static void video_fill(struct arena *arena, const struct path *path, struct file file,
                       struct film_name *out)
{
    enum film_extra extra = file.folder_extra;
    if (extra == FILM_EXTRA_NONE)
        extra = film_name_extra_suffix(&file.stem);
    struct name_place place = place_find(arena, path, file.depth);
    str stem = film_name_shown(arena, file.stem);
    out->owner = path_head(path, file.depth);
    out->stem = file.stem;
    out->extra = extra;
    if (extra == FILM_EXTRA_NONE) {
        bool episode = film_name_work_fill(arena, out, stem, &place);
        out->kind = episode ? FILM_NAME_EPISODE : FILM_NAME_FILM;
        return;
    }
    if (extra == FILM_EXTRA_SAMPLE) {
        ignore(out, "a sample");
        return;
    }
    out->kind = FILM_NAME_EXTRA;
    out->extra_name = stem;
    film_name_folder_fill(arena, out, &place);
    if (out->title.len == 0 || (file.folder_extra == FILM_EXTRA_NONE && out->year == 0))
        film_name_work_fill(arena, out, stem, &place);
    out->doubt = FILM_DOUBT_NONE;
}

/* A folder for the subtitles of one episode: "Subs/Show.S01E01/2_English.srt". */
static void subtitle_folder_pass(const struct path *path, struct file *file)
{
    if (file->depth >= 2 && film_name_is_subtitle_folder(path->parts[file->depth - 2])) {
        file->stem = path->parts[file->depth - 1];
        file->depth -= 2;
    } else if (file->depth >= 1 && film_name_is_subtitle_folder(path->parts[file->depth - 1])) {
        file->depth--;
    }
}

static bool only_digits(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!film_name_is_digit(s.ptr[i]))
            return false;
    return s.len <= 3;
}

static void track_fill(struct arena *arena, const struct path *path, struct file file,
                       struct film_name *out)
{
    str stem = file.stem;
    film_name_flags_take(arena, &stem, out);
    bool nameless = only_digits(stem); /* "2_English": of whatever film is there */
    file.stem = stem;
    if (nameless)
        subtitle_folder_pass(path, &file);
    else if (file.depth && film_name_is_subtitle_folder(path->parts[file.depth - 1]))
        file.depth--;
    if (nameless && str_eq(file.stem, stem))
        file.stem = str_sub(stem, 0, 0);
    struct name_place place = place_find(arena, path, file.depth);
    out->owner = path_head(path, file.depth);
    out->stem = file.stem;
    if (file.stem.len)
        film_name_work_fill(arena, out, film_name_shown(arena, file.stem), &place);
    else
        film_name_folder_fill(arena, out, &place);
    out->doubt = FILM_DOUBT_NONE;
    out->picture =
        str_eq_nocase(file.extension, STR("idx")) || str_eq_nocase(file.extension, STR("sup"));
}

static void image_fill(struct arena *arena, const struct path *path, struct file file,
                       struct film_name *out)
{
    int season = -1;
    bool extrafanart =
        file.depth && film_name_same(path->parts[file.depth - 1], STR("extrafanart"));
    str stem = file.stem;
    out->image = extrafanart ? FILM_IMAGE_BACKDROP : film_name_image_take(&stem, &season);
    if (extrafanart) {
        file.depth--;
        stem = str_sub(stem, 0, 0);
    }
    bool generic = str_eq_nocase(stem, STR("movie")) || str_eq_nocase(stem, STR("show")) ||
                   str_eq_nocase(stem, STR("tvshow")) || str_eq_nocase(stem, STR("default"));
    if (generic)
        stem = str_sub(stem, 0, 0);
    struct name_place place = place_find(arena, path, file.depth);
    out->owner = path_head(path, file.depth);
    out->stem = stem;
    bool episode = false;
    if (stem.len)
        episode = film_name_work_fill(arena, out, film_name_shown(arena, stem), &place);
    else
        film_name_folder_fill(arena, out, &place);
    if (season >= 0)
        out->season = season;
    if (out->image == FILM_IMAGE_NONE)
        out->image = episode ? FILM_IMAGE_THUMB : FILM_IMAGE_POSTER;
    out->doubt = FILM_DOUBT_NONE;
}

static void nfo_fill(struct arena *arena, const struct path *path, struct file file,
                     struct film_name *out)
{
    struct name_place place = place_find(arena, path, file.depth);
    static const struct {
        const char *name;
        enum film_nfo nfo;
    } rows[] = { { "movie", FILM_NFO_FILM },
                 { "tvshow", FILM_NFO_SERIES },
                 { "season", FILM_NFO_SEASON } };
    out->owner = path_head(path, file.depth);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!str_eq_nocase(file.stem, str_of(rows[i].name)))
            continue;
        out->nfo = rows[i].nfo;
        out->stem = str_sub(file.stem, 0, 0);
        film_name_folder_fill(arena, out, &place);
        return;
    }
    out->stem = file.stem;
    bool episode = film_name_work_fill(arena, out, film_name_shown(arena, file.stem), &place);
    out->nfo = episode ? FILM_NFO_EPISODE : FILM_NFO_FILM;
    out->doubt = FILM_DOUBT_NONE;
}

static const char *folders_ignored(const struct path *path)
{
    for (unsigned i = 0; i + 1 < path->count; i++) {
        if (str_eq(path->parts[i], STR("..")))
            return "the path leaves the folder";
        if (film_name_folder_ignored(path->parts[i]))
            return "in a folder of the system or of another program";
        if (film_name_is_disc_folder(path->parts[i]))
            return "a copied disc (VIDEO_TS, BDMV): not supported";
    }
    return NULL;
}

static struct file file_of(const struct path *path)
{
    str name = path->parts[path->count - 1];
    ptrdiff_t dot = str_find_last_char(name, '.');
    struct file file = { .stem = name, .depth = path->count - 1 };
    if (dot > 0) {
        file.stem = str_sub(name, 0, (size_t)dot);
        file.extension = str_skip(name, (size_t)dot + 1);
    }
    /* In the root such a folder is a shelf of the library ("Shorts"), not a film's extras. */
    if (file.depth >= 2)
        file.folder_extra = film_name_extra_folder(path->parts[file.depth - 1]);
    if (file.folder_extra != FILM_EXTRA_NONE)
        file.depth--;
    return file;
}

static void type_fill(struct arena *arena, const struct path *path, struct film_name *out)
{
    struct file file = file_of(path);
    enum name_type type = film_name_type_of(file.extension);
    bool in_extras = file.folder_extra != FILM_EXTRA_NONE;
    if (in_extras && type != TYPE_VIDEO && type != TYPE_OTHER) {
        ignore(out, "a sidecar of an extra");
        return;
    }
    switch (type) {
    case TYPE_VIDEO:
        video_fill(arena, path, file, out);
        return;
    case TYPE_SUBTITLE:
        out->kind = FILM_NAME_SUBTITLE;
        track_fill(arena, path, file, out);
        return;
    case TYPE_AUDIO:
        out->kind = FILM_NAME_AUDIO;
        track_fill(arena, path, file, out);
        return;
    case TYPE_IMAGE:
        out->kind = FILM_NAME_IMAGE;
        image_fill(arena, path, file, out);
        return;
    case TYPE_NFO:
        out->kind = FILM_NAME_NFO;
        nfo_fill(arena, path, file, out);
        return;
    case TYPE_OTHER:
        ignore(out, str_eq_nocase(file.extension, STR("iso")) ? "a disc image: not supported"
                                                              : "not a film, nor of a film");
        return;
    }
}

void film_name_parse(struct arena *arena, str raw, struct film_name *out)
{
    struct path path;
    *out = (struct film_name){ .season = -1, .episode = -1, .episode_last = -1 };
    out->shown = film_name_shown(arena, str_sub(raw, 0, FILM_NAME_PATH_MAX));
    if (raw.len > FILM_NAME_PATH_MAX) {
        ignore(out, "the path is too long");
        return;
    }
    if (!path_split(raw, &path)) {
        ignore(out, "the path is empty or too deep");
        return;
    }
    const char *reason = folders_ignored(&path);
    if (!reason)
        reason = film_name_ignored(path.parts[path.count - 1]);
    if (reason)
        ignore(out, reason);
    else
        type_fill(arena, &path, out);
}
