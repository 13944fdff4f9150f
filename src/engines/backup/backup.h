/*
 * backup: a cinema's data folder as one file, or as a folder of backups that share what they have
 * in common; checking it without restoring; and the way back. The databases are copied as of one
 * moment, every other file once by its SHA-256, and a manifest says what was where. Written to a
 * passphrase, all of it is sealed (foundation/seal).
 *
 * The formats are written in docs/internals/backup.md.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/task/task.h"

#include <stdatomic.h>

struct db;
struct db_module;
struct db_spec;
struct blob_store;

enum { BACKUP_HASH_BYTES = 32, BACKUP_PATH_MAX = 1024 };

/* What is being done, for who watches from another thread; and their wish to end it. */
struct backup_progress {
    _Atomic uint64_t done_bytes, total_bytes;
    atomic_bool cancel;
};

/* --- Making ----------------------------------------------------------------------------------- */

struct backup_source {
    const char *folder;    /* the data folder */
    const char *shared;    /* where blobs/ and admin.key are instead; NULL: there, too */
    struct db *const *dbs; /* one a context, one at least, all of one kind */
    unsigned dbs_count;
    struct blob_store *blobs; /* in <folder>/blobs */
    const char *program;      /* its version */
};

struct backup_target {
    const char *path; /* an existing folder, or a path that ends in '/': a folder of backups; else
                         one file, replaced when the new one is whole */
    str passphrase;   /* empty: not sealed */
    unsigned keep;    /* in a folder: this many of the newest; 0: all */
};

struct backup_totals {
    char place[BACKUP_PATH_MAX]; /* the file, or the manifest in the folder */
    uint64_t size_bytes;         /* of what is in it */
    uint64_t copied_bytes;       /* of that, what was not there already */
    uint64_t files, copied_files;
};

/*
 * While the databases and the store are in use. Its file work runs where it is called: on a thread
 * that may block, in a task whose arena holds the list of files (about 200 bytes each). On a
 * failure nothing new is visible. ERR_EXHAUSTED "disk-full", ERR_CONFLICT "backup-busy" (another
 * process writes to the folder), ERR_FORBIDDEN "wrong-passphrase" (the folder's backups have
 * another), ERR_CONFLICT "backup-mixed" (they have none, or this has none), ERR_CORRUPT (a
 * database), ERR_CANCELLED.
 */
TASK_FN enum err backup_make(const struct backup_source *source, const struct backup_target *target,
                             struct backup_progress *progress, struct backup_totals *out_totals);

/* --- Looking and going back ------------------------------------------------------------------- */

struct backup_summary {
    char program[32];
    instant created_at;
    uint64_t size_bytes, databases, files, blobs;
    bool sealed;
};

struct backup_given {
    const char *path; /* a file, a folder of backups (the newest is meant), or a manifest in it */
    str passphrase;
    /* What this program knows of each context; a backup of a newer one is refused. */
    const struct backup_known *known;
    unsigned known_count;
    /* Called for what is damaged or missing, by name. NULL: the first is the error. */
    void (*on_damage)(void *arg, const char *name, const char *what);
    /* Restoring: all is there; called before the folder counts as restored. NULL: nothing to do. */
    enum err (*on_restored)(void *arg);
    void *arg;
};
struct backup_known {
    const char *context;
    const struct db_spec *target; /* where its database is restored to; NULL: into the folder */
    const struct db_module *const *modules;
    unsigned modules_count;
};

/* Whether a passphrase will be needed. ERR_NOT_FOUND "no-backup", ERR_CORRUPT "backup-damaged". */
enum err backup_is_sealed(struct arena *arena, const char *path, bool *out_sealed);
/*
 * Reads all of it and compares with the manifest. ERR_CORRUPT "backup-damaged" when anything is
 * not as it was written, ERR_FORBIDDEN "wrong-passphrase" ("passphrase-needed": none was given),
 * ERR_PRECONDITION "backup-newer" · "database-newer". Blocks.
 */
enum err backup_verify(struct arena *arena, const struct backup_given *given,
                       struct backup_progress *progress, struct backup_summary *out_summary);

/* Where a restore has begun and not ended: nothing but another restore may use the folder. */
#define BACKUP_UNFINISHED "restore.unfinished"
/*
 * Fills a folder that exists and that the caller has locked. It is empty but for "lock",
 * "lost+found" and what an unfinished restore left: else ERR_CONFLICT "folder-not-empty". The
 * databases appear last; a server's in one transaction. ERR_PRECONDITION "backup-other-kind": it is
 * of a server and none is given, or the reverse. Errors of backup_verify(), of db_restore_check()
 * and ERR_EXHAUSTED "disk-full", before anything is written where that can be known.
 */
enum err backup_restore(struct arena *arena, const struct backup_given *given, const char *folder,
                        struct backup_progress *progress, struct backup_summary *out_summary);
