/*
 * kafka: Apache Kafka as the log of events. The relay of each context is an idempotent producer,
 * each group a consumer group, a feed is a topic and a lane one of its partitions; an aggregate's
 * events go to one partition, by its name. docs/internals/kafka.md is the tour.
 *
 * librdkafka is loaded when the driver is opened, not linked: a cinema without Kafka needs no
 * library for it (docs/adr/0050).
 */
#pragma once

#include "engines/bus/driver.h"

/* What bus_spec.driver_settings points to; texts NULL: the default. All of it stays in use. */
struct kafka_settings {
    const char *brokers; /* "host:port,host:port": where to begin */
    /* Before the names of topics and groups: for cinemas that share a cluster. NULL: none. */
    const char *prefix;
    /* Also to be made, though no type here has them; ends with NULL. NULL: none. */
    const char *const *topics;
    /* Of topics that are made; those that exist stay as they are. */
    unsigned partitions;  /* 0: 6 */
    unsigned replication; /* 0: as the brokers are set up */
    /* How long send() waits for the acknowledgement; 0: 5 s. A second of it may be added. */
    span send_timeout;
    /* When a member of a group that is silent has its lanes taken away; 0: 10 s. */
    span session_timeout;

    const char *security; /* "plaintext" (NULL), "ssl", "sasl_plaintext", "sasl_ssl" */
    const char *tls_ca;   /* file; NULL: the system's */
    const char *tls_cert; /* files of ours, where the brokers ask for them */
    const char *tls_key;
    const char *tls_key_password;
    const char *sasl_mechanism; /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" (NULL) */
    const char *sasl_user;
    const char *sasl_password;
};

/*
 * Its open() fails with ERR_UNAVAILABLE "kafka-library": librdkafka is not installed, and
 * ERR_INVALID "kafka-settings".
 */
extern const struct bus_driver bus_kafka;
