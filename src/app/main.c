/* main: settings from file, environment and flags, then the command. */
#include "app.h"

#include "foundation/crash/crash.h"
#include "foundation/json/json.h"
#include "foundation/log/log.h"
#include "foundation/trace/trace_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const app_version = KB_VERSION;

struct app_settings app_settings;
extern const struct settings app_conf, app_flags_conf;
SETTINGS(app_conf, struct app_settings,
         SETTING_TEXT(struct app_settings, data, "cinema.data", "data", .flag = "data",
                      .doc = "folder the cinema lives in"),
         SETTING_TEXT(struct app_settings, database, "db.url", "", .flag = "db", .secret = true,
                      .doc = "postgres://user@host/database; empty is the embedded database in "
                             "the data folder"),
         SETTING_TEXT(struct app_settings, shared, "cinema.shared", "", .flag = "shared",
                      .doc = "folder of films, pictures and the administrator's key, where several "
                             "processes have one database; empty is the data folder"),
         SETTING_TEXT(struct app_settings, modules, "serve.modules", "", .flag = "modules",
                      .doc = "what this process serves, separated by commas: catalog, ingest, "
                             "playback, demo, events-v1; empty is all but the last"),
         SETTING_TEXT(struct app_settings, listen, "http.listen", "127.0.0.1:8000",
                      .flag = "listen",
                      .doc = "address and port to serve on; 0.0.0.0:8000 opens it "
                             "to the network"),
         SETTING_INT(struct app_settings, cores, "http.cores", "0", .flag = "cores", .max = 256,
                     .doc = "event loops; 0 is one a processor core"),
         SETTING_BOOL(struct app_settings, log_requests, "http.log_requests", "no",
                      .flag = "log-requests", .doc = "write a log line for every request"),
         SETTING_TEXT(struct app_settings, cors_origins, "http.cors_origins", "",
                      .doc = "origins whose pages may read the API, like https://app.example, "
                             "separated by commas; * is every one; cookies are never part of it"),
         SETTING_SPAN(struct app_settings, drain_delay, "http.drain_delay", "0", .max = HOURS(1),
                      .doc = "how long /readyz says 503 before the program takes no more "
                             "connections, so that a balancer notices"),
         SETTING_SPAN(struct app_settings, drain_timeout, "http.drain_timeout", "10s",
                      .doc = "how long answers under way may take when the program stops"),
         SETTING_TEXT(struct app_settings, trusted_proxies, "http.trusted_proxies", "",
                      .doc = "addresses and networks, separated by commas, whose Forwarded or "
                             "X-Forwarded-For is believed"),
         SETTING_INT(struct app_settings, writer_group, "db.writer_group", "64", .min = 1,
                     .max = 1024, .doc = "transactions that may share one commit"),
         SETTING_INT(struct app_settings, snapshots, "db.snapshots", "3", .max = 100,
                     .doc = "copies of the database that stay of those made before upgrades; 0 "
                            "makes none, and an upgrade is undone by its ways back alone"),
         SETTING_SPAN(struct app_settings, jobs_kept, "jobs.kept", "90d", .max = DAYS(3660),
                      .doc = "jobs and sagas that ended are kept so long; 0 is for ever"),
         SETTING_SIZE(struct app_settings, disk_reserve_bytes, "ingest.disk_reserve", "1GiB",
                      .doc = "imports stop before less than this is free"));

struct app_backup_settings app_backup_settings;
extern const struct settings app_backup_conf;
SETTINGS(app_backup_conf, struct app_backup_settings,
         SETTING_SPAN(struct app_backup_settings, every, "backup.every", "0", .max = DAYS(366),
                      .doc = "a backup is made this often while the server runs; 0 is never"),
         SETTING_TEXT(struct app_backup_settings, cron, "backup.cron", "",
                      .doc = "when instead, as in 30 4 * * * or @daily (minute, hour, day of the "
                             "month, month, day of the week)"),
         SETTING_TEXT(struct app_backup_settings, zone, "backup.zone", "",
                      .doc = "the time zone backup.cron is in, as Europe/Moscow; UTC by default"),
         SETTING_TEXT(struct app_backup_settings, to, "backup.to", "",
                      .doc = "folder for them, best on another disk"),
         SETTING_INT(struct app_backup_settings, keep, "backup.keep", "7", .max = 10000,
                     .doc = "how many a folder of backups keeps; 0 is all"),
         SETTING_TEXT(struct app_backup_settings, passphrase_file, "backup.passphrase_file", "",
                      .doc = "file whose first line seals them; without one they are not sealed"));

