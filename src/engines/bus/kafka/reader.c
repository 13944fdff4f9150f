/* reader: the task's side of a group, and the thread's work: to poll, to hand out, to leave. */
#include "reader.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

enum {
    QUEUED_KB = 8192, /* fetched ahead */
    SEEK_MS = 1000,
    COMMIT_EVERY_MS = 1000
};

/* --- The thread ---------------------------------------------------------------------------------
 */

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct bus_reader *reader = opaque;
    (void)client, (void)reason;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&reader->down, true);
}

static enum err conf_fill(rd_kafka_conf_t *conf, const struct bus_reader *reader)
{
    const struct kafka_settings *settings = reader->log->settings;
    span session = settings->session_timeout ? settings->session_timeout : SECONDS(10);
    char group[KAFKA_NAME_MAX + 1];
    snprintf(group, sizeof(group), "%s%s", settings->prefix ? settings->prefix : "",
             reader->spec->member->group->name);
    TRY(client_conf_put(conf, "group.id", group));
    TRY(client_conf_put(conf, "enable.auto.commit", "false"));
    TRY(client_conf_put(conf, "enable.auto.offset.store", "false"));
    TRY(client_conf_put(conf, "auto.offset.reset", "earliest"));
    TRY(client_conf_put(conf, "partition.assignment.strategy", "roundrobin"));
    TRY(client_conf_put_number(conf, "session.timeout.ms", session / 1000));
    TRY(client_conf_put_number(conf, "heartbeat.interval.ms", session / 4000));
    return client_conf_put_number(conf, "queued.max.messages.kbytes", QUEUED_KB);
}

static enum err consumer_make(struct bus_reader *reader)
{
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    TRY(client_conf_make(reader->log->settings, &conf));
    enum err err = conf_fill(conf, reader);
    if (err != OK) {
        rk.conf_destroy(conf);
        return err;
    }
    rk.conf_set_opaque(conf, reader);
    rk.conf_set_error_cb(conf, on_error);
    rk.conf_set_rebalance_cb(conf, lanes_on_rebalance);
    TRY(client_new(RD_KAFKA_CONSUMER, conf, &client));
    rk.poll_set_consumer(client);
    pthread_mutex_lock(&reader->mutex); /* who wakes it is on a loop */
    reader->client = client;
    reader->queue = rk.queue_get_consumer(client);
    pthread_mutex_unlock(&reader->mutex);
    return OK;
}

/* Leaves the group: others have its lanes at once. */
static void consumer_end(struct bus_reader *reader)
{
    rd_kafka_t *client = reader->client;
    if (!client)
        return;
    rk.consumer_close(client);
    lanes_lose(reader); /* who is dealt anew while it leaves is not told of what it had */
    pthread_mutex_lock(&reader->mutex);
    rk.queue_destroy(reader->queue);
    reader->queue = NULL;
    reader->client = NULL;
    pthread_mutex_unlock(&reader->mutex);
    rk.destroy(client);
}

