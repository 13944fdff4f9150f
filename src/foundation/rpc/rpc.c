/*
 * rpc: calls. Here: a function call. There: gRPC by the client, with a breaker that stops asking
 * who does not answer, and a budget that keeps repeats from becoming the load.
 */
#include "rpc_impl.h"

#include "foundation/client/client.h"
#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <string.h>

enum {
    BUDGET_MAX = 100, /* tenths of a repeat: ten may be made at once */
    BUDGET_REPEAT = 10,
    BUDGET_CALL = 1, /* so that repeats are at most a tenth of the calls */
    PAUSE_MS_MAX = 40
};

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRYING };

struct rpc_remote {
    struct client *client;
    char *url, *key;
    unsigned breaker_failures, attempts_max;
    span breaker_pause;
    enum breaker breaker;
    unsigned failures; /* in a row */
    instant open_until;
    unsigned budget;
    struct rpc_remote_stats stats;
};

void rpc_service_check(const struct rpc_service *service)
{
    for (unsigned i = 0; i < service->methods_count; i++) {
        const struct rpc_method *method = &service->methods[i];
        ASSERT(method->name && method->in && method->out && method->fn);
        for (unsigned other = 0; other < i; other++)
            ASSERT(strcmp(method->name, service->methods[other].name) != 0);
        proto_check(method->in);
        proto_check(method->out);
    }
}

/* --- The remote ----------------------------------------------------------------------------- */

static char *copy_of(str text)
{
    char *copy = heap_alloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}

void rpc_remote_open(const struct rpc_remote_settings *settings, struct rpc_remote **out_remote)
{
    struct rpc_remote *remote = HEAP_NEW(struct rpc_remote);
    remote->client = settings->client;
    remote->url = copy_of(settings->url);
    remote->key = copy_of(settings->key);
    remote->breaker_failures = settings->breaker_failures ? settings->breaker_failures : 5;
    remote->breaker_pause = settings->breaker_pause ? settings->breaker_pause : SECONDS(1);
    remote->attempts_max = settings->attempts_max ? settings->attempts_max : 3;
    remote->budget = BUDGET_MAX;
    *out_remote = remote;
}

void rpc_remote_close(struct rpc_remote *remote)
{
    heap_free(remote->url);
    heap_free(remote->key);
    heap_free(remote);
}

struct rpc_remote_stats rpc_remote_stats(const struct rpc_remote *remote)
{
    struct rpc_remote_stats stats = remote->stats;
    stats.breaker_open = remote->breaker != BREAKER_CLOSED;
    return stats;
}

/* --- The breaker ---------------------------------------------------------------------------- */

/* Open, it lets one call through a pause, and that one decides. */
static enum err breaker_admit(struct rpc_remote *remote)
{
    instant now = clock_mono();
    if (remote->breaker == BREAKER_CLOSED)
        return OK;
    if (now >= remote->open_until) {
        remote->breaker = BREAKER_TRYING;
        remote->open_until = now + remote->breaker_pause; /* in case it never tells */
        return OK;
    }
    remote->stats.refused++;
    return err_set(ERR_UNAVAILABLE, "breaker-open", "%s has failed %u times in a row", remote->url,
                   remote->failures);
}

/* Whether the far side works, as far as this outcome tells; a refused question is an answer. */
static void breaker_note(struct rpc_remote *remote, enum err err, bool answered)
{
    if (err == ERR_CANCELLED && !answered) { /* nothing was learnt; another may try */
        remote->breaker = remote->breaker == BREAKER_TRYING ? BREAKER_OPEN : remote->breaker;
        return;
    }
    if (answered) {
        remote->failures = 0;
        remote->breaker = BREAKER_CLOSED;
        return;
    }
    remote->failures++;
    if (remote->breaker == BREAKER_TRYING || remote->failures >= remote->breaker_failures) {
        remote->breaker = BREAKER_OPEN;
        remote->open_until = clock_mono() + remote->breaker_pause;
    }
}

/* --- One attempt ---------------------------------------------------------------------------- */

struct exchange {
    struct rpc_remote *remote;
    const struct rpc_method *method;
    str path, frame;
    bool sent;     /* it may have been done */
    bool answered; /* the far side has said what became of it */
};

static enum err failure_of(struct client_call *call, str status,
                           str (*find)(const struct client_call *call, str name))
{
    enum err code = rpc_code_of(find(call, rpc_code_field), status);
    str slug = find(call, rpc_slug_field);
    str text = rpc_message_decode(task_arena(), find(call, rpc_message_field));
    if (code == OK)
        return OK;
    return err_set(code, slug.len ? arena_cstr(task_arena(), slug) : NULL, "%.*s", STR_ARG(text));
}

/* What stood in the way was no gRPC: a proxy, or another program (doc/http-grpc-status-mapping). */
static enum err failure_of_http(unsigned status)
{
    enum err code = status == 401                                       ? ERR_UNAUTHENTICATED
                    : status == 403                                     ? ERR_FORBIDDEN
                    : status == 404                                     ? ERR_METHOD
                    : status == 429 || (status >= 502 && status <= 504) ? ERR_UNAVAILABLE
                                                                        : ERR_CORRUPT;
    return err_set(code, "no-grpc", "the answer is no gRPC, but HTTP %u", status);
}

