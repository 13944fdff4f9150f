/*
 * ingest_group_read: what of a group has to be read from disk, and stored as blobs, before its
 * transaction: which sidecars go with which video, NFO files, pictures.
 */
#include "film_name_internal.h"
#include "ingest_group.h"

#include "ingest_file.h"
#include "ingest_picture.h"

#include "foundation/task/pool.h"
#include "foundation/task/task.h"

#include <string.h>

struct nfo_call {
    const struct walk_file *file;
    struct arena *arena;
    struct nfo nfo;
};

static enum err nfo_blocking(void *arg)
{
    struct nfo_call *call = arg;
    str content;
    TRY(ingest_file_read(call->arena, call->file->path, NFO_BYTES_MAX, &content));
    return nfo_parse(call->arena, content, &call->nfo);
}

/* A broken NFO is a warning: the names still say something. */
static enum err nfo_load(struct group *group, const struct walk_file *file,
                         const struct nfo_work **out_work, const char **out_warning)
{
    struct nfo_call call = { .file = file, .arena = group->arena };
    enum err result = await_blocking(ingest.files, nfo_blocking, &call);
    if (result == ERR_CANCELLED || result == ERR_TIMEOUT || result == ERR_EXHAUSTED)
        return result;
    if (result != OK)
        *out_warning = arena_cstr(group->arena, str_of(err_slot()->text));
    else if (call.nfo.warning.len)
        *out_warning = arena_cstr(group->arena, call.nfo.warning);
    if (result == OK && call.nfo.works_count) {
        *out_work = &call.nfo.works[0];
    } else if (result == OK && call.nfo.links_count) { /* a link alone is still an id */
        struct nfo_work *work = ARENA_NEW(group->arena, struct nfo_work);
        work->ids = call.nfo.links;
        work->ids_count = call.nfo.links_count;
        *out_work = work;
    }
    return OK;
}

bool ingest_file_is_video(const struct walk_file *file)
{
    return file->name.kind == FILM_NAME_FILM || file->name.kind == FILM_NAME_EPISODE ||
           file->name.kind == FILM_NAME_EXTRA;
}

/* How much of a folder is about every film in it. */
struct sharing {
    bool one_file; /* subtitles, too, need not be named after it */
    bool one_film; /* several editions of it: they share pictures and NFO */
};

static struct sharing sharing_of(const struct walk_group *files)
{
    const struct film_name *first = NULL;
    struct sharing sharing = { .one_film = true };
    size_t count = 0;
    for (size_t i = 0; i < files->files_count; i++) {
        const struct film_name *name = &files->files[i]->name;
        if (name->kind != FILM_NAME_FILM || name->part > 1)
            continue;
        first = first ? first : name;
        sharing.one_film &= name->year == first->year && film_name_same(name->title, first->title);
        count++;
    }
    sharing.one_file = count == 1;
    return sharing;
}

/* Sidecars share the stem of their video, or the folder when it is of one film. */
static bool belongs(const struct walk_file *sidecar, const struct walk_file *video,
                    struct sharing sharing)
{
    bool about_film = sidecar->name.kind == FILM_NAME_IMAGE || sidecar->name.kind == FILM_NAME_NFO;
    if (str_eq(sidecar->name.stem, video->name.stem) &&
        str_eq(sidecar->name.owner, video->name.owner))
        return true;
    if (video->name.part > 1) /* what is of the whole film is with its first part */
        return false;
    return (sharing.one_file || (sharing.one_film && about_film)) &&
           video->name.kind == FILM_NAME_FILM && sidecar->name.season < 0;
}

static const char *image_kind(enum film_image image)
{
    switch (image) {
    case FILM_IMAGE_POSTER:
        return "poster";
    case FILM_IMAGE_BACKDROP:
        return "backdrop";
    case FILM_IMAGE_THUMB:
        return "still";
    case FILM_IMAGE_LOGO:
        return "logo";
    case FILM_IMAGE_NONE:
    case FILM_IMAGE_BANNER:
    case FILM_IMAGE_OTHER:
        break;
    }
    return NULL;
}

/* What does not fit any more is neither counted nor said again. */
static void unit_note(struct group *group, struct unit *unit, str reason)
{
    if (unit->notes.len + reason.len < UNIT_NOTES_BYTES_MAX)
        unit->notes = arena_printf(group->arena, "%.*s%s%.*s", STR_ARG(unit->notes),
                                   unit->notes.len ? "\n" : "", STR_ARG(reason));
}

