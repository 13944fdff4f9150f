/*
 * charset_model: a letter model for each language, three tiers of letters (common, usual, rare)
 * with a cost of about ten times the bits of information. The total over all bytes above 0x7f, with
 * penalties for what no orthography does (a capital inside a word, Cyrillic glued to Latin, a sign
 * between two letters), is compared between all pairs of encoding and language; the cheapest pair
 * wins.
 *
 * Tiers were chosen by hand from published letter frequencies of each language; only the order of
 * magnitude matters, since the rival readings of the same bytes are gibberish.
 */
#include "charset_model.h"

#include "fold.h"

#include "foundation/base/base.h"

#include <iconv.h>
#include <pthread.h>
#include <string.h>

enum {
    COST_RARE_SIGN = 140, /* a character no text of this language has */
    COST_SIGN = 80,       /* quotes, dashes, the ellipsis */
    COST_UNDEFINED = 220,
    COST_CAPITAL = 10,
    COST_CAPITAL_INSIDE = 80,
    COST_SCRIPT_MIX = 80,
    COST_SIGN_INSIDE = 60,
    COST_LATIN_RUN = 40,    /* two accented letters in a row */
    COST_ACCEPTED = 88,     /* average a byte above which no model fits */
    FEW_HIGH_BYTES = 20,    /* at most one byte in so many: a plain text with a few odd signs */
    HIGH_BYTES_MAX = 16384, /* looked at */
    CHARSETS_PER_MODEL = 5
};

struct model {
    const char *charsets[CHARSETS_PER_MODEL]; /* iconv names, tried in this order, NULL ends */
    bool latin;
    const char *tiers[3];
};

/* Earlier rows win ties. The first tier of a Latin language holds its most frequent accented
 * letters. */
static const struct model models[] = {
    { { "WINDOWS-1252" }, true, { "é", "’‘“”", "èêçàïöüôñâîœ£©" } },                /* English */
    { { "WINDOWS-1252" }, true, { "éà", "èêç’«»", "ùûîôœâëïÿü" } },                 /* French */
    { { "WINDOWS-1252" }, true, { "üä", "öß", "éèàçñ„“»«" } },                      /* German */
    { { "WINDOWS-1252" }, true, { "áéíóñ", "ú¿¡", "üçª" } },                        /* Spanish */
    { { "WINDOWS-1252" }, true, { "èà", "òùìé", "îóí’" } },                         /* Italian */
    { { "WINDOWS-1252" }, true, { "ãçáéóí", "êõúâà", "ôüª" } },                     /* Portuguese */
    { { "WINDOWS-1252" }, true, { "äåöø", "æé", "üèàáó" } },                        /* Nordic */
    { { "WINDOWS-1252" }, true, { "áíéóð", "þæúýö", "" } },                         /* Icelandic */
    { { "WINDOWS-1250", "ISO-8859-2" }, true, { "ąęłóż", "śćń", "ź" } },            /* Polish */
    { { "WINDOWS-1250", "ISO-8859-2" }, true, { "áíéěčšřž", "ýůúňť", "óďľôäĺŕ" } }, /* Czech */
    { { "WINDOWS-1250", "ISO-8859-2" }, true, { "áéöó", "őüíúű", "" } },            /* Hungarian */
    { { "WINDOWS-1250", "ISO-8859-2" }, true, { "čšž", "ćđ", "é" } }, /* Croatian, Slovene */
    { { "WINDOWS-1250", "ISO-8859-2" }, true, { "ăîâ", "şţ", "" } },  /* Romanian */
    { { "WINDOWS-1254" }, true, { "ışü", "ğöç", "âîû" } },            /* Turkish */
    { { "WINDOWS-1257" }, true, { "āīšėąē", "ūžųįčęņļ", "ģķõäöü" } }, /* Baltic */
    { { "WINDOWS-1253" }, false, { "αοιετσνη", "υρπκμλςγάίέό", "ωδβχθφξζψήώύϊϋ" } },
    { { "WINDOWS-1251", "KOI8-U", "IBM866", "MAC-CYRILLIC", "ISO-8859-5" },
      false,
      { "оеаинтсрвл", "кмдпуяыьгзбч", "йхжшюцщэфъё№" } },
    { { "WINDOWS-1251", "KOI8-U", "MAC-CYRILLIC" },
      false,
      { "оаинтервсік", "лумдпзяьбг", "чйхжїшюєцщфґ" } }, /* Ukrainian */
};

