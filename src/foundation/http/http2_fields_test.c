/* What http2_fields writes, nghttp2's decompressor reads as it was said. */
#include "http2_fields.h"

#include "foundation/test/test.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 16 << 10, FIELDS_MAX = 40 };

struct pair {
    str name, value;
};

struct ends {
    struct http2_words *words;
    struct http2_table table;
    nghttp2_hd_inflater *client;
    unsigned char bytes[BLOCK_BYTES];
    size_t len; /* of the last block */
};

static struct ends *ends_open(void)
{
    static struct ends ends;
    memset(&ends, 0, sizeof(ends));
    ends.words = http2_words_open();
    CHECK_INT(nghttp2_hd_inflate_new(&ends.client), 0);
    return &ends;
}

static void ends_close(struct ends *ends)
{
    nghttp2_hd_inflate_del(ends->client);
    http2_words_close(ends->words);
}

static void field_check(const nghttp2_nv *field, str name, str value)
{
    str told = { (const char *)field->name, field->namelen };
    CHECK(str_eq_nocase(told, name));
    for (size_t i = 0; i < told.len; i++)
        CHECK(told.ptr[i] < 'A' || told.ptr[i] > 'Z');
    CHECK_STR(((str){ (const char *)field->value, field->valuelen }), value);
}

/* Writes a status and these fields, and reads them as a client does. */
static void tell(struct ends *ends, unsigned status, const struct pair *list, unsigned count)
{
    struct http2_block block = { ends->words, &ends->table, ends->bytes, 0 };
    const uint8_t *at = ends->bytes;
    char digits[8];
    unsigned found = 0;
    snprintf(digits, sizeof(digits), "%u", status);
    http2_block_status(&block, status);
    for (unsigned i = 0; i < count; i++)
        http2_block_add(&block, list[i].name, list[i].value);
    ends->len = (size_t)(block.at - ends->bytes);
    for (;;) {
        nghttp2_nv field = { 0 };
        int flags = 0;
        ssize_t used =
            nghttp2_hd_inflate_hd2(ends->client, &field, &flags, at, (size_t)(block.at - at), 1);
        CHECK(used >= 0);
        at += used;
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
        CHECK(flags & NGHTTP2_HD_INFLATE_EMIT);
        CHECK(found <= count);
        if (found == 0)
            field_check(&field, STR(":status"), str_of(digits));
        else
            field_check(&field, list[found - 1].name, list[found - 1].value);
        found++;
    }
    CHECK_INT(found, count + 1);
    CHECK(at == block.at);
    nghttp2_hd_inflate_end_headers(ends->client);
}

TEST(h2_fields_that_repeat_are_one_byte)
{
    static const struct pair list[] = {
        { STR_INIT("date"), STR_INIT("Sat, 21 Nov 2026 13:55:18 GMT") },
        { STR_INIT("content-type"), STR_INIT("application/json") },
        { STR_INIT("Content-Security-Policy"), STR_INIT("default-src 'self'") },
        { STR_INIT("Vary"), STR_INIT("") },
    };
    struct ends *ends = ends_open();
    tell(ends, 200, list, ARRAY_LEN(list));
    CHECK(ends->len > 90);
    tell(ends, 200, list, ARRAY_LEN(list));
    CHECK_INT(ends->len, 1 + ARRAY_LEN(list));
    tell(ends, 503, list + 1, 2); /* in other places of the answer */
    CHECK_INT(ends->len, 5 + 2);
    ends_close(ends);
}

TEST(h2_fields_are_not_remembered_when_they_are_secret_or_new_each_time)
{
    static const struct pair list[] = {
        { STR_INIT("Set-Cookie"), STR_INIT("session=abc; HttpOnly") },
        { STR_INIT("Location"), STR_INIT("/v1/titles/7") },
        { STR_INIT("X-Mixed-Case"), STR_INIT("kept As It Is") },
    };
    struct ends *ends = ends_open();
    tell(ends, 303, list, ARRAY_LEN(list));
    size_t len = ends->len;
    tell(ends, 303, list, ARRAY_LEN(list));
    CHECK_INT(ends->len, len);
    CHECK_INT(ends->table.inserted, 0);
    CHECK_INT(ends->bytes[5] & 0xf0, 0x10); /* never indexed, behind ":status: 303" */
    ends_close(ends);
}

TEST(h2_fields_of_a_client_that_remembers_little_are_said_in_full)
{
    static const struct pair list[] = {
        { STR_INIT("content-type"), STR_INIT("application/json") },
        { STR_INIT("x-content-type-options"), STR_INIT("nosniff") },
    };
    struct ends *ends = ends_open();
    http2_table_limit(&ends->table, 65536);
    tell(ends, 200, list, ARRAY_LEN(list));
    tell(ends, 200, list, ARRAY_LEN(list));
    CHECK_INT(ends->len, 3);
    http2_table_limit(&ends->table, 4095);
    http2_table_limit(&ends->table, 65536); /* what was forgotten between is not known any more */
    nghttp2_hd_inflate_del(ends->client);
    CHECK_INT(nghttp2_hd_inflate_new(&ends->client), 0);
    tell(ends, 200, list, ARRAY_LEN(list));
    tell(ends, 200, list, ARRAY_LEN(list));
    CHECK(ends->len > 40);
    ends_close(ends);
}

/* Names of both habits, values of many lengths, more of them than words or tables hold. */
static struct pair pair_random(char *room, size_t room_bytes)
{
    static const str names[] = {
        STR_INIT("date"),
        STR_INIT("Cache-Control"),
        STR_INIT("content-type"),
        STR_INIT("vary"),
        STR_INIT("Referrer-Policy"),
        STR_INIT("x-own"),
        STR_INIT("accept-ranges"),
        STR_INIT("Link"),
        STR_INIT("set-cookie"),
        STR_INIT("permissions-policy"),
    };
    static const unsigned lens[] = { 0, 1, 7, 8, 9, 20, 126, 127, 128, 300, 1000, 1020 };
    uint64_t dice = test_random();
    size_t len = lens[dice % ARRAY_LEN(lens)];
    CHECK(len <= room_bytes);
    memset(room, 'a' + (int)(dice / 100 % 5), len);
    if (len > 2)
        room[len / 2] = (char)('0' + dice / 1000 % 3);
    return (struct pair){ names[dice / 10000 % ARRAY_LEN(names)], { room, len } };
}

TEST(h2_fields_of_every_length_are_read_back_by_many_clients)
{
    static char rooms[FIELDS_MAX][1024];
    struct ends *ends = ends_open();
    struct http2_table tables[2] = { 0 };
    nghttp2_hd_inflater *clients[2] = { ends->client };
    CHECK_INT(nghttp2_hd_inflate_new(&clients[1]), 0);
    for (int round = 0; round < 3000; round++) {
        struct pair list[FIELDS_MAX] = { 0 };
        unsigned count = (unsigned)(test_random() % 9), who = (unsigned)(test_random() % 2);
        for (unsigned i = 0; i < count; i++)
            list[i] = pair_random(rooms[i], sizeof(rooms[i]));
        ends->client = clients[who];
        ends->table = tables[who];
        tell(ends, 100 + (unsigned)(test_random() % 500), list, count);
        tables[who] = ends->table;
        CHECK(ends->table.size_bytes <= HTTP2_TABLE_BYTES);
    }
    CHECK(tables[0].evicted > 100 && tables[1].evicted > 100);
    nghttp2_hd_inflate_del(clients[1]);
    ends->client = clients[0];
    ends_close(ends);
}
