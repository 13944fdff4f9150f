/*
 * stream: files written and read from one end to the other, sealed or not, and the reading of the
 * cinema's own files beside its viewers.
 */
#include "internal.h"

#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEALED_BYTES = SEAL_CHUNK_BYTES + SEAL_TAG_BYTES, PIECE_BYTES = 1 << 20 };
#define FLUSH_BYTES ((uint64_t)8 << 20)

enum err file_error(const char *verb, const char *path)
{
    char what[ERR_TEXT_MAX];
    int number = errno;
    if (number == ENOSPC || number == EDQUOT)
        return err_set(ERR_EXHAUSTED, "disk-full", "no space left on the disk for %s", path);
    snprintf(what, sizeof(what), "%s %s", verb, path);
    errno = number;
    return err_errno(what);
}

enum err sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error("open", path);
    enum err result = fsync(fd) == 0 ? OK : file_error("sync", path);
    close(fd);
    return result;
}

struct err_slot *detail_keep(void)
{
    struct err_slot *kept = HEAP_NEW(struct err_slot);
    *kept = *err_slot();
    return kept;
}

void detail_back(struct err_slot *kept)
{
    *err_slot() = *kept;
    heap_free(kept);
}

enum err progress_add(struct backup_progress *progress, uint64_t bytes)
{
    if (!progress)
        return OK;
    atomic_fetch_add_explicit(&progress->done_bytes, bytes, memory_order_relaxed);
    return atomic_load(&progress->cancel) ? err_set(ERR_CANCELLED, NULL, "it was given up") : OK;
}

/* --- Hashes and keys -------------------------------------------------------------------------- */

struct digest *digest_open(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        PANIC("no SHA-256");
    return (struct digest *)context;
}

void digest_add(struct digest *digest, str bytes)
{
    EVP_DigestUpdate((EVP_MD_CTX *)digest, bytes.ptr, bytes.len);
}

void digest_close(struct digest *digest, uint8_t out_sha256[BACKUP_HASH_BYTES])
{
    if (out_sha256)
        EVP_DigestFinal_ex((EVP_MD_CTX *)digest, out_sha256, NULL);
    EVP_MD_CTX_free((EVP_MD_CTX *)digest);
}

enum err keys_make(struct keys *keys, const uint8_t salt[SEAL_SALT_BYTES])
{
    if (keys->made && memcmp(keys->key.salt, salt, SEAL_SALT_BYTES) == 0)
        return OK;
    if (keys->passphrase.len == 0)
        return err_set(ERR_FORBIDDEN, "passphrase-needed",
                       "the backup is sealed with a passphrase and none was given");
    TRY(seal_key_make(keys->passphrase, salt, &keys->key));
    keys->made = true;
    return OK;
}

enum err keys_new(struct keys *keys)
{
    uint8_t salt[SEAL_SALT_BYTES];
    if (keys->passphrase.len == 0)
        return OK;
    crypto_random(salt, sizeof(salt));
    return keys_make(keys, salt);
}

