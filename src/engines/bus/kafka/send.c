/* send: one event past the outbox, and the broker's word on where it lies. */
#include "internal.h"

/* On the stack of the task that waits; the thread that polls the client fills it in. */
struct sending {
    struct waiter waiter; /* by the log's mutex */
    bool reported;
    rd_kafka_resp_err_t error;
    int32_t partition;
    int64_t offset;
};

void send_on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct bus_log *log = opaque;
    struct sending *sending = message->_private;
    (void)client;
    pthread_mutex_lock(&log->mutex);
    sending->error = message->err;
    sending->partition = message->partition;
    sending->offset = message->offset;
    sending->reported = true;
    waiter_wake(&sending->waiter);
    pthread_mutex_unlock(&log->mutex);
}

static enum err send_now(struct bus_log *log, const struct topic *topic,
                         const struct bus_event *event, struct sending *sending)
{
    rd_kafka_topic_t *handle = rk.topic_new(log->client, topic->name, NULL);
    if (!handle)
        return err_set(ERR_INVALID, "kafka-topic", "Kafka has no topic %s", topic->name);
    enum err err = record_produce(log->client, handle, event, sending);
    rk.topic_destroy(handle);
    return err;
}

enum err kafka_send(struct bus_log *log, const struct bus_type *type, const struct bus_event *event,
                    struct bus_place *out_place)
{
    struct sending sending = { .reported = false };
    const struct topic *topic = topics_find(log, type->topic);
    if (!topic)
        return err_set(ERR_INVALID, "kafka-topic", "%s has no topic", type->name);
    waiter_init(&sending.waiter, &log->mutex);
    enum err err = send_now(log, topic, event, &sending);
    /* The report comes within the send timeout, whatever happens: until then it is ours to await.
     */
    pthread_mutex_lock(&log->mutex);
    while (err == OK && !sending.reported)
        waiter_await_lent(&sending.waiter);
    waiter_deinit(&sending.waiter);
    pthread_mutex_unlock(&log->mutex);
    TRY(err);
    if (sending.error)
        return client_error(sending.error, "the event was not acknowledged");
    *out_place = (struct bus_place){ .topic = type->topic,
                                     .partition = (unsigned)sending.partition,
                                     .offset = sending.offset };
    return OK;
}
