/*
 * assets: the module's descriptor and what needs neither database nor store: names, keys, the JSON
 * the catalogue shows.
 */
#include "assets.h"

#include "assets_sql.h"
#include "foundation/shape/shape.h"

#include <stdatomic.h>

enum { JSON_BYTES_MAX = 256 << 10 };

static _Atomic uint64_t generation = 1;

void assets_changed(void)
{
    atomic_fetch_add(&generation, 1);
}

uint64_t assets_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_acquire);
}

/* --- Names and keys ------------------------------------------------------------------------- */

str asset_track_name(struct arena *arena, enum asset_track_kind kind, unsigned number)
{
    static const char letters[] = {
        [ASSET_VIDEO] = 'v', [ASSET_AUDIO] = 'a', [ASSET_SUBTITLE] = 's'
    };
    return arena_printf(arena, "%c%u", letters[kind], number);
}

bool asset_track_name_valid(str name)
{
    if (name.len == 0 || name.len >= ASSET_TRACK_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

str asset_blob_key(struct arena *arena, struct id asset, str track, const char *suffix)
{
    return arena_printf(arena, "media/%lld/%.*s%s", (long long)asset.value, STR_ARG(track), suffix);
}

/* --- What the catalogue shows --------------------------------------------------------------- */

struct shown_audio {
    str language, label;
    int64_t channels;
};
SHAPE(shown_audio_shape, struct shown_audio, FIELD(struct shown_audio, language),
      FIELD(struct shown_audio, label), FIELD(struct shown_audio, channels));

struct shown_subtitle {
    str language, label;
    bool forced;
};
SHAPE(shown_subtitle_shape, struct shown_subtitle, FIELD(struct shown_subtitle, language),
      FIELD(struct shown_subtitle, label), FIELD(struct shown_subtitle, forced));

static str text_of(str text)
{
    return text.ptr ? text : STR("");
}

static void shown_write(struct buf *out, const struct asset_track *track)
{
    struct shown_audio audio = { text_of(track->language), text_of(track->label), track->channels };
    struct shown_subtitle subtitle = { audio.language, audio.label, track->forced };
    if (track->kind == ASSET_AUDIO)
        shape_write_json(out, &shown_audio_shape, &audio);
    else
        shape_write_json(out, &shown_subtitle_shape, &subtitle);
}

static str tracks_json(struct arena *arena, const struct asset_track *tracks, size_t count,
                       enum asset_track_kind kind)
{
    struct buf out;
    bool first = true;
    buf_init_leaving(&out, arena, JSON_BYTES_MAX);
    buf_put_char(&out, '[');
    for (size_t i = 0; i < count; i++) {
        if (tracks[i].kind != kind)
            continue;
        if (!first)
            buf_put_char(&out, ',');
        first = false;
        shown_write(&out, &tracks[i]);
    }
    buf_put_char(&out, ']');
    /* Texts are limited by asset_track_add(), so only tracks that were never stored overflow. */
    return out.overflowed ? STR("[]") : buf_str(&out);
}

str asset_audio_json(struct arena *arena, const struct asset_track *tracks, size_t count)
{
    return tracks_json(arena, tracks, count, ASSET_AUDIO);
}

str asset_subtitles_json(struct arena *arena, const struct asset_track *tracks, size_t count)
{
    return tracks_json(arena, tracks, count, ASSET_SUBTITLE);
}

struct shown_unavailable {
    str language, label, format;
    bool forced;
};
SHAPE(shown_unavailable_shape, struct shown_unavailable, FIELD(struct shown_unavailable, language),
      FIELD(struct shown_unavailable, label), FIELD(struct shown_unavailable, format),
      FIELD(struct shown_unavailable, forced));

str asset_unavailable_json(struct arena *arena, const struct asset_subtitle_unavailable *items,
                           size_t count)
{
    struct buf out;
    buf_init(&out, arena, JSON_BYTES_MAX);
    buf_put_char(&out, '[');
    for (size_t i = 0; i < count; i++) {
        struct shown_unavailable shown = { text_of(items[i].language), text_of(items[i].label),
                                           text_of(items[i].format), items[i].forced };
        if (i)
            buf_put_char(&out, ',');
        shape_write_json(&out, &shown_unavailable_shape, &shown);
    }
    buf_put_char(&out, ']');
    return out.overflowed ? STR("[]") : buf_str(&out);
}

/* --- The module ----------------------------------------------------------------------------- */

static void on_change(void *arg)
{
    (void)arg;
    assets_changed();
}

static struct db *told_by;
static struct db_listener listener = { .topics = DB_TOPIC_ASSETS, .fn = on_change };

static enum err assets_open(const struct module_env *env)
{
    told_by = env->db;
    db_listen(told_by, &listener);
    return OK;
}

static void assets_close(void)
{
    db_unlisten(told_by, &listener);
}

const struct module assets_module = {
    .name = "assets",
    .context = "content",
    .sql = &ASSETS_SQL,
    .open = assets_open,
    .close = assets_close,
};
