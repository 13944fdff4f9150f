/*
 * folder: many backups in one folder. Contents lie in objects/ under their hashes, once for all
 * backups; each backup is a manifest. What has the size and time it had in the last backup is not
 * read again; what was read and is there is not written again. A manifest appears when all it names
 * is on the disk. Objects that no manifest names are a broken-off backup's or an old one's, and are
 * removed before anything trusts them.
 */
#include "folder_common.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 128 }; /* for names below the folder */

struct folder_writer {
    struct writer base;
    char folder[BACKUP_PATH_MAX - PATH_ROOM];
    int lock_fd;
    bool has_previous;
    struct manifest previous;
    uint64_t last_size_bytes;
    struct sink *sink; /* of the content being copied */
    struct digest *digest;
};

static struct folder_writer *folder_of(struct writer *writer)
{
    return (struct folder_writer *)writer;
}

static void path_in(const struct folder_writer *to, const char *name, char out[BACKUP_PATH_MAX])
{
    snprintf(out, BACKUP_PATH_MAX, "%s/%s", to->folder, name);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static enum err folder_make(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? OK : file_error("create", path);
}

static enum err folder_lock(struct folder_writer *to)
{
    char path[BACKUP_PATH_MAX];
    path_in(to, "lock", path);
    to->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (to->lock_fd < 0)
        return file_error("open", path);
    if (flock(to->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    return err_set(ERR_CONFLICT, "backup-busy", "another process writes a backup to %s",
                   to->folder);
}

static enum err mixed(const struct folder_writer *to, bool sealed)
{
    return err_set(ERR_CONFLICT, "backup-mixed",
                   "the backups in %s are made with%s a passphrase: %s", to->folder,
                   sealed ? "" : "out",
                   sealed ? "give it, or take another folder" : "take another folder for this one");
}

/* The newest that can be read: what it names need not be copied, its key is that of the folder. */
static enum err previous_find(struct folder_writer *to)
{
    struct manifests list;
    struct keys *keys = &to->base.keys;
    TRY(manifests_list(to->base.arena, to->folder, &list));
    for (size_t i = list.count; i-- > 0 && !to->has_previous;) {
        bool sealed = false;
        enum err result =
            manifest_file_read(to->base.arena, list.paths[i], keys, &sealed, &to->previous);
        if (result == ERR_FORBIDDEN)
            return keys->passphrase.len ? result : mixed(to, true);
        if (result == OK && !sealed && keys->passphrase.len)
            return mixed(to, false);
        to->has_previous = result == OK;
    }
    if (!to->has_previous)
        to->previous = (struct manifest){ 0 };
    return keys->made ? OK : keys_new(keys);
}

/* From here to the manifest, objects may be there that are not whole after a power cut. */
static enum err unfinished_begin(struct folder_writer *to)
{
    char path[BACKUP_PATH_MAX];
    path_in(to, "unfinished", path);
    if (access(path, F_OK) == 0)
        TRY(objects_prune(to->base.arena, to->folder, &to->base.keys));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error("create", path);
    close(fd);
    return sync_folder(to->folder);
}

static enum err folder_open(struct folder_writer *to)
{
    char path[BACKUP_PATH_MAX];
    TRY(folder_make(to->folder));
    path_in(to, "objects", path);
    TRY(folder_make(path));
    TRY(folder_lock(to));
    TRY(previous_find(to));
    return unfinished_begin(to);
}

static void folder_drop(struct writer *writer)
{
    struct folder_writer *to = folder_of(writer);
    sink_abort(to->sink);
    if (to->lock_fd >= 0)
        close(to->lock_fd);
    keys_forget(&to->base.keys);
    heap_free(to);
}

/* --- Contents --------------------------------------------------------------------------------- */

static enum err folder_begin(struct writer *writer, const struct manifest *head)
{
    (void)writer, (void)head;
    return OK;
}

static bool object_there(const struct folder_writer *to, const struct entry *entry)
{
    uint8_t name[BACKUP_HASH_BYTES];
    char path[BACKUP_PATH_MAX];
    struct stat info;
    object_name(&to->base.keys, entry->sha256, name);
    object_path(to->folder, name, path);
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           (uint64_t)info.st_size == object_size_bytes(to->base.keys.made, entry->size_bytes);
}

/* Objects never change: the same size and time is the same content. */
static bool unchanged(const struct folder_writer *to, struct entry *entry)
{
    const struct entry *then =
        to->has_previous ? manifest_find(&to->previous, entry->kind, entry->name) : NULL;
    if (!then || then->size_bytes != entry->size_bytes || then->modified_ns != entry->modified_ns ||
        !object_there(to, then))
        return false;
    memcpy(entry->sha256, then->sha256, BACKUP_HASH_BYTES);
    return true;
}

static enum err on_hashed(void *arg, str piece)
{
    struct folder_writer *to = arg;
    digest_add(to->digest, piece);
    return progress_add(to->base.progress, 0);
}

static enum err on_copied(void *arg, str piece)
{
    struct folder_writer *to = arg;
    digest_add(to->digest, piece);
    TRY(sink_write(to->sink, piece));
    return progress_add(to->base.progress, piece.len);
}

static enum err content_walk(struct folder_writer *to, const struct content *content, piece_fn fn)
{
    struct entry *entry = content->entry;
    to->digest = digest_open();
    enum err result = file_pieces(content->fd, entry->name.ptr, entry->size_bytes, fn, to);
    digest_close(to->digest, entry->sha256);
    return result;
}

static enum err object_publish(struct folder_writer *to, const char *part,
                               const struct entry *entry)
{
    uint8_t name[BACKUP_HASH_BYTES];
    char path[BACKUP_PATH_MAX];
    object_name(&to->base.keys, entry->sha256, name);
    object_path(to->folder, name, path);
    char *slash = strrchr(path, '/');
    *slash = 0;
    TRY(folder_make(path));
    *slash = '/';
    return rename(part, path) == 0 ? OK : file_error("rename to", path);
}

static enum err content_copy(struct folder_writer *to, const struct content *content)
{
    char part[BACKUP_PATH_MAX];
    path_in(to, "objects/part", part);
    TRY(sink_open(part, to->base.keys.made ? &to->base.keys.key : NULL, &to->sink));
    TRY(content_walk(to, content, on_copied)); /* folder_drop() removes it */
    enum err result = sink_close(to->sink, false);
    to->sink = NULL;
    TRY(result);
    if (object_there(to, content->entry))
        return unlink(part) == 0 ? OK : file_error("remove", part);
    to->base.totals->copied_bytes += content->entry->size_bytes;
    to->base.totals->copied_files++;
    return object_publish(to, part, content->entry);
}

static enum err folder_put(struct writer *writer, const struct content *content)
{
    struct folder_writer *to = folder_of(writer);
    struct entry *entry = content->entry;
    bool same_size = to->last_size_bytes == entry->size_bytes;
    to->last_size_bytes = entry->size_bytes;
    if (unchanged(to, entry))
        return progress_add(writer->progress, entry->size_bytes);
    if (to->has_previous || same_size) {
        TRY(content_walk(to, content, on_hashed));
        if (object_there(to, entry))
            return progress_add(writer->progress, entry->size_bytes);
    }
    return content_copy(to, content);
}

/* --- The end ---------------------------------------------------------------------------------- */

static enum err all_sync(struct folder_writer *to)
{
    int fd = open(to->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error("open", to->folder);
    enum err result = syncfs(fd) == 0 ? OK : file_error("sync", to->folder);
    close(fd);
    return result;
}

/* Sorts as text as it does in time; a second one of the same microsecond is no case. */
static void manifest_place(struct folder_writer *to, const struct manifest *manifest)
{
    char at[INSTANT_TEXT_MAX], *out = at;
    str text = instant_format(manifest->created_at / SECONDS(1) * SECONDS(1), at);
    for (size_t i = 0; i < text.len; i++)
        if (at[i] != '-' && at[i] != ':' && at[i] != 'Z')
            *out++ = at[i];
    *out = 0;
    struct backup_totals *totals = to->base.totals;
    snprintf(totals->place, sizeof(totals->place), "%s/" MANIFEST_PREFIX "%s.%06lldZ", to->folder,
             at, (long long)(manifest->created_at % SECONDS(1)));
}

static enum err manifest_put(struct folder_writer *to, struct manifest *manifest)
{
    char part[BACKUP_PATH_MAX];
    struct buf text;
    buf_init(&text, NULL, MANIFEST_BYTES_MAX);
    manifest_write(&text, manifest);
    path_in(to, MANIFEST_PREFIX "new.part", part);
    enum err result =
        text.overflowed
            ? err_set(ERR_TOO_LARGE, "backup-manifest", "there are too many files")
            : sink_open(part, to->base.keys.made ? &to->base.keys.key : NULL, &to->sink);
    if (result == OK)
        result = sink_write(to->sink, buf_str(&text));
    buf_deinit(&text);
    TRY(result);
    result = sink_close(to->sink, true);
    to->sink = NULL;
    TRY(result);
    if (rename(part, to->base.totals->place) != 0)
        return file_error("rename to", to->base.totals->place);
    return sync_folder(to->folder);
}

/* The new backup is whole: what fails from here on is tried again by the next one. */
static void old_remove(struct folder_writer *to)
{
    struct manifests list;
    char path[BACKUP_PATH_MAX];
    unsigned keep = to->base.target->keep;
    if (manifests_list(to->base.arena, to->folder, &list) == OK && keep && list.count > keep) {
        for (size_t i = 0; i + keep < list.count; i++)
            unlink(list.paths[i]);
        objects_prune(to->base.arena, to->folder, &to->base.keys);
    }
    path_in(to, "unfinished", path);
    unlink(path);
}

static enum err folder_finish(struct writer *writer, struct manifest *manifest)
{
    struct folder_writer *to = folder_of(writer);
    TRY(all_sync(to));
    manifest_place(to, manifest);
    TRY(manifest_put(to, manifest));
    old_remove(to);
    return OK;
}

static const struct writer_ops folder_ops = { folder_begin, folder_put, folder_finish,
                                              folder_drop };

enum err folder_writer_open(struct writer *base, struct writer **out_writer)
{
    size_t len = strlen(base->target->path);
    if (len + PATH_ROOM > BACKUP_PATH_MAX)
        return err_set(ERR_INVALID, "backup-path", "the path of the backup is too long");
    struct folder_writer *to = HEAP_NEW(struct folder_writer);
    to->base = *base;
    to->base.ops = &folder_ops;
    to->lock_fd = -1;
    to->last_size_bytes = UINT64_MAX;
    while (len > 1 && base->target->path[len - 1] == '/')
        len--;
    memcpy(to->folder, base->target->path, len);
    enum err result = folder_open(to);
    if (result != OK) {
        folder_drop(&to->base);
        return result;
    }
    *out_writer = &to->base;
    return OK;
}
