/* The conformance suite of the blob port. A driver's test supplies the location of an empty store.
 */
#include "engines/blob/blob.h"

#include "foundation/task/pool.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct pool *pool;
    struct blob_store *store;
};

static void with_store(task_fn fn)
{
    struct fixture fixture;
    char location[128];
    snprintf(location, sizeof(location), "%s/blobs", test_folder());
    CHECK_OK(pool_open("blob", 2, 64, &fixture.pool));
    CHECK_OK(blob_open(location, fixture.pool, &fixture.store));
    CHECK_OK(task_run("blob", MIB(16), fn, fixture.store));
    blob_close(fixture.store);
    pool_close(fixture.pool);
}

static enum err puts_and_gets(void *arg)
{
    struct blob_info info;
    str content;
    TRY(blob_put(arg, STR("a/b.txt"), STR("hello, kino"), &info));
    CHECK_INT(info.size_bytes, 11);
    TRY(blob_get(arg, STR("a/b.txt"), 0, UINT64_MAX, &content));
    CHECK_STR(content, STR("hello, kino"));
    TRY(blob_get(arg, STR("a/b.txt"), 7, 2, &content));
    CHECK_STR(content, STR("ki"));
    TRY(blob_get(arg, STR("a/b.txt"), 100, 2, &content));
    CHECK_STR(content, STR(""));
    TRY(blob_stat(arg, STR("a/b.txt"), &info));
    CHECK_INT(info.size_bytes, 11);
    TRY(blob_put(arg, STR("a/b.txt"), STR("new"), NULL));
    TRY(blob_get(arg, STR("a/b.txt"), 0, UINT64_MAX, &content));
    CHECK_STR(content, STR("new"));
    return OK;
}

TEST(blob_puts_and_gets_ranges)
{
    with_store(puts_and_gets);
}

static enum err hashes(void *arg)
{
    static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
    struct blob_info put, adopted;
    str path;
    TRY(blob_put(arg, STR("abc"), STR("abc"), &put)); /* FIPS 180-2, appendix B.1 */
    CHECK(memcmp(put.sha256, abc, sizeof(abc)) == 0);
    TRY(blob_scratch(arg, STR(".mp4"), &path));
    FILE *file = fopen(path.ptr, "w");
    CHECK(file && fputs("abc", file) >= 0 && fclose(file) == 0);
    TRY(blob_adopt(arg, path, STR("adopted.mp4"), &adopted));
    CHECK(memcmp(put.sha256, adopted.sha256, BLOB_HASH_BYTES) == 0);
    CHECK(access(path.ptr, F_OK) != 0);
    return OK;
}

TEST(blob_hashes_what_it_stores)
{
    with_store(hashes);
}

static enum err uncommitted(void *arg)
{
    struct blob_writer *writer;
    struct blob_info info;
    TRY(blob_put_begin(arg, &writer));
    TRY(blob_put_write(writer, STR("half")));
    CHECK_ERR(blob_stat(arg, STR("half"), &info), ERR_NOT_FOUND);
    blob_put_abort(writer);
    TRY(blob_put_begin(arg, &writer));
    TRY(blob_put_write(writer, STR("ho")));
    TRY(blob_put_write(writer, STR("le")));
    TRY(blob_put_commit(writer, STR("whole"), &info));
    CHECK_INT(info.size_bytes, 4);
    return blob_put_begin(arg, &writer); /* left open: its arena drops it */
}

TEST(blob_is_whole_or_not_there)
{
    with_store(uncommitted);
}

static enum err refuses(void *arg)
{
    static const char *const bad[] = { "",        "/a",   "a/",  "../a", "a/../b", "a//b",
                                       ".hidden", "a/.b", "a b", "a\nb", "ключ",   "a\\b" };
    struct blob_info info;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(blob_put(arg, str_of(bad[i]), STR("x"), &info), ERR_INVALID);
    CHECK_ERR(blob_stat(arg, STR("none"), &info), ERR_NOT_FOUND);
    CHECK_ERR(blob_put(arg, (str){ "a\0b", 3 }, STR("x"), &info), ERR_INVALID);
    return OK;
}

TEST(blob_refuses_keys_that_are_paths_elsewhere)
{
    with_store(refuses);
}

static enum err lists(void *arg)
{
    struct blob_entry *entries;
    size_t count;
    static const char *const keys[] = { "m/2/v.mp4", "m/1/v.mp4", "m/1/a.mp4", "n/x",
                                        "m/10/v.mp4" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        TRY(blob_put(arg, str_of(keys[i]), STR("x"), NULL));
    TRY(blob_list(arg, STR("m/1/"), STR(""), 10, &entries, &count));
    CHECK_INT(count, 2);
    CHECK_STR(entries[0].key, STR("m/1/a.mp4"));
    TRY(blob_list(arg, STR(""), STR("m/1/v.mp4"), 2, &entries, &count));
    CHECK_INT(count, 2);
    CHECK_STR(entries[0].key, STR("m/10/v.mp4"));
    CHECK_STR(entries[1].key, STR("m/2/v.mp4"));
    TRY(blob_list(arg, STR("none/"), STR(""), 2, &entries, &count));
    CHECK_INT(count, 0);
    return OK;
}

TEST(blob_lists_in_pages)
{
    with_store(lists);
}

static enum err removes(void *arg)
{
    int fd;
    char bytes[4];
    TRY(blob_put(arg, STR("gone"), STR("film"), NULL));
    TRY(blob_descriptor(arg, STR("gone"), &fd));
    TRY(blob_remove(arg, STR("gone")));
    TRY(blob_remove(arg, STR("gone")));
    CHECK_INT(pread(fd, bytes, 4, 0), 4);
    close(fd);
    CHECK_ERR(blob_descriptor(arg, STR("gone"), &fd), ERR_NOT_FOUND);
    return OK;
}

TEST(blob_removed_stays_readable_where_open)
{
    with_store(removes);
}

TEST(blob_open_clears_unfinished_writes)
{
    struct pool *pool;
    struct blob_store *store;
    char path[160];
    CHECK_OK(pool_open("blob", 1, 8, &pool));
    CHECK_OK(blob_open(test_folder(), pool, &store));
    blob_close(store);
    snprintf(path, sizeof(path), "%s/scratch/99-1.part", test_folder());
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_OK(blob_open(test_folder(), pool, &store));
    CHECK(access(path, F_OK) != 0);
    blob_close(store);
    pool_close(pool);
}
