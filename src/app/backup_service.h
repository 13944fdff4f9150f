/* backup_service: what the job that the clock asks for needs of the service. */
#pragma once

#include "engines/flow/jobs.h"

/* backup_clock.c */
extern const struct job_kind backup_job_kind;

/*
 * Makes a backup on the service's thread; returns when it has ended. A cancelled task ends it.
 * ERR_CONFLICT "backup-running"; what backup_make() says.
 */
TASK_FN enum err backup_make_and_wait(str path, str passphrase);
/* One could not even begin: counted, logged and shown as one that failed. Detail in the slot. */
void backup_failed_before(enum err result);
/* When the last ended well; 0: never. */
instant backup_last_at(void);
