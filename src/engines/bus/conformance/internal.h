/* internal: the fixture of the suite's tests: a scenario is a task beside the bus. */
#pragma once

#include "conformance.h"

#include "foundation/shape/shape.h"
#include "foundation/task/loop.h"
#include "foundation/test/test.h"

#include "bus_conformance_sql.h"

enum { NUMBERS_MAX = 4096 };

/* What the suite's events say. What the handlers do is in the text: see handle() in
 * conformance.c. */
struct note {
    int64_t number;
    str text;
};
SHAPE_DECLARE(bus_note_shape, struct note);
extern const struct bus_type note_written, note_erased, order_placed;

/* Groups: "plain" and "lanes" (4 of them) want notes; "both" wants notes and orders and keeps its
 * effects in the second database; "all" wants everything; "late" begins at the end. */
extern const struct bus_group plain_group, lanes_group, both_group, all_group, late_group;

struct stage {
    const char *place;
    const void *settings;
    struct db *one, *two; /* contexts: notes are of the first, orders of the second */
    struct loop *loop;
    struct bus *bus;
    unsigned failures[NUMBERS_MAX]; /* of handlers, by number */
    unsigned calls;
    bool broken; /* every handler fails */
    bool sole;   /* no other process is there: buses that are opened take all at once */
    const struct bus_driver *driver; /* the target's, or one around it */
    int told; /* a pipe that hears of every point a handler passes; 0: none */
};
extern struct stage stage;
extern const struct bus_conformance_target *bus_target;

/* Fresh databases and a fresh log, the task, and all of it closed. The task stops what it started.
 */
void scenario(task_fn fn);
/* The same in the place of the test so far. */
void scenario_again(task_fn fn);
enum err databases_open(void);
void stage_run(task_fn fn);

/* Starts a bus in stage.bus with one group. */
void bus_begin(const struct bus_group *group);
void bus_begin_with(const struct bus_group *group, const struct bus_retention *retention);
struct bus *bus_open(const struct bus_group *group);
void bus_end(void);

/* One event, in a transaction of its own. */
void publish(const char *aggregate, int64_t number, const char *text);
/* Numbers from … over so many aggregates "note/0" …, ten a transaction. */
void publish_many(int64_t from, unsigned count, unsigned aggregates);
struct publishing {
    const struct bus_type *type;
    const char *aggregate, *text;
    int64_t number;
    enum err then; /* the transaction's own result */
};
enum err publish_tx(struct db_tx *tx, void *publishing);

/* How many effects a group has had, and waiting for that; a generous deadline. */
int64_t effects(const struct bus_group *group);
void await_effects(const struct bus_group *group, int64_t count);
/*
 * Checks that the effects are those of the numbers from … , each once, and for each aggregate in
 * the order of numbers.
 */
void effects_check(const struct bus_group *group, int64_t from, unsigned count);
/* "number number …" of all, in the order of effects. */
str effects_text(const struct bus_group *group);

struct db *group_db(const struct bus_group *group);
struct bus_group_state group_state(const struct bus_group *group);
void await_dead(const struct bus_group *group, int64_t count);
void await_paused(const struct bus_group *group);
struct group_change {
    const struct bus_group *group;
    bool paused;
};
enum err group_change_tx(struct db_tx *tx, void *group_change);

/* One list a file. */
void register_delivery(void);
void register_failing(void);
void register_dead(void);
void register_sharing(void);
void register_odd(void);
void register_rebuild(void);
void register_crash(void);
