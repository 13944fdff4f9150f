/*
 * A manifest from anywhere: parsed, it is within its limits, its names lead out of no folder, and
 * it is written back as it was read.
 */
#include "internal.h"

#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* The end of the text with the hash it ought to have, so that what stands before it is reached. */
static str with_right_end(struct arena *arena, str text)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += str_starts(str_skip(text, i), STR("\nblob ")) ||
                 str_starts(str_skip(text, i), STR("\nfile ")) ||
                 str_starts(str_skip(text, i), STR("\ndatabase "));
    crypto_sha256(text, hash);
    crypto_hex(hash, sizeof(hash), hex);
    return arena_printf(arena, "%.*send %zu %.64s\n", STR_ARG(text), lines, hex);
}

static void parse(struct arena *arena, str text)
{
    struct manifest manifest;
    struct buf again;
    if (manifest_parse(arena, text, &manifest) != OK)
        return;
    for (size_t i = 0; i < manifest.entries_count; i++) {
        const struct entry *entry = &manifest.entries[i];
        ASSERT(entry_name_valid(entry->kind, entry->name));
        ASSERT(str_find(entry->name, STR("..")) != 0 && entry->name.ptr[0] != '/');
        ASSERT(manifest_find(&manifest, entry->kind, entry->name) == entry);
    }
    buf_init(&again, NULL, MIB(16));
    manifest_write(&again, &manifest);
    struct manifest second;
    ASSERT(manifest_parse(arena, buf_str(&again), &second) == OK);
    ASSERT(second.entries_count == manifest.entries_count);
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct manifest head;
    str text = { (const char *)data, size_bytes };
    if (size_bytes > 65536)
        return 0;
    arena_init(&arena, MIB(64));
    (void)manifest_head_parse(&arena, text, &head);
    parse(&arena, text);
    parse(&arena, with_right_end(&arena, text));
    arena_deinit(&arena);
    return 0;
}
