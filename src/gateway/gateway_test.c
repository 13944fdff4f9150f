/* The edge through the real server: who may, what it says of itself, and the web interface. */
#include "access.h"
#include "gateway.h"

#include "engines/bus/bus.h"
#include "foundation/http/http_fixture.h"
#include "foundation/json/json.h"
#include "foundation/shape/shape.h"
#include "foundation/test/test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct arena arena;
static struct gateway *gateway;
static struct fixture *http;
static char key[ACCESS_KEY_BYTES];
static bool disk_is_well, mail_is_well;
static const struct http_cors *friends; /* origins let in; NULL: none */

static const char *text_of(const char *format, ...) PRINTF_LIKE(1, 2);
static const char *text_of(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_vprintf(&arena, format, args);
    va_end(args);
    return text.ptr;
}

/* --- A module with a route for everyone and one for the administrator ----------------------- */

static enum err on_ok(struct http_request *request, struct http_response *response)
{
    http_reply_memory(response, STR("text/plain"),
                      caller_has(request, ROLE_ADMIN) ? STR("admin") : STR("anyone"));
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/v1/things/{id}", on_ok, "A thing \"quoted\"", .media_types = "text/plain",
      .answers = ANSWERS_304 | ANSWERS_206 },
    { METHOD_POST, "/v1/things", on_ok, "Add a thing", .role = ROLE_ADMIN,
      .media_types = "text/plain", .answers = ANSWERS_428 },
    { METHOD_POST, "/v1/plays", on_ok, "Play", .media_types = "text/plain",
      .flags = ROUTE_BODY_OPTIONAL },
    { METHOD_GET, "/v1/hidden", on_ok, .flags = ROUTE_HIDDEN },
};
static const struct http_route_table table = { routes, ARRAY_LEN(routes) };

/* --- ... which publishes events -------------------------------------------------------------- */

struct thing_part {
    str name;
};
SHAPE(thing_part_shape, struct thing_part, FIELD(struct thing_part, name, .proto = 1));

enum thing_size { THING_UNSET, THING_SMALL, THING_LARGE };
SHAPE_ENUM(thing_sizes, [THING_SMALL] = STR_INIT("small"), [THING_LARGE] = STR_INIT("large"));

struct thing_made {
    struct id thing_id;
    opt_i64 year;
    enum thing_size size;
    LIST_OF(struct thing_part) parts;
};
SHAPE(thing_made_shape, struct thing_made, FIELD(struct thing_made, thing_id, .proto = 1),
      FIELD(struct thing_made, year, .proto = 2),
      FIELD_ENUM(struct thing_made, size, thing_sizes, .proto = 3),
      FIELD_SHAPES(struct thing_made, parts, thing_part_shape, .proto = 4));

static const struct bus_type thing_made = { .name = "thing.made",
                                            .version = 2,
                                            .shape = &thing_made_shape,
                                            .topic = "thing-events",
                                            .doc = "A thing \"quoted\" was made" };
static const struct bus_type thing_lost = { .name = "thing.lost",
                                            .version = 1,
                                            .shape = &thing_part_shape,
                                            .topic = "thing-events",
                                            .deprecated = true };
BUS_TYPES(thing_types, "things", &thing_made, &thing_lost);

static const struct module things = {
    .name = "things", .context = "content", .routes = &table, .events = &thing_types
};
static const struct module *const modules[] = { &things };

static const struct http_route other_routes[] = {
    { METHOD_GET, "/v1/others/{id}", on_ok, "Another thing", .media_types = "text/plain" },
    { METHOD_POST, "/v1/others", on_ok, "Add another", .role = ROLE_ADMIN },
};
static const struct http_route_table other_table = { other_routes, ARRAY_LEN(other_routes) };
static const struct module others = { .name = "others", .routes = &other_table };
static const struct module no_routes = { .name = "mute" };
static const struct module *const elsewhere[] = { &no_routes, &others };

