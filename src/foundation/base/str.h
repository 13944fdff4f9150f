/*
 * str: text as pointer and length, passed by value. It owns nothing: the bytes belong to an arena,
 * a literal or a caller's buffer, and need no terminating zero. Empty is len 0 (ptr may be NULL).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct str {
    const char *ptr;
    size_t len;
} str;

/* A str of a string literal, usable in static initialisers. */
#define STR(literal) ((str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define STR_NONE ((str){ NULL, 0 })

/* For printf: printf("%.*s", STR_ARG(s)). Longer than INT_MAX is cut. */
#define STR_ARG(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), ((s).ptr ? (s).ptr : "")

/* The bytes of a C string, without its zero; NULL gives the empty str. */
str str_of(const char *cstring);

bool str_eq(str a, str b);
/* ASCII case ignored; bytes over 127 compare as they are. */
bool str_eq_nocase(str a, str b);
/* Equal in time that depends on the lengths only, for secrets. */
bool str_eq_secret(str a, str b);
/* memcmp order, shorter first when one is a prefix: <0, 0, >0. */
int str_cmp(str a, str b);
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_ends_nocase(str s, str suffix);

/* Index of the first occurrence, or -1. */
ptrdiff_t str_find(str s, str needle);
ptrdiff_t str_find_char(str s, char c);
ptrdiff_t str_find_last_char(str s, char c);

/* Parts. `from` beyond the end gives the empty str; `len` is cut to what is there. */
str str_sub(str s, size_t from, size_t len);
str str_skip(str s, size_t count);
/* The beginning of UTF-8 text, at most `bytes_max` of it, cut between characters. */
str str_head_utf8(str s, size_t bytes_max);
/* ASCII space, tab, CR and LF removed at both ends. */
str str_trim(str s);
/*
 * Cuts the part before the next `separator` off *rest and stores it in *out_part. False when *rest
 * was already exhausted (ptr NULL). "a,,b" yields a, empty, b.
 */
bool str_cut(str *rest, char separator, str *out_part);

/*
 * Decimal integers: optional '-', digits, nothing else, no overflow. False leaves *out untouched.
 */
bool str_parse_i64(str s, int64_t *out);
bool str_parse_u64(str s, uint64_t *out);

/* True when every byte sequence is valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(str s);

/*
 * Decodes the code point at *pos and advances *pos past it. Invalid input yields U+FFFD and
 * advances by one byte. *pos must be < s.len.
 */
uint32_t str_utf8_next(str s, size_t *pos);
/* Writes up to 4 bytes, returns how many. Invalid code points are written as U+FFFD. */
size_t str_utf8_put(char out[4], uint32_t code_point);

/* FNV-1a, 64 bits: for hash tables over trusted or bounded key sets, not for secrets. */
uint64_t str_hash(str s);
