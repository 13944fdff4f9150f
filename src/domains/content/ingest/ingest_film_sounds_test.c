/* Sound and subtitles of a film, inside and beside it, and names that are no plain words. */
#include "ingest_film_stage_test.h"

#include <unistd.h>

static enum err sounds(void *arg)
{
    struct film_sidecar beside[] = {
        { .kind = STR("subtitle"), .language = STR("ru"), .label = STR(""), .sdh = true },
        { .kind = STR("subtitle"), .language = STR("en"), .label = STR("") },
        { .kind = STR("audio"), .language = STR("uk"), .label = STR("Студія") },
        { .kind = STR("audio"), .language = STR("fr"), .label = STR("") },
        { .kind = STR("subtitle"), .language = STR("de"), .label = STR("") },
    };
    struct film_wish wide = { .name = "wide.mp4" }, late = { .name = "late.mkv", .draft = true };
    struct film_wish trailer = { .name = "late.mkv", .extra = "trailer" };
    static const char *const names[] = { "wide.ru.srt", "wide.en.srt", "wide.uk.m4a", "wide.fr.m4a",
                                         "gone.srt" };
    (void)arg;
    film_shell("$F " VIDEO "-f lavfi -i anoisesrc=d=5:c=pink:a=0.1 -map 0 -map 1 -map 1 " X264
               "-c:a:0 ac3 -ac:a:0 6 -c:a:1 aac -ac:a:1 6 -metadata:s:a:0 language=eng "
               "-metadata:s:a:1 language=ger wide.mp4");
    film_shell("$F " VIDEO "-itsoffset 1.5 -f lavfi -i sine=d=3:sample_rate=48000 " X264
               "-c:a flac late.mkv");
    film_shell("$F -f lavfi -i sine=d=5 -c:a aac wide.uk.m4a");
    film_write("wide.ru.srt", STR("1\n00:00:01,000 --> 00:00:02,000\n\xcf\xf0\xe8\xe2\xe5\xf2, "
                                  "\xec\xe8\xf0! \xca\xe0\xea \xe4\xe5\xeb\xe0?\n"));
    film_write("wide.en.srt", STR("this is no subtitle at all"));
    film_write("wide.fr.m4a", STR("this is no sound at all"));
    for (size_t i = 0; i < ARRAY_LEN(beside); i++)
        beside[i].path = ingest_path_to_hex(task_arena(), film_path(names[i]));
    wide.sidecars = beside;
    wide.sidecars_count = ARRAY_LEN(beside);
    film_jobs_run();
    film_ask(&wide);
    film_ask(&late);
    film_check(&wide, "v:avc1 a:en a:de a:de+ a:uk s:ru", "wide.en.srt was left out");
    struct film_result film = film_published(&wide);
    CHECK(str_find(film.reason, STR("AC-3 is transcoded to AAC in stereo")) >= 0);
    CHECK(str_find(film.reason, STR("AAC with 6 channels gets AAC in stereo beside it")) >= 0);
    CHECK(str_find(film.reason, STR("a sound file was left out: the film cannot be read")) >= 0);
    CHECK(str_find(film.reason, STR("gone.srt was left out")) >= 0);
    CHECK(film.tracks[1].is_default && film.tracks[1].channels == 2);
    CHECK_STR(film.tracks[3].label, STR("Deutsch (6 ch)"));
    CHECK_STR(film.tracks[4].label, STR("Студія"));
    CHECK(film.tracks[5].sdh);
    CHECK(str_find(film_subtitle_of(&film, "s1"), STR("Привет, мир! Как дела?")) > 0);

    /* Sound that begins later still does; a draft stays one. */
    struct id hidden;
    struct index_segment first;
    film_await(&late);
    CHECK_STR(film_file_state(&late, &film.reason), STR("done"));
    CHECK_ERR(catalog_asset_get(db_now(film_env.db), late.title, ID_NONE, &hidden), ERR_NOT_FOUND);
    trailer.known = wide.title;
    film_ask(&trailer);
    film_await(&trailer);
    CHECK_STR(film_file_state(&trailer, &film.reason), STR("done"));
    CHECK(id_eq(film_published(&wide).id, film.id)); /* the trailer is not the film */
    struct source source;
    CHECK_OK(ingest_source_find(db_now(film_env.db), film_path("late.mkv"), &source));
    film.id = source.asset;
    struct index audio = film_index_of(&film, "a1");
    CHECK_INT(audio.codec, MP4_FLAC);
    CHECK_OK(index_segment_get(&audio, 1, &first));
    uint64_t begins_ms = index_ticks_to_ms(&audio, first.start_ticks);
    CHECK(begins_ms >= 1480 && begins_ms <= 1520);
    jobs_stop(film_jobs);
    return OK;
}

TEST(sound_and_subtitles_of_all_kinds)
{
    film_scenario(sounds);
}

static enum err odd_names(void *arg)
{
    static const char *const names[] = { "-i.mkv", "a:b%d.mkv", "pipe:1.mkv",
                                         "\xcc\xe8\xf0 'x'.mkv" };
    struct film_wish wishes[ARRAY_LEN(names)];
    (void)arg;
    film_shell("$F " VIDEO X264 "x.mkv");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_INT(link(film_path("x.mkv").ptr, film_path(names[i]).ptr), 0);
        wishes[i] = (struct film_wish){ .name = names[i], .shown = i == 3 ? "Mir" : NULL };
    }
    film_jobs_run();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        film_ask(&wishes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        film_check(&wishes[i], "v:avc1", "");
    jobs_stop(film_jobs);
    return OK;
}

TEST(names_are_neither_options_nor_patterns)
{
    film_scenario(odd_names);
}