static const int tier_costs[2][3] = {
    { 35, 55, 75 }, /* scripts without Latin letters */
    { 50, 70, 90 }, /* accented letters among Latin ones */
};

static bool table_load(struct charset_table *out, const char *iconv_name)
{
    iconv_t converter = iconv_open("UTF-16LE", iconv_name);
    if (converter == (iconv_t)-1)
        return false;
    for (unsigned i = 0; i < 128; i++) {
        char in = (char)(0x80 + i), unit[4] = { 0 };
        char *from = &in, *to = unit;
        size_t from_left = 1, to_left = sizeof(unit);
        size_t done = iconv(converter, &from, &from_left, &to, &to_left);
        out->high[i] = CHARSET_UNDEFINED;
        if (done != (size_t)-1 && to_left == 2)
            out->high[i] = (uint16_t)((unsigned char)unit[0] | (unsigned char)unit[1] << 8);
        iconv(converter, NULL, NULL, NULL, NULL);
    }
    iconv_close(converter);
    return true;
}

static bool is_ascii_letter(uint32_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_letter(uint32_t c)
{
    return is_ascii_letter(c) || (c >= 0xc0 && c < 0x250 && c != 0xd7 && c != 0xf7) ||
           (c >= 0x370 && c < 0x530);
}

static bool is_sign(uint32_t c)
{
    return c == 0xa0 || c == 0xab || c == 0xbb || c == 0xb0 || (c >= 0x2010 && c <= 0x203a) ||
           c == 0xad;
}

/* What a byte is in an encoding. */
enum {
    BYTE_LETTER = 1,
    BYTE_CAPITAL = 2, /* a letter, too */
    BYTE_ASCII = 4,
    BYTE_SIGN = 8
};

struct charset {
    const char *name;
    bool loaded;
    struct charset_table table;
    unsigned char kinds[256];
};

/* A model with one encoding: the cost of each high byte as a single letter, so that a text is
 * walked with tables only. */
struct reading {
    const struct charset *charset;
    bool latin;
    unsigned char costs[128];
};

static struct charset charsets[] = {
    { .name = "WINDOWS-1250" }, { .name = "WINDOWS-1251" }, { .name = "WINDOWS-1252" },
    { .name = "WINDOWS-1253" }, { .name = "WINDOWS-1254" }, { .name = "WINDOWS-1257" },
    { .name = "ISO-8859-2" },   { .name = "ISO-8859-5" },   { .name = "ISO-8859-15" },
    { .name = "KOI8-U" },       { .name = "IBM866" },       { .name = "MAC-CYRILLIC" },
};
static struct reading readings[ARRAY_LEN(models) * CHARSETS_PER_MODEL];
static size_t readings_count;
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;

static const struct charset *charset_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
        if (strcmp(charsets[i].name, name) == 0)
            return charsets[i].loaded ? &charsets[i] : NULL;
    return NULL;
}

static void kinds_fill(struct charset *charset)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t c = byte < 0x80 ? byte : charset->table.high[byte - 0x80];
        unsigned kind = byte < 0x80 ? BYTE_ASCII : 0;
        if (is_letter(c))
            kind |= BYTE_LETTER | (fold_char(c) != c ? BYTE_CAPITAL : 0);
        charset->kinds[byte] = (unsigned char)(kind | (is_sign(c) ? BYTE_SIGN : 0));
    }
}

static int letter_cost(const struct model *model, uint32_t c)
{
    int cost = c == CHARSET_UNDEFINED ? COST_UNDEFINED : is_sign(c) ? COST_SIGN : COST_RARE_SIGN;
    for (int tier = 0; tier < 3; tier++) {
        str letters = str_of(model->tiers[tier]);
        for (size_t pos = 0; pos < letters.len;)
            if (str_utf8_next(letters, &pos) == fold_char(c))
                cost = tier_costs[model->latin][tier];
    }
    return cost;
}

