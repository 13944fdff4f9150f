/* cron: reading an expression into sets of bits, and finding the next minute that fits them. */
#include "cron.h"

#include <string.h>

enum { DAY_MINUTES = 24 * 60, YEARS_MAX = 60 };
#define LATEST DAYS(366 * 10000LL) /* a clock beyond it is no clock */

/* --- Reading -------------------------------------------------------------------------------- */

struct field {
    const char *what;
    unsigned min, max;
    const char *names; /* three letters each, from min on; NULL: none */
};
static const struct field fields[] = {
    { "minute", 0, 59, NULL },
    { "hour", 0, 23, NULL },
    { "day of the month", 1, 31, NULL },
    { "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec" },
    { "day of the week", 0, 7, "sunmontuewedthufrisat" },
};
enum { FIELDS = ARRAY_LEN(fields) };

static const struct {
    str word, meaning;
} words[] = {
    { STR_INIT("@yearly"), STR_INIT("0 0 1 1 *") },
    { STR_INIT("@annually"), STR_INIT("0 0 1 1 *") },
    { STR_INIT("@monthly"), STR_INIT("0 0 1 * *") },
    { STR_INIT("@weekly"), STR_INIT("0 0 * * 0") },
    { STR_INIT("@daily"), STR_INIT("0 0 * * *") },
    { STR_INIT("@midnight"), STR_INIT("0 0 * * *") },
    { STR_INIT("@hourly"), STR_INIT("0 * * * *") },
};

static enum err bad(const struct field *field, str text, const char *what)
{
    return err_set(ERR_INVALID, "cron-syntax", "the %s \"%.*s\" of a cron expression %s",
                   field->what, STR_ARG(text), what);
}

static bool name_parse(const struct field *field, str text, unsigned *out)
{
    if (!field->names || text.len != 3)
        return false;
    str names = str_of(field->names);
    for (size_t i = 0; i * 3 < names.len; i++) {
        if (str_eq_nocase(str_sub(names, i * 3, 3), text)) {
            *out = field->min + (unsigned)i;
            return true;
        }
    }
    return false;
}

static enum err value_parse(const struct field *field, str text, unsigned *out)
{
    uint64_t value;
    if (name_parse(field, text, out))
        return OK;
    if (!str_parse_u64(text, &value))
        return bad(field, text, field->names ? "is neither number nor name" : "is no number");
    if (value < field->min || value > field->max)
        return err_set(ERR_INVALID, "cron-syntax",
                       "the %s %.*s of a cron expression is not between %u and %u", field->what,
                       STR_ARG(text), field->min, field->max);
    *out = (unsigned)value;
    return OK;
}

/* "*", "3", "3-7", and with a step "/2". */
static enum err part_parse(const struct field *field, str part, uint64_t *io_bits)
{
    str whole = part, range, low_text;
    unsigned low = field->min, high = field->max;
    uint64_t step = 1;
    bool stepped = str_find_char(part, '/') >= 0;
    (void)str_cut(&part, '/', &range);
    if (stepped && (!str_parse_u64(part, &step) || step == 0))
        return bad(field, whole, "has a step that is no number above zero");
    if (!str_eq(range, STR("*"))) {
        bool ranged = str_find_char(range, '-') >= 0;
        str rest = range;
        (void)str_cut(&rest, '-', &low_text);
        TRY(value_parse(field, low_text, &low));
        high = low;
        if (ranged)
            TRY(value_parse(field, rest, &high));
        else if (stepped)
            return bad(field, whole, "steps from a number: write a range, as in 5-59/15");
        if (high < low)
            return bad(field, whole, "is a range that ends before it begins");
    }
    for (uint64_t value = low; value <= high; value += step) {
        *io_bits |= UINT64_C(1) << value;
        if (step > high)
            break;
    }
    return OK;
}

static enum err field_parse(const struct field *field, str text, uint64_t *out_bits)
{
    str rest = text, part;
    *out_bits = 0;
    while (str_cut(&rest, ',', &part))
        TRY(part_parse(field, part, out_bits));
    return OK;
}

static str next_word(str *rest)
{
    size_t from = 0, to;
    while (from < rest->len && (rest->ptr[from] == ' ' || rest->ptr[from] == '\t'))
        from++;
    for (to = from; to < rest->len && rest->ptr[to] != ' ' && rest->ptr[to] != '\t';)
        to++;
    str word = str_sub(*rest, from, to - from);
    *rest = str_skip(*rest, to);
    return word;
}

