/*
 * journal: what survives a power cut. A file's content is copied aside when it is synced, by inode;
 * operations on folders are lines in a log, with the syncs between them. The driver makes the state
 * after the cut of both (powercut.mjs). Nothing here allocates or calls what is interposed.
 */
#include "layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 1024, PIECE_BYTES = 1 << 16, DEPTH_MAX = 16, ENTRIES_BYTES = 16384 };

static atomic_flag busy = ATOMIC_FLAG_INIT;

int sys_open(const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

int sys_stat_at(int dir, const char *path, struct stat *info, int flags)
{
    return (int)syscall(SYS_newfstatat, dir, path, info, flags);
}

int sys_stat(int fd, struct stat *info)
{
    return (int)syscall(SYS_newfstatat, fd, "", info, AT_EMPTY_PATH);
}

void sys_close(int fd)
{
    syscall(SYS_close, fd);
}

void journal_begin(void)
{
    while (atomic_flag_test_and_set(&busy))
        sched_yield();
}

void journal_end(void)
{
    atomic_flag_clear(&busy);
}

/* Its length grows after its bytes are there: a killed process leaves whole lines. */
void journal_line(const char *format, ...)
{
    struct orders *orders = layer_orders;
    uint64_t len = atomic_load(&orders->log_len);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(orders->log + len, LOG_BYTES_MAX - len, format, args);
    va_end(args);
    if (more < 0 || len + (uint64_t)more >= LOG_BYTES_MAX)
        layer_die(); /* a torn journal would tell lies */
    atomic_store(&orders->log_len, len + (uint64_t)more);
}

static bool copy_all(int from, int to)
{
    static char piece[PIECE_BYTES]; /* under the journal's lock */
    off_t at = 0;
    ssize_t got;
    while ((got = syscall(SYS_pread64, from, piece, sizeof(piece), at)) > 0) {
        if (syscall(SYS_pwrite64, to, piece, (size_t)got, at) != got)
            return false;
        at += got;
    }
    return got == 0;
}

/* By a new descriptor: the one that is synced may be for writing only. */
void journal_keep(int fd, const struct stat *info)
{
    char path[64], kept[PATH_MAX_BYTES], fresh[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    snprintf(kept, sizeof(kept), "%s/kept/%llu", layer_folder, (unsigned long long)info->st_ino);
    snprintf(fresh, sizeof(fresh), "%s/kept/new", layer_folder);
    int from = sys_open(path, O_RDONLY, 0);
    int to = sys_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (from < 0 || to < 0 || !copy_all(from, to) ||
        syscall(SYS_renameat2, AT_FDCWD, fresh, AT_FDCWD, kept, 0) != 0)
        layer_die();
    sys_close(from);
    sys_close(to);
}

struct entry { /* getdents64(2) */
    uint64_t ino;
    int64_t next;
    unsigned short len;
    unsigned char type;
    char name[];
};

static void keep_entry(int folder, const char *name)
{
    struct stat info;
    int fd = (int)syscall(SYS_openat, folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return;
    if (sys_stat(fd, &info) == 0)
        journal_keep(fd, &info);
    sys_close(fd);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a folder that the program made, and no deeper */
static void keep_folder(int fd, int depth)
{
    char entries[ENTRIES_BYTES];
    struct stat info;
    long got;
    if (depth > DEPTH_MAX || sys_stat(fd, &info) != 0)
        return;
    while ((got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
        for (long at = 0; at < got;) {
            struct entry *entry = (struct entry *)(entries + at);
            at += entry->len;
            if (entry->type == DT_REG)
                keep_entry(fd, entry->name);
            if (entry->type != DT_DIR || entry->name[0] == '.')
                continue;
            int inner = (int)syscall(SYS_openat, fd, entry->name, O_RDONLY | O_CLOEXEC, 0);
            if (inner >= 0)
                keep_folder(inner, depth + 1);
            sys_close(inner);
        }
    }
    journal_line("s\t%llu\n", (unsigned long long)info.st_ino);
}

/* The file system of the folder under test is that folder: it lies beside ours. */
void journal_keep_all(void)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/../root", layer_folder);
    int folder = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0)
        layer_die();
    keep_folder(folder, 0);
    sys_close(folder);
}
