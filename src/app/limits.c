/*
 * limits: the settings of what clients may take. The same numbers hold for every loop, but for
 * connections an address, which are counted over all of them.
 */
#include "app.h"

#include "foundation/net/crowd.h"
#include "foundation/task/loop.h"

extern const struct settings app_limits_conf;
struct app_limits_settings app_limits;
SETTINGS(
    app_limits_conf, struct app_limits_settings,
    SETTING_INT(struct app_limits_settings, connections, "limits.connections", "10000", .min = 16,
                .max = 1000000,
                .doc = "connections an event loop; then the longest idle one makes room, or else "
                       "the new one is told to come later"),
    SETTING_INT(struct app_limits_settings, address, "limits.connections_per_address", "1000",
                .min = 1, .max = 1000000,
                .doc = "connections of one address (of IPv6: one /64); this machine's and those of "
                       "http.trusted_proxies are not counted"),
    SETTING_INT(struct app_limits_settings, requests, "limits.requests_per_connection", "100000",
                .min = 1, .max = 1000000000,
                .doc = "requests of one connection, which is then closed"),
    SETTING_INT(struct app_limits_settings, tasks, "limits.tasks", "512", .min = 16, .max = 16000,
                .doc = "requests and jobs in progress an event loop; more are answered 503"),
    SETTING_SIZE(struct app_limits_settings, memory, "limits.memory", "256MiB", .min = 16 << 20,
                 .doc = "memory of the requests in progress, an event loop; more are answered 503"),
    SETTING_SIZE(struct app_limits_settings, rate, "limits.rate_min", "512", .min = 1,
                 .max = 1 << 30,
                 .doc = "bytes a second a client has to send of a body or to take of an answer"),
    SETTING_SPAN(struct app_limits_settings, turn, "limits.turn", "100ms", .min = MILLISECONDS(1),
                 .max = MINUTES(1),
                 .doc =
                     "an event loop that has worked this long without a pause answers 503 to the "
                     "rest of what has come meanwhile"),
    SETTING_SPAN(struct app_limits_settings, head, "limits.header_timeout", "10s",
                 .min = SECONDS(1), .max = HOURS(1),
                 .doc = "how long a request's head may take to arrive"),
    SETTING_SPAN(struct app_limits_settings, body, "limits.body_timeout", "20s", .min = SECONDS(1),
                 .max = HOURS(1), .doc = "how long a body may stand still"),
    SETTING_SPAN(struct app_limits_settings, idle, "limits.idle_timeout", "60s", .min = SECONDS(1),
                 .max = HOURS(1), .doc = "how long a connection is kept between requests"),
    SETTING_SPAN(struct app_limits_settings, write, "limits.write_timeout", "30s",
                 .min = SECONDS(1), .max = HOURS(1),
                 .doc = "how long a client may take less than limits.rate_min of an answer"),
    SETTING_SPAN(struct app_limits_settings, request, "limits.request_timeout", "30s",
                 .min = SECONDS(1), .max = HOURS(1),
                 .doc = "how long an answer may be worked on, where its route says nothing else"));

struct net_crowd *app_limits_crowd(void)
{
    return net_crowd_open((unsigned)app_limits.address, false);
}

void app_limits_loop(struct loop_settings *out)
{
    *out = (struct loop_settings){ .tasks_max = (unsigned)app_limits.tasks };
}

void app_limits_http(struct http_server_settings *settings)
{
    settings->connections_max = (unsigned)app_limits.connections;
    settings->connection_requests_max = (unsigned)app_limits.requests;
    settings->memory_bytes_max = app_limits.memory;
    settings->rate_min = (unsigned)app_limits.rate;
    settings->turn = app_limits.turn;
    settings->header_timeout = app_limits.head;
    settings->body_timeout = app_limits.body;
    settings->idle_timeout = app_limits.idle;
    settings->write_timeout = app_limits.write;
    settings->request_timeout = app_limits.request;
}
