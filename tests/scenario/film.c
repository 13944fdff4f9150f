/*
 * film: small films for tests, drawn by ffmpeg from its own test sources, so that no film is stored
 * in the tree. The words after the file name are properties; each has a default.
 */
#include "world.h"

#include <stdlib.h>

enum { FILM_SECONDS_MAX = 7200 };
#define FILM_LIMIT SECONDS(300)

struct property {
    const char *name;
    str value;
};

enum {
    SECONDS_LONG,
    SIZE,
    FPS,
    VIDEO,
    PIXELS,
    BFRAMES,
    GOP,
    OPEN_GOP,
    AUDIO,
    AUDIOS,
    EXTRA,
    PROPERTIES
};

static void defaults(struct property properties[PROPERTIES])
{
    static const struct property initial[PROPERTIES] = {
        [SECONDS_LONG] = { "seconds", STR_INIT("4") },
        [SIZE] = { "size", STR_INIT("320x180") },
        [FPS] = { "fps", STR_INIT("25") },
        [VIDEO] = { "video", STR_INIT("libx264") },
        [PIXELS] = { "pixels", STR_INIT("yuv420p") },
        [BFRAMES] = { "bframes", STR_INIT("0") },
        [GOP] = { "gop", STR_INIT("50") },
        [OPEN_GOP] = { "opengop", STR_INIT("0") },
        [AUDIO] = { "audio", STR_INIT("aac") },
        [AUDIOS] = { "audios", STR_INIT("1") },
        [EXTRA] = { "extra", STR_INIT("") },
    };
    for (int i = 0; i < PROPERTIES; i++)
        properties[i] = initial[i];
}

/* name=value; the value of extra= is the rest of the line. */
static enum err properties_read(struct world *world, str rest, struct property *properties)
{
    while (rest.len) {
        str all = rest, word = script_word(&rest), name;
        int i = 0;
        if (!str_cut(&word, '=', &name) || !word.ptr)
            return world_fail(world, "a film's properties read name=value");
        while (i < PROPERTIES && !str_eq(name, str_of(properties[i].name)))
            i++;
        if (i == PROPERTIES)
            return world_fail(world, "a film has no property %.*s", STR_ARG(name));
        properties[i].value = word;
        if (i == EXTRA) {
            properties[i].value = str_skip(all, name.len + 1);
            break;
        }
    }
    return OK;
}

static bool is_none(str value)
{
    return str_eq(value, STR("none"));
}

static void audio_inputs(struct buf *command, const struct property *p, uint64_t tracks)
{
    for (uint64_t i = 0; i < tracks; i++)
        buf_printf(command, " -f lavfi -i sine=frequency=%d:duration=%.*s:sample_rate=48000",
                   (int)(440 + 110 * i), STR_ARG(p[SECONDS_LONG].value));
}

static void audio_outputs(struct buf *command, const struct property *p, uint64_t tracks,
                          bool video)
{
    static const char *const languages[] = { "rus", "eng", "deu", "fra" };
    for (uint64_t i = 0; i < tracks; i++)
        buf_printf(command, " -map %d:a -metadata:s:a:%d language=%s", (int)i + video, (int)i,
                   languages[i % ARRAY_LEN(languages)]);
    if (tracks)
        buf_printf(command, " -c:a %.*s", STR_ARG(p[AUDIO].value));
}

static void command_write(struct buf *command, const struct property *p, uint64_t tracks)
{
    bool video = !is_none(p[VIDEO].value);
    buf_put(command, STR("exec ffmpeg -v error -nostdin -y"));
    if (video)
        buf_printf(command, " -f lavfi -i testsrc2=size=%.*s:rate=%.*s:duration=%.*s",
                   STR_ARG(p[SIZE].value), STR_ARG(p[FPS].value), STR_ARG(p[SECONDS_LONG].value));
    audio_inputs(command, p, tracks);
    if (video)
        buf_printf(command, " -map 0:v -c:v %.*s -pix_fmt %.*s -g %.*s -threads 1",
                   STR_ARG(p[VIDEO].value), STR_ARG(p[PIXELS].value), STR_ARG(p[GOP].value));
    if (video && str_eq(p[VIDEO].value, STR("libx264")))
        buf_printf(command, " -preset ultrafast -bf %.*s -x264-params open-gop=%.*s:scenecut=0",
                   STR_ARG(p[BFRAMES].value), STR_ARG(p[OPEN_GOP].value));
    audio_outputs(command, p, tracks, video);
    buf_printf(command, " %.*s", STR_ARG(p[EXTRA].value));
}

enum err film_make(struct world *world, str arguments)
{
    struct property properties[PROPERTIES];
    struct process *ffmpeg;
    struct buf command;
    uint64_t tracks, seconds;
    str name;
    TRY(world_name(world, &arguments, &name));
    defaults(properties);
    TRY(properties_read(world, arguments, properties));
    if (!str_parse_u64(properties[AUDIOS].value, &tracks) || tracks > 4 ||
        !str_parse_u64(properties[SECONDS_LONG].value, &seconds) || seconds > FILM_SECONDS_MAX)
        return world_fail(world, "a film has up to 4 audio tracks and whole seconds up to %d",
                          FILM_SECONDS_MAX);
    if (is_none(properties[AUDIO].value))
        tracks = 0;
    buf_init(&command, &world->lasting, KIB(16));
    command_write(&command, properties, tracks);
    buf_printf(&command, " \"$KB_FILM\"");
    TRY(world_parents(world, world_path(world, name)));
    setenv("KB_FILM", world_path(world, name), 1);
    TRY(process_start(world, STR("film"), command.ptr, &ffmpeg));
    TRY(process_await(world, ffmpeg, FILM_LIMIT));
    if (ffmpeg->exit_code != 0)
        return world_fail(world, "ffmpeg ended with %d: %s", ffmpeg->exit_code, command.ptr);
    return OK;
}
