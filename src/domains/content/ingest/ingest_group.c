/*
 * ingest_group: from files to titles. Before the transaction: what has to be read from disk and
 * what has to be stored as blobs. In it: whose title is it, what may be written, what is left to
 * do. A transaction may be run again, so it only reads what was prepared.
 */
#include "ingest_group.h"

#include "ingest_sql.h"

#include "foundation/task/task.h"

static str part_note(const struct group *group, const struct unit *unit)
{
    return INGEST_REASON(group->arena, PART_OF,
                         arena_printf(group->arena, "%d", unit->video->name.part),
                         unit->first->video->name.shown);
}

enum err ingest_group_film_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    struct identity identity = ingest_unit_identity(unit);
    struct judgement judgement;
    int64_t file_id;
    if (unit->fault.ptr)
        return ingest_group_file_put(tx, group, unit, "failed", unit->fault, ID_NONE, &file_id);
    if (unit->first)
        return ingest_group_file_put(tx, group, unit, "skipped", part_note(group, unit), ID_NONE,
                                     &file_id);
    identity.kind = TITLE_FILM; /* an episode without numbers is one by decision only */
    TRY(ingest_judge(tx, unit, &identity, &judgement));
    if (judgement.verdict == VERDICT_REVIEW) {
        struct review review = { unit->video->path, unit, &identity, judgement.reason };
        TRY(ingest_group_review_put(tx, group, &review));
        return ingest_group_file_put(tx, group, unit, "review", judgement.reason, ID_NONE,
                                     &file_id);
    }
    TRY(ingest_group_review_settled(tx, unit->video->path));
    if (judgement.verdict == VERDICT_SKIP)
        return ingest_group_file_put(tx, group, unit, "skipped", judgement.reason, ID_NONE,
                                     &file_id);
    TRY(ingest_group_records_put(tx, group, unit, &identity, &judgement.title));
    if (id_is_none(group->film))
        group->film = judgement.title;
    return ingest_group_media_put(tx, group, unit, judgement.title);
}

static enum err extra_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    int64_t file_id;
    if (id_is_none(group->film))
        return ingest_group_file_put(tx, group, unit, "skipped",
                                     INGEST_REASON(group->arena, EXTRA_ALONE), ID_NONE, &file_id);
    if (!group->import->media)
        return ingest_group_file_put(tx, group, unit, "done", STR(""), group->film, &file_id);
    return ingest_group_media_put(tx, group, unit, group->film);
}

static enum err unit_refuse(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    int64_t file_id;
    str max = arena_printf(group->arena, "%d", INGEST_GROUP_FILMS_MAX);
    str reason = INGEST_REASON(group->arena, FILES_OVER, max, unit->video->name.shown);
    return ingest_group_file_put(tx, group, unit, "failed", reason, ID_NONE, &file_id);
}

static enum err group_tx(struct db_tx *tx, void *arg)
{
    struct group *group = arg;
    group->film = ID_NONE;
    group->series_name = STR("");
    for (size_t i = 0; i < group->units_count; i++) {
        const struct unit *unit = &group->units[i];
        if (unit->over)
            TRY(unit_refuse(tx, group, unit));
        else if (unit->video->name.kind == FILM_NAME_FILM)
            TRY(ingest_group_film_take(tx, group, unit));
        else if (unit->video->name.kind == FILM_NAME_EPISODE)
            TRY(ingest_group_episode_take(tx, group, unit));
    }
    for (size_t i = 0; i < group->units_count; i++)
        if (group->units[i].video->name.kind == FILM_NAME_EXTRA && !group->units[i].over)
            TRY(extra_take(tx, group, &group->units[i]));
    return db_exec(tx, &SQL_FOLDER_PUT,
                   DB_ARGS(DB_BLOB(group->files->path), DB_I64(group->signature)), NULL);
}

enum err ingest_group_take(const struct import *import, const struct walk_group *files,
                           int64_t signature)
{
    struct group *group = ARENA_NEW(task_arena(), struct group);
    group->arena = task_arena();
    group->import = import;
    group->files = files;
    group->signature = signature;
    TRY(ingest_group_read(group));
    TRY(ingest_group_pictures_store(group));
    TRY(db_tx(ingest.db, group_tx, group));
    return OK;
}

static enum err group_fail_tx(struct db_tx *tx, void *arg)
{
    struct group *group = arg;
    for (size_t i = 0; i < group->units_count; i++) {
        int64_t file_id;
        TRY(ingest_group_file_put(tx, group, &group->units[i], "failed", group->failure, ID_NONE,
                                  &file_id));
    }
    return OK;
}

enum err ingest_group_fail(const struct import *import, const struct walk_group *files, str reason)
{
    struct group *group = ARENA_NEW(task_arena(), struct group);
    *group = (struct group){ .arena = task_arena(),
                             .import = import,
                             .files = files,
                             .failure = arena_str(task_arena(), reason) };
    group->units = ARENA_ARRAY(group->arena, files->files_count, struct unit);
    for (size_t i = 0; i < files->files_count; i++)
        if (ingest_file_is_video(files->files[i]))
            group->units[group->units_count++] =
                (struct unit){ .video = files->files[i], .notes = STR("") };
    return db_tx(ingest.db, group_fail_tx, group);
}
