/*
 * cron: expressions that say when, as crontab(5) of Vixie cron has them, and the next instant one
 * means in a time zone. Five fields: minute (0-59), hour (0-23), day of the month (1-31), month
 * (1-12, jan-dec), day of the week (0-7, sun-sat; 0 and 7 are Sunday); in each `*`, numbers, ranges
 * `a-b`, steps of these `*` `/n` and `a-b/n`, and lists of all that. Or a word: @yearly, @annually,
 * @monthly, @weekly, @daily, @midnight, @hourly.
 *
 * When neither day field begins with `*`, a day that fits either is meant; else it must fit both.
 *
 * An expression means times of the zone's clocks, and each is due once: at the first instant at
 * which the clocks show it or have passed it. So what a clock set forward skips is due as it is
 * set, all of it together once; what a clock set back shows twice is due the first time.
 */
#pragma once

#include "zone.h"

enum { CRON_TEXT_MAX = 200 }; /* bytes */

/* A bit for each value that fits. */
struct cron {
    uint64_t minutes;
    uint32_t hours, month_days, months;
    uint32_t week_days;
    bool month_days_any, week_days_any; /* the field begins with `*` */
};

/*
 * ERR_INVALID "cron-syntax", with the field and what is wrong with it; "cron-never": there is no
 * such day, as of "0 0 30 2 *".
 */
enum err cron_parse(str text, struct cron *out_cron);

/* The first instant after `after` that is meant; INSTANT_NEVER: none in the next sixty years. */
instant cron_next(const struct cron *cron, const struct zone *zone, instant after);
