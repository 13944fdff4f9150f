/* kafka: the driver's table, and the log: the client that makes topics and sends directly. */
#include "internal.h"

#include "foundation/mem/heap.h"

enum { SEND_QUEUE_MAX = 10000, SEND_QUEUE_KB = 65536 };

/* The idempotent producer asks for acks=all and keeps the order within a partition. */
static enum err send_conf_fill(rd_kafka_conf_t *conf, const struct kafka_settings *settings)
{
    span timeout = settings->send_timeout ? settings->send_timeout : SECONDS(5);
    TRY(client_conf_put(conf, "enable.idempotence", "true"));
    TRY(client_conf_put(conf, "acks", "all"));
    TRY(client_conf_put(conf, "compression.codec", "lz4"));
    TRY(client_conf_put(conf, "partitioner", "murmur2_random"));
    TRY(client_conf_put(conf, "linger.ms", "1"));
    TRY(client_conf_put_number(conf, "queue.buffering.max.messages", SEND_QUEUE_MAX));
    TRY(client_conf_put_number(conf, "queue.buffering.max.kbytes", SEND_QUEUE_KB));
    /* What is not acknowledged by then is dropped from the queue: nothing is sent later. */
    return client_conf_put_number(conf, "message.timeout.ms", MAX_OF(timeout / 1000, 10));
}

static void *log_thread(void *arg)
{
    struct bus_log *log = arg;
    struct topics_maker *maker = topics_maker_new(log);
    bool made = false;
    pthread_setname_np(pthread_self(), "kafka");
    while (!atomic_load(&log->ends)) {
        made = made || topics_maker_step(maker);
        rk.poll(log->client, made ? KAFKA_POLL_MS : KAFKA_POLL_MS / 5);
    }
    topics_maker_free(maker);
    return NULL;
}

static enum err log_client_make(struct bus_log *log)
{
    rd_kafka_conf_t *conf;
    TRY(client_conf_make(log->settings, &conf));
    enum err err = send_conf_fill(conf, log->settings);
    if (err != OK) {
        rk.conf_destroy(conf);
        return err;
    }
    rk.conf_set_opaque(conf, log);
    rk.conf_set_dr_msg_cb(conf, send_on_delivered);
    return client_new(RD_KAFKA_PRODUCER, conf, &log->client);
}

static enum err log_start(struct bus_log *log)
{
    TRY(topics_collect(log));
    TRY(log_client_make(log));
    if (pthread_create(&log->thread, NULL, log_thread, log) != 0) {
        rk.destroy(log->client);
        return err_set(ERR_EXHAUSTED, "kafka-thread", "there is no thread for Kafka");
    }
    return OK;
}

static enum err kafka_open(struct loop *loop, const struct bus_spec *spec, struct bus_log **out_log)
{
    (void)loop; /* what waits is a task, and is woken as such */
    struct bus_log *log = HEAP_NEW(struct bus_log);
    log->spec = spec;
    log->settings = spec->driver_settings;
    pthread_mutex_init(&log->mutex, NULL);
    enum err err = log->settings ? log_start(log)
                                 : err_set(ERR_INVALID, "kafka-settings", "Kafka has no settings");
    if (err != OK) {
        pthread_mutex_destroy(&log->mutex);
        heap_free(log);
        return err;
    }
    *out_log = log;
    return OK;
}

static void kafka_close(struct bus_log *log)
{
    relays_free(log, true);
    atomic_store(&log->ends, true);
    pthread_join(log->thread, NULL);
    rk.purge(log->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rk.poll(log->client, 0);
    rk.destroy(log->client);
    pthread_mutex_destroy(&log->mutex);
    heap_free(log);
}

const struct bus_driver bus_kafka = {
    .name = "kafka",
    .open = kafka_open,
    .close = kafka_close,
    .join = kafka_join,
    .read = kafka_read,
    .wake = kafka_wake,
    .reached = kafka_reached,
    .behind = kafka_behind,
    .leave = kafka_leave,
    .relay_open = kafka_relay_open,
    .relay_put = kafka_relay_put,
    .relay_await = kafka_relay_await,
    .relay_close = kafka_relay_close,
    .send = kafka_send,
};
