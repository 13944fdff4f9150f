/*
 * playback_doc: playlists. Written whole when their asset is opened, compressed when the first who
 * takes that asks: a playlist of a long film is tens of kilobytes, and shrinks to a tenth. They
 * are the same for everybody who knows the address, so that their length tells nobody anything.
 */
#include "playback_internal.h"

#include "foundation/compress/compress.h"
#include "foundation/http/http_coding.h"
#include "foundation/task/pool.h"

#include <stdio.h>

enum { DOC_BYTES_MAX = 16 << 20 };

void open_doc_init(struct open_doc *doc, str type, str cache_control)
{
    doc->type = type;
    doc->cache_control = cache_control;
    buf_init(&doc->text, NULL, DOC_BYTES_MAX);
}

void open_doc_seal(struct open_doc *doc)
{
    snprintf(doc->etag, ETAG_BYTES, "\"%016llx\"",
             (unsigned long long)str_hash(buf_str(&doc->text)));
}

void open_doc_deinit(struct open_doc *doc)
{
    buf_deinit(&doc->text);
    for (unsigned i = 0; i < HTTP_CODING_COUNT; i++)
        bytes_release(atomic_load(&doc->packed[i]));
}

struct packing {
    struct open_asset *asset;
    struct open_doc *doc;
    enum http_coding coding;
};

/* On a thread of the pool. Two may have packed at once: one result stays. */
static enum err pack(void *arg)
{
    struct packing *packing = arg;
    struct open_doc *doc = packing->doc;
    struct bytes *none = NULL;
    struct bytes *packed =
        compress_bytes(packing->coding == HTTP_GZIP ? COMPRESS_GZIP : COMPRESS_BROTLI,
                       COMPRESS_QUICK, buf_str(&doc->text));
    atomic_fetch_or(&doc->tried, 1u << packing->coding);
    if (!packed)
        return OK;
    size_t len = packed->len;
    if (atomic_compare_exchange_strong(&doc->packed[packing->coding], &none, packed))
        open_cache_grow(packing->asset, len);
    else
        bytes_release(packed);
    return OK;
}

/* The coding the client likes best, if it is still to be made; HTTP_IDENTITY: nothing is. */
static enum http_coding to_pack(const struct http_request *request, const struct open_doc *doc)
{
    struct http_accepts accepts;
    if (doc->text.len < HTTP_CODED_BYTES_MIN)
        return HTTP_IDENTITY;
    http_accepts_read(request, &accepts);
    enum http_coding best = http_coding_choose(&accepts, (1u << HTTP_CODING_COUNT) - 1);
    bool tried = best == HTTP_CODING_COUNT || (atomic_load(&doc->tried) & 1u << best);
    return tried ? HTTP_IDENTITY : best;
}

TASK_FN enum err open_doc_reply(struct http_request *request, struct http_response *response,
                                struct open_asset *asset, struct open_doc *doc)
{
    struct packing packing = { asset, doc, to_pack(request, doc) };
    if (packing.coding != HTTP_IDENTITY) {
        if (!task_current())
            return http_continue_in_task(request);
        TRY(await_blocking(playback.files, pack, &packing));
    }
    struct http_coded coded = { .type = doc->type,
                                .etag = str_of(doc->etag),
                                .vary = STR("Accept-Encoding"),
                                .text[HTTP_IDENTITY] = buf_str(&doc->text) };
    for (unsigned i = HTTP_IDENTITY + 1; i < HTTP_CODING_COUNT; i++) {
        const struct bytes *packed = atomic_load_explicit(&doc->packed[i], memory_order_acquire);
        if (packed)
            coded.text[i] = bytes_str(packed);
    }
    response->cache_control = doc->cache_control;
    return http_reply_coded(request, response, &coded);
}
