/* lists: pages, filters, pruning, limits. */
#include "internal.h"

#include <string.h>

static enum err prune_tx(struct db_tx *tx, void *arg)
{
    return jobs_prune(tx, clock_now() + 1, 3, arg);
}

static enum err lists(void *arg)
{
    int64_t ids[10], removed = 0, count;
    struct jobs_page page;
    (void)arg;
    for (int i = 0; i < 10; i++)
        ids[i] = add(i % 2 ? "effect" : "single");
    for (int i = 0; i < 4; i++)
        CHECK_OK(db_tx(stage.db, cancel_tx, &ids[i]));
    struct jobs_filter filter = { .state = -1, .limit = 4 };
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, 4);
    CHECK_INT(page.items[0].id, ids[9]);
    filter.before = page.next;
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.items[0].id, ids[5]);
    filter = (struct jobs_filter){ .state = JOB_CANCELLED, .kind = STR("effect"), .limit = 50 };
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, 2);
    CHECK_INT(page.next, 0);
    filter.kind = STR("");
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, 4);
    filter = (struct jobs_filter){ .state = -1, .kind = STR("single"), .limit = 50 };
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, 5);
    filter.limit = JOB_LIST_MAX + 1;
    CHECK_ERR(jobs_list(db_now(stage.db), &filter, &page), ERR_INVALID);
    CHECK_OK(jobs_count(db_now(stage.db), JOB_QUEUED, &count));
    CHECK_INT(count, 6);
    CHECK_OK(db_tx(stage.db, prune_tx, &removed));
    CHECK_INT(removed, 3);
    CHECK_OK(db_conformance_queries(stage.db));
    return OK;
}

static void are_listed_and_pruned(void)
{
    scenario(lists);
}

static enum err too_large(void *arg)
{
    struct add added = { .job = { .kind = STR("single") } };
    (void)arg;
    char *big = arena_zalloc(task_arena(), 1, JOB_PAYLOAD_MAX + 1);
    memset(big, 'x', JOB_PAYLOAD_MAX + 1);
    added.job.payload = (str){ big, JOB_PAYLOAD_MAX + 1 };
    CHECK_ERR(db_tx(stage.db, add_tx, &added), ERR_TOO_LARGE);
    added.job = (struct job_new){ .subject = STR("no kind") };
    CHECK_ERR(db_tx(stage.db, add_tx, &added), ERR_INVALID);
    return OK;
}

static void have_limits(void)
{
    scenario(too_large);
}

void register_lists(void)
{
    test_register("jobs_are_listed_and_pruned", __FILE__, are_listed_and_pruned);
    test_register("jobs_have_limits", __FILE__, have_limits);
}
