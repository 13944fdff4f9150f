/*
 * catalog_stage: for the tests: the catalogue in a database of its own, served by the real HTTP
 * server, and the few steps by which imports fill it. A request with "X-Admin: yes" is the
 * administrator's. What the functions return lives until stage_close().
 */
#pragma once

#include "catalog_internal.h"

#include "foundation/http/http_fixture.h"
#include "foundation/test/test.h"

void stage_open(void);
void stage_close(void);
struct arena *stage_arena(void);
struct db *stage_db(void);

/* In a task of its own; every transaction is run, rolled back and run again. */
enum err stage_try(db_tx_fn fn, void *arg);
#define stage_do(fn, arg) CHECK_OK(stage_try((fn), (arg)))

/* --- Filling -------------------------------------------------------------------------------- */

/* A published film with an English title and a year (0: none), from names. */
struct id stage_film(const char *title, int year);
struct id stage_title(enum title_kind kind, const char *title, int year, bool published);
struct id stage_episode(struct id series, int season, int episode, const char *title);
enum err stage_put(struct id id, enum catalog_source source, struct catalog_value value);
/* One value from a source; CHECKs that it went well. */
void stage_set(struct id id, enum catalog_source source, const char *field, const char *value);
void stage_text(struct id id, enum catalog_source source, const char *language, const char *title);
void stage_publish(struct id id);
/* What plays: an edition with an asset of that number. */
struct id stage_edition(struct id title, int64_t asset, const char *kind, const char *name);
/* The film itself, with a JSON list of subtitles that cannot be shown. */
void stage_feature(struct id title, int64_t asset, const char *unavailable);
void stage_edition_remove(int64_t asset);
/* Bytes in the blob store; the key. */
str stage_blob(const char *key, const char *bytes);
/* A director. */
void stage_credits(struct id title, enum catalog_source source,
                   const struct catalog_credit *credits, size_t count);
void stage_person(struct id title, enum catalog_source source, const char *name);

/* --- Asking --------------------------------------------------------------------------------- */

/* The whole answer. */
str ask(const char *method, const char *path, const char *fields, const char *body);
str get(const char *path); /* 200 or the test fails; the body */
str admin(const char *method, const char *path, const char *body); /* the whole answer */
/* With the ETag of the title's page as If-Match. */
str admin_edit(const char *method, struct id title, const char *what, const char *body);
/* With the ETag that a GET of the same path gives. */
str admin_edit_of(const char *method, const char *path, const char *body);
bool has(str text, const char *part);
const char *path_of(const char *format, ...) PRINTF_LIKE(1, 2);

struct listed {
    struct id *ids; /* and a zero one after them */
    size_t count;
    const char *next; /* NULL: the last page */
};
/* The titles of a list, collection or shelf: every object of "items". */
struct listed list_get(const char *path);
struct listed list_of(str body);
bool listed_has(const struct listed *list, struct id id);
