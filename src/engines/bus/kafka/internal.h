/*
 * internal: the parts of the Kafka driver. librdkafka does its work on threads of its own; what it
 * has to say it says on a thread of ours for each client, which never runs on a loop, and tasks
 * wait for that thread by a struct waiter.
 */
#pragma once

#include "kafka.h"
#include "library.h"

#include "engines/bus/cloudevent/cloudevent.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    KAFKA_TEXT_MAX = 256,
    KAFKA_TOPICS_MAX = 64,
    KAFKA_NAME_MAX = 249,       /* of a topic, by Kafka's own rule */
    KAFKA_OUTGOING_MAX = 32768, /* events of a relay that are not acknowledged */
    KAFKA_POLL_MS = 100         /* how soon a thread of ours sees that it is to end */
};

/* --- A task that waits for a thread of ours -----------------------------------------------------
 */

/*
 * A condition variable between a thread and one task at a time: looked at and changed with the
 * mutex held, which waiter_await() lets go while it waits. Wakes may come for nothing: look again.
 * What is posted to the loop is the bell, which outlives the waiter until it was rung.
 */
struct bell;
struct waiter {
    pthread_mutex_t *mutex;
    struct bell *bell;
    bool called; /* since the last wait */
};
void waiter_init(struct waiter *waiter, pthread_mutex_t *mutex);
/* Nobody waits any more. With the mutex held; then waiter_wake() does nothing. */
void waiter_deinit(struct waiter *waiter);
/* Until waiter_wake(), the deadline or a cancellation. */
TASK_FN enum err waiter_await(struct waiter *waiter);
/* The same; neither deadline nor cancellation ends it. For who has lent its memory to the thread.
 */
TASK_FN void waiter_await_lent(struct waiter *waiter);
/* Any thread. */
void waiter_wake(struct waiter *waiter);

/* --- Clients (client.c) -------------------------------------------------------------------------
 */

/* What every client is set up with. ERR_INVALID "kafka-settings". */
enum err client_conf_make(const struct kafka_settings *settings, rd_kafka_conf_t **out_conf);
/* ERR_INVALID "kafka-settings": no such setting, or no such value. */
enum err client_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value);
enum err client_conf_put_number(rd_kafka_conf_t *conf, const char *name, int64_t value);
/* Takes the conf in any case. */
enum err client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out_client);
/* What Kafka's error means to who called: ERR_UNAVAILABLE "kafka-unreachable" and others. */
enum err client_error(rd_kafka_resp_err_t code, const char *what);

/* --- The log: topics, and sending past the outbox (kafka.c, topics.c, send.c)
 * --------------------- */

struct topic {
    const char *feed;              /* as the types name it */
    char name[KAFKA_NAME_MAX + 1]; /* with the prefix */
};

struct bus_log {
    const struct bus_spec *spec;
    const struct kafka_settings *settings;
    struct topic topics[KAFKA_TOPICS_MAX];
    unsigned topics_count;

    /* One client makes the topics and sends directly; its thread polls it. */
    rd_kafka_t *client;
    pthread_t thread;
    atomic_bool ends;
    atomic_bool topics_made;
    pthread_mutex_t mutex;
    char trouble[KAFKA_TEXT_MAX]; /* why the topics are not made yet; under the mutex */

    struct bus_relay *ended; /* whose threads may still be at it */
};

/* The topics all that is declared here needs. ERR_INVALID "kafka-settings": a name is none. */
enum err topics_collect(struct bus_log *log);
/* NULL: it is none of ours. */
const struct topic *topics_find(const struct bus_log *log, const char *feed);
/* One step of making them; called by the log's thread until it returns true. */
struct topics_maker;
struct topics_maker *topics_maker_new(struct bus_log *log);
bool topics_maker_step(struct topics_maker *maker);
void topics_maker_free(struct topics_maker *maker);
/* Waits for them a few seconds. ERR_UNAVAILABLE "kafka-unreachable". */
TASK_FN enum err topics_await(struct bus_log *log);

/* Delivery reports of send(). */
void send_on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);
TASK_FN enum err kafka_send(struct bus_log *log, const struct bus_type *type,
                            const struct bus_event *event, struct bus_place *out_place);

/* --- Records (record.c)
 * --------------------------------------------------------------------------- */

/*
 * Hands one event to the producer: `topic` a handle of that client, `opaque` comes back with the
 * delivery report. ERR_EXHAUSTED "kafka-full": its queue is. Copies everything.
 */
enum err record_produce(rd_kafka_t *client, rd_kafka_topic_t *topic, const struct bus_event *event,
                        void *opaque);
/*
 * A message as a record, all of it copied into the arena, whose way out is not taken:
 * ERR_EXHAUSTED. What is no event of ours is a broken record, not a failure. The lane is the
 * caller's to fill in.
 */
enum err record_read(struct arena *arena, const rd_kafka_message_t *message,
                     struct bus_record *out_record);

/* --- The relay (relay.c) and groups (reader.c)
 * ------------------------------------------------------ */

TASK_FN enum err kafka_relay_open(struct bus_log *log, const struct bus_context *context,
                                  struct bus_relay **out_relay);
TASK_FN enum err kafka_relay_put(struct bus_relay *relay, const struct bus_outgoing *outgoing);
TASK_FN enum err kafka_relay_await(struct bus_relay *relay, int64_t above, int64_t *out_position);
void kafka_relay_close(struct bus_relay *relay);
/* Frees those that were closed and whose threads have ended; with `waits`, all of them. */
void relays_free(struct bus_log *log, bool waits);

TASK_FN enum err kafka_join(struct bus_log *log, const struct bus_reader_spec *spec,
                            struct bus_reader **out_reader);
TASK_FN enum err kafka_read(struct bus_reader *reader, const struct bus_read *read,
                            struct bus_batch *out_batch);
void kafka_wake(struct bus_reader *reader);
void kafka_reached(struct bus_reader *reader, const struct bus_reach *reached, unsigned count);
struct bus_lag kafka_behind(const struct bus_reader *reader);
TASK_FN void kafka_leave(struct bus_reader *reader);
