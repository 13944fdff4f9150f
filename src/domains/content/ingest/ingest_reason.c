/*
 * ingest_reason: patterns to sentences and back. Of the patterns that fit a sentence the one with
 * most words of its own is meant.
 */
#include "ingest_reason.h"

#include "foundation/json/json.h"
#include "foundation/mem/buf.h"

enum { TEXT_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 256 << 10, CAUSES_MAX = 4 };

struct row {
    const char *code, *pattern;
};
static const struct row rows[INGEST_REASONS] = {
#define X(name, code, pattern) [INGEST_REASON_##name] = { code, pattern },
    INGEST_REASON_TABLE(X)
#undef X
};

const char *ingest_reason_code(enum ingest_reason reason)
{
    return rows[reason].code;
}

const char *ingest_reason_pattern(enum ingest_reason reason)
{
    return rows[reason].pattern;
}

/* Cuts *pattern: the words up to the next parameter, and its name (empty: there is none). */
static str words_cut(str *pattern, str *out_name)
{
    str words = *pattern;
    ptrdiff_t open = str_find_char(*pattern, '{');
    *out_name = STR("");
    if (open < 0) {
        *pattern = STR("");
        return words;
    }
    words = str_sub(*pattern, 0, (size_t)open);
    *pattern = str_skip(*pattern, (size_t)open + 1);
    bool closed = str_cut(pattern, '}', out_name);
    ASSERT(closed);
    return words;
}

str ingest_reason_text(struct arena *arena, enum ingest_reason reason, const str *values,
                       size_t count)
{
    str pattern = str_of(rows[reason].pattern), name;
    size_t used = 0;
    struct buf buf;
    buf_init(&buf, arena, TEXT_BYTES_MAX);
    while (pattern.len) {
        buf_put(&buf, words_cut(&pattern, &name));
        if (!name.len)
            break;
        ASSERT(used < count);
        for (size_t i = 0; i < values[used].len; i++)
            buf_put_char(&buf, values[used].ptr[i] == '\n' ? ' ' : values[used].ptr[i]);
        used++;
    }
    ASSERT(used == count);
    return buf_str(&buf);
}

struct match {
    enum ingest_reason reason;
    str names[INGEST_REASON_PARAMS_MAX], values[INGEST_REASON_PARAMS_MAX];
    size_t count, words_bytes;
};

/* Where the words of a pattern are looked for from: a name in front may hold any words. */
enum side { FROM_LEFT, FROM_RIGHT };

static ptrdiff_t words_find(str text, str words, enum side side)
{
    if (side == FROM_LEFT)
        return str_find(text, words);
    for (size_t at = text.len - MIN_OF(words.len, text.len);; at--) {
        if (str_starts(str_skip(text, at), words))
            return (ptrdiff_t)at;
        if (at == 0)
            return -1;
    }
}

/* Values between words[0] … words[count], which the text begins and ends with; none is empty. */
static bool values_find(str text, const str *words, enum side side, struct match *match)
{
    size_t count = match->count;
    if (!str_starts(text, words[0]))
        return false;
    text = str_skip(text, words[0].len);
    if (count == 0)
        return text.len == 0;
    if (text.len < words[count].len ||
        !str_eq(str_skip(text, text.len - words[count].len), words[count]))
        return false;
    text.len -= words[count].len;
    for (size_t i = 1; i < count; i++) {
        size_t which = side == FROM_LEFT ? i : count - i;
        ptrdiff_t at = words_find(text, words[which], side);
        if (at < 0)
            return false;
        str before = str_sub(text, 0, (size_t)at);
        str after = str_skip(text, (size_t)at + words[which].len);
        match->values[side == FROM_LEFT ? i - 1 : count - i] = side == FROM_LEFT ? before : after;
        text = side == FROM_LEFT ? after : before;
    }
    match->values[side == FROM_LEFT ? count - 1 : 0] = text;
    for (size_t i = 0; i < count; i++)
        if (!match->values[i].len)
            return false;
    return true;
}

static bool row_match(enum ingest_reason reason, str text, struct match *out)
{
    struct match match = { .reason = reason };
    str words[INGEST_REASON_PARAMS_MAX + 1], name;
    str pattern = str_of(rows[reason].pattern);
    words[0] = words_cut(&pattern, &name);
    match.words_bytes = words[0].len;
    while (name.len) {
        ASSERT(match.count < INGEST_REASON_PARAMS_MAX);
        match.names[match.count++] = name;
        words[match.count] = words_cut(&pattern, &name);
        match.words_bytes += words[match.count].len;
    }
    *out = match;
    return values_find(text, words, words[0].len ? FROM_LEFT : FROM_RIGHT, out);
}

static struct match match_best(str text)
{
    struct match best = {
        .reason = INGEST_REASON_ERROR, .names = { STR("detail") }, .values = { text }, .count = 1
    };
    struct match match;
    for (int i = INGEST_REASON_NONE + 1; i < INGEST_REASON_ERROR; i++)
        if (row_match((enum ingest_reason)i, text, &match) && match.words_bytes > best.words_bytes)
            best = match;
    return best;
}

enum ingest_reason ingest_reason_of(str sentence)
{
    return sentence.len ? match_best(sentence).reason : INGEST_REASON_NONE;
}

/* The causes are within one another, so all objects end together. */
static void reason_put(struct buf *buf, str text)
{
    unsigned depth = 0;
    while (text.len && depth < CAUSES_MAX) {
        struct match match = match_best(text);
        str cause = STR("");
        if (depth++)
            json_put_key(buf, STR("cause"));
        json_object_begin(buf);
        json_put_key(buf, STR("code"));
        json_put_string(buf, str_of(rows[match.reason].code));
        json_put_key(buf, STR("text"));
        json_put_string(buf, text);
        json_put_key(buf, STR("params"));
        json_object_begin(buf);
        for (size_t i = 0; i < match.count; i++) {
            if (str_eq(match.names[i], STR("cause")))
                cause = match.values[i];
            json_put_key(buf, match.names[i]);
            json_put_string(buf, match.values[i]);
        }
        json_object_end(buf);
        text = cause;
    }
    while (depth--)
        json_object_end(buf);
}

str ingest_reasons_json(struct arena *arena, str text)
{
    struct buf buf;
    str line;
    buf_init(&buf, arena, ANSWER_BYTES_MAX);
    json_array_begin(&buf);
    while (str_cut(&text, '\n', &line))
        if (line.len)
            reason_put(&buf, line);
    json_array_end(&buf);
    return buf.overflowed ? STR("[]") : buf_str(&buf);
}
