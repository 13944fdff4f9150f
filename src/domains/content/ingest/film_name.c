/*
 * film_name: from a path to what it is. The last component says the type, the folders above say
 * where it belongs; names are understood in film_name_title.c, film_name_episode.c and
 * film_name_sidecar.c.
 */
#include "film_name.h"

#include "film_name_internal.h"

#include "foundation/mem/buf.h"

struct path {
    str parts[FILM_NAME_DEPTH_MAX]; /* folders, then the file; bytes of the path */
    unsigned count;
    str whole;
};

/* The folders a file belongs to, after those of convention ("Subs", "Extras", "Season 1") are
 * passed. */
struct place {
    str folder;     /* of the film or the series, as UTF-8; empty: the root */
    str series;     /* what a season's folder says of the series ("Show S01") */
    int season;     /* of the season's folder, -1: not in one */
    unsigned depth; /* parts of the path that are its owner */
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

/* Text a person can read: invalid bytes and control characters escaped. */
static str shown(struct arena *arena, str raw)
{
    struct buf out;
    buf_init(&out, arena, raw.len * 4 + 1);
    for (size_t pos = 0; pos < raw.len;) {
        size_t from = pos;
        uint32_t c = str_utf8_next(raw, &pos);
        unsigned char byte = (unsigned char)raw.ptr[from];
        if ((c == 0xfffd && pos - from == 1) || byte < 32 || byte == 127)
            buf_printf(&out, "\\x%02X", byte);
        else
            buf_put(&out, str_sub(raw, from, pos - from));
    }
    return buf_str(&out);
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

static struct place place_find(struct arena *arena, const struct path *path, unsigned depth)
{
    struct place place = { .season = -1, .depth = depth };
    if (depth == 0)
        return place;
    str folder = shown(arena, path->parts[depth - 1]);
    if (name_season_folder(folder, &place.season, &place.series)) {
        place.folder = depth > 1 ? shown(arena, path->parts[depth - 2]) : STR_NONE;
        return place;
    }
    place.folder = folder;
    return place;
}

static void doubt(struct film_name *out, bool applies, enum film_doubt which)
{
    if (applies && out->doubt == FILM_DOUBT_NONE)
        out->doubt = which;
}

static bool has_id(const struct name_title *name)
{
    return name->imdb.len || name->tmdb.len || name->tvdb.len;
}

static bool differ(str a, str b)
{
    return a.len && b.len && !str_eq(a, b);
}

static bool ids_differ(const struct name_title *a, const struct name_title *b)
{
    return differ(a->imdb, b->imdb) || differ(a->tmdb, b->tmdb) || differ(a->tvdb, b->tvdb);
}

static str either(str a, str b)
{
    return a.len ? a : b;
}

static void name_copy(struct film_name *out, const struct name_title *name)
{
    out->title = name->title;
    out->year = name->year;
    out->imdb = name->imdb;
    out->tmdb = name->tmdb;
    out->tvdb = name->tvdb;
}

/* "Metropolis - Restored" in a folder "Metropolis (1927)": the rest is an edition. */
static bool label_after_title(str file, str folder, str *out_label)
{
    ptrdiff_t dash = str_find(file, STR(" - "));
    while (dash > 0) {
        if (film_name_same(str_sub(file, 0, (size_t)dash), folder)) {
            *out_label = str_trim(str_skip(file, (size_t)dash + 3));
            return true;
        }
        ptrdiff_t next = str_find(str_skip(file, (size_t)dash + 1), STR(" - "));
        dash = next < 0 ? -1 : dash + 1 + next;
    }
    return false;
}

/* A film in a folder of its own: the folder's name leads, the file's completes it. */
static void film_in_folder(struct film_name *out, const struct name_title *file,
                           const struct name_title *folder, bool generic)
{
    str label = STR_NONE;
    bool same = generic || film_name_same(file->title, folder->title) ||
                label_after_title(file->title, folder->title, &label);
    name_copy(out, folder);
    out->year = folder->year ? folder->year : file->year;
    out->imdb = either(file->imdb, folder->imdb);
    out->tmdb = either(file->tmdb, folder->tmdb);
    out->tvdb = either(file->tvdb, folder->tvdb);
    out->edition = either(either(file->edition, label), folder->edition);
    doubt(out, ids_differ(file, folder), FILM_DOUBT_IDS_DIFFER);
    bool years_differ = file->year && folder->year && file->year != folder->year;
    doubt(out, years_differ && !has_id(folder), FILM_DOUBT_YEARS_DIFFER);
    bool proven = has_id(folder) || (file->year && file->year == folder->year);
    doubt(out, !same && !proven, FILM_DOUBT_FOLDER_DIFFERS);
}

static void film_fill(struct arena *arena, struct film_name *out, str stem,
                      const struct place *place)
{
    struct name_title file, folder;
    out->part = name_part_take(&stem);
    bool generic = name_is_generic(stem);
    name_title_parse(arena, stem, &file);
    name_title_parse(arena, place->folder, &folder);
    generic |= file.title.len == 0;
    bool own_folder =
        folder.title.len && !folder.range &&
        (folder.year || has_id(&folder) || generic || film_name_same(file.title, folder.title));
    bool collected = own_folder && file.year && folder.year && file.year != folder.year &&
                     !film_name_same(file.title, folder.title) && !has_id(&folder);
    out->quality = file.quality;
    if (own_folder && !collected) {
        film_in_folder(out, &file, &folder, generic);
    } else {
        name_copy(out, &file);
        out->edition = file.edition;
    }
    bool bare = file.year_bare && (!own_folder || !folder.year);
    bool identified = out->imdb.len || out->tmdb.len || out->tvdb.len;
    doubt(out, out->title.len == 0 && !identified, FILM_DOUBT_NO_TITLE);
    doubt(out, out->year == 0 && !identified, FILM_DOUBT_NO_YEAR);
    doubt(out, bare && !identified, FILM_DOUBT_YEAR_BARE);
}

/* The series: a season's folder proves the one above it; else the file's own words come first. */
static void series_fill(struct arena *arena, struct film_name *out, str before,
                        const struct place *place)
{
    struct name_title file, folder, season;
    name_title_parse(arena, before, &file);
    name_title_parse(arena, place->folder, &folder);
    name_title_parse(arena, place->series, &season);
    bool proven = place->season >= 0 || folder.year || has_id(&folder) ||
                  film_name_same(file.title, folder.title) || file.title.len == 0;
    if (season.title.len && !film_name_same(season.title, folder.title)) {
        name_copy(out, &season);
        if (season.year == 0 && film_name_same(season.title, file.title))
            out->year = file.year;
        return;
    }
    if (proven && folder.title.len) {
        name_copy(out, &folder);
        if (out->year == 0 && film_name_same(file.title, folder.title))
            out->year = file.year;
        return;
    }
    name_copy(out, &file);
}

static void episode_fill(struct arena *arena, struct film_name *out, str stem,
                         const struct place *place, const struct name_episode *hit)
{
    struct name_title rest;
    series_fill(arena, out, str_sub(stem, 0, hit->from), place);
    name_tail_parse(arena, str_skip(stem, hit->to), &rest);
    out->episode_title = rest.title;
    out->quality = rest.quality;
    out->season = hit->season >= 0 ? hit->season : place->season;
    out->episode = hit->episode;
    out->episode_last = hit->episode_last;
    doubt(out, hit->doubt != FILM_DOUBT_NONE, hit->doubt);
    doubt(out, out->title.len == 0, FILM_DOUBT_NO_SERIES);
    doubt(out, out->season < 0, FILM_DOUBT_NO_SEASON);
    doubt(out, out->episode < 0, FILM_DOUBT_NO_EPISODE);
    bool conflict = hit->season > 0 && place->season > 0 && hit->season != place->season;
    doubt(out, conflict, FILM_DOUBT_SEASONS_DIFFER);
}

/* "[Group] Name - 05 [1080p]": numbered through all seasons. */
static bool absolute_find(str stem, struct name_episode *out)
{
    if (!str_starts(stem, STR("[")))
        return false;
    ptrdiff_t dash = str_find(stem, STR(" - "));
    size_t pos = dash < 0 ? 0 : (size_t)dash + 3;
    int episode = dash < 0 ? -1 : name_number(stem, &pos, 4);
    if (episode < 0 || (pos < stem.len && name_is_alnum(stem.ptr[pos]) && stem.ptr[pos] != 'v'))
        return false;
    *out = (struct name_episode){ -1, episode, episode, FILM_DOUBT_ABSOLUTE, (size_t)dash, pos };
    return true;
}

/* The series a season's folder belongs to, as a plain name. */
static str series_of(const struct place *place)
{
    if (place->series.len)
        return place->series;
    ptrdiff_t group = str_find(place->folder, STR(" ("));
    return group > 0 ? str_sub(place->folder, 0, (size_t)group) : place->folder;
}

/* A film or an episode by the stem of its file; true when it is an episode. */
static bool work_fill(struct arena *arena, struct film_name *out, str stem,
                      const struct place *place)
{
    struct name_episode hit;
    bool found = name_episode_find(stem, &hit) ||
                 (place->season >= 0 && name_episode_find_loose(stem, series_of(place), &hit)) ||
                 absolute_find(stem, &hit);
    if (!found && place->season >= 0) {
        hit = (struct name_episode){ -1, -1, -1, FILM_DOUBT_NO_EPISODE, 0, 0 };
        found = true;
    }
    if (found)
        episode_fill(arena, out, stem, place, &hit);
    else
        film_fill(arena, out, stem, place);
    return found;
}

/* The film or series a folder alone names: for extras and for pictures and NFO of a folder. */
static void folder_fill(struct arena *arena, struct film_name *out, const struct place *place)
{
    struct name_title folder;
    name_title_parse(arena, place->season >= 0 && place->series.len ? place->series : place->folder,
                     &folder);
    name_copy(out, &folder);
    out->season = place->season;
}

static void ignore(struct film_name *out, const char *reason)
{
    out->kind = FILM_NAME_IGNORED;
    out->reason = reason;
}

/* --- the types of files --- */

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
        extra = name_extra_suffix(&file.stem);
    struct place place = place_find(arena, path, file.depth);
    str stem = shown(arena, file.stem);
    out->owner = path_head(path, file.depth);
    out->stem = file.stem;
    out->extra = extra;
    if (extra == FILM_EXTRA_NONE) {
        bool episode = work_fill(arena, out, stem, &place);
        out->kind = episode ? FILM_NAME_EPISODE : FILM_NAME_FILM;
        return;
    }
    if (extra == FILM_EXTRA_SAMPLE) {
        ignore(out, "a sample");
        return;
    }
    out->kind = FILM_NAME_EXTRA;
    out->extra_name = stem;
    folder_fill(arena, out, &place);
    if (out->title.len == 0 || (file.folder_extra == FILM_EXTRA_NONE && out->year == 0))
        work_fill(arena, out, stem, &place);
    out->doubt = FILM_DOUBT_NONE;
}

/* A folder for the subtitles of one episode: "Subs/Show.S01E01/2_English.srt". */
static void subtitle_folder_pass(const struct path *path, struct file *file)
{
    if (file->depth >= 2 && name_is_subtitle_folder(path->parts[file->depth - 2])) {
        file->stem = path->parts[file->depth - 1];
        file->depth -= 2;
    } else if (file->depth >= 1 && name_is_subtitle_folder(path->parts[file->depth - 1])) {
        file->depth--;
    }
}

static bool only_digits(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!name_is_digit(s.ptr[i]))
            return false;
    return s.len <= 3;
}

