/*
 * ingest_film_source: what a film is made from: its file, or the parts it comes in, and the sound
 * beside it. Parts that are alike are read by ffmpeg one after another; others are made one film
 * first (ingest_join.c).
 */
#include "ingest_film.h"

#include "ingest_join.h"

#include "engines/blob/blob.h"
#include "foundation/crypto/crypto.h"
#include "foundation/task/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_BYTES = 64 << 10 };

struct look {
    str path;
    int64_t size_bytes, modified_ns;
    uint8_t hash[SHA256_BYTES];
    struct arena *arena;
};

static enum err read_part(const struct look *look, int fd, int64_t offset, size_t len, char *out)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("read the film");
        if (got == 0)
            return INGEST_FAIL(ERR_INVALID, look->arena, FILM_CHANGING);
        out += got;
        offset += got;
        len -= (size_t)got;
    }
    return OK;
}

/* The fingerprint: size, first and last bytes. */
static enum err look_inside(struct look *look, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return err_errno("look at the film");
    if (!S_ISREG(info.st_mode))
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_NO_FILE);
    if (info.st_size == 0)
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_EMPTY);
    look->size_bytes = info.st_size;
    look->modified_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    size_t part = (size_t)MIN_OF(look->size_bytes, (int64_t)PART_BYTES);
    size_t len = sizeof(look->size_bytes) + 2 * part;
    char *bytes = arena_alloc(look->arena, len);
    memcpy(bytes, &look->size_bytes, sizeof(look->size_bytes));
    TRY(read_part(look, fd, 0, part, bytes + sizeof(look->size_bytes)));
    TRY(read_part(look, fd, look->size_bytes - (int64_t)part, part,
                  bytes + sizeof(look->size_bytes) + part));
    crypto_sha256((str){ bytes, len }, look->hash);
    return OK;
}

static enum err look_blocking(void *arg)
{
    struct look *look = arg;
    int fd = open(look->path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_GONE);
    if (fd < 0)
        return err_errno("open the film");
    enum err result = look_inside(look, fd);
    close(fd);
    return result;
}

/* A sentence about one of several parts names it. */
static enum err part_blame(const struct film *film, size_t i, enum err result)
{
    struct arena *arena = task_arena();
    if (result != ERR_INVALID || film->parts_count == 1)
        return result;
    str cause = arena_str(arena, str_of(err_slot()->text));
    return INGEST_FAIL(ERR_INVALID, arena, PART_FAILED, arena_printf(arena, "%zu", i + 1), cause);
}

static enum err parts_of_task(struct film *film)
{
    film->parts_count = 1;
    film->parts[0].path = film->path;
    for (size_t i = 0; i < film->task.parts.count && film->parts_count < UNIT_PARTS_MAX; i++)
        TRY(ingest_path_from_hex(task_arena(), film->task.parts.items[i],
                                 &film->parts[film->parts_count++].path));
    return OK;
}

enum err ingest_film_look(struct film *film)
{
    char *hex = arena_alloc(task_arena(), 2 * SHA256_BYTES + 1);
    TRY(parts_of_task(film));
    film->sources_bytes = 0;
    for (size_t i = 0; i < film->parts_count; i++) {
        struct film_part *part = &film->parts[i];
        struct look look = { .path = part->path, .arena = task_arena() };
        TRY(part_blame(film, i, await_blocking(ingest.files, look_blocking, &look)));
        part->size_bytes = look.size_bytes;
        part->modified_ns = look.modified_ns;
        film->sources_bytes += (uint64_t)look.size_bytes;
        if (i == 0)
            crypto_hex(look.hash, SHA256_BYTES, hex);
    }
    film->fingerprint = (str){ hex, 2 * (size_t)SHA256_BYTES };
    return OK;
}

void ingest_film_note(struct film *film, str reason)
{
    if (film->notes_count < FILM_NOTES_MAX)
        film->notes[film->notes_count++] = reason;
}

static void source_add(struct film *film, str path, str language, str label)
{
    size_t i = film->sources_count++;
    film->paths[i] = path;
    film->sources[i] = (struct plan_source){ &film->probes[i], language, label };
}

/* --- Parts ------------------------------------------------------------------------------------ */

