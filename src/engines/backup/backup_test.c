/* A cinema that is backed up and restored is the cinema it was; what is not whole is not restored.
 */
#include "backup.h"

#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/db.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/task/pool.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }
static const struct db_query query_add = { "cut_add", BOTH("INSERT INTO cuts (name) VALUES (?1)"),
                                           DB_WRITE, 1 };
static const struct db_query query_sum = {
    "cuts_sum", BOTH("SELECT count(*), coalesce(group_concat(name), '') FROM cuts"), DB_SCAN, 0
};
static const struct db_query *const queries[] = { &query_add, &query_sum };
static const struct db_migration migrations[] = {
    { 1, "0001_cuts", BOTH("CREATE TABLE cuts (id INTEGER PRIMARY KEY, name TEXT) STRICT;") },
    { 2, "0002_more", BOTH("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;") }
};
static const struct db_module module = { "cuts", migrations, 2, queries, 2 };
static const struct db_module module_older = { "cuts", migrations, 1, queries, 2 };
static const struct db_module *const modules[] = { &module };

static struct {
    char folder[256];
    struct pool *pool;
    struct db *db;
    struct blob_store *blobs;
} cinema;
static struct arena arena;

static void cinema_open(const char *name)
{
    char blobs[300];
    snprintf(cinema.folder, sizeof(cinema.folder), "%s/%s", test_folder(), name);
    CHECK(mkdir(cinema.folder, 0700) == 0 || errno == EEXIST);
    snprintf(blobs, sizeof(blobs), "%s/blobs", cinema.folder);
    CHECK_OK(pool_open("files", 2, 64, &cinema.pool));
    CHECK_OK(blob_open(&blob_disk, blobs, cinema.pool, &cinema.blobs));
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = cinema.folder,
                            .context = "content",
                            .modules = modules,
                            .modules_count = 1,
                            .pool = cinema.pool };
    CHECK_OK(db_open(&spec, &cinema.db));
    arena_init(&arena, MIB(64));
    db_arena_use(&arena);
}

static void cinema_close(void)
{
    db_close(cinema.db);
    blob_close(cinema.blobs);
    pool_close(cinema.pool);
    db_arena_use(NULL);
    arena_deinit(&arena);
}

static enum err cut_add(struct db_tx *tx, void *name)
{
    return db_exec(tx, &query_add, DB_ARGS(DB_TEXT(str_of(name))), NULL);
}

static str bytes_of(size_t len, unsigned seed)
{
    char *bytes = arena_alloc(task_arena(), len + 1);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (char)(state >> 56);
    }
    return (str){ bytes, len };
}

static enum err films_put(void *arg)
{
    (void)arg;
    TRY(blob_put(cinema.blobs, STR("media/1/v1.mp4"), bytes_of(300000, 1), NULL));
    TRY(blob_put(cinema.blobs, STR("media/1/a1.mp4"), bytes_of(65536, 2), NULL));
    TRY(blob_put(cinema.blobs, STR("media/2/v1.mp4"), bytes_of(300000, 1), NULL)); /* a twin */
    TRY(blob_put(cinema.blobs, STR("media/2/v1.idx"), bytes_of(300000, 3), NULL));
    TRY(blob_put(cinema.blobs, STR("media/2/s1.vtt"), STR(""), NULL));
    TRY(db_tx(cinema.db, cut_add, (char[]){ "Nosferatu" }));
    return db_tx(cinema.db, cut_add, (char[]){ "Metropolis" });
}

static void cinema_fill(void)
{
    char path[300];
    CHECK_OK(task_run("fill", MIB(8), films_put, NULL));
    snprintf(path, sizeof(path), "%s/admin.key", cinema.folder);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs("the hash of a key\n", file) >= 0 && fclose(file) == 0);
}

/* --- Making, checking, restoring -------------------------------------------------------------- */

struct make {
    struct backup_target target;
    struct backup_progress progress;
    struct backup_totals totals;
};

static enum err make_run(void *arg)
{
    struct make *make = arg;
    struct backup_source source = { .folder = cinema.folder,
                                    .dbs = &cinema.db,
                                    .dbs_count = 1,
                                    .blobs = cinema.blobs,
                                    .program = "9.8.7" };
    return backup_make(&source, &make->target, &make->progress, &make->totals);
}

static enum err make(const char *path, const char *passphrase, struct make *out)
{
    *out = (struct make){ .target = { path, str_of(passphrase), 0 } };
    return task_run("backup", MIB(32), make_run, out);
}