static const char page[] = "<!doctype html>page", script[] = "run()", docs[] = "docs";
static const struct embedded_file files[] = {
    { STR_INIT("assets/app-1.js"), STR_INIT("text/javascript"), STR_INIT("\"js\""), script,
      script + 5, .gzip = STR_INIT("js by gzip"), .brotli = STR_INIT("js by br") },
    { STR_INIT("docs.html"), STR_INIT("text/html"), STR_INIT("\"docs\""), docs, docs + 4 },
    { STR_INIT("index.html"), STR_INIT("text/html"), STR_INIT("\"page\""), page, page + 19 },
};
static const struct embedded_set site = { files, ARRAY_LEN(files) }, no_site;

static bool look(void *arg, struct buf *detail)
{
    bool *well = arg;
    if (!*well)
        buf_put(detail, STR("it is full"));
    return *well;
}
static const struct gateway_check checks[] = {
    { "content.db", look, &disk_is_well, true },
    { "mail", look, &mail_is_well, false },
};

static enum err open_gateway(const struct embedded_set *the_site)
{
    static struct gateway_settings settings;
    settings = (struct gateway_settings){ .modules = modules,
                                          .modules_count = 1,
                                          .elsewhere = elsewhere,
                                          .elsewhere_count = ARRAY_LEN(elsewhere),
                                          .site = the_site,
                                          .version = "0.0.0",
                                          .key_folder = test_folder(),
                                          .checks = checks,
                                          .checks_count = ARRAY_LEN(checks) };
    if (friends)
        settings.cors = *friends;
    return gateway_open(&settings, &gateway);
}

static void open_with(const struct embedded_set *the_site)
{
    struct http_server_settings settings;
    arena_deinit(&arena);
    arena_init(&arena, MIB(64));
    disk_is_well = mail_is_well = true;
    CHECK_OK(access_key_make(test_folder(), key));
    CHECK_OK(open_gateway(the_site));
    gateway_server_settings(gateway, &settings);
    http = fixture_open(NULL, 0, &settings);
}

static void open_it(void)
{
    open_with(&site);
}

static void close_it(void)
{
    clock_set(INSTANT_NEVER);
    fixture_close(http);
    gateway_close(gateway);
    arena_deinit(&arena);
}

static str ask(const char *method, const char *path, const char *fields, const char *body)
{
    const char *request = text_of("%s %s HTTP/1.1\r\nHost: cinema:8000\r\nContent-Length: %zu\r\n"
                                  "Connection: close\r\n%s\r\n%s",
                                  method, path, strlen(body), fields, body);
    return arena_str(&arena, client_ask(http, str_of(request)));
}

static unsigned status(const char *method, const char *path, const char *fields)
{
    return answer_status(ask(method, path, fields, ""));
}

