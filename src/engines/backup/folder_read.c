/* folder_read: one backup of a folder of them. */
#include "folder_common.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 18 };

enum err folder_find(struct arena *arena, const char *path, const char **out_manifest)
{
    struct stat info;
    struct manifests list;
    const char *slash = strrchr(path, '/');
    *out_manifest = NULL;
    if (stat(path, &info) != 0)
        return errno == ENOENT ? err_set(ERR_NOT_FOUND, "no-backup", "there is no %s", path)
                               : file_error("look at", path);
    if (strlen(path) + 128 > BACKUP_PATH_MAX)
        return err_set(ERR_INVALID, "backup-path", "the path of the backup is too long");
    if (S_ISDIR(info.st_mode)) {
        TRY(manifests_list(arena, path, &list));
        if (list.count == 0)
            return err_set(ERR_NOT_FOUND, "no-backup", "there is no backup in the folder %s", path);
        *out_manifest = list.paths[list.count - 1];
    } else if (str_starts(str_of(slash ? slash + 1 : path), STR(MANIFEST_PREFIX))) {
        *out_manifest = slash ? path : arena_printf(arena, "./%s", path).ptr;
    }
    return OK;
}

struct object {
    struct reading *reading;
    struct feed *feed;
    const struct entry *entry;
    uint8_t sha256[BACKUP_HASH_BYTES];
    uint64_t size_bytes;
};

static enum err object_pieces(struct object *object, struct digest *digest, char *room)
{
    const struct visitor *visitor = object->reading->visitor;
    for (;;) {
        size_t got = 0;
        TRY(feed_read(object->feed, room, PIECE_BYTES, &got));
        if (got == 0)
            return OK;
        object->size_bytes += got;
        digest_add(digest, (str){ room, got });
        if (visitor->on_piece)
            TRY(visitor->on_piece(visitor->arg, (str){ room, got }));
        TRY(progress_add(object->reading->progress, got));
    }
}

static enum err object_walk(struct object *object)
{
    const struct visitor *visitor = object->reading->visitor;
    if (visitor->on_begin)
        TRY(visitor->on_begin(visitor->arg, object->entry->size_bytes));
    char *room = heap_alloc(PIECE_BYTES);
    struct digest *digest = digest_open();
    enum err result = object_pieces(object, digest, room);
    digest_close(digest, object->sha256);
    heap_free(room);
    TRY(result);
    if (object->size_bytes != object->entry->size_bytes ||
        memcmp(object->sha256, object->entry->sha256, BACKUP_HASH_BYTES) != 0)
        return err_set(ERR_CORRUPT, "backup-damaged", "its content is damaged");
    return visitor->on_end ? visitor->on_end(visitor->arg, object->sha256) : OK;
}

/* What is wrong with one object is its files' damage; a full disk or a wish to end is not. */
static enum err object_read(struct reading *reading, const char *folder, const struct entry *entry)
{
    struct object object = { .reading = reading, .entry = entry };
    uint8_t name[BACKUP_HASH_BYTES];
    char path[BACKUP_PATH_MAX];
    object_name(&reading->keys, entry->sha256, name);
    object_path(folder, name, path);
    enum err result = feed_open(path, &reading->keys, &object.feed);
    if (result == OK) {
        if (feed_sealed(object.feed) != reading->sealed)
            result = err_set(ERR_CORRUPT, "backup-damaged", "its content is damaged");
        else
            result = object_walk(&object);
        feed_close(object.feed);
    }
    if (result == OK || result == ERR_CANCELLED || result == ERR_EXHAUSTED)
        return result;
    char what[ERR_TEXT_MAX];
    snprintf(what, sizeof(what), "%s",
             result == ERR_NOT_FOUND ? "its content is missing" : err_slot()->text);
    return damage(reading, entry->name.ptr, what);
}

static int by_hash(const void *a, const void *b)
{
    return memcmp((*(const struct entry *const *)a)->sha256,
                  (*(const struct entry *const *)b)->sha256, BACKUP_HASH_BYTES);
}

static enum err objects_read(struct reading *reading, const char *folder,
                             const struct manifest *manifest)
{
    size_t count = manifest->entries_count;
    const struct entry **order = ARENA_ARRAY(reading->arena, count + 1, const struct entry *);
    for (size_t i = 0; i < count; i++)
        order[i] = &manifest->entries[i];
    if (count)
        qsort(order, count, sizeof(const struct entry *), by_hash);
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && by_hash(&order[i - 1], &order[i]) == 0 &&
                     order[i - 1]->size_bytes == order[i]->size_bytes;
        if (again)
            TRY(progress_add(reading->progress, order[i]->size_bytes));
        else
            TRY(object_read(reading, folder, order[i]));
    }
    return OK;
}

enum err folder_read(struct reading *reading, const char *path, struct manifest *out_manifest)
{
    struct manifest manifest;
    const struct visitor *visitor = reading->visitor;
    TRY(manifest_file_read(reading->arena, path, &reading->keys, &reading->sealed, &manifest));
    TRY(manifest_known(&manifest, reading->given));
    const char *folder =
        arena_cstr(reading->arena, (str){ path, (size_t)(strrchr(path, '/') - path) });
    if (reading->progress)
        atomic_store(&reading->progress->total_bytes, manifest.size_bytes);
    if (visitor->on_head)
        TRY(visitor->on_head(visitor->arg, &manifest, manifest.size_bytes));
    TRY(objects_read(reading, folder, &manifest));
    *out_manifest = manifest;
    return OK;
}
