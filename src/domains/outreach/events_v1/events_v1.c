/*
 * events_v1: the module, its types of events, and what it makes of those it reads. The id of the
 * contract ("movie-1-viewed") is the same for everybody who watches that film, so it is payload;
 * who an event is says its envelope.
 */
#include "internal.h"

#include "foundation/log/log.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct bus_type movie = {
    .name = "v1.movie",
    .version = 1,
    .shape = &v1_event_shape,
    .topic = "movie-events",
    .doc = "Somebody did something with a film, as the old contract tells it."
};
static const struct bus_type user = {
    .name = "v1.user",
    .version = 1,
    .shape = &v1_event_shape,
    .topic = "user-events",
    .doc = "Somebody did something with an account, as the old contract tells it."
};
static const struct bus_type payment = { .name = "v1.payment",
                                         .version = 1,
                                         .shape = &v1_event_shape,
                                         .topic = "payment-events",
                                         .doc =
                                             "A payment changed, as the old contract tells it." };
BUS_TYPES(events_v1_types, "events-v1", &movie, &user, &payment);

static _Atomic(struct bus *) the_bus;

void events_v1_use(struct bus *bus)
{
    atomic_store(&the_bus, bus);
}

struct bus *events_v1_bus(void)
{
    return atomic_load(&the_bus);
}

const struct bus_type *events_v1_type(enum v1_kind kind)
{
    return events_v1_types.items[kind];
}

/* --- What is read -------------------------------------------------------------------------------
 */

/*
 * A transaction may be run again before it commits; its line stays one. (A crash between the line
 * and the commit repeats it: the line is a message, the mark is what counts.)
 */
static bool is_first_time(str id)
{
    enum { KEPT = 4096 };
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t seen[KEPT];
    uint64_t hash = str_hash(id);
    pthread_mutex_lock(&mutex);
    bool first = seen[hash % KEPT] != hash;
    seen[hash % KEPT] = hash;
    pthread_mutex_unlock(&mutex);
    return first;
}

static enum err on_event(struct db_tx *tx, const struct bus_event *event, void *arg)
{
    struct v1_event read;
    (void)arg;
    TRY(bus_event_read(db_arena(tx), event, &movie, &read)); /* all are of one shape */
    if (is_first_time(event->id))
        log_info("events", "an event was processed", LOG_STR("type", event->type),
                 LOG_STR("event", event->id), LOG_STR("aggregate", event->aggregate),
                 LOG_STR("id", read.id));
    return OK;
}

static const struct bus_subscription subscriptions[] = { { &movie, on_event },
                                                         { &user, on_event },
                                                         { &payment, on_event } };

static const struct bus_group group = {
    .name = "events-v1",
    .subscriptions = subscriptions,
    .subscriptions_count = ARRAY_LEN(subscriptions),
};

/* --- The module ---------------------------------------------------------------------------------
 */

static enum err open_module(const struct module_env *env)
{
    (void)env;
    return OK;
}

static void close_module(void)
{
}

static const struct bus_group *const groups[] = { &group };

const struct module events_v1_module = {
    .name = "events-v1",
    .context = "content",
    .routes = &events_v1_routes,
    .events = &events_v1_types,
    .groups = groups,
    .groups_count = ARRAY_LEN(groups),
    .named_only = true,
    .open = open_module,
    .close = close_module,
};
