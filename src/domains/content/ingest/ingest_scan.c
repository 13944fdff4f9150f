/*
 * ingest_scan: the job that takes folders in. Every group of files is one unit of work: looked up
 * by its signature, and if it changed, read, matched and written in one transaction, which also
 * queues the films. Several groups are on their way at once, so that their commits and disk writes
 * are shared.
 */
#include "ingest_internal.h"

#include "film_name_internal.h"
#include "ingest_group.h"
#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/shape/shape.h"
#include "foundation/task/loop.h"
#include "foundation/task/pool.h"

#include <inttypes.h>

enum { WORKERS = 8, PATHS_MAX = 100, TURN_GROUPS = 32, MESSAGE_BYTES_MAX = 8 << 10 };

/* A count is a write to the disk: so often, and at the end. */
#define REPORT_EVERY MILLISECONDS(500)

struct scan_payload {
    int64_t import_id;
};
SHAPE(scan_payload_shape, struct scan_payload,
      FIELD(struct scan_payload, import_id, .required = true));

struct scan_paths {
    LIST_OF(str) paths;
};
SHAPE(scan_paths_shape, struct scan_paths,
      FIELD_LIST(struct scan_paths, paths, .max = PATHS_MAX, .item_max = 4096));

struct scan {
    struct job_run *run;
    struct import import;
    struct walk walk;
    size_t next_group;
    int64_t done, unchanged;
    struct buf message; /* reasons, a line each */
    instant reported_at;
};

struct walk_call {
    str path;
    struct walk *walk;
    struct arena *arena;
};

static enum err walk_blocking(void *arg)
{
    struct walk_call *call = arg;
    return ingest_walk_folder(call->arena, call->path, call->walk);
}

static enum err put_counts(struct db_tx *tx, void *arg)
{
    const struct scan *scan = arg;
    return db_exec(tx, &SQL_IMPORT_FOLDERS_PUT,
                   DB_ARGS(DB_I64(scan->import.id), DB_I64((int64_t)scan->import.folders_total),
                           DB_I64(scan->done), DB_I64(scan->unchanged)),
                   NULL);
}

/* The signature covers what was asked for: texts alone, or the film too. */
static int64_t signature_of(const struct scan *scan, const struct walk_group *group)
{
    return (int64_t)(group->signature ^ (scan->import.media ? 0x6d65646961 : 0));
}

static enum err group_unchanged(const struct scan *scan, const struct walk_group *group, bool *out)
{
    struct db_row row;
    TRY(db_find(db_now(ingest.db), &SQL_FOLDER_FIND, DB_ARGS(DB_BLOB(group->path)), &row));
    *out = row.values && db_i64(&row, 0) == signature_of(scan, group);
    return OK;
}

/* What another group need not meet: one bad folder does not end an import. */
static bool is_of_the_group(enum err result)
{
    return result == ERR_INVALID || result == ERR_TOO_LARGE || result == ERR_CONFLICT ||
           result == ERR_NOT_FOUND || result == ERR_FORBIDDEN || result == ERR_PRECONDITION;
}

static enum err take_group(struct scan *scan, const struct walk_group *group)
{
    bool unchanged;
    TRY(group_unchanged(scan, group, &unchanged));
    if (unchanged) /* nothing was waited for: the loop has viewers, too */
        return ++scan->unchanged % TURN_GROUPS == 0 ? await_turn() : OK;
    enum err result = ingest_group_take(&scan->import, group, signature_of(scan, group));
    if (is_of_the_group(result))
        result = ingest_group_fail(&scan->import, group,
                                   arena_str(task_arena(), str_of(err_slot()->text)));
    return result;
}

static enum err report(struct scan *scan)
{
    struct arena *arena = task_arena();
    double all = MAX_OF((double)scan->import.folders_total, 1.0);
    str text = INGEST_REASON(arena, SCANNING, arena_printf(arena, "%" PRId64, scan->done),
                             arena_printf(arena, "%" PRId64, scan->import.folders_total));
    job_progress(scan->run, (double)scan->done / all, "%.*s", STR_ARG(text));
    if (clock_mono() - scan->reported_at < REPORT_EVERY)
        return OK;
    scan->reported_at = clock_mono();
    return db_tx(ingest.db, put_counts, scan);
}

