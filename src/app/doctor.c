/*
 * doctor: what is wrong with a cinema and its machine, and what to do, in lines a tired operator
 * can follow. It changes nothing, needs no server and does not disturb one.
 */
#include "app.h"

#include "control.h"
#include "engines/backup/backup.h"
#include "engines/db/db.h"
#include "foundation/child/child.h"
#include "foundation/json/json.h"
#include "foundation/net/address.h"
#include "foundation/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { FINDINGS_MAX = 64, TEXT_BYTES = 400, DESCRIPTORS_WANTED = 65536, CERT_DAYS = 14 };

#define CLOCK_BEHIND MINUTES(5)

enum level { WELL, HINT, WRONG };
static const char *const level_words[] = { "ok", "hint", "wrong" };

struct finding {
    enum level level;
    const char *name;
    char what[TEXT_BYTES], advice[TEXT_BYTES];
};

static struct {
    struct finding findings[FINDINGS_MAX];
    unsigned count;
    struct arena arena;
    bool served; /* a process serves the folder now */
} doctor;

static void add(enum level level, const char *name, const char *advice, const char *format, ...)
    PRINTF_LIKE(4, 5);
static void add(enum level level, const char *name, const char *advice, const char *format, ...)
{
    va_list args;
    if (doctor.count == FINDINGS_MAX)
        return;
    struct finding *finding = &doctor.findings[doctor.count++];
    finding->level = level;
    finding->name = name;
    snprintf(finding->advice, sizeof(finding->advice), "%s", advice);
    va_start(args, format);
    vsnprintf(finding->what, sizeof(finding->what), format, args);
    va_end(args);
}

/* --- The folder ------------------------------------------------------------------------------- */

static bool look_folder(const char *folder)
{
    struct stat info;
    if (stat(folder, &info) != 0) {
        add(WRONG, "data", "give --data, or start serve: it makes the folder", "there is no %s",
            folder);
        return false;
    }
    if (access(folder, R_OK | W_OK | X_OK) != 0) {
        add(WRONG, "data", "run as its owner, or chown -R it to the user the server runs as",
            "%s belongs to user %u and is not writable: %s", folder, info.st_uid,
            err_number_text(errno));
        return false;
    }
    if (info.st_mode & 0077)
        add(HINT, "data", "chmod 700 it: films and the key's hash are in it",
            "%s can be entered by others", folder);
    else
        add(WELL, "data", "", "%s", folder);
    return true;
}

