/* sagas_impl: a saga's row and its moves, shared by the files of this folder. */
#pragma once

#include "internal.h"
#include "sagas.h"

#define SAGA_JOB_PREFIX "saga."

struct saga_row {
    struct saga shown;
    bool holds;
    int64_t position, round;
    instant deadline_at; /* of the step it is at */
};
/* sagas_view.c */
void saga_of_row(const struct db_row *row, struct saga_row *out);

/* sagas.c */
/* The saga whose step is this job; id 0: none (any more). */
enum err saga_of_job(struct db_tx *tx, int64_t job_id, struct saga_row *out);
/* The step it is at was done, or undone: on to the next. */
enum err saga_advance(struct db_tx *tx, const struct saga_row *saga, str result);
