/*
 * http_parse: the head of a request, from bytes to fields. llhttp judges the grammar; what it lets
 * pass and a second reader in the chain might read otherwise is refused before and after it: bare
 * LF, folded lines, a Host missing or given twice, Transfer-Encoding on HTTP/1.0 or of any coding
 * but chunked.
 */
#pragma once

#include "http.h"
#include "http_target.h"

#include <llhttp.h>

enum {
    HTTP_LINE_BYTES_MAX = 8 << 10,  /* the request line: 414 */
    HTTP_HEAD_BYTES_MAX = 32 << 10, /* all of the head: 431 */
    HTTP_FIELDS_MAX = 100           /* 431 */
};

/* How far the search for the end of a head has come; zero to begin. */
struct http_scan {
    size_t at;    /* where the next line begins */
    size_t start; /* of the request line: one empty line before it is skipped */
    unsigned lines;
};

/*
 * Looks at the lines of data[0..len) not looked at yet. Returns the length of the head, the empty
 * line included; 0: it is not complete yet; or -1 and *out_refusal. May be called again with more
 * bytes.
 */
ptrdiff_t http_head_scan(struct http_scan *scan, const char *data, size_t len,
                         const struct http_refusal **out_refusal);

struct http_head {
    enum http_method method;
    str target;
    struct http_target parts;
    str host;
    struct http_field *fields;
    unsigned fields_count, fields_max;
    bool minor_0; /* HTTP/1.0 */
    bool keep_alive;
    bool chunked;
    bool expect_continue;
    uint64_t content_length; /* 0 when chunked or none */

    bool complete;                               /* the message ends with its head */
    unsigned hosts, lengths, encodings, expects; /* how often each was given */
};

/*
 * Parses a head found by http_head_scan(): `text` is what lies between scan->start and its end, in
 * memory that lives as long as *out. `parser` is initialised here and left ready for the body.
 * NULL, or the refusal. `lines` is scan->lines.
 */
const struct http_refusal *http_head_parse(llhttp_t *parser, str text, unsigned lines,
                                           struct arena *arena, struct http_head *out);

/* What a Host field, or :authority, may hold: a host and a port (RFC 3986), nothing else. */
bool http_host_is_valid(str host);
/* The method of that name; false when it is none of ours. */
bool http_method_parse(str name, enum http_method *out);

/*
 * Decodes body bytes (of a length or chunked). Calls on_body for each run; it may return false to
 * stop (refused by size). Returns how many bytes were consumed, or -1 when the framing is broken or
 * on_body stopped; *out_complete when the message has ended.
 */
struct http_body_sink {
    bool (*on_body)(void *arg, const char *bytes, size_t len);
    void *arg;
};
ptrdiff_t http_body_parse(llhttp_t *parser, const char *data, size_t len,
                          const struct http_body_sink *sink, bool *out_complete);
