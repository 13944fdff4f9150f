/* client: what all clients have in common: settings, errors, and how tasks wait for their threads.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* --- Waiting ------------------------------------------------------------------------------------
 */

/* Whoever takes the task out of the waiter owes it a wake; here nobody has, so none comes. */
static bool waiter_withdraw(void *arg)
{
    struct waiter *waiter = arg;
    pthread_mutex_lock(waiter->mutex);
    bool withdrawn = waiter->task != NULL;
    waiter->task = NULL;
    pthread_mutex_unlock(waiter->mutex);
    return withdrawn;
}

enum err waiter_await(struct waiter *waiter)
{
    ASSERT(!waiter->task);
    waiter->task = task_current();
    pthread_mutex_unlock(waiter->mutex);
    enum err err = task_suspend_lent(waiter_withdraw, waiter);
    pthread_mutex_lock(waiter->mutex);
    return err;
}

void waiter_await_wake(struct waiter *waiter)
{
    ASSERT(!waiter->task);
    waiter->task = task_current();
    pthread_mutex_unlock(waiter->mutex);
    (void)task_suspend_lent(NULL, NULL);
    pthread_mutex_lock(waiter->mutex);
}

void waiter_wake(struct waiter *waiter)
{
    struct task *task = waiter->task;
    waiter->task = NULL;
    if (task)
        task_wake_remote(task);
}

/* --- Settings -----------------------------------------------------------------------------------
 */

enum err client_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[KAFKA_TEXT_MAX];
    if (rk.conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        return err_set(ERR_INVALID, "kafka-settings", "Kafka's %s: %s", name, why);
    return OK;
}

enum err client_conf_put_number(rd_kafka_conf_t *conf, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return client_conf_put(conf, name, text);
}

static enum err conf_put_given(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    return value && value[0] ? client_conf_put(conf, name, value) : OK;
}

/* Failures reach who waits for something; librdkafka's own log repeats them by the second. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level, (void)facility, (void)text;
}

static enum err security_put(rd_kafka_conf_t *conf, const struct kafka_settings *settings)
{
    TRY(conf_put_given(conf, "security.protocol", settings->security));
    TRY(conf_put_given(conf, "ssl.ca.location", settings->tls_ca));
    TRY(conf_put_given(conf, "ssl.certificate.location", settings->tls_cert));
    TRY(conf_put_given(conf, "ssl.key.location", settings->tls_key));
    TRY(conf_put_given(conf, "ssl.key.password", settings->tls_key_password));
    if (!settings->security || strncmp(settings->security, "sasl_", 5) != 0)
        return OK;
    TRY(client_conf_put(conf, "sasl.mechanism",
                        settings->sasl_mechanism ? settings->sasl_mechanism : "SCRAM-SHA-512"));
    TRY(conf_put_given(conf, "sasl.username", settings->sasl_user));
    return conf_put_given(conf, "sasl.password", settings->sasl_password);
}

static enum err conf_fill(rd_kafka_conf_t *conf, const struct kafka_settings *settings)
{
    if (!settings->brokers || !settings->brokers[0])
        return err_set(ERR_INVALID, "kafka-settings", "no brokers of Kafka are named");
    TRY(client_conf_put(conf, "bootstrap.servers", settings->brokers));
    TRY(client_conf_put(conf, "client.id", "kinobezdna"));
    TRY(client_conf_put(conf, "socket.keepalive.enable", "true"));
    TRY(client_conf_put(conf, "log.connection.close", "false"));
    /* A broker that comes back is met again soon, ten processes of ours do not wear it out. */
    TRY(client_conf_put(conf, "reconnect.backoff.max.ms", "2000"));
    return security_put(conf, settings);
}

enum err client_conf_make(const struct kafka_settings *settings, rd_kafka_conf_t **out_conf)
{
    TRY(kafka_library_open());
    rd_kafka_conf_t *conf = rk.conf_new();
    enum err err = conf_fill(conf, settings);
    if (err != OK) {
        rk.conf_destroy(conf);
        return err;
    }
    rk.conf_set_log_cb(conf, on_log);
    *out_conf = conf;
    return OK;
}

enum err client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out_client)
{
    char why[KAFKA_TEXT_MAX];
    rd_kafka_t *client = rk.new(type, conf, why, sizeof(why));
    if (!client) {
        rk.conf_destroy(conf);
        return err_set(ERR_INVALID, "kafka-settings", "Kafka's client cannot be made: %s", why);
    }
    *out_client = client;
    return OK;
}

/* --- Errors -------------------------------------------------------------------------------------
 */

enum err client_error(rd_kafka_resp_err_t code, const char *what)
{
    const char *text = rk.err2str(code);
    switch (code) {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return err_set(ERR_TIMEOUT, "kafka-timeout", "%s: Kafka did not answer in time: %s", what,
                       text);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return err_set(ERR_TOO_LARGE, "kafka-too-large", "%s: Kafka takes no event so large: %s",
                       what, text);
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return err_set(ERR_EXHAUSTED, "kafka-full", "%s: too many events wait for Kafka", what);
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
        return err_set(ERR_INTERNAL, "kafka-fatal", "%s: %s", what, text);
    default:
        return err_set(ERR_UNAVAILABLE, "kafka-unreachable", "%s: %s", what, text);
    }
}
