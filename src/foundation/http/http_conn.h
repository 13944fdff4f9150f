/*
 * http_conn: the insides of the server, shared by its own files only. A connection is small and has
 * an exchange (request, response, arena) only while a request is in progress. All work on a
 * connection is done by conn_pump(), which takes one step after another until it has to wait, and
 * then leaves by conn_settle(), which sets what is watched and which time-out runs.
 */
#pragma once

#include "foundation/mem/buf.h"
#include "foundation/net/listener.h"
#include "foundation/net/tls.h"
#include "foundation/task/loop.h"
#include "http_file.h"
#include "http_parse.h"
#include "http_server.h"

enum {
    IN_BYTES = 96 << 10,       /* the loop's receive buffer: a head kept, and room behind it */
    IN_STASH_BYTES = 16 << 10, /* kept of what arrived early, before reading stops */
    COPY_BYTES_MAX = 16 << 10, /* file parts up to this are copied: measured, docs/internals */
    OUT_BYTES = COPY_BYTES_MAX + (64 << 10), /* the loop's send buffer */
    INLINE_BODY_BYTES = 16 << 10,     /* bodies in memory up to this are joined with their head */
    ANSWER_HEAD_BYTES_MAX = 15 << 10, /* of HTTP/2 it has to fit into one frame */
    CONNS_RESERVE = 64,               /* beyond connections_max, for vital routes */
    LISTENERS_MAX = HTTP_LISTENERS_MAX,
    HSTS_BYTES_MAX = 100
};

enum timer_kind {
    TIMER_NONE,
    TIMER_HEADER,
    TIMER_BODY,
    TIMER_IDLE,
    TIMER_WRITE,
    TIMER_LINGER,
    TIMER_GONE,
    TIMER_COUNT
};

enum phase {
    PHASE_BODY,   /* the request's body is being collected */
    PHASE_RUN,    /* the handler's task runs */
    PHASE_ANSWER, /* the handler has ended, its answer is to be sent */
    PHASE_SEND,   /* the body's source is being drained */
    PHASE_WARM    /* a thread reads pages of the file */
};

struct conn {
    struct net_socket socket;
    struct http_server *server;
    struct conn *timer_previous, *timer_next; /* every connection is in one timer's list */
    uint64_t timer_at_ms;
    struct http_exchange *exchange;
    struct http2 *http2; /* NULL: HTTP/1; else it has the exchanges, see http2.h */
    char *in;            /* received and not used: in[in_at..in_len) */
    char *pending;       /* to be sent before anything else */
    uint32_t in_at, in_len;
    uint32_t pending_at, pending_len;
    struct http_scan scan;
    struct net_peer peer;
    struct net_crowd_seat *seat; /* NULL: not counted */
    uint64_t taken_at_least;     /* by the client, when the write timer was armed */
    uint64_t sent_bytes;         /* handed to the system */
    uint32_t requests, header_timer_request;
    unsigned char timer; /* enum timer_kind */
    unsigned char entry; /* enum http_entry */
    uint16_t holds;      /* the handle, tasks, threads: what keeps the memory */
    bool in_borrowed;    /* `in` is the loop's buffer */
    bool hangup;         /* the client has ended its side; bytes before that may be unread */
    bool eof;            /* ... and all of them have been read */
    bool pumping, progress, blocked;
    bool over;      /* one too many: for vital routes only */
    bool closing;   /* no request is read any more */
    bool lingering; /* our side is shut, reading until theirs is */
    bool dead, destroyed;
};

struct http_exchange {
    struct http_request request;
    struct http_response response;
    struct conn *conn;
    struct http_exchange *next_free;
    struct http_head head;
    llhttp_t parser;
    enum phase phase;
    bool starting, ended;   /* of the task: it may end within task_start() */
    bool admitted, to_task; /* the before hook let it pass; the inline handler has to wait */
    bool body_complete, body_failed, continue_sent;
    bool head_only, chunked, close_delimited;
    bool aborted, by_sendfile, corked, generated_all;
    bool orphan;                 /* its stream has gone, its task or thread has not */
    struct http2_stream *stream; /* NULL: HTTP/1 */
    struct task *task, *body_waiter;
    char field_room[80]; /* of Allow, or of Content-Range: they owe nothing to the arena */
    struct buf body;
    uint64_t body_bytes_max, body_received_bytes, body_wire_bytes, body_waited_ms;
    uint64_t sent_at; /* of the response's body */
    uint64_t sent_bytes;
    uint64_t resident_until, resident_at_ms; /* of the file; see http_send_file.c */
    uint64_t turn_bytes;                     /* of pieces, since others had their turn */
    uv_work_t warm;
    enum err run_result;
    struct arena arena;
};

