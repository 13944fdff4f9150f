/* app: what the commands of the program share: settings, the open data folder, the list of modules.
 */
#pragma once

#include "domains/module/module.h"
#include "foundation/conf/conf.h"
#include "foundation/err/err.h"
#include "gateway/gateway.h"

#define KB_NAME "kinobezdna"
extern const char *const app_version; /* "0.1.0" */

/* What main() read from file, environment and flags. */
struct app_settings {
    str data;     /* the data folder */
    str database; /* postgres://…; empty: embedded, in the data folder */
    str shared;   /* folder of blobs and key; empty: the data folder */
    str modules;  /* to serve, separated by commas; empty: all */
    str listen;
    int64_t cores; /* event loops; 0: one a core */
    bool log_requests;
    span drain_delay, drain_timeout;
    str trusted_proxies;
    str cors_origins;
    int64_t writer_group;        /* transactions a commit */
    int64_t snapshots;           /* copies of before an upgrade that stay; 0: none are made */
    span jobs_kept;              /* after they ended; 0: for ever */
    uint64_t disk_reserve_bytes; /* imports stop before less is free */
};
extern struct app_settings app_settings;
struct trace_settings;
extern struct trace_settings app_trace_settings;

/* HTTPS (tls.c). */
struct app_tls_settings {
    str listen, redirect;
    str cert, key; /* lists of files, separated by commas */
    span hsts;
    bool http2;
};
extern struct app_tls_settings app_tls_settings;

/* Backups by the clock (backup_clock.c). */
struct app_backup_settings {
    span every;     /* 0: never, unless by cron */
    str cron, zone; /* cron.h; empty: by `every` */
    str to;
    int64_t keep;
    str passphrase_file;
};
extern struct app_backup_settings app_backup_settings;
/* The brokers events go by (kafka.c). */
struct app_kafka_settings {
    str brokers, prefix;
    int64_t partitions, replication;
    span send_timeout;
    str security, tls_ca, tls_cert, tls_key;
    str sasl_mechanism, sasl_user, sasl_password;
};
extern struct app_kafka_settings app_kafka_settings;
/*
 * What the environment of the old services (PORT, KAFKA_BROKERS) says, by our names: for a process
 * that is told to serve one of them. `listens`: it was told where, so its usual port is not meant.
 */
const char *const *contract_environment(bool listens);

/* What clients may take (limits.c). */
struct app_limits_settings {
    int64_t connections, address, requests, tasks;
    uint64_t memory, rate;
    span turn, head, body, idle, write, request;
};
extern struct app_limits_settings app_limits;

/* Flags of single commands. */
struct app_flags {
    bool reset;     /* admin-key: replace the key */
    bool draft;     /* import: do not publish */
    bool queue;     /* import: return at once */
    bool no_media;  /* import: texts and pictures only */
    bool json;      /* what a command prints, for programs */
    bool take_over; /* serve: from the process that serves the folder now */
    bool encrypt;   /* backup: ask for a passphrase */
    bool repair;    /* fsck */
    bool snapshot;  /* rollback: by the copy of before */
    str passphrase_file;
    str to; /* move: where to */
};
extern struct app_flags app_flags;

/* The one list of modules, in the order they are opened (modules.c). */
extern const struct module *const app_modules[];
extern const unsigned app_modules_count;
/* Which of them this process serves: their routes and jobs. All are open in every process. */
struct app_selection {
    const struct module *served[GATEWAY_MODULES_MAX], *elsewhere[GATEWAY_MODULES_MAX];
    unsigned served_count, elsewhere_count;
};
/* Reads "catalog,playback"; empty: all. ERR_INVALID "unknown-module". */
enum err app_modules_select(str names, struct app_selection *out_selection);
/* Whether the setting names it. */
bool app_module_is_named(const char *name);
/* The web interface carried by the program. */
extern const struct embedded_set app_site;
/* The demo cinema: catalogue.json, posters/, backdrops/. */
extern const struct embedded_set app_demo;
extern const struct module demo_module, health_module, backup_module, move_module, flow_module;

/* The path of the data folder, its zero included; and that of a file in it. */
enum { DATA_FOLDER_BYTES = 512, DATA_PATH_BYTES = DATA_FOLDER_BYTES + 32 };

/* --- The data folder (data.c) --------------------------------------------------------------- */

struct data;

/* Makes the folder and those above it where they are missing. ERR_FORBIDDEN "data-unwritable". */
enum err data_folder_make(const char *folder);
/*
 * Makes the folder if need be, takes its lock, opens databases and blobs, applies migrations, opens
 * the modules. ERR_CONFLICT slug "data-in-use": another process has it. Blocks; for start-up.
 */
enum err data_open(const char *folder, struct data **out_data);
/* The lock alone; *out_fd is open even on a failure, unless it is -1. */
enum err data_lock(const char *folder, int *out_fd);
/* What a context's database holds beside the port's own. */
enum { DATA_MODULES_MAX = 32 };
unsigned data_modules(const struct db_module *modules[static DATA_MODULES_MAX]);
struct db_spec;
/*
 * The database of a folder, or where the settings say it is, for commands that look at it without
 * serving it. What it points to stays until the next call. ERR_INVALID "database-url".
 */
enum err data_spec(const char *folder, const struct db_module *modules[static DATA_MODULES_MAX],
                   struct db_spec *out_spec);