/* data_lock() would write itself down as the last that used the folder. */
static bool is_taken(const char *folder)
{
    char path[DATA_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/lock", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool taken = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return taken;
}

static void look_server(const char *folder)
{
    struct control_answer answer;
    char path[DATA_PATH_BYTES];
    bool taken = is_taken(folder);
    doctor.served = control_ask(&doctor.arena, folder, "GET", "/readyz", STR(""), &answer) == OK;
    if (doctor.served)
        add(answer.status == 200 ? WELL : WRONG, "server", "see the lines of /readyz",
            "a process serves the folder%s", answer.status == 200 ? "" : " and is not ready");
    else if (taken)
        add(WRONG, "server", "it starts, restores or hangs: look at its log, or end it",
            "a process has the folder and does not answer");
    else
        add(WELL, "server", "", "no process serves the folder");
    snprintf(path, sizeof(path), "%s/control.sock", folder);
    if (!doctor.served && !taken && access(path, F_OK) == 0)
        add(HINT, "socket", "nothing: the next start replaces it",
            "%s was left by a process that was killed", path);
    snprintf(path, sizeof(path), "%s/" BACKUP_UNFINISHED, folder);
    if (access(path, F_OK) == 0)
        add(WRONG, "restore", "run restore again, with the same backup and folder",
            "a restore into %s did not end", folder);
}

static void look_disk(const char *folder)
{
    struct statvfs info;
    if (statvfs(folder, &info) != 0)
        return;
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    bool low = free_bytes < app_settings.disk_reserve_bytes;
    add(low ? WRONG : WELL, "disk",
        low ? "free some space, or move the folder: imports stop below ingest.disk_reserve" : "",
        "%llu MiB free", (unsigned long long)(free_bytes >> 20));
    if (info.f_favail < 10000 && info.f_files)
        add(WRONG, "inodes", "the file system can hold no more files: move the folder",
            "%llu files can still be made", (unsigned long long)info.f_favail);
}

static void on_damage(void *arg, const char *what)
{
    unsigned *damages = arg;
    if ((*damages)++ == 0)
        add(WRONG, "database", "stop the server and read docs/ops/corrupt-disk.md", "%s", what);
}

static void on_finding(void *arg, const struct db_finding *finding)
{
    static const enum level levels[] = { [DB_WELL] = WELL, [DB_HINT] = HINT, [DB_WRONG] = WRONG };
    (void)arg;
    add(levels[finding->level], finding->name, finding->advice, "%s", finding->what);
}

static void look_database(const char *folder)
{
    const struct db_module *modules[DATA_MODULES_MAX];
    struct db_spec spec;
    unsigned damages = 0;
    struct db_check check = { .on_damage = on_damage, .arg = &damages };
    enum err result = data_spec(folder, modules, &spec);
    if (result == OK)
        result = db_diagnose(&spec, on_finding, NULL);
    if (result == OK)
        result = db_check(&spec, &check);
    if (result == ERR_UNAVAILABLE && !data_is_embedded())
        return; /* the findings say it */
    if (result == OK && damages == 0)
        add(WELL, "database", "", "%s",
            data_is_embedded() ? "content.db is whole"
                               : "its indexes "
                                 "and constraints are valid");
    else if (result == ERR_NOT_FOUND)
        add(HINT, "database", "nothing: the first start makes it", "there is none yet");
    else if (result == ERR_PRECONDITION)
        add(WRONG, "database", "start the newer program, or restore a backup", "%s",
            err_slot()->text);
    else if (result != OK)
        add(WRONG, "database",
            data_is_embedded() ? "stop the server and read docs/ops/corrupt-disk.md"
                               : "read docs/ops/postgresql.md",
            "%s", err_slot()->text);
}

static void look_backup(const char *folder)
{
    instant at;
    char place[BACKUP_PATH_MAX];
    span every = app_backup_settings.every ? app_backup_settings.every : DAYS(7);
    bool any = backup_last_read(folder, &at, place, sizeof(place));
    if (!any)
        add(HINT, "backup", "set backup.every and backup.to, or run backup", "none was made yet");
    else if (clock_now() - at > every + every / 2)
        add(WRONG, "backup", "look for \"a backup failed\" in the log, or run backup now",
            "the last one is %lld days old: %s", (long long)((clock_now() - at) / DAYS(1)), place);
    else
        add(WELL, "backup", "", "the last one is %lld hours old: %s",
            (long long)((clock_now() - at) / HOURS(1)), place);
    if (any && access(place, F_OK) != 0)
        add(WRONG, "backup", "mount the disk, or back up to another place", "%s cannot be reached",
            place);
}

/* --- The machine ------------------------------------------------------------------------------ */

static void look_program(const char *name)
{
    str path = child_find_program(&doctor.arena, name);
    if (path.len)
        add(WELL, name, "", "%.*s", STR_ARG(path));
    else
        add(WRONG, name, "apt-get install ffmpeg", "%s is not installed: no film can be imported",
            name);
}

static void look_limits(void)
{
    struct rlimit limit = { 0 };
    getrlimit(RLIMIT_NOFILE, &limit);
    bool low = limit.rlim_max < DESCRIPTORS_WANTED;
    add(low ? HINT : WELL, "descriptors",
        low ? "LimitNOFILE=1048576 in the unit, or ulimit -Hn: each viewer needs one" : "",
        "at most %llu", (unsigned long long)limit.rlim_max);
}

/* When the cinema was last used, by its folder and by the rows of its database. */
static instant last_used(const char *folder, const char **out_by)
{
    const struct db_module *modules[DATA_MODULES_MAX];
    struct db_spec spec;
    char path[DATA_PATH_BYTES];
    struct stat info;
    instant at = 0, written = INSTANT_NEVER;
    snprintf(path, sizeof(path), "%s/lock", folder);
    *out_by = "its folder was last used";
    if (stat(path, &info) == 0)
        at = SECONDS(info.st_mtim.tv_sec);
    if (data_spec(folder, modules, &spec) != OK || db_newest(&spec, &written) != OK ||
        written == INSTANT_NEVER || written < at)
        return at; /* what is wrong with the database is said where it is looked at */
    *out_by = "its database was last written";
    return written;
}

/* A clock that is behind what was done by it was set back, or has no battery. */
static void look_clock(const char *folder)
{
    const char *by;
    span behind = last_used(folder, &by) - clock_now();
    if (behind > CLOCK_BEHIND)
        add(WRONG, "clock",
            "set it (timedatectl set-ntp true) before the cinema is used: what is shown when, and "
            "what is done when, go by it",
            "the clock is %lld minutes behind the time at which %s",
            (long long)(behind / MINUTES(1)), by);
    else
        add(WELL, "clock", "", "not behind the cinema's own data");
}

static void look_port(const char *name, str listen)
{
    struct net_address address, bound;
    int fd;
    if (listen.len == 0 || doctor.served)
        return;
    if (net_address_parse(listen, &address) != OK) {
        add(WRONG, name, "write it as 127.0.0.1:8000 or [::]:443", "%s", err_slot()->text);
        return;
    }
    if (net_listen(&address, 1, &fd, &bound) != OK) {
        add(WRONG, name, "another program has it (ss -ltnp), or it needs the right to low ports",
            "%s", err_slot()->text);
        return;
    }
    close(fd);
    add(WELL, name, "", "%.*s is free", STR_ARG(listen));
}

static void look_certificate(const char *path)
{
    int days = 0, seconds = 0;
    FILE *file = fopen(path, "r");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate))) {
        add(WRONG, "certificate", "give tls.cert a PEM file the server may read",
            "%s is no certificate that can be read", path);
    } else if (days < 0 || seconds < 0) {
        add(WRONG, "certificate", "renew it: browsers refuse it", "%s has run out %d days ago",
            path, -days);
    } else {
        add(days < CERT_DAYS ? WRONG : WELL, "certificate",
            days < CERT_DAYS ? "renew it; the server takes the new one by itself" : "",
            "%s runs out in %d days", path, days);
    }
    X509_free(certificate);
}

