/* The conformance suite on a folder, and what only folders can suffer. */
#include "disk.h"

#include "engines/blob/conformance/conformance.h"
#include "foundation/task/pool.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *location_new(void)
{
    static char location[128];
    snprintf(location, sizeof(location), "%s/blobs", test_folder());
    return location;
}

static const struct blob_conformance_target target = { &blob_disk, location_new };

__attribute__((constructor)) static void register_suite(void)
{
    blob_conformance_register(&target);
}

/* --- Folders -------------------------------------------------------------------------------- */

static struct pool *pool;
static struct blob_store *store;

static void disk_store_open(void)
{
    CHECK_OK(pool_open("blob", 2, 64, &pool));
    CHECK_OK(blob_open(&blob_disk, location_new(), pool, &store));
}

static void disk_store_close(void)
{
    blob_close(store);
    pool_close(pool);
}

static unsigned scratch_files(void)
{
    char path[160];
    struct dirent *entry;
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/scratch", location_new());
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static enum err writes(void *arg)
{
    struct blob_writer *writer;
    TRY(blob_put(arg, STR("a/b"), STR("x"), NULL));
    TRY(blob_put_begin(arg, &writer));
    TRY(blob_put_write(writer, STR("half")));
    CHECK_INT(scratch_files(), 1);
    blob_put_abort(writer);
    CHECK_INT(scratch_files(), 0);
    TRY(blob_put(arg, STR("f"), STR("x"), NULL));
    CHECK_ERR(blob_put(arg, STR("f/g"), STR("x"), NULL), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("blob-key-taken"));
    CHECK_INT(scratch_files(), 0);
    return blob_put_begin(arg, &writer); /* left open */
}

TEST(disk_leaves_no_scratch_of_what_was_given_up)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), writes, store));
    CHECK_INT(scratch_files(), 0);
    disk_store_close();
}

static enum err writes_beside(void *arg)
{
    struct blob_writer *writer;
    struct blob_store *other;
    TRY(blob_put_begin(arg, &writer));
    TRY(blob_put_write(writer, STR("half")));
    CHECK_OK(blob_open(&blob_disk, location_new(), pool, &other)); /* as another process would */
    CHECK_INT(scratch_files(), 1);
    TRY(blob_put(other, STR("b"), STR("theirs"), NULL));
    blob_close(other);
    blob_put_abort(writer);
    char path[160];
    snprintf(path, sizeof(path), "%s/scratch/left", location_new());
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    return OK;
}

TEST(disk_leaves_the_scratch_of_others_alone)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), writes_beside, store));
    CHECK_INT(scratch_files(), 1);
    disk_store_close();
    disk_store_open(); /* alone: what a crash left goes */
    CHECK_INT(scratch_files(), 0);
    disk_store_close();
}

static enum err private_files(void *arg)
{
    struct stat info;
    str path;
    TRY(blob_put(arg, STR("m/1/x"), STR("x"), NULL));
    TRY(blob_local_path(arg, STR("m/1/x"), &path));
    CHECK_INT(stat(path.ptr, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    TRY(blob_local_path(arg, STR("m/1"), &path));
    CHECK_INT(stat(path.ptr, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0700);
    return OK;
}

TEST(disk_objects_are_their_owners_alone)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), private_files, store));
    disk_store_close();
}

/* What somebody put into the folder by hand is not followed out of it. */
static enum err strangers(void *arg)
{
    struct blob_entry *entries;
    size_t count;
    str path;
    TRY(blob_put(arg, STR("m/x"), STR("x"), NULL));
    TRY(blob_local_path(arg, STR("m/link"), &path));
    CHECK_INT(symlink("/", path.ptr), 0);
    TRY(blob_local_path(arg, STR("m/loop"), &path));
    CHECK_INT(symlink(".", path.ptr), 0);
    TRY(blob_local_path(arg, STR("m/pipe"), &path));
    CHECK_INT(mkfifo(path.ptr, 0600), 0);
    TRY(blob_list(arg, STR(""), STR(""), 100, &entries, &count));
    CHECK_INT(count, 1);
    CHECK_STR(entries[0].key, STR("m/x"));
    return OK;
}

TEST(disk_lists_no_links_and_no_pipes)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), strangers, store));
    disk_store_close();
}

