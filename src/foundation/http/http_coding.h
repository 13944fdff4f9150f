/*
 * http_coding: content codings (RFC 9110 sections 8.4 and 12.5.3). A representation that is kept
 * ready in several codings is answered in the one the client likes best. Each coding is a
 * representation of its own with its own strong ETag, so that conditions and ranges are about the
 * bytes that are really sent.
 *
 * Only for what everybody may read: an answer that mixes a secret with something its reader chose
 * would tell the secret by its length (the BREACH attack), so nothing is compressed on its way out.
 */
#pragma once

#include "http.h"

enum http_coding { HTTP_IDENTITY, HTTP_GZIP, HTTP_BROTLI, HTTP_CODING_COUNT };

/* Smaller texts are sent as they are: they fit into a packet either way. */
enum { HTTP_CODED_BYTES_MIN = 1024 };

/* How much a client wants each coding, in thousandths; 0: not at all. */
struct http_accepts {
    uint16_t weight[HTTP_CODING_COUNT];
};

/* From the request's Accept-Encoding fields; what is malformed in them is passed over. */
void http_accepts_read(const struct http_request *request, struct http_accepts *out);
/*
 * The coding to answer in, out of `available` (bits 1 << http_coding): the heaviest, and of equals
 * the smallest. HTTP_CODING_COUNT: the client takes none of them.
 */
enum http_coding http_coding_choose(const struct http_accepts *accepts, unsigned available);

/* A text and the same in other codings. */
struct http_coded {
    str type;
    str etag; /* of the text itself, quoted, strong; the codings' are made from it */
    str vary; /* all of Vary, "Accept-Encoding" included; its codings share one */
    str text[HTTP_CODING_COUNT]; /* ptr NULL: not in this coding */
};

/*
 * Answers with the one that is liked best, with ETag, Vary and Content-Encoding; 406 when the
 * client takes none. What is named must live until the answer is out.
 */
enum err http_reply_coded(struct http_request *request, struct http_response *response,
                          const struct http_coded *coded);
/* The same, with the coding chosen already. */
enum err http_reply_in(enum http_coding coding, struct http_request *request,
                       struct http_response *response, const struct http_coded *coded);

/* Is it text, which compression makes smaller? By media type. */
bool http_type_is_text(str type);
