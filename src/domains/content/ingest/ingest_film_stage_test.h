/*
 * ingest_film_stage: for the tests of the film job: files made by ffmpeg, real database, store and
 * queue. A scenario runs as a task; what the functions return lives in its arena.
 */
#pragma once

#include "ingest_internal.h"

#include "domains/content/assets/assets.h"
#include "engines/blob/blob.h"
#include "engines/flow/jobs.h"
#include "foundation/test/test.h"
#include "media/index/index.h"

#define VIDEO "-f lavfi -i testsrc2=s=320x180:r=25:d=5 "
#define SOUND "-f lavfi -i sine=440:d=5:sample_rate=48000 "
#define X264  "-c:v libx264 -preset ultrafast -g 50 "

extern struct jobs *film_jobs; /* the runner, while there is one */
extern struct module_env film_env;
extern char film_own_path[4096]; /* $PATH as it was */
/* The children's programs are looked up there. */
void film_path_set(const char *path);

/* Skips the test where ffmpeg is not installed. */
void film_scenario(task_fn fn);
void film_jobs_run(void);
/* Runs in the folder of films; $F is ffmpeg with what it always gets. */
void film_shell(const char *command);
void film_write(const char *name, str content);
str film_path(const char *name);
/* How many files a folder of the store holds. */
unsigned film_store_files(const char *folder);

/* A film that is asked for. */
struct film_wish {
    const char *name;  /* of the file */
    const char *shown; /* its name in rows, when it is no text */
    struct film_sidecar *sidecars;
    size_t sidecars_count;
    const char *parts[4]; /* further files of the same film */
    const char *extra;
    bool draft;
    int64_t import, file, job;
    struct id known, title; /* known: of which title it is; none: of a new one */
};

void film_ask(struct film_wish *wish);
struct job film_job_get(const struct film_wish *wish);
void film_await(const struct film_wish *wish);
str film_file_state(const struct film_wish *wish, str *out_reason);
/* The file failed, in these words, and left nothing behind. */
/* Whether the next import looks at the folder of the films again. */
bool film_folder_forgotten(void);
void film_check_failed(const struct film_wish *wish, const char *words);

struct film_result {
    struct id id;
    struct asset asset;
    struct asset_track *tracks;
    size_t count;
    str reason;
};

/* Waits; CHECKs that it can be played. */
struct film_result film_published(const struct film_wish *wish);
/* "v:avc1 a:ru a:en s:ru" of the tracks, and a part of the reason. */
void film_check(const struct film_wish *wish, const char *tracks, const char *reason);
struct index film_index_of(const struct film_result *result, const char *track);
str film_subtitle_of(const struct film_result *result, const char *track);