static enum err word_meaning(str text, str *out)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq_nocase(text, words[i].word)) {
            *out = words[i].meaning;
            return OK;
        }
    }
    return err_set(ERR_INVALID, "cron-syntax",
                   "\"%.*s\" is no word of cron expressions; there are @yearly, @monthly, @weekly, "
                   "@daily and @hourly",
                   STR_ARG(text));
}

static int64_t local_next(const struct cron *cron, int64_t from);

enum err cron_parse(str text, struct cron *out_cron)
{
    uint64_t bits[FIELDS];
    str parts[FIELDS];
    text = str_trim(text);
    if (text.len > CRON_TEXT_MAX || !str_is_utf8(text))
        return err_set(ERR_INVALID, "cron-syntax", "a cron expression has at most %d bytes of text",
                       CRON_TEXT_MAX);
    if (text.len && text.ptr[0] == '@')
        TRY(word_meaning(text, &text));
    str rest = text;
    for (unsigned i = 0; i < FIELDS; i++) {
        parts[i] = next_word(&rest);
        if (parts[i].len == 0)
            return err_set(ERR_INVALID, "cron-syntax",
                           "the cron expression \"%.*s\" has %u of five fields: minute, hour, day "
                           "of the month, month, day of the week",
                           STR_ARG(text), i);
        TRY(field_parse(&fields[i], parts[i], &bits[i]));
    }
    if (next_word(&rest).len)
        return err_set(ERR_INVALID, "cron-syntax",
                       "the cron expression \"%.*s\" has more than five fields", STR_ARG(text));
    struct cron cron = { .minutes = bits[0],
                         .hours = (uint32_t)bits[1],
                         .month_days = (uint32_t)bits[2],
                         .months = (uint32_t)bits[3],
                         .week_days = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
                         .month_days_any = parts[2].ptr[0] == '*',
                         .week_days_any = parts[4].ptr[0] == '*' };
    if (local_next(&cron, 0) == INT64_MAX)
        return err_set(ERR_INVALID, "cron-never",
                       "the cron expression \"%.*s\" means no day at all", STR_ARG(text));
    *out_cron = cron;
    return OK;
}

/* --- Finding -------------------------------------------------------------------------------- */

static bool day_fits(const struct cron *cron, int64_t days, unsigned day)
{
    int64_t week_day = ((days + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    bool of_month = cron->month_days >> day & 1, of_week = cron->week_days >> week_day & 1;
    return cron->month_days_any || cron->week_days_any ? of_month && of_week : of_month || of_week;
}

/* The first minute of the day from `from` on that fits, or DAY_MINUTES. */
static unsigned minute_of_day(const struct cron *cron, unsigned from)
{
    for (unsigned hour = from / 60; hour < 24; hour++) {
        unsigned minute = hour == from / 60 ? from % 60 : 0;
        uint64_t minutes = cron->minutes >> minute << minute;
        if (cron->hours >> hour & 1 && minutes)
            return hour * 60 + (unsigned)__builtin_ctzll(minutes);
    }
    return DAY_MINUTES;
}

/* The first minute of a clock that fits, `from` or later; INT64_MAX: none for sixty years. */
static int64_t local_next(const struct cron *cron, int64_t from)
{
    int64_t days = from / DAY_MINUTES - (from % DAY_MINUTES < 0), year,
            until = days + (int64_t)YEARS_MAX * 366;
    unsigned minute = (unsigned)(from - days * DAY_MINUTES), month, day;
    while (days < until) {
        date_from_days(days, &year, &month, &day);
        if (!(cron->months >> month & 1)) { /* on to the next month */
            days = month == 12 ? date_to_days(year + 1, 1, 1) : date_to_days(year, month + 1, 1);
        } else {
            unsigned found = day_fits(cron, days, day) ? minute_of_day(cron, minute) : DAY_MINUTES;
            if (found < DAY_MINUTES)
                return days * DAY_MINUTES + found;
            days++;
        }
        minute = 0;
    }
    return INT64_MAX;
}

static int64_t floor_minutes(instant at)
{
    return at / MINUTES(1) - (at % MINUTES(1) < 0);
}

instant cron_next(const struct cron *cron, const struct zone *zone, instant after)
{
    if (after > LATEST || after < -LATEST)
        return INSTANT_NEVER;
    /* What was shown before this was due before: zone_first() never falls. */
    int64_t local = floor_minutes(after + zone_offset(zone, after));
    for (;;) {
        local = local_next(cron, local);
        if (local == INT64_MAX)
            return INSTANT_NEVER;
        instant due = zone_first(zone, local * 60);
        if (due > after)
            return due;
        local++;
    }
}
