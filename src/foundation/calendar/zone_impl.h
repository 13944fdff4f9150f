/* zone_impl: what a zone is made of. Times are seconds since the epoch. */
#pragma once

#include "zone.h"

/* The day of a rule: Mm.w.d, Jn or n of POSIX. */
enum zone_day_kind { ZONE_DAY_WEEK, ZONE_DAY_JULIAN, ZONE_DAY_ZERO };
struct zone_day {
    enum zone_day_kind kind;
    int month, week, day; /* of ZONE_DAY_WEEK 1-12, 1-5, 0-6; else the day of the year alone */
    int32_t time_s;       /* of the local day; may be negative or beyond it */
};

/* For ever, after the last transition of the table. */
struct zone_rule {
    int32_t standard_s, summer_s; /* ahead of UTC */
    bool has_summer;
    struct zone_day begins, ends; /* by standard time, by summer time */
};

struct zone {
    const int64_t *at;      /* ascending */
    const int32_t *offsets; /* from at[i] on */
    unsigned count;
    int32_t first_offset; /* before at[0] */
    bool has_rule;
    struct zone_rule rule;
};

/* RFC 9636 3.2: -25 h < offset < 26 h. */
enum { ZONE_OFFSET_MIN = -89999, ZONE_OFFSET_MAX = 93599 };

/* zone_rule.c */

/* "CET-1CEST,M3.5.0,M10.5.0/3". False: it is no such text. */
bool zone_rule_parse(str text, struct zone_rule *out_rule);
/* A stretch of time in which the offset is one. */
struct zone_stretch {
    int32_t offset;
    int64_t end; /* not included; INT64_MAX: none */
};
struct zone_stretch zone_rule_stretch(const struct zone_rule *rule, int64_t at);
