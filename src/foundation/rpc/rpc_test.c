/* rpc: the same calls here and in a second process, and what happens when that one misbehaves. */
#include "rpc_fixture.h"
#include "rpc_impl.h"

#include "foundation/client/client.h"
#include "foundation/task/loop.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

#include <signal.h>
#include <string.h>

struct scene {
    struct rpc_remote_settings settings;
    struct shelf_process *process, *next; /* next: takes the place of the first */
    void (*fn)(const struct rpc_target *target, const struct scene *scene);
};

static enum err scene_run(void *arg)
{
    struct scene *scene = arg;
    struct rpc_target target = { &shelf_service, NULL };
    struct client *client;
    client_create(loop_current(), NULL, &client);
    if (scene->process) {
        scene->settings.client = client;
        scene->settings.url =
            arena_printf(task_arena(), "http://127.0.0.1:%u", scene->process->port);
        rpc_remote_open(&scene->settings, &target.remote);
    }
    scene->fn(&target, scene);
    if (target.remote)
        rpc_remote_close(target.remote);
    client_close(client);
    return OK;
}

static void in_scene(struct scene *scene)
{
    CHECK_OK(task_run("test", MIB(64), scene_run, scene));
}

/* Runs fn against the context in this process, and in a second one. */
static void here_and_there(void (*fn)(const struct rpc_target *target, const struct scene *scene))
{
    struct shelf_process process = shelf_spawn("secret");
    struct scene here = { .fn = fn }, there = { .fn = fn, .process = &process };
    there.settings.key = STR("secret");
    CHECK(process.port != 0);
    in_scene(&here);
    in_scene(&there);
    shelf_kill(&process);
}

/* --- The same here and there ---------------------------------------------------------------- */

static void check_results(const struct rpc_target *target, const struct scene *scene)
{
    struct sample in, out;
    struct buf a, b;
    (void)scene;
    sample_fill(task_arena(), &in);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(shelf_echo(target, &in, &out));
        buf_init(&a, task_arena(), MIB(1));
        buf_init(&b, task_arena(), MIB(1));
        shape_write_json(&a, &sample_shape, &in);
        shape_write_json(&b, &sample_shape, &out);
        CHECK_STR(buf_str(&b), buf_str(&a));
    }
    for (int code = 0; code < ERR_COUNT; code++) {
        struct shelf_ask ask = { code };
        struct shelf_note note;
        err_clear();
        CHECK_ERR(shelf_fail(target, &ask, &note), (enum err)code);
        if (code == OK)
            continue;
        CHECK_STR(str_of(err_slot()->slug), STR("told-to"));
        CHECK_STR(str_of(err_slot()->text),
                  arena_printf(task_arena(), "told to fail, 100%% «so» \n %d", code));
    }
}

TEST(rpc_results_are_the_same)
{
    here_and_there(check_results);
}

static void check_deadline(const struct rpc_target *target, const struct scene *scene)
{
    struct shelf_ask ask = { 600000 };
    struct shelf_note note;
    (void)scene;
    CHECK_OK(shelf_ended(target, &ask, &note)); /* so that there is a connection */
    instant before = task_deadline_narrow(MILLISECONDS(300));
    CHECK_ERR(shelf_sleep(target, &ask, &note), ERR_TIMEOUT);
    task_deadline_restore(before);
    /* The far side ended, too: by the deadline it was told, or because the call was taken back. */
    for (int i = 0; i < 3000; i++) {
        CHECK_OK(shelf_ended(target, &ask, &note));
        if (note.number)
            break;
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    }
    CHECK_INT(note.number / 100, 1);
    CHECK(note.number % 100 == ERR_TIMEOUT || note.number % 100 == ERR_CANCELLED);
}

TEST(rpc_deadline)
{
    here_and_there(check_deadline);
}

static enum err sleeper(void *arg)
{
    struct shelf_ask ask = { 600000 };
    struct shelf_note note;
    return shelf_sleep(arg, &ask, &note);
}

static enum err failer(void *arg)
{
    (void)arg;
    TRY(await_sleep(MILLISECONDS(300)));
    return err_set(ERR_CONFLICT, NULL, "enough");
}

