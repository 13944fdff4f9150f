/* sagas: what the tests of sagas and of their crashes share. */
#pragma once

#include "engines/flow/sagas.h"

/* Four steps; input "fail" fails the last for good. `held_saga` waits for a person then. */
extern const struct saga_kind order_saga, held_saga;

struct starting {
    const struct saga_kind *kind;
    const char *input, *key;
    int64_t id; /* out */
};
enum err saga_start_tx(struct db_tx *tx, void *starting);
/* Waits for the state; the deadline is generous. */
struct saga saga_await(int64_t id, enum saga_state state);
/* Each once, of the steps whose bit is set, or not at all. */
void saga_check_effects(int64_t id, unsigned done, unsigned undone);