static enum err subscribe(struct bus_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = rk.topic_partition_list_new(0);
    for (unsigned i = 0; i < reader->spec->feeds_count; i++) {
        const struct topic *topic = topics_find(reader->log, reader->spec->feeds[i]);
        rk.topic_partition_list_add(list, topic->name, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t code = rk.subscribe(reader->client, list);
    rk.topic_partition_list_destroy(list);
    return code ? client_error(code, "a group cannot be entered") : OK;
}

/* After lanes were refused the group is entered anew; librdkafka does so best from nothing. */
static enum err enter(struct bus_reader *reader)
{
    if (reader->entered && !reader->reenters)
        return OK;
    if (reader->reenters)
        consumer_end(reader);
    reader->entered = reader->reenters = false;
    if (!reader->client)
        TRY(consumer_make(reader));
    TRY(subscribe(reader));
    reader->entered = true;
    return OK;
}

/* A paused group keeps its lanes and reads nothing; goes on where it was. */
static void pause_set(struct bus_reader *reader, bool paused)
{
    if (paused == reader->paused || !reader->lanes)
        return;
    rd_kafka_topic_partition_list_t *list = lanes_list(reader);
    if (paused)
        rk.pause_partitions(reader->client, list);
    else
        rk.resume_partitions(reader->client, list);
    rk.topic_partition_list_destroy(list);
    reader->paused = paused;
}

/* What was fetched before the pause is fetched again after it. */
static void put_back(struct bus_reader *reader, struct lane *lane)
{
    rd_kafka_topic_partition_list_t *list = rk.topic_partition_list_new(1);
    rk.topic_partition_list_add(list, lane->topic->name, (int32_t)lane->lane.number)->offset =
        lane->next;
    rd_kafka_error_t *error = rk.seek_partitions(reader->client, list, SEEK_MS);
    if (error)
        rk.error_destroy(error);
    rk.topic_partition_list_destroy(list);
}

struct taking {
    struct bus_reader *reader;
    struct bus_record *records;
    unsigned count, count_max;
};

/* True: it is dealt with, and the message with it. False: there is no more room. */
static bool message_take(struct taking *taking, rd_kafka_message_t *message)
{
    struct bus_reader *reader = taking->reader;
    struct lane *lane = lanes_find(reader, message);
    if (!lane || message->offset < lane->next) {
        rk.message_destroy(message); /* of a lane that has gone, or fetched twice */
        return true;
    }
    if (reader->paused) {
        rk.message_destroy(message);
        put_back(reader, lane);
        return true;
    }
    struct bus_record *record = &taking->records[taking->count];
    if (taking->count == taking->count_max ||
        record_read(reader->read->arena, message, record) != OK)
        return false;
    record->lane = lane->lane;
    lane->next = message->offset + 1;
    reader->last_at = record->event.at;
    taking->count++;
    rk.message_destroy(message);
    return true;
}

/* Errors that come as messages. What passes by itself is nothing to tell of. */
static enum err error_take(rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t code = message->err;
    rk.message_destroy(message);
    switch (code) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* the lanes are taken and dealt anew */
        return OK;
    default:
        return client_error(code, "a group cannot read");
    }
}

/* One message, waited for at most so long; *out NULL: none came. */
static enum err message_next(struct bus_reader *reader, int wait_ms, rd_kafka_message_t **out)
{
    *out = reader->kept;
    reader->kept = NULL;
    if (!*out)
        *out = rk.consumer_poll(reader->client, wait_ms);
    if (reader->result != OK && *out) { /* lanes were refused in that poll */
        rk.message_destroy(*out);
        *out = NULL;
    }
    if (reader->result != OK)
        return reader->result;
    if (*out && (*out)->err) {
        rd_kafka_message_t *message = *out;
        *out = NULL;
        return error_take(message);
    }
    if (*out)
        atomic_store(&reader->down, false);
    return OK;
}

static enum err records_take(struct taking *taking)
{
    struct bus_reader *reader = taking->reader;
    instant until = clock_mono() + reader->read->wait;
    for (;;) {
        rd_kafka_message_t *message;
        unsigned deals = reader->deals;
        bool waits = taking->count == 0 && !atomic_load(&reader->woken);
        span left = waits ? MAX_OF(until - clock_mono(), 0) : 0;
        int wait_ms = (int)MIN_OF((left + 999) / 1000, KAFKA_POLL_MS);
        TRY(message_next(reader, wait_ms, &message));
        if (reader->deals != deals)
            taking->count = 0; /* of lanes that have gone; where they are now they are read again */
        if (message && !message_take(taking, message)) {
            reader->kept = message;
            return OK;
        }
        if (!message && (left <= 0 || taking->count > 0))
            return OK;
    }
}

static enum err batch_fill(struct taking *taking, struct bus_batch *out)
{
    struct bus_reader *reader = taking->reader;
    unsigned count = 0;
    struct bus_reach *reached =
        arena_try(reader->read->arena, (reader->lanes_count + 1) * sizeof(struct bus_reach));
    if (!reached)
        return err_set(ERR_EXHAUSTED, "kafka-arena", "there is no room for the lanes of Kafka");
    for (unsigned i = 0; reader->lanes && i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        if (!lane->told)
            reached[count++] = (struct bus_reach){ lane->lane, lane->next - 1 };
        lane->told = true;
    }
    *out = (struct bus_batch){ taking->records, taking->count, reached, count };
    return OK;
}

static enum err work_read(struct bus_reader *reader)
{
    struct taking taking = { .reader = reader, .count_max = reader->read->records_max };
    size_t room = (taking.count_max ? taking.count_max : 1) * sizeof(struct bus_record);
    taking.records = arena_try(reader->read->arena, room);
    if (!taking.records)
        return err_set(ERR_EXHAUSTED, "kafka-arena", "there is no room for a batch");
    reader->result = OK;
    TRY(enter(reader));
    if (clock_mono() - reader->committed_at > MILLISECONDS(COMMIT_EVERY_MS)) {
        lanes_commit(reader);
        reader->committed_at = clock_mono();
    }
    pause_set(reader, taking.count_max == 0);
    enum err err = records_take(&taking);
    atomic_store(&reader->woken, false);
    lanes_look(reader);
    if (err != OK && taking.count == 0)
        return err;
    if (taking.count == 0 && atomic_exchange(&reader->down, false))
        return err_set(ERR_UNAVAILABLE, "kafka-unreachable", "no broker of Kafka answers");
    return batch_fill(&taking, reader->batch);
}

static enum err work_leave(struct bus_reader *reader)
{
    if (reader->client)
        lanes_commit(reader);
    if (reader->kept)
        rk.message_destroy(reader->kept);
    reader->kept = NULL;
    consumer_end(reader);
    return OK;
}

static void *reader_thread(void *arg)
{
    struct bus_reader *reader = arg;
    enum request request = REQUEST_NONE;
    pthread_setname_np(pthread_self(), "kafka-group");
    while (request != REQUEST_LEAVE) {
        pthread_mutex_lock(&reader->mutex);
        while (reader->request == REQUEST_NONE)
            pthread_cond_wait(&reader->cond, &reader->mutex);
        request = reader->request;
        pthread_mutex_unlock(&reader->mutex);
        enum err err = request == REQUEST_READ ? work_read(reader) : work_leave(reader);
        pthread_mutex_lock(&reader->mutex);
        reader->result = err;
        reader->why = *err_slot();
        reader->request = REQUEST_NONE;
        waiter_wake(&reader->asker);
        pthread_mutex_unlock(&reader->mutex);
    }
    return NULL;
}

/* --- The task -----------------------------------------------------------------------------------
 */

/* Mutex held; let go while the port answers. */
static void question_answer(struct bus_reader *reader)
{
    enum question question = reader->question;
    enum err answer = OK;
    reader->question = QUESTION_NONE;
    pthread_mutex_unlock(&reader->mutex);
    const struct bus_reader_spec *spec = reader->spec;
    if (question == QUESTION_LANES)
        answer = spec->on_lanes(spec->arg, reader->asked, reader->lanes_count, reader->marks);
    else
        spec->on_lanes_gone(spec->arg, reader->asked, reader->lanes_count);
    pthread_mutex_lock(&reader->mutex);
    if (answer != OK)
        reader->why = *err_slot();
    reader->answer = answer;
    reader->answered = true;
    pthread_cond_signal(&reader->cond);
}

/* Mutex held. */
static void hurry(struct bus_reader *reader)
{
    atomic_store(&reader->woken, true);
    if (reader->queue)
        rk.queue_yield(reader->queue);
}

/*
 * Hands the request to the thread and answers it until it has done with it. Who is cancelled in
 * between only hurries the thread: memory of the task is lent to it.
 */
static enum err request_do(struct bus_reader *reader, enum request request)
{
    bool hurried = request == REQUEST_LEAVE;
    pthread_mutex_lock(&reader->mutex);
    reader->request = request;
    pthread_cond_signal(&reader->cond);
    while (reader->request != REQUEST_NONE) {
        if (reader->question != QUESTION_NONE) {
            question_answer(reader);
        } else if (hurried) {
            waiter_await_lent(&reader->asker);
        } else if (waiter_await(&reader->asker) != OK) {
            hurry(reader);
            hurried = true;
        }
    }
    enum err err = reader->result;
    if (err != OK)
        *err_slot() = reader->why;
    pthread_mutex_unlock(&reader->mutex);
    return err;
}

enum err kafka_read(struct bus_reader *reader, const struct bus_read *read,
                    struct bus_batch *out_batch)
{
    struct bus_batch batch = { .records = NULL };
    reader->read = read;
    reader->batch = &batch;
    TRY(request_do(reader, REQUEST_READ));
    *out_batch = batch;
    return OK;
}

void kafka_wake(struct bus_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    hurry(reader);
    pthread_mutex_unlock(&reader->mutex);
}

void kafka_reached(struct bus_reader *reader, const struct bus_reach *reached, unsigned count)
{
    pthread_mutex_lock(&reader->mutex);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; reader->lanes && k < reader->lanes_count; k++) {
            struct lane *lane = &reader->lanes[k];
            if (lane->lane.number == reached[i].lane.number &&
                strcmp(lane->lane.feed, reached[i].lane.feed) == 0)
                lane->done = MAX_OF(lane->done, reached[i].offset);
        }
    pthread_mutex_unlock(&reader->mutex);
}