static bool has(str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

/* --- Who may -------------------------------------------------------------------------------- */

static str sign_in(const char *the_key)
{
    return ask("POST", "/v1/session", "", text_of("{\"key\":\"%s\"}", the_key));
}

/* "Cookie: kb_session=...\r\n" of a session just made. */
static const char *cookie(void)
{
    str answer = sign_in(key), value;
    CHECK_INT(answer_status(answer), 204);
    str field = answer_field(answer, STR("Set-Cookie"));
    CHECK(has(field, "; Path=/; HttpOnly; SameSite=Strict"));
    CHECK(str_cut(&field, ';', &value));
    return text_of("Cookie: theme=dark; %.*s\r\n", STR_ARG(value));
}

static bool is_admin(const char *fields)
{
    str answer = ask("GET", "/v1/things/1", fields, "");
    CHECK_INT(answer_status(answer), 200);
    bool admin = has(answer_body(answer), "admin");
    CHECK_INT(has(ask("GET", "/v1/session", fields, ""), "\"admin\":true"), admin);
    return admin;
}

static const char *bearer(const char *the_key)
{
    return text_of("Authorization: Bearer %s\r\n", the_key);
}

TEST(the_key_opens_and_nothing_else)
{
    open_it();
    CHECK(!is_admin(""));
    CHECK(is_admin(bearer(key)));
    CHECK(is_admin(cookie()));
    CHECK(!is_admin(text_of("Authorization: Basic %s\r\n", key)));
    CHECK(!is_admin(text_of("Authorization: Bearer\r\n")));
    CHECK_INT(status("POST", "/v1/things", ""), 401);
    CHECK_INT(status("POST", "/v1/things", bearer(key)), 200);
    CHECK_INT(status("POST", "/v1/plays", ""), 200);
    CHECK(has(sign_in("no such key"), "\"slug\":\"wrong-key\""));
    CHECK_INT(answer_status(sign_in("")), 400);
    close_it();
}

/* Who asks another process is told so, whoever it is: 404 would say that there is no such thing. */
TEST(what_another_process_serves_is_misdirected)
{
    open_it();
    str answer = ask("GET", "/v1/others/1", "", "");
    CHECK_INT(answer_status(answer), 421);
    CHECK(has(answer_body(answer), "\"slug\":\"served-elsewhere\""));
    CHECK(has(answer_body(answer), "\"title\":\"Misdirected Request\""));
    CHECK_STR(answer_field(answer, STR("Content-Type")), STR("application/problem+json"));
    CHECK_INT(status("POST", "/v1/others", ""), 421);
    CHECK_INT(answer_status(ask("POST", "/v1/others", bearer(key), "{\"a\":1}")), 421);
    CHECK_INT(status("DELETE", "/v1/others", ""), 405);
    CHECK(!has(ask("GET", "/openapi.json", "", ""), "/v1/others"));
    close_it();
}

TEST(a_cookie_is_not_forged)
{
    open_it();
    const char *good = cookie();
    char bad[256];
    snprintf(bad, sizeof(bad), "%s", good);
    size_t last = strlen(bad) - 3; /* before CR LF */
    bad[last] = bad[last] == 'a' ? 'b' : 'a';
    CHECK(!is_admin(bad));
    snprintf(bad, sizeof(bad), "%s", good);
    char *dot = strchr(bad, '.');
    dot[-1] = dot[-1] == '9' ? '8' : (char)(dot[-1] + 1); /* a little longer, please */
    CHECK(!is_admin(bad));
    CHECK(!is_admin("Cookie: kb_session=\r\n"));
    CHECK(!is_admin("Cookie: kb_session=.\r\n"));
    CHECK(!is_admin("Cookie: kb_session=99999999999999999999.00\r\n"));
    CHECK(!is_admin("Cookie: kb_session=9223372036854775807.00\r\n"));
    CHECK(!is_admin("Cookie: kb_session=-1.00; kb_session\r\n"));
    CHECK(!is_admin(text_of("Cookie: not_%s", good + strlen("Cookie: theme=dark; "))));
    CHECK(is_admin(good));
    close_it();
}

TEST(a_session_survives_small_jumps_of_the_clock)
{
    open_it();
    clock_set(SECONDS(1000000000));
    const char *session = cookie();
    clock_set(SECONDS(1000000000) - MINUTES(59));
    CHECK(is_admin(session));
    clock_set(SECONDS(1000000000) + DAYS(300)); /* wrong for a while */
    CHECK(!is_admin(session));
    const char *of_the_future = cookie();
    CHECK(is_admin(of_the_future));
    clock_set(SECONDS(1000000000) + DAYS(1)); /* and put right */
    CHECK(!is_admin(of_the_future));
    CHECK(is_admin(session));
    clock_set(INSTANT_NEVER);
    close_it();
}

TEST(a_session_ends)
{
    open_it();
    clock_set(SECONDS(1000000000));
    const char *session = cookie();
    clock_set(SECONDS(1000000000) + DAYS(7) - SECONDS(1));
    CHECK(is_admin(session));
    clock_set(SECONDS(1000000000) + DAYS(7));
    CHECK(!is_admin(session));
    str gone = ask("DELETE", "/v1/session", "", "");
    CHECK_INT(answer_status(gone), 204);
    CHECK(has(answer_field(gone, STR("Set-Cookie")), "Max-Age=0"));
    close_it();
}

TEST(a_new_key_ends_all_sessions)
{
    char old[ACCESS_KEY_BYTES];
    open_it();
    const char *session = cookie();
    memcpy(old, key, sizeof(old));
    CHECK_OK(access_key_make(test_folder(), key)); /* by the command, while we serve */
    CHECK(strcmp(old, key) != 0);
    CHECK(!is_admin(session));
    CHECK(!is_admin(bearer(old)));
    CHECK(is_admin(bearer(key)));
    CHECK(is_admin(cookie()));
    close_it();
}

static const char *key_path(const char *suffix)
{
    return text_of("%s/admin.key%s", test_folder(), suffix);
}

TEST(without_a_key_nobody_is_the_administrator)
{
    open_it();
    const char *session = cookie();
    CHECK(rename(key_path(""), key_path(".away")) == 0);
    CHECK(!is_admin(session) && !is_admin(bearer(key)));
    CHECK_INT(answer_status(sign_in(key)), 401);
    CHECK(rename(key_path(".away"), key_path("")) == 0); /* the very same file again */
    CHECK(is_admin(session) && is_admin(bearer(key)));
    CHECK(truncate(key_path(""), 60) == 0);
    CHECK(!is_admin(session));
    CHECK(!is_admin(bearer("")));
    CHECK_INT(status("GET", "/livez", ""), 200);
    close_it();
}

TEST(the_key_file_is_private_and_holds_no_key)
{
    struct stat info;
    char text[1024] = "";
    open_it();
    CHECK(stat(key_path(""), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    int fd = open(key_path(""), O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK(strstr(text, key) == NULL);
    CHECK_INT(strlen(key), ACCESS_KEY_BYTES - 1);
    close_it();
}

TEST(a_damaged_key_file_is_named)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(1));
    FILE *file = fopen(key_path(""), "w");
    CHECK(file && fputs("not hexadecimal", file) >= 0 && fclose(file) == 0);
    CHECK_ERR(open_gateway(&site), ERR_CORRUPT);
    CHECK(strstr(err_slot()->text, "admin-key --reset") != NULL);
    CHECK_OK(access_key_make(test_folder(), key));
    CHECK_OK(open_gateway(&site));
    gateway_close(gateway);
}

TEST(wrong_keys_slow_the_address)
{
    open_it();
    for (int i = 0; i < 5; i++)
        CHECK_INT(answer_status(sign_in("wrong")), 401);
    str answer = sign_in(key); /* even the right one waits now */
    int64_t wait_s = 0;
    CHECK_INT(answer_status(answer), 429);
    CHECK(has(answer, "\"slug\":\"too-many-keys\""));
    CHECK(str_parse_i64(answer_field(answer, STR("Retry-After")), &wait_s));
    CHECK(wait_s >= 1 && wait_s <= 300);
    CHECK(!has(str_skip(answer, (size_t)str_find(answer, STR("Retry-After")) + 5), "Retry-After"));
    CHECK(!is_admin(bearer(key)));
    for (int i = 0; i < 100 && answer_status(sign_in(key)) != 204; i++)
        nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
    CHECK_INT(answer_status(sign_in(key)), 204);
    CHECK_INT(answer_status(sign_in("wrong")), 401); /* counted from the beginning again */
    close_it();
}

TEST(a_change_comes_from_our_own_pages)
{
    open_it();
    const char *session = cookie(), *admin = bearer(key);
    const char *ours = "Origin: http://cinema:8000\r\n", *theirs = "Origin: http://evil\r\n";
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", session, ours)), 200);
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", session, theirs)), 403);
    CHECK_INT(status("POST", "/v1/things", session), 403); /* browsers always say */
    CHECK_INT(status("POST", "/v1/things", text_of("%sOrigin: null\r\n", session)), 403);
    CHECK_INT(
        status("POST", "/v1/things", text_of("%sOrigin: http://cinema:8000.evil\r\n", session)),
        403);
    CHECK_INT(status("POST", "/v1/things", text_of("%sOrigin: http://cinema\r\n", session)), 403);
    CHECK_INT(status("POST", "/v1/things", admin), 200); /* a script has no origin */
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", admin, theirs)), 403);
    CHECK_INT(status("POST", "/v1/plays", theirs), 403);
    CHECK_INT(status("GET", "/v1/things/1", text_of("%s%s", session, theirs)), 200);
    str answer = ask("POST", "/v1/session", theirs, text_of("{\"key\":\"%s\"}", key));
    CHECK(has(answer, "\"slug\":\"wrong-origin\""));
    close_it();
}

TEST(a_page_that_was_let_in_brings_a_key_and_no_cookie)
{
    struct http_cors cors;
    const char *friend = "Origin: http://friend\r\n", *evil = "Origin: http://evil\r\n";
    CHECK_OK(http_cors_parse(STR("http://friend"), &cors));
    friends = &cors;
    open_it();
    const char *session = cookie(), *admin = bearer(key);
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", admin, friend)), 200);
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", admin, evil)), 403);
    CHECK_INT(status("POST", "/v1/things", text_of("%s%s", session, friend)), 403);
    CHECK_INT(status("POST", "/v1/things", friend), 401);
    str answer = ask("GET", "/v1/things/1", friend, "");
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("http://friend"));
    close_it();
    friends = NULL;
}

TEST(the_control_socket_is_the_administrator)
{
    struct access *access;
    struct http_request request = { .arena = NULL };
    arena_deinit(&arena);
    arena_init(&arena, MIB(1));
    CHECK_OK(access_open(test_folder(), &access));
    CHECK(!access_has_key(access));
    request.peer.control = true;
    CHECK(access_is_admin(access, &request));
    request.peer.control = false; /* another Unix socket, a proxy's */
    CHECK(!access_is_admin(access, &request));
    request.peer.ip[15] = 1;
    CHECK(!access_is_admin(access, &request));
    access_close(access);
}

/* --- Health and documents ------------------------------------------------------------------- */

TEST(readiness_has_a_line_a_dependency)
{
    open_it();
    CHECK_STR(answer_body(ask("GET", "/readyz", "", "")), STR("content.db ok\nmail ok\n"));
    mail_is_well = false; /* it serves without */
    str answer = ask("GET", "/readyz", "", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK_STR(answer_body(answer), STR("content.db ok\nmail missing: it is full\n"));
    disk_is_well = false;
    answer = ask("GET", "/readyz", "", "");
    CHECK_INT(answer_status(answer), 503);
    CHECK(has(answer, "content.db failed: it is full"));
    CHECK_INT(status("GET", "/livez", ""), 200);
    disk_is_well = true;
    gateway_drain(gateway);
    CHECK_INT(status("GET", "/readyz", ""), 503);
    close_it();
}

TEST(requests_are_counted)
{
    open_it();
    str before = ask("GET", "/metrics", "", "");
    CHECK(has(before, "\nhttp_requests_total{") || has(before, "http_requests_total{"));
    CHECK_INT(status("DELETE", "/v1/things/1", ""), 405);
    CHECK(has(ask("GET", "/metrics", "", ""),
              "http_requests_total{method=\"DELETE\",status=\"4xx\"} "));
    close_it();
}

TEST(the_openapi_document_has_every_route)
{
    struct json json;
    open_it();
    str body = answer_body(ask("GET", "/openapi.json", "", ""));
    CHECK_OK(json_init(&json, &arena, body, NULL));
    CHECK_OK(json_skip(&json, NULL)); /* repeated keys included */
    CHECK_OK(json_finish(&json));
    CHECK(has(body, "\"openapi\":\"3.1.0\""));
    CHECK(has(body, "\"/v1/things/{id}\":{\"get\":") && has(body, "\"/v1/things\":{\"post\":"));
    CHECK(has(body, "\"/v1/session\":{\"post\":") && has(body, "\"/livez\":{\"get\":"));
    CHECK(has(body, "{\"name\":\"id\",\"in\":\"path\",\"required\":true"));
    CHECK(has(body, "A thing \\\"quoted\\\""));
    CHECK(has(body, "\"operationId\":\"getV1ThingsId\""));
    CHECK(!has(body, "hidden") && !has(body, "path*"));
    close_it();
}

/* The text between two others, each of which must be there. */
static str between(str text, const char *from, const char *to)
{
    ptrdiff_t begin = str_find(text, str_of(from));
    CHECK(begin >= 0);
    str rest = str_skip(text, (size_t)begin);
    ptrdiff_t end = str_find(rest, str_of(to));
    CHECK(end >= 0);
    return str_sub(rest, 0, (size_t)end);
}

TEST(the_asyncapi_document_has_every_event)
{
    struct json json;
    open_it();
    str body = answer_body(ask("GET", "/asyncapi.json", "", ""));
    CHECK_OK(json_init(&json, &arena, body, NULL));
    CHECK_OK(json_skip(&json, NULL)); /* repeated keys included */
    CHECK_OK(json_finish(&json));
    CHECK(has(body, "\"asyncapi\":\"3.0.0\""));
    CHECK(has(body, "\"thing-events\":{\"address\":\"thing-events\""));
    CHECK(has(body, "\"things.thing-events\":{\"action\":\"send\""));
    str made = between(body, "\"thing.made\":{\"name\"", "\"thing.lost\":{\"name\"");
    CHECK(has(made, "A thing \\\"quoted\\\" was made"));
    CHECK(has(made, "\"const\":2") && has(made, "#/components/schemas/ThingMade"));
    CHECK(!has(made, "deprecated") && has(body, "\"deprecated\""));
    CHECK(has(body, "\"ThingMade\":{") && has(body, "\"ThingPart\":{"));
    close_it();
}

TEST(the_types_of_events_are_listed_field_by_field)
{
    struct buf buf;
    const struct gateway_settings settings = { .modules = modules,
                                               .modules_count = ARRAY_LEN(modules) };
    buf_init(&buf, NULL, KIB(16));
    gateway_write_event_types(&settings, &buf);
    CHECK_STR(buf_str(&buf), STR("thing.made type thing-events\n"
                                 "thing.made/2 thing_id id\n"
                                 "thing.made/2 year i64?\n"
                                 "thing.made/2 size choice\n"
                                 "thing.made/2 size=small value\n"
                                 "thing.made/2 size=large value\n"
                                 "thing.made/2 parts object[]\n"
                                 "thing.made/2 parts.name text\n"
                                 "thing.lost type thing-events\n"
                                 "thing.lost/1 name text\n"));
    buf_deinit(&buf);
}

TEST(the_openapi_document_says_what_a_route_answers)
{
    open_it();
    str body = answer_body(ask("GET", "/openapi.json", "", ""));
    str thing = between(body, "\"getV1ThingsId\"", "\"default\"");
    CHECK(has(thing, "\"206\":{") && has(thing, "\"304\":{") && has(thing, "responses/NotFound"));
    CHECK(has(thing, "parameters/IfNoneMatch") && has(thing, "parameters/Range"));
    CHECK(has(thing, "\"text/plain\":{}") && has(thing, "\"security\":[]"));
    CHECK(!has(thing, "\"409\"") && !has(thing, "\"403\"") && !has(thing, "\"401\""));
    str add = between(body, "\"postV1Things\"", "\"default\"");
    CHECK(has(add, "\"428\":{\"$ref\":\"#/components/responses/EtagRequired\"}"));
    CHECK(has(add, "parameters/IfMatch") && has(add, "\"401\"") && has(add, "\"403\""));
    CHECK(has(add, "\"security\":[{\"adminKey\":[]},{\"session\":[]}]"));
    str session = between(body, "\"postV1Session\"", "\"default\"");
    CHECK(has(session, "\"204\":{") && has(session, "\"429\":{") && !has(session, "\"200\""));
    CHECK(has(body, "\"TooManyKeys\":{") && has(body, "headers/RetryAfter"));
    close_it();
}

/* --- The web interface ---------------------------------------------------------------------- */

TEST(the_page_is_at_every_address_of_its_own)
{
    static const char *const pages[] = { "/",          "/title/12", "/admin",
                                         "/person/5/", "/a/b/c",    "/index.html" };
    static const char *const nothing[] = { "/v1/nothing", "/media/1-a/x",  "/artwork/1/2",
                                           "/missing.js", "/assets/a.css", "/title/a.b",
                                           "/docs.htm" };
    open_it();
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        str answer = ask("GET", pages[i], "", "");
        CHECK_INT(answer_status(answer), 200);
        CHECK_STR(answer_body(answer), STR("<!doctype html>page"));
        CHECK_STR(answer_field(answer, STR("Cache-Control")), STR("no-cache"));
        str policy = answer_field(answer, STR("Content-Security-Policy"));
        CHECK(has(policy, "default-src 'self'") && has(policy, "frame-ancestors 'none'"));
        CHECK(!has(policy, "unsafe"));
        CHECK_STR(answer_field(answer, STR("Cross-Origin-Opener-Policy")), STR("same-origin"));
        CHECK(has(answer_field(answer, STR("Permissions-Policy")), "camera=()"));
        CHECK_STR(answer_field(answer, STR("Referrer-Policy")), STR("same-origin"));
        CHECK_STR(answer_field(answer, STR("X-Content-Type-Options")), STR("nosniff"));
    }
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        str answer = ask("GET", nothing[i], "", "");
        CHECK_INT(answer_status(answer), 404);
        CHECK_STR(answer_field(answer, STR("Content-Type")), STR("application/problem+json"));
        CHECK_STR(answer_field(answer, STR("X-Content-Type-Options")), STR("nosniff"));
    }
    CHECK_STR(answer_body(ask("GET", "/docs", "", "")), STR("docs"));
    CHECK_INT(status("POST", "/title/12", ""), 405);
    close_it();
}

