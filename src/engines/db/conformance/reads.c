/* reads: order, limits, snapshots, scans, and the check of queries itself. */
#include "internal.h"

#include "conformance_sql.h"

#include <pthread.h>
#include <string.h>

static enum err items_fill(struct db_tx *tx, void *arg)
{
    int count = *(int *)arg;
    for (int i = 1; i <= count; i++) {
        struct item_new item = { .name = arena_printf(db_arena(tx), "item %03d", i).ptr,
                                 .score = i % 7 };
        TRY(item_add(tx, &item));
    }
    return OK;
}

static void fill(struct fixture *f, int count)
{
    CHECK_OK(db_tx(f->db, items_fill, &count));
}

static void lists_are_ordered_and_limited(void)
{
    struct fixture f;
    struct db_rows rows = { 0 };
    database_open(&f, (struct db_settings){ 0 });
    fill(&f, 50);
    CHECK_OK(db_all(db_now(f.db), &SQL_ITEMS_BY_SCORE, DB_NO_ARGS, 50, &rows));
    CHECK_INT(rows.count, 50);
    CHECK(!rows.more);
    for (unsigned i = 1; i < rows.count; i++)
        CHECK(db_i64(&rows.items[i - 1], 2) >= db_i64(&rows.items[i], 2));
    CHECK_OK(db_all(db_now(f.db), &SQL_ITEMS_BY_SCORE, DB_NO_ARGS, 49, &rows));
    CHECK_INT(rows.count, 49);
    CHECK(rows.more);
    CHECK_OK(db_all(db_now(f.db), &SQL_ITEMS_AFTER, DB_ARGS(DB_I64(0), DB_I64(20)), 100, &rows));
    CHECK_INT(rows.count, 20);
    CHECK_STR(db_text(&rows.items[19], 1), STR("item 020"));
    CHECK_OK(db_all(db_now(f.db), &SQL_ITEMS_AFTER, DB_ARGS(DB_I64(5000), DB_I64(20)), 9, &rows));
    CHECK_INT(rows.count, 0);
    database_close(&f);
}

static void one_and_find_differ_on_absence(void)
{
    struct fixture f;
    struct db_row row = { 0 };
    database_open(&f, (struct db_settings){ 0 });
    CHECK_ERR(db_one(db_now(f.db), &SQL_ITEM_GET, DB_ARGS(DB_I64(1)), &row), ERR_NOT_FOUND);
    CHECK_OK(db_find(db_now(f.db), &SQL_ITEM_GET, DB_ARGS(DB_I64(1)), &row));
    CHECK(row.values == NULL);
    database_close(&f);
}

struct walk {
    struct db *db;
    unsigned seen, stop_at, inner;
};

static enum err count_inner(const struct db_row *row, void *arg)
{
    struct walk *walk = arg;
    (void)row;
    walk->inner++;
    return OK;
}

static enum err walk_row(const struct db_row *row, void *arg)
{
    struct walk *walk = arg;
    if (++walk->seen == walk->stop_at)
        return err_set(ERR_GONE, "enough", "enough");
    struct db_args args = DB_ARGS(DB_I64(db_i64(row, 0)), DB_I64(1));
    return db_each(db_now(walk->db), &SQL_ITEMS_AFTER, args, count_inner, walk);
}

static void rows_can_be_asked_about_within_rows(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    fill(&f, 10);
    struct walk walk = { .db = f.db };
    struct db_args all = DB_ARGS(DB_I64(0), DB_I64(100));
    CHECK_OK(db_each(db_now(f.db), &SQL_ITEMS_AFTER, all, walk_row, &walk));
    CHECK_INT(walk.seen, 10);
    CHECK_INT(walk.inner, 9);
    walk = (struct walk){ .db = f.db, .stop_at = 3 };
    CHECK_ERR(db_each(db_now(f.db), &SQL_ITEMS_AFTER, all, walk_row, &walk), ERR_GONE);
    CHECK_INT(walk.seen, 3);
    database_close(&f);
}

/* --- Snapshots ------------------------------------------------------------------------------ */

struct snapshot {
    struct fixture *fixture;
    struct db *db;
};

static void *write_from_thread(void *arg)
{
    struct snapshot *snapshot = arg;
    struct arena arena;
    arena_init(&arena, KIB(64));
    db_arena_use(&arena);
    struct item_new item = { .name = "newcomer", .score = 1 };
    CHECK_OK(db_tx(snapshot->db, item_add, &item));
    db_arena_use(NULL);
    arena_deinit(&arena);
    return NULL;
}