struct timer_list {
    struct conn *first, *last;
    uint64_t after_ms;
};

struct http_listener {
    struct net_listener net;
    struct http_server *server;
    enum http_entry entry;
};

struct http_server {
    struct loop *loop;
    uv_loop_t *uv;
    struct http_server_settings settings;
    struct http_listener listeners[LISTENERS_MAX];
    struct net_tls_core *tls;          /* NULL: no certificates */
    unsigned listeners_count, handles; /* handles still open, listeners' and the tick's */
    uv_timer_t tick;
    struct timer_list timers[TIMER_COUNT];
    struct conn *conns_free;
    struct http_exchange *exchanges_free;
    unsigned conns_free_count, exchanges_free_count;
    struct conn *out_owner;
    size_t out_len;
    uint64_t date_until_ms;    /* when `date` is another */
    struct http2 *flush_first; /* whose answers go out before the loop waits */
    uv_prepare_t flush;
    struct nghttp2_session_callbacks *http2_callbacks;
    struct nghttp2_option *http2_option;
    struct http2_blocks *http2_blocks;
    struct http2_words *http2_words;
    bool http2_sending; /* within nghttp2, which makes a frame */
    char date[INSTANT_HTTP_MAX];
    bool draining, closing, drain_timed;
    uint64_t drain_at_ms, unasked_until_ms;
    void (*on_drained)(void *arg);
    void *drained_arg;
    struct http_server_stats stats;
    uint64_t turn_at_ms; /* when the loop last looked around, and the tasks begun since */
    unsigned turn_tasks;
    struct arena_budget budget; /* of the exchanges */
    char *in, *out;
};

/* --- http_conn.c ---------------------------------------------------------------------------- */
void conn_accept(struct http_server *server, int fd, const struct net_peer *peer,
                 enum http_entry entry);
void conn_pump(struct conn *conn);
/* Sets what is watched and timed; closes a dead connection. */
void conn_settle(struct conn *conn);
/* No byte goes either way any more; destroyed by the next conn_settle(). */
void conn_kill(struct conn *conn);
void conn_timed_out(struct conn *conn);
/* One hold less; the last one gives the memory back. */
void conn_release(struct conn *conn);
/* Something waits for the socket to take it. */
static inline bool conn_unsent(const struct conn *conn)
{
    return conn->pending_len || net_socket_unsent(&conn->socket);
}
static inline size_t conn_in_bytes(const struct conn *conn)
{
    return conn->in_len - conn->in_at;
}

/* Connected before a drain and has not asked yet: for a moment it still may. */
static inline bool conn_is_awaited(const struct conn *conn)
{
    const struct http_server *server = conn->server;
    return !server->closing && conn->requests == 0 && !conn->http2 && !conn->eof &&
           uv_now(server->uv) < server->unasked_until_ms;
}

/* --- http_overload.c ------------------------------------------------------------------------ */
void refused_count(enum http_refused what);
/* Says 503 on a socket nobody has to wait for, and closes it. */
void overload_refuse(struct http_server *server, int fd, enum http_entry entry);
/* Takes the connection's seat; false: its address has enough. */
bool overload_enter(struct conn *conn);
void overload_leave(struct conn *conn);
/* Makes room by closing the connection that has idled longest; false: none idles. */
bool overload_evict(struct http_server *server);
/* NULL, or why the request is not even begun. */
const struct http_refusal *overload_refusal(const struct conn *conn);
/* The loop has more to do than it can: nobody's task begins before it has looked around. */
bool overload_turn_is_over(struct http_server *server);
/* Answers 503; the connection stays when nothing of the request is left unread. */
void overload_answer(struct http_exchange *exchange, const struct http_refusal *refusal);
/* The client sent less of the body than it has to in the time it was waited for. */
bool overload_body_is_slow(const struct http_exchange *exchange);
/* The write timer is armed: notes what the client has taken. */
void overload_write_note(struct conn *conn);
/* It has run out: true when the client took enough meanwhile to go on. */
bool overload_write_goes_on(const struct conn *conn);

