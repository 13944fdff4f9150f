/* ingest: the module's descriptor and the kinds of jobs it runs. */
#include "ingest_internal.h"

#include "foundation/metric/metric.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/http/http_route.h"

struct ingest ingest;

/* A scan keeps all names of a library in memory; a film, the index of a track. */
static const struct job_kind kinds[] = {
    { .name = INGEST_SCAN_JOB,
      .fn = ingest_scan_job,
      .attempts_max = SCAN_ATTEMPTS_MAX,
      .arena_bytes_max = 2048u << 20 },
    { .name = INGEST_FILM_JOB,
      .fn = ingest_film_job,
      .concurrency_max = 2,
      .attempts_max = FILM_ATTEMPTS_MAX,
      .arena_bytes_max = 512u << 20 },
};

static enum err ingest_open(const struct module_env *env)
{
    ingest = (struct ingest){ .db = env->db,
                              .blobs = env->blobs,
                              .files = env->background,
                              .children = env->children,
                              .disk_reserve_bytes = env->disk_reserve_bytes };
    metric_register(&ingest_metrics);
    return OK;
}

static void ingest_close(void)
{
}

const struct module ingest_module = {
    .name = "ingest",
    .context = "content",
    .sql = &INGEST_SQL,
    .routes = &ingest_routes,
    .job_kinds = kinds,
    .job_kinds_count = ARRAY_LEN(kinds),
    .open = ingest_open,
    .close = ingest_close,
};
