/*
 * relay: the outbox of one context to its topics, by an idempotent producer of its own. What was
 * put is numbered; the delivery reports fill a ring, and what is acknowledged is the longest
 * beginning of it without a gap. Messages never time out: while no broker answers the ring is full
 * and who puts waits, so memory stays flat and the order is that of the outbox.
 *
 * A message that is refused would leave a gap in its partition, and what came after it would hide
 * it from readers who go by positions. So the first failure ends the producer ("gapless"), and the
 * relay begins anew from what was acknowledged.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { QUEUE_KB = 32768, NAME_HANDLES_MAX = KAFKA_TOPICS_MAX };

struct slot {
    int64_t position;
    bool done;
};

struct bus_relay {
    struct bus_log *log;
    const struct bus_context *context;
    rd_kafka_t *client;
    rd_kafka_topic_t *handles[NAME_HANDLES_MAX]; /* by the index of the log's topics */
    pthread_t thread;
    atomic_bool ends, ended;
    struct bus_relay *next; /* of the log's ended ones */

    pthread_mutex_t mutex; /* guards what is below */
    struct slot *ring;     /* of KAFKA_OUTGOING_MAX */
    uint64_t head, tail;   /* the first that is not acknowledged, the next to be put */
    int64_t acknowledged;  /* a position */
    enum err failure;      /* the first one; final once head has nothing to wait for */
    struct err_slot why;
    struct waiter putter, awaiter;
};

/* --- The thread ---------------------------------------------------------------------------------
 */

/* Mutex held. Only the first is told: the others follow from it. */
static void fail(struct bus_relay *relay, rd_kafka_resp_err_t code, const char *what)
{
    if (relay->failure != OK)
        return;
    relay->failure = client_error(code, what);
    relay->why = *err_slot();
    waiter_wake(&relay->putter);
    waiter_wake(&relay->awaiter);
}

static void on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct bus_relay *relay = opaque;
    uint64_t number = (uint64_t)(uintptr_t)message->_private;
    (void)client;
    pthread_mutex_lock(&relay->mutex);
    if (message->err)
        fail(relay, message->err, "Kafka did not take an event");
    else
        relay->ring[number % KAFKA_OUTGOING_MAX].done = true;
    pthread_mutex_unlock(&relay->mutex);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct bus_relay *relay = opaque;
    char text[KAFKA_TEXT_MAX];
    (void)reason;
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        return; /* it passes by itself */
    rk.fatal_error(client, text, sizeof(text));
    pthread_mutex_lock(&relay->mutex);
    fail(relay, RD_KAFKA_RESP_ERR__FATAL, text);
    pthread_mutex_unlock(&relay->mutex);
}

/* What the reports of one poll have come to. */
static void acknowledge(struct bus_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    uint64_t head = relay->head;
    while (head < relay->tail && relay->ring[head % KAFKA_OUTGOING_MAX].done)
        relay->acknowledged = relay->ring[head++ % KAFKA_OUTGOING_MAX].position;
    if (head > relay->head) {
        relay->head = head;
        waiter_wake(&relay->putter);
        waiter_wake(&relay->awaiter);
    }
    pthread_mutex_unlock(&relay->mutex);
}

