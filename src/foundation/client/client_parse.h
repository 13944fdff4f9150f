/*
 * client_parse: an answer of HTTP/1.1 (RFC 9112), from bytes to status, fields and body. llhttp
 * judges the grammar; what it lets pass and another reader might take otherwise is refused: bare
 * LF, folded lines, a length given twice or beside chunks, unknown codings, 101. Pure.
 */
#pragma once

#include "foundation/mem/buf.h"

#include <llhttp.h>
#include <stdbool.h>

enum {
    CLIENT_FIELDS_MAX = 200, /* of a head and its trailers */
    CLIENT_INTERIM_MAX = 16  /* 1xx answers before the real one */
};

/* What the parser tells. Texts are valid during the call. False stops it (with `refused`). */
struct client_sink {
    void *arg;
    bool (*on_field)(void *arg, str name, str value, bool trailer);
    /* Also of interim answers, whose fields are to be forgotten. */
    bool (*on_head)(void *arg, unsigned status);
    bool (*on_body)(void *arg, str bytes);
};

enum client_verdict { PARSE_OK, PARSE_BAD, PARSE_TOO_LARGE, PARSE_REFUSED };

struct client_parser {
    llhttp_t llhttp;
    const struct client_sink *sink;
    size_t head_bytes_max;
    struct buf head;  /* collected until it is complete */
    struct buf field; /* name and value of the one being read */
    size_t name_len;
    size_t field_bytes; /* of all of them */
    size_t line_at;     /* where the next line of the head begins */
    unsigned fields, interim, lengths, codings;
    bool no_body, in_body, chunked, complete, keep_alive;
    enum client_verdict verdict;
};

void client_parser_init(struct client_parser *parser, const struct client_sink *sink,
                        size_t head_bytes_max);
void client_parser_deinit(struct client_parser *parser);
/* For the next answer. `no_body`: it answers HEAD. */
void client_parser_begin(struct client_parser *parser, bool no_body);

/*
 * Takes bytes in; *out_used may be less than len once the answer is complete (what is left belongs
 * to nobody). After anything but PARSE_OK the connection is of no use.
 */
enum client_verdict client_parse(struct client_parser *parser, const char *bytes, size_t len,
                                 size_t *out_used);
/* The connection has ended: true when that ends the answer (its length was not given). */
bool client_parse_end(struct client_parser *parser);
/* A byte of the answer has come. */
bool client_parser_begun(const struct client_parser *parser);
