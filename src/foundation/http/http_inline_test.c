/* Inline routes that find they have to wait: the same handler again, in a task. */
#include "http_fixture.h"

#include <string.h>

static atomic_uint admissions;

static enum err admit(void *owner, struct http_request *request, struct http_response *response)
{
    (void)owner, (void)response;
    atomic_fetch_add(&admissions, 1);
    return str_starts(request->query, STR("no")) ? err_set(ERR_FORBIDDEN, "no", "no") : OK;
}

static enum err slow_at_times(struct http_request *request, struct http_response *response)
{
    bool slow = str_eq(request->query, STR("slow"));
    if (slow && !task_current())
        return http_continue_in_task(request);
    if (slow)
        TRY(await_turn());
    http_reply_memory(response, STR("text/plain"), task_current() ? STR("task") : STR("inline"));
    return OK;
}

static enum err fails_in_the_task(struct http_request *request, struct http_response *response)
{
    (void)response;
    if (!task_current())
        return http_continue_in_task(request);
    return err_set(ERR_NOT_FOUND, "no-such-thing", "there is nothing here");
}

static const struct http_route routes[] = {
    { METHOD_GET, "/at-times", slow_at_times, .flags = ROUTE_INLINE },
    { METHOD_GET, "/fails", fails_in_the_task, .flags = ROUTE_INLINE },
};

TEST(an_inline_handler_goes_on_in_a_task)
{
    struct http_server_settings settings = { .before = admit };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    int fd = client_open(fixture);
    atomic_store(&admissions, 0);
    client_send(fd, STR("GET /at-times?slow HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /at-times HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /fails HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /at-times?no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    str all = client_read_all(fd);
    ptrdiff_t task = str_find(all, STR("\r\n\r\ntask")),
              plain = str_find(all, STR("\r\n\r\ninline"));
    ptrdiff_t missing = str_find(all, STR("no-such-thing")), refused = str_find(all, STR("403"));
    CHECK(task > 0 && plain > task && missing > plain && refused > missing);
    CHECK_INT(atomic_load(&admissions), 4); /* once a request */
    fixture_close(fixture);
}
