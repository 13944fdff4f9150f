/* internal: the fixture of the suite's tests. */
#pragma once

#include "conformance.h"

#include "foundation/crypto/crypto.h"
#include "foundation/task/pool.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

extern const struct blob_conformance_target *conformance_target;

/* A store in a fresh location, with threads to work for it. */
struct fixture {
    const char *location;
    struct pool *pool;
    struct blob_store *store;
};
void store_open(struct fixture *fixture);
/* As the next process finds it. */
void store_reopen(struct fixture *fixture);
void store_close(struct fixture *fixture);
/* Opens, runs fn(store) as a task, closes. */
void with_store(task_fn fn);

/* `len` bytes that differ from those of another seed, in the task's arena. */
str content_make(size_t len, uint64_t seed);
/* Checks that the object is there, whole, and what stat says of it. */
enum err content_check(struct blob_store *store, str key, str content);
/* How many objects the store lists. */
enum err objects_count(struct blob_store *store, size_t *out_count);

/* One list a file. */
void register_objects(void);
void register_keys(void);
void register_writers(void);
void register_lists(void);
void register_many(void);
void register_crash(void);
