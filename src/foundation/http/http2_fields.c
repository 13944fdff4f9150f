/*
 * http2_fields: see http2_fields.h. Values are not Huffman coded: what repeats is a number after
 * its first time, and what does not is short.
 */
#include "http2_fields.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { WAYS = 4, SETS = HTTP2_WORDS_MAX / WAYS, STATIC_ENTRIES = 61, GUESSES = 16 };

/* First bytes of the representations (RFC 7541 section 6), and the bits of their numbers. */
enum {
    INDEXED = 0x80,
    INDEXED_BITS = 7,
    REMEMBERED = 0x40,
    REMEMBERED_BITS = 6,
    PLAIN = 0x00,
    NEVER_INDEXED = 0x10,
    PLAIN_BITS = 4
};

struct word {
    uint64_t stamp; /* unlike that of every other word there was; 0: the place is free */
    uint64_t used;
    uint32_t hash;
    unsigned char name_index;
    uint16_t name_len, value_len;
    char *text; /* name as it was given, value */
};

struct http2_words {
    uint64_t clock;
    struct word *guess[GUESSES]; /* what a field in that place of an answer was the last time */
    struct word list[HTTP2_WORDS_MAX];
};

struct http2_words *http2_words_open(void)
{
    return HEAP_NEW(struct http2_words);
}

void http2_words_close(struct http2_words *words)
{
    for (size_t i = 0; i < HTTP2_WORDS_MAX; i++)
        heap_free(words->list[i].text);
    heap_free(words);
}

/* --- Names ---------------------------------------------------------------------------------- */

/*
 * What we know of a name: its number in the static table (appendix A), and whether its values come
 * again. Of those that are secret (section 7.1.3) proxies must not remember them either.
 */
enum habit { ONCE, AGAIN, SECRET };

struct name {
    str text;
    unsigned char index;
    unsigned char habit; /* enum habit */
};

static const struct name names[] = {
    { STR_INIT("accept-ranges"), 18, AGAIN },
    { STR_INIT("access-control-allow-origin"), 20, AGAIN },
    { STR_INIT("access-control-allow-headers"), 0, AGAIN },
    { STR_INIT("access-control-allow-methods"), 0, AGAIN },
    { STR_INIT("access-control-expose-headers"), 0, AGAIN },
    { STR_INIT("access-control-max-age"), 0, AGAIN },
    { STR_INIT("allow"), 22, ONCE },
    { STR_INIT("cache-control"), 24, AGAIN },
    { STR_INIT("content-disposition"), 25, ONCE },
    { STR_INIT("content-encoding"), 26, AGAIN },
    { STR_INIT("content-language"), 27, AGAIN },
    { STR_INIT("content-range"), 30, ONCE },
    { STR_INIT("content-security-policy"), 0, AGAIN },
    { STR_INIT("content-type"), 31, AGAIN },
    { STR_INIT("cross-origin-opener-policy"), 0, AGAIN },
    { STR_INIT("cross-origin-resource-policy"), 0, AGAIN },
    { STR_INIT("date"), 33, AGAIN },
    { STR_INIT("grpc-status"), 0, AGAIN },
    { STR_INIT("link"), 45, ONCE },
    { STR_INIT("location"), 46, ONCE },
    { STR_INIT("permissions-policy"), 0, AGAIN },
    { STR_INIT("referrer-policy"), 0, AGAIN },
    { STR_INIT("retry-after"), 53, ONCE },
    { STR_INIT("set-cookie"), 55, SECRET },
    { STR_INIT("strict-transport-security"), 56, AGAIN },
    { STR_INIT("vary"), 59, AGAIN },
    { STR_INIT("www-authenticate"), 61, ONCE },
    { STR_INIT("x-content-type-options"), 0, AGAIN },
};

static const struct name *name_find(str text)
{
    static const struct name unknown = { .habit = ONCE };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].text.len == text.len && str_eq_nocase(names[i].text, text))
            return &names[i];
    return &unknown;
}

/* --- Bytes ---------------------------------------------------------------------------------- */

/* RFC 7541 section 5.1. */
static void put_number(struct http2_block *block, unsigned first, unsigned bits, uint32_t value)
{
    uint32_t most = (1u << bits) - 1;
    if (value < most) {
        *block->at++ = (unsigned char)(first | value);
        return;
    }
    *block->at++ = (unsigned char)(first | most);
    for (value -= most; value >= 0x80; value >>= 7)
        *block->at++ = (unsigned char)(0x80 | (value & 0x7f));
    *block->at++ = (unsigned char)value;
}

static void put_text(struct http2_block *block, str text)
{
    put_number(block, 0, 7, (uint32_t)text.len);
    if (text.len)
        memcpy(block->at, text.ptr, text.len);
    block->at += text.len;
}

