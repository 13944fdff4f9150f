#include "conf.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

enum mode { MODE_AUTO, MODE_JSON, MODE_TEXT };

struct server {
    str listen, key;
    span idle;
    uint64_t body_max;
    int64_t workers;
    bool draft;
    enum mode mode;
};
SETTINGS(test_conf, struct server,
         SETTING_TEXT(struct server, listen, "http.listen", "127.0.0.1:8000", .flag = "listen",
                      .doc = "address and port"),
         SETTING_TEXT(struct server, key, "http.key", "", .secret = true, .doc = "a | key"),
         SETTING_SPAN(struct server, idle, "http.idle", "60s", .min = SECONDS(1), .max = HOURS(1)),
         SETTING_SIZE(struct server, body_max, "http.body_max", "1MiB"),
         SETTING_INT(struct server, workers, "http.workers", "0", .max = 64),
         SETTING_BOOL(struct server, draft, "import.draft", "false", .flag = "draft"),
         SETTING_ENUM(struct server, mode, enum mode, "log.mode", "auto",
                      .choices = (const char *const[]){ "auto", "json", "text", NULL },
                      .doc = "form of lines"));

static struct arena arena;
static struct server server;
static const struct conf_group groups[] = { { &test_conf, &server } };
static struct conf conf;

static void begin(void)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(4));
    conf_init(&conf, &arena, groups, ARRAY_LEN(groups));
}

static enum err read_text(const char *text)
{
    begin();
    return conf_read_text(&conf, STR("a.conf"), str_of(text));
}

/* The error slot's fields as "path: message" lines. */
static str refusals(void)
{
    static char text[4096];
    size_t len = 0;
    const struct err_slot *slot = err_slot();
    for (unsigned i = 0; i < MIN_OF(slot->fields_count, (unsigned)ERR_FIELDS_MAX); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s: %s", i ? "\n" : "",
                                slot->fields[i].path, slot->fields[i].message);
    return (str){ text, len };
}

TEST(conf_begins_with_initial_values)
{
    begin();
    CHECK_STR(server.listen, STR("127.0.0.1:8000"));
    CHECK(server.idle == SECONDS(60) && server.body_max == MIB(1) && server.workers == 0);
    CHECK(!server.draft && server.mode == MODE_AUTO && server.key.len == 0);
    CHECK(!conf_origin(&conf, STR("http.listen")));
}

TEST(conf_reads_a_file)
{
    CHECK_OK(read_text("# a comment\r\n"
                       "http.listen = 0.0.0.0:80\n"
                       "\n"
                       "[http]\n"
                       "  key=\" # not a comment \"\n"
                       "idle = 5m\n"
                       "[import]\n"
                       "draft = yes\n"
                       "[]\n"
                       "log.mode = json"));
    CHECK_STR(server.listen, STR("0.0.0.0:80"));
    CHECK_STR(server.key, STR(" # not a comment "));
    CHECK(server.idle == MINUTES(5) && server.draft && server.mode == MODE_JSON);
    CHECK_STR(str_of(conf_origin(&conf, STR("http.idle"))), STR("a.conf:6"));
}

TEST(conf_names_every_wrong_line)
{
    CHECK_ERR(read_text("htp.listen = x\n"
                        "http.idle = 0.5s\n"
                        "http.idle = 2h\n"
                        "http.workers = 65\n"
                        "http.body_max = 1MB\n"
                        "just words\n"
                        "[a b]\n"
                        "import.draft = maybe\n"
                        "log.mode = xml\n"
                        "http.key = a\n"
                        "http.key = b\n"
                        " = 3\n"),
              ERR_INVALID);
    CHECK_STR(refusals(), STR("a.conf:1: unknown setting htp.listen\n"
                              "a.conf:2: http.idle must be a duration like 30s, not \"0.5s\"\n"
                              "a.conf:3: http.idle was set already at a.conf:2\n"
                              "a.conf:4: http.workers must be at most 64\n"
                              "a.conf:5: http.body_max must be a size like 64MiB, not \"1MB\"\n"
                              "a.conf:6: expected: name = value\n"
                              "a.conf:7: a section's name is expected in [ ]\n"
                              "a.conf:8: import.draft must be true or false, not \"maybe\"\n"
                              "a.conf:9: log.mode must be one of auto, json, text, not \"xml\"\n"
                              "a.conf:11: http.key was set already at a.conf:10\n"
                              "a.conf:12: expected: name = value"));
    CHECK_STR(str_of(err_slot()->slug), STR("bad-settings"));
    CHECK_OK(conf_read_text(&conf, STR("b.conf"), STR("http.idle = 2s\n")));
    CHECK_INT(server.idle, SECONDS(2));
    CHECK_ERR(conf_read_text(&conf, STR("b.conf"), STR("http.idle = 10ms\n")), ERR_INVALID);
    CHECK_STR(refusals(), STR("b.conf:1: http.idle must be at least 1s"));
}

