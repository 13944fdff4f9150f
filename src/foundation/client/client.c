/* client: opening and closing, origins and their connections, the clock of idle ones. */
#include "client_impl.h"

#include "foundation/mem/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 1000 };

void client_failure_set(struct client_failure *out, enum err code, const char *slug,
                        const char *format, ...)
{
    va_list args;
    out->code = code;
    out->slug = slug;
    va_start(args, format);
    vsnprintf(out->text, sizeof(out->text), format, args);
    va_end(args);
}

enum err client_failure_raise(const struct client_failure *failure)
{
    return err_set(failure->code, failure->slug, "%s", failure->text);
}

/* --- Opening and closing -------------------------------------------------------------------- */

static void settings_complete(struct client_settings *settings)
{
#define DEFAULT(name, value)                                                                       \
    if (!settings->name)                                                                           \
    settings->name = (value)
    DEFAULT(connections_max, 8);
    DEFAULT(waiting_max, 256);
    DEFAULT(origins_max, 64);
    DEFAULT(connect_timeout, SECONDS(10));
    DEFAULT(progress_timeout, SECONDS(30));
    DEFAULT(idle_timeout, SECONDS(60));
    DEFAULT(head_bytes_max, KIB(64));
#undef DEFAULT
}

static void client_free(struct client *client)
{
    while (client->origins) {
        struct client_origin *origin = client->origins;
        client->origins = origin->next;
        heap_free(origin->host);
        heap_free(origin);
    }
    net_tls_core_close(client->tls_core);
    net_tls_close(client->tls);
    nghttp2_session_callbacks_del(client->http2_callbacks);
    nghttp2_option_del(client->http2_option);
    heap_free((char *)(uintptr_t)client->settings.ca_path.ptr);
    heap_free(client->room);
    heap_free(client);
}

void client_handle_released(struct client *client)
{
    ASSERT(client->handles > 0);
    if (--client->handles == 0)
        client_free(client);
}

static void on_timer_closed(uv_handle_t *handle)
{
    client_handle_released(CONTAINER_OF(handle, struct client, timer));
}

void client_close(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    loop_guest_remove(client->loop, &client->guest);
    for (struct client_origin *origin = client->origins; origin; origin = origin->next) {
        while (origin->conns)
            client_conn_fail(origin->conns, ERR_CANCELLED, "client-closed",
                             "the client was closed");
        wait_list_wake(&origin->waiters, UINT32_MAX);
    }
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

static void on_leave(void *arg)
{
    client_close(arg);
}

void client_create(struct loop *loop, const struct client_settings *settings,
                   struct client **out_client)
{
    struct client *client = HEAP_NEW(struct client);
    client->loop = loop;
    if (settings)
        client->settings = *settings;
    settings_complete(&client->settings);
    str path = client->settings.ca_path;
    if (path.len) {
        char *copy = heap_alloc(path.len);
        memcpy(copy, path.ptr, path.len);
        client->settings.ca_path.ptr = copy;
    } else {
        client->settings.ca_path = STR_NONE;
    }
    client->room = heap_alloc(CLIENT_ROOM_BYTES);
    http2_callbacks_make(client);
    uv_timer_init(loop_uv(loop), &client->timer);
    uv_unref((uv_handle_t *)&client->timer);
    client->handles = 1;
    client->guest = (struct loop_guest){ .leave = on_leave, .arg = client };
    loop_guest_add(loop, &client->guest);
    *out_client = client;
}

enum err client_tls_open(struct client *client)
{
    if (client->tls)
        return OK;
    TRY(net_tls_trust_open(client->settings.ca_path, &client->tls));
    client->tls_core = net_tls_core_open(client->tls);
    return OK;
}

struct client_stats client_stats(const struct client *client)
{
    return client->stats;
}

/* --- Origins -------------------------------------------------------------------------------- */

static bool origin_is(const struct client_origin *origin, const struct client_url *url,
                      enum client_protocol protocol)
{
    return origin->secure == url->secure && origin->port == url->port &&
           origin->protocol == protocol && str_eq_nocase(str_of(origin->host), url->host);
}

static bool origin_is_unused(const struct client_origin *origin)
{
    return !origin->users && !origin->conns && !origin->connecting;
}

static void origin_free(struct client *client, struct client_origin **place)
{
    struct client_origin *origin = *place;
    *place = origin->next;
    client->origins_count--;
    heap_free(origin->host);
    heap_free(origin);
}

/* NULL: there are as many as there may be, and all are in use. */
struct client_origin *client_origin_get(struct client *client, const struct client_url *url,
                                        enum client_protocol protocol)
{
    struct client_origin **unused = NULL;
    for (struct client_origin **at = &client->origins; *at; at = &(*at)->next) {
        if (origin_is(*at, url, protocol))
            return *at;
        if (origin_is_unused(*at))
            unused = at;
    }
    if (client->origins_count == client->settings.origins_max && unused)
        origin_free(client, unused);
    if (client->origins_count == client->settings.origins_max)
        return NULL;
    struct client_origin *origin = HEAP_NEW(struct client_origin);
    origin->host = heap_alloc(url->host.len + 1);
    memcpy(origin->host, url->host.ptr, url->host.len);
    origin->host[url->host.len] = 0;
    origin->port = url->port;
    origin->secure = url->secure;
    origin->protocol = protocol;
    origin->http2_known = protocol == CLIENT_HTTP2;
    origin->next = client->origins;
    client->origins = origin;
    client->origins_count++;
    return origin;
}

static unsigned calls_max(const struct client_conn *conn)
{
    return conn->http2 ? http2_calls_max(conn) : 1;
}

/* The newest first: it is the least likely to have been closed by the peer. */
struct client_conn *client_conn_find(struct client_origin *origin)
{
    for (struct client_conn *conn = origin->conns; conn; conn = conn->next)
        if (!conn->dead && !conn->going && conn->calls_count < calls_max(conn))
            return conn;
    return NULL;
}

/* --- Idle connections ----------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, timer);
    instant now = clock_mono();
    unsigned left = 0;
    for (struct client_origin *origin = client->origins; origin; origin = origin->next) {
        struct client_conn *next;
        for (struct client_conn *conn = origin->conns; conn; conn = next) {
            next = conn->next;
            left++;
            if (!conn->calls_count && now - conn->idle_since >= client->settings.idle_timeout)
                client_conn_close(conn);
        }
    }
    client->timer_runs = left > 0;
    if (!left)
        uv_timer_stop(timer);
}

void client_timer_start(struct client *client)
{
    if (client->timer_runs || client->closing)
        return;
    client->timer_runs = true;
    uv_timer_start(&client->timer, on_tick, TICK_MS, TICK_MS);
}
