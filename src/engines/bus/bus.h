/*
 * bus: events. Who writes rows publishes what happened in the same transaction (the outbox), so an
 * event exists exactly when its cause does. Events of one aggregate keep their order for ever;
 * those of different ones have an order too, but no promise is made about it. A group of consumers
 * gets every event of the types it subscribes to; the rows its handlers write and the mark that
 * says how far it has come are one transaction, so an effect happens once, whatever is delivered
 * twice.
 *
 * The log that groups read is a driver's (driver.h): the outbox tables themselves, or Kafka, fed
 * from them. Publishing and handlers are the same on both. docs/internals/bus.md is the tour.
 *
 * The tables are those of BUS_SQL; a context that publishes or consumes lists it in its db_spec.
 */
#pragma once

#include "engines/db/db.h"
#include "foundation/task/task.h"

/* To be named in a context's db_spec. */
extern const struct db_module BUS_SQL;

enum {
    BUS_TYPE_MAX = 64,        /* bytes of a type's name */
    BUS_AGGREGATE_MAX = 200,  /* bytes of an aggregate's */
    BUS_DATA_MAX = 64 * 1024, /* bytes of an event's JSON */
    BUS_GROUP_MAX = 64,       /* bytes of a group's name */
    BUS_LIST_MAX = 200
};

/* --- What modules declare --------------------------------------------------------------------- */

/*
 * A type of event. What it means never changes: fields are added or deprecated. The version is
 * raised when a reader that does not know of a change would do wrong; such an event waits until a
 * program that knows it is there.
 */
struct bus_type {
    const char *name; /* "title.published": a noun and what has happened to it; [a-z0-9._-] */
    unsigned version; /* from 1 */
    const struct shape *shape; /* of its data */
    const char
        *topic; /* "movie-events": where it goes on Kafka; of one context only. Else a label */
    const char *doc;
    bool deprecated;
};

