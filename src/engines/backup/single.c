/*
 * single: a backup in one file. "KINOBKUP", the format, then records of a kind, a length and bytes:
 * the head of the manifest, contents in any order, the manifest. Which content is which file stands
 * in the manifest alone, by hash. Nothing follows it.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PREFIX_BYTES = 16, RECORD_BYTES = 16, PIECE_BYTES = 1 << 18 };
enum record_kind { RECORD_HEAD = 'H', RECORD_CONTENT = 'C', RECORD_MANIFEST = 'M' };
static const char prefix[PREFIX_BYTES] = "KINOBKUP\1";

static void be64_put(char *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (char)(uint8_t)(value >> (56 - 8 * i));
}

static uint64_t be64_get(const char *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | (uint8_t)bytes[i];
    return value;
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct single_writer {
    struct writer base;
    struct sink *sink;
    struct digest *digest;
    char fresh[BACKUP_PATH_MAX]; /* until it is whole */
    /* What has been written of the size that is being written: contents come ordered by size. */
    uint64_t run_size_bytes;
    uint8_t (*run)[BACKUP_HASH_BYTES];
    size_t run_count, run_capacity;
};

static struct single_writer *single_of(struct writer *writer)
{
    return (struct single_writer *)writer;
}

static enum err record_begin(struct single_writer *single, enum record_kind kind,
                             uint64_t size_bytes)
{
    char record[RECORD_BYTES] = { (char)kind };
    be64_put(record + 8, size_bytes);
    return sink_write(single->sink, (str){ record, sizeof(record) });
}

static enum err single_begin(struct writer *writer, const struct manifest *head)
{
    struct single_writer *single = single_of(writer);
    struct buf text;
    buf_init(&text, writer->arena, HEAD_BYTES_MAX);
    manifest_head_write(&text, head);
    if (text.overflowed)
        return err_set(ERR_TOO_LARGE, "backup-head", "there are too many modules for one backup");
    TRY(sink_write(single->sink, (str){ prefix, sizeof(prefix) }));
    TRY(record_begin(single, RECORD_HEAD, text.len));
    return sink_write(single->sink, buf_str(&text));
}

static enum err on_hashed(void *arg, str piece)
{
    struct single_writer *single = arg;
    digest_add(single->digest, piece);
    return progress_add(single->base.progress, 0);
}

static enum err on_copied(void *arg, str piece)
{
    struct single_writer *single = arg;
    digest_add(single->digest, piece);
    TRY(sink_write(single->sink, piece));
    return progress_add(single->base.progress, piece.len);
}

static enum err content_walk(struct single_writer *single, const struct content *content,
                             piece_fn fn, uint8_t out_sha256[BACKUP_HASH_BYTES])
{
    single->digest = digest_open();
    enum err result =
        file_pieces(content->fd, content->entry->name.ptr, content->entry->size_bytes, fn, single);
    digest_close(single->digest, out_sha256);
    return result;
}

static bool run_has(const struct single_writer *single, const uint8_t *sha256)
{
    for (size_t i = 0; i < single->run_count; i++)
        if (memcmp(single->run[i], sha256, BACKUP_HASH_BYTES) == 0)
            return true;
    return false;
}

static void run_add(struct single_writer *single, const struct entry *entry)
{
    if (single->run_size_bytes != entry->size_bytes)
        single->run_count = 0;
    single->run_size_bytes = entry->size_bytes;
    if (single->run_count == single->run_capacity) {
        single->run_capacity = MAX_OF(single->run_capacity * 2, (size_t)16);
        single->run = heap_resize(single->run, single->run_capacity * sizeof(*single->run));
    }
    memcpy(single->run[single->run_count++], entry->sha256, BACKUP_HASH_BYTES);
}

static enum err single_put(struct writer *writer, const struct content *content)
{
    struct single_writer *single = single_of(writer);
    struct entry *entry = content->entry;
    bool same_size = single->run_count && single->run_size_bytes == entry->size_bytes;
    if (same_size) {
        TRY(content_walk(single, content, on_hashed, entry->sha256));
        if (run_has(single, entry->sha256))
            return progress_add(writer->progress, entry->size_bytes);
    }
    TRY(record_begin(single, RECORD_CONTENT, entry->size_bytes));
    TRY(content_walk(single, content, on_copied, entry->sha256));
    run_add(single, entry);
    writer->totals->copied_bytes += entry->size_bytes;
    writer->totals->copied_files++;
    return OK;
}

