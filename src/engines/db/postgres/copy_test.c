/* A copy by pg_dump is one moment, goes back into an empty database, and says why it cannot. */
#include "stage_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *target(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
    return path;
}

static struct db_spec spec_at(const char *place)
{
    return (struct db_spec){ .driver = &db_postgres,
                             .place = place,
                             .context = "faults",
                             .modules = stage_modules,
                             .modules_count = 1 };
}

static int64_t sum_at(const char *place)
{
    PGconn *conn = PQconnectdb(place);
    PGresult *result = PQexec(conn, "SELECT sum(n)::text || '/' || count(*) FROM faults.rows");
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        test_fail("%s", PQerrorMessage(conn));
    char *slash;
    int64_t sum = strtoll(PQgetvalue(result, 0, 0), &slash, 10);
    CHECK_INT(strtoll(slash + 1, NULL, 10), STAGE_ROWS);
    PQclear(result);
    PQfinish(conn);
    return sum;
}

TEST(copy_goes_into_an_empty_database_and_no_other)
{
    stage_open("");
    int64_t sum = sum_at(stage.place);
    CHECK_OK(db_copy(stage.db, target("a.dump"), NULL));
    struct stat info;
    CHECK_INT(stat(target("a.dump"), &info), 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK_ERR(db_copy(stage.db, target("a.dump"), NULL), ERR_CONFLICT);
    struct db_spec full = spec_at(stage.place);
    CHECK(db_restores(&full));
    CHECK_ERR(db_restore_check(&full), ERR_CONFLICT);
    stage_check_slug("database-not-empty");
    CHECK_ERR(db_restore(&full, target("a.dump"), NULL), ERR_CONFLICT);
    CHECK_INT(sum_at(stage.place), sum);

    struct db_spec empty = spec_at(postgres_place_new());
    struct db *again;
    CHECK_OK(db_restore_check(&empty));
    CHECK_OK(db_restore(&empty, target("a.dump"), NULL));
    CHECK_INT(sum_at(empty.place), sum);
    CHECK_OK(db_open(&empty, &again)); /* its history came along */
    db_close(again);
    stage_close();
}

/* --- While others write ----------------------------------------------------------------------- */

static atomic_bool writing;

/* Moves from one row to another: no moment has another sum. */
static void *write_always(void *arg)
{
    PGconn *conn = PQconnectdb(arg);
    while (atomic_load(&writing))
        PQclear(PQexec(conn, "BEGIN; UPDATE faults.rows SET n = n - 1 WHERE id = 1;"
                             "UPDATE faults.rows SET n = n + 1 WHERE id = 2; COMMIT"));
    PQfinish(conn);
    return NULL;
}

TEST(copy_is_of_one_moment)
{
    pthread_t thread;
    stage_open("");
    int64_t sum = sum_at(stage.place);
    atomic_store(&writing, true);
    CHECK_INT(pthread_create(&thread, NULL, write_always, (void *)stage.place), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(db_copy(stage.db, target("moving.dump"), NULL));
        struct db_spec empty = spec_at(postgres_place_new());
        CHECK_OK(db_restore(&empty, target("moving.dump"), NULL));
        CHECK_INT(sum_at(empty.place), sum);
        CHECK_INT(unlink(target("moving.dump")), 0);
    }
    atomic_store(&writing, false);
    pthread_join(thread, NULL);
    stage_close();
}

/* --- What cannot be done ---------------------------------------------------------------------- */

TEST(copy_that_is_damaged_leaves_the_database_empty)
{
    char byte;
    stage_open("");
    CHECK_OK(db_copy(stage.db, target("b.dump"), NULL));
    struct stat info;
    CHECK_INT(stat(target("b.dump"), &info), 0);
    int fd = open(target("b.dump"), O_RDWR);
    CHECK_INT(ftruncate(fd, info.st_size - 30), 0);
    CHECK_INT(pread(fd, &byte, 1, 3), 1);
    struct db_spec empty = spec_at(postgres_place_new());
    CHECK(db_restore(&empty, target("b.dump"), NULL) != OK);
    CHECK_OK(db_restore_check(&empty));
    byte ^= 1;
    CHECK_INT(pwrite(fd, &byte, 1, 3), 1);
    close(fd);
    CHECK_ERR(db_restore(&empty, target("b.dump"), NULL), ERR_CORRUPT);
    stage_check_slug("copy-damaged");
    CHECK_OK(db_restore_check(&empty));
    stage_close();
}

static bool never(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)arg, (void)done_bytes, (void)total_bytes;
    return false;
}