static enum err count_around_a_write(struct db_tx *tx, void *arg)
{
    struct snapshot *snapshot = arg;
    struct db_row row;
    struct db_args name = DB_ARGS(DB_TEXT(STR("newcomer")));
    TRY(db_find(tx, &SQL_ITEM_BY_NAME, name, &row));
    CHECK(row.values == NULL);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, write_from_thread, snapshot), 0);
    pthread_join(thread, NULL);
    TRY(db_find(tx, &SQL_ITEM_BY_NAME, name, &row));
    CHECK(row.values == NULL); /* committed, but after this snapshot began */
    return OK;
}

static void a_snapshot_stays_as_it_was(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    fill(&f, 3);
    struct snapshot snapshot = { .fixture = &f, .db = f.db };
    CHECK_OK(db_read(f.db, count_around_a_write, &snapshot));
    CHECK_INT(items_count(f.db), 4);
    database_close(&f);
}

/* --- Reads asked ahead ------------------------------------------------------------------------ */

enum { MOVERS = 2, WATCHERS = 12, MOVES = 40, LOOKS = 60, POINTS = 1000 };

/* Two items whose scores always have the same sum, while some move points and others look. */
struct scale {
    struct db *db;
    bool moves, asks_more;
    int64_t by, sum, more;
    unsigned runs;
};

static enum err points_move(struct db_tx *tx, void *arg)
{
    const struct scale *scale = arg;
    struct db_row row;
    TRY(db_one(tx, &SQL_ITEM_GET, DB_ARGS(DB_I64(1)), &row));
    int64_t score = db_i64(&row, 2) + scale->by;
    TRY(db_exec(tx, &SQL_ITEM_SCORE_SET, DB_ARGS(DB_I64(1), DB_I64(score)), NULL));
    return db_exec(tx, &SQL_ITEM_SCORE_SET, DB_ARGS(DB_I64(2), DB_I64(POINTS - score)), NULL);
}

static enum err points_sum(struct db_tx *tx, void *arg)
{
    struct scale *scale = arg;
    struct db_row left, right, third;
    scale->runs++;
    scale->more = 0;
    TRY(db_one(tx, &SQL_ITEM_GET, DB_ARGS(DB_I64(1)), &left));
    TRY(db_one(tx, &SQL_ITEM_GET, DB_ARGS(DB_I64(2)), &right));
    scale->sum = db_i64(&left, 2) + db_i64(&right, 2);
    if (!scale->asks_more)
        return OK;
    TRY(db_one(tx, &SQL_ITEM_GET, DB_ARGS(DB_I64(3)), &third));
    scale->more = db_i64(&third, 0);
    return OK;
}

static enum err points_read(struct scale *scale)
{
    const struct db_value ids[] = { DB_I64(1), DB_I64(2), DB_I64(99) };
    const struct db_ahead ahead[] = { { &SQL_ITEM_GET, { &ids[0], 1 } },
                                      { &SQL_ITEM_GET, { &ids[2], 1 } },
                                      { &SQL_ITEM_GET, { &ids[1], 1 } } };
    return db_read_ahead(scale->db, ahead, ARRAY_LEN(ahead), points_sum, scale);
}

/* Asked for in another order, once more, and beside what was not fetched; then others are. */
static enum err points_fetched(struct db_tx *tx, void *arg)
{
    const struct db_value ids[] = { DB_I64(2), DB_I64(99), DB_I64(1) };
    struct db_ahead ahead[ARRAY_LEN(ids)];
    struct db_row row;
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
        ahead[i] = (struct db_ahead){ &SQL_ITEM_GET, { &ids[i], 1 } };
    for (unsigned from = 0; from < ARRAY_LEN(ids); from++) {
        TRY(db_fetch(tx, ahead + from, (unsigned)ARRAY_LEN(ids) - from));
        TRY(points_sum(tx, arg));
        TRY(db_find(tx, &SQL_ITEM_GET, DB_ARGS(ids[1]), &row));
        CHECK(row.values == NULL);
    }
    ((struct scale *)arg)->runs = 1;
    return OK;
}

static enum err scale_task(void *arg)
{
    struct scale *scale = arg;
    for (unsigned i = 0; scale->moves && i < MOVES; i++)
        CHECK_OK(db_tx(scale->db, points_move, scale));
    for (unsigned i = 0; !scale->moves && i < LOOKS; i++) {
        scale->asks_more = i % 5 == 4;
        scale->runs = 0;
        CHECK_OK(i % 3 == 0   ? db_read(scale->db, points_fetched, scale)
                 : i % 3 == 1 ? db_read_scan(scale->db, points_fetched, scale)
                              : points_read(scale));
        CHECK_INT(scale->sum, POINTS);
        CHECK_INT(scale->more, scale->asks_more ? 3 : 0);
        CHECK(scale->runs >= 1 && scale->runs <= 2);
    }
    return OK;
}

