/* zone_rule: the footer of a TZif file: when summer time begins and ends in any year. */
#include "zone_impl.h"

enum { DAY_S = 86400, RULE_HOURS_MAX = 167, OFFSET_HOURS_MAX = 24, YEARS_AROUND = 2 };

/* --- Reading -------------------------------------------------------------------------------- */

static bool take(str *rest, char wanted)
{
    if (rest->len == 0 || rest->ptr[0] != wanted)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

static bool is_digit(str rest)
{
    return rest.len && rest.ptr[0] >= '0' && rest.ptr[0] <= '9';
}

static bool take_number(str *rest, int min, int max, int *out)
{
    int number = 0;
    if (!is_digit(*rest))
        return false;
    while (is_digit(*rest) && number <= max) {
        number = number * 10 + (rest->ptr[0] - '0');
        *rest = str_skip(*rest, 1);
    }
    *out = number;
    return number >= min && number <= max;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "CET", or "<+03>"; which, nobody asks. */
static bool take_name(str *rest)
{
    size_t len = 0;
    if (take(rest, '<')) {
        ptrdiff_t end = str_find_char(*rest, '>');
        if (end < 3)
            return false;
        *rest = str_skip(*rest, (size_t)end + 1);
        return true;
    }
    while (len < rest->len && is_letter(rest->ptr[len]))
        len++;
    *rest = str_skip(*rest, len);
    return len >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(str *rest, int hours_max, int32_t *out_s)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = take(rest, '-');
    if (!negative)
        (void)take(rest, '+');
    if (!take_number(rest, 0, hours_max, &hours))
        return false;
    if (take(rest, ':')) {
        if (!take_number(rest, 0, 59, &minutes))
            return false;
        if (take(rest, ':') && !take_number(rest, 0, 59, &seconds))
            return false;
    }
    int32_t all = hours * 3600 + minutes * 60 + seconds;
    *out_s = negative ? -all : all;
    return true;
}

static bool take_day(str *rest, struct zone_day *out)
{
    struct zone_day day = { .time_s = 2 * 3600 };
    bool well;
    if (take(rest, 'M')) {
        day.kind = ZONE_DAY_WEEK;
        well = take_number(rest, 1, 12, &day.month) && take(rest, '.') &&
               take_number(rest, 1, 5, &day.week) && take(rest, '.') &&
               take_number(rest, 0, 6, &day.day);
    } else if (take(rest, 'J')) {
        day.kind = ZONE_DAY_JULIAN;
        well = take_number(rest, 1, 365, &day.day);
    } else {
        day.kind = ZONE_DAY_ZERO;
        well = take_number(rest, 0, 365, &day.day);
    }
    if (well && take(rest, '/'))
        well = take_time(rest, RULE_HOURS_MAX, &day.time_s);
    *out = day;
    return well;
}

bool zone_rule_parse(str text, struct zone_rule *out_rule)
{
    struct zone_rule rule = { .has_summer = false };
    int32_t west;
    if (!take_name(&text) || !take_time(&text, OFFSET_HOURS_MAX, &west))
        return false;
    rule.standard_s = rule.summer_s = -west; /* POSIX counts westwards */
    if (text.len) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        if (!take_name(&text))
            return false;
        if (text.len && text.ptr[0] != ',') {
            if (!take_time(&text, OFFSET_HOURS_MAX, &west))
                return false;
            rule.summer_s = -west;
        }
        if (!take(&text, ',') || !take_day(&text, &rule.begins) || !take(&text, ',') ||
            !take_day(&text, &rule.ends))
            return false;
    }
    *out_rule = rule;
    return text.len == 0;
}

/* --- What it says of a year ----------------------------------------------------------------- */

static int64_t day_of_week(int64_t days) /* 1970-01-01 was a Thursday */
{
    int64_t day = (days + 4) % 7;
    return day < 0 ? day + 7 : day;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_of(const struct zone_day *day, int64_t year)
{
    int64_t first = date_to_days(year, 1, 1);
    if (day->kind == ZONE_DAY_ZERO)
        return first + day->day;
    if (day->kind == ZONE_DAY_JULIAN) /* February 29 is never counted */
        return first + day->day - 1 + (is_leap(year) && day->day >= 60);
    int64_t of_month = date_to_days(year, (unsigned)day->month, 1);
    int64_t next = day->month == 12 ? date_to_days(year + 1, 1, 1)
                                    : date_to_days(year, (unsigned)day->month + 1, 1);
    int64_t days =
        of_month + (day->day - day_of_week(of_month) + 7) % 7 + (int64_t)7 * (day->week - 1);
    return days >= next ? days - 7 : days; /* week 5 is the last */
}

struct change {
    int64_t at;
    int32_t offset;
    bool begins;
};

/* Where both fall together summer time goes on (RFC 9636 3.3.1: all the year). */
static bool comes_after(const struct change *a, const struct change *b)
{
    return a->at > b->at || (a->at == b->at && a->begins && !b->begins);
}

static void change_insert(struct change *changes, unsigned *count, struct change change)
{
    unsigned i = (*count)++;
    for (; i > 0 && comes_after(&changes[i - 1], &change); i--)
        changes[i] = changes[i - 1];
    changes[i] = change;
}

static int64_t year_of(int64_t at)
{
    int64_t year, days = at / DAY_S - (at % DAY_S < 0);
    unsigned month, day;
    date_from_days(days, &year, &month, &day);
    return year;
}

struct zone_stretch zone_rule_stretch(const struct zone_rule *rule, int64_t at)
{
    struct change changes[2 * (2 * YEARS_AROUND + 1)];
    struct zone_stretch stretch = { rule->standard_s, INT64_MAX };
    unsigned count = 0;
    if (!rule->has_summer)
        return stretch;
    int64_t year = year_of(at);
    for (int64_t y = year - YEARS_AROUND; y <= year + YEARS_AROUND; y++) {
        int64_t begins = days_of(&rule->begins, y) * DAY_S + rule->begins.time_s;
        int64_t ends = days_of(&rule->ends, y) * DAY_S + rule->ends.time_s;
        change_insert(changes, &count,
                      (struct change){ begins - rule->standard_s, rule->summer_s, true });
        change_insert(changes, &count,
                      (struct change){ ends - rule->summer_s, rule->standard_s, false });
    }
    for (unsigned i = 0; i < count; i++) {
        if (changes[i].at > at) {
            stretch.end = changes[i].at;
            break;
        }
        stretch.offset = changes[i].offset;
    }
    return stretch;
}
