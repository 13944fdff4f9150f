/*
 * lanes: what a group is dealt. Where to begin is the mark in the port's database, not what Kafka
 * remembers: that is for who looks from outside.
 */
#include "reader.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { WATERMARK_MS = 5000 };

/* --- Asking the task ----------------------------------------------------------------------------
 */

/* On the thread. The lanes are in reader->asked, their marks in reader->marks. */
static enum err ask(struct bus_reader *reader, enum question question)
{
    pthread_mutex_lock(&reader->mutex);
    reader->question = question;
    reader->answered = false;
    waiter_wake(&reader->asker);
    while (!reader->answered)
        pthread_cond_wait(&reader->cond, &reader->mutex);
    enum err answer = reader->answer;
    if (answer != OK)
        *err_slot() = reader->why;
    pthread_mutex_unlock(&reader->mutex);
    return answer;
}

static void lanes_drop(struct bus_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    heap_free(reader->lanes);
    reader->lanes = NULL;
    reader->lanes_count = 0;
    pthread_mutex_unlock(&reader->mutex);
    heap_free(reader->asked);
    heap_free(reader->marks);
    reader->asked = NULL;
    reader->marks = NULL;
    if (reader->kept)
        rk.message_destroy(reader->kept);
    reader->kept = NULL;
    reader->paused = false;
    reader->deals++;
}

/* --- Lanes that come ----------------------------------------------------------------------------
 */

static const struct topic *topic_by_name(const struct bus_log *log, const char *name)
{
    for (unsigned i = 0; i < log->topics_count; i++)
        if (strcmp(log->topics[i].name, name) == 0)
            return &log->topics[i];
    return NULL;
}

/* The spec's own pointer for a topic. */
static const char *feed_of(const struct bus_reader *reader, const struct topic *topic)
{
    for (unsigned i = 0; i < reader->spec->feeds_count; i++)
        if (strcmp(reader->spec->feeds[i], topic->feed) == 0)
            return reader->spec->feeds[i];
    return topic->feed;
}

static enum err lane_describe(struct bus_reader *reader, const rd_kafka_topic_partition_t *part,
                              struct lane *out)
{
    const struct topic *topic = topic_by_name(reader->log, part->topic);
    ASSERT(topic);
    *out = (struct lane){
        .lane = { feed_of(reader, topic), (unsigned)part->partition },
        .topic = topic,
        .done = -1,
    };
    rd_kafka_resp_err_t code = rk.query_watermark_offsets(
        reader->client, part->topic, part->partition, &out->low, &out->high, WATERMARK_MS);
    return code ? client_error(code, "Kafka does not say where a topic begins and ends") : OK;
}

static enum err lane_begin(const struct bus_reader *reader, struct lane *lane,
                           const struct bus_mark *mark)
{
    bool from_end = reader->spec->member->group->from == BUS_FROM_END;
    if (mark->offset < 0) {
        lane->next = from_end ? lane->high : lane->low;
        return OK;
    }
    lane->told = true;
    lane->next = mark->offset + 1;
    /* Passing over what seems known would lose what is new. */
    if (lane->next > lane->high)
        return err_set(ERR_CORRUPT, "kafka-topic-shorter",
                       "partition %u of %s ends at %lld, and %lld was read of it: was the topic "
                       "made anew?",
                       lane->lane.number, lane->topic->name, (long long)lane->high,
                       (long long)mark->offset);
    return OK;
}

static enum err lanes_describe(struct bus_reader *reader, struct lane *lanes,
                               const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        TRY(lane_describe(reader, &parts->elems[i], &lanes[i]));
        reader->asked[i] = lanes[i].lane;
        reader->marks[i] = (struct bus_mark){ .offset = -1 };
    }
    return OK;
}

/* The port's answer, and what becomes of it. */
static enum err lanes_begin(struct bus_reader *reader, struct lane *lanes, unsigned count)
{
    enum err err = ask(reader, QUESTION_LANES);
    for (unsigned i = 0; err == OK && i < count; i++) {
        err = lane_begin(reader, &lanes[i], &reader->marks[i]);
        if (err != OK) {
            reader->why = *err_slot(); /* a slot is too large for a stack */
            ask(reader, QUESTION_LANES_GONE);
            *err_slot() = reader->why;
        }
    }
    return err;
}

