/* writers: objects written in pieces, files that children wrote, and what is given up. */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum err in_pieces(void *store)
{
    static const size_t pieces[] = { 1, 0, 4095, 65537, 3, MIB(6), 100 };
    struct blob_writer *writer;
    struct blob_info info;
    uint8_t sha256[BLOB_HASH_BYTES];
    size_t at = 0;
    str whole = content_make(1 + 4095 + 65537 + 3 + MIB(6) + 100, 9);
    TRY(blob_put_begin(store, &writer));
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        TRY(blob_put_write(writer, str_sub(whole, at, pieces[i])));
        at += pieces[i];
        CHECK_ERR(blob_stat(store, STR("in/pieces"), &info), ERR_NOT_FOUND);
    }
    TRY(blob_put_commit(writer, STR("in/pieces"), &info));
    crypto_sha256(whole, sha256);
    CHECK_INT(info.size_bytes, whole.len);
    CHECK(memcmp(info.sha256, sha256, sizeof(sha256)) == 0);
    TRY(content_check(store, STR("in/pieces"), whole));
    TRY(blob_put_begin(store, &writer));
    TRY(blob_put_commit(writer, STR("in/none"), NULL));
    return content_check(store, STR("in/none"), STR(""));
}

static void pieces_become_one_object(void)
{
    with_store(in_pieces);
}

static enum err left_open(void *store)
{
    struct blob_writer *writer;
    TRY(blob_put_begin(store, &writer));
    return blob_put_write(writer, content_make(MIB(6), 1)); /* its arena drops it */
}

static enum err given_up(void *store)
{
    struct blob_writer *writer, *other;
    size_t count;
    TRY(blob_put(store, STR("kept"), STR("before"), NULL));
    TRY(blob_put_begin(store, &writer));
    TRY(blob_put_write(writer, STR("half")));
    blob_put_abort(writer);
    TRY(blob_put_begin(store, &writer));
    TRY(blob_put_write(writer, STR("half")));
    CHECK_ERR(blob_put_commit(writer, STR("../bad"), NULL), ERR_INVALID);
    blob_put_abort(writer);
    blob_put_abort(writer); /* once more is allowed */
    TRY(blob_put_begin(store, &writer));
    TRY(blob_put_begin(store, &other));
    TRY(blob_put_write(writer, STR("one")));
    TRY(blob_put_write(other, STR("two")));
    TRY(blob_put_commit(other, STR("kept"), NULL));
    blob_put_abort(writer);
    blob_put_abort(other); /* after the commit it does nothing */
    TRY(objects_count(store, &count));
    CHECK_INT(count, 1);
    return content_check(store, STR("kept"), STR("two"));
}

static enum err counts_none_new(void *store)
{
    size_t count;
    TRY(objects_count(store, &count));
    CHECK_INT(count, 1);
    return OK;
}

static void writers_given_up_leave_nothing(void)
{
    struct fixture fixture;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(8), given_up, fixture.store));
    CHECK_OK(task_run("blob", MIB(8), left_open, fixture.store));
    CHECK_OK(task_run("blob", MIB(8), counts_none_new, fixture.store));
    store_reopen(&fixture);
    CHECK_OK(task_run("blob", MIB(8), counts_none_new, fixture.store));
    store_close(&fixture);
}

static void file_write(str path, str content)
{
    FILE *file = fopen(path.ptr, "w");
    CHECK(file != NULL);
    CHECK_INT(fwrite(content.ptr, 1, content.len, file), content.len);
    CHECK_INT(fclose(file), 0);
}

static enum err adopted(void *store)
{
    struct blob_info info;
    uint8_t sha256[BLOB_HASH_BYTES];
    str path, other, content = content_make(MIB(6) + 17, 4);
    size_t count;
    TRY(blob_scratch(store, STR(".mp4"), &path));
    TRY(blob_scratch(store, STR(".mp4"), &other));
    CHECK(!str_eq(path, other) && str_ends(path, STR(".mp4")));
    file_write(path, content);
    TRY(objects_count(store, &count));
    CHECK_INT(count, 0); /* a scratch file is no object */
    TRY(blob_adopt(store, path, STR("media/1/v1.mp4"), &info));
    crypto_sha256(content, sha256);
    CHECK_INT(info.size_bytes, content.len);
    CHECK(memcmp(info.sha256, sha256, sizeof(sha256)) == 0);
    CHECK(access(path.ptr, F_OK) != 0); /* moved, not copied */
    TRY(content_check(store, STR("media/1/v1.mp4"), content));
    file_write(other, STR(""));
    TRY(blob_adopt(store, other, STR("media/1/v1.mp4"), NULL)); /* replaced */
    return content_check(store, STR("media/1/v1.mp4"), STR(""));
}

static void files_written_by_children_are_adopted(void)
{
    with_store(adopted);
}

static enum err not_adopted(void *store)
{
    str path, missing;
    size_t count;
    TRY(blob_scratch(store, STR(".idx"), &path));
    TRY(blob_scratch(store, STR(""), &missing));
    file_write(path, STR("half"));
    CHECK_ERR(blob_adopt(store, path, STR("a//b"), NULL), ERR_INVALID);
    CHECK(blob_adopt(store, missing, STR("missing"), NULL) != OK);
    CHECK_INT(access(path.ptr, F_OK), 0); /* a refusal leaves it to its owner */
    blob_discard(store, path);
    blob_discard(store, path);
    blob_discard(store, missing);
    CHECK(access(path.ptr, F_OK) != 0);
    TRY(objects_count(store, &count));
    CHECK_INT(count, 0);
    return OK;
}

static void files_not_adopted_are_discarded(void)
{
    with_store(not_adopted);
}

static str left_behind; /* in the folder's own memory: the task's is gone */

static enum err leave_scratch(void *store)
{
    static char kept[1024];
    str path;
    TRY(blob_scratch(store, STR(".part"), &path));
    file_write(path, STR("half a film"));
    CHECK(path.len < sizeof(kept));
    memcpy(kept, path.ptr, path.len + 1);
    left_behind = (str){ kept, path.len };
    return OK;
}

static void files_left_behind_go_when_the_store_is_opened(void)
{
    struct fixture fixture;
    store_open(&fixture);
    CHECK_OK(task_run("blob", MIB(1), leave_scratch, fixture.store));
    store_reopen(&fixture);
    CHECK(access(left_behind.ptr, F_OK) != 0);
    store_close(&fixture);
}

void register_writers(void)
{
    test_register("blob_pieces_become_one_object", __FILE__, pieces_become_one_object);
    test_register("blob_writers_given_up_leave_nothing", __FILE__, writers_given_up_leave_nothing);
    test_register("blob_files_written_by_children_are_adopted", __FILE__,
                  files_written_by_children_are_adopted);
    test_register("blob_files_not_adopted_are_discarded", __FILE__,
                  files_not_adopted_are_discarded);
    test_register("blob_files_left_behind_go_when_the_store_is_opened", __FILE__,
                  files_left_behind_go_when_the_store_is_opened);
}
