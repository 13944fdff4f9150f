/* folder_common: where things lie in a folder of backups. */
#pragma once

#include "internal.h"

#define MANIFEST_PREFIX "manifest-"

/* Paths of manifests, oldest first, in the arena. An absent folder has none. */
struct manifests {
    const char **paths;
    size_t count;
};
enum err manifests_list(struct arena *arena, const char *folder, struct manifests *out_list);
/* The file of a manifest, whole. Names are C strings. */
enum err manifest_file_read(struct arena *arena, const char *path, struct keys *keys,
                            bool *out_sealed, struct manifest *out_manifest);

/* Content is named by its hash, or by what a key makes of it. */
void object_name(const struct keys *keys, const uint8_t sha256[BACKUP_HASH_BYTES],
                 uint8_t out[BACKUP_HASH_BYTES]);
void object_path(const char *folder, const uint8_t name[BACKUP_HASH_BYTES],
                 char out[BACKUP_PATH_MAX]);
uint64_t object_size_bytes(bool sealed, uint64_t size_bytes);

/* Removes every object that none of the manifests names. Nothing when one cannot be read. */
enum err objects_prune(struct arena *arena, const char *folder, struct keys *keys);
