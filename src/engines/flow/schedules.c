/* schedules: what a schedule says, as rows. They are fired in schedules_run.c. */
#include "schedules_impl.h"

#include "flow_sql.h"

static const str kind_texts[SCHEDULE_KINDS] = { STR_INIT("at"), STR_INIT("every"),
                                                STR_INIT("cron") };
static const str missed_texts[] = { STR_INIT("once"), STR_INIT("skip") };

str schedule_kind_text(enum schedule_kind kind)
{
    ASSERT(kind < SCHEDULE_KINDS);
    return kind_texts[kind];
}

/* --- When ----------------------------------------------------------------------------------- */

static enum err bad(const char *what, str name)
{
    return err_set(ERR_INVALID, "schedule", "the schedule \"%.*s\" %s", STR_ARG(name), what);
}

enum err schedule_when_read(struct arena *arena, const struct schedule_new *schedule,
                            struct schedule_when *out_when)
{
    struct schedule_when when = { .kind = schedule->kind,
                                  .begins_at = schedule->begins_at,
                                  .every = schedule->every };
    bool every_well =
        schedule->every >= SCHEDULE_EVERY_MIN && schedule->every <= SCHEDULE_EVERY_MAX;
    if (schedule->kind == SCHEDULE_EVERY && !every_well)
        return bad("has a span of less than a second, or of more than ten years", schedule->name);
    if (schedule->begins_at < 0 || schedule->begins_at == INSTANT_NEVER)
        return bad("begins at no time", schedule->name);
    if (schedule->kind == SCHEDULE_CRON) {
        TRY(cron_parse(schedule->cron, &when.cron));
        TRY(zone_load(arena, schedule->zone, &when.zone));
    }
    *out_when = when;
    return OK;
}

instant schedule_when_next(const struct schedule_when *when, instant after)
{
    if (when->kind == SCHEDULE_CRON)
        return cron_next(&when->cron, when->zone, after);
    if (when->begins_at > after)
        return when->begins_at;
    if (when->kind == SCHEDULE_AT)
        return INSTANT_NEVER;
    return when->begins_at + ((after - when->begins_at) / when->every + 1) * when->every;
}

/* --- Rows ----------------------------------------------------------------------------------- */

void schedule_of_row(const struct db_row *row, struct schedule_row *out)
{
    struct schedule_new said = { .name = db_text(row, 1),
                                 .begins_at = db_i64(row, 3),
                                 .every = db_i64(row, 4),
                                 .cron = db_text(row, 5),
                                 .zone = db_text(row, 6),
                                 .declared = db_bool(row, 8),
                                 .alone = db_bool(row, 22),
                                 .job = { .kind = db_text(row, 10),
                                          .subject = db_text(row, 11),
                                          .payload = db_text(row, 12),
                                          .priority = db_i64(row, 13),
                                          .limit_key = db_text(row, 14),
                                          .attempts_max = (unsigned)db_i64(row, 15) } };
    while (said.kind + 1 < SCHEDULE_KINDS && !str_eq(kind_texts[said.kind], db_text(row, 2)))
        said.kind++;
    said.missed =
        str_eq(db_text(row, 7), missed_texts[SCHEDULE_SKIP]) ? SCHEDULE_SKIP : SCHEDULE_RUN_ONCE;
    *out = (struct schedule_row){ .id = db_i64(row, 0),
                                  .said = said,
                                  .paused = db_bool(row, 9),
                                  .next_at = db_at(row, 16),
                                  .last_at = db_at(row, 17),
                                  .last_job = db_i64(row, 18),
                                  .fired = db_i64(row, 19),
                                  .passed_over = db_i64(row, 20),
                                  .problem = db_text(row, 21) };
}

static enum err row_find(struct db_tx *tx, str name, struct schedule_row *out, bool *out_found)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_SCHEDULE_GET, DB_ARGS(DB_TEXT(name)), &row));
    *out_found = row.values != NULL;
    if (row.values)
        schedule_of_row(&row, out);
    return OK;
}

static enum err row_get(struct db_tx *tx, str name, struct schedule_row *out)
{
    bool found;
    TRY(row_find(tx, name, out, &found));
    return found ? OK
                 : err_set(ERR_NOT_FOUND, "schedule-not-found", "there is no schedule \"%.*s\"",
                           STR_ARG(name));
}

/* --- Saying --------------------------------------------------------------------------------- */

static bool same_job(const struct job_new *a, const struct job_new *b)
{
    return str_eq(a->kind, b->kind) && str_eq(a->subject, b->subject) &&
           str_eq(a->payload, b->payload) && a->priority == b->priority &&
           str_eq(a->limit_key, b->limit_key) && a->attempts_max == b->attempts_max;
}

/* An `every` is the same whenever it is said to begin. */
static bool same_when(const struct schedule_new *a, const struct schedule_new *b)
{
    return a->kind == b->kind && a->every == b->every && str_eq(a->cron, b->cron) &&
           str_eq(a->zone, b->zone) && (a->kind != SCHEDULE_AT || a->begins_at == b->begins_at);
}

static enum err schedule_check(const struct schedule_new *schedule)
{
    if (schedule->name.len == 0 || schedule->name.len > SCHEDULE_NAME_MAX)
        return bad("has no name of 1 to 100 bytes", str_head_utf8(schedule->name, 100));
    if (schedule->job.idempotency_key.ptr || schedule->job.run_at)
        return bad("gives its job a key or a time of its own", schedule->name);
    return job_new_check(&schedule->job);
}

