/*
 * http2: HTTP/2 (RFC 9113) on a connection of the server, by nghttp2. A stream is an exchange like
 * any other: handlers, hooks and body sources do not know the difference. nghttp2 keeps streams and
 * windows and reads fields; these files turn its callbacks into exchanges and back, write the
 * fields of answers, bound what a client can make us do, and put all frames of a turn into one
 * write.
 */
#pragma once

#include "http2_fields.h"
#include "http_conn.h"

#include <nghttp2/nghttp2.h>

enum {
    HTTP2_STREAMS_MAX = 128,           /* answered at a time */
    HTTP2_HOLDS_MAX = 256,             /* ... with those that were reset while a task ran */
    HTTP2_STREAM_WINDOW = 256 << 10,   /* of a request's body on the way to its handler */
    HTTP2_WINDOW = 1 << 20,            /* ... of all of them */
    HTTP2_BODIES_BYTES_MAX = 8 << 20,  /* collected at a time */
    HTTP2_BLOCK_BYTES_MAX = 256 << 10, /* what fields may unfold to: more is a bomb (RFC 7541) */
    HTTP2_FRAME_BYTES = 16 << 10,
    HTTP2_FRAME_HEAD_BYTES = 9,
    /* Of one whole frame, and of what nghttp2 may say before our fields: sizes of the table. */
    HTTP2_ROOM_BYTES = HTTP2_FRAME_HEAD_BYTES + HTTP2_FRAME_BYTES + 16
};

enum http2_farewell { FAREWELL_NONE, FAREWELL_NOTICE, FAREWELL_LAST };

struct http2 {
    struct conn *conn;
    nghttp2_session *session;
    struct http2_stream *first;   /* those with an exchange */
    struct http2_stream *heading; /* whose fields are arriving; NULL: they go nowhere */
    bool date_known;              /* the server's date is of this turn */
    unsigned live;
    struct http2 *flush_next;
    bool flush_wanted;
    bool data_sent; /* a DATA frame has just been written */
    bool feeding;   /* nghttp2 is taking bytes in: nothing may be sent from within */
    bool finished;  /* the last frame has been said */
    enum http2_farewell farewell;
    uint64_t farewell_at_ms;
    size_t bodies_bytes, turn_bytes;
    instant turn_at;    /* when what is fed now was received, by the monotonic clock */
    size_t block_bytes; /* of the fields that arrive just now */
    size_t block_len;   /* of those that lie behind the room for a frame's head */
    uint32_t error;     /* why a callback gave up */
    int64_t budget;     /* see http2_limits.c */
    uint64_t budget_at_ms;
    struct http2_table table; /* what the client remembers of our fields */
};

struct http2_stream {
    struct http2 *http2; /* NULL: the stream has gone */
    struct http_exchange *exchange;
    struct http2_stream *previous, *next;
    int32_t id;
    bool heading;                       /* its fields are still arriving */
    bool ended;                         /* the client has said all */
    bool continue_due, headed;          /* 100 is to be said; the answer's fields have been */
    const struct http_refusal *refusal; /* decided while its fields arrive */
    bool method_known;
    str authority;
    unsigned fields_max, cookies;
    size_t head_bytes;
    char *text; /* room for what is read of its fields */
    size_t text_bytes;
    char *in; /* of a streamed body: in[in_at..in_len), on the heap */
    size_t in_at, in_len, in_bytes;
    size_t collected_bytes;
    uint64_t moved_ms; /* when a byte of a body last went either way */
};

/* --- For the connection (http2_conn.c) ------------------------------------------------------- */

void http2_server_init(struct http_server *server);
void http2_server_deinit(struct http_server *server);
/* The first bytes say, or may yet say, HTTP/2: by ALPN or by prior knowledge. */
bool http2_is_asked_for(const struct conn *conn);
/* Begins, when all of the preface has arrived; true when something was done. */
bool http2_greet(struct conn *conn);
/* Takes in what has arrived and writes what is to go out; false: nothing more to do now. */
bool http2_step(struct conn *conn);
/* No exchange is in progress, or the client has gone. */
bool http2_is_idle(const struct conn *conn);
enum timer_kind http2_timer_wanted(const struct conn *conn);
void http2_timed_out(struct conn *conn);
/* First a notice, at a later call the last stream that is answered (RFC 9113 section 6.8). */
void http2_drain(struct conn *conn);
/* Ends every exchange and gives the session back. */
void http2_end(struct conn *conn);
/* Ends the connection with that code; what was still to be said is not. */
void http2_fail(struct http2 *http2, uint32_t error);
/* Writes what there is before the loop waits again. */
void http2_flush_soon(struct http2 *http2);

/* --- Streams (http2_stream.c) ---------------------------------------------------------------- */

/* NULL: more are open than we answer. */
struct http2_stream *http2_stream_begin(struct http2 *http2, int32_t id);
/* The exchange is over: takes it off its stream. */
void http2_stream_end(struct http_exchange *exchange);
/* The stream has gone before its exchange was over. */
void http2_stream_abort(struct http2_stream *stream);
/* An answer is there, or its next bytes. */
void http2_wake(struct http_exchange *exchange);
/* Goes on with an exchange until it has to wait. */
void http2_stream_step(struct http2_stream *stream);

/* --- Requests (http2_request.c) -------------------------------------------------------------- */

void http2_field_add(struct http2_stream *stream, const struct http_field *field);
/* One of its fields is malformed. */
void http2_field_refuse(struct http2_stream *stream);
/* All fields are there: checks them and runs the handler, or refuses. */
void http2_request_begin(struct http2_stream *stream);

/* --- Bodies of requests (http2_body.c) ------------------------------------------------------- */

void http2_body_add(struct http2_stream *stream, str bytes);
/* The client has said all. */
void http2_body_end(struct http2_stream *stream);
void http2_continue_send(struct http2_stream *stream);
TASK_FN enum err http2_body_read(struct http_exchange *exchange, char *room, size_t room_bytes,
                                 size_t *out_len);

/* --- Answers (http2_answer.c) ---------------------------------------------------------------- */

void http2_answer(struct http2_stream *stream);
/* Writes the fields of the frame that goes out next; false: nobody is left to say them. */
bool http2_block_write(struct http2 *http2, const nghttp2_frame *frame);
/* A frame of nghttp2's goes out, before the fields that wait behind the room for its head. */
void http2_frame_put(struct http2 *http2, const uint8_t *bytes, size_t len);
/* All of it has been said, by its fields. NULL: the stream has gone. */
void http2_answer_end(struct http2_stream *stream);
/* nghttp2's: the frame whose payload lies in the loop's send buffer already. */
int http2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                       size_t len, nghttp2_data_source *source, void *owner);

/* --- Memory of nghttp2 (http2_memory.c) ------------------------------------------------------ */

struct http2_blocks *http2_memory_open(void);
/* After the last session. */
void http2_memory_close(struct http2_blocks *blocks);
/* False: no memory. What nghttp2_session_mem_send() says is to be copied before the next call. */
bool http2_session_new(struct http2 *http2);

/* --- Limits (http2_limits.c) ----------------------------------------------------------------- */

void http2_budget_init(struct http2 *http2);
/* A frame has arrived. False: it was one too many. */
bool http2_budget_spend(struct http2 *http2, const nghttp2_frame_hd *frame);
/* An answer went out whole; a DATA frame went out. */
void http2_budget_earn_answer(struct http2 *http2);
void http2_budget_earn_data(struct http2 *http2);