static enum err lanes_take(struct bus_reader *reader, rd_kafka_topic_partition_list_t *parts)
{
    unsigned count = (unsigned)parts->cnt;
    struct lane *lanes = HEAP_ARRAY(count + 1, struct lane);
    lanes_drop(reader);
    reader->asked = HEAP_ARRAY(count + 1, struct bus_lane);
    reader->marks = HEAP_ARRAY(count + 1, struct bus_mark);
    pthread_mutex_lock(&reader->mutex);
    reader->lanes_count = count; /* for the question; the lanes are ours after the answer */
    pthread_mutex_unlock(&reader->mutex);
    enum err err = lanes_describe(reader, lanes, parts);
    if (err == OK && count > 0)
        err = lanes_begin(reader, lanes, count);
    if (err != OK) {
        heap_free(lanes);
        return err;
    }
    for (unsigned i = 0; i < count; i++)
        parts->elems[i].offset = lanes[i].next;
    pthread_mutex_lock(&reader->mutex);
    reader->lanes = lanes;
    pthread_mutex_unlock(&reader->mutex);
    return OK;
}

static void on_assigned(struct bus_reader *reader, rd_kafka_topic_partition_list_t *parts)
{
    enum err err = lanes_take(reader, parts);
    if (err == OK) {
        rk.assign(reader->client, parts);
        return;
    }
    /* None is ours: the next read() leaves the group and enters it again. */
    reader->result = err;
    reader->reenters = true;
    lanes_drop(reader);
    rk.assign(reader->client, NULL);
}

/* --- Lanes that go ------------------------------------------------------------------------------
 */

void lanes_lose(struct bus_reader *reader)
{
    if (reader->lanes) {
        if (reader->lanes_count > 0)
            ask(reader, QUESTION_LANES_GONE);
        lanes_commit(reader);
    }
    lanes_drop(reader);
}

void lanes_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    struct bus_reader *reader = opaque;
    (void)client;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assigned(reader, parts);
        return;
    }
    lanes_lose(reader);
    rk.assign(reader->client, NULL);
}

/* --- While they are ours ------------------------------------------------------------------------
 */

struct lane *lanes_find(struct bus_reader *reader, const rd_kafka_message_t *message)
{
    const char *name = rk.topic_name(message->rkt);
    for (unsigned i = 0; reader->lanes && i < reader->lanes_count; i++)
        if (reader->lanes[i].lane.number == (unsigned)message->partition &&
            strcmp(reader->lanes[i].topic->name, name) == 0)
            return &reader->lanes[i];
    return NULL;
}

rd_kafka_topic_partition_list_t *lanes_list(const struct bus_reader *reader)
{
    unsigned count = reader->lanes ? reader->lanes_count : 0;
    rd_kafka_topic_partition_list_t *list = rk.topic_partition_list_new((int)count);
    for (unsigned i = 0; i < count; i++) {
        const struct lane *lane = &reader->lanes[i];
        rk.topic_partition_list_add(list, lane->topic->name, (int32_t)lane->lane.number)->offset =
            lane->next;
    }
    return list;
}

void lanes_commit(struct bus_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = rk.topic_partition_list_new(0);
    pthread_mutex_lock(&reader->mutex);
    for (unsigned i = 0; reader->lanes && i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        if (lane->done < 0)
            continue;
        rk.topic_partition_list_add(list, lane->topic->name, (int32_t)lane->lane.number)->offset =
            lane->done + 1;
        lane->done = -1;
    }
    pthread_mutex_unlock(&reader->mutex);
    if (list->cnt > 0)
        rk.commit(reader->client, list, 1);
    rk.topic_partition_list_destroy(list);
}

void lanes_look(struct bus_reader *reader)
{
    for (unsigned i = 0; reader->lanes && i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        int64_t low = -1, high = -1;
        rk.get_watermark_offsets(reader->client, lane->topic->name, (int32_t)lane->lane.number,
                                 &low, &high);
        pthread_mutex_lock(&reader->mutex);
        lane->high = MAX_OF(lane->high, high);
        pthread_mutex_unlock(&reader->mutex);
    }
}
