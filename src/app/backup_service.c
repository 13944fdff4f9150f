/*
 * backup_service: the one backup that may be under way in the process that serves the data, on a
 * thread of its own that gives way to everything else; asked for by the command over the control
 * socket, or by a job of the queue that a schedule adds (backup_clock.c). The passphrase is in no
 * table. When the last backup ended stands in a small file of the data folder.
 */
#include "backup_service.h"
#include "app.h"

#include "engines/backup/backup.h"
#include "engines/db/db.h"
#include "foundation/crash/crash.h"
#include "foundation/http/http_route.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"
#include "foundation/shape/shape.h"
#include "foundation/task/loop.h"
#include "foundation/task/urgency.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 1 << 30, /* for the list of files; taken as it is needed */
    PASSPHRASE_BYTES = 1025,
    IOPRIO_OF_PROCESS = 1, /* ioprio_set(2) */
    IOPRIO_IDLE = 3 << 13,
    LAST_BYTES_MAX = 2048
};

enum backup_state { BACKUP_IDLE, BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };
static const char *const state_words[] = { "idle", "running", "done", "failed" };

static struct {
    const struct module_env *env;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, stopping;
    struct task *waiter; /* the job that asked for the backup under way; NULL: none */
    enum backup_state state;
    bool wanted;
    int64_t number; /* of the backup asked for last */
    char path[BACKUP_PATH_MAX], passphrase[PASSPHRASE_BYTES];
    unsigned keep;
    struct backup_progress progress;
    struct backup_totals totals;
    enum err result;
    struct err_slot detail;
    instant last_at; /* of the last that ended well; 0: none */
    span took;
} service = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Metrics ---------------------------------------------------------------------------------- */

static double read_last_at(void)
{
    pthread_mutex_lock(&service.lock);
    double at = (double)service.last_at / 1e6;
    pthread_mutex_unlock(&service.lock);
    return at;
}

static double read_running(void)
{
    return service.state == BACKUP_RUNNING;
}

static double read_size(void)
{
    return (double)service.totals.size_bytes;
}

METRIC_GAUGE_READ(backup_last_success_timestamp_seconds,
                  "When the last backup ended well; 0: never.", read_last_at);
METRIC_GAUGE_READ(backup_running, "1 while a backup is made.", read_running);
METRIC_GAUGE_READ(backup_size_bytes, "What the last backup of this process holds.", read_size);
METRIC_COUNTER(backup_copied_bytes_total, "Bytes that backups have copied.");
METRIC_COUNTER(backup_done_total, "Backups that ended well.");
METRIC_COUNTER(backup_failures_total, "Backups that failed.");
METRICS(backup_metrics, &backup_last_success_timestamp_seconds, &backup_running, &backup_size_bytes,
        &backup_copied_bytes_total, &backup_done_total, &backup_failures_total);

/* --- The last one ----------------------------------------------------------------------------- */

static void last_path(const char *folder, char path[static DATA_PATH_BYTES])
{
    snprintf(path, DATA_PATH_BYTES, "%s/backup.last", folder);
}

bool backup_last_read(const char *folder, instant *out_at, char *place, size_t size_bytes)
{
    char path[DATA_PATH_BYTES], text[LAST_BYTES_MAX];
    last_path(folder, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof(text));
    close(fd);
    str rest = { text, got > 0 ? (size_t)got : 0 }, at;
    if (!str_cut(&rest, '\n', &at) || !instant_parse(at, out_at))
        return false;
    snprintf(place, size_bytes, "%.*s", STR_ARG(str_trim(rest)));
    return true;
}

static void last_write(const struct backup_totals *totals)
{
    char path[DATA_PATH_BYTES], fresh[DATA_PATH_BYTES + 8], at[INSTANT_TEXT_MAX];
    last_path(service.env->data_folder, path);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    instant_format(service.last_at, at);
    FILE *file = fopen(fresh, "w");
    bool written = file && fprintf(file, "%s\n%s\n", at, totals->place) > 0;
    written = file && fflush(file) == 0 && fsync(fileno(file)) == 0 && written;
    if (file)
        fclose(file);
    if (!written || rename(fresh, path) != 0)
        log_warn("backup", "when the backup ended could not be written", LOG_CSTR("file", path));
}