static enum err parts_probe(struct film *film, struct probe *probes)
{
    struct arena *arena = task_arena();
    int64_t begin_ms = 0;
    for (size_t i = 0; i < film->parts_count; i++) {
        TRY(part_blame(film, i, ingest_film_probe(film->parts[i].path, &probes[i])));
        if (probes[i].duration_ms <= 0)
            return INGEST_FAIL(ERR_INVALID, arena, PART_LENGTH, arena_printf(arena, "%zu", i + 1));
        film->parts[i].begin_ms = begin_ms;
        begin_ms += probes[i].duration_ms;
    }
    return OK;
}

/* The first part's tracks, as long as all parts together. */
static struct probe probe_of_all(const struct film *film, const struct probe *probes)
{
    struct probe all = probes[0];
    const struct film_part *last = &film->parts[film->parts_count - 1];
    all.duration_ms = last->begin_ms + probes[film->parts_count - 1].duration_ms;
    all.size_bytes = (int64_t)film->sources_bytes;
    for (size_t i = 0; i < all.streams_count; i++)
        if (all.streams[i].duration_ms)
            all.streams[i].duration_ms = all.duration_ms;
    return all;
}

static enum err parts_join(struct film *film)
{
    struct arena *arena = task_arena();
    struct probe *probes = ARENA_ARRAY(arena, film->parts_count, struct probe);
    str paths[UNIT_PARTS_MAX];
    TRY(parts_probe(film, probes));
    for (size_t i = 0; i < film->parts_count; i++)
        paths[i] = film->parts[i].path;
    struct join join = { .paths = paths,
                         .probes = probes,
                         .count = film->parts_count,
                         .sources_bytes = film->sources_bytes };
    ingest_film_note(
        film, INGEST_REASON(arena, PARTS_JOINED, arena_printf(arena, "%zu", film->parts_count)));
    str difference = ingest_join_difference(&join);
    if (!difference.len) {
        TRY(ingest_join_list(&join, &film->joined));
        film->listed = true;
        film->probes[0] = probe_of_all(film, probes);
    } else {
        TRY(ingest_file_state_put(film->task.file_id, "transcoding", STR("")));
        TRY(ingest_join_make(&join, film->run, &film->joined));
        TRY(ingest_film_probe(film->joined, &film->probes[0]));
        for (size_t i = 0; i < join.notes_count; i++)
            ingest_film_note(film, join.notes[i]);
        ingest_film_note(film, INGEST_REASON(arena, VIDEO_TRANSCODED,
                                             INGEST_REASON(arena, PARTS_DIFFER, difference)));
    }
    source_add(film, film->joined, STR(""), STR(""));
    return OK;
}

void ingest_film_joined_discard(void *arg)
{
    struct film *film = arg;
    if (film->joined.ptr)
        blob_discard(ingest.blobs, film->joined);
    film->joined = STR_NONE;
}

/* --- The sound beside it ---------------------------------------------------------------------- */

/* One that cannot be read is left out and said. */
static enum err sound_add(struct film *film, const struct film_sidecar *sidecar)
{
    struct arena *arena = task_arena();
    struct probe *probe = &film->probes[film->sources_count];
    str path;
    if (film->sources_count == PLAN_SOURCES_MAX) {
        ingest_film_note(
            film, INGEST_REASON(arena, AUDIO_OVER, arena_printf(arena, "%d", PLAN_AUDIO_MAX)));
        return OK;
    }
    if (film->parts_count > 1) { /* it is as long as its part */
        ingest_film_note(
            film, INGEST_REASON(arena, SOUND_FILE_LEFT_OUT, INGEST_REASON(arena, SOUND_OF_PART)));
        return OK;
    }
    TRY(ingest_path_from_hex(arena, sidecar->path, &path));
    enum err result = ingest_film_probe(path, probe);
    if (result == OK) {
        film->sources_bytes += (uint64_t)probe->size_bytes;
        source_add(film, path, sidecar->language, sidecar->label);
    } else if (result == ERR_INVALID) {
        ingest_film_note(film, INGEST_REASON(arena, SOUND_FILE_LEFT_OUT, str_of(err_slot()->text)));
    }
    return result == ERR_INVALID ? OK : result;
}

enum err ingest_film_probe_sources(struct film *film)
{
    if (film->parts_count > 1) {
        TRY(parts_join(film));
    } else {
        TRY(ingest_film_probe(film->path, &film->probes[0]));
        source_add(film, film->path, STR(""), STR(""));
    }
    for (size_t i = 0; i < film->task.sidecars.count; i++)
        if (str_eq(film->task.sidecars.items[i].kind, STR("audio")))
            TRY(sound_add(film, &film->task.sidecars.items[i]));
    return OK;
}
