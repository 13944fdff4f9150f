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
