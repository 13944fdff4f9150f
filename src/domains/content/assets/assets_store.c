/* assets_store: assets and tracks as rows. Texts are measured here, so that what reads them has
 * bounds. */
#include "assets.h"

#include "assets_sql.h"
#include "foundation/crypto/crypto.h"

enum {
    SOURCE_BYTES_MAX = 4096,
    CHECKSUM_BYTES_MAX = 128,
    TAG_BYTES_MAX = 35,
    LABEL_BYTES_MAX = 200
};

static bool text_fits(str text, size_t bytes_max)
{
    return text.len <= bytes_max && str_is_utf8(text);
}

static struct db_value text_value(str text)
{
    return DB_TEXT(text.ptr ? text : STR(""));
}

static enum err no_asset(struct id asset)
{
    return err_set(ERR_NOT_FOUND, "no-asset", "there is no asset %lld", (long long)asset.value);
}

enum err asset_add(struct db_tx *tx, const struct asset_source *source, struct id *out_id)
{
    uint8_t random[ASSET_TOKEN_BYTES / 2];
    char token[ASSET_TOKEN_BYTES];
    int64_t id;
    if (!text_fits(source->fingerprint, ASSET_FINGERPRINT_MAX) ||
        !text_fits(source->checksum, CHECKSUM_BYTES_MAX) ||
        !text_fits(source->source, SOURCE_BYTES_MAX))
        return err_set(ERR_INVALID, "asset-source",
                       "a text of the source is too long or no UTF-8: %.*s",
                       STR_ARG(str_sub(source->source, 0, 100)));
    crypto_random(random, sizeof(random));
    crypto_hex(random, sizeof(random), token);
    TRY(db_insert(tx, &SQL_ASSET_ADD,
                  DB_ARGS(DB_TEXT(((str){ token, sizeof(token) })), text_value(source->fingerprint),
                          text_value(source->checksum), text_value(source->source),
                          DB_TIME(clock_now())),
                  &id));
    *out_id = ID(id);
    return OK;
}

/* --- Tracks --------------------------------------------------------------------------------- */

static enum err bad_track(const struct asset_track *track, const char *why)
{
    return err_set(ERR_INVALID, "asset-track", "track \"%.*s\" %s",
                   STR_ARG(str_sub(track->name, 0, ASSET_TRACK_NAME_MAX)), why);
}

static enum err track_check(const struct asset_track *track)
{
    if (!asset_track_name_valid(track->name))
        return bad_track(track, "has a name that cannot be served");
    if (!text_fits(track->language, TAG_BYTES_MAX) || !text_fits(track->label, LABEL_BYTES_MAX) ||
        !text_fits(track->codec, TAG_BYTES_MAX))
        return bad_track(track, "has a text that is too long or no UTF-8");
    if (track->channels < 0 || track->width < 0 || track->height < 0 || track->bandwidth < 0 ||
        track->size_bytes < 0)
        return bad_track(track, "has a negative number");
    return OK;
}

static enum err touch(struct db_tx *tx, struct id asset)
{
    int64_t changed = 0;
    TRY(db_exec(tx, &SQL_ASSET_TOUCH, DB_ARGS(DB_I64(asset.value)), &changed));
    return changed ? OK : no_asset(asset);
}

enum err asset_track_add(struct db_tx *tx, struct id asset, const struct asset_track *track)
{
    struct db_row row;
    TRY(track_check(track));
    db_notify(tx, DB_TOPIC_ASSETS);
    TRY(touch(tx, asset));
    TRY(db_one(tx, &SQL_ASSET_TRACKS_COUNT, DB_ARGS(DB_I64(asset.value)), &row));
    if (db_i64(&row, 0) >= ASSET_TRACKS_MAX)
        return bad_track(track, "is one too many for its asset");
    return db_exec(tx, &SQL_ASSET_TRACK_ADD,
                   DB_ARGS(DB_I64(asset.value), text_value(track->name), DB_I64(track->kind),
                           DB_I64(db_i64(&row, 0)), text_value(track->language),
                           text_value(track->label), text_value(track->codec),
                           DB_I64(track->channels), DB_I64(track->width), DB_I64(track->height),
                           DB_I64(track->bandwidth), DB_I64(track->size_bytes),
                           DB_BOOL(track->is_default), DB_BOOL(track->forced), DB_BOOL(track->sdh)),
                   NULL);
}

enum err asset_track_remove(struct db_tx *tx, struct id asset, str name)
{
    int64_t changed = 0;
    db_notify(tx, DB_TOPIC_ASSETS);
    TRY(db_exec(tx, &SQL_ASSET_TRACK_REMOVE, DB_ARGS(DB_I64(asset.value), DB_TEXT(name)),
                &changed));
    return changed ? touch(tx, asset) : OK;
}