static void check_cancel(const struct rpc_target *target, const struct scene *scene)
{
    struct task_group group;
    struct shelf_ask ask = { 0 };
    struct shelf_note note = { 0 };
    (void)scene;
    CHECK_OK(shelf_ended(target, &ask, &note));
    int64_t before = note.number / 100;
    task_group_init(&group, 2);
    CHECK_OK(task_group_start(&group, "sleeper", sleeper, (void *)(uintptr_t)target));
    CHECK_OK(task_group_start(&group, "failer", failer, NULL));
    CHECK_ERR(task_group_wait(&group), ERR_CONFLICT);
    for (int i = 0; i < 3000 && note.number / 100 == before; i++) {
        CHECK_OK(shelf_ended(target, &ask, &note));
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    }
    CHECK_INT(note.number, (before + 1) * 100 + ERR_CANCELLED);
}

TEST(rpc_cancel)
{
    here_and_there(check_cancel);
}

static void check_trace(const struct rpc_target *target, const struct scene *scene)
{
    static const char mine[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct shelf_ask ask = { 0 };
    struct shelf_note note;
    rpc_trace_set(STR("00-nonsense"));
    CHECK_INT(rpc_trace().len, 0);
    CHECK_OK(shelf_trace(target, &ask, &note));
    CHECK_INT(note.text.len, scene->process ? RPC_TRACE_BYTES : 0); /* a trace of its own */
    rpc_trace_set(str_of(mine));
    CHECK_OK(shelf_trace(target, &ask, &note));
    CHECK_STR(str_sub(note.text, 0, 35), str_sub(str_of(mine), 0, 35));
    CHECK_STR(str_skip(note.text, 52), STR("-01"));
    CHECK(!scene->process || !str_eq(note.text, str_of(mine))); /* but another span */
}

TEST(rpc_trace_goes_along)
{
    here_and_there(check_trace);
}

/* --- There ---------------------------------------------------------------------------------- */

static void check_key(const struct rpc_target *target, const struct scene *scene)
{
    struct shelf_ask ask = { 0 };
    struct shelf_note note;
    bool serving = false;
    (void)scene;
    CHECK_ERR(shelf_fail(target, &ask, &note), ERR_UNAUTHENTICATED);
    CHECK_STR(str_of(err_slot()->slug), STR("service-key-required"));
    CHECK_OK(rpc_remote_is_serving(target->remote, STR("kinobezdna.test.v1.Shelf"), &serving));
    CHECK(serving);
    CHECK_OK(rpc_remote_is_serving(target->remote, STR(""), &serving));
    CHECK_ERR(rpc_remote_is_serving(target->remote, STR("no.Such"), &serving), ERR_NOT_FOUND);
}

TEST(rpc_service_key_and_health)
{
    struct shelf_process process = shelf_spawn("secret");
    struct scene none = { .fn = check_key, .process = &process };
    struct scene wrong = { .fn = check_key, .process = &process };
    wrong.settings.key = STR("secreT");
    in_scene(&none);
    in_scene(&wrong);
    shelf_kill(&process);
}

static enum err killer(void *arg)
{
    TRY(await_sleep(MILLISECONDS(200)));
    shelf_kill(arg);
    return OK;
}

/* Its process dies in the middle of a call; the breaker opens; a new process closes it. */
static void check_killed(const struct rpc_target *target, const struct scene *scene)
{
    struct task_group group;
    struct shelf_ask ask = { 0 };
    struct shelf_note note;
    CHECK_OK(shelf_fail(target, &ask, &note)); /* so that there is a connection */
    task_group_init(&group, 2);
    CHECK_OK(task_group_start(&group, "sleeper", sleeper, (void *)(uintptr_t)target));
    CHECK_OK(task_group_start(&group, "killer", killer, scene->process));
    CHECK_ERR(task_group_wait(&group), ERR_UNAVAILABLE);
    CHECK_STR(str_of(group.detail.slug), STR("connection-lost"));
    for (int i = 0; i < 10; i++) {
        CHECK_ERR(shelf_fail(target, &ask, &note), ERR_UNAVAILABLE);
        if (strcmp(err_slot()->slug, "breaker-open") == 0)
            break;
    }
    CHECK_STR(str_of(err_slot()->slug), STR("breaker-open"));
    CHECK(rpc_remote_stats(target->remote).breaker_open);
    CHECK(rpc_remote_stats(target->remote).refused >= 1);
    shelf_go(scene->next, scene->process->port);
    CHECK_INT(scene->next->port, scene->process->port);
    enum err err = ERR_UNAVAILABLE;
    for (int i = 0; i < 3000 && err != OK; i++) {
        err = shelf_fail(target, &ask, &note);
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    }
    CHECK_OK(err);
    CHECK(!rpc_remote_stats(target->remote).breaker_open);
}

TEST(rpc_peer_killed_breaker_opens_and_recovers)
{
    struct shelf_process process = shelf_spawn("secret");
    struct shelf_process next = shelf_prepare("secret");
    struct scene scene = { .fn = check_killed, .process = &process, .next = &next };
    scene.settings.key = STR("secret");
    scene.settings.breaker_pause = MILLISECONDS(300);
    in_scene(&scene);
    shelf_kill(&next);
}

static void check_budget(const struct rpc_target *target, const struct scene *scene)
{
    struct sample in = { .number = 1 }, out;
    (void)scene;
    for (int i = 0; i < 100; i++)
        CHECK_ERR(shelf_echo(target, &in, &out), ERR_UNAVAILABLE);
    struct rpc_remote_stats stats = rpc_remote_stats(target->remote);
    CHECK_INT(stats.calls, 100);
    /* Ten at once, and a tenth of the calls; not two for each of them. */
    CHECK(stats.retried >= 10 && stats.retried <= 20);
}

TEST(rpc_repeats_are_bounded)
{
    struct shelf_process nobody = { .port = 1 };
    struct scene scene = { .fn = check_budget, .process = &nobody };
    scene.settings.breaker_failures = 1000000;
    in_scene(&scene);
}

/* --- The wire ------------------------------------------------------------------------------- */

TEST(rpc_timeouts)
{
    char text[16];
    span back;
    const struct {
        span left;
        const char *text;
    } cases[] = { { 0, "0u" },
                  { -5, "0u" },
                  { 1, "1u" },
                  { 99999999, "99999999u" },
                  { 100000000, "100000m" },
                  { HOURS(24), "86400000m" },
                  { DAYS(100), "8640000S" },
                  { INT64_MAX, "99999999M" } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_STR(rpc_timeout_format(cases[i].left, text), str_of(cases[i].text));
        CHECK(rpc_timeout_parse(str_of(cases[i].text), &back));
        CHECK(back <= MAX_OF(cases[i].left, (span)0));
    }
    CHECK(rpc_timeout_parse(STR("1H"), &back) && back == HOURS(1));
    CHECK(rpc_timeout_parse(STR("1500n"), &back) && back == 1);
    static const char *const wrong[] = { "", "1", "u", "1x", "123456789u", "-1u", "1 u" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(!rpc_timeout_parse(str_of(wrong[i]), &back));
}

TEST(rpc_frames)
{
    struct arena arena;
    struct shelf_ask ask;
    arena_init(&arena, MIB(1));
    CHECK_OK(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\0\0\0\2\x08\x07", 7 }, &ask));
    CHECK_INT(ask.number, 7);
    CHECK_OK(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\0\0\0\0", 5 }, &ask));
    CHECK_ERR(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\0\0\0", 4 }, &ask), ERR_INVALID);
    CHECK_ERR(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\0\0\0\2\x08", 6 }, &ask),
              ERR_INVALID);
    CHECK_ERR(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\0\0\0\1\x08\x07", 7 }, &ask),
              ERR_INVALID);
    CHECK_ERR(rpc_frame_decode(&arena, &shelf_ask, (str){ "\0\377\377\377\377", 5 }, &ask),
              ERR_INVALID);
    CHECK_ERR(rpc_frame_decode(&arena, &shelf_ask, (str){ "\1\0\0\0\0", 5 }, &ask), ERR_METHOD);
    CHECK_STR(rpc_message_decode(&arena, STR("100%25 %C2%AB%")), STR("100% «%"));
    arena_deinit(&arena);
}

TEST(rpc_proto_text)
{
    static const struct rpc_service *const services[] = { &rpc_health_service };
    struct buf out;
    buf_init(&out, NULL, KIB(64));
    rpc_write_proto(&out, services, 1);
    CHECK_STR(buf_str(&out),
              STR("// grpc.health.v1.proto: generated from the tables of calls. The numbers never "
                  "change.\n"
                  "syntax = \"proto3\";\n\npackage grpc.health.v1;\n\nservice Health {\n"
                  "  // Whether a service, or the whole process (an empty name), takes calls.\n"
                  "  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);\n}\n\n"
                  "message HealthCheckRequest {\n  string service = 1;\n}\n\n"
                  "message HealthCheckResponse {\n  ServingStatus status = 1;\n}\n\n"
                  "enum ServingStatus {\n  SERVING_STATUS_UNKNOWN = 0;\n"
                  "  SERVING_STATUS_SERVING = 1;\n  SERVING_STATUS_NOT_SERVING = 2;\n}\n"));
    buf_deinit(&out);
}
