/*
 * zone: time zones, read from the system's tzdata (TZif, RFC 9636 and its forerunner RFC 8536, with
 * the rule of POSIX.1-2017 8.3 in the footer for the years to come). Offsets alone: no names of
 * zones in summer, no leap seconds.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

enum {
    ZONE_NAME_MAX = 64,              /* bytes of "America/Argentina/ComodRivadavia" and its like */
    ZONE_FILE_BYTES_MAX = 64 * 1024, /* the largest of tzdata has 4 KiB */
    ZONE_TRANSITIONS_MAX = 4096,     /* the most of tzdata are 240 */
};

struct zone;

/* Always the same, allocated by nobody. */
const struct zone *zone_utc(void);
/*
 * The zone called so ("Europe/Berlin"); empty and "UTC" are zone_utc(). In the arena. Reads a small
 * file. ERR_INVALID "zone-unknown": no such name here (or no tzdata at all, which is said);
 * "zone-file": no zone in it, or one beyond the limits.
 */
enum err zone_load(struct arena *arena, str name, const struct zone **out_zone);
/* Where zone files are, for tests; NULL: where the system has them. Not while zones are loaded. */
void zone_folder_use(const char *folder);

/* The bytes of a TZif file, version 1 to 4. In the arena. ERR_INVALID "zone-file". */
enum err zone_parse(struct arena *arena, str bytes, const struct zone **out_zone);

/* What the zone's clocks are ahead of UTC at an instant, whole seconds. */
span zone_offset(const struct zone *zone, instant at);
/*
 * Seconds since 1970-01-01T00:00:00 as the zone's clocks show it, and the first instant at which
 * they show that or have passed it: of a time that comes twice (clocks set back) the first, of one
 * that is skipped (clocks set forward) the moment after the gap. Never falls as `local_s` grows.
 */
instant zone_first(const struct zone *zone, int64_t local_s);
