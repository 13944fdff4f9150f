/*
 * calls: stands in front of the calls that can fail and of the moments a process can die at. Each
 * is counted by its kind; the one that the orders name is refused, cut in half, or is the last
 * thing the process does. Files count only on the file system of the folder under test.
 */
#include "layer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FOLDER_BYTES = 512, PATH_BYTES = 1024 };

struct orders *layer_orders;
dev_t layer_dev;
char layer_folder[FOLDER_BYTES];

static pid_t owner; /* children that are forked but not yet another program are left alone */

void layer_die(void)
{
    for (;;)
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* The last: until here every call is the system's own. */
__attribute__((constructor)) static void begin(void)
{
    char path[FOLDER_BYTES + 8];
    struct stat info;
    const char *folder = getenv("KB_TORTURE");
    if (!folder || strlen(folder) >= FOLDER_BYTES)
        return;
    snprintf(layer_folder, sizeof(layer_folder), "%s", folder);
    snprintf(path, sizeof(path), "%s/orders", folder);
    unsetenv("LD_PRELOAD");
    unsetenv("KB_TORTURE");
    owner = getpid();
    int fd = sys_open(path, O_RDWR, 0);
    if (fd < 0 || sys_stat(fd, &info) != 0 || info.st_size < (off_t)sizeof(struct orders))
        layer_die();
    void *orders = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    sys_close(fd);
    if (orders == MAP_FAILED)
        layer_die();
    layer_dev = info.st_dev;
    layer_orders = orders;
}

/* --- The n-th ----------------------------------------------------------------------------------
 */

/* Where it was, for the one who has to find it: the name of the call and the file or folder. */
static void hit_note(struct orders *orders, const char *call, int fd, const char *path)
{
    char link[64], name[PATH_BYTES] = "";
    if (atomic_fetch_add(&orders->hits, 1) != 0)
        return;
    if (!path && fd >= 0) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        long len = syscall(SYS_readlinkat, AT_FDCWD, link, name, sizeof(name) - 1);
        name[len > 0 ? len : 0] = 0;
    }
    snprintf(orders->hit, HIT_BYTES, "%s %s", call, path ? path : name);
}

enum verdict layer_ask(enum kind kind, const char *call, int fd, const char *path)
{
    struct orders *orders = layer_orders;
    uint64_t number = atomic_fetch_add(&orders->counts[kind], 1) + 1;
    if (orders->kind != kind || number < orders->at || orders->mode == MODE_COUNT)
        return DO;
    bool stays = orders->mode == MODE_STAY && !atomic_load(&orders->healed) &&
                 (!orders->stay || number < orders->at + orders->stay);
    if (number != orders->at && !stays)
        return DO;
    int saved = errno;
    hit_note(orders, call, fd, path);
    errno = saved;
    switch (orders->mode) {
    case MODE_FAIL:
    case MODE_STAY:
        errno = orders->error;
        return REFUSE;
    case MODE_SHORT:
        return DO_HALF;
    case MODE_KILL_BEFORE:
        layer_die();
    case MODE_KILL_HALF:
        return DO_HALF_AND_DIE;
    default:
        return DO_AND_DIE;
    }
}

bool layer_watched(void)
{
    return layer_orders && getpid() == owner;
}

/* A regular file of the folder under test, or a folder of it. */
bool layer_ours(int fd, struct stat *info)
{
    return layer_watched() && sys_stat(fd, info) == 0 && info->st_dev == layer_dev &&
           (S_ISREG(info->st_mode) || S_ISDIR(info->st_mode));
}

long layer_ended(enum verdict verdict, long result)
{
    if (verdict == DO_AND_DIE || verdict == DO_HALF_AND_DIE)
        layer_die();
    return result;
}

/* --- Contents ----------------------------------------------------------------------------------
 */

static enum verdict ask_file(enum kind kind, const char *call, int fd)
{
    struct stat info;
    int saved = errno;
    bool counts = layer_ours(fd, &info) && S_ISREG(info.st_mode);
    errno = saved;
    return counts ? layer_ask(kind, call, fd, NULL) : DO;
}

static size_t part_of(enum verdict verdict, size_t len)
{
    return (verdict == DO_HALF || verdict == DO_HALF_AND_DIE) && len > 1 ? len / 2 : len;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum verdict verdict = ask_file(KIND_WRITE, "write", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_write, fd, bytes, part_of(verdict, len)));
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    enum verdict verdict = ask_file(KIND_WRITE, "pwrite", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_pwrite64, fd, bytes, part_of(verdict, len), at));
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}

/* Half of a gathered write is its first half of pieces, at least one. */
static int pieces_of(enum verdict verdict, int count)
{
    return (int)part_of(verdict, (size_t)count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    enum verdict verdict = ask_file(KIND_WRITE, "writev", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_writev, fd, pieces, pieces_of(verdict, count)));
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at)
{
    enum verdict verdict = ask_file(KIND_WRITE, "pwritev", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict,
                       syscall(SYS_pwritev, fd, pieces, pieces_of(verdict, count), at, at >> 32));
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
    return pwritev64(fd, pieces, count, at);
}

ssize_t read(int fd, void *bytes, size_t len)
{
    enum verdict verdict = ask_file(KIND_READ, "read", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_read, fd, bytes, part_of(verdict, len)));
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t at)
{
    enum verdict verdict = ask_file(KIND_READ, "pread", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_pread64, fd, bytes, part_of(verdict, len), at));
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return pread64(fd, bytes, len, at);
}

ssize_t sendfile64(int to, int fd, off64_t *at, size_t len)
{
    enum verdict verdict = ask_file(KIND_READ, "sendfile", fd);
    if (verdict == REFUSE)
        return -1;
    return layer_ended(verdict, syscall(SYS_sendfile, to, fd, at, part_of(verdict, len)));
}

ssize_t sendfile(int to, int fd, off_t *at, size_t len)
{
    return sendfile64(to, fd, at, len);
}

int ftruncate64(int fd, off64_t len)
{
    enum verdict verdict = ask_file(KIND_TRUNCATE, "ftruncate", fd);
    if (verdict == REFUSE)
        return -1;
    return (int)layer_ended(verdict, syscall(SYS_ftruncate, fd, len));
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

/* What is kept aside is what counts: the disk itself need not be asked. */
static int sync_file(const char *call, long number, int fd)
{
    struct stat info;
    if (!layer_ours(fd, &info))
        return (int)syscall(number, fd);
    enum verdict verdict = layer_ask(KIND_SYNC, call, fd, NULL);
    if (verdict == REFUSE)
        return -1;
    if (verdict == DO_HALF_AND_DIE)
        layer_die();
    journal_begin();
    if (number == SYS_syncfs)
        journal_keep_all();
    else if (S_ISREG(info.st_mode))
        journal_keep(fd, &info);
    else
        journal_line("s\t%llu\n", (unsigned long long)info.st_ino);
    journal_end();
    return (int)layer_ended(verdict, 0);
}

int fsync(int fd)
{
    return sync_file("fsync", SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_file("fdatasync", SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return sync_file("syncfs", SYS_syncfs, fd);
}