/* --- Making one ------------------------------------------------------------------------------- */

static enum err make_one(void *arg)
{
    struct backup_totals *totals = arg;
    const struct module_env *env = service.env;
    struct db *const dbs[] = { env->db };
    struct backup_source source = { .folder = env->data_folder,
                                    .shared = app_shared_folder(),
                                    .dbs = dbs,
                                    .dbs_count = 1,
                                    .blobs = env->blobs,
                                    .program = app_version };
    struct backup_target target = { service.path, str_of(service.passphrase), service.keep };
    return backup_make(&source, &target, &service.progress, totals);
}

struct one {
    struct backup_totals totals;
    enum err result;
    struct err_slot detail;
};

static enum err one_main(void *arg)
{
    return make_one(&((struct one *)arg)->totals);
}

static void on_one_end(void *arg, enum err result)
{
    struct one *one = arg;
    one->result = result;
    one->detail = *err_slot();
    loop_stop(loop_current());
}

/* A loop for this one task, which may block as long as it likes. */
static void one_run(struct one *one)
{
    struct loop *loop;
    struct loop_settings settings = { .name = "backup", .stall_after = DAYS(3650) };
    struct task_spec spec = { .name = "backup",
                              .fn = one_main,
                              .arg = one,
                              .arena_bytes_max = ARENA_BYTES,
                              .on_end = on_one_end };
    one->result = loop_open(&settings, &loop);
    if (one->result != OK) {
        one->detail = *err_slot();
        return;
    }
    if (task_start(loop, &spec, NULL) == OK)
        loop_run(loop);
    else
        on_one_end(one, ERR_EXHAUSTED);
    loop_close(loop);
}

static void tell_end(const struct one *one, span took)
{
    if (one->result == OK)
        log_info("backup", "a backup is made", LOG_CSTR("place", one->totals.place),
                 LOG_INT("size_bytes", (int64_t)one->totals.size_bytes),
                 LOG_INT("copied_bytes", (int64_t)one->totals.copied_bytes),
                 LOG_SPAN("took_s", took));
    else
        log_error("backup", "a backup failed", LOG_CSTR("path", service.path),
                  LOG_CSTR("reason", one->detail.text));
}

/* Under the lock. */
static void note_end(const struct one *one, span took)
{
    if (service.waiter)
        task_wake_remote(service.waiter);
    service.waiter = NULL;
    service.result = one->result;
    service.detail = one->detail;
    service.took = took;
    service.state = one->result == OK ? BACKUP_DONE : BACKUP_FAILED;
    explicit_bzero(service.passphrase, sizeof(service.passphrase));
    if (one->result != OK) {
        metric_inc(&backup_failures_total);
        return;
    }
    service.totals = one->totals;
    service.last_at = clock_now();
    metric_inc(&backup_done_total);
    metric_add(&backup_copied_bytes_total, one->totals.copied_bytes);
    last_write(&one->totals);
}

/* The lock is held, and given away while the backup is made. */
static void run_wanted(void)
{
    struct one *one = HEAP_NEW(struct one);
    instant begun = clock_mono();
    pthread_mutex_unlock(&service.lock);
    one_run(one);
    span took = clock_mono() - begun;
    tell_end(one, took);
    pthread_mutex_lock(&service.lock);
    note_end(one, took);
    pthread_cond_broadcast(&service.changed);
    heap_free(one);
}

static void *service_main(void *arg)
{
    (void)arg;
    crash_thread_init();
    thread_nice(NICE_BACKGROUND);
    syscall(SYS_ioprio_set, IOPRIO_OF_PROCESS, 0, IOPRIO_IDLE);
    pthread_mutex_lock(&service.lock);
    while (!service.stopping) {
        if (service.wanted) {
            service.wanted = false;
            run_wanted();
        } else {
            pthread_cond_wait(&service.changed, &service.lock);
        }
    }
    pthread_mutex_unlock(&service.lock);
    return NULL;
}

