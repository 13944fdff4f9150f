/*
 * What can happen to a database that is a file (damage, a full disk, a folder without rights), and
 * what only a driver with a writer thread can be asked: the queue, groups, budgets.
 */
#include "sqlite.h"

#include "foundation/task/loop.h"
#include "foundation/test/test.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }

static const struct db_query query_add = { "film_add", BOTH("INSERT INTO films (name) VALUES (?1)"),
                                           DB_WRITE, 1 };
static const struct db_query query_fill = {
    "films_fill",
    BOTH("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1) "
         "INSERT INTO films (name) SELECT 'film ' || x FROM n"),
    DB_WRITE, 1
};
static const struct db_query query_count = { "films_count", BOTH("SELECT count(*) FROM films"),
                                             DB_SCAN, 0 };
static const struct db_query query_slow = {
    "films_slow", BOTH("SELECT count(*) FROM films a, films b WHERE a.name < b.name"), DB_PAGE, 0
};
static const struct db_query *const queries[] = { &query_add, &query_fill, &query_count,
                                                  &query_slow };
static const struct db_migration migrations[] = {
    { 1, "0001_films", BOTH("CREATE TABLE films (id INTEGER PRIMARY KEY, name TEXT) STRICT;") }
};
static const struct db_module module = { "films", migrations, 1, queries, ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &module };

static struct arena arena;
static struct db *db;

static enum err open_in(const char *folder, struct db_settings settings)
{
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = folder,
                            .context = "films",
                            .modules = modules,
                            .modules_count = 1,
                            .settings = settings };
    arena_init(&arena, MIB(4));
    db_arena_use(&arena);
    enum err err = db_open(&spec, &db);
    if (err != OK)
        arena_deinit(&arena);
    return err;
}

static void close_it(void)
{
    db_close(db);
    db_arena_use(NULL);
    arena_deinit(&arena);
}

static enum err film_add(struct db_tx *tx, void *arg)
{
    return db_exec(tx, &query_add, DB_ARGS(DB_TEXT(*(str *)arg)), NULL);
}

static enum err films_fill(struct db_tx *tx, void *arg)
{
    return db_exec(tx, &query_fill, DB_ARGS(DB_I64(*(int64_t *)arg)), NULL);
}

static int64_t films_count(void)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(db), &query_count, DB_NO_ARGS, &row));
    return db_i64(&row, 0);
}

