/* objects: sizes, hashes, ranges, replacing and removing. */
#include "internal.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Around what drivers cut at: pages, buffers, the smallest part of a multipart upload. */
static const size_t sizes[] = { 0,      1,          4095,     4096,
                                4097,   65536,      KIB(256), KIB(256) + 1,
                                MIB(5), MIB(5) + 1, MIB(17) };

static enum err of_every_size(void *store)
{
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct arena_mark mark = arena_mark(task_arena());
        struct blob_info info;
        uint8_t sha256[BLOB_HASH_BYTES];
        str key = arena_printf(task_arena(), "sizes/%zu", sizes[i]);
        str content = content_make(sizes[i], i);
        instant before = clock_now();
        TRY(blob_put(store, key, content, &info));
        crypto_sha256(content, sha256);
        CHECK_INT(info.size_bytes, sizes[i]);
        CHECK(memcmp(info.sha256, sha256, sizeof(sha256)) == 0);
        CHECK(info.modified_at >= before - MINUTES(10)); /* a store may have a clock of its own */
        TRY(content_check(store, key, content));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static void objects_of_every_size_come_back(void)
{
    with_store(of_every_size);
}

static enum err reopened(void *arg)
{
    return content_check(arg, STR("kept/for.ever"), content_make(100000, 5));
}

static enum err kept(void *arg)
{
    return blob_put(arg, STR("kept/for.ever"), content_make(100000, 5), NULL);
}

static void objects_stay_when_the_store_is_opened_again(void)
{
    struct fixture fixture;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(8), kept, fixture.store));
    store_reopen(&fixture);
    CHECK_OK(task_run("blob", MIB(8), reopened, fixture.store));
    store_close(&fixture);
}

static enum err ranges(void *store)
{
    enum { LEN = 10000 };
    str content = content_make(LEN, 1), found;
    const struct {
        uint64_t offset, len, expected;
    } cases[] = {
        { 0, 0, 0 },           { 0, 1, 1 },
        { 1, 9998, 9998 },     { 0, LEN, LEN },
        { 0, LEN + 1, LEN },   { LEN - 1, 1, 1 },
        { LEN - 1, 100, 1 },   { LEN, 1, 0 },
        { LEN + 1, 1, 0 },     { 4000, UINT64_MAX, 6000 },
        { UINT64_MAX, 1, 0 },  { UINT64_MAX, UINT64_MAX, 0 },
        { INT64_MAX, 100, 0 }, { (uint64_t)INT64_MAX + 1, 100, 0 },
    };
    TRY(blob_put(store, STR("ranges"), content, NULL));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        TRY(blob_get(store, STR("ranges"), cases[i].offset, cases[i].len, &found));
        CHECK_INT(found.len, cases[i].expected);
        CHECK(str_eq(found, str_sub(content, MIN_OF(cases[i].offset, (uint64_t)LEN), found.len)));
    }
    TRY(blob_put(store, STR("nothing"), STR(""), NULL));
    TRY(blob_get(store, STR("nothing"), 0, 1, &found));
    CHECK_INT(found.len, 0);
    return OK;
}

static void objects_are_read_by_ranges(void)
{
    with_store(ranges);
}

static enum err replaced(void *store)
{
    TRY(blob_put(store, STR("r/x"), content_make(50000, 1), NULL));
    TRY(blob_put(store, STR("r/x"), content_make(50000, 1), NULL));
    TRY(content_check(store, STR("r/x"), content_make(50000, 1)));
    TRY(blob_put(store, STR("r/x"), STR("shorter"), NULL));
    TRY(content_check(store, STR("r/x"), STR("shorter")));
    TRY(blob_put(store, STR("r/x"), content_make(90000, 2), NULL));
    return content_check(store, STR("r/x"), content_make(90000, 2));
}

static void objects_are_replaced_whole(void)
{
    with_store(replaced);
}

static enum err absent(void *store)
{
    struct blob_info info = { .size_bytes = 7 };
    str content = STR("untouched");
    int fd = -7;
    size_t count;
    CHECK_ERR(blob_stat(store, STR("none"), &info), ERR_NOT_FOUND);
    CHECK_ERR(blob_get(store, STR("none/at/all"), 0, 10, &content), ERR_NOT_FOUND);
    CHECK_INT(info.size_bytes, 7);
    CHECK_STR(content, STR("untouched"));
    enum err result = blob_descriptor(store, STR("none"), &fd);
    CHECK(result == ERR_NOT_FOUND || result == ERR_UNAVAILABLE);
    CHECK_INT(fd, -7);
    TRY(blob_remove(store, STR("none")));
    TRY(blob_remove(store, STR("none/at/all")));
    TRY(objects_count(store, &count));
    CHECK_INT(count, 0);
    return OK;
}

