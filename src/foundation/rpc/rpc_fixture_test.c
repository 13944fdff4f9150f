/* rpc_fixture: the context "shelf", and its process. */
#include "rpc_fixture.h"

#include "foundation/http/http_server.h"
#include "foundation/net/listen.h"
#include "foundation/task/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

SHAPE(shelf_ask, struct shelf_ask, FIELD(struct shelf_ask, number, .proto = 1));
SHAPE(shelf_note, struct shelf_note, FIELD(struct shelf_note, text, .proto = 1),
      FIELD(struct shelf_note, number, .proto = 2));

static int64_t ended, ended_by;

static enum err echo(const void *in, void *out)
{
    *(struct sample *)out = *(const struct sample *)in;
    return OK;
}

static enum err fail(const void *in, void *out)
{
    const struct shelf_ask *ask = in;
    struct shelf_note *note = out;
    note->number = ask->number;
    if (ask->number <= OK || ask->number >= ERR_COUNT)
        return OK;
    return err_set((enum err)ask->number, "told-to", "told to fail, 100%% «so» \n %d",
                   (int)ask->number);
}

static enum err sleep_long(const void *in, void *out)
{
    const struct shelf_ask *ask = in;
    (void)out;
    enum err err = await_sleep(MILLISECONDS(ask->number));
    if (err != OK) {
        ended++;
        ended_by = err;
    }
    return err;
}

static enum err trace(const void *in, void *out)
{
    (void)in;
    ((struct shelf_note *)out)->text = arena_str(task_arena(), rpc_trace());
    return OK;
}

static enum err ended_tell(const void *in, void *out)
{
    (void)in;
    *(struct shelf_note *)out =
        (struct shelf_note){ .text = STR("ended"), .number = ended * 100 + ended_by };
    return OK;
}

static const struct rpc_method methods[] = {
    [SHELF_ECHO] = { "Echo", &sample_shape, &sample_shape, echo, "The same again.",
                     .repeatable = true },
    [SHELF_FAIL] = { "Fail", &shelf_ask, &shelf_note, fail, "Fails as it is told." },
    [SHELF_SLEEP] = { "Sleep", &shelf_ask, &shelf_note, sleep_long, "Takes its time." },
    [SHELF_TRACE] = { "Trace", &shelf_ask, &shelf_note, trace, "The trace it worked under." },
    [SHELF_ENDED] = { "Ended", &shelf_ask, &shelf_note, ended_tell, "Sleeps that ended early.",
                      .timeout = SECONDS(60) },
};
const struct rpc_service shelf_service = { "kinobezdna.test.v1", "Shelf", methods,
                                           ARRAY_LEN(methods) };

/* --- The process ---------------------------------------------------------------------------- */

static void on_drained(void *arg)
{
    http_server_close(arg);
    loop_stop(loop_current());
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    http_server_drain(handle->data, SECONDS(1), on_drained, handle->data);
    uv_close((uv_handle_t *)handle, NULL);
}

int shelf_serve(unsigned port, const char *key, void (*listening)(void *arg, unsigned port),
                void *arg)
{
    static const struct rpc_service *const services[] = { &shelf_service };
    struct rpc_server *rpc;
    struct http_router *router;
    struct http_server *server;
    struct loop *loop;
    struct net_address address, bound;
    uv_signal_t signal;
    char text[40];
    int fd;
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    rpc_server_open(services, 1, str_of(key), &rpc);
    struct http_route_table table = rpc_server_routes(rpc);
    if (http_router_open(&table, 1, &router) != OK || loop_open(NULL, &loop) != OK ||
        net_address_parse(str_of(text), &address) != OK ||
        net_listen(&address, 1, &fd, &bound) != OK)
        return 1;
    struct http_server_settings settings = { .router = router, .turn = HOURS(1) };
    if (http_server_open(loop, &settings, &server) != OK ||
        http_server_listen(server, fd, HTTP_ENTRY_CLEAR) != OK)
        return 1;
    uv_signal_init(loop_uv(loop), &signal);
    signal.data = server;
    uv_unref((uv_handle_t *)&signal);
    uv_signal_start(&signal, on_signal, SIGTERM);
    listening(arg, net_address_port(&bound));
    loop_run(loop);
    loop_close(loop);
    http_router_close(router);
    rpc_server_close(rpc);
    return 0;
}

static void tell_port(void *arg, unsigned port)
{
    (void)!write(*(int *)arg, &port, sizeof(port));
}

struct shelf_process shelf_prepare(const char *key)
{
    struct shelf_process process = { 0 };
    int go[2], ready[2];
    unsigned port;
    if (pipe(go) != 0 || pipe(ready) != 0)
        return process;
    process.pid = fork();
    if (process.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(go[0], &port, sizeof(port)) != sizeof(port))
            _exit(1);
        _exit(shelf_serve(port, key, tell_port, &ready[1]));
    }
    close(go[0]);
    close(ready[1]);
    process.go = go[1];
    process.ready = ready[0];
    return process;
}

void shelf_go(struct shelf_process *process, unsigned port)
{
    if (write(process->go, &port, sizeof(port)) != sizeof(port) ||
        read(process->ready, &process->port, sizeof(process->port)) != sizeof(process->port))
        process->port = 0;
}

struct shelf_process shelf_spawn(const char *key)
{
    struct shelf_process process = shelf_prepare(key);
    shelf_go(&process, 0);
    return process;
}

void shelf_kill(struct shelf_process *process)
{
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    close(process->go);
    close(process->ready);
}
