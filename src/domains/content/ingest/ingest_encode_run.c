/* ingest_encode_run: one ffmpeg child: its progress, its limits, and what its end means. */
#include "ingest_encode.h"

#include "ingest_internal.h"

#include "foundation/child/child.h"
#include "foundation/metric/metric.h"

#include <stdatomic.h>

enum {
    MEMORY_GIB_MAX = 4,
    READ_BYTES_S = 2 << 20,  /* slower than any disk that works */
    MOVE_BYTES_S = 16 << 20, /* of the silent second pass that puts the index in front */
    TRANSCODE_FACTOR = 60,   /* seconds for a second of film */
};

struct running {
    const struct encode_run *run;
    struct child_spec spec;
    struct child_result result;
    _Atomic int64_t done_us; /* set on the child's thread */
    bool ended;
};

/* What has been made and what it took: the quotient of their rates is the speed. */
static _Atomic int64_t film_us, encode_us;
static double film_seconds(void)
{
    return (double)atomic_load(&film_us) / 1e6;
}
static double encode_seconds(void)
{
    return (double)atomic_load(&encode_us) / 1e6;
}
METRIC_COUNTER_READ(ingest_film_seconds_total, "Film that ffmpeg has copied or transcoded.",
                    film_seconds);
METRIC_COUNTER_READ(ingest_encode_seconds_total, "Time it took.", encode_seconds);
METRICS(ingest_metrics, &ingest_film_seconds_total, &ingest_encode_seconds_total);

static void on_line(void *arg, str line)
{
    struct running *running = arg;
    int64_t done_us;
    if (str_starts(line, STR("out_time_us=")) && str_parse_i64(str_skip(line, 12), &done_us) &&
        done_us > 0)
        atomic_store_explicit(&running->done_us, done_us, memory_order_relaxed);
}

static enum err run_ffmpeg(void *arg)
{
    struct running *running = arg;
    enum err result = await_child(ingest.children, &running->spec, &running->result);
    running->ended = true;
    return result;
}

static void report(struct running *running, instant since)
{
    const struct encode_run *run = running->run;
    int64_t done_us = atomic_load_explicit(&running->done_us, memory_order_relaxed);
    int64_t all_us = run->film_ms * 1000;
    int64_t remaining_s = -1;
    if (!run->on_progress || all_us <= 0)
        return;
    double share = MIN_OF((double)done_us / (double)all_us, 1.0);
    if (share > 0.01)
        remaining_s = (int64_t)((double)(clock_mono() - since) / 1e6 * (1 - share) / share);
    run->on_progress(run->arg, share, remaining_s);
}

/* The child in a task of its own; this one tells how far it is. */
static enum err run_and_report(struct running *running)
{
    struct task_group group;
    instant since = clock_mono();
    task_group_init(&group, 1);
    TRY(task_group_start(&group, "ffmpeg", run_ffmpeg, running));
    for (span pause = MILLISECONDS(20); !running->ended;
         pause = MIN_OF(2 * pause, MILLISECONDS(200))) {
        if (await_sleep(pause) != OK)
            break; /* cancelled or too late: the group says which, and ends the child */
        report(running, since);
    }
    enum err result = task_group_wait(&group);
    if (result == OK) {
        atomic_fetch_add(&film_us, atomic_load(&running->done_us));
        atomic_fetch_add(&encode_us, clock_mono() - since);
    }
    return result;
}

/* What the MP4 muxer says of tracks that decode but cannot be copied as they are. */
static bool is_unfit(str error_tail)
{
    static const char *const words[] = {
        "imestamp", "dts",     "pts has no value", "write header", "codec not currently supported",
        "itstream", "xtradata"
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_find(error_tail, str_of(words[i])) >= 0)
            return true;
    return false;
}

static enum err failed(const struct encode_run *run, const struct child_result *result)
{
    struct arena *arena = task_arena();
    str why = ingest_ffmpeg_complaint(result->error_tail, run->path);
    if (str_find(result->error_tail, STR("No space left on device")) >= 0)
        return INGEST_FAIL(ERR_EXHAUSTED, arena, DISK_FULL);
    if (result->signal)
        return INGEST_FAIL(ERR_INVALID, arena, CHILD_SIGNAL, STR("ffmpeg"),
                           arena_printf(arena, "%d", result->signal));
    if (is_unfit(result->error_tail))
        return INGEST_FAIL(ERR_INVALID, arena, ENCODE_UNFIT, why);
    return INGEST_FAIL(ERR_INVALID, arena, ENCODE_FAILED, why);
}

static span timeout_of(const struct encode_run *run)
{
    int64_t film_s = run->film_ms / 1000 + 1;
    int64_t seconds = 600 + (int64_t)(run->sources_bytes / READ_BYTES_S) + 2 * film_s;
    return SECONDS(seconds + (run->transcodes ? TRANSCODE_FACTOR * film_s : 0));
}

enum err ingest_encode_run(const struct encode_run *run)
{
    struct running *running = ARENA_NEW(task_arena(), struct running);
    running->run = run;
    running->spec = (struct child_spec){
        .argv = run->argv,
        .timeout = timeout_of(run),
        .silence_max = SECONDS(120 + (int64_t)(run->sources_bytes / MOVE_BYTES_S)),
        .memory_bytes_max = GIB(MEMORY_GIB_MAX),
        .idle_priority = true,
        .on_line = on_line,
        .arg = running,
    };
    enum err result = run_and_report(running);
    if (result == ERR_TIMEOUT) {
        str text = arena_str(task_arena(), str_of(err_slot()->text));
        return err_set(ERR_INVALID, "encode-failed", "%.*s", STR_ARG(text));
    }
    TRY(result);
    return running->result.exit_code == 0 ? OK : failed(run, &running->result);
}
