/*
 * http: what a handler sees. A handler is sequential code in a task: it reads the request, decides,
 * and names the source of the answer's body; then its task ends and the loop sends the bytes. A
 * failure it returns becomes a problem document (RFC 9457) by the error slot. Everything here lives
 * until the answer is out, unless a prototype says otherwise; strings given to the response must
 * live that long: literals, the request's arena, or shared bytes held by it.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/bytes.h"
#include "foundation/net/address.h"
#include "foundation/task/task.h"

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_COUNT
};
/* "GET" */
str http_method_name(enum http_method method);

struct http_field {
    str name, value;
};

enum { HTTP_PARAMS_MAX = 8, HTTP_RESPONSE_FIELDS_MAX = 16, HTTP_TRAILERS_MAX = 4 };

struct http_route;
struct http_exchange;
struct trace_span;

/* Read only for handlers. */
struct http_request {
    enum http_method method;
    str target; /* as sent */
    str path;   /* decoded; without dot segments and encoded slashes: see http_target.h */
    str query;  /* raw, without '?'; see http_query_next() */
    str host;   /* of the Host field or the absolute target */
    str body;   /* complete, unless the route streams it (ROUTE_BODY_STREAM) */
    const struct http_field *fields;
    unsigned fields_count;
    const struct http_route *route; /* NULL in the after hook when no route was found */
    struct arena *arena;
    bool secure; /* came by TLS; or a trusted proxy says so (http_forwarded.h) */
    struct net_peer peer;
    instant received_at;      /* clock_mono() when the head was complete */
    struct trace_span *trace; /* set by the before hook: current while the handler runs */
    void *context; /* for the before hook to leave something to handlers and the after hook */
    str params[HTTP_PARAMS_MAX]; /* values of the pattern's {names}, in order */
};

/* The value of a path parameter; the pattern must have it. */
str http_param(const struct http_request *request, const char *name);
/* The first field of that name (case ignored), or ptr NULL. */
str http_header_find(const struct http_request *request, str name);

/*
 * For routes with ROUTE_BODY_STREAM: waits for the next part of the body and copies at most
 * `room_bytes` of it into `room`. *out_len 0: the body is complete. ERR_TOO_LARGE over the route's
 * limit, ERR_INVALID for broken chunks, ERR_CANCELLED when the client has gone.
 */
TASK_FN enum err http_body_read(struct http_request *request, char *room, size_t room_bytes,
                                size_t *out_len);

/*
 * For the handler of an inline route that finds it has to wait after all: it leaves the response
 * alone and returns what this returns; the server then calls it once more, in a task. There
 * task_current() is not NULL. The before hook is not called again.
 */
enum err http_continue_in_task(struct http_request *request);

/* --- The answer ----------------------------------------------------------------------------- */

enum http_body_kind {
    HTTP_BODY_NONE,
    HTTP_BODY_MEMORY,
    HTTP_BODY_FILE,
    HTTP_BODY_GENERATOR,
    HTTP_BODY_STREAM
};

struct http_file;
struct http_stream;

/*
 * Writes the next bytes of a body into `room` and returns how many; 0 ends the body, less than 0
 * breaks the connection off, so that the client cannot take the rest for complete. Must not
 * suspend.
 */
typedef ptrdiff_t (*http_generate_fn)(void *state, char *room, size_t room_bytes);

/*
 * A body put together from memory and ranges of files: `out` becomes what lies at byte `at` of it,
 * from that byte to the end of its piece; `memory` comes before the range. Must not suspend.
 */
struct http_piece {
    str memory;
    struct http_file *file;      /* NULL: memory only */
    uint64_t offset, size_bytes; /* the range; not 0 together with no memory */
};
typedef void (*http_piece_fn)(const void *state, uint64_t at, struct http_piece *out);

#define HTTP_SIZE_UNKNOWN UINT64_MAX

