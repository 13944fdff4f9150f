/*
 * ingest_group_series: episodes and the series they are of. A series is looked up and written once
 * a group; its episodes follow by their numbers.
 */
#include "ingest_group.h"

/* The series its files were of before, whatever it is called now. */
static enum err series_known(struct db_tx *tx, const struct group *group, str name,
                             struct id *out_series)
{
    *out_series = ID_NONE;
    for (size_t i = 0; i < group->units_count && id_is_none(*out_series); i++) {
        const struct unit *unit = &group->units[i];
        struct source source;
        if (unit->video->name.kind != FILM_NAME_EPISODE || !str_eq(unit->video->name.title, name))
            continue;
        TRY(ingest_source_find(tx, unit->video->path, &source));
        if (!id_is_none(source.title))
            TRY(catalog_series_of(tx, source.title, out_series));
    }
    return OK;
}

static struct identity series_identity(const struct group *group, const struct film_name *name)
{
    const struct nfo_work *nfo = group->series_nfo;
    struct identity identity = { .kind = TITLE_SERIES, .title = name->title, .year = name->year };
    if (name->imdb.len)
        identity.ids[identity.ids_count++] =
            (struct catalog_external_id){ STR("imdb"), name->imdb };
    if (name->tvdb.len)
        identity.ids[identity.ids_count++] =
            (struct catalog_external_id){ STR("tvdb"), name->tvdb };
    if (nfo && nfo->title.len)
        identity.title = nfo->title;
    if (nfo && nfo->year)
        identity.year = nfo->year;
    return identity;
}

/* A decision is about all episodes of the series in the group. */
static str series_key(const struct group *group, str name)
{
    return arena_printf(group->arena, "%.*s\n%.*s", STR_ARG(group->files->path), STR_ARG(name));
}

static enum err series_write(struct db_tx *tx, struct group *group, const struct unit *unit,
                             const struct identity *identity)
{
    struct id *series = &group->series.title;
    struct unit whole = { .video = unit->video, .nfo = group->series_nfo };
    TRY(ingest_group_records_put(tx, group, &whole, identity, series));
    TRY(ingest_group_pictures_put(tx, group, &group->whole, *series));
    return group->import->draft ? OK : catalog_title_publish(tx, *series);
}

/* Fills group->series, once for all episodes of the name. */
static enum err series_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    str name = unit->video->name.title;
    struct identity identity = series_identity(group, &unit->video->name);
    str key = series_key(group, name);
    struct id known;
    if (group->series_name.len && str_eq(group->series_name, name))
        return OK;
    TRY(series_known(tx, group, name, &known));
    TRY(ingest_judge_series(tx, key, known, &identity, &group->series));
    group->series_name = name;
    if (group->series.verdict == VERDICT_REVIEW) {
        struct review review = { key, unit, &identity, group->series.reason };
        return ingest_group_review_put(tx, group, &review);
    }
    TRY(ingest_group_review_settled(tx, key));
    return group->series.verdict == VERDICT_SKIP ? OK : series_write(tx, group, unit, &identity);
}

enum err ingest_group_episode_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    const struct film_name *name = &unit->video->name;
    struct arena *arena = group->arena;
    struct id episode;
    int64_t file_id;
    if (name->doubt != FILM_DOUBT_NONE || name->season < 0 || name->episode < 0)
        return ingest_group_film_take(tx, group, unit);
    TRY(series_take(tx, group, unit));
    if (group->series.verdict == VERDICT_REVIEW || group->series.verdict == VERDICT_SKIP) {
        const char *state = group->series.verdict == VERDICT_REVIEW ? "review" : "skipped";
        return ingest_group_file_put(tx, group, unit, state, group->series.reason, ID_NONE,
                                     &file_id);
    }
    struct id series = group->series.title;
    TRY(catalog_episode_find(tx, series, name->season, name->episode, &episode));
    str title = name->episode_title.len ? name->episode_title : STR("");
    if (unit->nfo && unit->nfo->title.len)
        title = unit->nfo->title;
    if (!title.len && name->episode_last > name->episode)
        title = arena_printf(arena, "%d–%d", name->episode, name->episode_last);
    struct catalog_record record =
        unit->nfo ? ingest_record_of_nfo(arena, TITLE_EPISODE, unit->nfo, CATALOG_SOURCE_NFO)
                  : ingest_record_of_name(arena, TITLE_EPISODE, title, 0);
    record.series_id = series;
    record.season = name->season;
    record.episode = name->episode;
    TRY(catalog_record_put(tx, &record, &episode));
    TRY(ingest_group_pictures_put(tx, group, unit, episode));
    TRY(ingest_group_review_settled(tx, unit->video->path));
    return ingest_group_media_put(tx, group, unit, episode);
}