TEST(conf_refuses_texts_that_are_no_text)
{
    begin();
    CHECK_ERR(conf_read_text(&conf, STR("a"), STR("http.listen = a\0b\n")), ERR_INVALID);
    CHECK_ERR(conf_read_text(&conf, STR("a"), STR("http.listen = \xff\n")), ERR_INVALID);
    CHECK_STR(server.listen, STR("127.0.0.1:8000"));
}

TEST(conf_later_sources_overrule)
{
    static const char *const environment[] = {
        "KB_HTTP_LISTEN=env:1", "KB_HTTP_WORKERS=2", "KB_UNKNOWN=1", "HOME=/", "KB_BROKEN", NULL
    };
    char *argv[] = { (char[]){ "x" },       (char[]){ "serve" }, (char[]){ "--http.workers=3" },
                     (char[]){ "--draft" }, (char[]){ "films" }, (char[]){ "--log.mode" },
                     (char[]){ "text" },    (char[]){ "--" },    (char[]){ "--name" } };
    int rest;
    CHECK_OK(read_text("http.listen = file:1\nhttp.workers = 1\nhttp.idle = 9s\n"));
    CHECK_OK(conf_read_environment(&conf, environment));
    CHECK_OK(conf_read_flags(&conf, ARRAY_LEN(argv), argv, &rest));
    CHECK_STR(server.listen, STR("env:1"));
    CHECK(server.workers == 3 && server.idle == SECONDS(9) && server.draft);
    CHECK_INT(server.mode, MODE_TEXT);
    CHECK_INT(rest, 4);
    CHECK_STR(str_of(argv[1]), STR("serve"));
    CHECK_STR(str_of(argv[2]), STR("films"));
    CHECK_STR(str_of(argv[3]), STR("--name"));
    CHECK_STR(str_of(conf_origin(&conf, STR("http.listen"))), STR("KB_HTTP_LISTEN"));
    CHECK_STR(str_of(conf_origin(&conf, STR("import.draft"))), STR("--draft"));
    CHECK_STR(str_of(conf_origin(&conf, STR("http.idle"))), STR("a.conf:3"));
}

TEST(conf_refuses_flags)
{
    char *argv[] = { (char[]){ "x" }, (char[]){ "--nope=1" }, (char[]){ "--listen" },
                     (char[]){ "--draft=2" }, (char[]){ "--http.idle" } };
    int rest = -1;
    begin();
    CHECK_ERR(conf_read_flags(&conf, ARRAY_LEN(argv), argv, &rest), ERR_INVALID);
    CHECK_STR(refusals(), STR("--nope: unknown flag\n--listen: needs a value\n"
                              "--draft: import.draft must be true or false, not \"2\"\n"
                              "--http.idle: needs a value"));
    CHECK_INT(rest, -1);
}

TEST(conf_reads_from_disk)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/kb.conf", test_folder());
    begin();
    CHECK_ERR(conf_read_file(&conf, path), ERR_NOT_FOUND);
    CHECK_ERR(conf_read_file(&conf, test_folder()), ERR_INVALID);
    FILE *file = fopen(path, "w");
    fputs("http.workers = 4\nhttp.nope = 1\n", file);
    fclose(file);
    CHECK_ERR(conf_read_file(&conf, path), ERR_INVALID);
    CHECK_INT(server.workers, 4);
    CHECK(str_ends(str_of(err_slot()->text), STR("kb.conf:2: unknown setting http.nope")));
}

