/* ingest_index: reads the head of a stored track, builds its index, stores that beside it. */
#include "ingest_index.h"

#include "ingest.h"

#include "ingest_file.h"
#include "ingest_internal.h"

#include "engines/blob/blob.h"
#include "foundation/task/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 384 << 20, /* the largest head, and 16 bytes a sample twice over */
    PREFIX_BYTES = 64 << 10,
    FOLLOW_BYTES_MAX = 128 << 20,
};

struct work {
    struct index_request request;
    int fd, follow_fd;
    str scratch;
    struct arena arena;
    jmp_buf full;
    struct indexed_track track;
};

static enum err read_at(int fd, uint64_t offset, void *out, size_t size_bytes)
{
    char *at = out;
    while (size_bytes > 0) {
        ssize_t got = pread(fd, at, size_bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("read a stored track");
        if (got == 0)
            return err_set(ERR_INVALID, "mp4-truncated", "the stored track ends too early");
        at += got;
        offset += (uint64_t)got;
        size_bytes -= (size_t)got;
    }
    return OK;
}

static enum err read_sample(void *context, uint64_t offset, void *out, size_t size_bytes)
{
    const struct work *work = context;
    return read_at(work->fd, offset, out, size_bytes);
}

static enum err size_of(int fd, uint64_t *out_bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return err_errno("look at a stored track");
    *out_bytes = (uint64_t)info.st_size;
    return OK;
}

static enum err read_head(struct work *work, str *out_head, uint64_t *out_file_bytes)
{
    uint64_t file_bytes, head_bytes;
    TRY(size_of(work->fd, &file_bytes));
    size_t prefix_bytes = (size_t)MIN_OF(file_bytes, (uint64_t)PREFIX_BYTES);
    char *prefix = arena_alloc(&work->arena, prefix_bytes);
    TRY(read_at(work->fd, 0, prefix, prefix_bytes));
    TRY(mp4_head_size((str){ prefix, prefix_bytes }, file_bytes, &head_bytes));
    head_bytes = MIN_OF(head_bytes, file_bytes);
    if (head_bytes > MP4_HEAD_BYTES_MAX)
        return err_set(ERR_INVALID, "mp4-unsupported", "the track's head has %llu bytes",
                       (unsigned long long)head_bytes);
    char *head = arena_alloc(&work->arena, (size_t)head_bytes);
    TRY(read_at(work->fd, 0, head, (size_t)head_bytes));
    *out_head = (str){ head, (size_t)head_bytes };
    *out_file_bytes = file_bytes;
    return OK;
}

static enum err follow_open(struct work *work, struct index *out_video)
{
    uint64_t bytes;
    TRY(size_of(work->follow_fd, &bytes));
    if (bytes > FOLLOW_BYTES_MAX)
        return err_set(ERR_INVALID, "media-unsuitable", "the video has too many frames");
    char *content = arena_alloc(&work->arena, (size_t)bytes);
    TRY(read_at(work->follow_fd, 0, content, (size_t)bytes));
    return index_open((str){ content, (size_t)bytes }, out_video);
}

static void describe(const struct index *index, size_t index_bytes, struct indexed_track *out)
{
    struct index_cuts cuts = index_cuts(index);
    *out = (struct indexed_track){
        .kind = index->kind,
        .duration_ms = (int64_t)index_ticks_to_ms(index, index->duration_ticks),
        .width = index->width,
        .height = index->height,
        .channels = index->channels,
        .bandwidth = index->bandwidth_peak,
        .index_bytes = index_bytes,
        .samples = index->sample_count,
        .cuts = { cuts.open, (int64_t)index_ticks_to_ms(index, cuts.first_open_ticks),
                  (int64_t)index_ticks_to_ms(index, cuts.segment_ticks_max) },
    };
    memcpy(out->codecs, index->codecs, sizeof(out->codecs));
}

static enum err build(struct work *work)
{
    struct index_params params = { .language = work->request.language,
                                   .target_ms = INDEX_TARGET_MS,
                                   .read = read_sample,
                                   .read_context = work };
    struct index video, index;
    str bytes;
    TRY(read_head(work, &params.head, &params.file_size_bytes));
    memcpy(params.source_checksum, work->request.sha256, sizeof(params.source_checksum));
    if (work->follow_fd >= 0) {
        TRY(follow_open(work, &video));
        params.follow = &video;
    }
    TRY(index_build(&work->arena, &params, &bytes));
    TRY(index_open(bytes, &index));
    describe(&index, bytes.len, &work->track);
    return ingest_file_write(work->scratch, bytes, "the index");
}

static enum err work_blocking(void *arg)
{
    struct work *work = arg;
    enum err result;
    arena_init(&work->arena, ARENA_BYTES_MAX);
    work->arena.exhausted = &work->full;
    if (setjmp(work->full) == 0)
        result = build(work);
    else
        result = err_set(ERR_INVALID, "media-unsuitable", "the track needs too much memory");
    arena_deinit(&work->arena);
    return result;
}

static void work_close(void *arg)
{
    struct work *work = arg;
    if (work->fd >= 0)
        close(work->fd);
    if (work->follow_fd >= 0)
        close(work->follow_fd);
    work->fd = work->follow_fd = -1;
    if (work->scratch.ptr)
        blob_discard(ingest.blobs, work->scratch);
}

enum err ingest_track_index(const struct index_request *request, struct indexed_track *out_track)
{
    struct work *work = ARENA_NEW(task_arena(), struct work);
    struct blob_info info;
    work->request = *request;
    work->fd = work->follow_fd = -1;
    arena_hold(task_arena(), work_close, work);
    TRY(blob_descriptor(ingest.blobs, request->key, &work->fd));
    if (request->follow_key.len)
        TRY(blob_descriptor(ingest.blobs, request->follow_key, &work->follow_fd));
    TRY(blob_scratch(ingest.blobs, STR(".idx"), &work->scratch));
    enum err result = await_blocking(ingest.files, work_blocking, work);
    if (result == OK)
        result = blob_adopt(ingest.blobs, work->scratch, request->index_key, &info);
    if (result == OK)
        work->scratch = STR_NONE;
    work_close(work);
    work->scratch = STR_NONE;
    TRY(result);
    *out_track = work->track;
    return OK;
}

enum err ingest_index_rebuild(const struct ingest_index *index)
{
    struct index_request request = { .key = index->key,
                                     .index_key = index->index_key,
                                     .follow_key = index->follow_key,
                                     .language = index->language,
                                     .sha256 = index->sha256 };
    struct indexed_track track;
    return ingest_track_index(&request, &track);
}