struct app_flags app_flags;
SETTINGS(app_flags_conf, struct app_flags,
         SETTING_BOOL(struct app_flags, reset, "flag.reset", "no", .flag = "reset",
                      .doc = "admin-key: make a new key in place of the old one"),
         SETTING_BOOL(struct app_flags, draft, "flag.draft", "no", .flag = "draft",
                      .doc = "import: keep new titles as drafts"),
         SETTING_BOOL(struct app_flags, queue, "flag.queue", "no", .flag = "queue",
                      .doc = "import: return at once, the films follow"),
         SETTING_BOOL(struct app_flags, take_over, "flag.take_over", "no", .flag = "take-over",
                      .doc = "serve: take the sockets and the data from the process that has them"),
         SETTING_BOOL(struct app_flags, no_media, "flag.no_media", "no", .flag = "no-media",
                      .doc = "import: texts and pictures only, no films"),
         SETTING_BOOL(struct app_flags, json, "flag.json", "no", .flag = "json",
                      .doc = "every command that prints data: print JSON"),
         SETTING_BOOL(struct app_flags, repair, "flag.repair", "no", .flag = "repair",
                      .doc = "fsck: make anew what can be made anew"),
         SETTING_BOOL(struct app_flags, snapshot, "flag.snapshot", "no", .flag = "snapshot",
                      .doc = "rollback: put the copy of before in the database's place"),
         SETTING_BOOL(struct app_flags, encrypt, "flag.encrypt", "no", .flag = "encrypt",
                      .doc = "backup: seal it with a passphrase that is asked for"),
         SETTING_TEXT(struct app_flags, passphrase_file, "flag.passphrase_file", "",
                      .flag = "passphrase-file",
                      .doc = "backup, verify, restore: file whose first line is the passphrase"),
         SETTING_TEXT(struct app_flags, to, "flag.to", "", .flag = "to", .secret = true,
                      .doc = "move: postgres://… or the data folder"));

extern const struct settings app_limits_conf, app_tls_conf, app_kafka_conf;
static struct log_settings log_settings;
struct trace_settings app_trace_settings;

static const struct conf_group groups[] = {
    { &app_conf, &app_settings },
    { &app_tls_conf, &app_tls_settings },
    { &app_limits_conf, &app_limits },
    { &log_conf, &log_settings },
    { &trace_conf, &app_trace_settings },
    { &app_backup_conf, &app_backup_settings },
    { &app_kafka_conf, &app_kafka_settings },
    { &app_flags_conf, &app_flags },
};

static const struct command {
    const char *name;
    command_fn run;
    const char *what;
} commands[] = {
    { "serve", command_serve, "serve the cinema (the default)" },
    { "import", command_import, "take films in: import PATH..." },
    { "demo", command_demo, "put the demo catalogue in: classics without films" },
    { "move", command_move, "move the database: move --to postgres://... | DATA-FOLDER" },
    { "backup", command_backup, "copy all of it: backup FILE|DIR, while it is served or not" },
    { "verify", command_verify, "check a backup without restoring it: verify BACKUP" },
    { "restore", command_restore, "make a data folder of it: restore BACKUP --data DIR" },
    { "rollback", command_rollback, "undo the last upgrade of the database" },
    { "doctor", command_doctor, "say what is wrong and what to do" },
    { "fsck", command_fsck, "compare every file with the database (--repair)" },
    { "sagas", command_sagas, "work in several steps: sagas [ID [retry|undo]]" },
    { "timers", command_timers, "what is done when" },
    { "ready", command_ready, "is the server of the data folder well?" },
    { "admin-key", command_admin_key, "make the administrator's key (--reset: a new one)" },
    { "routes", command_routes, "print every route" },
    { "openapi", command_openapi, "print the OpenAPI 3.1 document" },
    { "asyncapi", command_asyncapi, "print the AsyncAPI 3.0 document" },
    { "event-types", command_event_types, "print every type of event, with its fields" },
    { "proto", command_proto, "print the .proto files of calls between processes" },
    { "settings", command_settings, "print every setting as Markdown" },
    { "exit-codes", command_exit_codes, "print what exit codes mean, as Markdown" },
    { "version", command_version, "print version and build id" },
};

