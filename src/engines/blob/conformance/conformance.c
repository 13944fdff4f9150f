/* conformance: registration and the fixture. */
#include "internal.h"

#include <string.h>

const struct blob_conformance_target *conformance_target;

void blob_conformance_register(const struct blob_conformance_target *target)
{
    conformance_target = target;
    register_objects();
    register_keys();
    register_writers();
    register_lists();
    register_many();
    register_crash();
}

void store_open(struct fixture *fixture)
{
    CHECK_OK(pool_open("blob", 4, 256, &fixture->pool));
    fixture->location = conformance_target->location_new();
    CHECK_OK(
        blob_open(conformance_target->driver, fixture->location, fixture->pool, &fixture->store));
}

void store_reopen(struct fixture *fixture)
{
    blob_close(fixture->store);
    CHECK_OK(
        blob_open(conformance_target->driver, fixture->location, fixture->pool, &fixture->store));
}

void store_close(struct fixture *fixture)
{
    blob_close(fixture->store);
    pool_close(fixture->pool);
}

void with_store(task_fn fn)
{
    struct fixture fixture;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(128), fn, fixture.store));
    store_close(&fixture);
}

str content_make(size_t len, uint64_t seed)
{
    char *bytes = arena_alloc(task_arena(), len + 1);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (char)(state >> 56);
    }
    bytes[len] = 0;
    return (str){ bytes, len };
}

enum err content_check(struct blob_store *store, str key, str content)
{
    struct blob_info info;
    str found;
    TRY(blob_stat(store, key, &info));
    CHECK_INT(info.size_bytes, content.len);
    TRY(blob_get(store, key, 0, UINT64_MAX, &found));
    CHECK_INT(found.len, content.len);
    CHECK(str_eq(found, content));
    return OK;
}

enum err objects_count(struct blob_store *store, size_t *out_count)
{
    struct blob_entry *entries;
    return blob_list(store, STR(""), STR(""), 100000, &entries, out_count);
}
