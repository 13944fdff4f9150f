/* files: the file-system steps of the disk driver. All of them block; they run on a pool. */
#pragma once

#include "engines/blob/blob.h"

#include <stdatomic.h>

struct files_digest;
struct files_known;

/* Removes up to `levels` folders above the path that hold nothing; no failure, and not synced: an
 * empty folder that is there after a crash does no harm. */
void files_remove_empty_folders(struct files_known *known, str path, size_t levels);

/* "verb path: reason", with ERR_EXHAUSTED slug "disk-full" for a full disk. Reads errno. */
enum err files_error(const char *verb, str path);
enum err files_write_all(int fd, str bytes, str path);
/* Reads exactly `len` bytes, fewer only at the end of the file; in the arena. */
enum err files_read(int fd, uint64_t offset, size_t len, struct arena *arena, str *out_content);
enum err files_stat(int fd, str path, struct blob_info *out_info);
/* SHA-256 and size of a finished file, whose bytes are on disk when this returns. */
enum err files_hash_and_sync(str path, uint8_t out_sha256[BLOB_HASH_BYTES],
                             uint64_t *out_size_bytes);
/*
 * Folders of which this process knows that a power cut leaves them: by the hash of their path, as
 * many as there is room for. That a folder is there says nothing: who made it may have been killed,
 * or be another thread that has not yet synced the folder above.
 */
struct files_known {
    size_t root_len; /* of the path of the folder above all of them, which is there for good */
    _Atomic uint64_t hashes[1024];
};

/*
 * Renames a synced file to its place, making the folders of the path, and syncs every folder that
 * changed: after OK the name survives a power cut, and so do the folders above it.
 */
enum err files_publish(struct files_known *known, str from, str to);
enum err files_sync_folder_of(str path);
/* Makes the folder where it is missing; after OK it survives a power cut. */
enum err files_make_folder(const char *path);
/* Removes every file directly in the folder. */
enum err files_empty_folder(const char *folder);

/* Removes the folder and all below it; what cannot be removed stays. */
void files_remove_tree(const char *folder);

struct files_list {
    struct blob_entry *entries;
    size_t count, capacity;
};
/* Every object below root/prefix, unsorted, keys relative to root. An absent folder is empty. */
enum err files_list(struct arena *arena, str root, str prefix, struct files_list *out_list);

/* A running SHA-256. finish() writes the hash and frees it; close() only frees. */
struct files_digest *files_digest_open(void);
void files_digest_add(struct files_digest *digest, str bytes);
void files_digest_finish(struct files_digest *digest, uint8_t out_sha256[BLOB_HASH_BYTES]);
void files_digest_close(struct files_digest *digest);
