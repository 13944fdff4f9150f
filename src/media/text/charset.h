/*
 * charset: text files of unknown encoding to UTF-8. A byte order mark decides, then valid UTF-8,
 * then the pattern of zero bytes of UTF-16, then a letter model: every single-byte encoding is
 * tried with the languages written in it, and the one whose letters are the most likely wins. Bytes
 * in, bytes out.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

struct charset_text {
    str utf8;            /* valid UTF-8 without byte order mark */
    const char *charset; /* static name: "UTF-8", "UTF-16LE", "WINDOWS-1251" ... */
    size_t replaced;     /* sequences that were invalid and became U+FFFD */
};

/*
 * Converts `bytes` to UTF-8 in the arena (at most three times the input, plus one). `declared` is
 * what the document says of itself ("windows-1251", empty: nothing); it is believed where the bytes
 * do not prove otherwise. ERR_INVALID with slug "text-binary" (zero bytes or control characters: no
 * text), "text-charset-unknown" (no model fits) or "text-charset-missing" (the C library of this
 * machine lacks the converter). Pure, any thread.
 */
MUST_CHECK enum err charset_to_utf8(struct arena *arena, str bytes, str declared,
                                    struct charset_text *out);
