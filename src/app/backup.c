/*
 * backup: the commands. `backup` hands the work to the process that serves the data, or does it as
 * that process for as long as it takes, and shows how far it is; `verify` and `restore` need
 * nobody. Passphrases come from a file or from the terminal, never from the command line, where
 * every user of the machine reads them.
 */
#include "app.h"

#include "control.h"
#include "engines/backup/backup.h"
#include "engines/db/db.h"
#include "foundation/json/json.h"
#include "foundation/log/log.h"
#include "foundation/shape/shape.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_BYTES = 1 << 30, PASSPHRASE_MAX = 1024 };

/* --- Passphrases ------------------------------------------------------------------------------ */

enum err backup_passphrase_read(struct arena *arena, str path, str *out_passphrase)
{
    char *text = arena_alloc(arena, PASSPHRASE_MAX + 2);
    const char *name = arena_cstr(arena, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(name);
    ssize_t got = read(fd, text, PASSPHRASE_MAX + 2);
    close(fd);
    if (got < 0)
        return err_errno(name);
    str rest = { text, (size_t)got }, line = STR("");
    str_cut(&rest, '\n', &line);
    if (str_ends(line, STR("\r")))
        line.len--;
    if (line.len == 0 || line.len > PASSPHRASE_MAX)
        return err_set(ERR_INVALID, "passphrase",
                       "the first line of %s is no passphrase of 1 to %d bytes", name,
                       PASSPHRASE_MAX);
    *out_passphrase = arena_str(arena, line);
    return OK;
}

static enum err terminal_line(struct arena *arena, int fd, const char *prompt, str *out_line)
{
    char *text = arena_alloc(arena, PASSPHRASE_MAX + 2);
    size_t len = 0;
    ssize_t got = 1;
    dprintf(fd, "%s: ", prompt);
    while (len < PASSPHRASE_MAX + 1 && (got = read(fd, text + len, 1)) == 1 && text[len] != '\n')
        len++;
    dprintf(fd, "\n");
    if (got != 1 || len == 0 || len > PASSPHRASE_MAX)
        return err_set(ERR_INVALID, "passphrase", "a passphrase has 1 to %d bytes", PASSPHRASE_MAX);
    *out_line = (str){ text, len };
    return OK;
}

/* Asked twice when it is new: nobody sees what is typed. */
static enum err terminal_ask(struct arena *arena, bool is_new, str *out_passphrase)
{
    struct termios before, quiet;
    str again;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &before) != 0)
        return err_set(ERR_INVALID, "passphrase-needed",
                       "the backup has a passphrase and there is no terminal to ask for it: give "
                       "--passphrase-file");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    enum err result = terminal_line(arena, fd, "Passphrase", out_passphrase);
    if (result == OK && is_new)
        result = terminal_line(arena, fd, "Once more", &again);
    tcsetattr(fd, TCSAFLUSH, &before);
    close(fd);
    TRY(result);
    if (is_new && !str_eq(*out_passphrase, again))
        return err_set(ERR_INVALID, "passphrase", "the two passphrases differ");
    return OK;
}

static enum err passphrase_for(struct arena *arena, bool needed, bool is_new, str *out_passphrase)
{
    *out_passphrase = STR("");
    if (app_flags.passphrase_file.len)
        return backup_passphrase_read(arena, app_flags.passphrase_file, out_passphrase);
    return needed ? terminal_ask(arena, is_new, out_passphrase) : OK;
}

/* --- backup ----------------------------------------------------------------------------------- */

struct backup_status {
    str state, place, error, slug;
    int64_t number, code, files, copied_files;
    uint64_t done_bytes, total_bytes, size_bytes, copied_bytes;
    double took_s;
};
SHAPE_FORGIVING(backup_status_shape, struct backup_status, FIELD(struct backup_status, state),
                FIELD(struct backup_status, place), FIELD(struct backup_status, error),
                FIELD(struct backup_status, slug), FIELD(struct backup_status, number),
                FIELD(struct backup_status, code), FIELD(struct backup_status, files),
                FIELD(struct backup_status, copied_files), FIELD(struct backup_status, done_bytes),
                FIELD(struct backup_status, total_bytes), FIELD(struct backup_status, size_bytes),
                FIELD(struct backup_status, copied_bytes), FIELD(struct backup_status, took_s));