/* --- http_timer.c --------------------------------------------------------------------------- */
void timers_init(struct http_server *server);
void timer_set(struct conn *conn, enum timer_kind kind);
void timer_unlink(struct conn *conn);
/* Times out what is due. */
void timers_run(struct http_server *server);

/* --- http_server.c -------------------------------------------------------------------------- */
/* Cuts off what a drain's deadline has passed for. */
void server_drain_check(struct http_server *server, uint64_t now_ms);

/* --- http_exchange.c ------------------------------------------------------------------------ */
/* A fresh exchange of the connection. */
struct http_exchange *exchange_take(struct conn *conn);
/* Finds the route of a complete head and goes on from there. */
void exchange_route(struct http_exchange *exchange);
/* Something it waited for has come: goes on with it. */
void exchange_wake(struct http_exchange *exchange);
/* Begins with the head of `len` bytes at the connection's input, which is consumed. */
void exchange_begin(struct conn *conn, size_t len);
/* Begins with a request that could not be read; its answer closes the connection. */
void exchange_refuse(struct conn *conn, const struct http_refusal *refusal);
/* Calls the after hook and gives the exchange back. */
void exchange_end(struct http_exchange *exchange);
/* Replaces whatever was to be answered by this problem and closes after it. */
void exchange_fail(struct http_exchange *exchange, const struct http_refusal *refusal);
/* Runs the handler: in place or as a task. */
void exchange_run(struct http_exchange *exchange);

/* --- http_body.c ---------------------------------------------------------------------------- */
/* True when something was done. */
bool body_step(struct http_exchange *exchange);
/* Appends to the collected body; NULL, or why it is refused. */
const struct http_refusal *body_collect(struct http_exchange *exchange, str bytes);

/* --- http_send.c ---------------------------------------------------------------------------- */
/* Room for `size_bytes` (<= OUT_BYTES) at the end of the loop's send buffer; count it by out_len.
 */
char *out_room(struct conn *conn, size_t size_bytes);
void out_put(struct conn *conn, str bytes);
/* Sends what is in the loop's buffer; what does not go out becomes `pending`. */
void out_flush(struct conn *conn);
/* Sends `pending` on. */
void out_resume(struct conn *conn);
/* Sends the loop's buffer and then `part` of a body; returns how much of `part` went out. */
size_t out_send(struct conn *conn, str part, bool more);
bool send_step(struct http_exchange *exchange);
enum { CHUNK_HEAD_BYTES = 6, CHUNK_TAIL_BYTES = 2 };
/* Frames `len` (<= 0xffff) bytes that lie CHUNK_HEAD_BYTES behind `room`; returns the chunk's
 * length. */
size_t chunk_frame(char *room, size_t len);

/* --- http_send_file.c ----------------------------------------------------------------------- */
bool send_file_step(struct http_exchange *exchange);
/* The body becomes its next piece; false when there is none, or it is not made of pieces. */
bool send_piece_next(struct http_exchange *exchange);
/*
 * Copies the next bytes of a body of files into `room`. 0: a thread reads them first, and
 * exchange_wake() follows; less than 0: there are fewer than promised.
 */
ptrdiff_t file_pull(struct http_exchange *exchange, char *room, size_t room_bytes);

/* --- http_answer.c -------------------------------------------------------------------------- */
/* Evaluates preconditions and ranges, decides the framing, writes the head. */
void answer_begin(struct http_exchange *exchange);
/* The first half of it: the answer as it is, without its bytes. */
void answer_prepare(struct http_exchange *exchange);
/* The value of Date. */
str server_date(struct http_server *server);
/* "Not Found"; empty for a status without a name. */
str http_status_reason(unsigned status);

/* --- http_stream.c -------------------------------------------------------------------------- */
/* Moves bytes from the stream to the connection; true when something was done. */
bool send_stream_step(struct http_exchange *exchange);
void stream_abandon(struct http_stream *stream);
/* Takes up to `room_bytes` out; 0: nothing is there, and *out_ended whether more will come. */
size_t stream_pull(struct http_stream *stream, char *room, size_t room_bytes, bool *out_ended);
/* After *out_ended: the body was ended, not broken off. */
bool stream_is_complete(const struct http_stream *stream);
