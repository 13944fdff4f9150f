/*
 * json_scan: finding the end of a run of bytes that need no thought, for the reader and the
 * writer.
 */
#pragma once

#include "foundation/base/str.h"

#include <string.h>

/* The first byte from `at` on that is a quote, a backslash, a control character or no ASCII. */
static inline const char *json_plain_end(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        uint64_t quote = word ^ ones * '"';
        uint64_t backslash = word ^ ones * '\\';
        uint64_t special = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
        if (special & ones * 0x80)
            break;
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

/* Length of the valid UTF-8 sequence at `at`, or 0. Two-byte sequences are the common case here. */
static inline size_t json_utf8_len(const char *at, const char *end)
{
    unsigned char lead = (unsigned char)at[0];
    size_t left = (size_t)(end - at);
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return left >= 2 && ((unsigned char)at[1] & 0xc0) == 0x80 ? 2 : 0;
    size_t len = 0;
    uint32_t code_point = str_utf8_next((str){ at, left }, &len);
    return code_point == 0xfffd && len == 1 ? 0 : len;
}

/* The first byte from `at` on that is ASCII or begins no valid UTF-8 sequence. */
static inline const char *json_utf8_end(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at >= 0x80) {
        size_t len = json_utf8_len(at, end);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}