static enum err single_finish(struct writer *writer, struct manifest *manifest)
{
    struct single_writer *single = single_of(writer);
    char folder[BACKUP_PATH_MAX];
    struct buf text;
    buf_init(&text, NULL, MANIFEST_BYTES_MAX);
    manifest_write(&text, manifest);
    enum err result = text.overflowed
                          ? err_set(ERR_TOO_LARGE, "backup-manifest", "there are too many files")
                          : record_begin(single, RECORD_MANIFEST, text.len);
    if (result == OK)
        result = sink_write(single->sink, buf_str(&text));
    buf_deinit(&text);
    TRY(result);
    result = sink_close(single->sink, true);
    single->sink = NULL;
    TRY(result);
    if (rename(single->fresh, writer->target->path) != 0)
        return file_error("rename to", writer->target->path);
    snprintf(folder, sizeof(folder), "%s", writer->target->path);
    char *slash = strrchr(folder, '/');
    snprintf(writer->totals->place, sizeof(writer->totals->place), "%s", writer->target->path);
    if (slash)
        *slash = 0;
    return sync_folder(!slash ? "." : *folder ? folder : "/");
}

static void single_drop(struct writer *writer)
{
    struct single_writer *single = single_of(writer);
    sink_abort(single->sink);
    keys_forget(&single->base.keys);
    heap_free(single->run);
    heap_free(single);
}

static const struct writer_ops single_ops = { single_begin, single_put, single_finish,
                                              single_drop };