struct bus_lag kafka_behind(const struct bus_reader *reader)
{
    struct bus_lag lag = { .events = 0 };
    pthread_mutex_t *mutex = (pthread_mutex_t *)&reader->mutex;
    pthread_mutex_lock(mutex);
    for (unsigned i = 0; reader->lanes && i < reader->lanes_count; i++)
        lag.events += MAX_OF(reader->lanes[i].high - reader->lanes[i].next, 0);
    if (lag.events > 0 && reader->last_at > 0)
        lag.age = MAX_OF(clock_now() - reader->last_at, 0);
    pthread_mutex_unlock(mutex);
    return lag;
}

/* --- Entering and leaving -----------------------------------------------------------------------
 */

static void reader_free(struct bus_reader *reader)
{
    waiter_deinit(&reader->asker);
    pthread_mutex_destroy(&reader->mutex);
    pthread_cond_destroy(&reader->cond);
    heap_free(reader);
}

static enum err reader_start(struct bus_reader *reader)
{
    for (unsigned i = 0; i < reader->spec->feeds_count; i++)
        if (!topics_find(reader->log, reader->spec->feeds[i]))
            return err_set(ERR_INVALID, "kafka-topic", "%s is no topic of what runs here",
                           reader->spec->feeds[i]);
    TRY(consumer_make(reader)); /* settings that are wrong are told now */
    if (pthread_create(&reader->thread, NULL, reader_thread, reader) == 0)
        return OK;
    rk.queue_destroy(reader->queue);
    rk.destroy(reader->client);
    return err_set(ERR_EXHAUSTED, "kafka-thread", "there is no thread for Kafka");
}

enum err kafka_join(struct bus_log *log, const struct bus_reader_spec *spec,
                    struct bus_reader **out_reader)
{
    TRY(topics_await(log));
    struct bus_reader *reader = HEAP_NEW(struct bus_reader);
    reader->log = log;
    reader->spec = spec;
    pthread_mutex_init(&reader->mutex, NULL);
    waiter_init(&reader->asker, &reader->mutex);
    pthread_cond_init(&reader->cond, NULL);
    enum err err = reader_start(reader);
    if (err != OK) {
        reader_free(reader);
        return err;
    }
    *out_reader = reader;
    return OK;
}

void kafka_leave(struct bus_reader *reader)
{
    (void)request_do(reader, REQUEST_LEAVE);
    pthread_join(reader->thread, NULL);
    reader_free(reader);
}