static const char *path_of(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_folder(), name);
    return path;
}

static const struct db_module *const *known_modules = modules;
static unsigned damages;

static void on_damage(void *arg, const char *name, const char *what)
{
    (void)arg, (void)name, (void)what;
    damages++;
}

static enum err given_run(const char *path, const char *passphrase, const char *folder)
{
    struct arena own;
    struct backup_known known = { .context = "content",
                                  .modules = known_modules,
                                  .modules_count = 1 };
    struct backup_given given = { path, str_of(passphrase), &known, 1, NULL, NULL };
    struct backup_progress progress = { 0 };
    struct backup_summary summary;
    const struct db_module *with_port[8];
    unsigned count = 0;
    const struct db_module *const *port = db_modules(cinema.db, &count);
    with_port[0] = port[0];
    with_port[1] = known_modules[0];
    known.modules = with_port;
    known.modules_count = 2;
    if (!folder)
        given.on_damage = on_damage;
    arena_init(&own, MIB(64));
    enum err result = folder ? backup_restore(&own, &given, folder, &progress, &summary)
                             : backup_verify(&own, &given, &progress, &summary);
    if (result == OK) {
        CHECK_STR(str_of(summary.program), STR("9.8.7"));
        CHECK_INT(summary.blobs, 5);
        CHECK_INT(summary.databases, 1);
        CHECK_INT(summary.files, 1);
        CHECK(summary.sealed == (passphrase[0] != 0));
    }
    arena_deinit(&own);
    return result;
}

static enum err verify(const char *path, const char *passphrase)
{
    damages = 0;
    return given_run(path, passphrase, NULL);
}

static enum err restore(const char *path, const char *passphrase, const char *folder)
{
    CHECK(mkdir(folder, 0700) == 0 || errno == EEXIST);
    return given_run(path, passphrase, folder);
}

static enum err same_as_made(void *arg)
{
    struct blob_entry *entries;
    size_t count;
    str content;
    (void)arg;
    TRY(blob_list(cinema.blobs, STR(""), STR(""), 100, &entries, &count));
    CHECK_INT(count, 5);
    TRY(blob_get(cinema.blobs, STR("media/2/v1.mp4"), 0, UINT64_MAX, &content));
    CHECK(str_eq(content, bytes_of(300000, 1)));
    TRY(blob_get(cinema.blobs, STR("media/1/a1.mp4"), 0, UINT64_MAX, &content));
    CHECK(str_eq(content, bytes_of(65536, 2)));
    TRY(blob_get(cinema.blobs, STR("media/2/v1.idx"), 0, UINT64_MAX, &content));
    CHECK(str_eq(content, bytes_of(300000, 3)));
    return OK;
}

static void restored_check(const char *name)
{
    struct db_row row;
    char path[300];
    struct stat info;
    cinema_close();
    cinema_open(name);
    CHECK_OK(task_run("compare", MIB(8), same_as_made, NULL));
    CHECK_OK(db_one(db_now(cinema.db), &query_sum, DB_NO_ARGS, &row));
    CHECK_INT(db_i64(&row, 0), 2);
    CHECK_STR(db_text(&row, 1), STR("Nosferatu,Metropolis"));
    snprintf(path, sizeof(path), "%s/admin.key", cinema.folder);
    CHECK(stat(path, &info) == 0 && info.st_size == 18);
    snprintf(path, sizeof(path), "%s/" BACKUP_UNFINISHED, cinema.folder);
    CHECK(access(path, F_OK) != 0);
}

static void there_and_back(const char *to, const char *passphrase)
{
    struct make made;
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(to, passphrase, &made));
    CHECK_INT(made.totals.files, 7);
    CHECK_INT(made.totals.copied_files, 6); /* the twin is there once */
    CHECK_OK(verify(to, passphrase));
    CHECK_INT(damages, 0);
    CHECK_OK(restore(to, passphrase, path_of("restored")));
    restored_check("restored");
    CHECK_ERR(restore(to, passphrase, path_of("restored")), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("folder-not-empty"));
    cinema_close();
}

TEST(file_there_and_back)
{
    there_and_back(path_of("cinema.backup"), "");
}

TEST(file_sealed_there_and_back)
{
    there_and_back(path_of("cinema.backup"), "open sesame");
}

TEST(folder_there_and_back)
{
    there_and_back(path_of("backups/"), "");
}

