/*
 * relay: from a context's log to a log elsewhere. Events are given to the driver in the order of
 * their positions; the position up to which everything is acknowledged is kept, a little behind.
 * Who begins anew begins there, so that events may be sent again but none is left out; those who
 * read know what they have had (lane.c). Of all processes that have the database one relays.
 */
#include "internal.h"

#include "bus_sql.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { PAGE_MAX = 500, PAGE_BYTES_MAX = 1 << 20, WINDOW = 20000 };
static const span save_every = MILLISECONDS(100);
static const span backoff_min = MILLISECONDS(100), backoff_max = SECONDS(5);

#define RELAY_NAME DB_TEXT(STR("")) /* no group has it */

/* --- The cursor ----------------------------------------------------------------------------- */

static instant lease_end(const struct relaying *relaying)
{
    return clock_now() + relaying->bus->spec.lease;
}

struct claim {
    const struct relaying *relaying;
    bool ours;
    int64_t position;
};

static enum err claim_tx(struct db_tx *tx, void *arg)
{
    struct claim *claim = arg;
    const struct relaying *relaying = claim->relaying;
    struct db_row row;
    instant over = relaying->bus->spec.sole_owner ? INSTANT_NEVER - 1 : clock_now();
    TRY(db_exec(tx, &SQL_BUS_CURSOR_ADD, DB_ARGS(RELAY_NAME, DB_TIME(clock_now())), NULL));
    TRY(db_find(tx, &SQL_BUS_RELAY_CLAIM,
                DB_ARGS(RELAY_NAME, DB_TEXT(str_of(relaying->owner)), DB_I64(lease_end(relaying)),
                        DB_I64(over)),
                &row));
    claim->ours = row.values != NULL;
    claim->position = claim->ours ? db_i64(&row, 0) : 0;
    return OK;
}

static enum err save_tx(struct db_tx *tx, void *arg)
{
    const struct relaying *relaying = arg;
    int64_t changed;
    TRY(db_exec(tx, &SQL_BUS_RELAY_PUT,
                DB_ARGS(RELAY_NAME, DB_TEXT(str_of(relaying->owner)), DB_I64(relaying->acked),
                        DB_I64(lease_end(relaying)), DB_TIME(clock_now())),
                &changed));
    return changed ? OK : err_set(ERR_CONFLICT, "relay-lost", "another process relays now");
}

static enum err leave_tx(struct db_tx *tx, void *arg)
{
    const struct relaying *relaying = arg;
    return db_exec(tx, &SQL_BUS_RELAY_LEAVE, DB_ARGS(RELAY_NAME, DB_TEXT(str_of(relaying->owner))),
                   NULL);
}

/* What was acknowledged, now and then, and that we are there. */
static enum err save(struct relaying *relaying)
{
    instant now = clock_mono();
    bool beat = now >= relaying->save_at + relaying->bus->spec.lease / 3;
    if (!beat && (relaying->acked == relaying->saved || now < relaying->save_at))
        return OK;
    int64_t acked = relaying->acked;
    TRY(db_tx(relaying->context->db, save_tx, relaying));
    relaying->saved = acked;
    relaying->save_at = clock_mono() + save_every;
    return OK;
}

/* --- Sending -------------------------------------------------------------------------------- */

struct page {
    const struct relaying *relaying;
    struct bus_event events[PAGE_MAX];
    const struct bus_type *types[PAGE_MAX];
    unsigned count;
    size_t bytes;
};

static const struct bus_type *type_find(const struct bus_context *context, str name)
{
    for (unsigned i = 0; i < context->types_count; i++)
        for (unsigned k = 0; k < context->types[i]->count; k++)
            if (str_eq(name, str_of(context->types[i]->items[k]->name)))
                return context->types[i]->items[k];
    return NULL;
}

/* ERR_CANCELLED ends the walk: the page is full. */
static enum err on_logged(const struct db_logged *logged, void *arg)
{
    struct page *page = arg;
    const struct relaying *relaying = page->relaying;
    if (page->count == PAGE_MAX || page->bytes > PAGE_BYTES_MAX)
        return ERR_CANCELLED;
    struct origin origin = { db_context(relaying->context->db), relaying->log };
    page->types[page->count] = type_find(relaying->context, logged->type);
    page->events[page->count++] = event_of_logged(task_arena(), origin, logged);
    page->bytes += logged->payload.len;
    return OK;
}