static str backup_body;
static int64_t backup_number;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* As the serving process knows it: whole, though the file itself is not there yet. */
static enum err target_path(struct arena *arena, const char *word, str *out_path)
{
    char *whole = arena_alloc(arena, PATH_MAX), *data = arena_alloc(arena, PATH_MAX);
    str name = str_of(word), folder = STR(".");
    bool slash_ends = str_ends(name, STR("/"));
    struct stat info;
    while (name.len > 1 && str_ends(name, STR("/")))
        name.len--;
    ptrdiff_t slash = str_find_last_char(name, '/');
    if (stat(word, &info) == 0 && S_ISDIR(info.st_mode)) {
        folder = name;
        name = STR("");
        slash_ends = true;
    } else if (slash >= 0) {
        folder = slash ? str_sub(name, 0, (size_t)slash) : STR("/");
        name = str_skip(name, (size_t)slash + 1);
    }
    if (!realpath(arena_cstr(arena, folder), whole))
        return err_set(ERR_NOT_FOUND, "no-such-path", "%.*s: %s", STR_ARG(folder),
                       err_number_text(errno));
    *out_path = arena_printf(arena, "%s%s%.*s%s", whole, name.len ? "/" : "", STR_ARG(name),
                             slash_ends ? "/" : "");
    if (!realpath(app_data_folder(), data))
        return err_set(ERR_NOT_FOUND, "no-such-path", "there is no data folder %s",
                       app_data_folder());
    str inside = arena_printf(arena, "%s/", data);
    if (str_starts(arena_printf(arena, "%.*s/", STR_ARG(*out_path)), inside))
        return err_set(ERR_INVALID, "backup-inside",
                       "a backup belongs on another disk, not into the data folder %s", data);
    if (!str_is_utf8(*out_path))
        return err_set(ERR_INVALID, "backup-path", "the path of the backup is no UTF-8");
    return OK;
}

static enum err request_body(struct arena *arena, const char *word)
{
    struct buf body;
    str path, passphrase;
    TRY(target_path(arena, word, &path));
    TRY(passphrase_for(arena, app_flags.encrypt, true, &passphrase));
    if (!str_is_utf8(passphrase))
        return err_set(ERR_INVALID, "passphrase", "the passphrase is no UTF-8");
    buf_init(&body, arena, KIB(16));
    buf_put(&body, STR("{\"path\":"));
    json_write_string(&body, path);
    buf_put(&body, STR(",\"passphrase\":"));
    json_write_string(&body, passphrase);
    buf_put(&body, STR("}"));
    backup_body = buf_str(&body);
    return OK;
}

static enum err status_of(struct arena *arena, const char *folder, const char *method, str body,
                          struct backup_status *out_status)
{
    str answer;
    *out_status = (struct backup_status){ .code = 0 };
    TRY(control_call(arena, folder, method, "/v1/backups", body, &answer));
    return shape_parse_json(arena, &backup_status_shape, answer, out_status);
}

static enum err backup_follow(struct arena *arena, const char *folder,
                              struct backup_status *out_status)
{
    struct progress_bar bar;
    progress_bar_init(&bar, !app_flags.json);
    span pause = MILLISECONDS(10);
    bool told = false;
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        TRY(status_of(arena, folder, interrupted && !told ? "DELETE" : "GET", STR(""), out_status));
        told = interrupted;
        progress_bar_show(&bar, out_status->done_bytes, out_status->total_bytes);
        if (out_status->number != backup_number)
            return err_set(ERR_UNAVAILABLE, "backup-lost",
                           "the process that made the backup has gone");
        if (!str_eq(out_status->state, STR("running")))
            break;
        arena_rewind(arena, mark);
        nanosleep(&(struct timespec){ pause / SECONDS(1), pause % SECONDS(1) * 1000 }, NULL);
        pause = MIN_OF(pause * 2, MILLISECONDS(250));
    }
    progress_bar_end(&bar);
    return OK;
}

