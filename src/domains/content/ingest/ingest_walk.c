/*
 * ingest_walk: every file below a folder, read by its name, and put into groups of what belongs
 * together. A group has a signature of names, sizes and times, so that the next import can tell at
 * one look that nothing changed. Everything is bounded; links are followed to files but not to
 * folders.
 */
#include "film_name_internal.h"
#include "ingest_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 2000000, DEPTH_MAX = 24, PATH_BYTES_MAX = 4096 };

struct folder {
    struct folder *next;
    str path, below; /* below ends with '/', or is empty */
    unsigned depth;
};

struct walker {
    struct walk *walk;
    size_t capacity;
    struct folder *pending;
    str prefix; /* what the names of files begin with, for film_name_parse() */
};

static enum err file_add(struct walker *walker, str path, str below, const struct stat *info)
{
    struct walk *walk = walker->walk;
    if (walk->files_count == FILES_MAX)
        return INGEST_FAIL(ERR_TOO_LARGE, walk->arena, TOO_MANY_FILES,
                           arena_printf(walk->arena, "%d", FILES_MAX));
    if (walk->files_count == walker->capacity) {
        size_t capacity = MAX_OF(walker->capacity * 2, (size_t)256);
        struct walk_file *grown = arena_alloc(walk->arena, capacity * sizeof(*grown));
        if (walk->files_count)
            memcpy(grown, walk->files, walk->files_count * sizeof(*grown));
        walk->files = grown;
        walker->capacity = capacity;
    }
    struct walk_file *file = &walk->files[walk->files_count++];
    *file = (struct walk_file){ .path = path,
                                .below = below,
                                .size_bytes = (uint64_t)info->st_size,
                                .modified_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 +
                                               info->st_mtim.tv_nsec };
    return OK;
}

static void folder_unreadable(struct walk *walk, str path)
{
    if (walk->unreadable++ == 0)
        walk->first_unreadable = path;
}

/* Not every file system says in its folders what an entry is. */
static bool is_link(DIR *dir, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_LNK;
    return fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(info.st_mode);
}

static enum err entry_read(struct walker *walker, const struct folder *folder, DIR *dir,
                           const struct dirent *entry)
{
    struct arena *arena = walker->walk->arena;
    struct stat info;
    str name = str_of(entry->d_name);
    if (str_eq(name, STR(".")) || str_eq(name, STR("..")) ||
        folder->path.len + name.len + 2 > PATH_BYTES_MAX ||
        fstatat(dirfd(dir), entry->d_name, &info, 0) != 0)
        return OK;
    bool link = is_link(dir, entry);
    str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(folder->path), STR_ARG(name));
    str below = arena_printf(arena, "%.*s%.*s", STR_ARG(folder->below), STR_ARG(name));
    if (S_ISREG(info.st_mode))
        return file_add(walker, path, below, &info);
    if (!S_ISDIR(info.st_mode) || link || folder->depth >= DEPTH_MAX ||
        film_name_folder_ignored(name))
        return OK;
    struct folder *inner = ARENA_NEW(arena, struct folder);
    *inner = (struct folder){ walker->pending, path, arena_printf(arena, "%.*s/", STR_ARG(below)),
                              folder->depth + 1 };
    walker->pending = inner;
    return OK;
}

static enum err folder_read(struct walker *walker, const struct folder *folder)
{
    struct dirent *entry;
    enum err result = OK;
    DIR *dir = opendir(folder->path.ptr);
    if (!dir) {
        folder_unreadable(walker->walk, folder->path);
        return OK;
    }
    while (result == OK && (entry = readdir(dir)))
        result = entry_read(walker, folder, dir, entry);
    closedir(dir);
    return result;
}

/*
 * A folder that names a film itself ("Metropolis (1927)") is part of the name of what it holds; one
 * that is only where films are kept ("Movies") is not.
 */
static str name_prefix(struct arena *arena, str path)
{
    struct film_name name;
    str last = str_skip(path, (size_t)(str_find_last_char(path, '/') + 1));
    film_name_parse(arena, arena_printf(arena, "%.*s/film.mkv", STR_ARG(last)), &name);
    bool film = name.year || name.imdb.len || name.tmdb.len || name.tvdb.len;
    return film ? arena_printf(arena, "%.*s/", STR_ARG(last)) : STR("");
}

/* --- Groups --------------------------------------------------------------------------------- */

