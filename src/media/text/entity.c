/* entity: a sorted table of names, searched by halves. */
#include "entity.h"

#include "foundation/base/base.h"

struct entity {
    const char *name;
    uint32_t code_point;
};

/* clang-format off */
static const struct entity entities[] = {
    { "AElig", 0xc6 }, { "Aacute", 0xc1 }, { "Acirc", 0xc2 }, { "Agrave", 0xc0 }, { "Aring", 0xc5 },
    { "Atilde", 0xc3 }, { "Auml", 0xc4 }, { "Ccedil", 0xc7 }, { "ETH", 0xd0 }, { "Eacute", 0xc9 },
    { "Ecirc", 0xca }, { "Egrave", 0xc8 }, { "Euml", 0xcb }, { "Iacute", 0xcd }, { "Icirc", 0xce },
    { "Igrave", 0xcc }, { "Iuml", 0xcf }, { "Ntilde", 0xd1 }, { "OElig", 0x152 },
    { "Oacute", 0xd3 }, { "Ocirc", 0xd4 }, { "Ograve", 0xd2 }, { "Oslash", 0xd8 },
    { "Otilde", 0xd5 }, { "Ouml", 0xd6 }, { "Prime", 0x2033 }, { "Scaron", 0x160 },
    { "THORN", 0xde }, { "Uacute", 0xda }, { "Ucirc", 0xdb }, { "Ugrave", 0xd9 }, { "Uuml", 0xdc },
    { "Yacute", 0xdd }, { "Yuml", 0x178 }, { "aacute", 0xe1 }, { "acirc", 0xe2 }, { "acute", 0xb4 },
    { "aelig", 0xe6 }, { "agrave", 0xe0 }, { "amp", 0x26 }, { "apos", 0x27 }, { "aring", 0xe5 },
    { "atilde", 0xe3 }, { "auml", 0xe4 }, { "bdquo", 0x201e }, { "brvbar", 0xa6 },
    { "bull", 0x2022 }, { "ccedil", 0xe7 }, { "cedil", 0xb8 }, { "cent", 0xa2 }, { "copy", 0xa9 },
    { "curren", 0xa4 }, { "dagger", 0x2020 }, { "deg", 0xb0 }, { "divide", 0xf7 },
    { "eacute", 0xe9 }, { "ecirc", 0xea }, { "egrave", 0xe8 }, { "emsp", 0x2003 },
    { "ensp", 0x2002 }, { "eth", 0xf0 }, { "euml", 0xeb }, { "euro", 0x20ac }, { "frac12", 0xbd },
    { "frac14", 0xbc }, { "frac34", 0xbe }, { "gt", 0x3e }, { "hearts", 0x2665 },
    { "hellip", 0x2026 }, { "iacute", 0xed }, { "icirc", 0xee }, { "iexcl", 0xa1 },
    { "igrave", 0xec }, { "iquest", 0xbf }, { "iuml", 0xef }, { "laquo", 0xab }, { "larr", 0x2190 },
    { "ldquo", 0x201c }, { "lrm", 0x200e }, { "lsaquo", 0x2039 }, { "lsquo", 0x2018 },
    { "lt", 0x3c }, { "macr", 0xaf }, { "mdash", 0x2014 }, { "micro", 0xb5 }, { "middot", 0xb7 },
    { "minus", 0x2212 }, { "nbsp", 0xa0 }, { "ndash", 0x2013 }, { "not", 0xac }, { "ntilde", 0xf1 },
    { "oacute", 0xf3 }, { "ocirc", 0xf4 }, { "oelig", 0x153 }, { "ograve", 0xf2 }, { "ordf", 0xaa },
    { "ordm", 0xba }, { "oslash", 0xf8 }, { "otilde", 0xf5 }, { "ouml", 0xf6 }, { "para", 0xb6 },
    { "permil", 0x2030 }, { "plusmn", 0xb1 }, { "pound", 0xa3 }, { "prime", 0x2032 },
    { "quot", 0x22 }, { "raquo", 0xbb }, { "rarr", 0x2192 }, { "rdquo", 0x201d }, { "reg", 0xae },
    { "rlm", 0x200f }, { "rsaquo", 0x203a }, { "rsquo", 0x2019 }, { "sbquo", 0x201a },
    { "scaron", 0x161 }, { "sect", 0xa7 }, { "shy", 0xad }, { "sup1", 0xb9 }, { "sup2", 0xb2 },
    { "sup3", 0xb3 }, { "szlig", 0xdf }, { "thinsp", 0x2009 }, { "thorn", 0xfe }, { "times", 0xd7 },
    { "trade", 0x2122 }, { "uacute", 0xfa }, { "ucirc", 0xfb }, { "ugrave", 0xf9 }, { "uml", 0xa8 },
    { "uuml", 0xfc }, { "yacute", 0xfd }, { "yen", 0xa5 }, { "yuml", 0xff }, { "zwj", 0x200d },
    { "zwnj", 0x200c },
};
/* clang-format on */

enum { NAME_LEN_MAX = 10 };

static uint32_t named(str name)
{
    size_t low = 0, high = ARRAY_LEN(entities);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(str_of(entities[middle].name), name);
        if (order == 0)
            return entities[middle].code_point;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return 99;
}

static uint32_t numbered(str digits)
{
    uint32_t base = 10, value = 0;
    if (digits.len && (digits.ptr[0] | 32) == 'x') {
        base = 16;
        digits = str_skip(digits, 1);
    }
    for (size_t i = 0; i < digits.len; i++) {
        uint32_t digit = (uint32_t)digit_value(digits.ptr[i]);
        if (digit >= base || value > 0x10ffff)
            return 0;
        value = value * base + digit;
    }
    bool valid = digits.len && value < 0x110000 && (value < 0xd800 || value > 0xdfff);
    return valid ? value : 0;
}

uint32_t entity_next(str s, size_t *pos)
{
    str body = str_sub(s, *pos + 1, NAME_LEN_MAX + 1);
    ptrdiff_t end = str_find_char(body, ';');
    if (end <= 0)
        return 0;
    body.len = (size_t)end;
    uint32_t c = body.ptr[0] == '#' ? numbered(str_skip(body, 1)) : named(body);
    if (c)
        *pos += body.len + 2;
    return c;
}
