/* schedules_impl: a schedule as the files of this folder have it. */
#pragma once

#include "internal.h"
#include "schedules.h"

#include "foundation/calendar/cron.h"

struct schedule_row {
    int64_t id;
    struct schedule_new said;
    bool paused;
    instant next_at, last_at; /* INSTANT_NEVER: NULL */
    int64_t last_job, fired, passed_over;
    str problem; /* ptr NULL: none */
};
void schedule_of_row(const struct db_row *row, struct schedule_row *out);

/* When, ready to be asked. The zone is in the arena. */
struct schedule_when {
    enum schedule_kind kind;
    instant begins_at;
    span every;
    struct cron cron;
    const struct zone *zone;
};
enum err schedule_when_read(struct arena *arena, const struct schedule_new *schedule,
                            struct schedule_when *out_when);
/* The first due instant after that one; INSTANT_NEVER: none. */
instant schedule_when_next(const struct schedule_when *when, instant after);
