/*
 * child: fork, watch, reap. The watching is a poll(2) loop on a pool thread: two pipes, a deadline
 * and a cancellation flag. Nothing of it touches the event loop.
 */
#include "child.h"

#include "jail.h"

#include "foundation/mem/buf.h"
#include "foundation/metric/metric.h"
#include "foundation/task/pool.h"
#include "foundation/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 4096,
    ERROR_TAIL_BYTES = 4096,
    READ_BYTES = 2048,
    POLL_MS = 100,
};

struct watch {
    const struct child_spec *spec;
    struct child_result *result;
    struct arena *arena;
    struct buf output;
    pid_t pid;
    int out_fd, error_fd;
    instant deadline, last_word;
    size_t line_len, tail_len;
    char line[LINE_BYTES_MAX];
    char tail[ERROR_TAIL_BYTES];
};

static void feed_line(struct watch *watch, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c != '\n' && c != '\r') {
            if (watch->line_len < sizeof(watch->line))
                watch->line[watch->line_len++] = c;
            continue;
        }
        if (watch->line_len)
            watch->spec->on_line(watch->spec->arg, (str){ watch->line, watch->line_len });
        watch->line_len = 0;
    }
}

static void feed_tail(struct watch *watch, const char *bytes, size_t len)
{
    if (len >= sizeof(watch->tail)) {
        bytes += len - sizeof(watch->tail);
        len = sizeof(watch->tail);
        watch->tail_len = 0;
    }
    size_t room = sizeof(watch->tail) - watch->tail_len;
    if (len > room) {
        size_t dropped = len - room;
        memmove(watch->tail, watch->tail + dropped, watch->tail_len - dropped);
        watch->tail_len -= dropped;
    }
    memcpy(watch->tail + watch->tail_len, bytes, len);
    watch->tail_len += len;
}

/* Reads what is there. False at the end of the pipe. */
static bool drain(struct watch *watch, int *fd)
{
    char bytes[READ_BYTES];
    ssize_t got = read(*fd, bytes, sizeof(bytes));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        close(*fd);
        *fd = -1;
        return false;
    }
    watch->last_word = clock_mono();
    if (fd == &watch->error_fd) {
        feed_tail(watch, bytes, (size_t)got);
        return true;
    }
    if (watch->spec->on_line)
        feed_line(watch, bytes, (size_t)got);
    if (watch->spec->output_bytes_max)
        buf_put(&watch->output, (str){ bytes, (size_t)got });
    return true;
}

static enum err limits_kept(const struct watch *watch)
{
    instant now = clock_mono();
    const char *name = watch->spec->argv[0];
    bool wanted = !watch->spec->wanted || watch->spec->wanted(watch->spec->arg);
    if (!wanted || pool_work_cancelled())
        return err_set(ERR_CANCELLED, NULL, "%s was cancelled", name);
    if (now >= watch->deadline)
        return err_set(ERR_TIMEOUT, "child-timeout", "%s did not end within %lld s", name,
                       (long long)(watch->spec->timeout / SECONDS(1)));
    if (watch->spec->silence_max && now - watch->last_word >= watch->spec->silence_max)
        return err_set(ERR_TIMEOUT, "child-silent", "%s reported nothing for %lld s", name,
                       (long long)(watch->spec->silence_max / SECONDS(1)));
    if (watch->output.overflowed)
        return err_set(ERR_TOO_LARGE, "child-output", "%s wrote more than %zu bytes", name,
                       watch->spec->output_bytes_max);
    return OK;
}

static enum err follow(struct watch *watch)
{
    while (watch->out_fd >= 0 || watch->error_fd >= 0) {
        struct pollfd fds[2] = { { .fd = watch->out_fd, .events = POLLIN },
                                 { .fd = watch->error_fd, .events = POLLIN } };
        poll(fds, 2, POLL_MS);
        if (fds[0].revents)
            drain(watch, &watch->out_fd);
        if (fds[1].revents)
            drain(watch, &watch->error_fd);
        TRY(limits_kept(watch));
    }
    return OK;
}

/* Both pipes are closed, but the process may still be there: the limits hold until it is reaped. */
static enum err await_exit(struct watch *watch, int *out_status, struct rusage *out_usage)
{
    for (;;) {
        pid_t reaped = wait4(watch->pid, out_status, WNOHANG, out_usage);
        if (reaped == watch->pid)
            return OK;
        enum err limits = limits_kept(watch);
        if (limits != OK)
            return limits;
        poll(NULL, 0, 5);
    }
}