/* Under the lock. */
static enum err service_start(void)
{
    if (service.started)
        return OK;
    if (pthread_create(&service.thread, NULL, service_main, NULL) != 0)
        return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread for a backup");
    service.started = true;
    return OK;
}

/* Under the lock. */
static enum err begin(str path, str passphrase)
{
    if (service.state == BACKUP_RUNNING || service.stopping)
        return err_set(ERR_CONFLICT, "backup-running", "a backup is being made already, to %s",
                       service.path);
    TRY(service_start());
    service.number++;
    service.wanted = true;
    service.state = BACKUP_RUNNING;
    service.progress = (struct backup_progress){ .cancel = false };
    service.keep = (unsigned)app_backup_settings.keep;
    snprintf(service.path, sizeof(service.path), "%.*s", STR_ARG(path));
    snprintf(service.passphrase, sizeof(service.passphrase), "%.*s", STR_ARG(passphrase));
    pthread_cond_broadcast(&service.changed);
    return OK;
}

/* --- For the job ------------------------------------------------------------------------------ */

/* The thread has it: it is told, and woken by its end. */
static bool on_interrupt(void *arg)
{
    (void)arg;
    atomic_store(&service.progress.cancel, true);
    return false;
}

enum err backup_make_and_wait(str path, str passphrase)
{
    pthread_mutex_lock(&service.lock);
    enum err result = begin(path, passphrase);
    if (result == OK)
        service.waiter = task_current();
    pthread_mutex_unlock(&service.lock);
    TRY(result);
    (void)task_suspend_lent(on_interrupt, NULL);
    pthread_mutex_lock(&service.lock);
    result = service.result;
    *err_slot() = service.detail;
    pthread_mutex_unlock(&service.lock);
    return result;
}

void backup_failed_before(enum err result)
{
    struct one *one = HEAP_NEW(struct one);
    one->result = result;
    one->detail = *err_slot();
    tell_end(one, 0);
    pthread_mutex_lock(&service.lock);
    note_end(one, 0);
    pthread_mutex_unlock(&service.lock);
    heap_free(one);
}

instant backup_last_at(void)
{
    pthread_mutex_lock(&service.lock);
    instant at = service.last_at;
    pthread_mutex_unlock(&service.lock);
    return at;
}

/* --- For operators ---------------------------------------------------------------------------- */

bool backup_look(void *arg, struct buf *detail)
{
    char at[INSTANT_TEXT_MAX];
    (void)arg;
    pthread_mutex_lock(&service.lock);
    span every = app_backup_settings.every;
    bool late = every && service.last_at + every + every / 2 < clock_now();
    bool well = service.state != BACKUP_FAILED && (!late || service.state == BACKUP_RUNNING);
    if (service.last_at)
        buf_printf(detail, "last %s", instant_format(service.last_at, at).ptr);
    else
        buf_put(detail, STR("none yet"));
    if (service.state == BACKUP_RUNNING)
        buf_put(detail, STR(", one is being made"));
    else if (service.state == BACKUP_FAILED)
        buf_printf(detail, ", then failed: %s", service.detail.slug);
    pthread_mutex_unlock(&service.lock);
    return well;
}

struct backup_post {
    str path, passphrase;
};
SHAPE(backup_post_shape, struct backup_post,
      FIELD(struct backup_post, path, .required = true, .min = 1, .max = BACKUP_PATH_MAX - 200),
      FIELD(struct backup_post, passphrase, .max = PASSPHRASE_BYTES - 1));

struct backup_view {
    str state, path, place, error, slug;
    int64_t number, code, files, copied_files;
    uint64_t done_bytes, total_bytes, size_bytes, copied_bytes;
    double took_s;
    instant last_at;
};
SHAPE(backup_view_shape, struct backup_view, FIELD(struct backup_view, state),
      FIELD(struct backup_view, path), FIELD(struct backup_view, place),
      FIELD(struct backup_view, error), FIELD(struct backup_view, slug),
      FIELD(struct backup_view, number), FIELD(struct backup_view, code),
      FIELD(struct backup_view, files), FIELD(struct backup_view, copied_files),
      FIELD(struct backup_view, done_bytes), FIELD(struct backup_view, total_bytes),
      FIELD(struct backup_view, size_bytes), FIELD(struct backup_view, copied_bytes),
      FIELD(struct backup_view, took_s), FIELD_TIME(struct backup_view, last_at));

