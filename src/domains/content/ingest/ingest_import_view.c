/*
 * ingest_import_view: what an import's rows and jobs say together. Its files are counted, never
 * listed: only those under way are looked at, and there are few of them.
 */
#include "ingest_import_view.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"

#include <string.h>

enum { LOOKED_AT_MAX = 32, STATES_MAX = 16, SHOWN_MAX = 8 };

SHAPE(import_file_view_shape, struct import_file_view, FIELD(struct import_file_view, path),
      FIELD(struct import_file_view, state),
      FIELD(struct import_file_view, reason, .doc = "sentences, a line each"),
      FIELD(struct import_file_view, reasons,
            .doc =
                "[{code, params, text, cause}]: codes and parameters are in docs/api/reasons.json"),
      FIELD(struct import_file_view, progress), FIELD(struct import_file_view, title_id));

#define COUNT(member, ...) FIELD(struct import_counts, member, ##__VA_ARGS__)
SHAPE(import_counts_shape, struct import_counts, COUNT(waiting), COUNT(running), COUNT(done),
      COUNT(failed), COUNT(skipped), COUNT(review, .doc = "wait for a decision"));
SHAPE(import_view_shape, struct import_view, FIELD(struct import_view, id),
      FIELD(struct import_view, paths), FIELD(struct import_view, state),
      FIELD(struct import_view, message), FIELD(struct import_view, reasons),
      FIELD_TIME(struct import_view, created_at), FIELD(struct import_view, finished_at),
      FIELD(struct import_view, files_total), FIELD(struct import_view, files_done),
      FIELD(struct import_view, files_failed),
      FIELD_SHAPE(struct import_view, files, import_counts_shape),
      FIELD(struct import_view, folders_total), FIELD(struct import_view, folders_done),
      FIELD(struct import_view, folders_unchanged), FIELD(struct import_view, progress),
      FIELD_SHAPES(struct import_view, now, import_file_view_shape, .doc = "files under way"));
SHAPE(import_files_view_shape, struct import_files_view,
      FIELD_SHAPES(struct import_files_view, items, import_file_view_shape),
      FIELD(struct import_files_view, next));

static bool is_one_of(str state, const char *const *states)
{
    for (size_t i = 0; states[i]; i++)
        if (str_eq(state, str_of(states[i])))
            return true;
    return false;
}

static bool file_ended(str state)
{
    static const char *const states[] = { "done", "failed", "skipped", "review", NULL };
    return is_one_of(state, states);
}

/* A job that was given up (its process died again and again) could not say so itself. */
static bool job_was_lost(const struct job *job)
{
    return job->state == JOB_FAILED || job->state == JOB_CANCELLED;
}

static str lost_reason(struct arena *arena, const struct job *job)
{
    return job->error_text.len ? job->error_text : INGEST_REASON(arena, JOB_LOST);
}

/* How far a running film is, from its job; a finished one is whole. */
static enum err file_view(struct db_tx *tx, const struct db_row *row, struct import_file_view *view)
{
    struct job job;
    *view = (struct import_file_view){
        .path = db_text(row, 1),
        .state = db_text(row, 2),
        .reason = db_text(row, 3),
        .title_id = db_null(row, 4) ? (opt_id){ .state = OPT_NULL } : OPT(id, ID(db_i64(row, 4))),
    };
    bool ended = file_ended(view->state);
    view->progress = ended ? 1 : 0;
    if (!ended && !db_null(row, 5)) {
        enum err result = jobs_get(tx, db_i64(row, 5), &job);
        if (result != OK && result != ERR_NOT_FOUND)
            return result;
        if (result == OK)
            view->progress = job.progress;
        if (result == OK && job_was_lost(&job)) {
            view->state = STR("failed");
            view->reason = lost_reason(db_arena(tx), &job);
            view->progress = 1;
        }
    }
    view->reasons.text = ingest_reasons_json(db_arena(tx), view->reason);
    return OK;
}

/* --- Pages of files ------------------------------------------------------------------------- */

static enum err page_rows(struct db_tx *tx, const struct import_files_wanted *wanted,
                          struct db_rows *out_rows)
{
    static const char *const states[] = { "waiting", "done", "failed", "skipped", "review", NULL };
    unsigned limit = wanted->limit + 1;
    struct db_value import = DB_I64(wanted->import_id), after = DB_I64(wanted->after);
    if (!wanted->state.len)
        return db_all(tx, &SQL_IMPORT_FILES_LIST, DB_ARGS(import, after, DB_I64(limit)), limit,
                      out_rows);
    if (str_eq(wanted->state, STR("running")))
        return db_all(tx, &SQL_IMPORT_FILES_RUNNING, DB_ARGS(import, after, DB_I64(limit)), limit,
                      out_rows);
    if (!is_one_of(wanted->state, states)) {
        err_set(ERR_INVALID, "invalid-fields", "there is no such state of a file");
        err_field_add(STR("state"), "must be waiting, running, done, failed, skipped or review");
        return ERR_INVALID;
    }
    str state = str_eq(wanted->state, STR("waiting")) ? STR("queued") : wanted->state;
    return db_all(tx, &SQL_IMPORT_FILES_IN_STATE,
                  DB_ARGS(import, DB_TEXT(state), after, DB_I64(limit)), limit, out_rows);
}

