/*
 * ingest_film_subtitles: the subtitles of a film, those inside it and those beside it, each a
 * stored WebVTT. One that cannot be read is left out and said.
 */
#include "ingest_film.h"

#include "ingest_subtitles.h"

#include "engines/blob/blob.h"
#include "media/language/language.h"

#include <string.h>

static struct arena *arena_of(const struct film *film)
{
    (void)film;
    return task_arena();
}

static str key_of(const struct film *film, str name, const char *suffix)
{
    return asset_blob_key(arena_of(film), film->saved.asset, name, suffix);
}

static str failure_text(void)
{
    return arena_str(task_arena(), str_of(err_slot()->text));
}

/* What one track is made of; `shown` names it to people. */
struct subtitle_files {
    struct subtitle_piece pieces[UNIT_PARTS_MAX];
    size_t count;
    str shown;
};

static enum err subtitle_add(struct film *film, const struct subtitle_files *files,
                             struct asset_track *track)
{
    uint64_t size_bytes;
    str lost, shown = files->shown;
    unsigned number = 1;
    for (size_t i = 0; i < film->tracks_count; i++)
        number += film->tracks[i].kind == ASSET_SUBTITLE;
    if (number > PLAN_SUBTITLES_MAX || film->tracks_count == FILM_TRACKS_MAX) {
        str max = arena_printf(arena_of(film), "%d", PLAN_SUBTITLES_MAX);
        ingest_plan_note(&film->plan, INGEST_REASON(arena_of(film), SUBTITLES_OVER, max, shown));
        return OK;
    }
    track->kind = ASSET_SUBTITLE;
    track->name = asset_track_name(arena_of(film), ASSET_SUBTITLE, number);
    track->codec = STR("");
    enum err result = ingest_subtitle_store(files->pieces, files->count,
                                            key_of(film, track->name, ".vtt"), &size_bytes, &lost);
    if (result == ERR_INVALID || result == ERR_TOO_LARGE || result == ERR_NOT_FOUND ||
        result == ERR_FORBIDDEN) {
        ingest_plan_note(&film->plan,
                         INGEST_REASON(arena_of(film), SUBTITLE_LEFT_OUT, shown, failure_text()));
        return OK;
    }
    TRY(result);
    if (lost.len)
        ingest_plan_note(&film->plan,
                         arena_printf(arena_of(film), "%.*s: %.*s", STR_ARG(shown), STR_ARG(lost)));
    track->size_bytes = (int64_t)size_bytes;
    film->tracks[film->tracks_count++] = *track;
    return OK;
}

static enum err embedded_add(struct film *film, const struct plan_track *track, str path,
                             str reason)
{
    struct subtitle_files files = { { { path, 0 } },
                                    1,
                                    arena_printf(arena_of(film), "subtitle %u", track->number) };
    struct asset_track add = { .language = track->language,
                               .label = track->label,
                               .is_default = track->is_default,
                               .forced = track->forced,
                               .sdh = track->sdh };
    if (path.ptr)
        return subtitle_add(film, &files, &add);
    ingest_plan_note(&film->plan,
                     INGEST_REASON(arena_of(film), SUBTITLE_LEFT_OUT, files.shown, reason));
    return OK;
}

static enum err embedded_subtitles(struct film *film)
{
    const struct plan_track *tracks[PLAN_SUBTITLES_MAX];
    str reasons[PLAN_SUBTITLES_MAX];
    struct subtitles subtitles = { .plan = &film->plan,
                                   .path = film->paths[0],
                                   .listed = film->listed,
                                   .size_bytes = film->sources_bytes,
                                   .tracks = tracks };
    for (size_t i = 0; i < film->plan.tracks_count; i++)
        if (film->plan.tracks[i].kind == PLAN_SUBTITLE)
            tracks[subtitles.count++] = &film->plan.tracks[i];
    memset(film->scratch, 0, sizeof(film->scratch));
    film->scratch_count = subtitles.count;
    TRY(ingest_subtitles_extract(&subtitles, film->scratch, reasons));
    for (size_t i = 0; i < subtitles.count; i++)
        TRY(embedded_add(film, tracks[i], film->scratch[i], reasons[i]));
    ingest_film_scratch_discard(film);
    return OK;
}

/* Files beside different parts that are called alike are one track. */
static bool is_same_track(const struct film_sidecar *one, const struct film_sidecar *other)
{
    return str_eq(other->kind, STR("subtitle")) && str_eq(one->language, other->language) &&
           str_eq(one->label, other->label) && one->forced == other->forced &&
           one->sdh == other->sdh;
}

/* The files of the track that sidecar `at` begins; false when an earlier one has. */
static enum err sidecar_files(struct film *film, size_t at, struct subtitle_files *out,
                              bool *out_is)
{
    const struct film_sidecar *all = film->task.sidecars.items, *first = &all[at];
    bool taken[UNIT_PARTS_MAX] = { false };
    *out_is = false;
    *out = (struct subtitle_files){ .shown = STR("a subtitle file") };
    for (size_t i = 0; i < at; i++)
        if (all[i].part < first->part && is_same_track(first, &all[i]))
            return OK;
    for (size_t i = at; i < film->task.sidecars.count; i++) {
        int64_t part = all[i].part;
        if (!is_same_track(first, &all[i]) || part < first->part ||
            part >= (int64_t)film->parts_count || taken[part])
            continue;
        taken[part] = true;
        struct subtitle_piece *piece = &out->pieces[out->count++];
        TRY(ingest_path_from_hex(arena_of(film), all[i].path, &piece->path));
        piece->shift_ms = film->parts[part].begin_ms;
    }
    if (!out->count)
        return OK;
    str path = out->pieces[0].path;
    str file = str_skip(path, (size_t)(str_find_last_char(path, '/') + 1));
    if (str_is_utf8(file))
        out->shown = str_sub(file, 0, 200);
    *out_is = true;
    return OK;
}

static struct asset_track sidecar_track(struct film *film, const struct film_sidecar *sidecar)
{
    struct language_tag tag;
    struct asset_track add = { .language = STR(""),
                               .label = str_sub(sidecar->label, 0, PLAN_LABEL_BYTES_MAX),
                               .forced = sidecar->forced,
                               .sdh = sidecar->sdh };
    if (!str_is_utf8(add.label))
        add.label = STR("");
    if (language_tag_parse(sidecar->language, &tag)) {
        add.language = arena_str(arena_of(film), str_of(tag.text));
        if (!add.label.len)
            add.label = language_label(arena_of(film), &tag);
    }
    return add;
}

static enum err sidecar_subtitles(struct film *film)
{
    for (size_t i = 0; i < film->task.sidecars.count; i++) {
        const struct film_sidecar *sidecar = &film->task.sidecars.items[i];
        struct subtitle_files files;
        bool is_track;
        if (!str_eq(sidecar->kind, STR("subtitle")))
            continue;
        TRY(sidecar_files(film, i, &files, &is_track));
        if (!is_track)
            continue;
        struct asset_track add = sidecar_track(film, sidecar);
        TRY(subtitle_add(film, &files, &add));
    }
    return OK;
}

enum err ingest_film_subtitles_make(struct film *film)
{
    TRY(embedded_subtitles(film));
    return sidecar_subtitles(film);
}
