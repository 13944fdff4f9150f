/* client: what all clients have in common: settings, errors, and how tasks wait for their threads.
 */
#include "internal.h"

#include "foundation/mem/heap.h"
#include "foundation/task/loop.h"

#include <stdio.h>
#include <string.h>

/* --- Waiting ------------------------------------------------------------------------------------
 */

/*
 * A task's own wake from another thread must take effect before the task ends, and tasks are woken
 * by others too; so what is posted is a bell, and the loop rings it for whoever waits by then, if
 * anybody.
 */
struct bell {
    atomic_uint references; /* the waiter's, and each post's */
    atomic_bool posted;
    struct loop *loop; /* of who waited last; the waiter's mutex */
    struct task *task; /* who waits; loop's thread */
};

static void bell_release(struct bell *bell)
{
    if (atomic_fetch_sub(&bell->references, 1) == 1)
        heap_free(bell);
}

static void bell_ring(void *arg)
{
    struct bell *bell = arg;
    atomic_store(&bell->posted, false);
    if (bell->task)
        task_wake(bell->task);
    bell_release(bell);
}

void waiter_init(struct waiter *waiter, pthread_mutex_t *mutex)
{
    *waiter = (struct waiter){ .mutex = mutex, .bell = HEAP_NEW(struct bell) };
    atomic_store(&waiter->bell->references, 1);
}

void waiter_deinit(struct waiter *waiter)
{
    if (waiter->bell)
        bell_release(waiter->bell);
    waiter->bell = NULL;
}

static enum err waiter_suspend(struct waiter *waiter, bool lent)
{
    struct bell *bell = waiter->bell;
    enum err err = OK;
    ASSERT(!bell->task);
    if (!waiter->called) {
        bell->task = task_current();
        bell->loop = loop_current();
        pthread_mutex_unlock(waiter->mutex);
        err = lent ? task_suspend_lent(NULL, NULL) : task_suspend();
        bell->task = NULL;
        pthread_mutex_lock(waiter->mutex);
    }
    waiter->called = false;
    return err;
}

enum err waiter_await(struct waiter *waiter)
{
    return waiter_suspend(waiter, false);
}

void waiter_await_lent(struct waiter *waiter)
{
    (void)waiter_suspend(waiter, true);
}

void waiter_wake(struct waiter *waiter)
{
    struct bell *bell = waiter->bell;
    waiter->called = true;
    if (!bell || !bell->loop || atomic_exchange(&bell->posted, true))
        return;
    atomic_fetch_add(&bell->references, 1);
    loop_post(bell->loop, bell_ring, bell);
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