static void *relay_thread(void *arg)
{
    struct bus_relay *relay = arg;
    pthread_setname_np(pthread_self(), "kafka-relay");
    while (!atomic_load(&relay->ends)) {
        rk.poll(relay->client, KAFKA_POLL_MS);
        acknowledge(relay);
    }
    rk.purge(relay->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rk.poll(relay->client, 0);
    for (unsigned i = 0; i < NAME_HANDLES_MAX; i++)
        if (relay->handles[i])
            rk.topic_destroy(relay->handles[i]);
    rk.destroy(relay->client);
    atomic_store(&relay->ended, true);
    return NULL;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static enum err conf_fill(rd_kafka_conf_t *conf)
{
    TRY(client_conf_put(conf, "enable.idempotence", "true"));
    TRY(client_conf_put(conf, "enable.gapless.guarantee", "true"));
    TRY(client_conf_put(conf, "acks", "all"));
    TRY(client_conf_put(conf, "compression.codec", "lz4"));
    TRY(client_conf_put(conf, "partitioner", "murmur2_random"));
    TRY(client_conf_put(conf, "linger.ms", "2"));
    TRY(client_conf_put(conf, "message.timeout.ms", "0"));
    TRY(client_conf_put_number(conf, "queue.buffering.max.messages", KAFKA_OUTGOING_MAX));
    return client_conf_put_number(conf, "queue.buffering.max.kbytes", QUEUE_KB);
}

static enum err client_make(struct bus_relay *relay)
{
    rd_kafka_conf_t *conf;
    TRY(client_conf_make(relay->log->settings, &conf));
    enum err err = conf_fill(conf);
    if (err != OK) {
        rk.conf_destroy(conf);
        return err;
    }
    rk.conf_set_opaque(conf, relay);
    rk.conf_set_dr_msg_cb(conf, on_delivered);
    rk.conf_set_error_cb(conf, on_error);
    return client_new(RD_KAFKA_PRODUCER, conf, &relay->client);
}

static void relay_free(struct bus_relay *relay)
{
    waiter_deinit(&relay->putter);
    waiter_deinit(&relay->awaiter);
    pthread_mutex_destroy(&relay->mutex);
    heap_free(relay->ring);
    heap_free(relay);
}

enum err kafka_relay_open(struct bus_log *log, const struct bus_context *context,
                          struct bus_relay **out_relay)
{
    relays_free(log, false);
    TRY(topics_await(log));
    struct bus_relay *relay = HEAP_NEW(struct bus_relay);
    relay->log = log;
    relay->context = context;
    relay->ring = HEAP_ARRAY(KAFKA_OUTGOING_MAX, struct slot);
    pthread_mutex_init(&relay->mutex, NULL);
    waiter_init(&relay->putter, &relay->mutex);
    waiter_init(&relay->awaiter, &relay->mutex);
    enum err err = client_make(relay);
    if (err == OK && pthread_create(&relay->thread, NULL, relay_thread, relay) != 0) {
        rk.destroy(relay->client);
        err = err_set(ERR_EXHAUSTED, "kafka-thread", "there is no thread for Kafka");
    }
    if (err != OK) {
        relay_free(relay);
        return err;
    }
    *out_relay = relay;
    return OK;
}

void kafka_relay_close(struct bus_relay *relay)
{
    struct bus_log *log = relay->log;
    pthread_mutex_lock(&relay->mutex); /* the loop may end before the thread does */
    waiter_deinit(&relay->putter);
    waiter_deinit(&relay->awaiter);
    pthread_mutex_unlock(&relay->mutex);
    atomic_store(&relay->ends, true);
    relay->next = log->ended;
    log->ended = relay;
}

void relays_free(struct bus_log *log, bool waits)
{
    struct bus_relay **at = &log->ended;
    while (*at) {
        struct bus_relay *relay = *at;
        if (!waits && !atomic_load(&relay->ended)) {
            at = &relay->next;
            continue;
        }
        *at = relay->next;
        pthread_join(relay->thread, NULL);
        relay_free(relay);
    }
}

/* --- Putting and waiting ------------------------------------------------------------------------
 */

/* An event of a type nobody declares any more goes with the first of its context. */
static enum err handle_get(struct bus_relay *relay, const struct bus_type *type,
                           rd_kafka_topic_t **out_handle)
{
    struct bus_log *log = relay->log;
    if (!type && relay->context->types_count > 0 && relay->context->types[0]->count > 0)
        type = relay->context->types[0]->items[0];
    const struct topic *topic = type ? topics_find(log, type->topic) : NULL;
    if (!topic)
        return err_set(ERR_INVALID, "kafka-topic", "an event has no topic to go to");
    rd_kafka_topic_t **handle = &relay->handles[topic - log->topics];
    if (!*handle)
        *handle = rk.topic_new(relay->client, topic->name, NULL);
    if (!*handle)
        return err_set(ERR_INVALID, "kafka-topic", "Kafka has no topic %s", topic->name);
    *out_handle = *handle;
    return OK;
}

static enum err failure_tell(const struct bus_relay *relay)
{
    *err_slot() = relay->why;
    return relay->failure;
}

/* Mutex held, as after it. Waits for room in the ring, and once more when the producer is full. */
static enum err room_await(struct bus_relay *relay, bool full)
{
    uint64_t head = relay->head;
    while (relay->failure == OK && (relay->tail - relay->head == KAFKA_OUTGOING_MAX ||
                                    (full && relay->head == head && relay->tail > head)))
        TRY(waiter_await(&relay->putter));
    return relay->failure == OK ? OK : failure_tell(relay);
}

static enum err event_put(struct bus_relay *relay, rd_kafka_topic_t *handle,
                          const struct bus_event *event)
{
    for (bool full = false;; full = true) {
        TRY(room_await(relay, full));
        relay->ring[relay->tail % KAFKA_OUTGOING_MAX] = (struct slot){ event->position, false };
        uint64_t number = relay->tail++;
        pthread_mutex_unlock(&relay->mutex);
        enum err err = record_produce(relay->client, handle, event, (void *)(uintptr_t)number);
        pthread_mutex_lock(&relay->mutex);
        if (err == OK)
            return OK;
        relay->tail = number; /* no report comes of it */
        if (err != ERR_EXHAUSTED || relay->head == relay->tail)
            return err;
    }
}

enum err kafka_relay_put(struct bus_relay *relay, const struct bus_outgoing *outgoing)
{
    enum err err = OK;
    pthread_mutex_lock(&relay->mutex);
    for (unsigned i = 0; i < outgoing->count && err == OK; i++) {
        rd_kafka_topic_t *handle;
        err = handle_get(relay, outgoing->types[i], &handle);
        if (err == OK)
            err = event_put(relay, handle, &outgoing->events[i]);
    }
    pthread_mutex_unlock(&relay->mutex);
    return err;
}

enum err kafka_relay_await(struct bus_relay *relay, int64_t above, int64_t *out_position)
{
    enum err err = OK;
    pthread_mutex_lock(&relay->mutex);
    while (err == OK && relay->acknowledged <= above)
        err = relay->failure == OK ? waiter_await(&relay->awaiter) : failure_tell(relay);
    if (err == OK)
        *out_position = relay->acknowledged;
    pthread_mutex_unlock(&relay->mutex);
    return err;
}
