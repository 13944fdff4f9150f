/*
 * http2_fixture: for the tests: a client that speaks frames, right or wrong. It never compresses
 * (literals without indexing), and reads answers by nghttp2's decompressor.
 */
#pragma once

#include "http_fixture.h"

#include "foundation/mem/buf.h"

#include <nghttp2/nghttp2.h>

struct frame {
    unsigned type, flags;
    uint32_t stream;
    str payload; /* valid until the next frame is read */
};

struct client2 {
    int fd;
    nghttp2_hd_inflater *inflater;
    struct buf out; /* frames not sent yet */
    char *payload;
    struct frame frame;
};

/* What has been read of one stream's answer. */
struct answer2 {
    unsigned status; /* 0: none; the last one, if there were interim ones */
    unsigned interim;
    bool ended;
    uint32_t reset; /* error code + 1; 0: not reset */
    uint64_t body_bytes;
    const char *expected; /* set before: the body is compared with it */
    bool differs;
    char body[4096];   /* the beginning of it */
    char fields[4096]; /* "name: value\n" each */
};

/* Connects and sends the preface and empty settings. */
void client2_open(struct client2 *client, const struct fixture *fixture);
void client2_close(struct client2 *client);

/* These only collect; client2_flush() sends. */
void client2_frame(struct client2 *client, unsigned type, unsigned flags, uint32_t stream,
                   str payload);
void client2_u32(struct client2 *client, unsigned type, uint32_t stream, uint32_t value);
/* A literal field appended to a header block. */
void block_field(struct buf *block, const char *name, const char *value);
/* ":method", ":scheme", ":authority" "a" and ":path". */
void block_request(struct buf *block, const char *method, const char *path);
/* A whole request without a body. */
void client2_get(struct client2 *client, uint32_t stream, const char *path);
void client2_flush(struct client2 *client);

/* The next frame; false at the end of the connection. Settings are acknowledged. */
bool client2_read(struct client2 *client);
/* Reads until that stream has ended; frames of others are lost. */
void client2_answer(struct client2 *client, uint32_t stream, struct answer2 *out);
/* Reads until the stream's first interim answer, or its end. */
void client2_interim(struct client2 *client, uint32_t stream, struct answer2 *out);
/* Reads to the end of the connection; the code of GOAWAY + 1, or 0 when there was none. */
uint32_t client2_goaway(struct client2 *client);
/* The value of a field, or ptr NULL. */
str answer2_field(const struct answer2 *answer, const char *name);
