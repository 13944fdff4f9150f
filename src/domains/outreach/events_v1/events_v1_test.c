#include "events_v1_shapes.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <string.h>

static struct arena arena;

static void make(enum v1_kind kind, const char *body, struct v1_event *event, str *aggregate)
{
    CHECK_OK(v1_event_make(&arena, kind, str_of(body), event, aggregate));
}

TEST(bodies_become_events)
{
    struct v1_event event;
    str aggregate;
    arena_init(&arena, MIB(1));
    clock_set(1795255200000000);
    make(V1_MOVIE, "{\"movie_id\":1,\"title\":\"Сталкер\",\"action\":\"viewed\",\"user_id\":7}",
         &event, &aggregate);
    CHECK_STR(event.id, STR("movie-1-viewed"));
    CHECK_STR(event.type, STR("movie"));
    CHECK_STR(aggregate, STR("movie/1"));
    CHECK_INT(event.timestamp, 1795255200000000);
    CHECK_STR(event.payload.text,
              STR("{\"movie_id\":1,\"title\":\"Сталкер\",\"action\":\"viewed\",\"user_id\":7}"));
    make(V1_USER,
         "{\"user_id\":7,\"action\":\"login\",\"timestamp\":\"2026-11-21T10:00:00+02:00\"}", &event,
         &aggregate);
    CHECK_STR(event.id, STR("user-7-login"));
    CHECK_INT(event.timestamp, 1795255200000000 - HOURS(2));
    /* Money is text: 9.990 is not rounded, not even to 9.99. */
    make(V1_PAYMENT,
         "{\"payment_id\":3,\"user_id\":7,\"amount\":9.990,\"status\":\"completed\","
         "\"timestamp\":\"2026-11-21T10:00:00Z\",\"unknown\":[1]}",
         &event, &aggregate);
    CHECK_STR(event.id, STR("payment-3-completed"));
    CHECK_STR(aggregate, STR("payment/3"));
    CHECK_STR(event.payload.text,
              STR("{\"payment_id\":3,\"user_id\":7,\"amount\":9.990,\"status\":\"completed\","
                  "\"timestamp\":\"2026-11-21T10:00:00Z\"}"));
    clock_set(INSTANT_NEVER);
    arena_deinit(&arena);
}

TEST(bodies_that_miss_something_are_refused)
{
    static const struct {
        enum v1_kind kind;
        const char *body, *says;
    } cases[] = {
        { V1_MOVIE, "", "byte" },
        { V1_MOVIE, "{", "byte" },
        { V1_MOVIE, "[]", "object" },
        { V1_MOVIE, "{\"title\":\"x\",\"action\":\"viewed\"}", "movie_id" },
        { V1_MOVIE, "{\"movie_id\":\"1\",\"title\":\"x\",\"action\":\"viewed\"}", "movie_id" },
        { V1_MOVIE, "{\"movie_id\":1,\"title\":\"x\",\"action\":\"\"}", "action" },
        { V1_USER, "{\"user_id\":1,\"action\":\"x\"}", "timestamp" },
        { V1_USER, "{\"user_id\":1,\"action\":\"x\",\"timestamp\":\"now\"}", "timestamp" },
        { V1_PAYMENT,
          "{\"payment_id\":1,\"user_id\":1,\"status\":\"x\",\"timestamp\":\"2026-11-21T10:00:"
          "00Z\"}",
          "amount" },
        { V1_PAYMENT,
          "{\"payment_id\":1,\"user_id\":1,\"amount\":\"9\",\"status\":\"x\","
          "\"timestamp\":\"2026-11-21T10:00:00Z\"}",
          "amount" },
    };
    struct v1_event event;
    str aggregate;
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_ERR(v1_event_make(&arena, cases[i].kind, str_of(cases[i].body), &event, &aggregate),
                  ERR_INVALID);
        if (!strstr(err_slot()->text, cases[i].says))
            test_fail("%s: %s", cases[i].body, err_slot()->text);
    }
    arena_deinit(&arena);
}

static enum err everything(struct arena *memory, void *arg)
{
    struct v1_event event;
    str aggregate;
    (void)arg;
    return v1_event_make(
        memory, V1_MOVIE,
        STR("{\"movie_id\":1,\"title\":\"a\\n\",\"action\":\"x\",\"genres\":[\"y\"]}"), &event,
        &aggregate);
}

TEST(memory_may_end_anywhere)
{
    CHECK(test_every_allocation_or(everything, NULL, ERR_TOO_LARGE) > 2);
}
