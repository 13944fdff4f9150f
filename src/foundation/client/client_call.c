/* client_call: what tasks do with a call, and what its connection does to it. */
#include "client_impl.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { FIELDS_MAX = 48, FIELDS_BYTES_MAX = 32 << 10 };

/* --- By the connection ---------------------------------------------------------------------- */

void call_wake(struct client_call *call)
{
    wait_list_wake(&call->waiters, UINT32_MAX);
}

size_t call_pull(struct client_call *call, char *room, size_t room_bytes, bool *out_last)
{
    str next = str_sub(call->out, call->out_at, room_bytes);
    if (next.len)
        memcpy(room, next.ptr, next.len);
    call->out_at += next.len;
    *out_last = call->out_last && call->out_at == call->out.len;
    if (call->streamed && call->out_at == call->out.len)
        call_wake(call);
    return next.len;
}

static struct client_span text_keep(struct client_call *call, str text)
{
    struct client_span at = { (uint32_t)call->text.len, (uint32_t)text.len };
    buf_put(&call->text, text);
    return at;
}

static str text_of(const struct client_call *call, struct client_span at)
{
    return str_sub(buf_str(&call->text), at.at, at.len);
}

bool call_field(struct client_call *call, str name, str value, bool trailer)
{
    if (call->saved_count == CLIENT_FIELDS_MAX)
        return false;
    if (call->saved_count == call->saved_max) {
        call->saved_max = call->saved_max ? call->saved_max * 2 : 16;
        call->saved = heap_resize(call->saved, call->saved_max * sizeof(*call->saved));
    }
    struct client_saved *saved = &call->saved[call->saved_count++];
    saved->name = text_keep(call, name);
    saved->value = text_keep(call, value);
    saved->trailer = trailer;
    return !call->text.overflowed;
}

void call_head(struct client_call *call, unsigned status)
{
    call->status = status;
    if (status < 200) {
        call->saved_count = 0;
        buf_clear(&call->text);
        call->length = HTTP_SIZE_UNKNOWN;
        call->interim++;
        return;
    }
    call->head_there = true;
    call_wake(call);
}

void call_body(struct client_call *call, str bytes)
{
    if (call->in_at == call->in_len)
        call->in_at = call->in_len = 0;
    if (call->in_len + bytes.len > call->in_bytes && call->in_at) {
        call->in_len -= call->in_at;
        memmove(call->in, call->in + call->in_at, call->in_len);
        call->in_at = 0;
    }
    if (call->in_len + bytes.len > call->in_bytes) {
        call->in_bytes = MAX_OF(call->in_bytes * 2, call->in_len + bytes.len);
        call->in = heap_resize(call->in, call->in_bytes);
    }
    memcpy(call->in + call->in_len, bytes.ptr, bytes.len);
    call->in_len += bytes.len;
    call_wake(call);
}

void call_complete(struct client_call *call)
{
    call->complete = true;
    call_wake(call);
}

void call_fail(struct client_call *call, const struct client_failure *failure)
{
    if (call->failure.code == OK)
        call->failure = *failure;
    call_wake(call);
}

/* --- Beginning ------------------------------------------------------------------------------ */