TEST(folder_sealed_there_and_back)
{
    there_and_back(path_of("backups/"), "open sesame");
}

/* --- What is shared in a folder --------------------------------------------------------------- */

static unsigned manifests_count(const char *folder)
{
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        count += strncmp(entry->d_name, "manifest-", 9) == 0;
    closedir(dir);
    return count;
}

static enum err one_more(void *arg)
{
    (void)arg;
    TRY(blob_put(cinema.blobs, STR("media/3/v1.mp4"), bytes_of(1000, 9), NULL));
    return blob_remove(cinema.blobs, STR("media/2/v1.idx"));
}

static unsigned objects_count(const char *folder)
{
    char path[300];
    unsigned count = 0;
    for (unsigned i = 0; i < 256; i++) {
        struct dirent *entry;
        snprintf(path, sizeof(path), "%s/objects/%02x", folder, i);
        DIR *dir = opendir(path);
        while (dir && (entry = readdir(dir)))
            count += entry->d_name[0] != '.';
        if (dir)
            closedir(dir);
    }
    return count;
}

TEST(folder_copies_what_is_new)
{
    struct make made;
    const char *to = path_of("backups");
    CHECK_INT(mkdir(to, 0700), 0);
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(to, "", &made));
    CHECK_INT(made.totals.copied_files, 6);
    CHECK_OK(make(to, "", &made)); /* the copy of the database is the same, byte for byte */
    CHECK_INT(made.totals.copied_files, 0);
    CHECK_OK(task_run("more", MIB(1), one_more, NULL));
    CHECK_OK(make(to, "", &made));
    CHECK_INT(made.totals.copied_files, 1);
    CHECK_INT(made.totals.copied_bytes, 1000);
    CHECK_INT(manifests_count(to), 3);
    CHECK_INT(objects_count(to), 7);
    CHECK_OK(verify(to, ""));
    made.target.keep = 1; /* what only older ones had goes with them */
    CHECK_OK(task_run("backup", MIB(32), make_run, &made));
    CHECK_INT(manifests_count(to), 1);
    CHECK_INT(objects_count(to), 6);
    CHECK_OK(verify(to, ""));
    cinema_close();
}

TEST(folder_is_of_one_passphrase)
{
    struct make made;
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(path_of("plain/"), "", &made));
    CHECK_ERR(make(path_of("plain/"), "secret", &made), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("backup-mixed"));
    CHECK_OK(make(path_of("sealed/"), "secret", &made));
    CHECK_ERR(make(path_of("sealed/"), "", &made), ERR_CONFLICT);
    CHECK_ERR(make(path_of("sealed/"), "other", &made), ERR_FORBIDDEN);
    CHECK_OK(make(path_of("sealed/"), "secret", &made));
    CHECK_INT(made.totals.copied_files, 0);
    cinema_close();
}

/* --- What is refused -------------------------------------------------------------------------- */

