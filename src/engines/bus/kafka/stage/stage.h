/*
 * stage: a log on the tests' broker with one context of two types, and the port's side of a reader:
 * what it is told, what it answers.
 */
#pragma once

#include "engines/bus/kafka/fixture/fixture.h"
#include "engines/bus/kafka/internal.h"

#include "foundation/task/run.h"
#include "foundation/test/test.h"

enum { STAGE_LANES_MAX = 64 };

extern const struct bus_type stage_shown, stage_told; /* topics "films" and "words" */

struct stage {
    struct kafka_settings settings;
    struct bus_context context;
    struct bus_spec spec;
    struct bus_log *log;
};

/* A log under a prefix of its own. In a task or not. */
void stage_open(struct stage *stage);
/* The same with settings changed by the caller since stage_prepare(). */
void stage_prepare(struct stage *stage);
void stage_close(struct stage *stage);

/* What the port's database would hold; several readers of a group share it. */
struct marks {
    struct bus_mark at[2][STAGE_LANES_MAX]; /* by feed and partition; offset -1: none */
};
void marks_init(struct marks *marks);

/* The port as a reader sees it. */
struct port {
    struct bus_group group;
    struct bus_member member;
    struct bus_reader_spec spec;
    struct bus_reader *reader;
    const char *feeds[2];
    struct bus_lane lanes[STAGE_LANES_MAX]; /* ours now */
    unsigned lanes_count;
    unsigned given, taken; /* how often */
    struct marks *marks;   /* NULL at first: its own */
    struct marks own;
    enum err refuses;
    struct arena arena;
    struct bus_batch batch;
};
/* Enters the group, reading both topics. */
void port_join(struct port *port, struct stage *stage, const char *group, enum bus_from from);
/* One read into port->batch, which is valid until the next; marks are moved by what it has. */
enum err port_read(struct port *port, unsigned records_max);
/* Reads until that many records were seen in all; `on_record` may be NULL. Fails after a minute. */
void port_read_count(struct port *port, unsigned count,
                     void (*on_record)(void *arg, const struct bus_record *record), void *arg);
void port_leave(struct port *port);

/* An event of the stage's context; texts in the arena of the running task. */
struct bus_event stage_event(const char *aggregate, int64_t position);
/* Puts events 1 … count, of `aggregates` aggregates in turn, and waits for all of them. */
void stage_relay(struct stage *stage, int64_t first, unsigned count, unsigned aggregates);