static bool is_ours(str name)
{
    static const str names[] = { STR_INIT("host"),       STR_INIT("content-length"),
                                 STR_INIT("connection"), STR_INIT("transfer-encoding"),
                                 STR_INIT("upgrade"),    STR_INIT("keep-alive") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

/* RFC 9110 sections 5.1 and 5.5; a line break would begin another field, or another request. */
static bool field_is_valid(const struct http_field *field)
{
    bool valid = field->name.len > 0 && !is_ours(field->name);
    for (size_t i = 0; i < field->name.len; i++) {
        char c = field->name.ptr[i];
        valid &= (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                 (c && strchr("!#$%&'*+-.^_`|~", c));
    }
    for (size_t i = 0; i < field->value.len; i++) {
        unsigned char c = (unsigned char)field->value.ptr[i];
        valid &= (c >= 0x20 || c == '\t') && c != 0x7f;
    }
    return valid;
}

static enum err fields_check(const struct client_request *request)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < request->fields_count; i++) {
        const struct http_field *field = &request->fields[i];
        bytes += field->name.len + field->value.len;
        if (!field_is_valid(field))
            return err_set(ERR_INVALID, "bad-field", "the field \"%.*s\" cannot be sent",
                           STR_ARG(str_head_utf8(field->name, 60)));
    }
    if (request->fields_count > FIELDS_MAX || bytes > FIELDS_BYTES_MAX)
        return err_set(ERR_INVALID, "bad-field", "%u fields of %zu bytes are more than %d of %d",
                       request->fields_count, bytes, FIELDS_MAX, FIELDS_BYTES_MAX);
    return OK;
}

static str keep(char **room, str text, bool lower)
{
    str kept = { *room, text.len };
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        (*room)[i] = lower && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    *room += text.len;
    return kept;
}

/* What is asked, in memory of the call. */
static void request_keep(struct client_call *call, const struct client_request *request,
                         const struct client_url *url)
{
    size_t bytes =
        request->fields_count * sizeof(struct http_field) + url->target.len + url->authority.len;
    for (unsigned i = 0; i < request->fields_count; i++)
        bytes += request->fields[i].name.len + request->fields[i].value.len;
    call->memory = heap_alloc(bytes + 1);
    call->fields = (struct http_field *)(void *)call->memory;
    call->fields_count = request->fields_count;
    char *room = call->memory + request->fields_count * sizeof(struct http_field);
    call->target = keep(&room, url->target, false);
    call->authority = keep(&room, url->authority, false);
    for (unsigned i = 0; i < request->fields_count; i++) {
        call->fields[i].name = keep(&room, request->fields[i].name, true);
        call->fields[i].value = keep(&room, request->fields[i].value, false);
    }
    call->method = request->method;
    call->secure = url->secure;
    call->streamed = request->streamed;
    /* RFC 9110 section 9.2.2 */
    call->repeatable =
        request->repeatable || (request->method != METHOD_POST && request->method != METHOD_PATCH);
    call->body_bytes = request->streamed ? request->body_bytes : request->body.len;
    call->out = request->streamed ? STR_NONE : request->body;
    call->out_last = !request->streamed;
}

static void on_task_end(void *arg)
{
    struct client_call *call = arg;
    if (!call->ended)
        client_end(call);
    heap_free(call);
}

/* Waits for a change of the call, at most as long as a silence may last. */
static TASK_FN enum err call_await(struct client_call *call)
{
    instant before = task_deadline_narrow(call->client->settings.progress_timeout);
    enum err err = wait_list_await(&call->waiters);
    task_deadline_restore(before);
    return err;
}

static enum err begin_connection(struct client *client, struct client_origin *origin)
{
    unsigned max =
        origin->http2_known ? CLIENT_CONNECTIONS_HTTP2_MAX : client->settings.connections_max;
    bool enough =
        origin->http2_known ? origin->connecting > 0 : origin->connecting > origin->waiting;
    if (origin->ready + origin->connecting >= max || enough)
        return OK;
    return client_connect(client, origin);
}

/* Waits for a connection and takes it. */
static TASK_FN enum err connection_await(struct client_call *call)
{
    struct client *client = call->client;
    struct client_origin *origin = call->origin;
    struct client_conn *conn;
    uint64_t failures = origin->failures;
    for (unsigned failed = 0; !(conn = client_conn_find(origin));) {
        if (client->closing)
            return err_set(ERR_CANCELLED, "client-closed", "the client was closed");
        bool alone = origin->ready + origin->connecting == 0;
        if (origin->failures != failures && (alone || failed + 1 >= CLIENT_ATTEMPTS_MAX))
            return client_failure_raise(&origin->failure);
        failed += origin->failures != failures;
        failures = origin->failures;
        if (origin->waiting >= client->settings.waiting_max)
            return err_set(ERR_EXHAUSTED, "client-queue-full",
                           "%u calls wait for a connection to %s already", origin->waiting,
                           origin->host);
        TRY(begin_connection(client, origin));
        if (origin->failures != failures || client_conn_find(origin))
            continue; /* it was known at once */
        origin->waiting++;
        enum err err = wait_list_await(&origin->waiters);
        origin->waiting--;
        if (err != OK)
            return err;
    }
    call->attempts++;
    client_conn_attach(conn, call);
    return OK;
}

enum err client_begin(struct client *client, const struct client_request *request,
                      struct client_call **out_call)
{
    struct client_url url;
    TRY(client_url_parse(request->url, &url));
    TRY(fields_check(request));
    struct client_origin *origin =
        client->closing ? NULL : client_origin_get(client, &url, request->protocol);
    if (!origin)
        return err_set(ERR_EXHAUSTED, "client-origins-full",
                       "the client has connections to %u other servers",
                       client->settings.origins_max);
    struct client_call *call = HEAP_NEW(struct client_call);
    call->client = client;
    call->origin = origin;
    call->length = HTTP_SIZE_UNKNOWN;
    buf_init(&call->text, NULL, client->settings.head_bytes_max);
    request_keep(call, request, &url);
    client->handles++;
    client->stats.calls++;
    origin->users++;
    task_defer(on_task_end, call);
    enum err err = connection_await(call);
    if (err != OK) {
        client_end(call);
        return err;
    }
    *out_call = call;
    return OK;
}

/* --- The request's body --------------------------------------------------------------------- */

static void call_pump(struct client_call *call)
{
    struct client_conn *conn = call->conn;
    if (!conn)
        return;
    if (conn->http2)
        http2_resume(conn, call);
    client_conn_pump(conn);
}

enum err client_write(struct client_call *call, str bytes)
{
    ASSERT(call->streamed && !call->out_last);
    if (bytes.len == 0)
        return OK;
    if (call->body_bytes != HTTP_SIZE_UNKNOWN && call->out_total + bytes.len > call->body_bytes)
        return err_set(ERR_INTERNAL, "body-too-long", "more than the %llu bytes that were promised",
                       (unsigned long long)call->body_bytes);
    call->out = bytes;
    call->out_at = 0;
    call->out_total += bytes.len;
    enum err err = OK;
    call_pump(call);
    while (err == OK && call->out_at < call->out.len && call->conn && !call->head_there)
        err = call_await(call);
    bool whole = call->out_at == call->out.len;
    call->out = STR_NONE;
    call->out_at = 0;
    if (err != OK || whole)
        return err;
    if (call->failure.code != OK && !call->head_there)
        return client_failure_raise(&call->failure);
    return err_set(ERR_GONE, "answered", "%s has answered before the body was through",
                   call->origin->host);
}

void client_write_end(struct client_call *call)
{
    if (!call->streamed || call->out_last)
        return;
    if (call->body_bytes != HTTP_SIZE_UNKNOWN && call->out_total < call->body_bytes) {
        struct client_failure failure; /* what was promised cannot be completed any more */
        client_failure_set(&failure, ERR_INTERNAL, "body-too-short",
                           "the body ended before the length that was promised");
        call_fail(call, &failure);
        return;
    }
    call->out_last = true;
    call_pump(call);
}

/* --- The answer ----------------------------------------------------------------------------- */

/* Only what cannot have been taken notice of, and what can be sent again from its start. */
static bool may_retry(const struct client_call *call)
{
    bool unused =
        call->reused && !call->begun && call->repeatable && call->failure.code == ERR_UNAVAILABLE;
    return (unused || call->retry) && !call->streamed && !call->head_there &&
           call->attempts < CLIENT_ATTEMPTS_MAX;
}

static TASK_FN enum err call_retry(struct client_call *call)
{
    call->failure.code = OK;
    call->retry = call->begun = call->head_sent = call->all_sent = call->deferred = false;
    call->out_at = call->interim = 0;
    call->saved_count = 0;
    buf_clear(&call->text);
    call->client->stats.retried++;
    return connection_await(call);
}

enum err client_answer(struct client_call *call, struct client_response *out_response)
{
    while (!call->head_there) {
        if (call->failure.code != OK && !may_retry(call))
            return client_failure_raise(&call->failure);
        if (call->failure.code != OK)
            TRY(call_retry(call));
        else
            TRY(call_await(call));
    }
    *out_response = (struct client_response){ call->status, call->length, call->http2 };
    return OK;
}

static str saved_find(const struct client_call *call, str name, bool trailer)
{
    for (unsigned i = 0; i < call->saved_count; i++) {
        const struct client_saved *saved = &call->saved[i];
        if (saved->trailer == trailer && str_eq_nocase(text_of(call, saved->name), name))
            return text_of(call, saved->value);
    }
    return STR_NONE;
}

str client_field_find(const struct client_call *call, str name)
{
    return saved_find(call, name, false);
}

str client_trailer_find(const struct client_call *call, str name)
{
    return call->complete ? saved_find(call, name, true) : STR_NONE;
}

enum err client_read(struct client_call *call, char *room, size_t room_bytes, size_t *out_len)
{
    while (call->in_at == call->in_len && !call->complete) {
        if (call->failure.code != OK)
            return client_failure_raise(&call->failure);
        TRY(call_await(call));
    }
    size_t len = MIN_OF(room_bytes, call->in_len - call->in_at);
    if (len)
        memcpy(room, call->in + call->in_at, len);
    call->in_at += len;
    if (call->conn) {
        if (call->conn->http2)
            http2_consume(call->conn, call, len);
        client_conn_pump(call->conn);
    }
    *out_len = len;
    return OK;
}

void client_end(struct client_call *call)
{
    struct client_conn *conn = call->conn;
    if (call->ended)
        return;
    call->ended = true;
    if (conn && conn->http2) {
        http2_reset(conn, call);
        client_conn_detach(call);
        client_conn_pump(conn);
    } else if (conn) {
        conn->going = true;
        client_conn_detach(call);
        client_conn_close(conn);
    }
    buf_deinit(&call->text);
    heap_free(call->saved);
    heap_free(call->in);
    heap_free(call->memory);
    call->saved_count = 0;
    call->origin->users--;
    call->client->stats.calls--;
    client_handle_released(call->client);
}

enum err client_fetch(struct client *client, const struct client_request *request,
                      size_t body_bytes_max, struct client_response *out_response, str *out_body)
{
    struct client_call *call;
    struct client_response response;
    struct buf body;
    size_t len = 0;
    buf_init(&body, task_arena(), body_bytes_max);
    TRY(client_begin(client, request, &call));
    enum err err = client_answer(call, &response);
    do {
        char room[2048];
        if (err == OK)
            err = client_read(call, room, sizeof(room), &len);
        if (err == OK)
            buf_put(&body, (str){ room, len });
        if (body.overflowed)
            err = err_set(ERR_TOO_LARGE, "answer-too-large",
                          "the answer of %s is larger than %zu bytes", call->origin->host,
                          body_bytes_max);
    } while (err == OK && len);
    client_end(call);
    TRY(err);
    *out_response = response;
    *out_body = buf_str(&body);
    return OK;
}
