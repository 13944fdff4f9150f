/*
 * layer: what the two halves of the fault layer share. calls.c stands in front of the calls,
 * journal.c remembers what a power cut would leave. Loaded with LD_PRELOAD; see
 * docs/internals/torture.md.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum kind {
    KIND_WRITE,
    KIND_TRUNCATE,
    KIND_SYNC,
    KIND_DIR, /* entries made, renamed, removed */
    KIND_OPEN,
    KIND_READ,
    KIND_ACCEPT,
    KIND_ALLOC,
    KIND_QUERY,
    KIND_SENT, /* statements, to a server */
    KINDS
};

enum mode {
    MODE_COUNT,
    MODE_FAIL,        /* the n-th call, with `error` */
    MODE_STAY,        /* the n-th and all that follow, until `healed` */
    MODE_SHORT,       /* half of the n-th write or read is done, and said */
    MODE_KILL_BEFORE, /* SIGKILL instead of the n-th call */
    MODE_KILL_HALF,   /* after half of what the n-th writes */
    MODE_KILL_AFTER,
};

enum { HIT_BYTES = 384, LOG_BYTES_MAX = 4 << 20 };

/* The file the driver maps nothing of: it writes the first fields and reads the rest (layer.mjs).
 */
struct orders {
    uint32_t kind, mode;
    uint64_t at;
    int32_t error;
    _Atomic uint32_t healed, hits;
    uint32_t stay; /* so many calls at most, in MODE_STAY; 0: no end but `healed` */
    _Atomic uint64_t counts[12];
    char hit[HIT_BYTES]; /* which call it was */
    _Atomic uint64_t log_len;
    char log[LOG_BYTES_MAX];
};
_Static_assert(offsetof(struct orders, counts) == 32, "layer.mjs knows the offsets");
_Static_assert(offsetof(struct orders, hit) == 128, "layer.mjs knows the offsets");
_Static_assert(offsetof(struct orders, log_len) == 512, "layer.mjs knows the offsets");

/* What is done with a call. */
enum verdict { DO, REFUSE, DO_HALF, DO_HALF_AND_DIE, DO_AND_DIE };

extern struct orders *layer_orders; /* NULL: nobody asked for faults */
extern dev_t layer_dev;             /* of the folder under test; nothing else is on it */
extern char layer_folder[];

void layer_die(void) __attribute__((noreturn));
/* Whether this process is the one that is tortured, and not a child of it. */
bool layer_watched(void);
/* A regular file or a folder on the file system of the folder under test. */
bool layer_ours(int fd, struct stat *info);
/* Counts a call and says what is done with it; `fd` or `path` tell which it was. Sets errno. */
enum verdict layer_ask(enum kind kind, const char *call, int fd, const char *path);
/* The end of a call that was done: returns `result`, or dies. */
long layer_ended(enum verdict verdict, long result);

/* A line of the journal: an operation on a folder's entries, or what was synced. */
void journal_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Operations and syncs come one at a time, so that the journal has their order. */
void journal_begin(void);
void journal_end(void);
/* The file's content as it is now survives a power cut. */
void journal_keep(int fd, const struct stat *info);
/* The same for all there is, as syncfs() says it. */
void journal_keep_all(void);

/* The system's own calls: glibc's are the ones we stand in front of. */
int sys_open(const char *path, int flags, unsigned mode);
int sys_stat_at(int dir, const char *path, struct stat *info, int flags);
int sys_stat(int fd, struct stat *info);
void sys_close(int fd);
