/* ingest_import_view: an import and its files as the administrator sees them. Internal to ingest.
 */
#pragma once

#include "ingest_http.h"

struct import_file_view {
    str path, state, reason;
    json_raw reasons;
    double progress;
    opt_id title_id;
};

struct import_counts {
    int64_t waiting, running, done, failed, skipped, review;
};

struct import_view {
    struct id id;
    json_raw paths, reasons; /* of the message */
    str state, message;
    instant created_at;
    opt_time finished_at;
    int64_t files_total, files_done, files_failed, folders_total, folders_done, folders_unchanged;
    struct import_counts files;
    double progress;
    LIST_OF(struct import_file_view) now; /* files under way */
};

SHAPE_DECLARE(import_view_shape, struct import_view);
/* ERR_NOT_FOUND "import-not-found". */
enum err ingest_import_view(struct db_tx *tx, int64_t id, struct import_view *out_view);

/* A page of an import's files; `state` as in struct import_view's files, or empty: all. */
struct import_files_view {
    LIST_OF(struct import_file_view) items;
    opt_str next;
};
struct import_files_wanted {
    int64_t import_id, after;
    str state;
    unsigned limit;
};
/* out_last: the id the page ended at, when there is more; else 0. ERR_NOT_FOUND, ERR_INVALID. */
enum err ingest_import_files_view(struct db_tx *tx, const struct import_files_wanted *wanted,
                                  struct import_files_view *out_view, int64_t *out_last);