static void print_help(void)
{
    struct buf help;
    buf_init(&help, NULL, KIB(64));
    conf_write_help(&help, groups, ARRAY_LEN(groups));
    printf(KB_NAME " %s: an online cinema\n\nusage: " KB_NAME " COMMAND [FLAGS]\n\n", app_version);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].what);
    printf("\nflags (also in <data>/kinobezdna.conf and the environment):\n%.*s",
           STR_ARG(buf_str(&help)));
    buf_deinit(&help);
    app_exit_codes_help();
}

/* The documents of a command's own flags begin with its name: "import, demo: what it does". */
static bool is_flag_of(const struct setting *setting, str command)
{
    str doc = str_of(setting->doc), names, name;
    if (!str_cut(&doc, ':', &names) || !doc.ptr)
        return false;
    while (str_cut(&names, ',', &name))
        if (str_eq(str_trim(name), command))
            return true;
    return false;
}

static void print_command_help(const struct command *command)
{
    printf(KB_NAME " %s: %s\n\nusage: " KB_NAME " %s [FLAGS]\n\n", command->name, command->what,
           command->name);
    for (size_t i = 0; i < app_flags_conf.count; i++) {
        const struct setting *flag = &app_flags_conf.items[i];
        if (is_flag_of(flag, str_of(command->name)))
            printf("  --%-20s %s\n", flag->flag, flag->doc);
    }
    printf("  --%-20s %s\n\nEvery setting is a flag, too: " KB_NAME " --help\n", "data",
           "folder the cinema lives in");
    app_exit_codes_help();
}

static void put_text(struct buf *buf, const char *key, const char *text)
{
    json_put_key(buf, str_of(key));
    if (text)
        json_put_string(buf, str_of(text));
    else
        json_put_null(buf);
}

static void settings_as_json(struct buf *buf)
{
    json_object_begin(buf);
    json_put_key(buf, STR("items"));
    json_array_begin(buf);
    for (size_t g = 0; g < ARRAY_LEN(groups); g++)
        for (size_t i = 0; i < groups[g].settings->count; i++) {
            const struct setting *setting = &groups[g].settings->items[i];
            json_object_begin(buf);
            put_text(buf, "name", setting->name);
            put_text(buf, "flag", setting->flag);
            put_text(buf, "initial", setting->initial);
            put_text(buf, "doc", setting->doc);
            json_put_key(buf, STR("secret"));
            json_put_bool(buf, setting->secret);
            json_object_end(buf);
        }
    json_array_end(buf);
    json_object_end(buf);
    buf_put_char(buf, '\n');
}

int command_settings(int argc, char **argv)
{
    struct buf text;
    (void)argc, (void)argv;
    buf_init(&text, NULL, KIB(256));
    if (app_flags.json)
        settings_as_json(&text);
    else
        conf_write_markdown(&text, groups, ARRAY_LEN(groups));
    printf("%.*s", STR_ARG(buf_str(&text)));
    buf_deinit(&text);
    return 0;
}

int command_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (app_flags.json)
        printf("{\"name\":\"" KB_NAME "\",\"version\":\"%s\",\"build_id\":\"%s\"}\n", app_version,
               crash_build_id());
    else
        printf(KB_NAME " %s (build %s)\n", app_version, crash_build_id());
    return 0;
}

