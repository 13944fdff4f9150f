/*
 * backup_clock: backups by the clock: a schedule of the database that adds a job, and the job that
 * asks the service for a backup and waits for its end. While one is made, or one that failed waits
 * to be tried again, the schedule adds no other.
 */
#include "app.h"
#include "backup_service.h"

#include "engines/backup/backup.h"
#include "engines/flow/schedules.h"
#include "foundation/log/log.h"

#include <stdio.h>

#define RETRY_AFTER MINUTES(15)

static bool is_wanted(void)
{
    return app_backup_settings.every || app_backup_settings.cron.len;
}

bool backup_by_clock(void)
{
    return is_wanted();
}

/* A folder on a disk that is not mounted may be there the next time: whatever fails is tried again.
 */
static enum err may_pass(enum err result)
{
    const struct err_slot detail = *err_slot();
    if (result == OK || result == ERR_CANCELLED)
        return result;
    return err_set(ERR_UNAVAILABLE, detail.slug, "%s", detail.text);
}

static enum err prepare(str *out_path, str *out_passphrase)
{
    *out_passphrase = STR("");
    if (app_backup_settings.to.len == 0)
        return err_set(ERR_INVALID, "backup-to",
                       "backups are made by the clock and backup.to is "
                       "not set");
    *out_path = arena_printf(task_arena(), "%.*s/", STR_ARG(app_backup_settings.to));
    if (app_backup_settings.passphrase_file.len)
        return backup_passphrase_read(task_arena(), app_backup_settings.passphrase_file,
                                      out_passphrase);
    return OK;
}

/* Put back by a stop, or made by hand since: one that is so new is new enough. */
static bool is_new_enough(void)
{
    return app_backup_settings.every &&
           backup_last_at() + app_backup_settings.every / 2 > clock_now() &&
           backup_last_at() <= clock_now();
}

static enum err run_backup(struct job_run *run, void *arg)
{
    str path, passphrase;
    (void)arg;
    if (is_new_enough())
        return OK;
    enum err result = prepare(&path, &passphrase);
    if (result != OK) {
        backup_failed_before(result);
        return may_pass(result);
    }
    job_progress(run, 0, "backing up to %.*s", STR_ARG(app_backup_settings.to));
    return may_pass(backup_make_and_wait(path, passphrase));
}

const struct job_kind backup_job_kind = { .name = "backup",
                                          .fn = run_backup,
                                          .attempts_max = 1000, /* ten days of them */
                                          .backoff = RETRY_AFTER,
                                          .backoff_max = RETRY_AFTER };

/* --- The schedule ----------------------------------------------------------------------------- */

static enum err schedule_tx(struct db_tx *tx, void *arg)
{
    const struct schedule_new *schedule = arg;
    int64_t id;
    if (!is_wanted())
        return schedule_remove(tx, schedule->name);
    return schedule_put(tx, schedule, &id);
}

void backup_schedule_start(const struct data *data)
{
    char name[SCHEDULE_NAME_MAX];
    struct arena arena;
    const struct app_backup_settings *settings = &app_backup_settings;
    /* A process of several puts its own, and no other's. */
    if (data_is_embedded())
        snprintf(name, sizeof(name), "backup");
    else
        snprintf(name, sizeof(name), "backup.%s", data_seat(data));
    instant last = backup_last_at();
    struct schedule_new schedule = { .name = str_of(name),
                                     .kind = settings->cron.len ? SCHEDULE_CRON : SCHEDULE_EVERY,
                                     .begins_at = last ? last + settings->every : clock_now(),
                                     .every = settings->every,
                                     .cron = settings->cron,
                                     .zone = settings->zone,
                                     .declared = true,
                                     .alone = true,
                                     .job = { .kind = STR("backup"), .subject = settings->to } };
    arena_init(&arena, MIB(1));
    struct arena *before = db_arena_use(&arena);
    if (db_tx(data_env(data)->db, schedule_tx, &schedule) != OK)
        log_error("backup", "backups cannot be made by the clock",
                  LOG_CSTR("reason", err_slot()->text));
    db_arena_use(before);
    arena_deinit(&arena);
}