TEST(conf_spans_and_sizes)
{
    static const struct {
        const char *text;
        span value;
        const char *formatted;
    } spans[] = { { "0", 0, "0" },
                  { "30s", SECONDS(30), "30s" },
                  { "90s", SECONDS(90), "90s" },
                  { "120s", SECONDS(120), "2m" },
                  { "1 d", DAYS(1), "1d" },
                  { "250ms", 250000, "250ms" },
                  { "7us", 7, "7us" } };
    static const char *const no_spans[] = {
        "", "5", "s", "-1s", "1.5s", "1S", "1w", "5 5s", "9223372036854775808us", "99999999999999d"
    };
    char text[32];
    span value;
    uint64_t size;
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        CHECK(span_parse(str_of(spans[i].text), &value));
        CHECK_INT(value, spans[i].value);
        CHECK_STR(span_format(value, text), str_of(spans[i].formatted));
    }
    for (size_t i = 0; i < ARRAY_LEN(no_spans); i++)
        CHECK(!span_parse(str_of(no_spans[i]), &value));
    CHECK(size_parse(STR("64MiB"), &size) && size == MIB(64));
    CHECK(size_parse(STR("1500"), &size) && size == 1500);
    CHECK(!size_parse(STR("1M"), &size) && !size_parse(STR("99999999TiB"), &size));
    CHECK_STR(size_format(MIB(64), text), STR("64MiB"));
    CHECK_STR(size_format(1025, text), STR("1025"));
}

TEST(conf_documents_itself)
{
    struct buf buf;
    buf_init(&buf, NULL, KIB(64));
    conf_write_markdown(&buf, groups, ARRAY_LEN(groups));
    CHECK(str_find(buf_str(&buf), STR("| `http.listen` | `KB_HTTP_LISTEN` | `--listen` | "
                                      "`127.0.0.1:8000` | address and port |\n")) > 0);
    CHECK(str_find(buf_str(&buf),
                   STR("| `http.key` | `KB_HTTP_KEY` |  |  | a \\| key (secret) |\n")) > 0);
    CHECK(str_find(buf_str(&buf), STR("form of lines (`auto`, `json`, `text`) |\n")) > 0);
    buf_clear(&buf);
    conf_write_help(&buf, groups, ARRAY_LEN(groups));
    CHECK(str_starts(buf_str(&buf),
                     STR("  --listen                   address and port [127.0.0.1:8000]\n")));
    buf_deinit(&buf);
}

TEST(conf_never_prints_a_secret)
{
    struct buf buf;
    CHECK_OK(read_text("http.key = hunter2\n"));
    buf_init(&buf, NULL, KIB(64));
    conf_write_current(&buf, &conf);
    CHECK(str_find(buf_str(&buf), STR("hunter2")) < 0);
    CHECK(str_find(buf_str(&buf), STR("# a.conf:1\nhttp.key = (set)\n")) >= 0);
    CHECK(str_find(buf_str(&buf), STR("# initial value\nhttp.idle = 1m\n")) >= 0);
    buf_deinit(&buf);
}

static enum err read_everything(struct arena *some_arena, void *arg)
{
    static const char *const environment[] = { "KB_HTTP_KEY=quite secret", "PATH=/bin", NULL };
    char program[] = "kinobezdna", rest[] = "serve", flag[] = "--http.listen=0.0.0.0:81";
    char *argv[] = { program, rest, flag, NULL };
    int left;
    (void)arg;
    conf_init(&conf, some_arena, groups, ARRAY_LEN(groups));
    TRY(conf_read_text(&conf, STR("a.conf"),
                       STR("[http]\nlisten = 0.0.0.0:80\nidle=2s\n[log]\nmode = json\n")));
    TRY(conf_read_environment(&conf, environment));
    return conf_read_flags(&conf, 3, argv, &left);
}

static enum err read_rubbish(struct arena *some_arena, void *arg)
{
    (void)arg;
    conf_init(&conf, some_arena, groups, ARRAY_LEN(groups));
    enum err result = conf_read_text(&conf, STR("a.conf"),
                                     STR("http.idle = for ever\nhtpp.listen = x\nhttp.workers\n"));
    CHECK_ERR(result, ERR_INVALID);
    return OK;
}

TEST(conf_minds_every_refused_allocation)
{
    CHECK(test_every_allocation(read_everything, NULL) >= 3);
    CHECK(test_every_allocation(read_rubbish, NULL) >= 1);
}
