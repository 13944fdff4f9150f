/* clock: reading, injecting, writing and parsing instants. Calendar arithmetic is ours (Hinnant's
 * algorithms) because libc's needs the process-wide time zone. */
#include "clock.h"

#include "base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Atomic instant injected = INSTANT_NEVER;

static instant read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (instant)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

instant clock_now(void)
{
    instant fixed = atomic_load_explicit(&injected, memory_order_relaxed);
    return fixed == INSTANT_NEVER ? read_clock(CLOCK_REALTIME) : fixed;
}

instant clock_mono(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_set(instant at)
{
    atomic_store_explicit(&injected, at, memory_order_relaxed);
}

int64_t date_to_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void date_from_days(int64_t days, int64_t *out_year, unsigned *out_month, unsigned *out_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *out_day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *out_month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *out_year = year_of_era + era * 400 + (*out_month <= 2);
}

struct civil {
    int64_t year;
    unsigned month, day, hour, minute, second, micro, weekday;
};

static struct civil civil_of(instant at)
{
    const instant least = date_to_days(1, 1, 1) * DAYS(1);
    const instant most = date_to_days(10000, 1, 1) * DAYS(1) - 1;
    at = at < least ? least : at > most ? most : at;
    int64_t days = at >= 0 ? at / DAYS(1) : (at - DAYS(1) + 1) / DAYS(1);
    int64_t rest = at - days * DAYS(1);
    struct civil c;
    date_from_days(days, &c.year, &c.month, &c.day);
    c.hour = (unsigned)(rest / HOURS(1));
    c.minute = (unsigned)(rest / MINUTES(1) % 60);
    c.second = (unsigned)(rest / SECONDS(1) % 60);
    c.micro = (unsigned)(rest % SECONDS(1));
    c.weekday = (unsigned)(((days % 7) + 11) % 7);
    return c;
}

str instant_format(instant at, char out[INSTANT_TEXT_MAX])
{
    struct civil c = civil_of(at);
    int len = snprintf(out, INSTANT_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)c.year,
                       c.month % 100, c.day % 100, c.hour % 100, c.minute % 100, c.second % 100);
    if (c.micro)
        len += snprintf(out + len, INSTANT_TEXT_MAX - (size_t)len, ".%06u", c.micro % 1000000);
    out[len++] = 'Z';
    out[len] = 0;
    return (str){ out, (size_t)len };
}

/* Reads exactly `count` digits at *pos. */
static bool digits(str text, size_t *pos, size_t count, unsigned *out)
{
    unsigned value = 0;
    if (*pos + count > text.len)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = text.ptr[*pos + i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    *pos += count;
    *out = value;
    return true;
}

static bool expect(str text, size_t *pos, char wanted)
{
    if (!str_eq_nocase(str_sub(text, *pos, 1), (str){ &wanted, 1 }))
        return false;
    ++*pos;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}

static bool civil_valid(const struct civil *c)
{
    return c->year >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month((unsigned)c->year, c->month) && c->hour <= 23 &&
           c->minute <= 59 && c->second <= 59;
}

static instant civil_instant(const struct civil *c)
{
    return date_to_days(c->year, c->month, c->day) * DAYS(1) + c->hour * HOURS(1) +
           c->minute * MINUTES(1) + c->second * SECONDS(1) + c->micro;
}

static bool parse_fraction(str text, size_t *pos, unsigned *out_micro)
{
    unsigned micro = 0, count = 0;
    while (*pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9') {
        if (++count > 9)
            return false;
        if (count <= 6)
            micro = micro * 10 + (unsigned)(text.ptr[*pos] - '0');
        ++*pos;
    }
    for (unsigned i = count; i < 6; i++)
        micro *= 10;
    *out_micro = micro;
    return count > 0;
}

static bool parse_offset(str text, size_t *pos, span *out)
{
    unsigned hour, minute;
    if (expect(text, pos, 'Z')) {
        *out = 0;
        return true;
    }
    if (*pos >= text.len || (text.ptr[*pos] != '+' && text.ptr[*pos] != '-'))
        return false;
    bool east = text.ptr[(*pos)++] == '+';
    if (!digits(text, pos, 2, &hour) || !expect(text, pos, ':') || !digits(text, pos, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    span offset = hour * HOURS(1) + minute * MINUTES(1);
    *out = east ? offset : -offset;
    return true;
}

bool instant_parse(str text, instant *out)
{
    struct civil c = { 0 };
    size_t pos = 0;
    unsigned year;
    span offset;
    if (!digits(text, &pos, 4, &year) || !expect(text, &pos, '-') ||
        !digits(text, &pos, 2, &c.month) || !expect(text, &pos, '-') ||
        !digits(text, &pos, 2, &c.day) || !expect(text, &pos, 'T') ||
        !digits(text, &pos, 2, &c.hour) || !expect(text, &pos, ':') ||
        !digits(text, &pos, 2, &c.minute) || !expect(text, &pos, ':') ||
        !digits(text, &pos, 2, &c.second))
        return false;
    c.year = year;
    if (pos < text.len && text.ptr[pos] == '.') {
        pos++;
        if (!parse_fraction(text, &pos, &c.micro))
            return false;
    }
    if (!parse_offset(text, &pos, &offset) || pos != text.len || !civil_valid(&c))
        return false;
    *out = civil_instant(&c) - offset;
    return true;
}

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

str instant_format_http(instant at, char out[INSTANT_HTTP_MAX])
{
    struct civil c = civil_of(at);
    snprintf(out, INSTANT_HTTP_MAX, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
             weekdays + c.weekday * 3ul, c.day % 100, months + (c.month - 1) * 3ul,
             (unsigned)c.year % 10000, c.hour % 100, c.minute % 100, c.second % 100);
    return (str){ out, INSTANT_HTTP_MAX - 1 };
}

bool instant_parse_http(str text, instant *out)
{
    struct civil c = { 0 };
    unsigned year;
    size_t pos = 5;
    if (text.len != INSTANT_HTTP_MAX - 1 || !str_ends(text, STR(" GMT")) || text.ptr[3] != ',')
        return false;
    if (!digits(text, &pos, 2, &c.day) || text.ptr[7] != ' ')
        return false;
    for (unsigned i = 0; i < 12; i++)
        if (memcmp(months + i * 3ul, text.ptr + 8, 3) == 0)
            c.month = i + 1;
    pos = 12;
    if (text.ptr[11] != ' ' || !digits(text, &pos, 4, &year) || !expect(text, &pos, ' ') ||
        !digits(text, &pos, 2, &c.hour) || !expect(text, &pos, ':') ||
        !digits(text, &pos, 2, &c.minute) || !expect(text, &pos, ':') ||
        !digits(text, &pos, 2, &c.second))
        return false;
    c.year = year;
    if (!civil_valid(&c))
        return false;
    *out = civil_instant(&c);
    return true;
}