static void readings_add(const struct model *model)
{
    for (size_t i = 0; i < CHARSETS_PER_MODEL && model->charsets[i]; i++) {
        const struct charset *charset = charset_find(model->charsets[i]);
        if (!charset)
            continue;
        struct reading *reading = &readings[readings_count++];
        reading->charset = charset;
        reading->latin = model->latin;
        for (size_t byte = 0; byte < 128; byte++)
            reading->costs[byte] = (unsigned char)letter_cost(model, charset->table.high[byte]);
    }
}

static void all_load(void)
{
    for (size_t i = 0; i < ARRAY_LEN(charsets); i++) {
        charsets[i].loaded = table_load(&charsets[i].table, charsets[i].name);
        kinds_fill(&charsets[i]);
    }
    for (size_t m = 0; m < ARRAY_LEN(models); m++)
        readings_add(&models[m]);
}

const struct charset_table *charset_table_get(const char *iconv_name)
{
    pthread_once(&loaded_once, all_load);
    const struct charset *charset = charset_find(iconv_name);
    return charset ? &charset->table : NULL;
}

/* What the neighbours make of a byte; all three are kinds. */
static int context_cost(bool latin, unsigned before, unsigned it, unsigned after)
{
    int cost = 0;
    if (!(it & BYTE_LETTER))
        return before & after & BYTE_LETTER && !(it & BYTE_SIGN) ? COST_SIGN_INSIDE : 0;
    if (it & BYTE_CAPITAL) {
        bool inside = before & BYTE_LETTER && !(before & BYTE_CAPITAL);
        cost += inside ? COST_CAPITAL_INSIDE : before & BYTE_CAPITAL ? 0 : COST_CAPITAL;
    } else if (after & BYTE_ASCII && after & BYTE_CAPITAL) {
        cost += COST_CAPITAL_INSIDE;
    }
    bool ascii_before = before & BYTE_LETTER && before & BYTE_ASCII;
    bool ascii_after = after & BYTE_LETTER && after & BYTE_ASCII;
    if (!latin && (ascii_before || ascii_after))
        cost += COST_SCRIPT_MIX;
    if (latin && before & BYTE_LETTER && !(before & BYTE_ASCII))
        cost += COST_LATIN_RUN;
    return cost;
}

static int64_t text_cost(str bytes, const struct reading *reading)
{
    const unsigned char *text = (const unsigned char *)bytes.ptr;
    const unsigned char *kinds = reading->charset->kinds;
    int64_t total = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.len && count < HIGH_BYTES_MAX; i++) {
        if (text[i] < 0x80)
            continue;
        unsigned before = kinds[i ? text[i - 1] : ' '];
        unsigned after = kinds[i + 1 < bytes.len ? text[i + 1] : ' '];
        total += reading->costs[text[i] - 0x80] +
                 context_cost(reading->latin, before, kinds[text[i]], after);
        count++;
    }
    return total;
}

static size_t high_bytes_count(str bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.len; i++)
        count += (unsigned char)bytes.ptr[i] >= 0x80;
    return count;
}

const char *charset_guess(str bytes)
{
    const char *best = NULL;
    int64_t best_cost = 0;
    size_t count = high_bytes_count(bytes);
    if (count == 0)
        return NULL;
    pthread_once(&loaded_once, all_load);
    int64_t accepted = (int64_t)(COST_ACCEPTED * MIN_OF(count, (size_t)HIGH_BYTES_MAX));
    bool few = count * (size_t)FEW_HIGH_BYTES < bytes.len;
    for (size_t i = 0; i < readings_count; i++) {
        int64_t cost = text_cost(bytes, &readings[i]);
        bool fits = cost <= accepted || (readings[i].latin && few);
        if (!fits || (best && cost >= best_cost))
            continue;
        best = readings[i].charset->name;
        best_cost = cost;
    }
    return best;
}