static void track_fill(struct arena *arena, const struct path *path, struct file file,
                       struct film_name *out)
{
    str stem = file.stem;
    name_flags_take(arena, &stem, out);
    bool nameless = only_digits(stem); /* "2_English": of whatever film is there */
    file.stem = stem;
    if (nameless)
        subtitle_folder_pass(path, &file);
    else if (file.depth && name_is_subtitle_folder(path->parts[file.depth - 1]))
        file.depth--;
    if (nameless && str_eq(file.stem, stem))
        file.stem = str_sub(stem, 0, 0);
    struct place place = place_find(arena, path, file.depth);
    out->owner = path_head(path, file.depth);
    out->stem = file.stem;
    if (file.stem.len)
        work_fill(arena, out, shown(arena, file.stem), &place);
    else
        folder_fill(arena, out, &place);
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
    out->image = extrafanart ? FILM_IMAGE_BACKDROP : name_image_take(&stem, &season);
    if (extrafanart) {
        file.depth--;
        stem = str_sub(stem, 0, 0);
    }
    bool generic = str_eq_nocase(stem, STR("movie")) || str_eq_nocase(stem, STR("show")) ||
                   str_eq_nocase(stem, STR("tvshow")) || str_eq_nocase(stem, STR("default"));
    if (generic)
        stem = str_sub(stem, 0, 0);
    struct place place = place_find(arena, path, file.depth);
    out->owner = path_head(path, file.depth);
    out->stem = stem;
    bool episode = false;
    if (stem.len)
        episode = work_fill(arena, out, shown(arena, stem), &place);
    else
        folder_fill(arena, out, &place);
    if (season >= 0)
        out->season = season;
    if (out->image == FILM_IMAGE_NONE)
        out->image = episode ? FILM_IMAGE_THUMB : FILM_IMAGE_POSTER;
    out->doubt = FILM_DOUBT_NONE;
}

static void nfo_fill(struct arena *arena, const struct path *path, struct file file,
                     struct film_name *out)
{
    struct place place = place_find(arena, path, file.depth);
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
        folder_fill(arena, out, &place);
        return;
    }
    out->stem = file.stem;
    bool episode = work_fill(arena, out, shown(arena, file.stem), &place);
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
        if (name_is_disc_folder(path->parts[i]))
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
        file.folder_extra = name_extra_folder(path->parts[file.depth - 1]);
    if (file.folder_extra != FILM_EXTRA_NONE)
        file.depth--;
    return file;
}

static void type_fill(struct arena *arena, const struct path *path, struct film_name *out)
{
    struct file file = file_of(path);
    enum name_type type = name_type_of(file.extension);
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
    out->shown = shown(arena, str_sub(raw, 0, FILM_NAME_PATH_MAX));
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
        reason = name_ignored(path.parts[path.count - 1]);
    if (reason)
        ignore(out, reason);
    else
        type_fill(arena, &path, out);
}
