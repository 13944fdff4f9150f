/* ingest_picture: read, recognise by content, store under the hash. */
#include "ingest_picture.h"

#include "ingest_file.h"

#include "engines/blob/blob.h"
#include "foundation/crypto/crypto.h"
#include "foundation/task/pool.h"

enum { PICTURE_BYTES_MAX = 16 << 20 };

const char *ingest_picture_type(str content)
{
    if (str_starts(content, STR("\xff\xd8\xff")))
        return "image/jpeg";
    if (str_starts(content, STR("\x89PNG\r\n\x1a\n")))
        return "image/png";
    if (str_starts(content, STR("RIFF")) && str_eq(str_sub(content, 8, 4), STR("WEBP")))
        return "image/webp";
    return NULL;
}

static const char *suffix_of(const char *media_type)
{
    return strcmp(media_type, "image/jpeg") == 0      ? "jpg"
           : strcmp(media_type, "image/png") == 0     ? "png"
           : strcmp(media_type, "image/svg+xml") == 0 ? "svg"
                                                      : "webp";
}

enum err ingest_picture_put(struct arena *arena, str content, const char *media_type, str *out_key,
                            str *out_hash)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    struct blob_info there;
    crypto_sha256(content, hash);
    crypto_hex(hash, sizeof(hash), hex);
    *out_hash = arena_str(arena, (str){ hex, 32 });
    *out_key = arena_printf(arena, "art/%.2s/%.32s.%s", hex, hex, suffix_of(media_type));
    if (blob_stat(ingest.blobs, *out_key, &there) == OK && there.size_bytes == content.len)
        return OK;
    return blob_put(ingest.blobs, *out_key, content, NULL);
}

struct read_call {
    struct arena *arena;
    str path, content;
};

static enum err read_blocking(void *arg)
{
    struct read_call *call = arg;
    return ingest_file_read(call->arena, call->path, PICTURE_BYTES_MAX, &call->content);
}

/* The bytes are given back: a scan meets thousands of pictures. */
enum err ingest_picture_store(struct arena *arena, struct picture *picture)
{
    struct arena bytes;
    arena_init(&bytes, PICTURE_BYTES_MAX + KIB(64));
    struct read_call call = { .arena = &bytes, .path = picture->file->path };
    enum err result = await_blocking(ingest.files, read_blocking, &call);
    if (result == OK)
        picture->media_type = ingest_picture_type(call.content);
    if (result == OK && !picture->media_type)
        result = INGEST_FAIL(ERR_INVALID, arena, NOT_A_PICTURE, picture->file->name.shown);
    if (result == OK)
        result = ingest_picture_put(arena, call.content, picture->media_type, &picture->blob_key,
                                    &picture->hash);
    arena_deinit(&bytes);
    return result;
}
