/* folder_common: manifests and objects of a folder of backups, and removing what nobody names. */
#include "folder_common.h"

#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANIFESTS_MAX = 10000 };

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_manifest(const char *name)
{
    return str_starts(str_of(name), STR(MANIFEST_PREFIX)) && !str_ends(str_of(name), STR(".part"));
}

enum err manifests_list(struct arena *arena, const char *folder, struct manifests *out_list)
{
    struct manifests list = { 0 };
    struct dirent *entry;
    DIR *dir = opendir(folder);
    if (!dir && errno != ENOENT)
        return file_error("open", folder);
    list.paths = ARENA_ARRAY(arena, dir ? MANIFESTS_MAX : 1, const char *);
    while (dir && list.count < MANIFESTS_MAX && (entry = readdir(dir)))
        if (is_manifest(entry->d_name))
            list.paths[list.count++] = arena_printf(arena, "%s/%s", folder, entry->d_name).ptr;
    if (dir)
        closedir(dir);
    if (list.count)
        qsort(list.paths, list.count, sizeof(*list.paths), by_path);
    *out_list = list;
    return OK;
}

static enum err text_read(struct arena *arena, struct feed *feed, str *out_text)
{
    size_t size_bytes = (size_t)feed_size_bytes(feed), done = 0, got = 1;
    if (size_bytes > MANIFEST_BYTES_MAX)
        return err_set(ERR_CORRUPT, "backup-damaged", "the manifest is longer than it can be");
    char *text = arena_try(arena, size_bytes + 1);
    if (!text)
        return err_set(ERR_EXHAUSTED, "memory", "there is no memory for the manifest");
    while (got && done < size_bytes) {
        TRY(feed_read(feed, text + done, size_bytes - done, &got));
        done += got;
    }
    *out_text = (str){ text, done };
    return OK;
}

enum err manifest_file_read(struct arena *arena, const char *path, struct keys *keys,
                            bool *out_sealed, struct manifest *out_manifest)
{
    struct feed *feed;
    str text;
    TRY(feed_open(path, keys, &feed));
    *out_sealed = feed_sealed(feed);
    enum err result = text_read(arena, feed, &text);
    feed_close(feed);
    TRY(result);
    if (manifest_parse(arena, text, out_manifest) != OK)
        return err_prefix("%s", path);
    for (size_t i = 0; i < out_manifest->entries_count; i++)
        out_manifest->entries[i].name = arena_str(arena, out_manifest->entries[i].name);
    return OK;
}

void object_name(const struct keys *keys, const uint8_t sha256[BACKUP_HASH_BYTES],
                 uint8_t out[BACKUP_HASH_BYTES])
{
    if (keys->made)
        seal_name(&keys->key, sha256, out);
    else
        memcpy(out, sha256, BACKUP_HASH_BYTES);
}

void object_path(const char *folder, const uint8_t name[BACKUP_HASH_BYTES],
                 char out[BACKUP_PATH_MAX])
{
    char hex[SHA256_HEX_BYTES];
    crypto_hex(name, BACKUP_HASH_BYTES, hex);
    snprintf(out, BACKUP_PATH_MAX, "%s/objects/%.2s/%.64s", folder, hex, hex);
}

uint64_t object_size_bytes(bool sealed, uint64_t size_bytes)
{
    uint64_t chunks = size_bytes ? (size_bytes - 1) / SEAL_CHUNK_BYTES + 1 : 1;
    return sealed ? SEAL_HEADER_BYTES + size_bytes + chunks * SEAL_TAG_BYTES : size_bytes;
}

/* --- What nobody names ------------------------------------------------------------------------ */

struct names {
    uint8_t (*items)[BACKUP_HASH_BYTES];
    size_t count, capacity;
};

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, BACKUP_HASH_BYTES);
}

static enum err names_add(struct arena *arena, const char *path, struct keys *keys,
                          struct names *names)
{
    struct manifest manifest;
    struct arena_mark mark = arena_mark(arena);
    bool sealed;
    TRY(manifest_file_read(arena, path, keys, &sealed, &manifest));
    if (names->count + manifest.entries_count > names->capacity) {
        names->capacity = (names->count + manifest.entries_count) * 2;
        names->items = heap_resize(names->items, names->capacity * sizeof(*names->items));
    }
    for (size_t i = 0; i < manifest.entries_count; i++)
        object_name(keys, manifest.entries[i].sha256, names->items[names->count++]);
    arena_rewind(arena, mark);
    return OK;
}

static void folder_prune(const char *path, const struct names *names)
{
    uint8_t name[BACKUP_HASH_BYTES];
    struct dirent *entry;
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        bool object = crypto_unhex(str_of(entry->d_name), name, sizeof(name));
        bool named = object && names->count &&
                     bsearch(name, names->items, names->count, sizeof(name), by_bytes);
        if (entry->d_name[0] != '.' && !named)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

enum err objects_prune(struct arena *arena, const char *folder, struct keys *keys)
{
    struct manifests list = { 0 };
    struct names names = { 0 };
    char path[BACKUP_PATH_MAX];
    TRY(manifests_list(arena, folder, &list));
    for (size_t i = 0; i < list.count; i++)
        if (names_add(arena, list.paths[i], keys, &names) != OK) {
            heap_free(names.items);
            return OK; /* what it names is not known: all stays */
        }
    if (names.count)
        qsort(names.items, names.count, sizeof(*names.items), by_bytes);
    for (unsigned i = 0; i < 256; i++) {
        snprintf(path, sizeof(path), "%s/objects/%02x", folder, i);
        folder_prune(path, &names);
    }
    heap_free(names.items);
    return OK;
}
