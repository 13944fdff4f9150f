/*
 * clock: the two times. `instant` is microseconds since 1970-01-01T00:00:00Z, `span` a number of
 * microseconds. Everything that has a date asks clock_now(), so tests move time by clock_set().
 */
#pragma once

#include "str.h"

#include <stdint.h>

typedef int64_t instant;
typedef int64_t span;

#define INSTANT_NEVER   INT64_MAX
#define MICROSECONDS(n) ((span)(n))
#define MILLISECONDS(n) ((span)(n)*1000)
#define SECONDS(n)      ((span)(n)*1000000)
#define MINUTES(n)      SECONDS((n)*60)
#define HOURS(n)        MINUTES((n)*60)
#define DAYS(n)         HOURS((n)*24)

/* Wall time, UTC; the injected time when clock_set() was called. Any thread. */
instant clock_now(void);
/* Monotonic time for time-outs and measurements; never injected, unrelated to the epoch. Any
 * thread. */
instant clock_mono(void);

/* Fixes clock_now() to `at` (a test's clock); INSTANT_NEVER gives the real clock back. */
void clock_set(instant at);

/* Length of the longest text instant_format() writes: "2026-11-21T10:00:00.000000Z". */
#define INSTANT_TEXT_MAX 28

/*
 * RFC 3339 in UTC, with the fraction only when it is not zero. `out` holds INSTANT_TEXT_MAX bytes,
 * ends with a zero; returns the text. Years outside 1..9999 are clamped.
 */
str instant_format(instant at, char out[INSTANT_TEXT_MAX]);

/* RFC 3339 (offset required, "T" and "Z" in either case, up to 9 digits of fraction, cut to µs). */
bool instant_parse(str text, instant *out);

/* IMF-fixdate of RFC 9110 ("Sun, 06 Nov 1994 08:49:37 GMT"): 29 bytes and a zero. */
#define INSTANT_HTTP_MAX 30
str instant_format_http(instant at, char out[INSTANT_HTTP_MAX]);
/* The same form only (obsolete forms are refused). */
bool instant_parse_http(str text, instant *out);

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, days_from_civil). */
int64_t date_to_days(int64_t year, unsigned month, unsigned day);
void date_from_days(int64_t days, int64_t *out_year, unsigned *out_month, unsigned *out_day);