TEST(disk_tells_a_folder_that_cannot_be)
{
    char path[160], deep[2000];
    CHECK_OK(pool_open("blob", 1, 8, &pool));
    snprintf(path, sizeof(path), "%s/file", test_folder());
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK(blob_open(&blob_disk, path, pool, &store) != OK);
    snprintf(path, sizeof(path), "%s/none/blobs", test_folder());
    CHECK_ERR(blob_open(&blob_disk, path, pool, &store), ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof(deep); i++)
        deep[i] = i + 1 < sizeof(deep) ? 'x' : 0;
    CHECK_ERR(blob_open(&blob_disk, deep, pool, &store), ERR_INVALID);
    pool_close(pool);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static enum err removes_in_a_snapshot(void *arg)
{
    struct blob_entry *entries;
    struct blob_info info;
    size_t count;
    char text[8];
    int fd;
    TRY(blob_put(arg, STR("media/1/v1.mp4"), STR("film"), NULL));
    TRY(blob_put(arg, STR("media/2/v1.mp4"), STR("other"), NULL));
    TRY(blob_snapshot_begin(arg));
    CHECK_ERR(blob_snapshot_begin(arg), ERR_CONFLICT);
    TRY(blob_remove(arg, STR("media/1/v1.mp4")));
    TRY(blob_remove(arg, STR("media/3/v1.mp4")));
    CHECK_ERR(blob_stat(arg, STR("media/1/v1.mp4"), &info), ERR_NOT_FOUND);
    TRY(blob_list(arg, STR(""), STR(""), 10, &entries, &count));
    CHECK_INT(count, 1);
    TRY(blob_snapshot_list(arg, &entries, &count));
    CHECK_INT(count, 2);
    CHECK_STR(entries[0].key, STR("media/1/v1.mp4"));
    TRY(blob_snapshot_descriptor(arg, STR("media/1/v1.mp4"), &fd));
    CHECK_INT(read(fd, text, sizeof(text)), 4);
    close(fd);
    TRY(blob_snapshot_descriptor(arg, STR("media/2/v1.mp4"), &fd));
    close(fd);
    CHECK_ERR(blob_snapshot_descriptor(arg, STR("media/3/v1.mp4"), &fd), ERR_NOT_FOUND);
    TRY(blob_put(arg, STR("media/1/v1.mp4"), STR("again"), NULL));
    TRY(blob_snapshot_list(arg, &entries, &count));
    CHECK_INT(count, 2);
    blob_snapshot_end(arg);
    TRY(blob_snapshot_list(arg, &entries, &count));
    CHECK_INT(count, 2);
    TRY(blob_stat(arg, STR("media/1/v1.mp4"), &info));
    CHECK_INT(info.size_bytes, 5);
    TRY(blob_snapshot_begin(arg)); /* left open: a crash */
    return blob_remove(arg, STR("media/1/v1.mp4"));
}

static enum err lists_all(void *arg)
{
    struct blob_entry *entries;
    size_t count;
    TRY(blob_snapshot_list(arg, &entries, &count));
    CHECK_INT(count, 1);
    return OK;
}

TEST(disk_puts_aside_what_is_removed_during_a_snapshot)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), removes_in_a_snapshot, store));
    disk_store_close();
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), lists_all, store));
    disk_store_close();
}

static enum err folders_go(void *arg)
{
    struct stat info;
    str one, all;
    TRY(blob_local_path(arg, STR("media/7"), &one));
    TRY(blob_local_path(arg, STR("media"), &all));
    TRY(blob_put(arg, STR("media/7/v1.mp4"), STR("x"), NULL));
    TRY(blob_put(arg, STR("media/7/v1.idx"), STR("x"), NULL));
    TRY(blob_put(arg, STR("media/8/v1.mp4"), STR("x"), NULL));
    TRY(blob_remove(arg, STR("media/7/v1.mp4")));
    CHECK_INT(stat(one.ptr, &info), 0);
    TRY(blob_remove(arg, STR("media/7/v1.idx")));
    CHECK_INT(stat(one.ptr, &info), -1);
    CHECK_INT(stat(all.ptr, &info), 0);
    TRY(blob_remove(arg, STR("media/8/v1.mp4")));
    CHECK_INT(stat(all.ptr, &info), -1);
    return blob_put(arg, STR("media/7/v1.mp4"), STR("again"), NULL);
}

TEST(disk_keeps_no_empty_folders)
{
    disk_store_open();
    CHECK_OK(task_run("blob", MIB(1), folders_go, store));
    disk_store_close();
}

/* A store opened twice is as good as two processes: locks belong to what was opened. */
static enum err removes_beside_a_snapshot(void *arg)
{
    struct blob_store *other = arg;
    struct blob_entry *entries;
    size_t count;
    int fd;
    TRY(blob_put(store, STR("media/1/v1.mp4"), STR("one"), NULL));
    TRY(blob_put(store, STR("media/2/v1.mp4"), STR("two"), NULL));
    TRY(blob_snapshot_begin(store));
    CHECK_ERR(blob_snapshot_begin(other), ERR_CONFLICT);
    TRY(blob_remove(other, STR("media/1/v1.mp4")));
    CHECK_ERR(blob_descriptor(store, STR("media/1/v1.mp4"), &fd), ERR_NOT_FOUND);
    TRY(blob_snapshot_list(store, &entries, &count));
    CHECK_INT(count, 2);
    TRY(blob_snapshot_descriptor(store, STR("media/1/v1.mp4"), &fd));
    close(fd);
    blob_snapshot_end(store);
    TRY(blob_remove(other, STR("media/2/v1.mp4")));
    TRY(blob_snapshot_begin(other));
    TRY(blob_snapshot_list(other, &entries, &count));
    CHECK_INT(count, 0);
    blob_snapshot_end(other);
    return OK;
}

TEST(disk_puts_aside_what_another_process_removes_during_a_snapshot)
{
    struct blob_store *other;
    disk_store_open();
    CHECK_OK(blob_open(&blob_disk, location_new(), pool, &other));
    CHECK_OK(task_run("blob", MIB(1), removes_beside_a_snapshot, other));
    blob_close(other);
    disk_store_close();
}
