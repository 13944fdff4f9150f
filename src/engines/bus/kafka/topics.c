/*
 * topics: which there are to be, and making them. A topic that exists stays as it is: with other
 * partitions the events of an aggregate would go on in another one, and their order would be lost.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

enum { PARTITIONS = 6, REQUEST_MS = 10000, PAUSE_MS = 1000, AWAIT_TRIES = 250, AWAIT_MS = 20 };

#define RETENTION DAYS(7)

/* --- Which --------------------------------------------------------------------------------------
 */

const struct topic *topics_find(const struct bus_log *log, const char *feed)
{
    for (unsigned i = 0; feed && i < log->topics_count; i++)
        if (strcmp(log->topics[i].feed, feed) == 0)
            return &log->topics[i];
    return NULL;
}

static enum err topic_add(struct bus_log *log, const char *feed)
{
    const char *prefix = log->settings->prefix ? log->settings->prefix : "";
    static const char letters[] = "._-";
    struct topic *topic = &log->topics[log->topics_count];
    if (!feed || topics_find(log, feed))
        return OK;
    if (log->topics_count == KAFKA_TOPICS_MAX)
        return err_set(ERR_INVALID, "kafka-settings", "there are more than %d topics",
                       KAFKA_TOPICS_MAX);
    int length = snprintf(topic->name, sizeof(topic->name), "%s%s", prefix, feed);
    bool right = length > 0 && length <= KAFKA_NAME_MAX;
    for (const char *c = topic->name; right && *c; c++)
        right = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                strchr(letters, *c);
    if (!right)
        return err_set(ERR_INVALID, "kafka-settings", "Kafka has no topics named %s%s", prefix,
                       feed);
    topic->feed = feed;
    log->topics_count++;
    return OK;
}

static enum err context_collect(struct bus_log *log, const struct bus_context *context)
{
    for (unsigned i = 0; i < context->types_count; i++)
        for (unsigned k = 0; k < context->types[i]->count; k++)
            TRY(topic_add(log, context->types[i]->items[k]->topic));
    return OK;
}

enum err topics_collect(struct bus_log *log)
{
    const struct bus_spec *spec = log->spec;
    for (const char *const *topic = log->settings->topics; topic && *topic; topic++)
        TRY(topic_add(log, *topic));
    for (unsigned i = 0; i < spec->contexts_count; i++)
        TRY(context_collect(log, &spec->contexts[i]));
    for (unsigned i = 0; i < spec->members_count; i++) {
        const struct bus_group *group = spec->members[i].group;
        for (unsigned k = 0; k < group->subscriptions_count; k++)
            if (group->subscriptions[k].type)
                TRY(topic_add(log, group->subscriptions[k].type->topic));
    }
    return OK;
}

/* --- Making them, on the log's thread -----------------------------------------------------------
 */

struct topics_maker {
    struct bus_log *log;
    rd_kafka_queue_t *queue;
    bool asked;
    instant next; /* by clock_mono() */
};

struct topics_maker *topics_maker_new(struct bus_log *log)
{
    struct topics_maker *maker = HEAP_NEW(struct topics_maker);
    maker->log = log;
    maker->queue = rk.queue_new(log->client);
    return maker;
}

void topics_maker_free(struct topics_maker *maker)
{
    rk.queue_destroy(maker->queue);
    heap_free(maker);
}

static void trouble_say(struct bus_log *log, const char *text)
{
    pthread_mutex_lock(&log->mutex);
    snprintf(log->trouble, sizeof(log->trouble), "%s", text);
    pthread_mutex_unlock(&log->mutex);
}

static rd_kafka_NewTopic_t *topic_describe(const struct bus_log *log, const struct topic *topic)
{
    char why[KAFKA_TEXT_MAX], retention[24];
    span age = log->spec->retention.age ? log->spec->retention.age : RETENTION;
    int partitions = log->settings->partitions ? (int)log->settings->partitions : PARTITIONS;
    int copies = log->settings->replication ? (int)log->settings->replication : -1;
    rd_kafka_NewTopic_t *made = rk.NewTopic_new(topic->name, partitions, copies, why, sizeof(why));
    snprintf(retention, sizeof(retention), "%lld", (long long)(age / 1000));
    if (made)
        rk.NewTopic_set_config(made, "retention.ms", retention);
    else
        trouble_say((struct bus_log *)log, why);
    return made;
}

static void topics_ask(struct topics_maker *maker)
{
    struct bus_log *log = maker->log;
    rd_kafka_NewTopic_t *wanted[KAFKA_TOPICS_MAX];
    size_t count = 0;
    char why[KAFKA_TEXT_MAX];
    rd_kafka_AdminOptions_t *options =
        rk.AdminOptions_new(log->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rk.AdminOptions_set_request_timeout(options, REQUEST_MS, why, sizeof(why));
    for (unsigned i = 0; i < log->topics_count; i++)
        if ((wanted[count] = topic_describe(log, &log->topics[i])))
            count++;
    maker->asked = count == log->topics_count;
    if (maker->asked)
        rk.CreateTopics(log->client, wanted, count, options, maker->queue);
    for (size_t i = 0; i < count; i++)
        rk.NewTopic_destroy(wanted[i]);
    rk.AdminOptions_destroy(options);
}

/* Who may not make topics may use those an administrator has made. */
static bool topic_is_there(const rd_kafka_topic_result_t *result)
{
    switch (rk.topic_result_error(result)) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return true;
    default:
        return false;
    }
}

static bool answer_take(struct topics_maker *maker, rd_kafka_event_t *event)
{
    const rd_kafka_CreateTopics_result_t *answer = rk.event_CreateTopics_result(event);
    char text[KAFKA_TEXT_MAX];
    size_t count = 0;
    if (rk.event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR || !answer) {
        trouble_say(maker->log, rk.event_error_string(event));
        return false;
    }
    const rd_kafka_topic_result_t **results = rk.CreateTopics_result_topics(answer, &count);
    for (size_t i = 0; i < count; i++)
        if (!topic_is_there(results[i])) {
            snprintf(text, sizeof(text), "topic %s: %s", rk.topic_result_name(results[i]),
                     rk.topic_result_error_string(results[i]));
            trouble_say(maker->log, text);
            return false;
        }
    return true;
}

bool topics_maker_step(struct topics_maker *maker)
{
    struct bus_log *log = maker->log;
    if (log->topics_count > 0 && !maker->asked && clock_mono() >= maker->next)
        topics_ask(maker);
    rd_kafka_event_t *event = maker->asked ? rk.queue_poll(maker->queue, 0) : NULL;
    bool made = log->topics_count == 0 || (event && answer_take(maker, event));
    if (event) {
        rk.event_destroy(event);
        maker->asked = false;
        maker->next = clock_mono() + MILLISECONDS(PAUSE_MS);
    }
    if (made)
        atomic_store(&log->topics_made, true);
    return made;
}

/* --- Who needs them -----------------------------------------------------------------------------
 */

enum err topics_await(struct bus_log *log)
{
    for (int i = 0; i < AWAIT_TRIES && !atomic_load(&log->topics_made); i++)
        TRY(await_sleep(MILLISECONDS(AWAIT_MS)));
    if (atomic_load(&log->topics_made))
        return OK;
    char trouble[KAFKA_TEXT_MAX];
    pthread_mutex_lock(&log->mutex);
    memcpy(trouble, log->trouble, sizeof(trouble));
    pthread_mutex_unlock(&log->mutex);
    return err_set(ERR_UNAVAILABLE, "kafka-unreachable", "Kafka's topics cannot be made yet: %s",
                   trouble[0] ? trouble : "no broker answers");
}