static void what_is_asked_ahead_is_of_one_moment(void)
{
    struct fixture f;
    static const char *const names[] = { "left", "right", "third" };
    struct scale scales[MOVERS + WATCHERS];
    database_open(&f, (struct db_settings){ 0 });
    for (int i = 0; i < 3; i++)
        CHECK_OK(
            db_tx(f.db, item_add, &(struct item_new){ .name = names[i], .score = POINTS / 2 }));
    for (unsigned i = 0; i < ARRAY_LEN(scales); i++)
        scales[i] = (struct scale){ .db = f.db, .moves = i < MOVERS, .by = i % 2 ? 3 : -1 };
    tasks_run(&(struct task_run){ scale_task, scales, sizeof(scales[0]), ARRAY_LEN(scales), 0, 0 });
    database_close(&f);
}

static enum err fails(struct db_tx *tx, void *arg)
{
    (void)tx, (void)arg;
    return err_set(ERR_GONE, "enough", "enough");
}

static enum err failing_task(void *arg)
{
    struct scale *scale = arg;
    const struct db_value id = DB_I64(1);
    const struct db_ahead ahead[] = { { &SQL_ITEM_GET, { &id, 1 } } };
    CHECK_ERR(db_read_ahead(scale->db, ahead, 1, fails, scale), ERR_GONE);
    CHECK_ERR(points_read(scale), ERR_NOT_FOUND); /* there is no item */
    return OK;
}

/* What does not fit is refused when it is fetched, or when it is asked for. */
static enum err misfit_fetched(struct db_tx *tx, void *arg)
{
    const struct db_value id = DB_I64(1), text = DB_TEXT(STR("one"));
    const struct db_ahead ahead[] = { { &SQL_ITEM_GET, { &id, 1 } },
                                      { &SQL_ITEM_GET, { &text, 1 } } };
    struct db_row row;
    (void)arg;
    if (db_fetches(tx))
        CHECK_ERR(db_fetch(tx, ahead, ARRAY_LEN(ahead)), ERR_CONFLICT);
    return db_find(tx, &SQL_ITEM_GET, DB_ARGS(id), &row);
}

static enum err misfit_task(void *arg)
{
    CHECK_OK(db_read(((struct scale *)arg)->db, misfit_fetched, NULL));
    return OK;
}

static void what_cannot_be_fetched_is_refused(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct scale scale = { .db = f.db };
    tasks_run(&(struct task_run){ misfit_task, &scale, sizeof(scale), 1, 0, 0 });
    database_close(&f);
}

static void what_fails_beside_reads_asked_ahead_is_returned(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct scale scale = { .db = f.db };
    tasks_run(&(struct task_run){ failing_task, &scale, sizeof(scale), 1, 0, 0 });
    CHECK(scale.runs >= 1 && scale.runs <= 2);
    database_close(&f);
}

/* --- Scans ------------------------------------------------------------------------------------ */

static enum err count_twice(struct db_tx *tx, void *arg)
{
    struct db_row row;
    TRY(db_one(tx, &SQL_ITEMS_COUNT, DB_NO_ARGS, &row));
    *(int64_t *)arg = db_i64(&row, 0);
    return OK;
}

struct scan {
    struct db *db;
    enum err result;
    int64_t count;
};

static enum err scan_in_task(void *arg)
{
    struct scan *scan = arg;
    TRY(scan->result = db_read_scan(scan->db, count_twice, &scan->count));
    struct db_rows rows;
    TRY(scan->result = db_all(db_now(scan->db), &SQL_ITEMS_BY_SCORE, DB_NO_ARGS, 100, &rows));
    CHECK_INT(rows.count, scan->count);
    return OK;
}

static enum err scan_for_ever(void *arg)
{
    struct scan *scan = arg;
    struct db_row row;
    scan->result = db_one(db_now(scan->db), &SQL_COUNT_FOR_EVER, DB_NO_ARGS, &row);
    return OK;
}

static void with_pool(struct fixture *f, struct pool **out_pool)
{
    db_close(f->db);
    CHECK_OK(pool_open("scans", 2, 64, out_pool));
    f->spec.pool = *out_pool;
    CHECK_OK(db_open(&f->spec, &f->db));
}

