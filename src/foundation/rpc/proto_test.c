/* proto: bytes known from protobuf's own documents, round trips, hostile bytes. */
#include "proto_fixture.h"

#include "foundation/crypto/crypto.h"
#include "foundation/test/test.h"

#include <string.h>

static str bytes_of_hex(struct arena *arena, const char *hex)
{
    struct buf out;
    buf_init(&out, arena, KIB(4));
    for (; *hex; hex++) {
        uint8_t byte;
        if (*hex == ' ')
            continue;
        CHECK(crypto_unhex((str){ hex, 2 }, &byte, 1));
        buf_put_char(&out, (char)byte);
        hex++;
    }
    return buf_str(&out);
}

static str encoded(struct arena *arena, const struct sample *sample)
{
    struct buf out;
    buf_init(&out, arena, MIB(1));
    proto_encode(&out, &sample_shape, sample);
    CHECK(!out.overflowed);
    return buf_str(&out);
}

TEST(proto_known_bytes)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    struct sample sample = { .number = 150 };
    /* protobuf.dev: field 1, varint 150, is 08 96 01; field 2, "testing", 12 07 74 ... */
    CHECK_STR(encoded(&arena, &sample), bytes_of_hex(&arena, "08 96 01"));
    sample = (struct sample){ .text = STR("testing") };
    CHECK_STR(encoded(&arena, &sample), bytes_of_hex(&arena, "12 07 74 65 73 74 69 6e 67"));
    sample = (struct sample){ .number = -2 };
    CHECK_STR(encoded(&arena, &sample), bytes_of_hex(&arena, "08 fe ff ff ff ff ff ff ff ff 01"));
    int64_t numbers[] = { 3, 270, 86942 };
    sample = (struct sample){ .numbers = { numbers, 3 } };
    CHECK_STR(encoded(&arena, &sample), bytes_of_hex(&arena, "32 06 03 8e 02 9e a7 05"));
    sample = (struct sample){ .maybe = OPT(i64, 0) }; /* present, although zero */
    CHECK_STR(encoded(&arena, &sample), bytes_of_hex(&arena, "18 00"));
    sample = (struct sample){ 0 };
    CHECK_INT(encoded(&arena, &sample).len, 0);
    arena_deinit(&arena);
}

TEST(proto_round_trip)
{
    struct arena arena;
    arena_init(&arena, MIB(4));
    struct sample sample, back;
    sample_fill(&arena, &sample);
    str bytes = encoded(&arena, &sample);
    CHECK_OK(proto_decode(&arena, &sample_shape, bytes, &back));
    CHECK_STR(encoded(&arena, &back), bytes);
    CHECK_INT(back.number, sample.number);
    CHECK_STR(back.text, sample.text);
    CHECK_INT(back.children.count, sample.children.count);
    CHECK_STR(back.children.items[199].name, sample.children.items[199].name);
    CHECK_STR(back.names.items[1].key, sample.names.items[1].key);
    CHECK(back.child != NULL && back.ratio == sample.ratio);
    CHECK_INT(back.colour, SAMPLE_GREEN);
    arena_deinit(&arena);
}

TEST(proto_unknown_fields_and_unpacked_lists)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    struct sample out;
    str bytes =
        bytes_of_hex(&arena, "08 05  a8 06 01  a2 06 02 61 62  a1 06 01 02 03 04 05 06 07 08"
                             " a5 06 01 02 03 04  30 07 30 08 32 01 09");
    CHECK_OK(proto_decode(&arena, &sample_shape, bytes, &out));
    CHECK_INT(out.number, 5);
    CHECK_INT(out.numbers.count, 3);
    CHECK_INT(out.numbers.items[2], 9);
    arena_deinit(&arena);
}

TEST(proto_refuses)
{
    static const struct {
        const char *hex, *slug;
    } cases[] = {
        { "08", "bad-protobuf" },                               /* no value */
        { "08 ff", "bad-protobuf" },                            /* cut short */
        { "08 ff ff ff ff ff ff ff ff ff 02", "bad-protobuf" }, /* 65 bits */
        { "12 05 61", "bad-protobuf" },                         /* longer than there is */
        { "12 ff ff ff ff ff ff ff ff ff 01", "bad-protobuf" },
        { "0a 01 61", "bad-protobuf" },                     /* another wire type */
        { "00 01", "bad-protobuf" },                        /* field 0 */
        { "0b 0c", "bad-protobuf" },                        /* a group */
        { "0e", "bad-protobuf" },                           /* wire type 6 */
        { "12 01 ff", "invalid-fields" },                   /* no UTF-8 */
        { "40 63", "invalid-fields" },                      /* no such enum value */
        { "08 81 94 eb dc 03", "invalid-fields" },          /* over the field's max */
        { "39 00 00 00 00 00 00 f0 7f", "invalid-fields" }, /* infinite */
    };
    struct arena arena;
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sample out;
        CHECK_ERR(proto_decode(&arena, &sample_shape, bytes_of_hex(&arena, cases[i].hex), &out),
                  ERR_INVALID);
        CHECK_STR(str_of(err_slot()->slug), str_of(cases[i].slug));
    }
    arena_deinit(&arena);
}

TEST(proto_depth_and_memory_are_bounded)
{
    struct arena arena;
    struct buf bytes, deep;
    struct sample out;
    arena_init(&arena, KIB(256));
    buf_init(&bytes, NULL, MIB(1));
    buf_init(&deep, NULL, MIB(1));
    for (int i = 0; i < 40; i++) { /* field 5, a sample in a sample */
        buf_clear(&bytes);
        buf_put(&bytes, STR("\x2a"));
        if (deep.len >= 128)
            buf_put_char(&bytes, (char)(deep.len | 0x80));
        buf_put_char(&bytes, (char)(deep.len >= 128 ? deep.len >> 7 : deep.len));
        buf_put(&bytes, buf_str(&deep));
        buf_clear(&deep);
        buf_put(&deep, buf_str(&bytes));
    }
    CHECK_ERR(proto_decode(&arena, &sample_shape, buf_str(&deep), &out), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("bad-protobuf"));
    buf_clear(&bytes);
    for (int i = 0; i < 100000; i++)
        buf_put(&bytes, STR("\x22\x00")); /* children, two bytes each */
    CHECK_ERR(proto_decode(&arena, &sample_shape, buf_str(&bytes), &out), ERR_INVALID);
    arena_deinit(&arena);
    arena_init(&arena, KIB(2));
    CHECK_ERR(proto_decode(&arena, &sample_shape, str_sub(buf_str(&bytes), 0, 1000), &out),
              ERR_EXHAUSTED);
    arena_deinit(&arena);
    buf_deinit(&bytes);
    buf_deinit(&deep);
}