struct http_body {
    enum http_body_kind kind;
    uint64_t size_bytes; /* of the whole body; HTTP_SIZE_UNKNOWN: chunked */
    str memory;          /* MEMORY: all of it. FILE: what goes before the file's bytes */
    struct http_file *file;
    uint64_t file_offset;
    http_piece_fn piece_at; /* FILE made of pieces: where the ones from pieces_at on are */
    const void *pieces_state;
    uint64_t pieces_at, pieces_end;
    http_generate_fn generate;
    void *generate_state;
    struct http_stream *stream;
};

struct http_response {
    unsigned status; /* 0 until something answered: then 200, or 204 without a body */
    str content_type;
    str cache_control;
    str etag;         /* with its quotes; makes conditional requests work */
    instant modified; /* INSTANT_NEVER: not said */
    bool ranges;      /* GET may ask for a part; set by http_reply_file() */
    bool close;       /* end the connection after this answer */
    unsigned fields_count;
    struct http_body body;
    struct http_field fields[HTTP_RESPONSE_FIELDS_MAX];
    /* Sent after the body, over HTTP/2 only; the body must not be empty. For gRPC. */
    const struct http_field *trailers;
    unsigned trailers_count; /* at most HTTP_TRAILERS_MAX */
};

/*
 * One more field. Name and value must live as long as the answer. ERR_INTERNAL when the value holds
 * control bytes (response splitting) or there are HTTP_RESPONSE_FIELDS_MAX already.
 */
enum err http_header_add(struct http_response *response, str name, str value);

/* An answer without a body: 204, 202, 303 ... */
void http_reply_status(struct http_response *response, unsigned status);
/* Bytes of the arena or a literal. */
void http_reply_memory(struct http_response *response, str content_type, str body);
/* Shared bytes: one more reference, released with the request's arena. */
void http_reply_bytes(struct http_request *request, struct http_response *response,
                      str content_type, struct bytes *bytes);

struct http_file_part {
    struct http_file *file; /* one more reference is taken */
    uint64_t offset, size_bytes;
    str before; /* bytes from memory sent first: a segment's header; may be empty */
};
/*
 * A range of a file. Ranges are allowed; `etag` and `modified` are for the caller to set. A file
 * that turns out shorter breaks the connection off.
 */
void http_reply_file(struct http_request *request, struct http_response *response, str content_type,
                     const struct http_file_part *part);
/*
 * The same for a body of pieces. Files and memory it names, and `state`, must live until the answer
 * is out (arena_hold()).
 */
void http_reply_pieces(struct http_response *response, str content_type, uint64_t size_bytes,
                       http_piece_fn piece_at, const void *state);
/* size_bytes HTTP_SIZE_UNKNOWN: sent in chunks. `state` lives in the request's arena. */
void http_reply_generator(struct http_response *response, str content_type, uint64_t size_bytes,
                          http_generate_fn generate, void *state);

/*
 * A body fed by a task, for as long as it takes. The stream has one reference of the connection and
 * one of the caller, who writes from any task of the same loop, also after the handler has
 * returned.
 */
struct http_stream *http_reply_stream(struct http_request *request, struct http_response *response,
                                      str content_type);
/* Waits while more than 64 KiB are unsent. ERR_GONE: the client has gone; stop and close. */
TASK_FN enum err http_stream_write(struct http_stream *stream, str bytes);
/* Ends the body (`complete`) or breaks it off, and gives the caller's reference back. */
void http_stream_close(struct http_stream *stream, bool complete);

/*
 * Fills the answer with the problem document of a failure: status and retryability by its code,
 * slug, sentence and field messages by err_slot(). The server does this for what a handler returns.
 */
void http_reply_error(struct http_request *request, struct http_response *response, enum err err);
/* The same for refusals that have an HTTP status only. */
void http_reply_problem(struct http_request *request, struct http_response *response,
                        unsigned status, const char *slug, const char *text);