static enum err schedule_write(struct db_tx *tx, const struct schedule_new *s,
                               const struct db_query *query, instant next_at, int64_t *out_id)
{
    str none = STR("");
    struct db_args args = DB_ARGS(
        DB_TEXT(s->name), DB_TEXT(kind_texts[s->kind]), DB_I64(s->begins_at), DB_I64(s->every),
        DB_TEXT(s->cron.ptr ? s->cron : none), DB_TEXT(s->zone.ptr ? s->zone : none),
        DB_TEXT(missed_texts[s->missed]), DB_BOOL(s->declared), DB_TEXT(s->job.kind),
        DB_TEXT(s->job.subject.ptr ? s->job.subject : none),
        DB_TEXT(s->job.payload.ptr ? s->job.payload : none), DB_I64(s->job.priority),
        DB_TEXT_OR_NULL(s->job.limit_key), DB_I64(s->job.attempts_max), DB_TIME(next_at),
        DB_TIME(clock_now()), DB_BOOL(s->alone));
    if (out_id)
        return db_insert(tx, query, args, out_id);
    return db_exec(tx, query, args, NULL);
}

/* What has a beginning that was not run yet begins with it, though it be past. */
static instant first_after(const struct schedule_when *when, instant last)
{
    if (when->kind != SCHEDULE_CRON && (last == INSTANT_NEVER || when->begins_at > last))
        return when->begins_at;
    return schedule_when_next(when, clock_now());
}

enum err schedule_put(struct db_tx *tx, const struct schedule_new *schedule, int64_t *out_id)
{
    struct schedule_row old;
    struct schedule_new said = *schedule;
    struct schedule_when when;
    bool found;
    TRY(schedule_check(schedule));
    TRY(row_find(tx, schedule->name, &old, &found));
    if (schedule->kind == SCHEDULE_EVERY && !schedule->begins_at)
        said.begins_at = clock_now() + schedule->every;
    bool moved = !found || !same_when(&old.said, schedule);
    if (!moved)
        said.begins_at = old.said.begins_at;
    TRY(schedule_when_read(db_arena(tx), &said, &when));
    db_notify(tx, DB_TOPIC_JOBS);
    if (!found)
        return schedule_write(tx, &said, &SQL_SCHEDULE_ADD, first_after(&when, INSTANT_NEVER),
                              out_id);
    *out_id = old.id;
    bool same = !moved && same_job(&old.said.job, &said.job) && old.said.missed == said.missed &&
                old.said.declared == said.declared && old.said.alone == said.alone &&
                !old.problem.ptr;
    if (same)
        return OK;
    instant next = moved || old.problem.ptr ? first_after(&when, old.last_at) : old.next_at;
    return schedule_write(tx, &said, &SQL_SCHEDULE_CHANGE, old.paused ? INSTANT_NEVER : next, NULL);
}

enum err schedule_remove(struct db_tx *tx, str name)
{
    return db_exec(tx, &SQL_SCHEDULE_REMOVE, DB_ARGS(DB_TEXT(name)), NULL);
}

enum err schedule_pause(struct db_tx *tx, str name, bool paused)
{
    struct schedule_row row;
    struct schedule_when when;
    instant next = INSTANT_NEVER;
    TRY(row_get(tx, name, &row));
    if (row.paused == paused)
        return OK;
    if (!paused) {
        TRY(schedule_when_read(db_arena(tx), &row.said, &when));
        next = schedule_when_next(&when, clock_now());
        db_notify(tx, DB_TOPIC_JOBS);
    }
    return db_exec(tx, &SQL_SCHEDULE_PAUSED_PUT,
                   DB_ARGS(DB_TEXT(name), DB_BOOL(paused), DB_TIME(next), DB_TIME(clock_now())),
                   NULL);
}

/* --- Looking -------------------------------------------------------------------------------- */

static struct schedule schedule_view(const struct schedule_row *row)
{
    return (struct schedule){ .id = row->id,
                              .name = row->said.name,
                              .kind = row->said.kind,
                              .begins_at = row->said.begins_at,
                              .every = row->said.every,
                              .cron = row->said.cron,
                              .zone = row->said.zone,
                              .missed = row->said.missed,
                              .declared = row->said.declared,
                              .alone = row->said.alone,
                              .paused = row->paused,
                              .job_kind = row->said.job.kind,
                              .subject = row->said.job.subject,
                              .next_at = row->next_at,
                              .last_at = row->last_at,
                              .last_job = row->last_job,
                              .fired = row->fired,
                              .passed_over = row->passed_over,
                              .problem = row->problem };
}

enum err schedule_get(struct db_tx *tx, str name, struct schedule *out_schedule)
{
    struct schedule_row row;
    TRY(row_get(tx, name, &row));
    *out_schedule = schedule_view(&row);
    return OK;
}

enum err schedules_list(struct db_tx *tx, int64_t after, unsigned limit,
                        struct schedule **out_items, unsigned *out_count)
{
    struct db_rows rows;
    limit = MIN_OF(limit, (unsigned)SCHEDULES_PAGE_MAX);
    TRY(db_all(tx, &SQL_SCHEDULES_LIST, DB_ARGS(DB_I64(after), DB_I64(limit)), limit, &rows));
    *out_items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct schedule);
    for (unsigned i = 0; i < rows.count; i++) {
        struct schedule_row row;
        schedule_of_row(&rows.items[i], &row);
        (*out_items)[i] = schedule_view(&row);
    }
    *out_count = rows.count;
    return OK;
}