void keys_forget(struct keys *keys)
{
    seal_key_forget(&keys->key);
    keys->made = false;
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct sink {
    int fd;
    char path[BACKUP_PATH_MAX];
    struct seal *seal;
    uint64_t written_bytes, flushed_bytes;
    size_t len; /* gathered, not yet written */
    char gathered[SEAL_CHUNK_BYTES];
    uint8_t sealed[SEALED_BYTES];
};

static enum err fd_write(struct sink *sink, str bytes)
{
    sink->written_bytes += bytes.len;
    while (bytes.len) {
        ssize_t written = write(sink->fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return file_error("write", sink->path);
        bytes = str_skip(bytes, (size_t)written);
    }
    return OK;
}

/* Written pages go to the disk steadily and leave memory to the viewers. */
static void flush_behind(struct sink *sink)
{
    off_t from = (off_t)sink->flushed_bytes;
    if (sink->written_bytes - sink->flushed_bytes < FLUSH_BYTES)
        return;
    off_t len = (off_t)(sink->written_bytes - sink->flushed_bytes);
    (void)sync_file_range(sink->fd, from, len,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
    (void)posix_fadvise(sink->fd, from, len, POSIX_FADV_DONTNEED);
    sink->flushed_bytes = sink->written_bytes;
}

static enum err chunk_write(struct sink *sink, bool last)
{
    str plain = { sink->gathered, sink->len };
    sink->len = 0;
    if (sink->seal) {
        seal_chunk(sink->seal, plain, last, sink->sealed);
        plain = (str){ (const char *)sink->sealed, plain.len + SEAL_TAG_BYTES };
    }
    TRY(fd_write(sink, plain));
    flush_behind(sink);
    return OK;
}

enum err sink_open(const char *path, const struct seal_key *key, struct sink **out_sink)
{
    uint8_t header[SEAL_HEADER_BYTES];
    struct sink *sink = HEAP_NEW(struct sink);
    snprintf(sink->path, sizeof(sink->path), "%s", path);
    sink->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (sink->fd < 0) {
        enum err result = file_error("create", path);
        heap_free(sink);
        return result;
    }
    enum err result = key ? seal_begin(key, header, &sink->seal) : OK;
    if (result == OK && key)
        result = fd_write(sink, (str){ (const char *)header, sizeof(header) });
    if (result != OK) {
        sink_abort(sink);
        return result;
    }
    *out_sink = sink;
    return OK;
}

/* A full chunk stays gathered until more comes: the last one must be known as such. */
enum err sink_write(struct sink *sink, str bytes)
{
    while (bytes.len) {
        if (sink->len == SEAL_CHUNK_BYTES)
            TRY(chunk_write(sink, false));
        str part = str_sub(bytes, 0, SEAL_CHUNK_BYTES - sink->len);
        memcpy(sink->gathered + sink->len, part.ptr, part.len);
        sink->len += part.len;
        bytes = str_skip(bytes, part.len);
    }
    return OK;
}

static void sink_free(struct sink *sink)
{
    close(sink->fd);
    seal_close(sink->seal);
    heap_free(sink);
}

enum err sink_close(struct sink *sink, bool sync)
{
    enum err result = chunk_write(sink, true);
    if (result == OK && sync && fsync(sink->fd) != 0)
        result = file_error("sync", sink->path);
    if (result != OK) {
        sink_abort(sink);
        return result;
    }
    (void)posix_fadvise(sink->fd, 0, 0, POSIX_FADV_DONTNEED);
    sink_free(sink);
    return OK;
}

void sink_abort(struct sink *sink)
{
    if (!sink)
        return;
    unlink(sink->path);
    sink_free(sink);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct feed {
    int fd;
    char path[BACKUP_PATH_MAX];
    struct seal *seal;
    uint64_t size_bytes, read_bytes; /* of the file */
    size_t at, len;                  /* of what has been read and not been taken */
    char chunk[SEALED_BYTES];
    uint8_t plain[SEALED_BYTES];
};

static enum err cut_off(const struct feed *feed)
{
    return err_set(ERR_CORRUPT, "backup-damaged", "%s is cut off after %llu bytes", feed->path,
                   (unsigned long long)feed->read_bytes);
}

static enum err fd_read(struct feed *feed, void *out, size_t size_bytes)
{
    size_t done = 0;
    while (done < size_bytes) {
        ssize_t got = read(feed->fd, (char *)out + done, size_bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error("read", feed->path);
        if (got == 0)
            return cut_off(feed);
        done += (size_t)got;
        feed->read_bytes += (uint64_t)got;
    }
    return OK;
}

static enum err chunk_read(struct feed *feed)
{
    uint64_t left = feed->size_bytes - feed->read_bytes;
    size_t len = (size_t)MIN_OF(left, (uint64_t)SEALED_BYTES);
    TRY(fd_read(feed, feed->chunk, len));
    feed->at = 0;
    feed->len = len;
    if (!feed->seal) {
        memcpy(feed->plain, feed->chunk, len);
        return OK;
    }
    bool last = feed->read_bytes == feed->size_bytes;
    if (seal_chunk_open(feed->seal, (str){ feed->chunk, len }, last, feed->plain) != OK)
        return err_prefix("%s", feed->path);
    feed->len = len - SEAL_TAG_BYTES;
    return OK;
}

static enum err feed_unseal(struct feed *feed, struct keys *keys)
{
    char header[SEAL_HEADER_BYTES];
    uint8_t salt[SEAL_SALT_BYTES];
    size_t len = (size_t)MIN_OF(feed->size_bytes, (uint64_t)sizeof(header));
    TRY(fd_read(feed, header, len));
    if (!seal_is_header((str){ header, len })) {
        feed->read_bytes = 0;
        return lseek(feed->fd, 0, SEEK_SET) == 0 ? OK : file_error("read", feed->path);
    }
    TRY(seal_header_salt((str){ header, len }, salt));
    TRY(keys_make(keys, salt));
    return seal_open(&keys->key, (str){ header, len }, &feed->seal);
}

enum err feed_open_fd(int fd, const char *path, struct keys *keys, struct feed **out_feed)
{
    struct stat info;
    struct feed *feed = HEAP_NEW(struct feed);
    feed->fd = fd;
    snprintf(feed->path, sizeof(feed->path), "%s", path);
    enum err result = fstat(fd, &info) == 0 ? OK : file_error("stat", path);
    if (result == OK && !S_ISREG(info.st_mode))
        result = err_set(ERR_NOT_FOUND, "no-backup", "%s is no file", path);
    if (result == OK) {
        feed->size_bytes = (uint64_t)info.st_size;
        result = feed_unseal(feed, keys);
    }
    if (result != OK) {
        feed_close(feed);
        return result;
    }
    *out_feed = feed;
    return OK;
}

enum err feed_open(const char *path, struct keys *keys, struct feed **out_feed)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? feed_open_fd(fd, path, keys, out_feed) : file_error("open", path);
}

void feed_close(struct feed *feed)
{
    close(feed->fd);
    seal_close(feed->seal);
    heap_free(feed);
}

bool feed_sealed(const struct feed *feed)
{
    return feed->seal != NULL;
}

uint64_t feed_size_bytes(const struct feed *feed)
{
    return feed->size_bytes;
}

enum err feed_read(struct feed *feed, void *out, size_t size_bytes, size_t *out_got)
{
    if (feed->at == feed->len && feed->read_bytes < feed->size_bytes)
        TRY(chunk_read(feed));
    size_t got = MIN_OF(size_bytes, feed->len - feed->at);
    memcpy(out, feed->plain + feed->at, got);
    feed->at += got;
    *out_got = got;
    return OK;
}

enum err feed_read_all(struct feed *feed, void *out, size_t size_bytes)
{
    size_t done = 0, got = 0;
    while (done < size_bytes) {
        TRY(feed_read(feed, (char *)out + done, size_bytes - done, &got));
        if (got == 0)
            return cut_off(feed);
        done += got;
    }
    return OK;
}

/* --- The cinema's own files ------------------------------------------------------------------- */

/*
 * What was in memory already somebody watches: it stays. What was read for the backup alone goes
 * again at once.
 */
static ssize_t read_beside(int fd, char *out, size_t len, off_t at)
{
    struct iovec piece = { out, len };
    ssize_t got = preadv2(fd, &piece, 1, at, RWF_NOWAIT);
    if (got == (ssize_t)len)
        return got;
    got = pread(fd, out, len, at);
    if (got > 0)
        (void)posix_fadvise(fd, at, got, POSIX_FADV_DONTNEED);
    return got;
}

static enum err pieces_read(int fd, const char *name, uint64_t size_bytes, struct iovec room,
                            const struct visitor *to)
{
    for (uint64_t at = 0; at < size_bytes;) {
        size_t len = (size_t)MIN_OF(size_bytes - at, (uint64_t)room.iov_len);
        ssize_t got = read_beside(fd, room.iov_base, len, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error("read", name);
        if (got == 0)
            return err_set(ERR_CORRUPT, "file-short", "%s ends after %llu of %llu bytes", name,
                           (unsigned long long)at, (unsigned long long)size_bytes);
        TRY(to->on_piece(to->arg, (str){ room.iov_base, (size_t)got }));
        at += (uint64_t)got;
    }
    return OK;
}

enum err file_pieces(int fd, const char *name, uint64_t size_bytes, piece_fn fn, void *arg)
{
    struct visitor to = { .on_piece = fn, .arg = arg };
    struct iovec room = { heap_alloc(PIECE_BYTES), PIECE_BYTES };
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* no reading ahead that nobody takes back */
    enum err result = pieces_read(fd, name, size_bytes, room, &to);
    heap_free(room.iov_base);
    return result;
}
