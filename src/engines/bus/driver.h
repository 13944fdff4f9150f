/*
 * driver: what stands behind the bus: the log that groups read, and for a log that is not the
 * outbox itself, the target of the relay. The port (this folder) keeps marks, retries, dead letters
 * and the relay's place in the databases, runs the handlers and knows what is a duplicate; a driver
 * moves events. Everything here is called on the loop's thread, in tasks of the port unless it says
 * otherwise. Only drivers, the port and who names one in a bus_spec include this.
 *
 * Words. A FEED is what a driver reads as one: a context's log, or a topic. A LANE is a part of a
 * feed whose events are handled in order: a share of the aggregates, or a partition. A lane belongs
 * to one member of a group at a time; a driver may be mistaken about that for a while (a lease that
 * ran out, a rebalance), the port's transactions are not.
 */
#pragma once

#include "bus.h"

struct bus_lane {
    const char *feed; /* the context's name or the topic: the spec's own pointer */
    unsigned number;
};

/* How far a group has come in a lane. */
struct bus_mark {
    int64_t offset; /* of the last record read and done with; reading goes on after it; -1: none */
    int64_t position; /* the highest bus_event.position of those; 0: none had one */
};

/*
 * One record of a lane. A record whose offset is not above the mark's, or whose event has a
 * position that is not, was there before and is passed over by the port: drivers deliver again as
 * they like, but never leave out, and a lane's offsets only grow.
 */
struct bus_record {
    struct bus_lane lane;
    int64_t offset;
    struct bus_event event; /* of a broken one what could be read, its data the raw text */
    /* OK; or why it is no event (ERR_INVALID "envelope"): it becomes a dead letter, unread. */
    enum err broken;
    str broken_why;
};

/* Up to where a lane has been read with this batch, though it had no record in it. */
struct bus_reach {
    struct bus_lane lane;
    int64_t offset;
};

struct bus_batch {
    const struct bus_record *records; /* in order, of any lanes */
    unsigned records_count;
    const struct bus_reach *reached; /* each lane once; may be empty where records say it all */
    unsigned reached_count;
};

/* --- For readers --------------------------------------------------------------------------------
 */

struct bus_reader_spec {
    const struct bus_member *member;
    const char *const *feeds; /* topics, or contexts' names where the driver's log is the outbox */
    unsigned feeds_count;
    /*
     * Called within read(), in its task. These lanes are ours from now on: where to read on in
     * each; an offset of -1: where bus_group.from says, and the lane is among what was reached by
     * the next batch even when it is empty. A failure is returned by read() as it is, and none of
     * them is ours.
     */
    TASK_FN enum err (*on_lanes)(void *arg, const struct bus_lane *lanes, unsigned count,
                                 struct bus_mark *out_marks);
    /* They are no longer; nothing of them is under way after this returned. */
    TASK_FN void (*on_lanes_gone)(void *arg, const struct bus_lane *lanes, unsigned count);
    void *arg;
};

struct bus_read {
    struct arena *arena;  /* of records and their texts */
    unsigned records_max; /* 0: none are wanted (paused), only membership is kept */
    span wait;            /* for the first record, at most */
};

/* --- For the relay ------------------------------------------------------------------------------
 */

struct bus_log;    /* a driver embeds nothing: these are its own */
struct bus_reader; /* of one group in this process */
struct bus_relay;  /* of one context in this process */

/* One side of the outbox: events in the order of their positions. */
struct bus_outgoing {
    const struct bus_event *events;      /* texts are valid during the call only */
    const struct bus_type *const *types; /* of each; NULL: of a type no module declares */
    unsigned count;
};

struct bus_driver {
    const char *name;
    /* Feeds are contexts and the outbox is the log: there is no relay, its calls are NULL. */
    bool embedded;
    /*
     * Nothing need be reachable yet. ERR_INVALID: the settings. `spec` stays in use. Not in a task.
     */
    enum err (*open)(struct loop *loop, const struct bus_spec *spec, struct bus_log **out_log);
    /* Readers and relays have been left. Not in a task. */
    void (*close)(struct bus_log *log);

    /* --- Consumer side --- */

    /* Enters the group. `spec` stays in use. */
    TASK_FN enum err (*join)(struct bus_log *log, const struct bus_reader_spec *spec,
                             struct bus_reader **out_reader);
    /*
     * Waits for records and returns what there is, without waiting for more; none when the time is
     * over or it was woken. Lanes come and go in here, never between calls. ERR_UNAVAILABLE and
     * others that may pass: the port calls again after a while. ERR_CANCELLED with the task.
     */
    TASK_FN enum err (*read)(struct bus_reader *reader, const struct bus_read *read,
                             struct bus_batch *out_batch);
    /* Ends a read() that waits, or the next one. Loop thread, any task or callback. */
    void (*wake)(struct bus_reader *reader);
    /* So far the group has come, durably: for who looks from outside. May be put off. */
    void (*reached)(struct bus_reader *reader, const struct bus_reach *reached, unsigned count);
    /* What the lanes of this reader have beyond what was read; an estimate. */
    struct bus_lag (*behind)(const struct bus_reader *reader);
    /* Leaves the group, so that others have its lanes at once. */
    TASK_FN void (*leave)(struct bus_reader *reader);

    /* --- Relay: the outbox of a context to the log --- */

    /* One process at a time has a context's relay; the port sees to it. */
    TASK_FN enum err (*relay_open)(struct bus_log *log, const struct bus_context *context,
                                   struct bus_relay **out_relay);
    /*
     * Takes all of them to be sent, each after those before it to the same partition, by aggregate.
     * Suspends while there is no room, so that memory stays flat while the broker is away.
     */
    TASK_FN enum err (*relay_put)(struct bus_relay *relay, const struct bus_outgoing *outgoing);
    /*
     * Waits until more than `above` is acknowledged; the position up to which everything put is, by
     * the log as durably as the settings ask. A failure that does not pass by itself (a message
     * refused, a fenced producer) is returned once nothing more will be acknowledged: the relay is
     * closed and opened anew after a back-off, from what was.
     */
    TASK_FN enum err (*relay_await)(struct bus_relay *relay, int64_t above, int64_t *out_position);
    /* What was not acknowledged is dropped: it is in the outbox. */
    void (*relay_close)(struct bus_relay *relay);

    /* --- Directly --- */

    /* bus_send(): `event` has an id, a source and a time. As durable as the relay's. */
    TASK_FN enum err (*send)(struct bus_log *log, const struct bus_type *type,
                             const struct bus_event *event, struct bus_place *out_place);
};

/* The outbox tables themselves. */
extern const struct bus_driver bus_embedded;