int app_fail(enum err code)
{
    const struct err_slot *slot = err_slot();
    fprintf(stderr, KB_NAME ": %s\n", slot->text);
    for (unsigned i = 0; i < MIN_OF(slot->fields_count, (unsigned)ERR_FIELDS_MAX); i++)
        fprintf(stderr, "  %s %s\n", slot->fields[i].path, slot->fields[i].message);
    return app_exit_code(code);
}

const char *app_data_folder(void)
{
    static char folder[DATA_FOLDER_BYTES];
    str given = app_settings.data;
    while (given.len > 1 && given.ptr[given.len - 1] == '/')
        given.len--;
    snprintf(folder, sizeof(folder), "%.*s", STR_ARG(given));
    return folder;
}

const char *app_shared_folder(void)
{
    static char folder[DATA_FOLDER_BYTES];
    str given = app_settings.shared;
    if (given.len == 0)
        return app_data_folder();
    while (given.len > 1 && given.ptr[given.len - 1] == '/')
        given.len--;
    snprintf(folder, sizeof(folder), "%.*s", STR_ARG(given));
    return folder;
}

/* The settings file lies in the data folder, which flags and environment may name: they are read
 * twice. */
static enum err read_settings(struct arena *arena, int *argc, char **argv)
{
    static struct conf conf;
    char path[DATA_PATH_BYTES];
    int count = *argc, all = *argc;
    conf_init(&conf, arena, groups, ARRAY_LEN(groups));
    TRY(conf_read_environment(&conf, (const char *const *)environ));
    char **copy = ARENA_ARRAY(arena, (size_t)*argc + 1, char *);
    char **again = ARENA_ARRAY(arena, (size_t)*argc + 1, char *);
    memcpy(copy, argv, (size_t)*argc * sizeof(*copy));
    memcpy(again, argv, (size_t)*argc * sizeof(*again));
    TRY(conf_read_flags(&conf, count, copy, &count));
    snprintf(path, sizeof(path), "%s/kinobezdna.conf", app_data_folder());
    if (access(path, F_OK) == 0) {
        TRY(conf_read_file(&conf, path));
        TRY(conf_read_environment(&conf, (const char *const *)environ));
    }
    TRY(conf_read_flags(&conf, *argc, argv, argc));
    TRY(conf_read_environment(&conf, contract_environment(conf_origin(&conf, STR("http.listen")))));
    TRY(conf_read_flags(&conf, all, again, &all));
    if (app_settings.data.len >= DATA_FOLDER_BYTES || app_settings.shared.len >= DATA_FOLDER_BYTES)
        return err_set(ERR_INVALID, "data-path", "the path of the data folder is too long");
    return data_database_read();
}

/* Wherever it stands: people write "import --help" as well. */
static bool wants_help(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        return true;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* What a command printed must have arrived: "openapi >FILE" on a full disk has failed. */
static int printed(int code)
{
    if (code != 0 || (fflush(stdout) == 0 && !ferror(stdout)))
        return code;
    fprintf(stderr, KB_NAME ": standard output cannot be written: %s\n", err_number_text(errno));
    return EXIT_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    static struct arena arena;
    crash_install(app_version);
    arena_init(&arena, MIB(1));
    const char *name = argc > 1 && argv[1][0] != '-' ? argv[1] : "serve";
    bool help = wants_help(argc, argv);
    if (help && (argc < 2 || argv[1][0] == '-' || strcmp(argv[1], "help") == 0)) {
        print_help();
        return printed(0);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (help) {
            print_command_help(&commands[i]);
            return printed(0);
        }
        bool named = argc > 1 && argv[1][0] != '-';
        int rest = named ? argc - 1 : argc;
        char **from = named ? argv + 1 : argv;
        enum err read = read_settings(&arena, &rest, from);
        if (read != OK)
            return app_fail(read);
        log_start(&log_settings, STDERR_FILENO);
        int code = commands[i].run(rest, from);
        return commands[i].run == command_serve ? code : printed(code);
    }
    fprintf(stderr, KB_NAME ": there is no command \"%s\"; try " KB_NAME " --help\n", name);
    return EXIT_USAGE;
}
