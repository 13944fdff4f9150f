/*
 * make: what goes into a backup and in which order. First what is removed from now on is put aside,
 * then the databases are copied, then the files are listed and taken: so every file that the copied
 * databases speak of is among them, and those that came later do no harm.
 */
#include "internal.h"

#include "engines/blob/blob.h"
#include "engines/db/db.h"
#include "foundation/mem/heap.h"
#include "foundation/task/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STAGING "backup.tmp" /* in the data folder: where the copies of databases lie meanwhile */

struct making {
    const struct backup_source *source;
    const struct backup_target *target;
    struct backup_progress *progress;
    struct backup_totals totals;
    struct arena *arena;
    struct manifest manifest;
    struct writer *writer;
    const char *staging;
};

/* --- The copies of the databases -------------------------------------------------------------- */

static void staging_clear(const char *path)
{
    struct dirent *entry;
    DIR *dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static bool on_page(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    struct making *making = arg;
    (void)done_bytes, (void)total_bytes;
    return !making->progress || !atomic_load(&making->progress->cancel);
}

static enum err databases_copy(struct making *making)
{
    struct db_copy_watch watch = { on_page, making };
    staging_clear(making->staging); /* of a process that was killed */
    if (mkdir(making->staging, 0700) != 0)
        return file_error("create", making->staging);
    for (unsigned i = 0; i < making->source->dbs_count; i++) {
        struct db *db = making->source->dbs[i];
        str path = arena_printf(making->arena, "%s/%s%s", making->staging, db_context(db),
                                db_copy_suffix(db));
        TRY(db_copy(db, path.ptr, &watch));
    }
    return OK;
}

static void schemas_list(struct making *making)
{
    struct manifest *manifest = &making->manifest;
    manifest->schemas = ARENA_ARRAY(making->arena, SCHEMAS_MAX, struct schema);
    for (unsigned i = 0; i < making->source->dbs_count; i++) {
        unsigned count;
        const struct db *db = making->source->dbs[i];
        const struct db_module *const *modules = db_modules(db, &count);
        for (unsigned k = 0; k < count && manifest->schemas_count < SCHEMAS_MAX; k++)
            manifest->schemas[manifest->schemas_count++] =
                (struct schema){ str_of(db_context(db)), str_of(modules[k]->name),
                                 db_module_version(modules[k]) };
    }
}

/* --- What is taken ---------------------------------------------------------------------------- */

static str source_path(const struct making *making, const struct entry *entry)
{
    const char *folder = entry->kind == ENTRY_DATABASE ? making->staging : making->source->folder;
    if (str_eq(entry->name, STR("admin.key")) && making->source->shared)
        folder = making->source->shared;
    return arena_printf(making->arena, "%s/%.*s", folder, STR_ARG(entry->name));
}

static void entry_add(struct making *making, enum entry_kind kind, str name, uint64_t size_bytes)
{
    struct manifest *manifest = &making->manifest;
    manifest->entries[manifest->entries_count++] = (struct entry){
        .kind = kind, .name = arena_str(making->arena, name), .size_bytes = size_bytes
    };
    manifest->size_bytes += size_bytes;
}

static void plain_files_list(struct making *making)
{
    static const char *const names[] = { "admin.key", "kinobezdna.conf" };
    struct stat info;
    for (unsigned i = 0; i < making->source->dbs_count; i++) {
        struct entry entry = { .kind = ENTRY_DATABASE };
        entry.name = arena_printf(making->arena, "%s%s", db_context(making->source->dbs[i]),
                                  db_copy_suffix(making->source->dbs[i]));
        if (stat(source_path(making, &entry).ptr, &info) == 0)
            entry_add(making, ENTRY_DATABASE, entry.name, (uint64_t)info.st_size);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct entry entry = { .kind = ENTRY_FILE, .name = str_of(names[i]) };
        if (stat(source_path(making, &entry).ptr, &info) == 0)
            entry_add(making, ENTRY_FILE, entry.name, (uint64_t)info.st_size);
    }
}

static int by_size(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->size_bytes != right->size_bytes)
        return left->size_bytes < right->size_bytes ? -1 : 1;
    return str_cmp(left->name, right->name);
}