static void scans_run_on_the_pool(void)
{
    struct fixture f;
    struct pool *pool;
    struct scan scans[8];
    database_open(&f, (struct db_settings){ 0 });
    with_pool(&f, &pool);
    fill(&f, 30);
    for (int i = 0; i < 8; i++)
        scans[i] = (struct scan){ .db = f.db };
    tasks_run(&(struct task_run){ scan_in_task, scans, sizeof(scans[0]), 8, 0, 0 });
    for (int i = 0; i < 8; i++) {
        CHECK_OK(scans[i].result);
        CHECK_INT(scans[i].count, 30);
    }
    database_close(&f);
    pool_close(pool);
}

static void a_scan_ends_with_its_deadline(void)
{
    struct fixture f;
    struct pool *pool;
    database_open(&f, (struct db_settings){ 0 });
    with_pool(&f, &pool);
    struct scan scan = { .db = f.db };
    tasks_run(&(struct task_run){ scan_for_ever, &scan, sizeof(scan), 1, MILLISECONDS(50), 0 });
    CHECK(scan.result == ERR_TIMEOUT || scan.result == ERR_CANCELLED);
    CHECK_INT(items_count(f.db), 0); /* and the connection is of use */
    database_close(&f);
    pool_close(pool);
}

/* --- In tasks, with little memory ----------------------------------------------------------- */

static enum err read_too_much(void *arg)
{
    struct scan *scan = arg;
    struct db_rows rows;
    scan->result =
        db_all(db_now(scan->db), &SQL_ITEMS_AFTER, DB_ARGS(DB_I64(0), DB_I64(1000)), 1000, &rows);
    return OK;
}

static enum err read_little(void *arg)
{
    struct scan *scan = arg;
    struct db_row row;
    scan->result = db_one(db_now(scan->db), &SQL_ITEM_GET, DB_ARGS(DB_I64(1)), &row);
    return OK;
}

static void too_many_rows_for_the_arena(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    fill(&f, 500);
    struct scan scan = { .db = f.db };
    tasks_run(&(struct task_run){ read_too_much, &scan, sizeof(scan), 1, 0, KIB(16) });
    CHECK_INT(scan.result, ERR_EXHAUSTED);
    tasks_run(&(struct task_run){ read_little, &scan, sizeof(scan), 1, 0, KIB(16) });
    CHECK_INT(scan.result, OK);
    database_close(&f);
}

/* --- Queries -------------------------------------------------------------------------------- */

static void named_queries_are_as_marked(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    CHECK_OK(db_conformance_queries(f.db));
    database_close(&f);
}

static void a_scan_marked_as_a_page_is_found_out(void)
{
    struct fixture f;
    bool scans = false, writes = true;
    database_open(&f, (struct db_settings){ 0 });
    struct db_query liar = SQL_ITEMS_BY_SCORE;
    liar.kind = DB_PAGE;
    CHECK_OK(f.db->driver->explain(f.db, &liar, &scans, &writes));
    CHECK(scans && !writes);
    database_close(&f);
}

void register_reads(void)
{
    test_register("db_lists_are_ordered_and_limited", __FILE__, lists_are_ordered_and_limited);
    test_register("db_one_and_find_differ_on_absence", __FILE__, one_and_find_differ_on_absence);
    test_register("db_rows_can_be_asked_about_within_rows", __FILE__,
                  rows_can_be_asked_about_within_rows);
    test_register("db_a_snapshot_stays_as_it_was", __FILE__, a_snapshot_stays_as_it_was);
    test_register("db_what_is_asked_ahead_is_of_one_moment", __FILE__,
                  what_is_asked_ahead_is_of_one_moment);
    test_register("db_what_cannot_be_fetched_is_refused", __FILE__,
                  what_cannot_be_fetched_is_refused);
    test_register("db_what_fails_beside_reads_asked_ahead_is_returned", __FILE__,
                  what_fails_beside_reads_asked_ahead_is_returned);
    test_register("db_scans_run_on_the_pool", __FILE__, scans_run_on_the_pool);
    test_register("db_a_scan_ends_with_its_deadline", __FILE__, a_scan_ends_with_its_deadline);
    test_register("db_too_many_rows_for_the_arena", __FILE__, too_many_rows_for_the_arena);
    test_register("db_named_queries_are_as_marked", __FILE__, named_queries_are_as_marked);
    test_register("db_a_scan_marked_as_a_page_is_found_out", __FILE__,
                  a_scan_marked_as_a_page_is_found_out);
}
