/*
 * proto_fuzz: any bytes as a frame and as a message of every form of field; what is taken must come
 * back the same through the writer.
 */
#include "proto_fixture.h"
#include "rpc_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct sample sample, again;
    struct buf first, second;
    str bytes = { (const char *)data, size };
    if (size > MIB(1))
        return 0;
    arena_init(&arena, MIB(64));
    if (rpc_frame_decode(&arena, &sample_shape, bytes, &sample) == OK ||
        proto_decode(&arena, &sample_shape, bytes, &sample) == OK) {
        buf_init(&first, NULL, MIB(64));
        buf_init(&second, NULL, MIB(64));
        proto_encode(&first, &sample_shape, &sample);
        ASSERT(proto_decode(&arena, &sample_shape, buf_str(&first), &again) == OK);
        proto_encode(&second, &sample_shape, &again);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
    arena_deinit(&arena);
    return 0;
}
