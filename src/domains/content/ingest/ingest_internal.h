/* ingest_internal: what the files of ingest share. */
#pragma once

#include "film_name.h"
#include "ingest.h"
#include "ingest_reason.h"
#include "nfo.h"

#include "domains/content/catalog/catalog.h"
#include "engines/db/db.h"
#include "foundation/base/clock.h"
#include "foundation/http/http.h"
#include "foundation/mem/buf.h"
#include "foundation/shape/shape.h"

struct job_run;

struct ingest {
    struct db *db;
    struct blob_store *blobs;
    struct pool *files, *children;
    uint64_t disk_reserve_bytes;
};
extern struct ingest ingest;
extern const struct metrics ingest_metrics;

#define INGEST_SCAN_JOB "import.scan"
#define INGEST_FILM_JOB "import.film"

/* --- Walking (ingest_walk.c) ---------------------------------------------------------------- */

struct walk_file {
    str path;  /* whole, bytes of the file system */
    str below; /* relative to the imported folder */
    uint64_t size_bytes;
    int64_t modified_ns;
    struct film_name name;
};

/* The files that belong together: a film's folder, a series, or one loose film with its sidecars.
 */
struct walk_group {
    str path; /* of the folder; for a loose film, of its stem */
    struct walk_file **files;
    size_t files_count;
    uint64_t signature; /* of names, sizes and times */
};

struct walk {
    struct arena *arena;
    struct walk_file *files;
    size_t files_count;
    struct walk_group *groups;
    size_t groups_count;
    unsigned unreadable; /* folders that could not be opened */
    str first_unreadable;
};

/* Walks `path`, a folder or a single file. Blocks; runs on a pool. ERR_NOT_FOUND, ERR_TOO_LARGE. */
enum err ingest_walk_folder(struct arena *arena, str path, struct walk *out_walk);

/* --- What a group says (ingest_unit.c) ------------------------------------------------------ */

struct unit_image {
    const struct walk_file *file;
    const char *kind; /* "poster", "backdrop" ... */
};

/* One video file and all that goes with it. */
enum {
    UNIT_SIDECARS_MAX = 32,
    UNIT_PARTS_MAX = 8,
    UNIT_SIDECARS_BYTES_MAX = 150 << 10, /* what the payload of a job has room for */
    UNIT_IMAGES_MAX = 4,                 /* a title shows one picture of a kind */
    UNIT_NOTES_BYTES_MAX = 8 << 10
};
struct unit {
    const struct walk_file *video;
    const struct walk_file *sidecars[UNIT_SIDECARS_MAX]; /* subtitles and audio */
    size_t sidecars_count;
    size_t tracks_count, tracks_bytes; /* of all parts, in their first */
    struct unit_image images[UNIT_IMAGES_MAX];
    size_t images_count, images_spare;
    const struct walk_file *first_spare;
    const struct nfo_work *nfo;                   /* NULL: none, or none that could be read */
    const struct unit *parts[UNIT_PARTS_MAX - 1]; /* of a film in several files: the further ones */
    size_t parts_count;
    const struct unit *first; /* this is a further part of that one */
    str fault;                /* why its parts cannot be one film; ptr NULL: they can */
    str notes;                /* reasons, a line each: what of it was left out */
    bool over;                /* one too many: nothing but its name was looked at */
};

/* What identifies a title, from NFO and names together. */
struct identity {
    enum title_kind kind;
    str title;
    int64_t year;
    struct catalog_external_id ids[4];
    size_t ids_count;
    enum film_doubt doubt;
};
struct identity ingest_unit_identity(const struct unit *unit);

/* A record of what the names say, and one of what an NFO says. In the arena. */
struct catalog_record ingest_record_of_name(struct arena *arena, enum title_kind kind, str title,
                                            int64_t year);
struct catalog_record ingest_record_of_nfo(struct arena *arena, enum title_kind kind,
                                           const struct nfo_work *work, enum catalog_source source);
/* "ru" for Cyrillic, "en" otherwise: what language a title without a word about it is in. */
str ingest_language_of_text(str text);