static enum err worker(void *arg)
{
    struct scan *scan = arg;
    struct arena_mark mark = arena_mark(task_arena());
    while (scan->next_group < scan->walk.groups_count) {
        const struct walk_group *group = &scan->walk.groups[scan->next_group++];
        TRY(take_group(scan, group));
        scan->done++;
        TRY(report(scan));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static enum err take_groups(struct scan *scan)
{
    struct task_group group;
    unsigned workers = (unsigned)MIN_OF(scan->walk.groups_count, (size_t)WORKERS);
    task_group_init(&group, WORKERS);
    for (unsigned i = 0; i < workers; i++) {
        enum err started = task_group_start(&group, "scan", worker, scan);
        if (started != OK && i == 0)
            return started;
    }
    return task_group_wait(&group);
}

/* What does not fit is counted with the files, and was listed there. */
static void message_add(struct scan *scan, str reason)
{
    if (scan->message.len + reason.len + 1 >= MESSAGE_BYTES_MAX)
        return;
    if (scan->message.len)
        buf_put_char(&scan->message, '\n');
    buf_put(&scan->message, reason);
}

static str path_text(str path)
{
    return str_is_utf8(path) ? path : film_name_shown(task_arena(), path);
}

static enum err take_path(struct scan *scan, str path)
{
    struct walk_call call = { path, &scan->walk, task_arena() };
    scan->walk = (struct walk){ 0 };
    scan->next_group = 0;
    TRY(await_blocking(ingest.files, walk_blocking, &call));
    scan->import.folders_total += (int64_t)scan->walk.groups_count;
    if (scan->walk.unreadable)
        message_add(scan, INGEST_REASON(task_arena(), FOLDERS_UNREADABLE,
                                        arena_printf(task_arena(), "%u", scan->walk.unreadable),
                                        path_text(scan->walk.first_unreadable)));
    return take_groups(scan);
}

static enum err put_state(struct db_tx *tx, int64_t id, const char *state, str message)
{
    return db_exec(tx, &SQL_IMPORT_STATE_PUT,
                   DB_ARGS(DB_I64(id), DB_TEXT(str_of(state)), DB_TEXT(message)), NULL);
}

static enum err begin_tx(struct db_tx *tx, void *arg)
{
    struct scan *scan = arg;
    TRY(ingest_import_get(tx, scan->import.id, &scan->import));
    scan->import.folders_total = 0;
    return put_state(tx, scan->import.id, "scanning", STR(""));
}

static enum err end_tx(struct db_tx *tx, void *arg)
{
    struct scan *scan = arg;
    TRY(put_counts(tx, scan));
    TRY(put_state(tx, scan->import.id, "running", scan->import.message));
    TRY(ingest_import_settle(tx, scan->import.id));
    return job_finish(tx, scan->run);
}

struct scan_failure {
    int64_t import_id;
    str path, text;
};

/* A path that could not be taken in stands among the files, so that it is counted and named. */
static enum err path_fail_tx(struct db_tx *tx, void *arg)
{
    const struct scan_failure *failure = arg;
    int64_t file_id;
    return db_insert(tx, &SQL_IMPORT_FILE_PUT,
                     DB_ARGS(DB_I64(failure->import_id), DB_TEXT(failure->path),
                             DB_TEXT(STR("failed")), DB_TEXT(failure->text), DB_NULL, DB_NULL),
                     &file_id);
}

static enum err path_fail(struct scan *scan, str path)
{
    struct scan_failure failure = { scan->import.id, path_text(path),
                                    arena_str(task_arena(), str_of(err_slot()->text)) };
    message_add(scan, INGEST_REASON(task_arena(), PATH_FAILED, failure.path, failure.text));
    return db_tx(ingest.db, path_fail_tx, &failure);
}

static enum err fail_tx(struct db_tx *tx, void *arg)
{
    const struct scan_failure *failure = arg;
    return db_exec(tx, &SQL_IMPORT_FINISH,
                   DB_ARGS(DB_I64(failure->import_id), DB_TEXT(STR("failed")),
                           DB_TEXT(failure->text), DB_TIME(clock_now())),
                   NULL);
}

static enum err scan_all(struct scan *scan)
{
    struct scan_paths paths;
    TRY(db_tx(ingest.db, begin_tx, scan));
    if (str_eq(scan->import.state, STR("cancelled")))
        return OK;
    str wrapped = arena_printf(task_arena(), "{\"paths\":%.*s}", STR_ARG(scan->import.paths_json));
    TRY(shape_parse_json(task_arena(), &scan_paths_shape, wrapped, &paths));
    buf_init(&scan->message, task_arena(), MESSAGE_BYTES_MAX);
    size_t failed = 0;
    for (size_t i = 0; i < paths.paths.count; i++) {
        str path = arena_str(task_arena(), paths.paths.items[i]);
        enum err result = take_path(scan, path);
        if (!is_of_the_group(result)) {
            TRY(result);
            continue;
        }
        failed++;
        TRY(path_fail(scan, path));
    }
    scan->import.message = buf_str(&scan->message);
    if (failed && failed == paths.paths.count)
        return err_set(ERR_NOT_FOUND, "path-failed", "%.*s", STR_ARG(scan->import.message));
    return db_tx(ingest.db, end_tx, scan);
}

/* Failures that another try would meet again end the import with their sentence. */
enum err ingest_scan_job(struct job_run *run, void *arg)
{
    struct scan_payload payload;
    struct scan *scan = ARENA_NEW(task_arena(), struct scan);
    (void)arg;
    TRY(shape_parse_json(task_arena(), &scan_payload_shape, job_payload(run), &payload));
    scan->run = run;
    scan->reported_at = clock_mono();
    scan->import.id = payload.import_id;
    enum err result = scan_all(scan);
    bool again = err_info(result)->retryable && job_attempt(run) < SCAN_ATTEMPTS_MAX;
    if (result == OK || result == ERR_CANCELLED || again)
        return result;
    struct err_slot detail = *err_slot();
    struct scan_failure failure = { .import_id = payload.import_id,
                                    .text = arena_str(task_arena(), str_of(detail.text)) };
    if (str_eq(str_of(detail.slug), STR("path-failed"))) /* whole, where the slot cuts it */
        failure.text = scan->import.message;
    TRY(db_tx(ingest.db, fail_tx, &failure));
    *err_slot() = detail;
    return result;
}
