/* internal: the manifest, streams that may be sealed, and the two forms a backup has. */
#pragma once

#include "backup.h"

#include "foundation/mem/buf.h"
#include "foundation/seal/seal.h"

/* --- manifest.c ------------------------------------------------------------------------------- */

enum {
    BACKUP_FORMAT = 2, /* 1: copies of databases are their files */
    HEAD_BYTES_MAX = 65536,
    MANIFEST_BYTES_MAX = 512 << 20,
    SCHEMAS_MAX = 512,
    ENTRIES_MAX = 2000000
};

/* In the order of the manifest. */
enum entry_kind { ENTRY_DATABASE, ENTRY_FILE, ENTRY_BLOB, ENTRY_KINDS };

struct entry {
    enum entry_kind kind;
    str name; /* "content.db", "admin.key", a blob's key */
    uint64_t size_bytes;
    int64_t modified_ns;
    uint8_t sha256[BACKUP_HASH_BYTES];
};

struct schema {
    str context, module;
    unsigned version;
};

struct manifest {
    str program;
    instant created_at;
    uint64_t size_bytes; /* of all entries, each counted */
    str copies;          /* what copies of databases end with: ".db", or of a server ".dump" */
    struct schema *schemas;
    size_t schemas_count;
    struct entry *entries; /* by kind and name */
    size_t entries_count;
};

/* The lines that stand first, for who must know before all else whether he can read on. */
void manifest_head_write(struct buf *out, const struct manifest *manifest);
/* All of it; the entries are sorted first. */
void manifest_write(struct buf *out, struct manifest *manifest);
/* Texts stay in `text`. ERR_CORRUPT "backup-damaged", ERR_PRECONDITION "backup-newer". */
enum err manifest_head_parse(struct arena *arena, str text, struct manifest *out_manifest);
enum err manifest_parse(struct arena *arena, str text, struct manifest *out_manifest);
/* ERR_PRECONDITION "database-newer" when a module is unknown or at a later version. */
enum err manifest_known(const struct manifest *manifest, const struct backup_given *given);
/* ".db", ".dump" */
bool copies_valid(str suffix);
const struct entry *manifest_find(const struct manifest *manifest, enum entry_kind kind, str name);
/* Also a bound on what a manifest may have written: no name leads out of a folder. */
bool entry_name_valid(enum entry_kind kind, str name);

/* --- stream.c --------------------------------------------------------------------------------- */

struct digest;
struct digest *digest_open(void);
void digest_add(struct digest *digest, str bytes);
/* Writes the hash and frees it. NULL: only frees. */
void digest_close(struct digest *digest, uint8_t out_sha256[BACKUP_HASH_BYTES]);

/* The passphrase, and the key made of it for the salt that was last asked for. */
struct keys {
    str passphrase;
    struct seal_key key;
    bool made;
};
enum err keys_make(struct keys *keys, const uint8_t salt[SEAL_SALT_BYTES]);

/* A file being written, sealed when it has a key. */
struct sink;
enum err sink_open(const char *path, const struct seal_key *key, struct sink **out_sink);
enum err sink_write(struct sink *sink, str bytes);
/* The rest and the end of it, to the disk when it is to be synced. Frees the sink in any case. */
enum err sink_close(struct sink *sink, bool sync);
/* Removes the file. NULL is accepted. */
void sink_abort(struct sink *sink);

/* A file being read; whether it is sealed is seen from its beginning. */
struct feed;
enum err feed_open(const char *path, struct keys *keys, struct feed **out_feed);
/* The same of a descriptor, which becomes the feed's. */
enum err feed_open_fd(int fd, const char *path, struct keys *keys, struct feed **out_feed);
void feed_close(struct feed *feed);
bool feed_sealed(const struct feed *feed);
/* A lower bound of nothing: the size of the file itself. */
uint64_t feed_size_bytes(const struct feed *feed);
/* Up to `size_bytes`, 0 only at the end. */
enum err feed_read(struct feed *feed, void *out, size_t size_bytes, size_t *out_got);
/* All of them, or ERR_CORRUPT "backup-damaged": it is cut off. */
enum err feed_read_all(struct feed *feed, void *out, size_t size_bytes);

/* "<path>: <verb>: reason"; a full disk is ERR_EXHAUSTED "disk-full". Reads errno. */
enum err file_error(const char *verb, const char *path);
enum err sync_folder(const char *path);
/* The error slot, kept aside on the heap while things are put in order, and back. */
struct err_slot *detail_keep(void);
void detail_back(struct err_slot *kept);
/* ERR_CANCELLED once it is wanted; counts what was done. */
enum err progress_add(struct backup_progress *progress, uint64_t bytes);

/* Reads a whole file of the cinema without pushing out of memory what others read. */
typedef enum err (*piece_fn)(void *arg, str piece);
enum err file_pieces(int fd, const char *name, uint64_t size_bytes, piece_fn fn, void *arg);

/* --- The two forms ---------------------------------------------------------------------------- */

struct content {
    struct entry *entry; /* size and time are known; the hash is filled in by put */
    int fd;
};

struct writer;
struct writer_ops {
    enum err (*begin)(struct writer *writer, const struct manifest *head);
    enum err (*put)(struct writer *writer, const struct content *content);
    enum err (*finish)(struct writer *writer, struct manifest *manifest);
    void (*drop)(struct writer *writer); /* frees it; after a failure removes what it wrote */
};
struct writer {
    const struct writer_ops *ops;
    struct arena *arena;
    const struct backup_target *target;
    struct backup_progress *progress;
    struct backup_totals *totals;
    struct keys keys;
};
/* single.c, folder.c */
enum err single_writer_open(struct writer *base, struct writer **out_writer);
enum err folder_writer_open(struct writer *base, struct writer **out_writer);

/* What a reader hands out: content by its hash, which is checked before on_end(). */
struct visitor {
    enum err (*on_head)(void *arg, const struct manifest *head, uint64_t needed_bytes);
    enum err (*on_begin)(void *arg, uint64_t size_bytes);
    enum err (*on_piece)(void *arg, str piece);
    enum err (*on_end)(void *arg, const uint8_t sha256[BACKUP_HASH_BYTES]);
    void *arg;
};
struct reading {
    struct arena *arena;
    const struct backup_given *given;
    struct backup_progress *progress;
    const struct visitor *visitor; /* NULL: only looked at */
    struct keys keys;
    uint64_t damaged;
    bool sealed;
};
/* The key for a new backup, with a salt of its own; nothing without a passphrase. */
enum err keys_new(struct keys *keys);
/* Forgets the passphrase's key. */
void keys_forget(struct keys *keys);
/* Hands out all contents, then gives the manifest. Damage is told, or is the error. */
enum err single_read(struct reading *reading, const char *path, struct manifest *out_manifest);
enum err folder_read(struct reading *reading, const char *path, struct manifest *out_manifest);
/* The path of the manifest meant, when the path is a folder of backups or a manifest in one; else
 * NULL. ERR_NOT_FOUND "no-backup": a folder without any. */
enum err folder_find(struct arena *arena, const char *path, const char **out_manifest);
enum err damage(struct reading *reading, const char *name, const char *what);