/* It names files of this machine and takes a secret: for the command only, however one signs in. */
static enum err from_command(const struct http_request *request)
{
    return request->peer.control
               ? OK
               : err_set(ERR_FORBIDDEN, "command-only",
                         "backups are asked for by the command on the server's machine");
}

static enum err view_reply(struct http_request *request, struct http_response *response)
{
    struct buf buf;
    pthread_mutex_lock(&service.lock);
    bool failed = service.state == BACKUP_FAILED;
    struct backup_view view = {
        .state = str_of(state_words[service.state]),
        .path = arena_str(request->arena, str_of(service.path)),
        .place = arena_str(request->arena, str_of(service.totals.place)),
        .error = arena_str(request->arena, str_of(failed ? service.detail.text : "")),
        .slug = arena_str(request->arena, str_of(failed ? service.detail.slug : "")),
        .number = service.number,
        .code = service.result,
        .files = (int64_t)service.totals.files,
        .copied_files = (int64_t)service.totals.copied_files,
        .done_bytes = atomic_load(&service.progress.done_bytes),
        .total_bytes = atomic_load(&service.progress.total_bytes),
        .size_bytes = service.totals.size_bytes,
        .copied_bytes = service.totals.copied_bytes,
        .took_s = (double)service.took / 1e6,
        .last_at = service.last_at
    };
    pthread_mutex_unlock(&service.lock);
    buf_init(&buf, request->arena, KIB(16));
    shape_write_json(&buf, &backup_view_shape, &view);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    return OK;
}

static enum err on_post(struct http_request *request, struct http_response *response)
{
    struct backup_post post = { 0 };
    TRY(from_command(request));
    TRY(shape_parse_json(request->arena, &backup_post_shape, request->body, &post));
    pthread_mutex_lock(&service.lock);
    enum err result = begin(post.path, post.passphrase);
    pthread_mutex_unlock(&service.lock);
    TRY(result);
    return view_reply(request, response);
}

static enum err on_get(struct http_request *request, struct http_response *response)
{
    TRY(from_command(request));
    return view_reply(request, response);
}

static enum err on_delete(struct http_request *request, struct http_response *response)
{
    TRY(from_command(request));
    atomic_store(&service.progress.cancel, true);
    return view_reply(request, response);
}

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/backups", on_post, .role = ROLE_ADMIN, .flags = ROUTE_HIDDEN,
      .body_bytes_max = 16384 },
    { METHOD_GET, "/v1/backups", on_get, .role = ROLE_ADMIN, .flags = ROUTE_HIDDEN },
    { METHOD_DELETE, "/v1/backups", on_delete, .role = ROLE_ADMIN, .flags = ROUTE_HIDDEN },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err service_open(const struct module_env *env)
{
    char place[BACKUP_PATH_MAX];
    pthread_cond_init(&service.changed, NULL);
    service.env = env;
    service.started = service.stopping = service.wanted = false;
    service.state = BACKUP_IDLE;
    service.last_at = 0;
    backup_last_read(env->data_folder, &service.last_at, place, sizeof(place));
    metric_register(&backup_metrics);
    return OK;
}

static void service_close(void)
{
    pthread_mutex_lock(&service.lock);
    bool started = service.started;
    service.stopping = true;
    atomic_store(&service.progress.cancel, true);
    pthread_cond_broadcast(&service.changed);
    pthread_mutex_unlock(&service.lock);
    if (started)
        pthread_join(service.thread, NULL);
    pthread_cond_destroy(&service.changed);
}

const struct module backup_module = {
    .name = "backup",
    .context = "content",
    .routes = &route_table,
    .job_kinds = &backup_job_kind,
    .job_kinds_count = 1,
    .open = service_open,
    .close = service_close,
};
