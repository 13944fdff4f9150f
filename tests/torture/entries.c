/*
 * entries: the calls that make, rename and remove names, and open files. What they change is told
 * to the journal by the inodes of folder and file, because a folder may have another name tomorrow.
 */
#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

/* A name in its folder, and what it stands for (0: nothing). */
struct place {
    unsigned long long folder, ino;
    const char *name;
};

/* False: not of the folder under test. Keeps errno. */
static bool place_of(int dir, const char *path, struct place *place)
{
    char folder[PATH_BYTES];
    struct stat info;
    int saved = errno;
    size_t len = strlen(path);
    if (!layer_watched() || len >= sizeof(folder))
        return false;
    memcpy(folder, path, len + 1);
    char *slash = strrchr(folder, '/');
    place->name = slash ? path + (slash - folder) + 1 : path;
    if (slash)
        slash[slash == folder] = 0;
    bool ours = sys_stat_at(dir, slash ? folder : ".", &info, 0) == 0 && info.st_dev == layer_dev &&
                S_ISDIR(info.st_mode);
    place->folder = info.st_ino;
    place->ino = 0;
    if (ours && sys_stat_at(dir, path, &info, AT_SYMLINK_NOFOLLOW) == 0)
        place->ino = info.st_ino;
    errno = saved;
    return ours;
}

/* --- Opening -----------------------------------------------------------------------------------
 */

static int open_made(int dir, const char *path, int flags, unsigned mode)
{
    struct place place;
    struct stat info;
    if (!place_of(dir, path, &place))
        return (int)syscall(SYS_openat, dir, path, flags, mode);
    enum verdict verdict = layer_ask(KIND_DIR, "create", -1, path);
    if (verdict == REFUSE)
        return -1;
    journal_begin();
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && place.ino == 0 && sys_stat(fd, &info) == 0)
        journal_line("c\t%llu\t%s\t%llu\n", place.folder, place.name,
                     (unsigned long long)info.st_ino);
    journal_end();
    return (int)layer_ended(verdict, fd);
}

static int open_any(int dir, const char *path, int flags, unsigned mode)
{
    struct place place;
    if (flags & O_CREAT)
        return open_made(dir, path, flags, mode);
    enum verdict verdict =
        place_of(dir, path, &place) ? layer_ask(KIND_OPEN, "open", -1, path) : DO;
    if (verdict == REFUSE)
        return -1;
    return (int)layer_ended(verdict, syscall(SYS_openat, dir, path, flags, mode));
}

static unsigned mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
}

#define OPEN_ANY(dir, path, flags)                                                                 \
    va_list args;                                                                                  \
    va_start(args, flags);                                                                         \
    int fd = open_any(dir, path, flags, mode_of(flags, args));                                     \
    va_end(args);                                                                                  \
    return fd

int open(const char *path, int flags, ...)
{
    OPEN_ANY(AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
    OPEN_ANY(AT_FDCWD, path, flags);
}

int openat(int dir, const char *path, int flags, ...)
{
    OPEN_ANY(dir, path, flags);
}

int openat64(int dir, const char *path, int flags, ...)
{
    OPEN_ANY(dir, path, flags);
}

/* --- Names -------------------------------------------------------------------------------------
 */

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct place source, target;
    if (!place_of(from_dir, from, &source) || !place_of(to_dir, to, &target))
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
    enum verdict verdict = layer_ask(KIND_DIR, "rename to", -1, to);
    if (verdict == REFUSE)
        return -1;
    journal_begin();
    int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
    if (result == 0)
        journal_line("r\t%llu\t%s\t%llu\t%s\t%llu\n", source.folder, source.name, target.folder,
                     target.name, source.ino);
    journal_end();
    return (int)layer_ended(verdict, result);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct place source, target;
    if (!place_of(from_dir, from, &source) || !place_of(to_dir, to, &target))
        return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    enum verdict verdict = layer_ask(KIND_DIR, "link", -1, to);
    if (verdict == REFUSE)
        return -1;
    journal_begin();
    int result = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    if (result == 0)
        journal_line("c\t%llu\t%s\t%llu\n", target.folder, target.name, source.ino);
    journal_end();
    return (int)layer_ended(verdict, result);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    struct place place;
    if (!place_of(dir, path, &place))
        return (int)syscall(SYS_unlinkat, dir, path, flags);
    enum verdict verdict = layer_ask(KIND_DIR, flags & AT_REMOVEDIR ? "rmdir" : "unlink", -1, path);
    if (verdict == REFUSE)
        return -1;
    journal_begin();
    int result = (int)syscall(SYS_unlinkat, dir, path, flags);
    if (result == 0)
        journal_line("u\t%llu\t%s\n", place.folder, place.name);
    journal_end();
    return (int)layer_ended(verdict, result);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* glibc's own calls unlink() where nobody can stand in front of it. */
int remove(const char *path)
{
    int result = unlink(path);
    return result != 0 && errno == EISDIR ? rmdir(path) : result;
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    struct place place;
    struct stat info;
    if (!place_of(dir, path, &place))
        return (int)syscall(SYS_mkdirat, dir, path, mode);
    enum verdict verdict = layer_ask(KIND_DIR, "mkdir", -1, path);
    if (verdict == REFUSE)
        return -1;
    journal_begin();
    int result = (int)syscall(SYS_mkdirat, dir, path, mode);
    if (result == 0 && sys_stat_at(dir, path, &info, 0) == 0)
        journal_line("m\t%llu\t%s\t%llu\n", place.folder, place.name,
                     (unsigned long long)info.st_ino);
    journal_end();
    return (int)layer_ended(verdict, result);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