static void backup_report(const struct backup_status *status)
{
    if (app_flags.json) {
        struct buf line;
        buf_init(&line, NULL, KIB(16));
        buf_put(&line, STR("{\"place\":"));
        json_write_string(&line, status->place);
        buf_printf(&line,
                   ",\"files\":%lld,\"size_bytes\":%llu,\"copied_files\":%lld,"
                   "\"copied_bytes\":%llu,\"took_s\":%.3f}",
                   (long long)status->files, (unsigned long long)status->size_bytes,
                   (long long)status->copied_files, (unsigned long long)status->copied_bytes,
                   status->took_s);
        printf("%.*s\n", STR_ARG(buf_str(&line)));
        buf_deinit(&line);
        return;
    }
    char size[PROGRESS_SIZE_BYTES], copied[PROGRESS_SIZE_BYTES];
    progress_size(status->size_bytes, size);
    progress_size(status->copied_bytes, copied);
    printf("The backup is made: %.*s\n%lld files, %s; copied now: %lld files, %s\n",
           STR_ARG(status->place), (long long)status->files, size, (long long)status->copied_files,
           copied);
}

static enum err backup_through(struct arena *arena, const char *folder)
{
    struct backup_status status;
    TRY(status_of(arena, folder, "POST", backup_body, &status));
    backup_number = status.number;
    TRY(backup_follow(arena, folder, &status));
    if (str_eq(status.state, STR("failed")))
        return err_set(status.code > 0 && status.code < ERR_COUNT ? (enum err)status.code
                                                                  : ERR_INTERNAL,
                       "backup-failed", "%.*s", STR_ARG(status.error));
    backup_report(&status);
    return OK;
}

int command_backup(int argc, char **argv)
{
    struct arena arena;
    if (argc != 2) {
        fprintf(stderr, "usage: " KB_NAME " backup FILE|DIR [--data DIR] [--encrypt | "
                        "--passphrase-file FILE] [--json]\n");
        return EXIT_USAGE;
    }
    arena_init(&arena, MIB(64));
    enum err result = request_body(&arena, argv[1]);
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_interrupt }, NULL);
    if (result == OK)
        result = app_with_server(&arena, backup_through);
    int code = result == OK ? 0 : app_fail(result);
    arena_deinit(&arena);
    return code;
}

/* --- verify and restore ----------------------------------------------------------------------- */

struct given_run {
    struct arena arena;
    struct backup_given given;
    struct backup_known known;
    struct db_spec target;
    const struct db_module *modules[DATA_MODULES_MAX + 1];
    const struct db_module *target_modules[DATA_MODULES_MAX];
    struct backup_progress progress;
    struct backup_summary summary;
    const char *folder; /* NULL: verify */
    enum err result;
    struct err_slot detail;
    atomic_bool ended;
};
static struct given_run run;

static void on_damage(void *arg, const char *name, const char *what)
{
    (void)arg;
    fprintf(stderr, "%s" KB_NAME ": %s: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", name, what);
}

static void *given_main(void *arg)
{
    (void)arg;
    run.result =
        run.folder ? backup_restore(&run.arena, &run.given, run.folder, &run.progress, &run.summary)
                   : backup_verify(&run.arena, &run.given, &run.progress, &run.summary);
    run.detail = *err_slot();
    atomic_store(&run.ended, true);
    return NULL;
}

/* The work beside, so that this thread can show how far it is. */
static enum err given_follow(void)
{
    struct progress_bar bar;
    pthread_t thread;
    progress_bar_init(&bar, !app_flags.json);
    if (pthread_create(&thread, NULL, given_main, NULL) != 0)
        return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread");
    while (!atomic_load(&run.ended)) {
        nanosleep(&(struct timespec){ 0, 20 * 1000000L }, NULL);
        if (interrupted)
            atomic_store(&run.progress.cancel, true);
        progress_bar_show(&bar, atomic_load(&run.progress.done_bytes),
                          atomic_load(&run.progress.total_bytes));
    }
    pthread_join(thread, NULL);
    progress_bar_end(&bar);
    *err_slot() = run.detail;
    return run.result;
}

