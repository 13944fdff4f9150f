/* kafka: the settings of the brokers events go by, and the old names some of them have. */
#include "app.h"
#include "events.h"

#include "engines/bus/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct app_kafka_settings app_kafka_settings;
extern const struct settings app_kafka_conf;
SETTINGS(app_kafka_conf, struct app_kafka_settings,
         SETTING_TEXT(struct app_kafka_settings, brokers, "kafka.brokers", "",
                      .doc = "host:port of brokers of Apache Kafka, separated by commas, by which "
                             "events go; empty: events stay in the database"),
         SETTING_TEXT(struct app_kafka_settings, prefix, "kafka.prefix", "",
                      .doc = "stands before the names of topics and groups, where several cinemas "
                             "share brokers"),
         SETTING_INT(struct app_kafka_settings, partitions, "kafka.partitions", "6", .min = 1,
                     .max = 200,
                     .doc = "of topics that are made; those that exist stay as they are"),
         SETTING_INT(struct app_kafka_settings, replication, "kafka.replication", "0", .max = 100,
                     .doc = "copies of topics that are made; 0 is as the brokers are set up"),
         SETTING_SPAN(struct app_kafka_settings, send_timeout, "kafka.send_timeout", "5s",
                      .min = MILLISECONDS(100), .max = MINUTES(1),
                      .doc = "how long an event that is answered with its place may wait for the "
                             "brokers"),
         SETTING_TEXT(struct app_kafka_settings, security, "kafka.security", "plaintext",
                      .doc = "plaintext, ssl, sasl_plaintext or sasl_ssl"),
         SETTING_TEXT(struct app_kafka_settings, tls_ca, "kafka.tls_ca", "",
                      .doc = "file of the certificates that brokers' are signed by (PEM); empty is "
                             "the system's"),
         SETTING_TEXT(struct app_kafka_settings, tls_cert, "kafka.tls_cert", "",
                      .doc = "file of a certificate of ours, where brokers ask for one (PEM)"),
         SETTING_TEXT(struct app_kafka_settings, tls_key, "kafka.tls_key", "",
                      .doc = "file of its key (PEM)"),
         SETTING_TEXT(struct app_kafka_settings, sasl_mechanism, "kafka.sasl_mechanism",
                      "SCRAM-SHA-512", .doc = "SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"),
         SETTING_TEXT(struct app_kafka_settings, sasl_user, "kafka.sasl_user", "",
                      .doc = "who we are to the brokers"),
         SETTING_TEXT(struct app_kafka_settings, sasl_password, "kafka.sasl_password", "",
                      .secret = true, .doc = "and the password"));

/* --- What the driver is given -------------------------------------------------------------------
 */

/* The topics others know a cinema by, also before anything here is published to them. */
static const char *const topics[] = { "user-events",         "movie-events",     "payment-events",
                                      "notification-events", "analytics-events", NULL };

static const char *text_of(struct arena *arena, str text)
{
    return text.len ? arena_cstr(arena, text) : NULL;
}

const struct kafka_settings *kafka_settings_make(void)
{
    static struct arena arena;
    static struct kafka_settings made;
    const struct app_kafka_settings *from = &app_kafka_settings;
    if (from->brokers.len == 0)
        return NULL;
    arena_init(&arena, KIB(64));
    made = (struct kafka_settings){
        .brokers = text_of(&arena, from->brokers),
        .prefix = text_of(&arena, from->prefix),
        .topics = topics,
        .partitions = (unsigned)from->partitions,
        .replication = (unsigned)from->replication,
        .send_timeout = from->send_timeout,
        .security = text_of(&arena, from->security),
        .tls_ca = text_of(&arena, from->tls_ca),
        .tls_cert = text_of(&arena, from->tls_cert),
        .tls_key = text_of(&arena, from->tls_key),
        .sasl_mechanism = text_of(&arena, from->sasl_mechanism),
        .sasl_user = text_of(&arena, from->sasl_user),
        .sasl_password = text_of(&arena, from->sasl_password),
    };
    return &made;
}

/* --- The environment of the old services --------------------------------------------------------
 */

enum { PAIR_BYTES = 1100 };
#define EVENTS_PORT "8082"

static bool pair_put(char pair[PAIR_BYTES], const char *ours, const char *before, const char *value)
{
    if (!value || !*value || getenv(ours))
        return false;
    return snprintf(pair, PAIR_BYTES, "%s=%s%s", ours, before, value) < PAIR_BYTES;
}

const char *const *contract_environment(bool listens)
{
    static char pairs[2][PAIR_BYTES];
    static const char *environment[3];
    const char *port = getenv("PORT");
    unsigned count = 0;
    if (!app_module_is_named("events-v1"))
        return environment;
    if (pair_put(pairs[count], "KB_KAFKA_BROKERS", "", getenv("KAFKA_BROKERS"))) {
        environment[count] = pairs[count];
        count++;
    }
    if (pair_put(pairs[count], "KB_HTTP_LISTEN",
                 "0.0.0.0:", port && *port ? port : (listens ? NULL : EVENTS_PORT)))
        environment[count] = pairs[count];
    return environment;
}
