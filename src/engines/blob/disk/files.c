/* files: writing, syncing, renaming and listing, each with its error told in one sentence. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, LIST_MAX = 1000000, PATH_BYTES_MAX = 1024 };

enum err files_error(const char *verb, str path)
{
    int number = errno;
    if (number == ENOSPC || number == EDQUOT)
        return err_set(ERR_EXHAUSTED, "disk-full", "no space left on the disk for %.*s",
                       STR_ARG(path));
    char what[ERR_TEXT_MAX];
    snprintf(what, sizeof(what), "%s %.*s", verb, STR_ARG(path));
    errno = number;
    return err_errno(what);
}

enum err files_write_all(int fd, str bytes, str path)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return files_error("write", path);
        bytes = str_skip(bytes, (size_t)written);
    }
    return OK;
}

static enum err no_room(size_t size_bytes)
{
    return err_set(ERR_EXHAUSTED, NULL, "the task's arena has no room for %zu bytes", size_bytes);
}

enum err files_read(int fd, uint64_t offset, size_t len, struct arena *arena, str *out_content)
{
    size_t done = 0;
    char *content = len < SIZE_MAX ? arena_try(arena, len + 1) : NULL;
    if (!content) /* a way out by the arena would leave the descriptor open */
        return no_room(len);
    while (done < len) {
        ssize_t got = pread(fd, content + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("read");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    content[done] = 0;
    *out_content = (str){ content, done };
    return OK;
}

enum err files_stat(int fd, str path, struct blob_info *out_info)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return files_error("stat", path);
    if (!S_ISREG(info.st_mode))
        return err_set(ERR_NOT_FOUND, "no-blob", "%.*s is no object", STR_ARG(path));
    *out_info = (struct blob_info){ .size_bytes = (uint64_t)info.st_size,
                                    .modified_at = SECONDS(info.st_mtim.tv_sec) };
    return OK;
}

struct files_digest *files_digest_open(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        PANIC("out of memory: no SHA-256");
    return (struct files_digest *)context;
}

void files_digest_add(struct files_digest *digest, str bytes)
{
    EVP_DigestUpdate((EVP_MD_CTX *)digest, bytes.ptr, bytes.len);
}

void files_digest_finish(struct files_digest *digest, uint8_t out_sha256[BLOB_HASH_BYTES])
{
    EVP_DigestFinal_ex((EVP_MD_CTX *)digest, out_sha256, NULL);
    files_digest_close(digest);
}

void files_digest_close(struct files_digest *digest)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)digest);
}

static enum err hash_descriptor(int fd, str path, struct files_digest *digest, uint64_t *out_size)
{
    static _Thread_local char bytes[READ_BYTES];
    uint64_t size_bytes = 0;
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return files_error("read", path);
        if (got == 0)
            break;
        files_digest_add(digest, (str){ bytes, (size_t)got });
        size_bytes += (uint64_t)got;
    }
    *out_size = size_bytes;
    if (fsync(fd) != 0)
        return files_error("sync", path);
    /*
     * An import of films would push out of memory what viewers are watching. And what is read back
     * was cheaper to send than what was written piece by piece, in most of our runs.
     */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return OK;
}

enum err files_hash_and_sync(str path, uint8_t out_sha256[BLOB_HASH_BYTES],
                             uint64_t *out_size_bytes)
{
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return files_error("open", path);
    struct files_digest *digest = files_digest_open();
    enum err result = hash_descriptor(fd, path, digest, out_size_bytes);
    close(fd);
    if (result == OK)
        files_digest_finish(digest, out_sha256);
    else
        files_digest_close(digest);
    return result;
}

static enum err sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return files_error("open", str_of(folder));
    enum err result = fsync(fd) == 0 ? OK : files_error("sync", str_of(folder));
    close(fd);
    return result;
}

/* Cuts the last segment off `path` in place. */
static void to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
}

/* --- Folders that are known to last -------------------------------------------------------------
 */

/* FNV-1a, 64 bits; 0 is no hash. */
static uint64_t hash_of(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
    return hash | 1;
}

static _Atomic uint64_t *known_place(struct files_known *known, uint64_t hash)
{
    return &known->hashes[(hash >> 1) % ARRAY_LEN(known->hashes)];
}

static bool is_known(struct files_known *known, const char *path)
{
    uint64_t hash = hash_of(path);
    return atomic_load(known_place(known, hash)) == hash;
}

static void known_put(struct files_known *known, const char *path)
{
    uint64_t hash = hash_of(path);
    atomic_store(known_place(known, hash), hash);
}

static void known_forget(struct files_known *known, const char *path)
{
    uint64_t hash = hash_of(path);
    (void)atomic_compare_exchange_strong(known_place(known, hash), &hash, 0);
}

/* The folder and those above it stay; cuts the path. */
static enum err folders_last(struct files_known *known, char *path)
{
    while (strlen(path) > known->root_len && !is_known(known, path)) {
        char *slash = strrchr(path, '/');
        *slash = 0;
        TRY(sync_folder(path));
        *slash = '/';
        known_put(known, path);
        *slash = 0;
    }
    return OK;
}

/* --- Publishing
 * ----------------------------------------------------------------------------------- */

/* Makes every folder of the path that is missing. */
static enum err make_folders(struct files_known *known, char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (access(path, F_OK) != 0)
            known_forget(known, path);
        bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        enum err result = there ? OK : files_error("create", str_of(path));
        *slash = '/';
        TRY(result);
    }
    return OK;
}

