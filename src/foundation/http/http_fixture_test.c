/* http_fixture: the thread, the pipe of calls into it, and the byte client. */
#include "http_fixture.h"

#include "foundation/mem/heap.h"
#include "foundation/net/listen.h"
#include "foundation/task/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

enum { CLIENT_TIMEOUT_S = 20, ANSWER_BYTES_MAX = 16 << 20 };

struct fixture {
    pthread_t thread;
    struct http_router *router;
    struct http_server_settings settings;
    struct http_server *server;
    struct loop *loop;
    struct net_address address;
    sem_t ready;
    enum http_entry entry;
    void (*run_fn)(void *arg);
    void *run_arg;
};

static unsigned tasks_max;

void fixture_tasks_max(unsigned count)
{
    tasks_max = count;
}

static void *serve(void *arg)
{
    struct fixture *fixture = arg;
    struct net_address any;
    int fd;
    struct loop_settings loop = { .tasks_max = tasks_max };
    ASSERT(loop_open(&loop, &fixture->loop) == OK);
    ASSERT(net_address_parse(STR("127.0.0.1:0"), &any) == OK);
    ASSERT(net_listen(&any, 1, &fd, &fixture->address) == OK);
    ASSERT(http_server_open(fixture->loop, &fixture->settings, &fixture->server) == OK);
    ASSERT(http_server_listen(fixture->server, fd, fixture->entry) == OK);
    sem_post(&fixture->ready);
    loop_run(fixture->loop);
    loop_close(fixture->loop);
    return NULL;
}

struct fixture *fixture_open(const struct http_route *routes, size_t count,
                             const struct http_server_settings *settings)
{
    return fixture_open_as(routes, count, settings, HTTP_ENTRY_CLEAR);
}

struct fixture *fixture_open_as(const struct http_route *routes, size_t count,
                                const struct http_server_settings *settings, enum http_entry entry)
{
    struct fixture *fixture = HEAP_NEW(struct fixture);
    fixture->entry = entry;
    struct http_route_table table = { routes, count };
    if (settings)
        fixture->settings = *settings;
    if (!fixture->settings.turn) /* on a slow machine every turn of the loop is long */
        fixture->settings.turn = HOURS(1);
    if (!fixture->settings.router) {
        CHECK_OK(http_router_open(&table, 1, &fixture->router));
        fixture->settings.router = fixture->router;
    }
    sem_init(&fixture->ready, 0, 0);
    CHECK_INT(pthread_create(&fixture->thread, NULL, serve, fixture), 0);
    sem_wait(&fixture->ready);
    return fixture;
}

static void on_run(void *arg)
{
    struct fixture *fixture = arg;
    fixture->run_fn(fixture->run_arg);
    sem_post(&fixture->ready);
}

void fixture_run(struct fixture *fixture, void (*fn)(void *arg), void *arg)
{
    fixture->run_fn = fn;
    fixture->run_arg = arg;
    loop_post(fixture->loop, on_run, fixture);
    sem_wait(&fixture->ready);
}

static void close_server(void *arg)
{
    http_server_close(arg);
}

void fixture_close(struct fixture *fixture)
{
    fixture_run(fixture, close_server, fixture->server);
    loop_stop(fixture->loop);
    pthread_join(fixture->thread, NULL);
    if (fixture->router)
        http_router_close(fixture->router);
    sem_destroy(&fixture->ready);
    heap_free(fixture);
}

unsigned fixture_port(const struct fixture *fixture)
{
    return net_address_port(&fixture->address);
}

struct http_server *fixture_server(struct fixture *fixture)
{
    return fixture->server;
}

/* --- Handlers -----------------------------------------------------------------------------------
 */

enum err fixture_echo(struct http_request *request, struct http_response *response)
{
    http_reply_memory(response, STR("text/plain"), request->body);
    return OK;
}

enum err fixture_upload(struct http_request *request, struct http_response *response)
{
    char room[1000];
    size_t len;
    uint64_t total = 0;
    do {
        TRY(http_body_read(request, room, sizeof(room), &len));
        total += len;
    } while (len);
    http_reply_memory(response, STR("text/plain"),
                      arena_printf(request->arena, "%llu", (unsigned long long)total));
    return OK;
}

/* --- The client ----------------------------------------------------------------------------- */

int client_open(const struct fixture *fixture)
{
    struct timeval patience = { .tv_sec = CLIENT_TIMEOUT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    CHECK(connect(fd, &fixture->address.socket.any, fixture->address.size_bytes) == 0);
    return fd;
}

void client_send(int fd, str bytes)
{
    while (bytes.len) {
        ssize_t count = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (count <= 0)
            return; /* refused already: the answer tells */
        bytes = str_skip(bytes, (size_t)count);
    }
}

static char *answer_memory(void)
{
    static char *memory;
    if (!memory)
        memory = heap_alloc(ANSWER_BYTES_MAX);
    return memory;
}

static size_t read_some(int fd, char *memory, size_t len, size_t wanted)
{
    while (len < wanted) {
        ssize_t count = recv(fd, memory + len, wanted - len, 0);
        if (count < 0)
            CHECK(errno == ECONNRESET);
        if (count <= 0)
            break;
        len += (size_t)count;
    }
    return len;
}

str client_read_all(int fd)
{
    char *memory = answer_memory();
    return (str){ memory, read_some(fd, memory, 0, ANSWER_BYTES_MAX) };
}

str client_read_answer(int fd, bool head_only)
{
    char *memory = answer_memory();
    size_t len = 0;
    uint64_t body_bytes = 0;
    while (len < 4 || memcmp(memory + len - 4, "\r\n\r\n", 4) != 0) {
        size_t more = read_some(fd, memory, len, len + 1);
        if (more == len)
            return (str){ memory, len };
        len = more;
    }
    str length = answer_field((str){ memory, len }, STR("Content-Length"));
    if (!head_only && length.ptr)
        CHECK(str_parse_u64(length, &body_bytes));
    return (str){ memory, read_some(fd, memory, len, len + body_bytes) };
}

str client_ask(const struct fixture *fixture, str request)
{
    int fd = client_open(fixture);
    client_send(fd, request);
    str answer = client_read_all(fd);
    close(fd);
    return answer;
}

unsigned answer_status(str answer)
{
    uint64_t status;
    return str_starts(answer, STR("HTTP/1.1 ")) && str_parse_u64(str_sub(answer, 9, 3), &status)
               ? (unsigned)status
               : 0;
}

str answer_field(str answer, str name)
{
    str line;
    while (str_cut(&answer, '\n', &line) && line.len > 1) {
        ptrdiff_t colon = str_find_char(line, ':');
        if (colon > 0 && str_eq_nocase(str_sub(line, 0, (size_t)colon), name))
            return str_trim(str_skip(line, (size_t)colon + 1));
    }
    return STR_NONE;
}

str answer_body(str answer)
{
    ptrdiff_t end = str_find(answer, STR("\r\n\r\n"));
    return end < 0 ? STR_NONE : str_skip(answer, (size_t)end + 4);
}
