/*
 * undo_stage: what the tests of undo share, whatever the database is: the modules at their heads
 * and at older numbers, the way there and back, and rows that an older schema has no place for.
 */
#pragma once

#include "engines/db/db.h"

enum { UNDO_FLOW, UNDO_BUS, UNDO_CATALOG, UNDO_ASSETS, UNDO_INGEST, UNDO_MODULES };

/* The program's newest, and copies of them whose number of migrations a test may lower. */
extern const struct db_module *undo_heads[UNDO_MODULES];
extern struct db_module undo_cut[UNDO_MODULES];
extern const struct db_module *undo_cut_list[UNDO_MODULES];

/* What a driver's tests do themselves, on the one database that they are at. */
struct undo_driver {
    enum db_dialect dialect;
    struct db_spec (*spec_of)(const struct db_module *const *modules);
    void (*fresh)(void);          /* goes on to an empty database */
    void (*fill)(void);           /* puts rows into every table */
    void (*run)(const char *sql); /* fails the test when that fails */
    char *(*dump)(void);          /* all of it as text; for undo_same() */
    const char *a_blob;           /* a literal of one byte */
};

/* Where a test begins: nothing is cut. The driver is for all that follow. */
void undo_begin(const struct undo_driver *driver);
/* Opens, which migrates, and closes. */
void undo_open_once(const struct db_module *const *modules);
/* Frees both. */
void undo_same(char *before, char *after);

/* From every number of the module but its last to head and back, twice, and by the copy of before.
 */
void undo_every_number(const struct undo_driver *driver, unsigned module);
/* The same from a program that did not have the module. */
void undo_whole_module(const struct undo_driver *driver, unsigned module);
/* Events of a log go back to the outbox, where programs before it keep them. */
void undo_event_log(const struct undo_driver *driver);
void undo_every_migration_has_a_way_back(const struct undo_driver *driver);
void undo_newer_data_is_refused(const struct undo_driver *driver);