/* One of a kind is shown: the last by name, because "poster" is more than "folder". */
static void unit_add_image(struct unit *unit, const struct walk_file *file)
{
    const char *kind = image_kind(file->name.image);
    if (!kind)
        return;
    for (size_t i = 0; i < unit->images_count; i++) {
        struct unit_image *image = &unit->images[i];
        if (strcmp(image->kind, kind) != 0)
            continue;
        unit->first_spare = unit->images_spare++ ? unit->first_spare : image->file;
        image->file = file;
        return;
    }
    ASSERT(unit->images_count < UNIT_IMAGES_MAX);
    unit->images[unit->images_count++] = (struct unit_image){ file, kind };
}

/* The parts of a film share what the payload of its one job has room for. */
static void unit_add_track(struct group *group, struct unit *unit, const struct walk_file *file)
{
    struct unit *film = unit->first ? &group->units[unit->first - group->units] : unit;
    str max = arena_printf(group->arena, "%d", UNIT_SIDECARS_MAX);
    size_t bytes = film->tracks_bytes + 2 * file->path.len + 6 * file->name.track_name.len + 200;
    if (film->tracks_count < UNIT_SIDECARS_MAX && bytes < UNIT_SIDECARS_BYTES_MAX) {
        film->tracks_count++;
        film->tracks_bytes = bytes;
        unit->sidecars[unit->sidecars_count++] = file;
        return;
    }
    unit_note(group, film, INGEST_REASON(group->arena, SIDECARS_OVER, max, file->name.shown));
}

static enum err unit_add_nfo(struct group *group, struct unit *unit, const struct walk_file *file)
{
    const char *warning = NULL;
    if (file->name.nfo == FILM_NFO_SERIES || file->name.nfo == FILM_NFO_SEASON || unit->nfo)
        return OK;
    TRY(nfo_load(group, file, &unit->nfo, &warning));
    if (warning)
        unit_note(group, unit, INGEST_REASON(group->arena, NFO, str_of(warning)));
    return OK;
}

static enum err unit_add_sidecar(struct group *group, struct unit *unit,
                                 const struct walk_file *file)
{
    switch (file->name.kind) {
    case FILM_NAME_SUBTITLE:
    case FILM_NAME_AUDIO:
        unit_add_track(group, unit, file);
        return OK;
    case FILM_NAME_IMAGE:
        unit_add_image(unit, file);
        return OK;
    case FILM_NAME_NFO:
        return unit_add_nfo(group, unit, file);
    case FILM_NAME_IGNORED:
    case FILM_NAME_FILM:
    case FILM_NAME_EPISODE:
    case FILM_NAME_EXTRA:
        break;
    }
    return OK;
}

static enum err unit_read(struct group *group, struct unit *unit, struct sharing sharing)
{
    const struct walk_group *files = group->files;
    if (unit->video->name.kind == FILM_NAME_EXTRA || unit->over)
        return OK;
    for (size_t i = 0; i < files->files_count; i++)
        if (belongs(files->files[i], unit->video, sharing))
            TRY(unit_add_sidecar(group, unit, files->files[i]));
    return OK;
}

/* --- Films in several files ------------------------------------------------------------------- */

static str stem_of_parts(const struct unit *unit)
{
    str stem = unit->video->name.stem;
    (void)film_name_part_take(&stem);
    return stem;
}

/* Names that differ in the number of the part alone. */
static bool is_of_the_same(const struct unit *one, const struct unit *other)
{
    return other->video->name.kind == FILM_NAME_FILM && other->video->name.part > 0 &&
           str_eq(one->video->name.owner, other->video->name.owner) &&
           film_name_same(stem_of_parts(one), stem_of_parts(other));
}

/* Why these are not the parts 1 … count of a film; ptr NULL: they are. */
static str parts_fault(struct arena *arena, struct unit *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t part = (size_t)parts[i]->video->name.part;
        if (i && part == (size_t)parts[i - 1]->video->name.part)
            return INGEST_REASON(arena, PART_TWICE, arena_printf(arena, "%zu", part));
        if (part != i + 1)
            return INGEST_REASON(arena, PART_MISSING, arena_printf(arena, "%zu", i + 1));
    }
    return STR_NONE;
}

static void parts_join(struct group *group, struct unit *const *parts, size_t count)
{
    struct arena *arena = group->arena;
    str fault = parts_fault(arena, parts, MIN_OF(count, (size_t)UNIT_PARTS_MAX));
    if (!fault.ptr && count > UNIT_PARTS_MAX)
        fault = INGEST_REASON(arena, PARTS_OVER, arena_printf(arena, "%d", UNIT_PARTS_MAX));
    struct unit *first = parts[0];
    for (size_t i = 0; i < count; i++) {
        parts[i]->fault = fault;
        if (i == 0 || fault.ptr)
            continue;
        parts[i]->first = first;
        first->parts[first->parts_count++] = parts[i];
        first->tracks_bytes += 2 * parts[i]->video->path.len;
    }
}

