/* send: one event past the outbox, and the broker's word on where it lies. */
#include "internal.h"

/* On the stack of the task that waits; the thread that polls the client fills it in. */
struct sending {
    struct task *task;
    rd_kafka_resp_err_t error;
    int32_t partition;
    int64_t offset;
};

void send_on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct sending *sending = message->_private;
    (void)client, (void)opaque;
    sending->error = message->err;
    sending->partition = message->partition;
    sending->offset = message->offset;
    task_wake_remote(sending->task);
}

enum err kafka_send(struct bus_log *log, const struct bus_type *type, const struct bus_event *event,
                    struct bus_place *out_place)
{
    struct sending sending = { .task = task_current() };
    const struct topic *topic = topics_find(log, type->topic);
    if (!topic)
        return err_set(ERR_INVALID, "kafka-topic", "%s has no topic", type->name);
    rd_kafka_topic_t *handle = rk.topic_new(log->client, topic->name, NULL);
    if (!handle)
        return err_set(ERR_INVALID, "kafka-topic", "Kafka has no topic %s", topic->name);
    enum err err = record_produce(log->client, handle, event, &sending);
    rk.topic_destroy(handle);
    TRY(err);
    /* The report comes within the send timeout, whatever happens: until then it is ours to await.
     */
    (void)task_suspend_lent(NULL, NULL);
    if (sending.error)
        return client_error(sending.error, "the event was not acknowledged");
    *out_place = (struct bus_place){ .topic = type->topic,
                                     .partition = (unsigned)sending.partition,
                                     .offset = sending.offset };
    return OK;
}
