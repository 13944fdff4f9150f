/* ages: a country or body in front decides which letters mean what; without one the letters are
 * American. */
#include "ages.h"

#include "foundation/base/base.h"

enum { AGE_MAX = 21 };

static const struct {
    const char *prefix, *system;
} systems[] = {
    { "us", "MPA" },
    { "usa", "MPA" },
    { "mpaa", "MPA" },
    { "mpa", "MPA" },
    { "rated", "MPA" },
    { "de", "FSK" },
    { "fsk", "FSK" },
    { "germany", "FSK" },
    { "uk", "BBFC" },
    { "gb", "BBFC" },
    { "bbfc", "BBFC" },
    { "ru", "RARS" },
    { "russia", "RARS" },
    { "rars", "RARS" },
    { "россия", "RARS" },
    { "рф", "RARS" },
    { "fr", "CNC" },
    { "france", "CNC" },
    { "nl", "Kijkwijzer" },
    { "se", "SMR" },
    { "fi", "KAVI" },
    { "es", "ICAA" },
    { "it", "MiC" },
    { "dk", "MCCY" },
    { "no", "Medietilsynet" },
    { "pl", "KRRiT" },
    { "ie", "IFCO" },
    { "ua", "UA" },
    { "by", "BY" },
    { "kz", "KZ" },
};

static const struct {
    const char *system, *label;
    int age_min;
} labels[] = {
    { "MPA", "NC-17", 18 }, { "MPA", "NC17", 18 },     { "MPA", "PG-13", 13 },
    { "MPA", "PG13", 13 },  { "MPA", "TV-Y7", 7 },     { "MPA", "TV-Y", 0 },
    { "MPA", "TV-G", 0 },   { "MPA", "TV-PG", 10 },    { "MPA", "TV-14", 14 },
    { "MPA", "TV-MA", 17 }, { "MPA", "PG", 7 },        { "MPA", "GP", 7 },
    { "MPA", "G", 0 },      { "MPA", "R", 17 },        { "MPA", "X", 18 },
    { "MPA", "M", 13 },     { "BBFC", "U", 0 },        { "BBFC", "UC", 0 },
    { "BBFC", "PG", 8 },    { "BBFC", "12A", 12 },     { "BBFC", "R18", 18 },
    { "BBFC", "X", 18 },    { "BBFC", "A", 8 },        { "BBFC", "AA", 14 },
    { "CNC", "U", 0 },      { "CNC", "TP", 0 },        { "IFCO", "G", 0 },
    { "IFCO", "PG", 8 },    { "IFCO", "12A", 12 },     { "IFCO", "15A", 15 },
    { "ICAA", "A", 0 },     { "ICAA", "TP", 0 },       { "ICAA", "APTA", 0 },
    { "MiC", "T", 0 },      { "SMR", "BTL", 0 },       { "MCCY", "A", 0 },
    { "KAVI", "S", 0 },     { "Kijkwijzer", "AL", 0 },
};

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c & 0x80) ||
           c == '-' || c == '+';
}

static str word_take(str *rest)
{
    while (rest->len && !is_word(rest->ptr[0]))
        *rest = str_skip(*rest, 1);
    size_t len = 0;
    while (len < rest->len && is_word(rest->ptr[len]))
        len++;
    str word = str_sub(*rest, 0, len);
    *rest = str_skip(*rest, len);
    return word;
}

static const char *system_find(str word)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        if (str_eq_nocase(word, str_of(systems[i].prefix)))
            return systems[i].system;
    return NULL;
}

/* "16", "16+", "+16". */
static bool age_of_number(str word, int *out_age)
{
    uint64_t age;
    if (str_starts(word, STR("+")))
        word = str_skip(word, 1);
    else if (str_ends(word, STR("+")))
        word.len--;
    if (!str_parse_u64(word, &age) || age > AGE_MAX)
        return false;
    *out_age = (int)age;
    return true;
}

static bool age_of_label(str word, const char *system, struct age_rating *out)
{
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        if (!str_eq_nocase(word, str_of(labels[i].label)) ||
            !str_eq(str_of(labels[i].system), str_of(system)))
            continue;
        *out = (struct age_rating){ labels[i].age_min, labels[i].system, word };
        return true;
    }
    return false;
}

static bool has_plus(str word)
{
    return str_starts(word, STR("+")) || str_ends(word, STR("+"));
}

bool age_rating_parse(str text, struct age_rating *out)
{
    const char *system = NULL;
    str word, rest = str_trim(text);
    for (int words = 0; words < 4 && (word = word_take(&rest)).len; words++) {
        const char *named = system_find(word);
        int age;
        if (named && !system) {
            system = named;
            continue;
        }
        if (age_of_label(word, system ? system : "MPA", out))
            return true;
        if (age_of_number(word, &age)) {
            const char *fallback = has_plus(word) ? "RARS" : "age";
            *out = (struct age_rating){ age, system ? system : fallback, word };
            return true;
        }
    }
    return false;
}
