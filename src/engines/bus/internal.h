/* internal: the running bus, shared by the files of this folder. */
#pragma once

#include "driver.h"

#include "foundation/task/loop.h"

enum {
    OWNER_TEXT = 17,
    GROUPS_MAX = 64,
    CONTEXTS_MAX = 8,
    TOPICS_MAX = 64,
    LANES_MAX = 256,   /* of one group in this process */
    BLOCKED_MAX = 1000 /* aggregates of a lane that wait; then the lane does */
};

/* --- Groups ----------------------------------------------------------------------------------- */

/* One part of a feed, as long as it is ours. */
struct lane {
    struct group *group;
    struct bus_lane id;
    struct bus_mark mark; /* in the database */
    struct bus_mark done; /* at least that; beyond it there was nothing to do */
    bool gone;            /* another owner has written: nothing of ours is valid */
    /* Of the batch. */
    const struct bus_record **records;
    unsigned records_count, next;
    int64_t reach;      /* when all of them are done */
    bool stuck;         /* it waits for what is retried, or for its database */
    unsigned chunk_max; /* so many in the next transaction: few after a failure */
    /* Hashes of the aggregates that wait; the database is asked before one is believed. */
    uint64_t *blocked;
    unsigned blocked_count;
    instant due_at; /* of the next attempt; INSTANT_NEVER */
};

struct group {
    struct bus *bus;
    const struct bus_member *member;
    const struct bus_group *spec; /* the member's, for short */
    unsigned number;              /* in metrics */
    char owner[OWNER_TEXT];       /* who we are: no one else has ever been */
    struct bus_reader *reader;    /* NULL: not joined */
    struct bus_reader_spec reader_spec;
    const char *feeds[TOPICS_MAX];
    struct task *task;
    struct lane *lanes[LANES_MAX];
    unsigned lanes_count;
    bool paused;
    bool held; /* records of the batch are left */
    unsigned dead_in_row;
    uint64_t random;
    span backoff;                        /* after failures of a database or the log */
    instant look_at, save_at, cursor_at; /* clock_mono(): when next */
    int64_t cursors[CONTEXTS_MAX];       /* written last, by context */
};

/* --- Contexts --------------------------------------------------------------------------------- */

/* What a process does for a context's log: positions, pruning; and who is told of it. */
struct pump {
    struct bus *bus;
    const struct bus_context *context;
    struct task *task;
    struct db_listener on_events, on_log;
    _Atomic bool events_posted, log_posted;
    bool poked;
    instant prune_at; /* clock_mono() */
};

/* A context's log to a log elsewhere; of all processes one does it. */
struct relaying {
    struct bus *bus;
    const struct bus_context *context;
    struct task *task;
    struct bus_relay *relay; /* the driver's; NULL: closed */
    char owner[OWNER_TEXT], log[33];
    int64_t put, acked, saved; /* positions: given to the driver, acknowledged, in the database */
    bool poked;
    instant save_at; /* clock_mono() */
};

struct bus {
    struct loop *loop;
    struct bus_spec spec; /* defaults filled in */
    struct bus_log *log;
    struct pump pumps[CONTEXTS_MAX];
    struct relaying relays[CONTEXTS_MAX];
    struct group *groups[GROUPS_MAX];
    unsigned running; /* tasks */
    bool stopping;
    struct task *stopper;
    struct bus_stats stats;
};

/* bus.c */
/* The JSON of an event's data. ERR_TOO_LARGE "event-data". */
enum err bus_data_write(struct arena *arena, const struct bus_new *event, str *out_data);
/* ERR_INVALID "event-aggregate". */
enum err bus_new_check(const struct bus_new *event);

/* group.c */
TASK_FN enum err group_main(void *group);
struct lane *group_lane(const struct group *group, struct bus_lane id);
/* The group's database or the log refuses for now; grows with every failure in a row. */
span group_backoff(struct group *group);
uint64_t group_random(struct group *group);

/* lane.c */
/* Handles what the batch has for the lane. OK also when some is left (lane->stuck). */
TASK_FN enum err lane_run(struct lane *lane);
/* Writes the marks of lanes of which there was nothing to do but to go on. */
TASK_FN enum err lanes_save(struct group *group);
/* What the database knows of it: after a commit whose outcome is not known. */
TASK_FN enum err lane_refresh(struct lane *lane);

/* Which handler is for it; NULL: none of the group's. */
const struct bus_subscription *subscription_find(const struct bus_group *group,
                                                 const struct bus_event *event);
/* Runs it, or says that the event is of a newer program. */
enum err subscription_call(struct db_tx *tx, const struct bus_member *member,
                           const struct bus_subscription *subscription,
                           const struct bus_event *event);

/* waiting.c */
/* Why an event was not handled. */
struct failure {
    enum err code;
    char slug[ERR_FIELD_MAX];
    char text[ERR_TEXT_MAX];
    unsigned attempts; /* so far */
};
/* From the error slot. */
void failure_take(struct failure *failure, enum err code);
/* Whether to try again, and when. */
bool failure_passes(struct group *group, const struct failure *failure, instant *out_due_at);
/* Puts a record aside: to be tried again, behind one that is, or as a dead letter. In a
 * transaction of the lane. */
enum err waiting_put(struct db_tx *tx, const struct lane *lane, const struct bus_record *record,
                     const struct failure *failure, instant due_at);
enum err waiting_put_behind(struct db_tx *tx, const struct lane *lane,
                            const struct bus_record *record);
enum err dead_put(struct db_tx *tx, const struct lane *lane, const struct bus_record *record,
                  const struct failure *failure);
bool lane_blocks(const struct lane *lane, str aggregate);
void lane_block(struct lane *lane, str aggregate);
/* Reads what waits of a lane. */
TASK_FN enum err lane_look(struct lane *lane);
/* Tries again what is due. */
TASK_FN enum err lane_retry(struct lane *lane);
/* Too many dead letters in a row: something else than events is wrong. */
TASK_FN enum err group_count_dead(struct group *group);

/* pump.c */
TASK_FN enum err pump_main(void *pump);
void pump_poke(struct pump *pump);

/* relay.c */
TASK_FN enum err relay_main(void *relaying);
void relay_poke(struct relaying *relaying);
/* It has ended: what it knows is written down, so that another process begins at once. */
TASK_FN void relay_leave(struct relaying *relaying);

/* embedded.c */
struct origin {
    const char *context;
    const char *log; /* its name, db_events_log() */
};
/* What a row of the log is as an event, its texts in the arena. */
struct bus_event event_of_logged(struct arena *arena, struct origin origin,
                                 const struct db_logged *logged);

/* leases.c: who has which lane of the embedded log */
struct lease_ask {
    const struct bus_member *member;
    const char *feed, *owner;
    unsigned lanes_wanted;
    span lease;
    bool sole;
};
struct lease_answer {
    unsigned lanes; /* in all */
    bool ours[LANES_MAX];
    bool anew[LANES_MAX]; /* it was another's meanwhile, if only for a while */
};
/* Extends what is ours, takes what is free and ours to take, gives back what is another's turn. */
TASK_FN enum err leases_beat(const struct lease_ask *ask, struct lease_answer *out_answer);
/* Which it would give back: they are let go of first. */
TASK_FN enum err leases_leave(const struct lease_ask *ask);
unsigned lane_of(str aggregate, unsigned lanes);

/* meters.c */
void bus_meters_open(const struct bus *bus);
void meter_handled(const struct group *group, uint64_t handled);
void meter_failed(const struct group *group, bool dead);
void meter_lag(const struct group *group, struct bus_lag lag);
