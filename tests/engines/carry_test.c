/* A database carried from SQLite to PostgreSQL and back: the same rows, the same next ids. */
#include "engines/db/driver.h"
#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <sys/stat.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }

static const struct db_query film_add = {
    "film_add",
    BOTH("INSERT INTO films (parent, name, score, bytes) VALUES (?1, ?2, ?3, ?4) "
         "RETURNING id"),
    DB_WRITE, 4
};
static const struct db_query film_parent = { "film_parent",
                                             BOTH("UPDATE films SET parent = ?2 WHERE id = ?1"),
                                             DB_WRITE, 2 };
static const struct db_query film_remove = { "film_remove", BOTH("DELETE FROM films WHERE id = ?1"),
                                             DB_WRITE, 1 };
static const struct db_query film_get = {
    "film_get", BOTH("SELECT parent, name, score, bytes FROM films WHERE id = ?1"), DB_POINT, 1
};
static const struct db_query film_count = { "film_count", BOTH("SELECT count(*) FROM films"),
                                            DB_SCAN, 0 };
static const struct db_query mark_add = { "mark_add",
                                          BOTH("INSERT INTO a_marks (film, word) VALUES (?1, ?2)"),
                                          DB_WRITE, 2 };
static const struct db_query *const queries[] = { &film_add, &film_parent, &film_remove,
                                                  &film_get, &film_count,  &mark_add };
static const struct db_migration migrations[] = {
    { 1, "0001_films",
      BOTH("CREATE TABLE films (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES "
           "films (id), name TEXT NOT NULL, score REAL, bytes BLOB) STRICT;"
           "CREATE TABLE a_marks (film INTEGER NOT NULL REFERENCES films (id), word TEXT NOT NULL, "
           "PRIMARY KEY (film, word)) STRICT, WITHOUT ROWID;") },
};
static const struct db_module module = { "films", migrations, 1, queries, ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &module };

enum { FILMS = 300 };
static struct arena arena;

static struct db *open_at(const struct db_driver *driver, const char *place)
{
    struct db *db;
    struct db_spec spec = { .driver = driver,
                            .place = place,
                            .context = "content",
                            .modules = modules,
                            .modules_count = 1 };
    CHECK_OK(db_open(&spec, &db));
    return db;
}

static struct db *open_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
    mkdir(path, 0700);
    return open_at(&db_sqlite, path);
}

static enum err fill(struct db_tx *tx, void *arg)
{
    static const char all[] = "\0\x01\xff\\x\n\t";
    int64_t first = 0, id = 0;
    (void)arg;
    for (int i = 0; i < FILMS; i++) {
        str name = arena_printf(&arena, "%d\\N \t\n\r\\.%s", i, i % 2 ? "Ёлки" : "");
        TRY(db_insert(tx, &film_add,
                      DB_ARGS(DB_NULL, i == 7 ? DB_TEXT(STR("")) : DB_TEXT(name),
                              i % 3 ? DB_F64(i / 7.0 - 5) : DB_NULL,
                              i % 4 ? DB_BLOB(((str){ all, (size_t)i % sizeof(all) })) : DB_NULL),
                      &id));
        first = first ? first : id;
        TRY(db_exec(tx, &mark_add, DB_ARGS(DB_I64(id), DB_TEXT(STR("seen"))), NULL));
    }
    TRY(db_insert(tx, &film_add, DB_ARGS(DB_NULL, DB_TEXT(STR("gone")), DB_NULL, DB_NULL), &id));
    TRY(db_exec(tx, &film_remove, DB_ARGS(DB_I64(id)), NULL));
    /* A row refers to one that comes later. */
    return db_exec(tx, &film_parent, DB_ARGS(DB_I64(first), DB_I64(id - 1)), NULL);
}

static enum err one_more(struct db_tx *tx, void *arg)
{
    return db_insert(tx, &film_add,
                     DB_ARGS(DB_I64(1), DB_TEXT(STR("more")), DB_F64(1e-300), DB_NULL), arg);
}

static int64_t count_of(struct db *db)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(db), &film_count, DB_NO_ARGS, &row));
    return db_i64(&row, 0);
}

static void begin(void)
{
    arena_init(&arena, MIB(16));
    db_arena_use(&arena);
}

static void end(void)
{
    db_arena_use(NULL);
    arena_deinit(&arena);
}

TEST(carry_there_and_back_is_equal)
{
    struct db_carried carried;
    int64_t id = 0;
    begin();
    struct db *first = open_folder("first"), *last = open_folder("last");
    struct db *server = open_at(&db_postgres, postgres_place_new());
    CHECK_OK(db_tx(first, fill, NULL));
    CHECK_OK(db_carry_over(first, server, &carried));
    CHECK_INT(carried.rows, 2 * FILMS);
    CHECK(!carried.was_there);
    CHECK_INT(count_of(server), FILMS);
    CHECK_OK(db_carry_over(first, server, &carried)); /* again: it is there */
    CHECK(carried.was_there);
    CHECK_OK(db_tx(server, one_more, &id));
    CHECK_INT(id, FILMS + 2); /* the id of a removed row is not given again */
    CHECK_OK(db_carry_over(server, last, &carried));
    CHECK_INT(carried.rows, 2 * FILMS + 1);
    CHECK_OK(db_carry_over(server, last, &carried));
    CHECK(carried.was_there);
    CHECK_OK(db_tx(last, one_more, &id));
    CHECK_INT(id, FILMS + 3);
    CHECK_OK(db_tx(first, one_more, &id)); /* the source was not touched, and can be written */
    CHECK_INT(id, FILMS + 2);
    db_close(server);
    db_close(last);
    db_close(first);
    end();
}

TEST(carry_refuses_what_holds_other_rows)
{
    struct db_carried carried;
    struct db_row row;
    int64_t id;
    begin();
    struct db *from = open_folder("from");
    struct db *server = open_at(&db_postgres, postgres_place_new());
    CHECK_OK(db_tx(from, fill, NULL));
    CHECK_OK(db_tx(server, fill, NULL));
    CHECK_OK(db_tx(server, one_more, &id));
    CHECK_ERR(db_carry_over(from, server, &carried), ERR_PRECONDITION);
    CHECK_STR(str_of(err_slot()->slug), STR("carry-not-empty"));
    CHECK_INT(count_of(server), FILMS + 1);
    CHECK_OK(db_one(db_now(server), &film_get, DB_ARGS(DB_I64(id)), &row));
    CHECK_STR(db_text(&row, 1), STR("more"));
    db_close(server);
    db_close(from);
    end();
}

static enum err bad_mark(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &mark_add, DB_ARGS(DB_I64(1 << 20), DB_TEXT(STR("lost"))), NULL);
}

/* They were deferred for the copy, and hold at once again. */
TEST(carry_leaves_foreign_keys_as_they_were)
{
    struct db_carried carried;
    begin();
    struct db *from = open_folder("keys");
    struct db *server = open_at(&db_postgres, postgres_place_new());
    CHECK_OK(db_tx(from, fill, NULL));
    CHECK_OK(db_carry_over(from, server, &carried));
    CHECK_ERR(db_tx(server, bad_mark, NULL), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("foreign-key"));
    db_close(server);
    db_close(from);
    end();
}
