/* many: tasks that put, read and remove the same object and different ones at the same time. */
#include "internal.h"

#include <string.h>

enum { TASKS = 24, ROUNDS = 12, VERSIONS = 8, LEN = 70000 };

struct many {
    struct blob_store *store;
    unsigned number;
};

static enum err together(struct blob_store *store, task_fn fn)
{
    static struct many many[TASKS];
    struct task_group group;
    task_group_init(&group, TASKS);
    for (unsigned i = 0; i < TASKS; i++) {
        many[i] = (struct many){ store, i };
        TRY(task_group_start(&group, "many", fn, &many[i]));
    }
    return task_group_wait(&group);
}

/* A version's size goes with its bytes, so that a mixture of two shows. */
static str version_make(unsigned version)
{
    return content_make(LEN + version * 1000, version);
}

static enum err put_and_get(void *arg)
{
    const struct many *many = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct arena_mark mark = arena_mark(task_arena());
        str found, content = version_make((many->number + i) % VERSIONS);
        struct blob_info info;
        uint8_t sha256[BLOB_HASH_BYTES];
        TRY(blob_put(many->store, STR("same"), content, &info));
        crypto_sha256(content, sha256);
        CHECK(memcmp(info.sha256, sha256, sizeof(sha256)) == 0); /* what this one wrote */
        CHECK_INT(info.size_bytes, content.len);
        TRY(blob_get(many->store, STR("same"), 0, UINT64_MAX, &found));
        CHECK(found.len >= LEN && (found.len - LEN) % 1000 == 0);
        unsigned version = (unsigned)((found.len - LEN) / 1000);
        CHECK(version < VERSIONS && str_eq(found, version_make(version)));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static enum err same_key(void *arg)
{
    struct blob_store *store = arg;
    size_t count;
    str found;
    TRY(together(store, put_and_get));
    TRY(blob_get(store, STR("same"), 0, UINT64_MAX, &found));
    CHECK(str_eq(found, version_make((unsigned)((found.len - LEN) / 1000))));
    TRY(objects_count(store, &count));
    CHECK_INT(count, 1);
    return OK;
}

static void puts_of_one_key_never_mix(void)
{
    with_store(same_key);
}

static enum err put_the_same(void *arg)
{
    const struct many *many = arg;
    struct blob_info info;
    TRY(blob_put(many->store, STR("folder/that/is/new/x"), version_make(1), &info));
    CHECK_INT(info.size_bytes, LEN + 1000);
    return content_check(many->store, STR("folder/that/is/new/x"), version_make(1));
}

static enum err same_bytes(void *arg)
{
    return together(arg, put_the_same);
}

static void puts_of_the_same_bytes_agree(void)
{
    with_store(same_bytes);
}

static enum err own_key(void *arg)
{
    const struct many *many = arg;
    str key = arena_printf(task_arena(), "own/%u/%u", many->number % 4, many->number);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct arena_mark mark = arena_mark(task_arena());
        struct blob_info info;
        TRY(blob_put(many->store, key, content_make(1000 + i, many->number), NULL));
        TRY(content_check(many->store, key, content_make(1000 + i, many->number)));
        TRY(blob_remove(many->store, key));
        CHECK_ERR(blob_stat(many->store, key, &info), ERR_NOT_FOUND);
        arena_rewind(task_arena(), mark);
    }
    return blob_put(many->store, key, key, NULL);
}

static enum err own_keys(void *arg)
{
    struct blob_store *store = arg;
    struct blob_entry *entries;
    size_t count;
    TRY(together(store, own_key));
    TRY(blob_list(store, STR("own/"), STR(""), 1000, &entries, &count));
    CHECK_INT(count, TASKS);
    for (size_t i = 0; i < count; i++)
        TRY(content_check(store, entries[i].key, entries[i].key));
    return OK;
}

static void puts_of_different_keys_do_not_meet(void)
{
    with_store(own_keys);
}

static bool put_all; /* the writer has done its rounds: the others may end */

static enum err put_rounds(struct blob_store *store)
{
    for (unsigned i = 0; i < ROUNDS * 3; i++) {
        struct arena_mark mark = arena_mark(task_arena());
        TRY(blob_put(store, STR("x/flickers"), version_make(i % VERSIONS), NULL));
        arena_rewind(task_arena(), mark);
    }
    put_all = true;
    return OK;
}

static enum err change_or_read(void *arg)
{
    const struct many *many = arg;
    if (many->number == 0)
        return put_rounds(many->store);
    while (!put_all) {
        struct arena_mark mark = arena_mark(task_arena());
        str found;
        if (many->number == 1)
            TRY(blob_remove(many->store, STR("x/flickers")));
        enum err result = blob_get(many->store, STR("x/flickers"), 0, UINT64_MAX, &found);
        if (result == OK)
            CHECK(found.len >= LEN &&
                  str_eq(found, version_make((unsigned)((found.len - LEN) / 1000))));
        else if (result != ERR_NOT_FOUND)
            return result;
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static enum err flickers(void *arg)
{
    put_all = false;
    return together(arg, change_or_read);
}

static void readers_see_an_object_whole_or_not_at_all(void)
{
    with_store(flickers);
}

void register_many(void)
{
    test_register("blob_puts_of_one_key_never_mix", __FILE__, puts_of_one_key_never_mix);
    test_register("blob_puts_of_the_same_bytes_agree", __FILE__, puts_of_the_same_bytes_agree);
    test_register("blob_puts_of_different_keys_do_not_meet", __FILE__,
                  puts_of_different_keys_do_not_meet);
    test_register("blob_readers_see_an_object_whole_or_not_at_all", __FILE__,
                  readers_see_an_object_whole_or_not_at_all);
}
