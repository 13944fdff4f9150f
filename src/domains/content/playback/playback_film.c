/*
 * playback_film: film.mp4, the first video and the default audio as one file. Its head is made when
 * it is first asked for, and kept with the asset; the rest are ranges of the stored tracks.
 */
#include "playback_internal.h"

#include "foundation/mem/heap.h"
#include "media/progressive/progressive.h"

#include <stdio.h>
#include <unistd.h>

enum { FILM_BYTES_MAX = 512 << 20, FILM_TRACKS = 2 };

struct open_film {
    struct arena arena;
    struct progressive progressive;
    const struct open_track *tracks[FILM_TRACKS];
    size_t tracks_count;
    char etag[ETAG_BYTES];
};

void open_film_free(struct open_film *film)
{
    if (!film)
        return;
    arena_deinit(&film->arena);
    heap_free(film);
}

static const struct open_track *first_of(const struct open_asset *asset, enum asset_track_kind kind)
{
    const struct open_track *found = NULL;
    for (unsigned i = 0; i < asset->tracks_count; i++) {
        const struct open_track *track = &asset->tracks[i];
        if (track->kind == kind && (!found || (track->is_default && !found->is_default)))
            found = track;
    }
    return found;
}

static enum err head_read(const struct open_track *track, char **out_bytes, size_t *out_len)
{
    char prefix[512];
    uint64_t head_bytes;
    struct http_file head = *track->file;
    ssize_t count = pread(track->file->fd, prefix, sizeof(prefix), 0);
    if (count < 0)
        return err_errno("reading a film's head");
    TRY(mp4_head_size((str){ prefix, (size_t)count }, track->file->size_bytes, &head_bytes));
    head.size_bytes = head_bytes;
    TRY(open_file_read(&head, MP4_HEAD_BYTES_MAX, out_bytes));
    *out_len = (size_t)head_bytes;
    return OK;
}

static enum err film_build(struct open_film *film)
{
    struct progressive_track tracks[FILM_TRACKS];
    char *heads[FILM_TRACKS] = { NULL };
    enum err err = OK;
    for (size_t i = 0; i < film->tracks_count && err == OK; i++) {
        tracks[i].index = &film->tracks[i]->index;
        err = head_read(film->tracks[i], &heads[i], &tracks[i].head.len);
        tracks[i].head.ptr = heads[i];
    }
    if (err == OK)
        err = progressive_build(&film->arena, tracks, film->tracks_count, &film->progressive);
    for (size_t i = 0; i < FILM_TRACKS; i++)
        heap_free(heads[i]);
    if (err == ERR_INVALID)
        return err_set(ERR_CORRUPT, "media-unservable", "the head of a track: %s",
                       err_slot()->text);
    return err;
}

enum err open_film_load(struct open_asset *asset)
{
    struct open_film *film = HEAP_NEW(struct open_film), *none = NULL;
    arena_init(&film->arena, FILM_BYTES_MAX);
    for (int kind = ASSET_VIDEO; kind <= ASSET_AUDIO; kind++) {
        const struct open_track *track = first_of(asset, (enum asset_track_kind)kind);
        if (track)
            film->tracks[film->tracks_count++] = track;
    }
    enum err err = film_build(film);
    if (err == OK)
        snprintf(film->etag, ETAG_BYTES, "\"%016llx\"",
                 (unsigned long long)str_hash(film->progressive.head));
    size_t bytes = film->arena.used_bytes;
    /* Two may have built it at once: one result stays. */
    if (err != OK || !atomic_compare_exchange_strong(&asset->film, &none, film))
        open_film_free(film);
    else
        open_cache_grow(asset, bytes);
    return err;
}

static void piece_at(const void *state, uint64_t at, struct http_piece *out)
{
    const struct open_film *film = state;
    str head = film->progressive.head;
    if (at < head.len) {
        *out = (struct http_piece){ .memory = str_skip(head, (size_t)at) };
        return;
    }
    const struct progressive_piece *piece = progressive_piece_at(&film->progressive, at);
    uint64_t into = at - piece->at;
    *out = (struct http_piece){ .file = film->tracks[piece->track]->file,
                                .offset = piece->offset + into,
                                .size_bytes = piece->size_bytes - into };
}

bool open_film_reply(const struct open_asset *asset, struct http_response *response)
{
    const struct open_film *film = atomic_load_explicit(&asset->film, memory_order_acquire);
    if (!film)
        return false;
    str type = film->tracks[0]->kind == ASSET_VIDEO ? STR("video/mp4") : STR("audio/mp4");
    http_reply_pieces(response, type, film->progressive.size_bytes, piece_at, film);
    response->etag = str_of(film->etag);
    return true;
}