static void put_name(struct http2_block *block, str name)
{
    put_number(block, 0, 7, (uint32_t)name.len);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        *block->at++ = (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
}

/* --- What the client remembers -------------------------------------------------------------- */

void http2_table_limit(struct http2_table *table, uint32_t size_bytes)
{
    table->off |= size_bytes < HTTP2_TABLE_BYTES;
}

/* As the client does (RFC 7541 section 4.4). */
static void table_insert(struct http2_table *table, size_t place, const struct word *word)
{
    uint32_t size = (uint32_t)word->name_len + word->value_len + HTTP2_ENTRY_BYTES;
    while (table->size_bytes + size > HTTP2_TABLE_BYTES)
        table->size_bytes -= table->sizes[table->evicted++ % HTTP2_TABLE_ENTRIES];
    table->size_bytes += size;
    table->sizes[table->inserted % HTTP2_TABLE_ENTRIES] = (uint16_t)size;
    table->stamps[place] = word->stamp;
    table->entries[place] = table->inserted++;
}

/* Its number with the client; 0: it does not remember. */
static uint32_t table_find(const struct http2_table *table, size_t place, const struct word *word)
{
    uint32_t age = table->inserted - table->entries[place];
    if (table->stamps[place] != word->stamp || age > table->inserted - table->evicted)
        return 0;
    return STATIC_ENTRIES + age;
}

/* --- Words ---------------------------------------------------------------------------------- */

static uint64_t eight(str text, size_t from)
{
    uint64_t bytes = 0;
    memcpy(&bytes, text.ptr + from, MIN_OF(text.len - from, sizeof(bytes)));
    return bytes;
}

/* Only a guess: what it finds is compared. */
static uint32_t hash_of(str name, str value)
{
    uint64_t hash = eight(name, name.len > 8 ? name.len - 8 : 0) ^ ((uint64_t)value.len << 32);
    if (value.len)
        hash ^= eight(value, 0) * 3 + eight(value, value.len > 8 ? value.len - 8 : 0);
    hash *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32);
}

static bool is_word(const struct word *word, str name, str value)
{
    return word->name_len == name.len && word->value_len == value.len &&
           memcmp(word->text, name.ptr, name.len) == 0 &&
           (!value.len || memcmp(word->text + name.len, value.ptr, value.len) == 0);
}

static struct word *word_find(struct http2_words *words, uint32_t hash, str name, str value)
{
    struct word *set = &words->list[(size_t)(hash % SETS) * WAYS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash && is_word(&set[i], name, value))
            return &set[i];
    return NULL;
}

/* Takes the place of the one that was not used for the longest time. */
static struct word *word_learn(struct http2_words *words, uint32_t hash, const struct name *known,
                               const str text[2])
{
    struct word *set = &words->list[(size_t)(hash % SETS) * WAYS], *word = set;
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].used < word->used)
            word = &set[i];
    word->text = heap_resize(word->text, text[0].len + text[1].len);
    memcpy(word->text, text[0].ptr, text[0].len);
    if (text[1].len)
        memcpy(word->text + text[0].len, text[1].ptr, text[1].len);
    word->stamp = ++words->clock;
    word->hash = hash;
    word->name_index = known->index;
    word->name_len = (uint16_t)text[0].len;
    word->value_len = (uint16_t)text[1].len;
    return word;
}

/* --- Fields --------------------------------------------------------------------------------- */

static void put_literal(struct http2_block *block, str name, str value)
{
    const struct name *known = name_find(name);
    put_number(block, known->habit == SECRET ? NEVER_INDEXED : PLAIN, PLAIN_BITS, known->index);
    if (!known->index)
        put_name(block, name);
    put_text(block, value);
}

static void put_word(struct http2_block *block, const struct word *word)
{
    size_t place = (size_t)(word - block->words->list);
    uint32_t number = table_find(block->table, place, word);
    if (number) {
        put_number(block, INDEXED, INDEXED_BITS, number);
        return;
    }
    table_insert(block->table, place, word);
    put_number(block, REMEMBERED, REMEMBERED_BITS, word->name_index);
    if (!word->name_index)
        put_name(block, (str){ word->text, word->name_len });
    put_text(block, (str){ word->text + word->name_len, word->value_len });
}

/* NULL: it is not one to be remembered. */
static struct word *word_of(struct http2_words *words, str name, str value)
{
    uint32_t hash = hash_of(name, value);
    struct word *word = word_find(words, hash, name, value);
    if (word)
        return word;
    const struct name *known = name_find(name);
    return known->habit == AGAIN ? word_learn(words, hash, known, (const str[]){ name, value })
                                 : NULL;
}

void http2_block_add(struct http2_block *block, str name, str value)
{
    struct http2_words *words = block->words;
    struct word **guess = &words->guess[block->fields++ % GUESSES], *word = *guess;
    if (block->table->off || name.len + value.len > HTTP2_WORD_BYTES_MAX) {
        put_literal(block, name, value);
        return;
    }
    if (!word || !is_word(word, name, value))
        word = word_of(words, name, value);
    if (!word) {
        put_literal(block, name, value);
        return;
    }
    *guess = word;
    word->used = ++words->clock;
    put_word(block, word);
}

void http2_block_once(struct http2_block *block, enum http2_name name, str value)
{
    put_number(block, PLAIN, PLAIN_BITS, (uint32_t)name);
    put_text(block, value);
}

void http2_block_status(struct http2_block *block, unsigned status)
{
    static const uint16_t indexed[] = { 200, 204, 206, 304, 400, 404, 500 };
    for (unsigned i = 0; i < ARRAY_LEN(indexed); i++) {
        if (indexed[i] == status) {
            *block->at++ = (unsigned char)(INDEXED | (HTTP2_NAME_STATUS + i));
            return;
        }
    }
    char digits[3] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                       (char)('0' + status % 10) };
    http2_block_once(block, HTTP2_NAME_STATUS, (str){ digits, sizeof(digits) });
}