static const char *path_in(const char *folder, const char *name)
{
    static char path[4200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void fill_and_close(const char *folder)
{
    int64_t count = 20000;
    CHECK_OK(open_in(folder, (struct db_settings){ 0 }));
    CHECK_OK(db_tx(db, films_fill, &count));
    close_it();
}

/* --- Damage ------------------------------------------------------------------------------------
 */

static void check_refused(const char *folder, enum err code, const char *slug)
{
    CHECK_ERR(open_in(folder, (struct db_settings){ 0 }), code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
    CHECK(strstr(err_slot()->text, "films.db") != NULL);
}

TEST(sqlite_a_corrupt_header_is_named)
{
    const char *folder = test_folder();
    fill_and_close(folder);
    int fd = open(path_in(folder, "films.db"), O_RDWR);
    CHECK(pwrite(fd, "not a database at all", 21, 0) == 21);
    close(fd);
    check_refused(folder, ERR_CORRUPT, "database-corrupt");
}

TEST(sqlite_a_truncated_file_is_named)
{
    const char *folder = test_folder();
    fill_and_close(folder);
    CHECK_INT(truncate(path_in(folder, "films.db"), 3 * 4096L), 0);
    check_refused(folder, ERR_CORRUPT, "database-corrupt");
}

TEST(sqlite_a_text_file_is_no_database)
{
    const char *folder = test_folder();
    FILE *file = fopen(path_in(folder, "films.db"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("a poem of many lines\n", file);
    fclose(file);
    check_refused(folder, ERR_CORRUPT, "database-corrupt");
}

TEST(sqlite_a_page_of_rubbish_is_reported_by_its_query)
{
    const char *folder = test_folder();
    fill_and_close(folder);
    int fd = open(path_in(folder, "films.db"), O_RDWR);
    static char rubbish[4096];
    memset(rubbish, 0xa5, sizeof(rubbish));
    struct stat info;
    CHECK_INT(fstat(fd, &info), 0);
    for (off_t at = 20 * 4096L; at < info.st_size; at += 4096)
        CHECK(pwrite(fd, rubbish, sizeof(rubbish), at) == sizeof(rubbish));
    close(fd);
    CHECK_OK(open_in(folder, (struct db_settings){ 0 }));
    struct db_row row;
    CHECK_ERR(db_one(db_now(db), &query_count, DB_NO_ARGS, &row), ERR_CORRUPT);
    CHECK(strstr(err_slot()->text, "films.db") != NULL);
    close_it();
}

TEST(sqlite_a_missing_folder_is_named)
{
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/nowhere", test_folder());
    check_refused(folder, ERR_UNAVAILABLE, "database-unwritable");
}

static int in_child_without_rights(const char *folder)
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(9);
        enum err err = open_in(folder, (struct db_settings){ 0 });
        if (err == OK)
            close_it();
        _exit((int)err);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(sqlite_a_folder_without_rights_is_an_error)
{
    const char *folder = test_folder();
    CHECK_INT(chmod(folder, 0555), 0);
    CHECK_INT(in_child_without_rights(folder), ERR_UNAVAILABLE);
    CHECK_INT(chmod(folder, 0755), 0);
}

/* --- A full disk -------------------------------------------------------------------------------
 */

/*
 * A disk is full by SQLITE_FULL. A file limit that a COMMIT runs into is an I/O error whose number
 * SQLite does not keep: it is told as such.
 */
static void check_full(bool mounted, enum err code, const char *slug)
{
    bool full = code == ERR_EXHAUSTED && strcmp(slug, "disk-full") == 0;
    bool failed = code == ERR_UNAVAILABLE && strcmp(slug, "database-io") == 0;
    CHECK(full || (failed && !mounted));
}

static void fill_until_full(bool mounted)
{
    int64_t count = 5000, before = 0;
    enum err err;
    for (int i = 0; i < 1000; i++) {
        before = films_count();
        arena_reset(&arena);
        err = db_tx(db, films_fill, &count);
        if (err != OK)
            break;
    }
    check_full(mounted, err, err_slot()->slug);
    CHECK_INT(films_count(), before); /* all of what was acknowledged, nothing of what was not */
}

/* A folder whose disk is tiny: a file system of its own, or, where we may not mount, a file limit.
 */
struct small_disk {
    char folder[128];
    bool mounted;
    struct rlimit unlimited;
};

static void small_disk_make(struct small_disk *disk)
{
    snprintf(disk->folder, sizeof(disk->folder), "%s/disk", test_folder());
    CHECK_INT(mkdir(disk->folder, 0755), 0);
    disk->mounted = mount("none", disk->folder, "tmpfs", 0, "size=4m") == 0;
    getrlimit(RLIMIT_FSIZE, &disk->unlimited);
    if (disk->mounted)
        return;
    struct rlimit limit = { MIB(2), disk->unlimited.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void small_disk_remove(struct small_disk *disk)
{
    setrlimit(RLIMIT_FSIZE, &disk->unlimited);
    if (disk->mounted)
        umount(disk->folder);
}

TEST(sqlite_a_full_disk_loses_nothing)
{
    struct small_disk disk;
    small_disk_make(&disk);
    CHECK_OK(open_in(disk.folder, (struct db_settings){ 0 }));
    fill_until_full(disk.mounted);
    int64_t count = films_count();
    close_it();
    CHECK_OK(open_in(disk.folder, (struct db_settings){ 0 }));
    CHECK_INT(films_count(), count);
    close_it();
    small_disk_remove(&disk);
}

/* --- The queue ---------------------------------------------------------------------------------
 */

static sem_t writer_is_held, writer_may_go;

static enum err hold_writer(struct db_tx *tx, void *arg)
{
    str name = STR("held");
    (void)arg;
    sem_post(&writer_is_held);
    while (sem_wait(&writer_may_go) != 0)
        continue;
    return film_add(tx, &name);
}

struct waiting {
    enum { HOLDS, CANCELLED, TIMES_OUT, STAYS, FILLS_DISK } part;
    enum err result;
    struct task *task;
};

static struct waiting waiting[8];
static struct loop *loop;
static unsigned tasks_left;
static unsigned impatient_gone_at; /* so many are left when the writer may go on */

static enum err wait_in_queue(void *arg)
{
    struct waiting *own = arg;
    str name = STR("waited");
    if (own->part == TIMES_OUT)
        task_deadline_narrow(MILLISECONDS(20));
    if (own->part == FILLS_DISK)
        own->result = db_tx(db, films_fill, &(int64_t){ 400000 });
    else
        own->result = db_tx(db, own->part == HOLDS ? hold_writer : film_add, &name);
    return own->result;
}

static void on_end(void *arg, enum err result)
{
    (void)result;
    ((struct waiting *)arg)->task = NULL;
    if (--tasks_left == 0)
        loop_stop(loop);
    if (tasks_left == impatient_gone_at)
        sem_post(&writer_may_go);
}

static void on_start(void *arg)
{
    (void)arg;
    for (int i = 0; i < 8; i++) {
        struct task_spec spec = {
            .name = "wait", .fn = wait_in_queue, .arg = &waiting[i], .on_end = on_end
        };
        CHECK_OK(task_start(loop, &spec, &waiting[i].task));
        while (i == 0 && sem_wait(&writer_is_held) != 0)
            continue;
    }
    for (int i = 0; i < 8; i++) {
        if (waiting[i].part == CANCELLED)
            task_cancel(waiting[i].task);
    }
    for (int runs = 0; impatient_gone_at == 8 && runs < 2; runs++) /* a lost group runs again */
        sem_post(&writer_may_go);
}

static void queue_run(unsigned gone_at)
{
    sem_init(&writer_is_held, 0, 0);
    sem_init(&writer_may_go, 0, 0);
    tasks_left = 8;
    impatient_gone_at = gone_at;
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &loop));
    loop_post(loop, on_start, NULL);
    loop_run(loop);
    loop_close(loop);
}

TEST(sqlite_who_waits_can_leave)
{
    CHECK_OK(open_in(test_folder(), (struct db_settings){ 0 }));
    for (int i = 0; i < 8; i++)
        waiting[i] = (struct waiting){ .part = i == 0  ? HOLDS
                                               : i < 3 ? CANCELLED
                                               : i < 5 ? TIMES_OUT
                                                       : STAYS };
    queue_run(4);
    static const enum err expected[] = { OK, ERR_CANCELLED, ERR_TIMEOUT, OK };
    for (int i = 0; i < 8; i++)
        CHECK_INT(waiting[i].result, expected[waiting[i].part]);
    CHECK_INT(films_count(), 4);
    struct db_stats stats = db_stats(db);
    CHECK_INT(stats.abandoned, 4);
    CHECK(stats.commits <= 2 && stats.group_peak >= 3); /* those who stayed were grouped */
    close_it();
}

TEST(sqlite_who_fills_the_disk_fails_alone)
{
    struct small_disk disk;
    small_disk_make(&disk);
    CHECK_OK(open_in(disk.folder, (struct db_settings){ 0 }));
    for (int i = 0; i < 8; i++)
        waiting[i] = (struct waiting){ .part = i == 0 ? HOLDS : i == 4 ? FILLS_DISK : STAYS };
    queue_run(8);
    for (int i = 0; i < 8; i++)
        CHECK_INT(waiting[i].result, i == 4 ? ERR_EXHAUSTED : OK);
    CHECK_INT(films_count(), 7);
    close_it();
    small_disk_remove(&disk);
}

struct greedy {
    int64_t acknowledged;
    enum err last;
    char slug[ERR_FIELD_MAX];
};

/* Small transactions: what does not fit is found out by the COMMIT of a group. */
static enum err write_until_full(void *arg)
{
    static char text[3000];
    struct greedy *greedy = arg;
    memset(text, 'x', sizeof(text));
    str name = { text, sizeof(text) };
    while ((greedy->last = db_tx(db, film_add, &name)) == OK)
        greedy->acknowledged++;
    snprintf(greedy->slug, sizeof(greedy->slug), "%s", err_slot()->slug);
    return OK;
}

static void on_greedy_end(void *arg, enum err result)
{
    (void)arg, (void)result;
    if (--tasks_left == 0)
        loop_stop(loop);
}

static void on_greedy_start(void *arg)
{
    for (int i = 0; i < 8; i++) {
        struct task_spec spec = { .name = "greedy",
                                  .fn = write_until_full,
                                  .arg = (struct greedy *)arg + i,
                                  .on_end = on_greedy_end };
        CHECK_OK(task_start(loop, &spec, NULL));
    }
}

TEST(sqlite_a_commit_that_fails_is_told_to_all_of_its_group)
{
    struct small_disk disk;
    struct greedy greedy[8] = { 0 };
    int64_t acknowledged = 0;
    small_disk_make(&disk);
    CHECK_OK(open_in(disk.folder, (struct db_settings){ 0 }));
    tasks_left = 8;
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &loop));
    loop_post(loop, on_greedy_start, greedy);
    loop_run(loop);
    loop_close(loop);
    for (int i = 0; i < 8; i++) {
        check_full(disk.mounted, greedy[i].last, greedy[i].slug);
        acknowledged += greedy[i].acknowledged;
    }
    CHECK(db_stats(db).commits_failed > 0);
    close_it();
    CHECK_OK(open_in(disk.folder, (struct db_settings){ 0 }));
    CHECK_INT(films_count(), acknowledged);
    close_it();
    small_disk_remove(&disk);
}

TEST(sqlite_a_query_over_its_budget_is_stopped)
{
    int64_t count = 3000;
    struct db_row row;
    CHECK_OK(open_in(test_folder(), (struct db_settings){ 0 }));
    CHECK_OK(db_tx(db, films_fill, &count));
    CHECK_ERR(db_one(db_now(db), &query_slow, DB_NO_ARGS, &row), ERR_EXHAUSTED);
    CHECK_STR(str_of(err_slot()->slug), STR("query-budget"));
    CHECK_INT(db_stats(db).reads_over_budget, 1);
    CHECK_INT(films_count(), 3000);
    close_it();
}
