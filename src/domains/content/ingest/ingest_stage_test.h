/*
 * ingest_stage: for the tests: a content context with the catalogue, the queue's runner and the
 * real server, and a folder to put films into. Imports are of texts and pictures only; every
 * transaction is run twice. What the functions return lives until stage_close().
 */
#pragma once

#include "ingest_internal.h"

#include "foundation/test/test.h"

void stage_open(void);
void stage_close(void);
struct db *stage_db(void);
struct arena *stage_arena(void);

/* A file of the films folder, with the folders above it; `name` is bytes. */
void film_file(const char *name, str content);
void film_folder_forbid(const char *name, bool forbid);
void film_remove(const char *name);
/* A video, and an NFO of the given title and year beside it. */
void film_with_nfo(const char *stem, const char *title, int year, const char *more);
const char *films_path(const char *name);

/* As the administrator; the whole answer. */
str admin(const char *method, const char *path, const char *body);
str get(const char *path); /* the body; CHECKs 200 */
bool has(str text, const char *part);
const char *text_of(const char *format, ...) PRINTF_LIKE(1, 2);

struct imported {
    str body, files; /* of /v1/imports/{id}, and the first hundred of its files */
    str state, message;
    int64_t files_total, files_done, files_failed, folders_total, folders_unchanged;
};
/* Imports the films folder (or one below it) and waits for the end. */
struct imported import(void);
struct imported import_of(const char *name);
/* The newest import, when it has ended. */
struct imported import_wait(void);

struct catalog_counts counts(void);
/* The page of the only title an editor finds by the prefix; CHECKs that there is one. */
str title_page(const char *prefix);
/* Its id. */
int64_t title_id(const char *prefix);
/* The id of the only review; CHECKs that there is one. */
int64_t only_review(void);
str form_of(int64_t id); /* the editor's */
/* PATCH with the version of now. */
void edit(int64_t id, const char *body);
