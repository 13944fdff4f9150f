/* lists: prefixes, byte order, pages. */
#include "internal.h"

static enum err by_prefix(void *store)
{
    static const char *const keys[] = { "m/2/v.mp4", "m/1/v.mp4",  "m/1/a.mp4",
                                        "n/x",       "m/10/v.mp4", "m/1-x",
                                        "m.x",       "M/1",        "m/1/b/c" };
    struct blob_entry *entries;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        TRY(blob_put(store, str_of(keys[i]), str_of(keys[i]), NULL));
    TRY(blob_list(store, STR("m/1/"), STR(""), 10, &entries, &count));
    CHECK_INT(count, 3);
    CHECK_STR(entries[0].key, STR("m/1/a.mp4"));
    CHECK_STR(entries[1].key, STR("m/1/b/c"));
    CHECK_STR(entries[2].key, STR("m/1/v.mp4"));
    CHECK_INT(entries[1].info.size_bytes, 7);
    TRY(blob_list(store, STR(""), STR("m/1/v.mp4"), 2, &entries, &count));
    CHECK_INT(count, 2);
    CHECK_STR(entries[0].key, STR("m/10/v.mp4"));
    CHECK_STR(entries[1].key, STR("m/2/v.mp4"));
    TRY(blob_list(store, STR(""), STR("m/1/v"), 1, &entries, &count)); /* itself no object */
    CHECK_INT(count, 1);
    CHECK_STR(entries[0].key, STR("m/1/v.mp4"));
    TRY(blob_list(store, STR("none/"), STR(""), 2, &entries, &count));
    CHECK_INT(count, 0);
    TRY(blob_list(store, STR("m/1-x/"), STR(""), 2, &entries, &count)); /* an object, no folder */
    CHECK_INT(count, 0);
    TRY(blob_list(store, STR(""), STR("zzz"), 2, &entries, &count));
    CHECK_INT(count, 0);
    return OK;
}

static void lists_are_of_a_prefix(void)
{
    with_store(by_prefix);
}

static enum err refused(void *store)
{
    static const char *const bad[] = { "m", "/", "../", "m/../", "m//", ".x/", "m /" };
    struct blob_entry *entries;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(blob_list(store, str_of(bad[i]), STR(""), 2, &entries, &count), ERR_INVALID);
    return OK;
}

static void lists_of_no_folder_are_refused(void)
{
    with_store(refused);
}

enum { OBJECTS = 1050, FEW = 300 }; /* more than stores give in one answer; a list of 30 kB */

struct put_some {
    struct blob_store *store;
    int from, until;
};

static enum err put_some(void *arg)
{
    const struct put_some *some = arg;
    for (int i = some->from; i < some->until; i++) {
        struct arena_mark mark = arena_mark(task_arena());
        str key = arena_printf(task_arena(), "many/%02d/%d", i % 50, i);
        TRY(blob_put(some->store, key, STR(""), NULL));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

/* Some at a time: a put waits for the disk, and disks make many as quickly as one. */
static enum err put_many(struct blob_store *store, int objects)
{
    enum { AT_A_TIME = 10 };
    static struct put_some some[AT_A_TIME];
    struct task_group group;
    task_group_init(&group, AT_A_TIME);
    for (int i = 0; i < AT_A_TIME; i++) {
        some[i] =
            (struct put_some){ store, objects * i / AT_A_TIME, objects * (i + 1) / AT_A_TIME };
        TRY(task_group_start(&group, "put", put_some, &some[i]));
    }
    return task_group_wait(&group);
}

static enum err page_by_page(void *store)
{
    struct blob_entry *entries;
    size_t count, total = 0;
    str after = STR("");
    TRY(put_many(store, OBJECTS));
    do {
        TRY(blob_list(store, STR("many/"), after, 333, &entries, &count));
        for (size_t i = 0; i < count; i++) {
            CHECK(str_cmp(after, entries[i].key) < 0); /* ordered, none twice */
            after = entries[i].key;
        }
        total += count;
        CHECK(count == 333 || total == OBJECTS);
    } while (count);
    CHECK_INT(total, OBJECTS);
    TRY(blob_list(store, STR(""), STR(""), 100000, &entries, &count));
    CHECK_INT(count, OBJECTS);
    return OK;
}

static void lists_of_many_come_in_pages(void)
{
    with_store(page_by_page);
}

static enum err put_few(void *store)
{
    return put_many(store, FEW);
}

static enum err list_all(void *store)
{
    size_t count;
    return objects_count(store, &count);
}

static void lists_beyond_the_arena_are_refused(void)
{
    struct fixture fixture;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(8), put_few, fixture.store));
    for (size_t bytes = KIB(1); bytes < KIB(24); bytes += 200)
        CHECK_ERR(task_run("blob", bytes, list_all, fixture.store), ERR_EXHAUSTED);
    store_close(&fixture);
}

void register_lists(void)
{
    test_register("blob_lists_are_of_a_prefix", __FILE__, lists_are_of_a_prefix);
    test_register("blob_lists_of_no_folder_are_refused", __FILE__, lists_of_no_folder_are_refused);
    test_register("blob_lists_of_many_come_in_pages", __FILE__, lists_of_many_come_in_pages);
    test_register("blob_lists_beyond_the_arena_are_refused", __FILE__,
                  lists_beyond_the_arena_are_refused);
}