/* The events table of a module. */
struct bus_types {
    const char *module;
    const struct bus_type *const *items;
    unsigned count;
};
#define BUS_TYPES(table_name, module_name, ...)                                                    \
    static const struct bus_type *const table_name##_items[] = { __VA_ARGS__ };                    \
    extern const struct bus_types table_name;                                                      \
    const struct bus_types table_name = { module_name, table_name##_items,                         \
                                          ARRAY_LEN(table_name##_items) }

/* --- Publishing ---------------------------------------------------------------------------------
 */

struct bus_new {
    const struct bus_type *type;
    str aggregate;    /* "title/42": what it happened to; events of one keep their order */
    const void *data; /* a record of the type's shape */
};

/*
 * Publishes in the caller's transaction; consumers learn of it by the commit. It takes the lock of
 * the aggregate until then: who publishes for the same one waits, or is run again. ERR_INVALID
 * "event-aggregate", ERR_TOO_LARGE "event-data".
 */
enum err bus_publish(struct db_tx *tx, const struct bus_new *event);

/* Where a log keeps an event: on Kafka as the broker counts, else the lane and the position. */
struct bus_place {
    const char *topic; /* the type's */
    unsigned partition;
    int64_t offset;
};

/* --- Consuming ----------------------------------------------------------------------------------
 */

struct bus_event {
    str id;     /* unique for ever; the same however often it is delivered */
    str source; /* the context it happened in; of events that are not ours what their envelope says
                 */
    str type;
    unsigned version; /* of the type */
    str aggregate;
    int64_t
        aggregate_version; /* 1 for the first of its aggregate, then one more each; 0: unknown */
    int64_t position; /* in its source's log: grows, may skip numbers; 0: it is of no such log */
    instant at;       /* when it was published, by that clock */
    str data;         /* JSON */
};
/*
 * The data as a record of its type's shape, fields not known passed over. In the arena. ERR_INVALID
 * as shape_parse_json().
 */
enum err bus_event_read(struct arena *arena, const struct bus_event *event,
                        const struct bus_type *type, void *out_record);

/*
 * A handler: part of a transaction (db.h), so it has no effect but on its own database, awaits
 * nothing but db_*, and may be run again. Its failure undoes what it did, alone; it is tried again
 * after a back-off if that may help (err_info()->retryable, or ERR_INTERNAL) until attempts_max;
 * then, or at once, the event becomes a dead letter. Meanwhile later events of the same aggregate
 * wait, and only they.
 */
typedef enum err (*bus_fn)(struct db_tx *tx, const struct bus_event *event, void *arg);

struct bus_subscription {
    const struct bus_type *type; /* NULL: every event of every context, also of unknown types */
    bus_fn fn;
};

enum bus_from { BUS_FROM_START, BUS_FROM_END };

/* A group of consumers: each event is handled by one of its members, of whatever process. */
struct bus_group {
    const char *name; /* "search.index": for ever the same, it is the key to its marks */
    const struct bus_subscription *subscriptions;
    unsigned subscriptions_count;
    enum bus_from from; /* where a group begins that has never run */
    unsigned batch_max; /* events a transaction; 0: 512 */
    /* Parts handled at the same time, over all processes; 0: 1. On Kafka those are partitions. */
    unsigned lanes;
    unsigned attempts_max; /* 0: 6 */
    span backoff;          /* before the second attempt, then doubled, half of it random; 0: 1 s */
    span backoff_max;      /* 0: 5 min */
    unsigned dead_in_row_max; /* so many dead letters in a row pause the group; 0: 100 */
};

/* --- Life ---------------------------------------------------------------------------------------
 */

struct bus_driver; /* driver.h */

/* A context whose events are in this process' reach. */
struct bus_context {
    struct db *db;
    const struct bus_types *const *types; /* of its modules */
    unsigned types_count;
};

/* A group that runs here. Its marks, what it retries and its dead letters are in its database. */
struct bus_member {
    const struct bus_group *group;
    struct db *db;
    void *arg; /* for its handlers */
};

/* What a context's log keeps. What no group (nor the relay) needs any more and is over either. */
struct bus_retention {
    span age;           /* 0: 7 days */
    int64_t events_max; /* 0: 10,000,000 */
    /* Also what a group still needs, when it is over this age; 0: never. */
    span age_unconditional;
};

struct bus_spec {
    const struct bus_driver *driver;
    const void *driver_settings;        /* as the driver's header says; NULL: none */
    const struct bus_context *contexts; /* all that is here stays in use */
    unsigned contexts_count;
    const struct bus_member *members;
    unsigned members_count;
    struct bus_retention retention;
    span poll;       /* how often logs are looked at without a hint; 0: 250 ms */
    span lease;      /* of lanes; 0: 10 s */
    bool sole_owner; /* no other process has these databases */
    uint64_t seed;   /* of the jitter; 0: random */
};

struct bus;
/*
 * Starts the bus: tasks on the loop. On the loop's thread; returns before anything was read. A
 * group or topic declared twice is a bug.
 */
enum err bus_start(struct loop *loop, const struct bus_spec *spec, struct bus **out_bus);
/* Looks at everything now: after a test's clock was moved. Loop thread. */
void bus_wake(struct bus *bus);
/*
 * Ends what runs after its transaction and waits for it. To be called before the loop is stopped;
 * without it the next start finds everything by leases.
 */
TASK_FN void bus_stop(struct bus *bus);
/* Frees it. bus_stop() has returned, or the loop has. */
void bus_close(struct bus *bus);

/*
 * Publishes past the outbox and returns when the log has acknowledged it, with its place. For who
 * must answer with that place. Within the task's deadline; ERR_UNAVAILABLE "bus-unreachable" or
 * ERR_TIMEOUT: it was not, and nothing is kept to be sent later.
 */
TASK_FN enum err bus_send(struct bus *bus, const struct bus_new *event,
                          struct bus_place *out_place);

/* --- Looking after groups -----------------------------------------------------------------------
 */

/*
 * Of a group's database, by name. Paused, nothing of it is handled, in any process, until it is
 * resumed; `why` is for people. ERR_NOT_FOUND "no-group".
 */
enum err bus_group_pause(struct db_tx *tx, str group, str why);
enum err bus_group_resume(struct db_tx *tx, str group);

struct bus_group_state {
    str name;
    bool paused;
    str paused_why;
    int64_t retrying; /* events that wait for their next attempt, or behind such a one */
    int64_t dead;
};
/* ERR_NOT_FOUND "no-group": it has never run. */
enum err bus_group_get(struct db_tx *tx, str group, struct bus_group_state *out_state);
struct bus_groups {
    const struct bus_group_state *items;
    unsigned count;
};
enum err bus_group_list(struct db_tx *tx, struct bus_groups *out_groups);

/* How far a group is behind, for what this process reads of it. */
struct bus_lag {
    int64_t events; /* published and not yet handled */
    span age;       /* of the oldest of them */
};
/* Loop thread. ERR_NOT_FOUND "no-group": it does not run here. */
enum err bus_lag_get(const struct bus *bus, str group, struct bus_lag *out_lag);

struct bus_stats {
    uint64_t sequenced;  /* given a place in the log by this process */
    uint64_t relayed;    /* acknowledged by the broker */
    uint64_t handled;    /* effects committed */
    uint64_t duplicates; /* delivered again and passed over */
    uint64_t retried, dead;
    uint64_t lanes_lost;    /* another process had taken a lane over */
    uint64_t rounds_failed; /* a database or the log refused; tried again */
};
/* Loop thread. */
struct bus_stats bus_stats(const struct bus *bus);

/* --- Rebuilding ---------------------------------------------------------------------------------
 */

/*
 * A projection is made anew beside the live one: a second group whose handlers write to other
 * tables reads the log from its beginning, on a bus of its own. When it is near the end that bus is
 * stopped, and bus_swap() puts the new rows in the place of the old.
 */
struct bus_swap {
    const struct bus_member *live; /* goes on */
    const struct bus_member
        *shadow; /* has been stopped; of the same database and number of lanes */
    /*
     * Compares and swaps, in one transaction in which both have handled the same events. Its
     * failure leaves everything as it was.
     */
    db_tx_fn fn;
    void *arg;
};
/*
 * Hands the shadow's handlers what the live group has had since, calls fn, and forgets the shadow;
 * all in one transaction, beside which others read, publish and consume. Within the task's
 * deadline; on the embedded log only. ERR_PRECONDITION "swap-waiting": events of one of them wait
 * to be tried again, or are dead letters of the shadow; "swap-lanes"; "swap-behind": the shadow is
 * more than BUS_SWAP_MAX events behind.
 */
enum { BUS_SWAP_MAX = 5000 };
TASK_FN enum err bus_swap(struct bus *bus, const struct bus_swap *swap);

/* --- Dead letters -------------------------------------------------------------------------------
 */

/* Of a group's database. */
struct bus_dead {
    int64_t id;
    str group;
    struct bus_event event;
    str slug, text; /* the last failure */
    unsigned attempts;
    instant died_at;
};
struct bus_dead_filter {
    str group;      /* empty: all */
    int64_t before; /* ids below this only (the cursor); 0: from the newest */
    unsigned limit; /* 1 … BUS_LIST_MAX */
};
struct bus_dead_page {
    const struct bus_dead *items;
    unsigned count;
    int64_t next; /* the `before` of the next page, or 0 */
};
/* Newest first. */
enum err bus_dead_list(struct db_tx *tx, const struct bus_dead_filter *filter,
                       struct bus_dead_page *out_page);
/* ERR_NOT_FOUND "no-dead-letter", as all below. */
enum err bus_dead_get(struct db_tx *tx, int64_t id, struct bus_dead *out_dead);
/* Replaces its data, which is JSON. ERR_INVALID, ERR_TOO_LARGE "event-data". */
enum err bus_dead_edit(struct db_tx *tx, int64_t id, str data);
/*
 * Handles it once more, its attempts counted from zero, before later events of its aggregate that
 * wait; those that were handled meanwhile were handled before it.
 */
enum err bus_dead_replay(struct db_tx *tx, int64_t id);
enum err bus_dead_drop(struct db_tx *tx, int64_t id);