TEST(copy_that_is_given_up_leaves_nothing)
{
    struct db_copy_watch watch = { never, NULL };
    stage_open("");
    CHECK_ERR(db_copy(stage.db, target("c.dump"), &watch), ERR_CANCELLED);
    CHECK(access(target("c.dump"), F_OK) != 0);
    stage_close();
}

static void path_set(const char *path)
{
    setenv("PATH", path, 1); /* NOLINT(concurrency-mt-unsafe): nobody looks meanwhile */
}

/* A pg_dump of the test's own making comes first in PATH. */
static void tool_put(const char *name, const char *script)
{
    char path[300], *before = getenv("PATH"), both[1024];
    FILE *file = fopen(target(name), "w");
    CHECK(file != NULL);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    CHECK_INT(chmod(target(name), 0755), 0);
    snprintf(path, sizeof(path), "%s", test_folder());
    snprintf(both, sizeof(both), "%s:%s", path, before);
    path_set(both);
}

TEST(copy_says_which_tool_is_missing_or_old)
{
    char before[1024];
    snprintf(before, sizeof(before), "%s", getenv("PATH"));
    stage_open("");
    path_set(test_folder());
    CHECK_ERR(db_copy(stage.db, target("d.dump"), NULL), ERR_UNAVAILABLE);
    stage_check_slug("tool-missing");
    struct db_spec empty = spec_at(postgres_place_new());
    CHECK_ERR(db_restore_check(&empty), ERR_UNAVAILABLE);
    stage_check_slug("tool-missing");
    path_set(before);
    tool_put("pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'");
    CHECK_ERR(db_copy(stage.db, target("d.dump"), NULL), ERR_PRECONDITION);
    stage_check_slug("tool-version");
    CHECK(strstr(err_slot()->text, "PostgreSQL 9") != NULL);
    tool_put("pg_dump", "[ $1 != --version ] || { echo 'pg_dump (PostgreSQL) 99'; exit; }\n"
                        "echo 'pg_dump: error: could not write: No space left on device' >&2\n"
                        "exit 1");
    CHECK_ERR(db_copy(stage.db, target("d.dump"), NULL), ERR_EXHAUSTED);
    stage_check_slug("disk-full");
    CHECK(access(target("d.dump"), F_OK) != 0);
    path_set(before);
    stage_close();
}

TEST(copy_gives_passwords_to_nobody_but_its_tool)
{
    char before[1024], script[900], said[600] = "";
    snprintf(before, sizeof(before), "%s", getenv("PATH"));
    stage_open("&password=geheim");
    snprintf(script, sizeof(script),
             "[ $1 != --version ] || { echo 'pg_dump (PostgreSQL) 99'; exit; }\n"
             "echo \"$PGPASSWORD $PGDATABASE $*\" >%s\nexit 1",
             target("said"));
    tool_put("pg_dump", script);
    CHECK(db_copy(stage.db, target("e.dump"), NULL) != OK);
    CHECK(!strstr(err_slot()->text, "geheim"));
    path_set(before);
    FILE *file = fopen(target("said"), "r");
    CHECK(file && fgets(said, sizeof(said), file));
    fclose(file);
    CHECK(str_starts(str_of(said), STR("geheim ")));
    CHECK(strstr(said, stage.database) != NULL);
    CHECK(!strstr(said + 7, "geheim"));
    stage_close();
}

TEST(copy_needs_the_right_to_make_the_schema)
{
    char place[PG_SERVER_URL], name[64];
    stage_open("");
    struct db_spec empty = spec_at(postgres_place_new());
    const char *slash = strstr(empty.place, ":///");
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(slash + 4, "?"), slash + 4);
    PQfinish(stage_stranger("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN"));
    snprintf(place, sizeof(place), "postgres:///%s?host=%s&user=poor", name,
             postgres_server()->folder);
    struct db_spec poor = spec_at(place);
    CHECK_ERR(db_restore_check(&poor), ERR_FORBIDDEN);
    stage_check_slug("database-rights");
    stage_close();
}

TEST(copy_goes_past_pgbouncer)
{
    char place[PG_SERVER_URL];
    struct db *db;
    stage_open("");
    CHECK_OK(db_copy(stage.db, target("f.dump"), NULL));
    struct db_spec bounced = spec_at(postgres_place_bounced());
    CHECK_ERR(db_restore_check(&bounced), ERR_UNAVAILABLE);
    stage_check_slug("database-bouncer");
    snprintf(place, sizeof(place), "%s&direct=%s", bounced.place, postgres_server()->folder);
    struct db_spec past = spec_at(place);
    CHECK_OK(db_restore(&past, target("f.dump"), NULL));
    CHECK_OK(db_open(&past, &db));
    CHECK_OK(db_copy(db, target("g.dump"), NULL));
    db_close(db);
    stage_close();
}