enum err single_writer_open(struct writer *base, struct writer **out_writer)
{
    struct single_writer *single = HEAP_NEW(struct single_writer);
    single->base = *base;
    single->base.ops = &single_ops;
    enum err result = OK;
    if (snprintf(single->fresh, sizeof(single->fresh), "%s.part", base->target->path) >=
        (int)sizeof(single->fresh))
        result = err_set(ERR_INVALID, "backup-path", "the path of the backup is too long");
    if (result == OK)
        result = keys_new(&single->base.keys);
    if (result == OK)
        result = sink_open(single->fresh, single->base.keys.made ? &single->base.keys.key : NULL,
                           &single->sink);
    if (result != OK) {
        heap_free(single);
        return result;
    }
    *out_writer = &single->base;
    return OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct seen {
    uint64_t size_bytes;
    uint8_t sha256[BACKUP_HASH_BYTES];
};

struct single_reader {
    struct reading *reading;
    struct feed *feed;
    struct seen *seen; /* on the heap */
    size_t seen_count, seen_capacity;
};

static enum err broken(const char *what)
{
    return err_set(ERR_CORRUPT, "backup-damaged", "%s", what);
}

static enum err record_read(struct single_reader *reader, char *out_kind, uint64_t *out_size)
{
    char record[RECORD_BYTES];
    static const char zeros[7];
    TRY(feed_read_all(reader->feed, record, sizeof(record)));
    if (memcmp(record + 1, zeros, sizeof(zeros)) != 0)
        return broken("the head of a record is damaged");
    *out_kind = record[0];
    *out_size = be64_get(record + 8);
    return OK;
}

/* A text of the backup, no longer than the file that holds it. */
static enum err text_read(struct single_reader *reader, uint64_t size_bytes, uint64_t max_bytes,
                          str *out_text)
{
    if (size_bytes > max_bytes || size_bytes > feed_size_bytes(reader->feed))
        return broken("a record is longer than it can be");
    char *text = arena_try(reader->reading->arena, (size_t)size_bytes + 1);
    if (!text)
        return err_set(ERR_EXHAUSTED, "memory", "there is no memory for the manifest");
    TRY(feed_read_all(reader->feed, text, (size_t)size_bytes));
    text[size_bytes] = 0;
    *out_text = (str){ text, (size_t)size_bytes };
    return OK;
}

static enum err head_read(struct single_reader *reader)
{
    struct reading *reading = reader->reading;
    char begin[PREFIX_BYTES], kind;
    struct manifest head;
    uint64_t size_bytes;
    str text;
    TRY(feed_read_all(reader->feed, begin, sizeof(begin)));
    if (memcmp(begin, prefix, 8) != 0)
        return err_set(ERR_NOT_FOUND, "no-backup", "it is no backup of kinobezdna");
    if (memcmp(begin, prefix, sizeof(begin)) != 0)
        return err_set(ERR_PRECONDITION, "backup-newer",
                       "the backup has format %u, this program knows format 1: use the newer "
                       "program",
                       (uint8_t)begin[8]);
    TRY(record_read(reader, &kind, &size_bytes));
    if (kind != RECORD_HEAD)
        return broken("the backup does not begin with its head");
    TRY(text_read(reader, size_bytes, HEAD_BYTES_MAX, &text));
    TRY(manifest_head_parse(reading->arena, text, &head));
    TRY(manifest_known(&head, reading->given));
    if (reading->progress)
        atomic_store(&reading->progress->total_bytes, feed_size_bytes(reader->feed));
    return reading->visitor->on_head ? reading->visitor->on_head(reading->visitor->arg, &head,
                                                                 feed_size_bytes(reader->feed))
                                     : OK;
}

static void seen_add(struct single_reader *reader, const struct seen *seen)
{
    if (reader->seen_count == reader->seen_capacity) {
        reader->seen_capacity = MAX_OF(reader->seen_capacity * 2, (size_t)64);
        reader->seen = heap_resize(reader->seen, reader->seen_capacity * sizeof(*reader->seen));
    }
    reader->seen[reader->seen_count++] = *seen;
}

static enum err content_pieces(struct single_reader *reader, struct digest *digest,
                               uint64_t size_bytes)
{
    const struct visitor *visitor = reader->reading->visitor;
    char *room = heap_alloc(PIECE_BYTES);
    enum err result = OK;
    while (result == OK && size_bytes) {
        size_t got = 0;
        size_t len = (size_t)MIN_OF(size_bytes, (uint64_t)PIECE_BYTES);
        result = feed_read(reader->feed, room, len, &got);
        if (result == OK && got == 0)
            result = broken("the backup is cut off");
        if (result != OK)
            break;
        digest_add(digest, (str){ room, got });
        if (visitor->on_piece)
            result = visitor->on_piece(visitor->arg, (str){ room, got });
        size_bytes -= got;
        if (result == OK)
            result = progress_add(reader->reading->progress, got);
    }
    heap_free(room);
    return result;
}

static enum err content_read(struct single_reader *reader, uint64_t size_bytes)
{
    const struct visitor *visitor = reader->reading->visitor;
    struct seen seen = { .size_bytes = size_bytes };
    if (reader->seen_count == ENTRIES_MAX)
        return broken("there are more contents than a backup can have");
    if (visitor->on_begin)
        TRY(visitor->on_begin(visitor->arg, size_bytes));
    struct digest *digest = digest_open();
    enum err result = content_pieces(reader, digest, size_bytes);
    digest_close(digest, seen.sha256);
    TRY(result);
    seen_add(reader, &seen);
    return visitor->on_end ? visitor->on_end(visitor->arg, seen.sha256) : OK;
}

static int by_hash(const void *a, const void *b)
{
    const struct seen *left = a, *right = b;
    int order = memcmp(left->sha256, right->sha256, BACKUP_HASH_BYTES);
    if (order == 0 && left->size_bytes != right->size_bytes)
        order = left->size_bytes < right->size_bytes ? -1 : 1;
    return order;
}

static enum err all_seen(struct single_reader *reader, const struct manifest *manifest)
{
    if (reader->seen_count)
        qsort(reader->seen, reader->seen_count, sizeof(*reader->seen), by_hash);
    for (size_t i = 0; i < manifest->entries_count; i++) {
        const struct entry *entry = &manifest->entries[i];
        struct seen wanted = { .size_bytes = entry->size_bytes };
        memcpy(wanted.sha256, entry->sha256, BACKUP_HASH_BYTES);
        bool found = reader->seen_count &&
                     bsearch(&wanted, reader->seen, reader->seen_count, sizeof(wanted), by_hash);
        if (!found)
            TRY(damage(reader->reading, entry->name.ptr, "its content is damaged or missing"));
    }
    return OK;
}

static enum err records_read(struct single_reader *reader, struct manifest *out_manifest)
{
    struct reading *reading = reader->reading;
    uint64_t size_bytes;
    size_t got;
    char kind, more;
    str text;
    TRY(head_read(reader));
    TRY(record_read(reader, &kind, &size_bytes));
    while (kind == RECORD_CONTENT) {
        TRY(content_read(reader, size_bytes));
        TRY(record_read(reader, &kind, &size_bytes));
    }
    if (kind != RECORD_MANIFEST)
        return broken("the head of a record is damaged");
    TRY(text_read(reader, size_bytes, MANIFEST_BYTES_MAX, &text));
    TRY(feed_read(reader->feed, &more, 1, &got));
    if (got)
        return broken("something follows the end of the backup");
    TRY(manifest_parse(reading->arena, text, out_manifest));
    TRY(manifest_known(out_manifest, reading->given));
    for (size_t i = 0; i < out_manifest->entries_count; i++) { /* names as C strings */
        struct entry *entry = &out_manifest->entries[i];
        entry->name = arena_str(reading->arena, entry->name);
    }
    return all_seen(reader, out_manifest);
}

enum err single_read(struct reading *reading, const char *path, struct manifest *out_manifest)
{
    struct single_reader reader = { .reading = reading };
    TRY(feed_open(path, &reading->keys, &reader.feed));
    reading->sealed = feed_sealed(reader.feed);
    enum err result = records_read(&reader, out_manifest);
    feed_close(reader.feed);
    heap_free(reader.seen);
    return result;
}