enum err ingest_import_files_view(struct db_tx *tx, const struct import_files_wanted *wanted,
                                  struct import_files_view *out_view, int64_t *out_last)
{
    struct db_rows rows;
    struct import import;
    struct import_files_view view = { .next = { .state = OPT_NULL } };
    TRY(ingest_import_get(tx, wanted->import_id, &import));
    TRY(page_rows(tx, wanted, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)wanted->limit);
    view.items.items = ARENA_ARRAY(db_arena(tx), count, struct import_file_view);
    for (size_t i = 0; i < count; i++)
        TRY(file_view(tx, &rows.items[i], &view.items.items[view.items.count++]));
    *out_last = rows.count > count ? db_i64(&rows.items[count - 1], 0) : 0;
    *out_view = view;
    return OK;
}

/* --- The import ----------------------------------------------------------------------------- */

static enum err files_count(struct db_tx *tx, struct import_view *view)
{
    struct db_rows counts;
    TRY(db_all(tx, &SQL_IMPORT_FILES_COUNT, DB_ARGS(DB_I64(view->id.value)), STATES_MAX, &counts));
    for (unsigned i = 0; i < counts.count; i++) {
        str state = db_text(&counts.items[i], 0);
        int64_t count = db_i64(&counts.items[i], 1);
        int64_t *where = str_eq(state, STR("queued"))    ? &view->files.waiting
                         : str_eq(state, STR("done"))    ? &view->files.done
                         : str_eq(state, STR("failed"))  ? &view->files.failed
                         : str_eq(state, STR("skipped")) ? &view->files.skipped
                         : str_eq(state, STR("review"))  ? &view->files.review
                                                         : &view->files.running;
        *where += count;
        view->files_total += count;
    }
    return OK;
}

/* Those under way, and the first that wait: a job may be lost before it has said anything. */
static enum err files_look(struct db_tx *tx, struct import_view *view, double *out_films)
{
    const char *const states[] = { "running", "waiting" };
    view->now.items = ARENA_ARRAY(db_arena(tx), SHOWN_MAX, struct import_file_view);
    for (size_t s = 0; s < ARRAY_LEN(states); s++) {
        struct import_files_wanted wanted = { .import_id = view->id.value,
                                              .state = str_of(states[s]),
                                              .limit = LOOKED_AT_MAX };
        int64_t *count = s == 0 ? &view->files.running : &view->files.waiting;
        struct import_files_view page;
        int64_t last;
        if (!*count)
            continue;
        TRY(ingest_import_files_view(tx, &wanted, &page, &last));
        for (size_t i = 0; i < page.items.count; i++) {
            const struct import_file_view *file = &page.items.items[i];
            bool lost = file_ended(file->state);
            *out_films += lost ? 0 : file->progress;
            *count -= lost;
            view->files.failed += lost;
            if (s == 0 && !lost && view->now.count < SHOWN_MAX)
                view->now.items[view->now.count++] = *file;
        }
    }
    return OK;
}

static bool has_ended(const struct import_view *view)
{
    static const char *const states[] = { "done", "failed", "cancelled", NULL };
    return is_one_of(view->state, states);
}

/* What the jobs behind it could not write down any more: an import whose scan or last film was
 * given up has ended all the same. */
static enum err state_of_jobs(struct db_tx *tx, const struct import *import,
                              struct import_view *view)
{
    struct job job;
    bool scanning = str_eq(view->state, STR("queued")) || str_eq(view->state, STR("scanning"));
    if (scanning && import->scan_job) {
        enum err result = jobs_get(tx, import->scan_job, &job);
        if (result == OK && job_was_lost(&job)) {
            view->state = STR("failed");
            view->message = lost_reason(db_arena(tx), &job);
        }
        return result == ERR_NOT_FOUND ? OK : result;
    }
    if (str_eq(view->state, STR("running")) && view->files_total && !view->files.waiting &&
        !view->files.running)
        view->state = STR("done");
    return OK;
}

/* Folders weigh a tenth of an import with films: reading names is quick. */
static double progress_of(const struct import_view *view, bool media, double films)
{
    double folders =
        view->folders_total ? (double)view->folders_done / (double)view->folders_total : 0;
    films += (double)(view->files_done + view->files_failed);
    films = view->files_total ? films / (double)view->files_total : 1;
    if (has_ended(view))
        return 1;
    return media ? folders * 0.1 + films * 0.9 * (folders >= 1) : folders;
}

enum err ingest_import_view(struct db_tx *tx, int64_t id, struct import_view *out_view)
{
    struct import import;
    double films = 0;
    TRY(ingest_import_get(tx, id, &import));
    struct import_view view = { .id = ID(id),
                                .paths = { import.paths_json },
                                .state = import.state,
                                .message = import.message,
                                .created_at = import.created_at,
                                .folders_total = import.folders_total,
                                .folders_done = import.folders_done,
                                .folders_unchanged = import.folders_unchanged };
    view.finished_at = import.finished_at == INSTANT_NEVER ? (opt_time){ .state = OPT_NULL }
                                                           : OPT(time, import.finished_at);
    TRY(files_count(tx, &view));
    if (!has_ended(&view))
        TRY(files_look(tx, &view, &films));
    TRY(state_of_jobs(tx, &import, &view));
    view.files_failed = view.files.failed;
    view.files_done = view.files.done + view.files.skipped + view.files.review;
    view.progress = progress_of(&view, import.media, films);
    view.reasons.text = ingest_reasons_json(db_arena(tx), view.message);
    *out_view = view;
    return OK;
}