static void objects_not_there_are_not_found(void)
{
    with_store(absent);
}

static enum err removed(void *store)
{
    struct blob_info info;
    str content;
    size_t count;
    TRY(blob_put(store, STR("m/1/gone"), STR("film"), NULL));
    TRY(blob_put(store, STR("m/1/stays"), STR("other"), NULL));
    TRY(blob_remove(store, STR("m/1"))); /* the folder of others is no object */
    TRY(blob_remove(store, STR("m/1/gone")));
    TRY(blob_remove(store, STR("m/1/gone")));
    CHECK_ERR(blob_stat(store, STR("m/1/gone"), &info), ERR_NOT_FOUND);
    CHECK_ERR(blob_get(store, STR("m/1/gone"), 0, 1, &content), ERR_NOT_FOUND);
    TRY(content_check(store, STR("m/1/stays"), STR("other")));
    TRY(objects_count(store, &count));
    CHECK_INT(count, 1);
    TRY(blob_put(store, STR("m/1/gone"), STR("again"), NULL));
    return content_check(store, STR("m/1/gone"), STR("again"));
}

static void objects_removed_are_gone(void)
{
    with_store(removed);
}

/* A viewer's film goes on when it is removed or replaced; stores that give no descriptor are
 * read range by range, and owe nothing here. */
static enum err open_while_changed(void *store)
{
    char bytes[4];
    int fd, other;
    TRY(blob_put(store, STR("a/film"), STR("film"), NULL));
    enum err result = blob_descriptor(store, STR("a/film"), &fd);
    if (result == ERR_UNAVAILABLE) {
        str path;
        CHECK_ERR(blob_local_path(store, STR("a/film"), &path), ERR_UNAVAILABLE);
        return OK;
    }
    TRY(result);
    CHECK_ERR(blob_descriptor(store, STR("a"), &other), ERR_NOT_FOUND);
    TRY(blob_put(store, STR("a/film"), STR("new!!"), NULL));
    CHECK_INT(pread(fd, bytes, sizeof(bytes), 0), 4);
    CHECK(memcmp(bytes, "film", 4) == 0);
    TRY(blob_remove(store, STR("a/film")));
    CHECK_INT(pread(fd, bytes, sizeof(bytes), 0), 4);
    CHECK(memcmp(bytes, "film", 4) == 0);
    CHECK_INT(close(fd), 0);
    CHECK_ERR(blob_descriptor(store, STR("a/film"), &fd), ERR_NOT_FOUND);
    return OK;
}

static void objects_stay_readable_where_open(void)
{
    with_store(open_while_changed);
}

static enum err space(void *store)
{
    uint64_t free_bytes = 0, total_bytes = 0;
    enum err result = blob_space(store, &free_bytes, &total_bytes);
    if (result == ERR_UNAVAILABLE)
        return OK;
    TRY(result);
    CHECK(total_bytes > 0 && free_bytes <= total_bytes);
    return OK;
}

static void space_is_told_or_unknown(void)
{
    with_store(space);
}

static enum err put_big(void *store)
{
    return blob_put(store, STR("big"), content_make(MIB(2), 3), NULL);
}

static enum err get_big(void *store)
{
    str content;
    return blob_get(store, STR("big"), 0, UINT64_MAX, &content);
}

static void objects_beyond_the_arena_are_refused(void)
{
    struct fixture fixture;
    struct rlimit before, few;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(8), put_big, fixture.store));
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 100;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0); /* so that what stays open is missed soon */
    for (int i = 0; i < 200; i++)
        CHECK_ERR(task_run("blob", KIB(64), get_big, fixture.store), ERR_EXHAUSTED);
    CHECK_OK(task_run("blob", MIB(8), get_big, fixture.store));
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    store_close(&fixture);
}

void register_objects(void)
{
    test_register("blob_objects_of_every_size_come_back", __FILE__,
                  objects_of_every_size_come_back);
    test_register("blob_objects_stay_when_the_store_is_opened_again", __FILE__,
                  objects_stay_when_the_store_is_opened_again);
    test_register("blob_objects_are_read_by_ranges", __FILE__, objects_are_read_by_ranges);
    test_register("blob_objects_are_replaced_whole", __FILE__, objects_are_replaced_whole);
    test_register("blob_objects_not_there_are_not_found", __FILE__,
                  objects_not_there_are_not_found);
    test_register("blob_objects_removed_are_gone", __FILE__, objects_removed_are_gone);
    test_register("blob_objects_stay_readable_where_open", __FILE__,
                  objects_stay_readable_where_open);
    test_register("blob_space_is_told_or_unknown", __FILE__, space_is_told_or_unknown);
    test_register("blob_objects_beyond_the_arena_are_refused", __FILE__,
                  objects_beyond_the_arena_are_refused);
}