/* Keeps the error slot as it is, so that a failure may close on its way out. */
void data_close(struct data *data);
/* Where films, pictures and the administrator's key are; it is there after data_open(). */
const char *app_shared_folder(void);
/* "<folder>/control.sock": where the process that serves the folder takes work from commands. */
enum err data_control_path(const char *folder, char *out, size_t size_bytes);
/* False: the databases are a server's, and other processes may use them too. */
bool data_is_embedded(void);
struct db;
struct pool;
/* Opens the database at the URL, or with an empty one the folder's. */
enum err data_database_open(const char *url, struct pool *pool, struct db **out_db);
/*
 * "<folder>/database.url": where the database is when no setting says so. Empty: in the folder, and
 * there is no such file. Durable when it returns.
 */
enum err data_database_choose(const char *url);
/* Whether db.url came from there. */
bool data_database_chosen(void);
/* Fills app_settings.database from there, unless a setting says where; the last reading counts. */
enum err data_database_read(void);
/* The folder's seat in the queue of jobs (jobs.h). */
const char *data_seat(const struct data *data);
const struct module_env *data_env(const struct data *data);
/* For /readyz and the health page; of the data that owns `env`. Valid as long as it. */
const struct gateway_check *data_checks_of(const struct module_env *env, unsigned *out_count);

/* --- Serving (server.c) --------------------------------------------------------------------- */

struct server;
struct net_tls;
struct inherited;

/* Addresses may be empty; on the control socket the data is always served. */
struct server_spec {
    str listen, tls_listen, redirect_listen;
    struct net_tls *tls; /* NULL: tls_listen and redirect_listen are empty */
    span hsts;
    unsigned cores;              /* event loops; 0: one a core */
    struct inherited *inherited; /* sockets open already; those taken are marked. NULL: none */
};
struct server_bound {
    struct net_address http, https;
};

/*
 * Serves the data on threads of its own. The addresses really bound are in *out_bound and, until
 * the server stops, in "<folder>/http.addr" and "<folder>/https.addr".
 */
enum err server_start(struct data *data, const struct server_spec *spec, struct server **out_server,
                      struct server_bound *out_bound);
/* From now on /readyz says 503; everything else goes on. */
void server_unready(struct server *server);
/* The listening sockets of the server, which keeps them. */
void server_sockets(const struct server *server, struct inherited *out);
/*
 * Asks every loop for a sign of life; true when all have given the one asked for before. Always on
 * the same thread.
 */
bool server_beat(struct server *server);
/* Drains and joins: nothing is accepted, what is in flight has `timeout`. The error slot stays. */
void server_stop(struct server *server, span timeout);

/* --- HTTPS (tls.c) -------------------------------------------------------------------------- */

/* Reads the certificates that the settings name; NULL when HTTPS is not asked for. */
enum err app_tls_open(struct net_tls **out_tls);
/* Looks whether they have changed, or reads them `always`; logs what came of it. NULL: nothing. */
void app_tls_watch(struct net_tls *tls, bool always);

/* --- Timers (flow_service.c) ----------------------------------------------------------------- */

/* Puts the schedules that the program itself has. For `serve`. */
void flow_schedules_start(const struct data *data);

/* --- Backups (backup_service.c) -------------------------------------------------------------- */

/* Puts the schedule of backups as the settings say, or removes it. For `serve`. */
void backup_schedule_start(const struct data *data);
/* Whether this process makes backups by the clock: it alone takes such jobs. */
bool backup_by_clock(void);
/* The first line of a file, without its end, as a C string. ERR_INVALID "passphrase". */
enum err backup_passphrase_read(struct arena *arena, str path, str *out_passphrase);
/* When the last backup of the folder ended well, and where it lies (at most `size_bytes`); false:
 * never. */
bool backup_last_read(const char *folder, instant *out_at, char *place, size_t size_bytes);
/* For /readyz and the health page. */
bool backup_look(void *arg, struct buf *detail);
/* --- Limits (limits.c) ---------------------------------------------------------------------- */

struct loop_settings;
struct net_crowd;
/* The count of connections an address, for all loops. */
struct net_crowd *app_limits_crowd(void);
void app_limits_loop(struct loop_settings *out);
void app_limits_http(struct http_server_settings *settings);

/* --- Commands ------------------------------------------------------------------------------- */

/* argv[0] is the command's name; flags have been taken out. The result is the exit code. */
typedef int (*command_fn)(int argc, char **argv);

int command_serve(int argc, char **argv);
int command_import(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_rollback(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_fsck(int argc, char **argv);
int command_admin_key(int argc, char **argv);
int command_openapi(int argc, char **argv);
int command_asyncapi(int argc, char **argv);
int command_event_types(int argc, char **argv);
int command_proto(int argc, char **argv);
int command_routes(int argc, char **argv);
int command_settings(int argc, char **argv);
int command_version(int argc, char **argv);
int command_ready(int argc, char **argv);
int command_exit_codes(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_move(int argc, char **argv);
int command_sagas(int argc, char **argv);
int command_timers(int argc, char **argv);

/* Exit codes, as sysexits(3) has them. */
enum {
    EXIT_USAGE = 64,
    EXIT_DATA = 65,
    EXIT_UNAVAILABLE = 69,
    EXIT_SOFTWARE = 70,
    EXIT_TEMPORARY = 75
};

/* Prints the failure in the error slot as "kinobezdna: sentence" and returns the exit code for it.
 */
int app_fail(enum err code);
/* The exit code of a failure; the table of all of them at the end of --help (exit_codes.c). */
int app_exit_code(enum err code);
void app_exit_codes_help(void);
/* The data folder as a C string; ends with no slash. */
const char *app_data_folder(void);