static void look_certificates(void)
{
    str rest = app_tls_settings.cert, path;
    while (rest.len && str_cut(&rest, ',', &path))
        look_certificate(arena_cstr(&doctor.arena, str_trim(path)));
}

/* --- Telling ---------------------------------------------------------------------------------- */

static void print_json(bool well)
{
    struct buf out;
    buf_init(&out, NULL, MIB(1));
    buf_printf(&out, "{\"ok\":%s,\"findings\":[", well ? "true" : "false");
    for (unsigned i = 0; i < doctor.count; i++) {
        const struct finding *finding = &doctor.findings[i];
        buf_printf(&out, "%s{\"level\":\"%s\",\"name\":\"%s\",\"what\":", i ? "," : "",
                   level_words[finding->level], finding->name);
        json_write_string(&out, str_of(finding->what));
        buf_put(&out, STR(",\"advice\":"));
        json_write_string(&out, str_of(finding->advice));
        buf_put_char(&out, '}');
    }
    buf_put(&out, STR("]}"));
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_deinit(&out);
}

static void print_text(bool well)
{
    for (unsigned i = 0; i < doctor.count; i++) {
        const struct finding *finding = &doctor.findings[i];
        printf("%-6s %-12s %s\n", level_words[finding->level], finding->name, finding->what);
        if (finding->advice[0])
            printf("%-6s %-12s → %s\n", "", "", finding->advice);
    }
    puts(well ? "Nothing is wrong." : "Something is wrong.");
}

int command_doctor(int argc, char **argv)
{
    const char *folder = app_data_folder();
    bool well = true;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " doctor [--data DIR] [--json]\n");
        return EXIT_USAGE;
    }
    arena_init(&doctor.arena, MIB(16));
    if (look_folder(folder)) {
        look_server(folder);
        look_disk(folder);
        look_database(folder);
        look_backup(folder);
        look_clock(folder);
    }
    look_program("ffmpeg");
    look_program("ffprobe");
    look_limits();
    look_port("http.listen", app_settings.listen);
    look_port("tls.listen", app_tls_settings.listen);
    look_certificates();
    for (unsigned i = 0; i < doctor.count; i++)
        well = well && doctor.findings[i].level != WRONG;
    if (app_flags.json)
        print_json(well);
    else
        print_text(well);
    arena_deinit(&doctor.arena);
    return well ? 0 : EXIT_DATA;
}
