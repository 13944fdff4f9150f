/*
 * ingest_group_read: what of a group has to be read from disk, and stored as blobs, before its
 * transaction: which sidecars go with which video, NFO files, pictures.
 */
#include "ingest_group.h"

#include "ingest_file.h"
#include "ingest_picture.h"

#include "foundation/task/pool.h"
#include "foundation/task/task.h"

#include <string.h>

enum { UNITS_MAX = 2000, PICTURES_SHARED_MAX = 64 };

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
        if (name->kind != FILM_NAME_FILM)
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

static enum err unit_add_sidecar(struct group *group, struct unit *unit,
                                 const struct walk_file *file)
{
    const char *kind;
    switch (file->name.kind) {
    case FILM_NAME_SUBTITLE:
    case FILM_NAME_AUDIO:
        if (unit->sidecars_count < ARRAY_LEN(unit->sidecars))
            unit->sidecars[unit->sidecars_count++] = file;
        return OK;
    case FILM_NAME_IMAGE:
        kind = image_kind(file->name.image);
        if (kind && unit->images_count < ARRAY_LEN(unit->images))
            unit->images[unit->images_count++] = (struct unit_image){ file, kind };
        return OK;
    case FILM_NAME_NFO:
        if (file->name.nfo == FILM_NFO_SERIES || file->name.nfo == FILM_NFO_SEASON || unit->nfo)
            return OK;
        return nfo_load(group, file, &unit->nfo, &unit->nfo_warning);
    case FILM_NAME_IGNORED:
    case FILM_NAME_FILM:
    case FILM_NAME_EPISODE:
    case FILM_NAME_EXTRA:
        break;
    }
    return OK;
}

enum err ingest_group_read(struct group *group)
{
    const struct walk_group *files = group->files;
    struct sharing sharing = sharing_of(files);
    group->units =
        ARENA_ARRAY(group->arena, MIN_OF(files->files_count, (size_t)UNITS_MAX), struct unit);
    for (size_t i = 0; i < files->files_count && group->units_count < UNITS_MAX; i++) {
        if (!ingest_file_is_video(files->files[i]))
            continue;
        struct unit *unit = &group->units[group->units_count++];
        unit->video = files->files[i];
        if (unit->video->name.kind == FILM_NAME_EXTRA)
            continue;
        for (size_t j = 0; j < files->files_count; j++)
            if (belongs(files->files[j], unit->video, sharing))
                TRY(unit_add_sidecar(group, unit, files->files[j]));
    }
    for (size_t i = 0; i < files->files_count && !group->series_nfo; i++) {
        const char *warning = NULL;
        if (files->files[i]->name.kind == FILM_NAME_NFO &&
            files->files[i]->name.nfo == FILM_NFO_SERIES)
            TRY(nfo_load(group, files->files[i], &group->series_nfo, &warning));
    }
    return OK;
}

static enum err store_picture(struct group *group, const struct walk_file *file, const char *kind,
                              const struct unit *unit)
{
    struct picture picture = { .file = file, .kind = kind, .unit = unit };
    if (group->pictures_count == group->pictures_max)
        return OK;
    enum err result = ingest_picture_store(group->arena, &picture);
    if (result == ERR_INVALID || result == ERR_TOO_LARGE || result == ERR_NOT_FOUND)
        return OK; /* no picture is no reason to refuse a film */
    TRY(result);
    group->pictures[group->pictures_count++] = picture;
    return OK;
}

enum err ingest_group_pictures_store(struct group *group)
{
    group->pictures_max = group->files->files_count + PICTURES_SHARED_MAX;
    group->pictures = ARENA_ARRAY(group->arena, group->pictures_max, struct picture);
    for (size_t i = 0; i < group->units_count; i++)
        for (size_t j = 0; j < group->units[i].images_count; j++)
            TRY(store_picture(group, group->units[i].images[j].file, group->units[i].images[j].kind,
                              &group->units[i]));
    bool series = group->units_count && group->units[0].video->name.kind == FILM_NAME_EPISODE;
    for (size_t i = 0; series && i < group->files->files_count; i++) {
        const struct walk_file *file = group->files->files[i];
        const char *kind = file->name.kind == FILM_NAME_IMAGE ? image_kind(file->name.image) : NULL;
        if (kind && file->name.season < 0 && file->name.episode < 0)
            TRY(store_picture(group, file, kind, NULL));
    }
    return OK;
}
