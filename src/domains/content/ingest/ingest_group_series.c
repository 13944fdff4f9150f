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

static enum err series_take(struct db_tx *tx, struct group *group, const struct unit *unit,
                            struct id *out_series)
{
    const struct film_name *name = &unit->video->name;
    struct identity identity = series_identity(group, name);
    struct catalog_wanted wanted = { TITLE_SERIES, identity.title, identity.year, identity.ids,
                                     identity.ids_count };
    struct catalog_match match;
    unsigned count = 0;
    struct id series;
    *out_series = group->series;
    if (!id_is_none(group->series) && str_eq(group->series_name, name->title))
        return OK;
    TRY(series_known(tx, group, name->title, &series));
    if (id_is_none(series))
        TRY(catalog_match(tx, &wanted, 1, &match, &count));
    if (count && match.score >= MATCH_DOUBTFUL)
        series = match.id;
    struct unit whole = { .video = unit->video, .nfo = group->series_nfo };
    TRY(ingest_group_records_put(tx, group, &whole, &identity, &series));
    TRY(ingest_group_pictures_put(tx, group, NULL, series));
    if (!group->import->draft)
        TRY(catalog_title_publish(tx, series));
    group->series = *out_series = series;
    group->series_name = name->title;
    return OK;
}

enum err ingest_group_episode_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    const struct film_name *name = &unit->video->name;
    struct arena *arena = group->arena;
    struct id series, episode;
    if (name->doubt != FILM_DOUBT_NONE || name->season < 0 || name->episode < 0)
        return ingest_group_film_take(tx, group, unit);
    TRY(series_take(tx, group, unit, &series));
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
    TRY(ingest_group_review_settled(tx, unit));
    return ingest_group_media_put(tx, group, unit, episode);
}