TEST(files_have_types_and_are_kept)
{
    open_it();
    str answer = ask("GET", "/assets/app-1.js", "", "");
    CHECK_STR(answer_body(answer), STR("run()"));
    CHECK_STR(answer_field(answer, STR("Content-Type")), STR("text/javascript"));
    CHECK(has(answer_field(answer, STR("Cache-Control")), "immutable"));
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"js\""));
    CHECK_INT(status("GET", "/assets/app-1.js", "If-None-Match: \"js\"\r\n"), 304);
    CHECK_INT(status("GET", "/", "If-None-Match: \"js\"\r\n"), 200);
    answer = ask("HEAD", "/assets/app-1.js", "", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK_INT(answer_body(answer).len, 0);
    close_it();
}

TEST(files_are_answered_in_the_coding_that_is_asked_for)
{
    open_it();
    str answer = ask("GET", "/assets/app-1.js", "Accept-Encoding: gzip, deflate, br\r\n", "");
    CHECK_STR(answer_body(answer), STR("js by br"));
    CHECK_STR(answer_field(answer, STR("Content-Encoding")), STR("br"));
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Accept-Encoding"));
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"js-br\""));
    CHECK(has(answer_field(answer, STR("Cache-Control")), "immutable"));
    answer = ask("HEAD", "/assets/app-1.js", "Accept-Encoding: gzip\r\n", "");
    CHECK_STR(answer_field(answer, STR("Content-Length")), STR("10"));
    CHECK_INT(status("GET", "/assets/app-1.js", "Accept-Encoding: *;q=0\r\n"), 406);
    answer = ask("GET", "/docs", "Accept-Encoding: br\r\n", ""); /* it has no other coding */
    CHECK(!answer_field(answer, STR("Content-Encoding")).ptr);
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Accept-Encoding"));
    answer = ask("GET", "/openapi.json", "Accept-Encoding: gzip\r\n", "");
    CHECK_STR(answer_field(answer, STR("Content-Encoding")), STR("gzip"));
    str etag = answer_field(answer, STR("ETag"));
    CHECK(etag.len > 4);
    CHECK_INT(status("GET", "/openapi.json",
                     text_of("Accept-Encoding: gzip\r\nIf-None-Match: %.*s\r\n", STR_ARG(etag))),
              304);
    close_it();
}

TEST(no_path_leaves_the_site)
{
    static const char *const paths[] = { "/../admin.key",
                                         "/..%2fadmin.key",
                                         "/%2e%2e/admin.key",
                                         "/assets/../../admin.key",
                                         "/assets/..\\admin.key",
                                         "//admin.key",
                                         "/%00",
                                         "/./admin.key",
                                         "/assets/%2e%2e%2fadmin.key" };
    open_it();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        unsigned answered = status("GET", paths[i], "");
        CHECK(answered == 400 || answered == 404);
    }
    close_it();
}

TEST(without_a_web_interface_a_page_says_so)
{
    open_with(&no_site);
    CHECK(has(ask("GET", "/", "", ""), "openapi.json"));
    CHECK(has(ask("GET", "/title/1", "", ""), "Сервер работает"));
    CHECK_INT(status("GET", "/app.js", ""), 404);
    close_it();
}