/* --- Jobs (ingest_scan.c, ingest_film.c) ---------------------------------------------------- */

/* Every attempt of a scan goes on where the last one was killed. */
enum { SCAN_ATTEMPTS_MAX = 10, FILM_ATTEMPTS_MAX = 3 };
TASK_FN enum err ingest_scan_job(struct job_run *run, void *arg);
TASK_FN enum err ingest_film_job(struct job_run *run, void *arg);

/* What the scan asks of a film job: its payload. */
struct film_sidecar {
    str path, language, label; /* bytes of the file system as hexadecimal; BCP 47; may be empty */
    str kind;                  /* "subtitle" or "audio" */
    int64_t part;              /* of a film in several files, from 0 */
    bool forced, sdh;
};
struct film_task {
    int64_t import_id, file_id, title_id;
    str notes;          /* reasons the scan had, a line each */
    str path;           /* hexadecimal: a path is bytes, JSON is text */
    str folder;         /* the group's, so that a failure makes the next import look again */
    str edition, extra; /* extra: "" for the film itself, else "trailer" ... */
    str extra_name;
    bool draft;
    LIST_OF(str) parts; /* of a film in several files: the paths of the further ones, hexadecimal */
    struct {
        struct film_sidecar *items;
        size_t count;
    } sidecars;
};
str ingest_film_task_write(struct arena *arena, const struct film_task *task);
enum err ingest_film_task_parse(struct arena *arena, str json, struct film_task *out_task);
/* Paths in payloads. */
str ingest_path_to_hex(struct arena *arena, str path);
enum err ingest_path_from_hex(struct arena *arena, str hex, str *out_path);

/* --- Store (ingest_store.c) ----------------------------------------------------------------- */

struct import {
    int64_t id; /* its files are rows of import_files */
    str paths_json, source, state, message;
    bool draft, media;
    int64_t scan_job, folders_total, folders_done, folders_unchanged;
    instant created_at, finished_at;
};
/* What is asked for, and the id it gets. */
struct import_add {
    str paths;   /* JSON array */
    str subject; /* of the scan's job, for people */
    bool draft, media;
    struct arena *arena;
    int64_t id;
};
/* A transaction: adds the import and queues its scan. `arg` is a struct import_add. */
enum err ingest_import_add(struct db_tx *tx, void *arg);
/* ERR_NOT_FOUND "import-not-found". */
enum err ingest_import_get(struct db_tx *tx, int64_t id, struct import *out_import);
/* Ends the import if nothing of it is left to do. */
enum err ingest_import_settle(struct db_tx *tx, int64_t id);
/*
 * The job is queued again, or cancelled: so is what it is of. A scan reopens its import from the
 * start, a film its file and with it the import; a job of neither is left alone.
 */
enum err ingest_job_reopen(struct db_tx *tx, int64_t job_id);
enum err ingest_job_close(struct db_tx *tx, int64_t job_id);
/* As jobs_cancel(); the next import looks at a cancelled film's folder again. */
enum err ingest_job_cancel(struct db_tx *tx, int64_t job_id);
/* A file's state, in a transaction of its own or in the caller's. */
TASK_FN enum err ingest_file_state_put(int64_t file_id, const char *state, str reason);
enum err ingest_file_state_tx(struct db_tx *tx, int64_t file_id, const char *state, str reason);

/* Which title, and which stored asset, a video file became. asset none: not stored (yet). */
struct source {
    str path;
    uint64_t size_bytes;
    int64_t modified_ns;
    struct id title, asset;
};
enum err ingest_source_asset_put(struct db_tx *tx, const struct source *source);
/* title none: the file is new. */
enum err ingest_source_find(struct db_tx *tx, str path, struct source *out_source);
/* The next import looks at this folder again, whatever its signature. */
enum err ingest_folder_forget(struct db_tx *tx, str folder);

/* --- Handlers (ingest_http.c) --------------------------------------------------------------- */

extern const struct http_route_table ingest_routes;