/* The parts of one film by their numbers: units are in the order of their names. */
static void parts_find(struct group *group)
{
    struct unit **parts = ARENA_ARRAY(group->arena, group->units_count, struct unit *);
    for (size_t i = 0; i < group->units_count; i++) {
        struct unit *unit = &group->units[i];
        size_t count = 0;
        bool seen = unit->first || unit->fault.ptr || unit->parts_count;
        if (unit->video->name.kind != FILM_NAME_FILM || unit->video->name.part < 1 || seen)
            continue;
        for (size_t j = 0; j < group->units_count; j++) {
            if (!is_of_the_same(unit, &group->units[j]))
                continue;
            size_t at = count++;
            for (; at && parts[at - 1]->video->name.part > group->units[j].video->name.part; at--)
                parts[at] = parts[at - 1];
            parts[at] = &group->units[j];
        }
        parts_join(group, parts, count);
    }
}

/* What a series' folder says of all of it. */
static enum err series_read(struct group *group)
{
    const struct walk_group *files = group->files;
    struct unit *first = &group->units[0];
    if (!group->units_count || first->video->name.kind != FILM_NAME_EPISODE)
        return OK;
    group->whole.video = first->video;
    for (size_t i = 0; i < files->files_count; i++) {
        const struct walk_file *file = files->files[i];
        const char *warning = NULL;
        if (file->name.kind == FILM_NAME_IMAGE && file->name.season < 0 && file->name.episode < 0)
            unit_add_image(&group->whole, file);
        if (file->name.kind != FILM_NAME_NFO || file->name.nfo != FILM_NFO_SERIES ||
            group->series_nfo)
            continue;
        TRY(nfo_load(group, file, &group->series_nfo, &warning));
        if (warning)
            unit_note(group, first, INGEST_REASON(group->arena, NFO, str_of(warning)));
    }
    return OK;
}

enum err ingest_group_read(struct group *group)
{
    const struct walk_group *files = group->files;
    struct sharing sharing = sharing_of(files);
    group->units = ARENA_ARRAY(group->arena, files->files_count, struct unit);
    for (size_t i = 0; i < files->files_count; i++) {
        if (!ingest_file_is_video(files->files[i]))
            continue;
        struct unit *unit = &group->units[group->units_count++];
        *unit = (struct unit){ .video = files->files[i],
                               .notes = STR(""),
                               .over = group->units_count > INGEST_GROUP_FILMS_MAX };
    }
    parts_find(group);
    for (size_t i = 0; i < group->units_count; i++)
        TRY(unit_read(group, &group->units[i], sharing));
    return series_read(group);
}

/* No picture is a reason to refuse a film, but it is said. `teller` is whose file says it. */
static enum err pictures_store(struct group *group, const struct unit *unit, struct unit *teller)
{
    struct arena *arena = group->arena;
    for (size_t i = 0; i < unit->images_count; i++) {
        const struct unit_image *image = &unit->images[i];
        struct picture picture = { .file = image->file, .kind = image->kind, .unit = unit };
        enum err result = ingest_picture_store(arena, &picture);
        if (result == ERR_INVALID || result == ERR_TOO_LARGE || result == ERR_NOT_FOUND ||
            result == ERR_FORBIDDEN) {
            str cause = arena_str(arena, str_of(err_slot()->text));
            unit_note(group, teller,
                      INGEST_REASON(arena, PICTURE_LEFT_OUT, image->file->name.shown, cause));
            continue;
        }
        TRY(result);
        group->pictures[group->pictures_count++] = picture;
    }
    if (unit->images_spare)
        unit_note(group, teller,
                  INGEST_REASON(arena, PICTURES_SPARE,
                                arena_printf(arena, "%zu", unit->images_spare),
                                unit->first_spare->name.shown));
    return OK;
}

enum err ingest_group_pictures_store(struct group *group)
{
    size_t count = group->whole.images_count;
    for (size_t i = 0; i < group->units_count; i++)
        count += group->units[i].images_count;
    group->pictures = ARENA_ARRAY(group->arena, count, struct picture);
    for (size_t i = 0; i < group->units_count; i++)
        TRY(pictures_store(group, &group->units[i], &group->units[i]));
    return count ? pictures_store(group, &group->whole, &group->units[0]) : OK;
}