static enum err files_list(struct making *making)
{
    struct blob_entry *blobs;
    size_t count;
    TRY(blob_snapshot_list(making->source->blobs, &blobs, &count));
    if (count > ENTRIES_MAX - 64)
        return err_set(ERR_TOO_LARGE, "backup-files", "a backup holds at most %d files",
                       ENTRIES_MAX - 64);
    making->manifest.entries = ARENA_ARRAY(making->arena, count + 64, struct entry);
    plain_files_list(making);
    for (size_t i = 0; i < count; i++)
        if (blob_key_valid(blobs[i].key)) /* nobody put the others there by a key */
            entry_add(making, ENTRY_BLOB, blobs[i].key, blobs[i].info.size_bytes);
    qsort(making->manifest.entries, making->manifest.entries_count,
          sizeof(*making->manifest.entries), by_size);
    making->totals.files = making->manifest.entries_count;
    if (making->progress)
        atomic_store(&making->progress->total_bytes, making->manifest.size_bytes);
    return OK;
}

static enum err entry_open(struct making *making, const struct entry *entry, int *out_fd)
{
    if (entry->kind == ENTRY_BLOB)
        return blob_snapshot_descriptor(making->source->blobs, entry->name, out_fd);
    str path = source_path(making, entry);
    *out_fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    return *out_fd >= 0 ? OK : file_error("open", path.ptr);
}

static enum err entry_take(struct making *making, struct entry *entry)
{
    struct content content = { .entry = entry, .fd = -1 };
    struct arena_mark mark = arena_mark(making->arena);
    struct stat info;
    TRY(entry_open(making, entry, &content.fd));
    enum err result = fstat(content.fd, &info) == 0 ? OK : file_error("stat", entry->name.ptr);
    if (result == OK) {
        making->manifest.size_bytes += (uint64_t)info.st_size - entry->size_bytes;
        entry->size_bytes = (uint64_t)info.st_size;
        entry->modified_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
        result = making->writer->ops->put(making->writer, &content);
    }
    close(content.fd);
    arena_rewind(making->arena, mark);
    return result;
}

/* --- All of it -------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat info;
    size_t len = strlen(path);
    return (len && path[len - 1] == '/') || (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

/* One file takes about what is in it; a folder shares with what is there, which shows only later.
 */
static enum err room_check(const struct making *making)
{
    struct statvfs info;
    char folder[BACKUP_PATH_MAX];
    if (is_folder(making->target->path))
        return OK;
    snprintf(folder, sizeof(folder), "%s", making->target->path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    if (statvfs(slash ? folder : ".", &info) != 0)
        return file_error("look at", slash ? folder : ".");
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    if (free_bytes < making->manifest.size_bytes)
        return err_set(ERR_EXHAUSTED, "disk-full",
                       "%s needs up to %llu MiB, and %llu MiB are free there", making->target->path,
                       (unsigned long long)(making->manifest.size_bytes >> 20) + 1,
                       (unsigned long long)(free_bytes >> 20));
    return OK;
}

static enum err writer_open(struct making *making)
{
    struct writer base = { .arena = making->arena,
                           .target = making->target,
                           .progress = making->progress,
                           .totals = &making->totals,
                           .keys = { .passphrase = making->target->passphrase } };
    return is_folder(making->target->path) ? folder_writer_open(&base, &making->writer)
                                           : single_writer_open(&base, &making->writer);
}

static enum err contents_take(struct making *making)
{
    struct writer *writer = making->writer;
    TRY(writer->ops->begin(writer, &making->manifest));
    for (size_t i = 0; i < making->manifest.entries_count; i++)
        TRY(entry_take(making, &making->manifest.entries[i]));
    making->totals.size_bytes = making->manifest.size_bytes;
    return writer->ops->finish(writer, &making->manifest);
}

static enum err make_run(struct making *making)
{
    making->manifest.program = str_of(making->source->program);
    making->manifest.created_at = clock_now();
    making->manifest.copies = str_of(db_copy_suffix(making->source->dbs[0]));
    TRY(databases_copy(making));
    schemas_list(making);
    TRY(files_list(making));
    TRY(room_check(making));
    TRY(writer_open(making));
    return contents_take(making);
}

enum err backup_make(const struct backup_source *source, const struct backup_target *target,
                     struct backup_progress *progress, struct backup_totals *out_totals)
{
    struct making making = {
        .source = source, .target = target, .progress = progress, .arena = task_arena()
    };
    making.staging = arena_printf(making.arena, "%s/" STAGING, source->folder).ptr;
    TRY(blob_snapshot_begin(source->blobs));
    enum err result = make_run(&making);
    struct err_slot *detail = detail_keep();
    if (making.writer)
        making.writer->ops->drop(making.writer);
    staging_clear(making.staging);
    blob_snapshot_end(source->blobs);
    detail_back(detail);
    if (result == OK)
        *out_totals = making.totals;
    return result;
}
