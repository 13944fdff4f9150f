/* health: what an operator wants to see at one look, for the admin's page. */
#include "app.h"

#include "domains/content/catalog/catalog.h"
#include "engines/blob/blob.h"
#include "engines/flow/jobs.h"
#include "foundation/crash/crash.h"
#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"

#include <stdio.h>
#include <unistd.h>

struct health_check {
    str name, detail;
    bool ok, required;
};
SHAPE(health_check_shape, struct health_check, FIELD(struct health_check, name),
      FIELD(struct health_check, ok), FIELD(struct health_check, required),
      FIELD(struct health_check, detail));

struct health_view {
    str version, build_id;
    instant started_at, now;
    int64_t titles, films, jobs_queued, jobs_running;
    uint64_t disk_free_bytes, disk_total_bytes, memory_bytes;
    LIST_OF(struct health_check) checks;
};
SHAPE(health_shape, struct health_view, FIELD(struct health_view, version),
      FIELD(struct health_view, build_id), FIELD_TIME(struct health_view, started_at),
      FIELD_TIME(struct health_view, now), FIELD(struct health_view, titles),
      FIELD(struct health_view, films, .doc = "titles that can be played"),
      FIELD(struct health_view, jobs_queued), FIELD(struct health_view, jobs_running),
      FIELD(struct health_view, disk_free_bytes), FIELD(struct health_view, disk_total_bytes),
      FIELD(struct health_view, memory_bytes, .doc = "resident"),
      FIELD_SHAPES(struct health_view, checks, health_check_shape));

static struct {
    const struct module_env *env;
    instant started_at;
} health;

/* Resident pages, from proc(5) statm. */
static uint64_t resident_bytes(void)
{
    char text[128];
    uint64_t pages;
    str size, resident;
    FILE *file = fopen("/proc/self/statm", "r"); /* proc(5): size, resident, ... in pages */
    if (!file)
        return 0;
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    str rest = { text, len };
    bool cut = str_cut(&rest, ' ', &size) && str_cut(&rest, ' ', &resident);
    return cut && str_parse_u64(resident, &pages) ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void checks_view(struct arena *arena, struct health_view *view)
{
    unsigned count;
    const struct gateway_check *checks = data_checks_of(health.env, &count);
    view->checks.items = ARENA_ARRAY(arena, count, struct health_check);
    for (unsigned i = 0; i < count; i++) {
        struct buf detail;
        buf_init(&detail, arena, KIB(1));
        bool ok = checks[i].look(checks[i].arg, &detail);
        view->checks.items[view->checks.count++] =
            (struct health_check){ .name = str_of(checks[i].name),
                                   .detail = buf_str(&detail),
                                   .ok = ok,
                                   .required = checks[i].required };
    }
}

static enum err on_health(struct http_request *request, struct http_response *response)
{
    struct catalog_counts counts;
    struct db_tx *now = db_now(health.env->db);
    struct buf buf;
    struct health_view view = { .version = str_of(app_version),
                                .build_id = str_of(crash_build_id()),
                                .started_at = health.started_at,
                                .now = clock_now(),
                                .memory_bytes = resident_bytes() };
    TRY(catalog_counts(now, &counts));
    TRY(jobs_count(now, JOB_QUEUED, &view.jobs_queued));
    TRY(jobs_count(now, JOB_RUNNING, &view.jobs_running));
    TRY(blob_space(health.env->blobs, &view.disk_free_bytes, &view.disk_total_bytes));
    view.titles = counts.titles;
    view.films = counts.playable;
    checks_view(request->arena, &view);
    buf_init(&buf, request->arena, KIB(64));
    shape_write_json(&buf, &health_shape, &view);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/v1/health", on_health, "How the program is", .out = &health_shape,
      .role = ROLE_ADMIN },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err health_open(const struct module_env *env)
{
    health.env = env;
    health.started_at = clock_now();
    return OK;
}

static void health_close(void)
{
}

const struct module health_module = {
    .name = "health",
    .context = "content",
    .routes = &route_table,
    .open = health_open,
    .close = health_close,
};
