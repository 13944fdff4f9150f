/* ingest_group: taking one group of files into the catalogue. Internal to ingest. */
#pragma once

#include "ingest_internal.h"

/*
 * Reads NFO files and pictures, then matches and writes everything of the group in one transaction:
 * titles, artwork, files of the import, jobs of the films, reviews, and the signature. A group that
 * cannot be understood becomes a review or a failed file, not a failure. Suspends.
 */
TASK_FN enum err group_take(const struct import *import, const struct walk_group *group,
                            int64_t signature);
