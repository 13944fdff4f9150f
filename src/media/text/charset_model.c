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
    COST_LATIN_RUN = 40,   /* two accented letters in a row */
    COST_ACCEPTED = 88,    /* average a byte above which no model fits */
    FEW_HIGH_BYTES = 20,   /* at most one byte in so many: a plain text with a few odd signs */
    HIGH_BYTES_MAX = 16384 /* looked at */
};

struct model {
    const char *charsets[5]; /* iconv names, tried in this order, NULL ends */
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

static const char *const charset_names[] = {
    "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1257",
    "ISO-8859-2",   "ISO-8859-5",   "ISO-8859-15",  "KOI8-U",       "IBM866",       "MAC-CYRILLIC",
};
static struct charset_table tables[ARRAY_LEN(charset_names)];
static bool tables_loaded[ARRAY_LEN(charset_names)];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void tables_load(void)
{
    for (size_t i = 0; i < ARRAY_LEN(charset_names); i++)
        tables_loaded[i] = table_load(&tables[i], charset_names[i]);
}

const struct charset_table *charset_table_get(const char *iconv_name)
{
    pthread_once(&tables_once, tables_load);
    for (size_t i = 0; i < ARRAY_LEN(charset_names); i++)
        if (strcmp(charset_names[i], iconv_name) == 0)
            return tables_loaded[i] ? &tables[i] : NULL;
    return NULL;
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

/* The costs of the 128 high bytes as single letters, so that the text is walked with a table only.
 */
struct costs {
    int letter[128];
};

static void costs_fill(struct costs *out, const struct charset_table *table,
                       const struct model *model, const bool used[128])
{
    for (unsigned i = 0; i < 128; i++) {
        uint32_t c = table->high[i];
        if (!used[i])
            continue;
        out->letter[i] = c == CHARSET_UNDEFINED ? COST_UNDEFINED
                         : is_sign(c)           ? COST_SIGN
                                                : COST_RARE_SIGN;
        for (int tier = 0; tier < 3; tier++) {
            str letters = str_of(model->tiers[tier]);
            for (size_t pos = 0; pos < letters.len;)
                if (str_utf8_next(letters, &pos) == fold_char(c))
                    out->letter[i] = tier_costs[model->latin][tier];
        }
    }
}

static uint32_t decode(const struct charset_table *table, str bytes, size_t at)
{
    if (at >= bytes.len)
        return ' ';
    unsigned char byte = (unsigned char)bytes.ptr[at];
    return byte < 0x80 ? byte : table->high[byte - 0x80];
}

/* What the neighbours make of a character. */
static int context_cost(const struct model *model, uint32_t before, uint32_t c, uint32_t after)
{
    int cost = 0;
    if (!is_letter(c))
        return is_letter(before) && is_letter(after) && !is_sign(c) ? COST_SIGN_INSIDE : 0;
    if (fold_char(c) != c) {
        bool after_capital = is_letter(before) && fold_char(before) != before;
        bool inside = is_letter(before) && !after_capital;
        cost += inside ? COST_CAPITAL_INSIDE : after_capital ? 0 : COST_CAPITAL;
    } else if (is_ascii_letter(after) && fold_char(after) != after) {
        cost += COST_CAPITAL_INSIDE;
    }
    if (!model->latin && (is_ascii_letter(before) || is_ascii_letter(after)))
        cost += COST_SCRIPT_MIX;
    if (model->latin && is_letter(before) && before >= 0x80)
        cost += COST_LATIN_RUN;
    return cost;
}

/* `costs` are those of the table under the model. */
static int64_t text_cost(str bytes, const struct charset_table *table, const struct model *model,
                         const struct costs *costs)
{
    int64_t total = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.len && count < HIGH_BYTES_MAX; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (byte < 0x80)
            continue;
        uint32_t before = i ? decode(table, bytes, i - 1) : ' ';
        total += costs->letter[byte - 0x80] +
                 context_cost(model, before, table->high[byte - 0x80], decode(table, bytes, i + 1));
        count++;
    }
    return total;
}

static size_t high_bytes_count(str bytes, bool out_used[128])
{
    size_t count = 0;
    memset(out_used, 0, 128 * sizeof(bool));
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (byte < 0x80)
            continue;
        out_used[byte - 0x80] = true;
        count++;
    }
    return count;
}

const char *charset_guess(str bytes)
{
    const char *best = NULL;
    int64_t best_cost = 0;
    struct costs costs;
    bool used[128];
    size_t count = high_bytes_count(bytes, used);
    if (count == 0)
        return NULL;
    for (size_t m = 0; m < ARRAY_LEN(models); m++) {
        for (size_t i = 0; i < ARRAY_LEN(models[m].charsets) && models[m].charsets[i]; i++) {
            const struct charset_table *table = charset_table_get(models[m].charsets[i]);
            if (!table)
                continue;
            costs_fill(&costs, table, &models[m], used);
            int64_t cost = text_cost(bytes, table, &models[m], &costs);
            size_t looked_at = MIN_OF(count, (size_t)HIGH_BYTES_MAX);
            bool fits = cost <= (int64_t)(COST_ACCEPTED * looked_at) ||
                        (models[m].latin && count * (size_t)FEW_HIGH_BYTES < bytes.len);
            if (!fits || (best && cost >= best_cost))
                continue;
            best = models[m].charsets[i];
            best_cost = cost;
        }
    }
    return best;
}