/* Gives the driver what comes next; it has no room for long while the broker is away. */
static enum err page_put(struct relaying *relaying, unsigned *out_count)
{
    struct page *page = ARENA_NEW(task_arena(), struct page);
    page->relaying = relaying;
    enum err err = db_events_each(db_now(relaying->context->db),
                                  (struct db_log_part){ relaying->put, PAGE_MAX }, on_logged, page);
    if (err != OK && err != ERR_CANCELLED)
        return err;
    *out_count = page->count;
    if (!page->count)
        return OK;
    struct bus_outgoing outgoing = { page->events, page->types, page->count };
    TRY(relaying->bus->spec.driver->relay_put(relaying->relay, &outgoing));
    relaying->put = page->events[page->count - 1].position;
    return OK;
}

/* Until more is acknowledged, or it is time to say that we are there. */
static enum err acks_await(struct relaying *relaying)
{
    int64_t before = relaying->acked;
    instant deadline = task_deadline_narrow(MIN_OF(relaying->bus->spec.lease / 3, SECONDS(1)));
    enum err err =
        relaying->bus->spec.driver->relay_await(relaying->relay, relaying->acked, &relaying->acked);
    task_deadline_restore(deadline);
    relaying->bus->stats.relayed += (uint64_t)(relaying->acked - before);
    return err == ERR_TIMEOUT ? OK : err;
}

static enum err news_await(struct relaying *relaying)
{
    if (relaying->poked || relaying->bus->stopping)
        return relaying->poked = false, OK;
    instant deadline = task_deadline_narrow(relaying->bus->spec.poll);
    enum err err = task_suspend();
    task_deadline_restore(deadline);
    relaying->poked = false;
    return err == ERR_TIMEOUT ? OK : err;
}

static enum err step(struct relaying *relaying)
{
    unsigned count = 0;
    if (relaying->put - relaying->acked < WINDOW)
        TRY(page_put(relaying, &count));
    if (!count && relaying->acked < relaying->put)
        TRY(acks_await(relaying));
    else if (!count)
        TRY(news_await(relaying));
    return save(relaying);
}

/* --- Life ----------------------------------------------------------------------------------- */

static enum err begin(struct relaying *relaying)
{
    struct claim claim = { .relaying = relaying };
    str log;
    TRY(db_tx(relaying->context->db, claim_tx, &claim));
    if (!claim.ours)
        return err_set(ERR_CONFLICT, "relay-taken", "another process relays");
    TRY(db_events_log(relaying->context->db, &log));
    snprintf(relaying->log, sizeof(relaying->log), "%.*s", STR_ARG(log));
    relaying->put = relaying->acked = relaying->saved = claim.position;
    relaying->save_at = clock_mono() + save_every;
    struct bus *bus = relaying->bus;
    return bus->spec.driver->relay_open(bus->log, relaying->context, &relaying->relay);
}

static void end(struct relaying *relaying)
{
    if (relaying->relay)
        relaying->bus->spec.driver->relay_close(relaying->relay);
    relaying->relay = NULL;
}

/* One attempt: from what was acknowledged, until something fails. */
static enum err session(struct relaying *relaying)
{
    enum err err = begin(relaying);
    while (err == OK && !relaying->bus->stopping) {
        struct arena_mark mark = arena_mark(task_arena());
        err = step(relaying);
        arena_rewind(task_arena(), mark);
    }
    end(relaying);
    return err;
}

static void rest(struct relaying *relaying, span *backoff, bool progressed)
{
    *backoff = progressed ? backoff_min : MIN_OF(MAX_OF(*backoff * 2, backoff_min), backoff_max);
    instant until = clock_mono() + *backoff;
    while (!relaying->bus->stopping && clock_mono() < until)
        if (await_sleep(MIN_OF(*backoff, MILLISECONDS(100))) != OK)
            return;
}

enum err relay_main(void *arg)
{
    struct relaying *relaying = arg;
    struct bus *bus = relaying->bus;
    span backoff = 0;
    uint64_t number;
    ssize_t got = getrandom(&number, sizeof(number), 0);
    ASSERT(got == sizeof(number));
    snprintf(relaying->owner, sizeof(relaying->owner), "%016llx", (unsigned long long)number);
    while (!bus->stopping && !task_cancelled()) {
        struct arena_mark mark = arena_mark(task_arena());
        uint64_t relayed = bus->stats.relayed;
        enum err err = session(relaying);
        arena_rewind(task_arena(), mark);
        if (err == OK || bus->stopping)
            continue;
        bus->stats.rounds_failed += err != ERR_CONFLICT;
        rest(relaying, &backoff, bus->stats.relayed > relayed);
    }
    return OK;
}

void relay_leave(struct relaying *relaying)
{
    if (!relaying->owner[0])
        return;
    if (relaying->acked > relaying->saved)
        (void)db_tx(relaying->context->db, save_tx, relaying);
    (void)db_tx(relaying->context->db, leave_tx, relaying);
}

void relay_poke(struct relaying *relaying)
{
    relaying->poked = true;
    if (relaying->task)
        task_wake(relaying->task);
}
