/*
 * reader: one group in this process, a consumer and the thread that alone calls it. The thread
 * works while a task is in read() or leave() and at no other time, so lanes come and go there only:
 * when the group is dealt anew the thread asks the task, which calls the port, and goes on with its
 * answer.
 */
#pragma once

#include "internal.h"

struct lane {
    struct bus_lane lane;
    const struct topic *topic;
    int64_t next;      /* the first offset that was not given out */
    int64_t low, high; /* of the partition, as last heard */
    int64_t done;      /* reached(), to be committed; -1: nothing */
    bool told;         /* where it was begun is among what was reached */
};

enum request { REQUEST_NONE, REQUEST_READ, REQUEST_LEAVE };
enum question { QUESTION_NONE, QUESTION_LANES, QUESTION_LANES_GONE };

struct bus_reader {
    struct bus_log *log;
    const struct bus_reader_spec *spec;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    pthread_t thread;
    atomic_bool woken;
    atomic_bool down; /* no broker answers, by what librdkafka said last */

    pthread_mutex_t mutex; /* guards what is below, up to the thread's own */
    pthread_cond_t cond;   /* a request or an answer is there */
    enum request request;
    enum question question;
    bool answered;
    enum err answer, result;
    struct err_slot why;
    struct waiter asker;
    const struct bus_read *read;
    struct bus_batch *batch;
    struct lane *lanes; /* changed by the thread while it has a request */
    unsigned lanes_count;
    instant last_at; /* of the newest event given out */

    /* The thread's own. */
    struct bus_lane *asked; /* what a question is about */
    struct bus_mark *marks;
    rd_kafka_message_t *kept; /* had no room in the last batch */
    unsigned deals;           /* how often lanes came or went */
    bool entered, reenters, paused;
    instant committed_at;
};

/* Changes of the group (lanes.c); on the thread, from within its polls. */
void lanes_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *parts, void *opaque);
/* The lanes there are, if any, are no longer ours. On the thread, while a task waits for it. */
void lanes_lose(struct bus_reader *reader);
/* The lane of a message; NULL: not ours. */
struct lane *lanes_find(struct bus_reader *reader, const rd_kafka_message_t *message);
/* Tells Kafka how far the group has come, without waiting. */
void lanes_commit(struct bus_reader *reader);
/* What is known of the partitions' ends, without asking. */
void lanes_look(struct bus_reader *reader);
/* A list of all lanes, with `next` as offset; the caller destroys it. */
rd_kafka_topic_partition_list_t *lanes_list(const struct bus_reader *reader);
