/*
 * http2_fields: the fields of our answers in HPACK (RFC 7541). Nearly all of them say the same in
 * every answer, so the words of a loop (`http2_words`: the last few fields worth remembering) are
 * compared once, and a connection knows by number which of them its client remembers
 * (`http2_table`, the sizes and ages of the client's dynamic table). Such a field is one byte.
 * nghttp2 never compresses: its own table stays empty, and what it says of the size of the
 * client's stands before our fields.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/str.h"

#include <stddef.h>

enum {
    HTTP2_TABLE_BYTES = 4096, /* what every client remembers, unless it says less */
    HTTP2_ENTRY_BYTES = 32,   /* ... and what an entry counts besides its text */
    HTTP2_TABLE_ENTRIES = HTTP2_TABLE_BYTES / HTTP2_ENTRY_BYTES,
    HTTP2_WORDS_MAX = 32,
    HTTP2_WORD_BYTES_MAX = 1024,
    HTTP2_FIELD_COST_MAX = 16 /* bytes a field takes besides its text, at most */
};

struct http2_table {
    bool off;          /* the client remembers less than usual: nothing is said by number */
    uint32_t inserted; /* entries, ever */
    uint32_t evicted;  /* ... of them; the rest is remembered */
    uint32_t size_bytes;
    uint16_t sizes[HTTP2_TABLE_ENTRIES];
    uint64_t stamps[HTTP2_WORDS_MAX]; /* of the word when it was inserted; 0: never */
    uint32_t entries[HTTP2_WORDS_MAX];
};

/* Of one loop. */
struct http2_words *http2_words_open(void);
void http2_words_close(struct http2_words *words);

/* Fields being written; the room is the caller's to measure by HTTP2_FIELD_COST_MAX. */
struct http2_block {
    struct http2_words *words;
    struct http2_table *table;
    unsigned char *at;
    unsigned fields;
};

/* The client's dynamic table holds so many bytes from now on. */
void http2_table_limit(struct http2_table *table, uint32_t size_bytes);
/* ":status"; comes first. */
void http2_block_status(struct http2_block *block, unsigned status);
/* A field that may be remembered, if it is of those that come again; the name in any case. */
void http2_block_add(struct http2_block *block, str name, str value);

/* Names of the static table whose values are different every time. */
enum http2_name {
    HTTP2_NAME_STATUS = 8,
    HTTP2_NAME_CONTENT_LENGTH = 28,
    HTTP2_NAME_ETAG = 34,
    HTTP2_NAME_LAST_MODIFIED = 44
};
void http2_block_once(struct http2_block *block, enum http2_name name, str value);
