/* ingest_group: taking one group of files into the catalogue. Internal to ingest. */
#pragma once

#include "ingest_internal.h"

/*
 * Reads NFO files and pictures, then matches and writes everything of the group in one transaction:
 * titles, artwork, files of the import, jobs of the films, reviews, and the signature. A group that
 * cannot be understood becomes a review or a failed file, not a failure. Suspends.
 */
TASK_FN enum err ingest_group_take(const struct import *import, const struct walk_group *group,
                                   int64_t signature);
/* The group could not be taken in: its films are listed as failed, with the reason. Suspends. */
TASK_FN enum err ingest_group_fail(const struct import *import, const struct walk_group *group,
                                   str reason);

/* --- Which title a file is (ingest_judge.c) ------------------------------------------------- */

#define MATCH_CERTAIN  1.0
#define MATCH_DOUBTFUL 0.6

enum verdict { VERDICT_TITLE, VERDICT_NEW, VERDICT_REVIEW, VERDICT_SKIP };
struct judgement {
    enum verdict verdict;
    struct id title; /* VERDICT_TITLE */
    str reason;      /* VERDICT_REVIEW; may be empty */
};
/* What a person decided is written into *identity. */
enum err ingest_judge(struct db_tx *tx, const struct unit *unit, struct identity *identity,
                      struct judgement *out_judgement);
/* The same of a series: what was decided under `key`, which its files are `known` to be of. */
enum err ingest_judge_series(struct db_tx *tx, str key, struct id known, struct identity *identity,
                             struct judgement *out_judgement);

/* --- Inside: what the files of ingest_group share --------------------------------------------- */

/* Films and episodes of one folder that are taken in together, in one transaction. */
enum { INGEST_GROUP_FILMS_MAX = 5000 };

struct group {
    struct arena *arena;
    const struct import *import;
    const struct walk_group *files;
    int64_t signature;
    struct unit *units;
    size_t units_count;
    const struct nfo_work *series_nfo;
    struct unit whole;        /* of a series: the pictures of its folder */
    struct picture *pictures; /* stored already; those of units, and of `whole` */
    size_t pictures_count;
    struct id film;  /* of the first film of the group: what extras belong to */
    str series_name; /* of the last episode: a series is judged and written once */
    struct judgement series;
    str failure;
};

/* A film, an episode or an extra. */
bool ingest_file_is_video(const struct walk_file *file);
/* The path for people, as UTF-8. */
str ingest_file_shown(const struct walk_file *file);

/* Fills the units of the group: videos with their sidecars and NFO. Suspends. */
TASK_FN enum err ingest_group_read(struct group *group);
/* Stores the pictures of its units and of its series as blobs. Suspends. */
TASK_FN enum err ingest_group_pictures_store(struct group *group);

/* A row of the import's files. */
enum err ingest_group_file_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                               const char *state, str reason, struct id title, int64_t *out_id);
/*
 * A person is asked, with the titles it may be. What is decided is found under `key`: the path of a
 * file, or what stands for a series.
 */
struct review {
    str key;
    const struct unit *unit; /* whose path is shown */
    const struct identity *identity;
    str reason;
};
enum err ingest_group_review_put(struct db_tx *tx, const struct group *group,
                                 const struct review *review);
/* Nobody has to decide about it any more. */
enum err ingest_group_review_settled(struct db_tx *tx, str key);
/* Pictures of the unit, or of &group->whole, become those of the title. */
enum err ingest_group_pictures_put(struct db_tx *tx, const struct group *group,
                                   const struct unit *unit, struct id title);
/* What names and NFO say of a title; io_title none: a new one. */
enum err ingest_group_records_put(struct db_tx *tx, const struct group *group,
                                  const struct unit *unit, const struct identity *identity,
                                  struct id *io_title);
/* Queues the film's job, unless the same bytes are stored already. */
enum err ingest_group_media_put(struct db_tx *tx, const struct group *group,
                                const struct unit *unit, struct id title);

enum err ingest_group_film_take(struct db_tx *tx, struct group *group, const struct unit *unit);
enum err ingest_group_episode_take(struct db_tx *tx, struct group *group, const struct unit *unit);