static TASK_FN enum err body_read(struct client_call *call, struct buf *body)
{
    size_t len;
    do {
        char *room = buf_reserve(body, KIB(4));
        if (!room)
            return err_set(ERR_TOO_LARGE, "message-too-large", "the answer is larger than %d bytes",
                           RPC_MESSAGE_BYTES_MAX);
        TRY(client_read(call, room, KIB(4), &len));
        buf_advance(body, len);
    } while (len);
    return OK;
}

static TASK_FN enum err answer_take(struct exchange *exchange, struct client_call *call, void *out)
{
    struct client_response response;
    struct buf body;
    TRY(client_answer(call, &response));
    str status = client_field_find(call, rpc_status_field);
    exchange->answered = response.status == 200;
    if (status.len)
        return failure_of(call, status, client_field_find);
    if (response.status != 200)
        return failure_of_http(response.status);
    exchange->answered = false; /* until the end has come, too */
    buf_init(&body, task_arena(), RPC_MESSAGE_BYTES_MAX + KIB(8));
    TRY(body_read(call, &body));
    status = client_trailer_find(call, rpc_status_field);
    if (!status.len)
        return err_set(ERR_CORRUPT, "bad-answer", "the answer of %s has no status",
                       exchange->remote->url);
    exchange->answered = true;
    TRY(failure_of(call, status, client_trailer_find));
    enum err err = rpc_frame_decode(task_arena(), exchange->method->out, buf_str(&body), out);
    if (err == ERR_INVALID) /* it is their mistake, not that of who asks */
        return err_set(ERR_CORRUPT, "bad-answer", "%s answered what it may not: %s",
                       exchange->remote->url, arena_cstr(task_arena(), str_of(err_slot()->text)));
    return err;
}

static TASK_FN enum err attempt(struct exchange *exchange, void *out)
{
    struct rpc_remote *remote = exchange->remote;
    struct http_field fields[6] = {
        { STR_INIT("te"), STR_INIT("trailers") },
        { STR_INIT("content-type"), STR_INIT("application/grpc") },
    };
    char trace[RPC_TRACE_BYTES + 1], timeout[16];
    unsigned count = 2;
    struct client_call *call;
    instant deadline = task_deadline();
    fields[count++] = (struct http_field){ STR("traceparent"), rpc_trace_next(trace) };
    if (remote->key[0])
        fields[count++] = (struct http_field){ rpc_key_field, str_of(remote->key) };
    if (deadline != INSTANT_NEVER)
        fields[count++] =
            (struct http_field){ STR("grpc-timeout"),
                                 rpc_timeout_format(deadline - clock_mono(), timeout) };
    struct client_request request = {
        .method = METHOD_POST,
        .url = arena_printf(task_arena(), "%s%.*s", remote->url, STR_ARG(exchange->path)),
        .protocol = CLIENT_HTTP2,
        .fields = fields,
        .fields_count = count,
        .body = exchange->frame,
        .repeatable = exchange->method->repeatable,
    };
    exchange->sent = exchange->answered = false;
    TRY(client_begin(remote->client, &request, &call));
    exchange->sent = true;
    enum err err = answer_take(exchange, call, out);
    client_end(call);
    return err;
}

/* --- Calls ---------------------------------------------------------------------------------- */

static bool may_repeat(struct exchange *exchange, enum err err, unsigned attempts)
{
    struct rpc_remote *remote = exchange->remote;
    bool safe = !exchange->sent || exchange->method->repeatable;
    if (err != ERR_UNAVAILABLE || !safe || attempts >= remote->attempts_max ||
        remote->breaker != BREAKER_CLOSED || remote->budget < BUDGET_REPEAT)
        return false;
    remote->budget -= BUDGET_REPEAT;
    remote->stats.retried++;
    return true;
}

/* Apart, so that those whose calls failed together do not come again together. */
static TASK_FN enum err pause(unsigned attempts)
{
    unsigned char random;
    crypto_random(&random, 1);
    return await_sleep(MILLISECONDS(1 + random % (PAUSE_MS_MAX << (attempts - 1))));
}

static TASK_FN enum err call_there(const struct rpc_target *target, const struct rpc_method *method,
                                   const void *in, void *out)
{
    struct rpc_remote *remote = target->remote;
    struct exchange exchange = { .remote = remote, .method = method };
    enum err err;
    remote->stats.calls++;
    remote->budget = MIN_OF(remote->budget + BUDGET_CALL, (unsigned)BUDGET_MAX);
    exchange.path = rpc_path(task_arena(), target->service, method);
    TRY(rpc_frame_encode(task_arena(), method->in, in, &exchange.frame));
    for (unsigned attempts = 1;; attempts++) {
        TRY(breaker_admit(remote));
        err = attempt(&exchange, out);
        breaker_note(remote, err, exchange.answered);
        if (err == OK || !may_repeat(&exchange, err, attempts))
            break;
        TRY(pause(attempts));
    }
    remote->stats.failed += err != OK;
    return err;
}

enum err rpc_call(const struct rpc_target *target, const struct rpc_method *method, const void *in,
                  void *out)
{
    instant before = method->timeout ? task_deadline_narrow(method->timeout) : 0;
    memset(out, 0, method->out->size_bytes);
    enum err err = target->remote ? call_there(target, method, in, out) : method->fn(in, out);
    if (method->timeout)
        task_deadline_restore(before);
    return err;
}
