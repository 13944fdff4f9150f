/*
 * library: librdkafka's functions, found when the first client is made. `rk.` stands where its
 * documentation has rd_kafka_.
 */
#pragma once

#include "foundation/err/err.h"

#include <librdkafka/rdkafka.h>

#define KAFKA_FUNCTIONS(X)                                                                         \
    X(conf_new)                                                                                    \
    X(conf_destroy)                                                                                \
    X(conf_set)                                                                                    \
    X(conf_set_opaque)                                                                             \
    X(conf_set_log_cb)                                                                             \
    X(conf_set_error_cb)                                                                           \
    X(conf_set_dr_msg_cb)                                                                          \
    X(conf_set_rebalance_cb)                                                                       \
    X(new)                                                                                         \
    X(destroy)                                                                                     \
    X(err2str)                                                                                     \
    X(error_code)                                                                                  \
    X(error_string)                                                                                \
    X(error_destroy)                                                                               \
    X(fatal_error)                                                                                 \
    X(poll)                                                                                        \
    X(purge)                                                                                       \
    X(poll_set_consumer)                                                                           \
    X(topic_new)                                                                                   \
    X(topic_destroy)                                                                               \
    X(topic_name)                                                                                  \
    X(produceva)                                                                                   \
    X(headers_new)                                                                                 \
    X(headers_destroy)                                                                             \
    X(header_add)                                                                                  \
    X(header_get_all)                                                                              \
    X(message_headers)                                                                             \
    X(message_destroy)                                                                             \
    X(subscribe)                                                                                   \
    X(assign)                                                                                      \
    X(commit)                                                                                      \
    X(consumer_poll)                                                                               \
    X(consumer_close)                                                                              \
    X(pause_partitions)                                                                            \
    X(resume_partitions)                                                                           \
    X(seek_partitions)                                                                             \
    X(query_watermark_offsets)                                                                     \
    X(get_watermark_offsets)                                                                       \
    X(topic_partition_list_new)                                                                    \
    X(topic_partition_list_add)                                                                    \
    X(topic_partition_list_destroy)                                                                \
    X(queue_new)                                                                                   \
    X(queue_destroy)                                                                               \
    X(queue_poll)                                                                                  \
    X(queue_yield)                                                                                 \
    X(queue_get_consumer)                                                                          \
    X(event_error)                                                                                 \
    X(event_error_string)                                                                          \
    X(event_destroy)                                                                               \
    X(event_CreateTopics_result)                                                                   \
    X(CreateTopics)                                                                                \
    X(CreateTopics_result_topics)                                                                  \
    X(NewTopic_new)                                                                                \
    X(NewTopic_destroy)                                                                            \
    X(NewTopic_set_config)                                                                         \
    X(AdminOptions_new)                                                                            \
    X(AdminOptions_destroy)                                                                        \
    X(AdminOptions_set_request_timeout)                                                            \
    X(topic_result_error)                                                                          \
    X(topic_result_error_string)                                                                   \
    X(topic_result_name)

struct kafka_library {
#define X(name) __typeof__(rd_kafka_##name) *name; /* NOLINT(bugprone-macro-parentheses) */
    KAFKA_FUNCTIONS(X)
#undef X
};

/* Filled by kafka_library_open(), for good. */
extern struct kafka_library rk;

/* Loads it, once. Any thread. ERR_UNAVAILABLE "kafka-library" with what to install. */
enum err kafka_library_open(void);