/* Seasons belong to their series: its pictures and NFO lie a folder above them. */
static str group_owner(const struct walk_file *file)
{
    str owner = file->name.owner, series;
    int season;
    ptrdiff_t slash = str_find_last_char(owner, '/');
    if (!film_name_season_folder(str_skip(owner, (size_t)(slash + 1)), &season, &series) ||
        series.len)
        return owner;
    return str_sub(owner, 0, slash > 0 ? (size_t)slash : 0);
}

/* A loose file belongs to those that share the beginning of its name. */
static str group_key(struct arena *arena, const struct walk_file *file, str root)
{
    str owner = group_owner(file);
    if (owner.len)
        return arena_printf(arena, "%.*s/%.*s", STR_ARG(root), STR_ARG(owner));
    str stem = file->name.owner.len ? STR("") : file->name.stem;
    (void)film_name_part_take(&stem); /* the parts of a film are together */
    return arena_printf(arena, "%.*s//%.*s", STR_ARG(root), STR_ARG(stem));
}

struct keyed {
    str key;
    struct walk_file *file;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *one = a, *other = b;
    int order = str_cmp(one->key, other->key);
    return order ? order : str_cmp(one->file->below, other->file->below);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t signature_of(struct walk_file *const *files, size_t count)
{
    uint64_t hash = 2; /* of the format: raise it to have everything read again */
    for (size_t i = 0; i < count; i++) {
        hash = mix(hash, str_hash(files[i]->below));
        hash = mix(hash, files[i]->size_bytes);
        hash = mix(hash, (uint64_t)files[i]->modified_ns);
    }
    return hash;
}

static void group_files(struct walk *walk, str root)
{
    struct arena *arena = walk->arena;
    struct keyed *keyed = ARENA_ARRAY(arena, walk->files_count, struct keyed);
    for (size_t i = 0; i < walk->files_count; i++)
        keyed[i] = (struct keyed){ group_key(arena, &walk->files[i], root), &walk->files[i] };
    if (walk->files_count)
        qsort(keyed, walk->files_count, sizeof(*keyed), by_key);
    walk->groups = ARENA_ARRAY(arena, walk->files_count, struct walk_group);
    struct walk_file **files = ARENA_ARRAY(arena, walk->files_count, struct walk_file *);
    for (size_t i = 0; i < walk->files_count; i++) {
        files[i] = keyed[i].file;
        if (i == 0 || !str_eq(keyed[i].key, keyed[i - 1].key))
            walk->groups[walk->groups_count++] =
                (struct walk_group){ .path = keyed[i].key, .files = &files[i] };
        walk->groups[walk->groups_count - 1].files_count++;
    }
    for (size_t i = 0; i < walk->groups_count; i++)
        walk->groups[i].signature =
            signature_of(walk->groups[i].files, walk->groups[i].files_count);
}

static enum err walk_one(struct walker *walker, str path, const struct stat *info)
{
    str name = str_skip(path, (size_t)(str_find_last_char(path, '/') + 1));
    return file_add(walker, path, name, info);
}

static enum err walk_all(struct walker *walker, str path)
{
    struct folder *first = ARENA_NEW(walker->walk->arena, struct folder);
    *first = (struct folder){ NULL, path, walker->prefix, 0 };
    walker->pending = first;
    while (walker->pending) {
        const struct folder *folder = walker->pending;
        walker->pending = folder->next;
        TRY(folder_read(walker, folder));
    }
    return OK;
}

enum err ingest_walk_folder(struct arena *arena, str path, struct walk *out_walk)
{
    struct stat info;
    struct walk walk = { .arena = arena };
    struct walker walker = { .walk = &walk };
    if (stat(path.ptr, &info) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return INGEST_FAIL(ERR_NOT_FOUND, arena, PATH_MISSING);
    if (stat(path.ptr, &info) != 0)
        return errno == EACCES ? INGEST_FAIL(ERR_FORBIDDEN, arena, PATH_FORBIDDEN)
                               : err_errno(path.ptr);
    if (S_ISDIR(info.st_mode)) {
        walker.prefix = name_prefix(arena, path);
        TRY(walk_all(&walker, path));
    } else {
        TRY(walk_one(&walker, path, &info));
    }
    for (size_t i = 0; i < walk.files_count; i++)
        film_name_parse(arena, walk.files[i].below, &walk.files[i].name);
    group_files(&walk, path);
    *out_walk = walk;
    return OK;
}