enum err asset_ready(struct db_tx *tx, struct id asset, int64_t duration_ms, int64_t width,
                     int64_t height)
{
    int64_t changed = 0;
    TRY(db_exec(tx, &SQL_ASSET_READY_PUT,
                DB_ARGS(DB_I64(asset.value), DB_I64(duration_ms), DB_I64(width), DB_I64(height)),
                &changed));
    return changed ? OK : no_asset(asset);
}

enum err asset_remove(struct db_tx *tx, struct id asset)
{
    db_notify(tx, DB_TOPIC_ASSETS);
    return db_exec(tx, &SQL_ASSET_REMOVE, DB_ARGS(DB_I64(asset.value)), NULL);
}

/* --- Reading -------------------------------------------------------------------------------- */

enum err asset_get(struct db_tx *tx, struct id asset, struct asset *out_asset)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_ASSET_GET, DB_ARGS(DB_I64(asset.value)), &row));
    if (!row.values)
        return no_asset(asset);
    *out_asset = (struct asset){ .id = ID(db_i64(&row, 0)),
                                 .token = db_text(&row, 1),
                                 .ready = db_bool(&row, 2),
                                 .duration_ms = db_i64(&row, 3),
                                 .width = db_i64(&row, 4),
                                 .height = db_i64(&row, 5),
                                 .fingerprint = db_text(&row, 6),
                                 .checksum = db_text(&row, 7),
                                 .source = db_text(&row, 8),
                                 .version = db_i64(&row, 9),
                                 .created_at = db_at(&row, 10),
                                 .size_bytes = db_i64(&row, 11) };
    return OK;
}

enum err asset_source_find(struct db_tx *tx, str fingerprint, struct asset *out_asset)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_ASSET_SOURCE_FIND, DB_ARGS(text_value(fingerprint)), &row));
    if (row.values)
        return asset_get(tx, ID(db_i64(&row, 0)), out_asset);
    *out_asset = (struct asset){ .id = ID_NONE };
    return OK;
}

static struct asset_track track_of(const struct db_row *row)
{
    return (struct asset_track){ .name = db_text(row, 0),
                                 .kind = (enum asset_track_kind)db_i64(row, 1),
                                 .language = db_text(row, 2),
                                 .label = db_text(row, 3),
                                 .codec = db_text(row, 4),
                                 .channels = db_i64(row, 5),
                                 .width = db_i64(row, 6),
                                 .height = db_i64(row, 7),
                                 .bandwidth = db_i64(row, 8),
                                 .size_bytes = db_i64(row, 9),
                                 .is_default = db_bool(row, 10),
                                 .forced = db_bool(row, 11),
                                 .sdh = db_bool(row, 12) };
}

enum err asset_tracks_list(struct db_tx *tx, struct id asset, struct asset_track **out_tracks,
                           size_t *out_count)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_ASSET_TRACKS_LIST, DB_ARGS(DB_I64(asset.value)), ASSET_TRACKS_MAX, &rows));
    struct asset_track *tracks = ARENA_ARRAY(db_arena(tx), rows.count, struct asset_track);
    for (unsigned i = 0; i < rows.count; i++)
        tracks[i] = track_of(&rows.items[i]);
    *out_tracks = tracks;
    *out_count = rows.count;
    return OK;
}

enum err assets_unfinished_list(struct db_tx *tx, instant before, unsigned limit,
                                struct id *out_ids, unsigned *out_count)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_ASSETS_UNFINISHED_LIST, DB_ARGS(DB_TIME(before), DB_I64(limit)), limit,
               &rows));
    for (unsigned i = 0; i < rows.count; i++)
        out_ids[i] = ID(db_i64(&rows.items[i], 0));
    *out_count = rows.count;
    return OK;
}

/* --- Walks ------------------------------------------------------------------------------------ */

struct walk {
    asset_walk_fn fn;
    void *arg;
};

static enum err on_track(const struct db_row *row, void *arg)
{
    const struct walk *walk = arg;
    struct asset_walked walked = { .asset = { db_i64(row, 0) },
                                   .track = db_text(row, 1),
                                   .kind = (enum asset_track_kind)db_i64(row, 2),
                                   .language = db_text(row, 3),
                                   .ready = db_bool(row, 4) };
    return walk->fn(walk->arg, &walked);
}

enum err asset_tracks_walk(struct db_tx *tx, asset_walk_fn fn, void *arg)
{
    struct walk walk = { fn, arg };
    return db_each(tx, &SQL_ASSET_TRACKS_WALK, DB_NO_ARGS, on_track, &walk);
}

static enum err on_asset(const struct db_row *row, void *arg)
{
    const struct walk *walk = arg;
    struct asset_walked walked = { .asset = { db_i64(row, 0) } };
    return walk->fn(walk->arg, &walked);
}

enum err assets_walk(struct db_tx *tx, asset_walk_fn fn, void *arg)
{
    struct walk walk = { fn, arg };
    return db_each(tx, &SQL_ASSETS_WALK, DB_NO_ARGS, on_asset, &walk);
}