static enum err given_begin(const char *path)
{
    bool sealed = false;
    arena_init(&run.arena, ARENA_BYTES);
    run.modules[0] = db_port_module();
    run.known = (struct backup_known){ .context = "content",
                                       .modules = run.modules,
                                       .modules_count = 1 + data_modules(run.modules + 1) };
    run.given = (struct backup_given){ .path = path, .known = &run.known, .known_count = 1 };
    TRY(backup_is_sealed(&run.arena, path, &sealed));
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_interrupt }, NULL);
    return passphrase_for(&run.arena, sealed, false, &run.given.passphrase);
}

static void given_report(const char *verb)
{
    char at[INSTANT_TEXT_MAX], size[PROGRESS_SIZE_BYTES];
    const struct backup_summary *summary = &run.summary;
    instant_format(summary->created_at, at);
    if (app_flags.json) {
        printf("{\"ok\":true,\"program\":\"%s\",\"created_at\":\"%s\",\"sealed\":%s,"
               "\"databases\":%llu,\"files\":%llu,\"blobs\":%llu,\"size_bytes\":%llu}\n",
               summary->program, at, summary->sealed ? "true" : "false",
               (unsigned long long)summary->databases, (unsigned long long)summary->files,
               (unsigned long long)summary->blobs, (unsigned long long)summary->size_bytes);
        return;
    }
    progress_size(summary->size_bytes, size);
    printf("%s: made %s by kinobezdna %s, %llu databases, %llu media files, %s%s\n", verb, at,
           summary->program, (unsigned long long)summary->databases,
           (unsigned long long)summary->blobs, size, summary->sealed ? ", sealed" : "");
}

int command_verify(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: " KB_NAME " verify BACKUP [--passphrase-file FILE] [--json]\n");
        return EXIT_USAGE;
    }
    enum err result = given_begin(argv[1]);
    run.given.on_damage = on_damage;
    if (result == OK)
        result = given_follow();
    if (result == OK)
        given_report("The backup is whole");
    int code = result == OK ? 0 : app_fail(result);
    arena_deinit(&run.arena);
    return code;
}

/* So that nobody takes the folder, which has no database in it, for a new one's. */
static enum err on_restored(void *arg)
{
    (void)arg;
    return data_is_embedded() ? OK : data_database_choose(run.target.place);
}

static enum err restore_locked(const char *path)
{
    int lock_fd;
    TRY(given_begin(path));
    run.folder = app_data_folder();
    TRY(data_spec(run.folder, run.target_modules, &run.target));
    run.known.target = &run.target;
    run.given.on_restored = on_restored;
    TRY(data_folder_make(run.folder));
    enum err result = data_lock(run.folder, &lock_fd);
    if (result == OK)
        result = given_follow();
    if (lock_fd >= 0)
        close(lock_fd);
    return result;
}

/* The settings file came along: what it says of the database is older than what was given now. */
static bool settings_name_database(void)
{
    char path[DATA_PATH_BYTES], line[1024];
    bool named = false;
    snprintf(path, sizeof(path), "%s/kinobezdna.conf", run.folder);
    FILE *file = fopen(path, "r");
    while (file && !named && fgets(line, sizeof(line), file))
        named = str_starts(str_trim(str_of(line)), STR("db.url"));
    if (file)
        fclose(file);
    return named;
}

static void start_advise(void)
{
    if (!data_is_embedded() && settings_name_database())
        printf("Its kinobezdna.conf names the database it had: change db.url there, or take it "
               "out; database.url beside it names the one restored to.\n");
    printf("Start it with: " KB_NAME " serve --data %s\n", run.folder);
}

int command_restore(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr,
                "usage: " KB_NAME " restore BACKUP --data DIR [--passphrase-file FILE] [--json]\n");
        return EXIT_USAGE;
    }
    enum err result = restore_locked(argv[1]);
    if (result == OK) {
        given_report("The cinema is restored");
        if (!app_flags.json)
            start_advise();
    }
    int code = result == OK ? 0 : app_fail(result);
    arena_deinit(&run.arena);
    return code;
}
