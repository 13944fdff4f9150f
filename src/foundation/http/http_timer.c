/*
 * http_timer: a list for each kind of time-out. All connections of a list wait equally long, so it
 * stays in order of expiry by appending, and arming costs a few pointers instead of a heap of
 * timers.
 */
#include "http_conn.h"

enum { TICK_MS_MAX = 500, TICK_MS_MIN = 5 };

static uint64_t ms_of(span value, span otherwise)
{
    return (uint64_t)((value ? value : otherwise) / 1000);
}

static void on_tick(uv_timer_t *tick)
{
    timers_run(CONTAINER_OF(tick, struct http_server, tick));
}

void timers_init(struct http_server *server)
{
    const struct http_server_settings *settings = &server->settings;
    server->timers[TIMER_HEADER].after_ms = ms_of(settings->header_timeout, SECONDS(10));
    server->timers[TIMER_BODY].after_ms = ms_of(settings->body_timeout, SECONDS(20));
    server->timers[TIMER_IDLE].after_ms = ms_of(settings->idle_timeout, SECONDS(60));
    server->timers[TIMER_WRITE].after_ms = ms_of(settings->write_timeout, SECONDS(30));
    server->timers[TIMER_LINGER].after_ms = ms_of(settings->linger_timeout, SECONDS(2));
    server->timers[TIMER_GONE].after_ms = ms_of(settings->gone_grace, SECONDS(2));
    uint64_t tick_ms = TICK_MS_MAX;
    for (int kind = TIMER_NONE + 1; kind < TIMER_COUNT; kind++)
        tick_ms = MIN_OF(tick_ms, server->timers[kind].after_ms / 4);
    tick_ms = MAX_OF(tick_ms, (uint64_t)TICK_MS_MIN);
    uv_timer_init(server->uv, &server->tick);
    uv_timer_start(&server->tick, on_tick, tick_ms, tick_ms);
}

void timer_unlink(struct conn *conn)
{
    struct timer_list *list = &conn->server->timers[conn->timer];
    if (conn->timer_previous)
        conn->timer_previous->timer_next = conn->timer_next;
    else if (list->first == conn)
        list->first = conn->timer_next;
    if (conn->timer_next)
        conn->timer_next->timer_previous = conn->timer_previous;
    else if (list->last == conn)
        list->last = conn->timer_previous;
    conn->timer_previous = conn->timer_next = NULL;
}

void timer_set(struct conn *conn, enum timer_kind kind)
{
    struct timer_list *list = &conn->server->timers[kind];
    timer_unlink(conn);
    conn->timer = (unsigned char)kind;
    conn->timer_at_ms = uv_now(conn->server->uv) + list->after_ms;
    conn->timer_previous = list->last;
    if (list->last)
        list->last->timer_next = conn;
    else
        list->first = conn;
    list->last = conn;
}

void timers_run(struct http_server *server)
{
    uint64_t now_ms = uv_now(server->uv);
    for (int kind = TIMER_NONE + 1; kind < TIMER_COUNT; kind++) {
        struct timer_list *list = &server->timers[kind];
        while (list->first && list->first->timer_at_ms <= now_ms) {
            struct conn *conn = list->first;
            timer_set(conn, TIMER_NONE); /* whatever follows arms another one */
            conn_timed_out(conn);
        }
    }
    server_drain_check(server, now_ms);
    for (unsigned i = 0; i < server->listeners_count; i++)
        net_listener_retry(&server->listeners[i].net);
}
