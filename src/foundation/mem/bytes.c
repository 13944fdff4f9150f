/* bytes: a reference count and the data in one allocation. */
#include "bytes.h"

#include "heap.h"

#include <string.h>

struct bytes *bytes_of(str content)
{
    struct bytes *bytes = heap_alloc(sizeof(*bytes) + content.len);
    atomic_init(&bytes->references, 1);
    bytes->len = content.len;
    if (content.len)
        memcpy(bytes->data, content.ptr, content.len);
    return bytes;
}

struct bytes *bytes_share(struct bytes *bytes)
{
    atomic_fetch_add_explicit(&bytes->references, 1, memory_order_relaxed);
    return bytes;
}

void bytes_release(void *object)
{
    struct bytes *bytes = object;
    if (bytes && atomic_fetch_sub_explicit(&bytes->references, 1, memory_order_acq_rel) == 1)
        heap_free(bytes);
}

str bytes_str(const struct bytes *bytes)
{
    return (str){ bytes->data, bytes->len };
}
