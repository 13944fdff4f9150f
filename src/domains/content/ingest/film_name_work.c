/*
 * film_name_work: the film or episode a name means, from the file and its folders together: which
 * of the two leads, and what they leave in doubt.
 */
#include "film_name_internal.h"

#include "foundation/mem/buf.h"

str film_name_shown(struct arena *arena, str raw)
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
                      const struct name_place *place)
{
    struct name_title file, folder;
    out->part = film_name_part_take(&stem);
    bool generic = film_name_is_generic(stem);
    film_name_title_parse(arena, stem, &file);
    film_name_title_parse(arena, place->folder, &folder);
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
                        const struct name_place *place)
{
    struct name_title file, folder, season;
    film_name_title_parse(arena, before, &file);
    film_name_title_parse(arena, place->folder, &folder);
    film_name_title_parse(arena, place->series, &season);
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
                         const struct name_place *place, const struct name_episode *hit)
{
    struct name_title rest;
    series_fill(arena, out, str_sub(stem, 0, hit->from), place);
    film_name_tail_parse(arena, str_skip(stem, hit->to), &rest);
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
    int episode = dash < 0 ? -1 : film_name_number(stem, &pos, 4);
    if (episode < 0 ||
        (pos < stem.len && film_name_is_alnum(stem.ptr[pos]) && stem.ptr[pos] != 'v'))
        return false;
    *out = (struct name_episode){ -1, episode, episode, FILM_DOUBT_ABSOLUTE, (size_t)dash, pos };
    return true;
}

/* The series a season's folder belongs to, as a plain name. */
static str series_of(const struct name_place *place)
{
    if (place->series.len)
        return place->series;
    ptrdiff_t group = str_find(place->folder, STR(" ("));
    return group > 0 ? str_sub(place->folder, 0, (size_t)group) : place->folder;
}

bool film_name_work_fill(struct arena *arena, struct film_name *out, str stem,
                         const struct name_place *place)
{
    struct name_episode hit;
    bool found =
        film_name_episode_find(stem, &hit) ||
        (place->season >= 0 && film_name_episode_find_loose(stem, series_of(place), &hit)) ||
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

void film_name_folder_fill(struct arena *arena, struct film_name *out,
                           const struct name_place *place)
{
    struct name_title folder;
    film_name_title_parse(
        arena, place->season >= 0 && place->series.len ? place->series : place->folder, &folder);
    name_copy(out, &folder);
    out->season = place->season;
}