static void refuses(const char *to, const char *passphrase, enum err code, const char *slug)
{
    struct stat info;
    const char *folder = path_of("refused");
    CHECK_ERR(verify(to, passphrase), code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
    CHECK_ERR(restore(to, passphrase, folder), code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
    CHECK_INT(rmdir(folder), 0); /* nothing stays of what was refused */
    CHECK(stat(folder, &info) != 0);
}

TEST(refused_passphrase_and_version)
{
    static const struct db_module *const older[] = { &module_older };
    struct make made;
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(path_of("sealed"), "secret", &made));
    refuses(path_of("sealed"), "Secret", ERR_FORBIDDEN, "wrong-passphrase");
    refuses(path_of("sealed"), "", ERR_FORBIDDEN, "passphrase-needed");
    CHECK_OK(make(path_of("sealed.d/"), "secret", &made));
    refuses(path_of("sealed.d"), "Secret", ERR_FORBIDDEN, "wrong-passphrase");
    refuses(path_of("sealed.d"), "", ERR_FORBIDDEN, "passphrase-needed");
    CHECK_OK(make(path_of("plain"), "", &made));
    known_modules = older;
    refuses(path_of("plain"), "", ERR_PRECONDITION, "database-newer");
    known_modules = modules;
    CHECK_ERR(verify(path_of("nothing"), ""), ERR_NOT_FOUND);
    CHECK_INT(mkdir(path_of("empty"), 0700), 0);
    CHECK_ERR(verify(path_of("empty"), ""), ERR_NOT_FOUND);
    cinema_close();
}

/* Changes a byte, or cuts the file there. */
static void harm(const char *path, off_t at, bool cut)
{
    char byte;
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    if (cut) {
        CHECK_INT(ftruncate(fd, at), 0);
    } else {
        CHECK_INT(pread(fd, &byte, 1, at), 1);
        byte ^= 0x20;
        CHECK_INT(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

static void file_copy(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    CHECK(in && out);
    for (size_t got; (got = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        CHECK_INT(fwrite(bytes, 1, got, out), got);
    CHECK(fclose(in) == 0 && fclose(out) == 0);
}

static void harmed_anywhere(const char *passphrase, off_t first_step, off_t step)
{
    struct make made;
    struct stat info;
    const char *whole = path_of("whole"), *harmed = path_of("harmed");
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(whole, passphrase, &made));
    CHECK_INT(stat(whole, &info), 0);
    for (off_t at = 0; at < info.st_size; at += at < 400 ? first_step : step) {
        file_copy(whole, harmed);
        harm(harmed, at, false);
        CHECK(verify(harmed, passphrase) != OK);
        file_copy(whole, harmed);
        harm(harmed, at, true);
        CHECK(verify(harmed, passphrase) != OK);
    }
    harm(harmed, 0, true);
    file_copy(whole, harmed);
    FILE *file = fopen(harmed, "ab");
    CHECK(file && fputc('x', file) == 'x' && fclose(file) == 0);
    CHECK(verify(harmed, passphrase) != OK);
    cinema_close();
}

TEST(file_harmed_anywhere_is_refused)
{
    harmed_anywhere("", 13, 60011);
}

TEST(file_sealed_harmed_anywhere_is_refused)
{
    harmed_anywhere("secret", 90, 300011); /* each asks scrypt again */
}

/* The largest object of the folder. */
static void object_of(const char *folder, char out[300])
{
    off_t largest = 0;
    for (unsigned i = 0; i < 256; i++) {
        char path[300];
        struct dirent *entry;
        struct stat info;
        snprintf(path, sizeof(path), "%s/objects/%02x", folder, i);
        DIR *dir = opendir(path);
        while (dir && (entry = readdir(dir)))
            if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 &&
                info.st_size > largest) {
                largest = info.st_size;
                snprintf(out, 300, "%s/objects/%02x/%.64s", folder, i, entry->d_name);
            }
        if (dir)
            closedir(dir);
    }
}

TEST(folder_names_what_is_damaged)
{
    struct make made;
    char object[300] = "";
    const char *to = path_of("backups");
    CHECK_INT(mkdir(to, 0700), 0);
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(to, "", &made));
    object_of(to, object);
    harm(object, 1000, false);
    CHECK_ERR(verify(to, ""), ERR_CORRUPT);
    CHECK_INT(damages, 1);
    CHECK_ERR(restore(to, "", path_of("refused")), ERR_CORRUPT);
    CHECK(strstr(err_slot()->text, "media/") != NULL);
    CHECK_INT(unlink(object), 0);
    CHECK_ERR(verify(to, ""), ERR_CORRUPT);
    CHECK_INT(damages, 1);
    CHECK_OK(make(to, "", &made)); /* the next backup has it again */
    CHECK_INT(made.totals.copied_files, 1);
    CHECK_OK(verify(to, ""));
    cinema_close();
}

/* --- Meanwhile -------------------------------------------------------------------------------- */

TEST(given_up_leaves_the_last_one)
{
    struct make made, next;
    const char *to = path_of("one");
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(to, "", &made));
    next = (struct make){ .target = { to, STR_NONE, 0 } };
    atomic_store(&next.progress.cancel, true);
    CHECK_ERR(task_run("backup", MIB(32), make_run, &next), ERR_CANCELLED);
    CHECK_OK(verify(to, ""));
    CHECK_OK(make(to, "", &made)); /* nothing is in its way */
    cinema_close();
}

TEST(unfinished_restore_is_begun_anew)
{
    struct make made;
    char path[300];
    cinema_open("original");
    cinema_fill();
    CHECK_OK(make(path_of("one"), "", &made));
    CHECK_INT(mkdir(path_of("restored"), 0700), 0);
    snprintf(path, sizeof(path), "%s/restored/" BACKUP_UNFINISHED, test_folder());
    CHECK_INT(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    snprintf(path, sizeof(path), "%s/restored/restore.tmp", test_folder());
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK_OK(restore(path_of("one"), "", path_of("restored")));
    restored_check("restored");
    cinema_close();
}