static void kill_and_reap(struct watch *watch)
{
    int status;
    kill(-watch->pid, SIGKILL);
    kill(watch->pid, SIGKILL); /* in case it had not yet made its group */
    while (waitpid(watch->pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

static str clean_text(struct arena *arena, str bytes)
{
    struct buf buf;
    buf_init(&buf, arena, bytes.len * 3 + 1);
    for (size_t pos = 0; pos < bytes.len;) {
        char encoded[4];
        size_t len = str_utf8_put(encoded, str_utf8_next(bytes, &pos));
        buf_put(&buf, (str){ encoded, len });
    }
    return str_trim(buf_str(&buf));
}

static void conclude(struct watch *watch, int status, const struct rusage *usage)
{
    struct child_result *result = watch->result;
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->output = buf_str(&watch->output);
    result->error_tail = clean_text(watch->arena, (str){ watch->tail, watch->tail_len });
    result->cpu_time = SECONDS(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
                       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

static NORETURN void become(const struct child_spec *spec, int out_fd, int error_fd)
{
    static const char *const plain[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
    const char *const *environment = spec->environment ? spec->environment : plain;
    int null_fd = open("/dev/null", O_RDONLY);
    dup2(null_fd, STDIN_FILENO);
    dup2(out_fd, STDOUT_FILENO);
    dup2(error_fd, STDERR_FILENO);
    close_range(3, ~0u, 0);
    jail_enter(spec);
    sigset_t none;
    sigemptyset(&none);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): after fork() there is one thread */
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execve(spec->argv[0], (char *const *)spec->argv, (char *const *)environment);
    _exit(127);
}

static enum err spawn(struct watch *watch)
{
    int out[2], error[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return err_errno("pipe");
    if (pipe2(error, O_CLOEXEC) != 0) {
        close(out[0]);
        close(out[1]);
        return err_errno("pipe");
    }
    watch->pid = fork();
    if (watch->pid == 0)
        become(watch->spec, out[1], error[1]);
    close(out[1]);
    close(error[1]);
    if (watch->pid < 0) {
        close(out[0]);
        close(error[0]);
        return err_errno("fork");
    }
    setpgid(watch->pid, watch->pid);
    watch->out_fd = out[0];
    watch->error_fd = error[0];
    fcntl(watch->out_fd, F_SETFL, O_NONBLOCK);
    fcntl(watch->error_fd, F_SETFL, O_NONBLOCK);
    return OK;
}

static enum err run_child(void *arg)
{
    struct watch *watch = arg;
    struct rusage usage = { 0 };
    int status = 0;
    if (access(watch->spec->argv[0], X_OK) != 0)
        return err_set(ERR_NOT_FOUND, "program-missing", "there is no program %s",
                       watch->spec->argv[0]);
    watch->last_word = clock_mono();
    watch->deadline = watch->last_word + watch->spec->timeout;
    TRY(spawn(watch));
    enum err result = follow(watch);
    if (result == OK)
        result = await_exit(watch, &status, &usage);
    if (result != OK)
        kill_and_reap(watch);
    else
        kill(-watch->pid, SIGKILL); /* what it may have started and left behind */
    if (watch->out_fd >= 0)
        close(watch->out_fd);
    if (watch->error_fd >= 0)
        close(watch->error_fd);
    if (result == OK)
        conclude(watch, status, &usage);
    return result;
}

static struct watch *watch_new(struct arena *arena, const struct child_spec *spec)
{
    ASSERT(spec->timeout > 0);
    struct watch *watch = ARENA_NEW(arena, struct watch);
    watch->spec = spec;
    watch->result = ARENA_NEW(arena, struct child_result);
    watch->arena = arena;
    buf_init(&watch->output, arena, spec->output_bytes_max);
    return watch;
}

static enum err run(struct pool *pool, const struct child_spec *spec,
                    struct child_result *out_result)
{
    struct watch *watch = watch_new(task_arena(), spec);
    TRY(await_blocking(pool, run_child, watch));
    *out_result = *watch->result;
    return OK;
}

/* --- Counting and tracing --------------------------------------------------------------------- */

METRIC_LABEL(program_label, "program", "ffmpeg", "ffprobe", "pg_dump", "pg_restore", "psql",
             "other");
METRIC_LABEL(outcome_label, "result", "well", "failed");
METRIC_COUNTER(child_runs_total, "Foreign programs run.", &program_label, &outcome_label);
static _Atomic int64_t cpu_us;
static double cpu_seconds(void)
{
    return (double)atomic_load_explicit(&cpu_us, memory_order_relaxed) / 1e6;
}
METRIC_COUNTER_READ(child_cpu_seconds_total, "CPU time of foreign programs.", cpu_seconds);
METRICS(child_metrics, &child_runs_total, &child_cpu_seconds_total);

static unsigned program_of(str name)
{
    unsigned i = 0;
    while (i + 1 < program_label.count && !str_eq(name, str_of(program_label.values[i])))
        i++;
    return i;
}

static bool count_run(unsigned program, enum err err, const struct child_result *result)
{
    bool well = err == OK && result->exit_code == 0;
    metric_inc(&child_runs_total, program, well ? 0 : 1);
    if (err == OK)
        atomic_fetch_add_explicit(&cpu_us, result->cpu_time, memory_order_relaxed);
    return well;
}

static str name_of(const struct child_spec *spec)
{
    const char *slash = strrchr(spec->argv[0], '/');
    return str_of(slash ? slash + 1 : spec->argv[0]);
}

enum err child_run(struct arena *arena, const struct child_spec *spec,
                   struct child_result *out_result)
{
    struct watch *watch = watch_new(arena, spec);
    enum err err = run_child(watch);
    count_run(program_of(name_of(spec)), err, watch->result);
    TRY(err);
    *out_result = *watch->result;
    return OK;
}

/* Its arguments may name films and folders: they are in no record. */
enum err await_child(struct pool *pool, const struct child_spec *spec,
                     struct child_result *out_result)
{
    struct trace_span record;
    str name = name_of(spec);
    unsigned program = program_of(name);
    bool traced = trace_begin(&record, program_label.values[program], TRACE_INTERNAL);
    enum err err = run(pool, spec, out_result);
    bool well = count_run(program, err, out_result);
    if (!traced)
        return err;
    trace_put_text(&record, "process.executable.name", name);
    if (err == OK)
        trace_put_int(&record, "process.exit.code", out_result->exit_code);
    trace_end(&record, !well);
    return err;
}

str child_find_program(struct arena *arena, const char *name)
{
    str rest = str_of(getenv("PATH")), folder;
    while (str_cut(&rest, ':', &folder)) {
        if (folder.len == 0)
            continue;
        str path = arena_printf(arena, "%.*s/%s", STR_ARG(folder), name);
        if (access(path.ptr, X_OK) == 0)
            return path;
    }
    return STR_NONE;
}