static enum err copy_path(str from, char path[PATH_BYTES_MAX])
{
    if (from.len >= PATH_BYTES_MAX)
        return err_set(ERR_INVALID, NULL, "a path of %zu bytes is too long", from.len);
    memcpy(path, from.ptr, from.len);
    path[from.len] = 0;
    return OK;
}

/* Of a rename: an object stands where the key needs a folder, or a folder where it needs a file. */
static enum err publish_error(str to)
{
    if (errno == ENOTDIR || errno == EISDIR)
        return err_set(ERR_CONFLICT, "blob-key-taken",
                       "%.*s cannot be an object and a folder of objects", STR_ARG(to));
    return files_error("rename to", to);
}

enum { PUBLISH_TRIES_MAX = 16 };

enum err files_publish(struct files_known *known, str from, str to)
{
    char path[PATH_BYTES_MAX];
    TRY(copy_path(to, path));
    /* its folders may be removed as empty between the two: by the last object beside it */
    for (int tries = 0; rename(from.ptr, path) != 0; tries++) {
        if (errno != ENOENT || tries == PUBLISH_TRIES_MAX)
            return publish_error(to);
        enum err made = make_folders(known, path);
        if (made != OK && made != ERR_NOT_FOUND)
            return made;
    }
    to_parent(path);
    TRY(sync_folder(path));
    return folders_last(known, path);
}

enum err files_sync_folder_of(str path)
{
    char folder[PATH_BYTES_MAX];
    TRY(copy_path(path, folder));
    to_parent(folder);
    return sync_folder(folder);
}

enum err files_make_folder(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return files_error("create", str_of(path));
    return files_sync_folder_of(str_of(path)); /* who made it may have been killed before this */
}

void files_remove_empty_folders(struct files_known *known, str path, size_t levels)
{
    char folder[PATH_BYTES_MAX];
    if (copy_path(path, folder) != OK)
        return;
    while (levels--) {
        to_parent(folder);
        known_forget(known, folder);
        if (rmdir(folder) != 0)
            return;
    }
}

enum err files_empty_folder(const char *folder)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);
    if (!dir)
        return files_error("open", str_of(folder));
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    (void)remove(path);
    return 0;
}

void files_remove_tree(const char *folder)
{
    enum { DESCRIPTORS = 16 };
    nftw(folder, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

static enum err list_add(struct arena *arena, struct files_list *list, str key,
                         const struct stat *info)
{
    if (list->count == LIST_MAX)
        return err_set(ERR_TOO_LARGE, "blob-list", "more than %d objects in one list", LIST_MAX);
    if (list->count == list->capacity) {
        size_t capacity = MAX_OF(list->capacity * 2, (size_t)64);
        struct blob_entry *grown = arena_try(arena, capacity * sizeof(*grown));
        if (!grown)
            return no_room(capacity * sizeof(*grown));
        if (list->count)
            memcpy(grown, list->entries, list->count * sizeof(*grown));
        list->entries = grown;
        list->capacity = capacity;
    }
    list->entries[list->count++] =
        (struct blob_entry){ .key = key,
                             .info = { .size_bytes = (uint64_t)info->st_size,
                                       .modified_at = SECONDS(info->st_mtim.tv_sec) } };
    return OK;
}

struct folder {
    struct folder *next;
    str key; /* "" or "media/12/" */
};

/* Where a list is made. An open folder forbids the arena's way out: all of it tries. */
struct listing {
    struct arena *arena;
    struct folder *pending;
    struct files_list *list;
};

static enum err folder_add(struct listing *listing, str key)
{
    struct folder *folder = arena_try(listing->arena, sizeof(*folder));
    if (!folder)
        return no_room(sizeof(*folder));
    *folder = (struct folder){ listing->pending, key };
    listing->pending = folder;
    return OK;
}

/* The entry `name` of a folder: a file goes to the list, a folder to those still to be read. */
static enum err entry_add(struct listing *listing, str folder, const char *name,
                          const struct stat *info)
{
    size_t len = folder.len + strlen(name);
    bool is_folder = S_ISDIR(info->st_mode);
    if (!S_ISREG(info->st_mode) && !is_folder)
        return OK;
    if (len > BLOB_KEY_BYTES_MAX) /* nobody put it there by a key */
        return OK;
    char *key = arena_try(listing->arena, len + 2);
    if (!key)
        return no_room(len + 2);
    snprintf(key, len + 2, "%.*s%s%s", STR_ARG(folder), name, is_folder ? "/" : "");
    return is_folder ? folder_add(listing, (str){ key, len + 1 })
                     : list_add(listing->arena, listing->list, (str){ key, len }, info);
}

static enum err list_folder(struct listing *listing, str root, str folder)
{
    str path = arena_printf(listing->arena, "%.*s/%.*s", STR_ARG(root), STR_ARG(folder));
    struct dirent *entry;
    struct stat info;
    enum err result = OK;
    DIR *dir = opendir(path.ptr);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? OK : files_error("open", path);
    while (result == OK && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            result = entry_add(listing, folder, entry->d_name, &info);
    }
    closedir(dir);
    return result;
}

enum err files_list(struct arena *arena, str root, str prefix, struct files_list *out_list)
{
    struct folder first = { .key = prefix };
    struct listing listing = { arena, &first, out_list };
    while (listing.pending) {
        struct folder *folder = listing.pending;
        listing.pending = folder->next;
        TRY(list_folder(&listing, root, folder->key));
    }
    return OK;
}
