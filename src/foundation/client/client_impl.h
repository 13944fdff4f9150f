/*
 * client_impl: what the files of the client share. A call is what a task holds; a connection serves
 * one call at a time (HTTP/1.1) or many (HTTP/2). Connections run in callbacks of the loop: they
 * pull the bytes of requests out of calls and put those of answers into them, and tasks wait for
 * the change. All memory is on the heap, because a connection acts while the task may have lent its
 * arena to another thread.
 */
#pragma once

#include "client.h"

#include "client_parse.h"
#include "client_url.h"

#include "foundation/mem/buf.h"
#include "foundation/net/socket.h"
#include "foundation/net/tls.h"

#include <nghttp2/nghttp2.h>

enum {
    CLIENT_ROOM_BYTES = 64 << 10,     /* received at a time */
    CLIENT_BUFFERED_MAX = 64 << 10,   /* of an answer, before its connection is not read */
    CLIENT_OUT_BYTES = 32 << 10,      /* made ready at a time */
    CLIENT_STREAM_WINDOW = 256 << 10, /* what a peer may send ahead */
    CLIENT_WINDOW = 4 << 20,
    CLIENT_ADDRESSES_MAX = 8,
    CLIENT_CONNECTIONS_HTTP2_MAX = 2,
    CLIENT_ATTEMPTS_MAX = 3
};

struct client_failure {
    enum err code;
    const char *slug;
    char text[160];
};

struct client_origin {
    struct client_origin *next;
    bool secure, http2_known;
    enum client_protocol protocol;
    char *host;
    unsigned port;
    unsigned users; /* calls that look at it */
    struct client_conn *conns;
    unsigned ready, connecting;
    unsigned waiting;
    struct wait_list waiters;
    uint64_t failures;
    struct client_failure failure; /* of the last attempt */
};

struct client {
    struct loop *loop;
    struct client_settings settings;
    struct loop_guest guest;
    uv_timer_t timer; /* runs while a connection is idle */
    bool timer_runs, closing;
    unsigned handles; /* what must end before the memory goes */
    struct net_tls *tls;
    struct net_tls_core *tls_core;
    nghttp2_session_callbacks *http2_callbacks;
    nghttp2_option *http2_option;
    struct client_origin *origins;
    unsigned origins_count;
    struct client_stats stats;
    char *room;
};

struct client_conn {
    struct net_socket socket;
    struct client *client;
    struct client_origin *origin;
    struct client_conn *previous, *next;
    struct task *connector; /* waits for the socket; NULL: it is connected */
    int connect_events;
    bool listed, dead, http2, going, used, feeding, flushing;
    unsigned calls_count;
    struct client_call *calls;
    instant idle_since;
    char *out; /* on its way: out[out_at..out_len) */
    size_t out_at, out_len, out_bytes;
    bool blocked; /* the socket takes no more now */
    struct client_parser parser;
    struct client_sink sink;
    nghttp2_session *session;
    size_t block_bytes;   /* of the fields that arrive just now */
    unsigned idle_frames; /* frames since one that belonged to an answer */
};

struct client_span {
    uint32_t at, len;
};
struct client_saved {
    struct client_span name, value;
    bool trailer;
};

struct client_call {
    struct client *client;
    struct client_origin *origin;
    struct client_conn *conn; /* NULL: none any more */
    struct client_call *previous, *next;
    struct task *task;
    bool ended; /* by its task */
    /* the request */
    enum http_method method;
    char *memory; /* target, authority and fields */
    str target, authority;
    struct http_field *fields;
    unsigned fields_count;
    bool secure, streamed, repeatable;
    uint64_t body_bytes; /* HTTP_SIZE_UNKNOWN: chunked */
    /* its bytes */
    str out; /* the next ones, of the caller's memory */
    size_t out_at;
    uint64_t out_total;
    bool out_last; /* none after these */
    bool head_sent, all_sent;
    bool deferred; /* nghttp2 waits for bytes */
    unsigned attempts;
    bool reused;
    /* the answer */
    unsigned status;
    bool begun, head_there, complete, http2;
    unsigned interim;
    bool retry;                    /* what failed was surely not processed */
    struct client_failure failure; /* code OK: none */
    struct buf text;               /* of fields */
    struct client_saved *saved;
    unsigned saved_count, saved_max;
    uint64_t length; /* HTTP_SIZE_UNKNOWN */
    char *in;
    size_t in_at, in_len, in_bytes;
    int32_t stream;
    struct wait_list waiters;
};

/* --- client.c: clients, origins, their connections ------------------------------------------- */

struct client_origin *client_origin_get(struct client *client, const struct client_url *url,
                                        enum client_protocol protocol);
/* A connection with room for one more call, or NULL. */
struct client_conn *client_conn_find(struct client_origin *origin);
/* The first TLS connection: reads who is trusted. */
enum err client_tls_open(struct client *client);
void client_handle_released(struct client *client);
void client_timer_start(struct client *client);
void client_failure_set(struct client_failure *out, enum err code, const char *slug,
                        const char *format, ...) PRINTF_LIKE(4, 5);
enum err client_failure_raise(const struct client_failure *failure);

/* --- client_connect.c ------------------------------------------------------------------------- */

/* Starts a task that adds a connection to the origin, or notes why not, and wakes who waits. */
enum err client_connect(struct client *client, struct client_origin *origin);

/* --- client_conn.c ---------------------------------------------------------------------------- */

struct client_conn *client_conn_new(struct client *client, struct client_origin *origin, int fd);
/* It is connected and speaks; `early` has arrived already. */
void client_conn_begin(struct client_conn *conn, bool http2, str early);
/* Fails what it carries, and closes it. */
void client_conn_fail(struct client_conn *conn, enum err code, const char *slug, const char *format,
                      ...) PRINTF_LIKE(4, 5);
void client_conn_close(struct client_conn *conn);
void client_conn_attach(struct client_conn *conn, struct client_call *call);
/* The call is over for the connection, which may serve the next. */
void client_conn_detach(struct client_call *call);
/* Sends what there is, and watches what matters. */
void client_conn_pump(struct client_conn *conn);
/* Room for more bytes to send; NULL: send first. */
char *client_conn_room(struct client_conn *conn, size_t len);

/* --- client_http1.c, client_http2.c: the two tongues ------------------------------------------ */

void http1_begin(struct client_conn *conn);
bool http1_pull(struct client_conn *conn);
void http1_feed(struct client_conn *conn, const char *bytes, size_t len);
void http1_eof(struct client_conn *conn);

bool http2_begin(struct client_conn *conn);
void http2_submit(struct client_conn *conn, struct client_call *call);
bool http2_pull(struct client_conn *conn);
void http2_feed(struct client_conn *conn, const char *bytes, size_t len);
void http2_reset(struct client_conn *conn, struct client_call *call);
void http2_resume(struct client_conn *conn, struct client_call *call);
void http2_consume(struct client_conn *conn, struct client_call *call, size_t len);
unsigned http2_calls_max(const struct client_conn *conn);
void http2_callbacks_make(struct client *client);

/* --- client_call.c: what connections do to calls ---------------------------------------------- */

/* Copies the next bytes of the body; *out_last: none follow. */
size_t call_pull(struct client_call *call, char *room, size_t room_bytes, bool *out_last);
bool call_field(struct client_call *call, str name, str value, bool trailer);
void call_head(struct client_call *call, unsigned status);
void call_body(struct client_call *call, str bytes);
void call_complete(struct client_call *call);
void call_fail(struct client_call *call, const struct client_failure *failure);
void call_wake(struct client_call *call);
