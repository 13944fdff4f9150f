/* What is done with each kind of track, a row each; and what ffprobe's answers are read as. */
#include "ingest_plan.h"

#include "foundation/test/test.h"

#include <string.h>

static struct arena arena;

/* --- Video --------------------------------------------------------------------------------------
 */

struct video_row {
    const char *codec, *pixels, *order;
    bool interlaced, varies;
    const char *reason; /* NULL: copied */
};

static const struct video_row video_rows[] = {
    { "h264", "yuv420p", "progressive", false, false, NULL },
    { "h264", "yuvj420p", "progressive", false, false, NULL },
    { "h264", "yuv420p", "unknown", false, false, NULL },
    { "h264", "yuv420p", "", false, false, NULL },
    { "hevc", "yuv420p", "", false, false, NULL },
    { "hevc", "yuv420p10le", "", false, false, NULL },
    { "av1", "yuv420p", "", false, false, NULL },
    { "av1", "yuv420p10le", "", false, false, NULL },
    { "vp9", "yuv420p", "", false, false, NULL },
    { "vp9", "yuv420p10le", "", false, false, NULL },
    { "h264", "yuv420p10le", "progressive", false, false, "Hi10P" },
    { "h264", "yuv422p", "progressive", false, false, "4:2:2, 8 bits" },
    { "h264", "yuv422p10le", "progressive", false, false, "4:2:2, 10 bits" },
    { "h264", "yuv444p", "progressive", false, false, "4:4:4, 8 bits" },
    { "h264", "gray", "progressive", false, false, "4:0:0, 8 bits" },
    { "h264", "gbrp", "progressive", false, false, "RGB, 8 bits" },
    { "h264", "", "progressive", false, false, "unknown pixels" },
    { "hevc", "yuv422p10le", "", false, false, "4:2:2, 10 bits" },
    { "hevc", "yuv420p12le", "", false, false, "pixels of the form yuv420p12le" },
    { "vp9", "yuv444p", "", false, false, "4:4:4, 8 bits" },
    { "h264", "yuv420p", "tt", false, false, "interlaced" },
    { "h264", "yuv420p", "bb", false, false, "interlaced" },
    { "h264", "yuv420p", "tb", false, false, "interlaced" },
    { "h264", "yuv420p", "bt", false, false, "interlaced" },
    { "h264", "yuv420p", "progressive", true, false, "interlaced" },
    { "h264", "yuv420p", "progressive", false, true, "variable resolution" },
    { "hevc", "yuv420p", "tt", false, false, "interlaced" },
    { "mpeg2video", "yuv420p", "progressive", false, false, "codec MPEG-2" },
    { "mpeg1video", "yuv420p", "", false, false, "codec MPEG-1" },
    { "mpeg4", "yuv420p", "", false, false, "codec MPEG-4" },
    { "vc1", "yuv420p", "", false, false, "codec VC-1" },
    { "vp8", "yuv420p", "", false, false, "codec VP8" },
    { "wmv3", "yuv420p", "", false, false, "codec WMV" },
    { "theora", "yuv420p", "", false, false, "codec Theora" },
    { "prores", "yuv422p10le", "", false, false, "codec ProRes" },
    { "cinepak", "rgb24", "", false, false, "codec cinepak" },
    { "", "", "", false, false, "codec ?" },
};

static struct plan plan_of(struct probe_stream *streams, size_t count, const char *transcode)
{
    struct probe probe = { .format = STR("matroska,webm"),
                           .duration_ms = 60000,
                           .streams = streams,
                           .streams_count = count };
    struct plan_source source = { .probe = &probe, .language = STR(""), .label = STR("") };
    struct plan plan;
    for (size_t i = 0; i < count; i++)
        streams[i].index = (int64_t)i;
    CHECK_OK(ingest_plan_make(&arena, &source, 1, str_of(transcode), &plan));
    return plan;
}

static struct probe_stream good_video(void)
{
    return (struct probe_stream){ .kind = PROBE_VIDEO,
                                  .codec = STR("h264"),
                                  .pixel_format = STR("yuv420p"),
                                  .width = 1920,
                                  .height = 1080,
                                  .rate_num = 25,
                                  .rate_den = 1 };
}

TEST(videos_are_copied_or_transcoded_for_a_reason)
{
    arena_init(&arena, MIB(4));
    for (size_t i = 0; i < ARRAY_LEN(video_rows); i++) {
        const struct video_row *row = &video_rows[i];
        struct probe_stream video = good_video();
        video.codec = str_of(row->codec);
        video.pixel_format = str_of(row->pixels);
        video.field_order = str_of(row->order);
        video.interlaced = row->interlaced;
        video.size_varies = row->varies;
        struct plan plan = plan_of(&video, 1, "");
        CHECK_INT(plan.tracks_count, 1);
        CHECK_INT(plan.tracks[0].kind, PLAN_VIDEO);
        CHECK_INT(plan.tracks[0].action, row->reason ? PLAN_TRANSCODE : PLAN_COPY);
        CHECK_INT(plan.notes_count, row->reason ? 1 : 0);
        if (row->reason)
            CHECK_STR(plan.notes[0],
                      arena_printf(&arena, "%s: the video is transcoded", row->reason));
        CHECK(plan.video.deinterlace ==
              (row->interlaced || strcmp(row->order, "tt") == 0 || strcmp(row->order, "bb") == 0 ||
               strcmp(row->order, "tb") == 0 || strcmp(row->order, "bt") == 0));
    }
    arena_deinit(&arena);
}

TEST(a_reason_found_later_wins_over_copying_only)
{
    arena_init(&arena, MIB(1));
    struct probe_stream video = good_video();
    struct plan copied = plan_of(&video, 1, ""), open = plan_of(&video, 1, "open GOP at 0:00:04");
    CHECK_INT(open.tracks[0].action, PLAN_TRANSCODE);
    CHECK_STR(open.notes[0], STR("open GOP at 0:00:04: the video is transcoded"));
    CHECK(ingest_plan_signature(&copied) != ingest_plan_signature(&open));
    video.pixel_format = STR("yuv420p10le");
    struct plan deep = plan_of(&video, 1, "open GOP");
    CHECK_STR(deep.notes[0], STR("Hi10P: the video is transcoded"));
    CHECK(ingest_plan_signature(&deep) == ingest_plan_signature(&open));
    arena_deinit(&arena);
}

TEST(pictures_and_data_are_no_film)
{
    struct probe_stream cover = good_video(), data = { .kind = PROBE_OTHER },
                        sound = { .kind = PROBE_AUDIO, .codec = STR("aac"), .channels = 2 };
    arena_init(&arena, MIB(1));
    cover.attached_picture = true;
    cover.codec = STR("mjpeg");
    struct probe_stream streams[] = { cover, data, sound, good_video(), good_video() };
    struct probe probe = { .format = STR("mp3"), .streams = streams, .streams_count = 3 };
    struct plan_source source = { .probe = &probe };
    struct plan plan;
    CHECK_ERR(ingest_plan_make(&arena, &source, 1, STR(""), &plan), ERR_INVALID);
    streams[4].is_default = true;
    plan = plan_of(streams, 5, "");
    CHECK_INT(plan.tracks_count, 2);
    CHECK_INT(plan.tracks[0].stream, 4); /* one video, the one the file prefers */
    arena_deinit(&arena);
}

/* --- Audio ---------------------------------------------------------------------------------- */

struct audio_row {
    const char *codec, *profile;
    int64_t channels;
    const char *actions; /* of the tracks: c copied, t transcoded */
    const char *note;    /* NULL: none */
};

static const struct audio_row audio_rows[] = {
    { "aac", "LC", 2, "c", NULL },
    { "aac", "HE-AAC", 2, "c", NULL },
    { "aac", "HE-AACv2", 2, "c", NULL },
    { "aac", "", 1, "c", NULL },
    { "opus", "", 2, "c", NULL },
    { "flac", "", 2, "c", NULL },
    { "flac", "", 1, "c", NULL },
    { "aac", "Main", 2, "t", "audio 1 (ru): AAC is transcoded to AAC in stereo" },
    { "ac3", "", 6, "t", "audio 1 (ru): AC-3 is transcoded to AAC in stereo" },
    { "ac3", "", 2, "t", "audio 1 (ru): AC-3 is transcoded to AAC in stereo" },
    { "eac3", "", 6, "t", "audio 1 (ru): E-AC-3 is transcoded to AAC in stereo" },
    { "dts", "DTS-HD MA", 8, "t", "audio 1 (ru): DTS is transcoded to AAC in stereo" },
    { "truehd", "", 8, "t", "audio 1 (ru): TrueHD is transcoded to AAC in stereo" },
    { "mp3", "", 2, "t", "audio 1 (ru): MP3 is transcoded to AAC in stereo" },
    { "mp2", "", 2, "t", "audio 1 (ru): MP2 is transcoded to AAC in stereo" },
    { "vorbis", "", 2, "t", "audio 1 (ru): Vorbis is transcoded to AAC in stereo" },
    { "pcm_s16le", "", 2, "t", "audio 1 (ru): PCM is transcoded to AAC in stereo" },
    { "aac", "LC", 6, "tc", "audio 1 (ru): AAC with 6 channels gets AAC in stereo beside it" },
    { "opus", "", 6, "tc", "audio 1 (ru): Opus with 6 channels gets AAC in stereo beside it" },
    { "flac", "", 8, "tc", "audio 1 (ru): FLAC with 8 channels gets AAC in stereo beside it" },
};

TEST(sound_is_copied_or_made_aac_in_stereo)
{
    arena_init(&arena, MIB(4));
    for (size_t i = 0; i < ARRAY_LEN(audio_rows); i++) {
        const struct audio_row *row = &audio_rows[i];
        struct probe_stream streams[] = { good_video(),
                                          { .kind = PROBE_AUDIO,
                                            .codec = str_of(row->codec),
                                            .profile = str_of(row->profile),
                                            .channels = row->channels,
                                            .language = STR("rus") } };
        struct plan plan = plan_of(streams, 2, "");
        CHECK_INT(plan.tracks_count, 1 + strlen(row->actions));
        for (size_t t = 1; t < plan.tracks_count; t++) {
            const struct plan_track *track = &plan.tracks[t];
            CHECK_INT(track->action, row->actions[t - 1] == 'c' ? PLAN_COPY : PLAN_TRANSCODE);
            CHECK_INT(track->number, t);
            CHECK_STR(track->language, STR("ru"));
            CHECK(track->is_default == (t == 1));
        }
        CHECK_INT(plan.notes_count, row->note ? 1 : 0);
        if (row->note)
            CHECK_STR(plan.notes[0], str_of(row->note));
    }
    arena_deinit(&arena);
}

static struct probe_stream aac(const char *language, const char *title)
{
    return (struct probe_stream){ .kind = PROBE_AUDIO,
                                  .codec = STR("aac"),
                                  .profile = STR("LC"),
                                  .channels = 2,
                                  .language = str_of(language),
                                  .title = str_of(title) };
}

TEST(one_sound_track_is_the_default)
{
    arena_init(&arena, MIB(1));
    struct probe_stream streams[] = { good_video(), aac("eng", "By the director"), aac("rus", ""),
                                      aac("ger", "") };
    streams[1].commentary = streams[1].is_default = true;
    struct plan plan = plan_of(streams, 4, "");
    CHECK(!plan.tracks[1].is_default && plan.tracks[2].is_default && !plan.tracks[3].is_default);
    streams[3].is_default = true;
    plan = plan_of(streams, 4, "");
    CHECK(!plan.tracks[1].is_default && !plan.tracks[2].is_default && plan.tracks[3].is_default);
    plan = plan_of(streams, 2, "");
    CHECK(plan.tracks[1].is_default); /* better a commentary than silence */
    arena_deinit(&arena);
}

TEST(tracks_have_names_people_know)
{
    char long_title[600];
    arena_init(&arena, MIB(1));
    memset(long_title, 'x', sizeof(long_title) - 1);
    long_title[sizeof(long_title) - 1] = 0;
    struct probe_stream streams[] = { good_video(),      aac("rus", ""),         aac("xxx", ""),
                                      aac("", "A\nB\t"), aac("fre", long_title), aac("und", "") };
    streams[5].commentary = true;
    struct plan plan = plan_of(streams, 6, "");
    CHECK_STR(plan.tracks[1].label, STR("Русский"));
    CHECK_STR(plan.tracks[2].language, STR(""));
    CHECK_STR(plan.tracks[2].label, STR(""));
    CHECK_STR(plan.tracks[3].label, STR("A B"));
    CHECK_STR(plan.tracks[4].language, STR("fr"));
    CHECK_INT(plan.tracks[4].label.len, PLAN_LABEL_BYTES_MAX);
    CHECK_STR(plan.tracks[5].label, STR("Commentary"));
    arena_deinit(&arena);
}

TEST(there_is_an_end_to_tracks)
{
    static struct probe_stream streams[100];
    unsigned audios = 0, subtitles = 0;
    arena_init(&arena, MIB(1));
    streams[0] = good_video();
    for (size_t i = 1; i < 50; i++) {
        streams[i] = aac("eng", "");
        streams[i].channels = 6;
    }
    for (size_t i = 50; i < 100; i++)
        streams[i] = (struct probe_stream){ .kind = PROBE_SUBTITLE, .codec = STR("subrip") };
    struct plan plan = plan_of(streams, 100, "");
    for (size_t i = 0; i < plan.tracks_count; i++) {
        audios += plan.tracks[i].kind == PLAN_AUDIO;
        subtitles += plan.tracks[i].kind == PLAN_SUBTITLE;
    }
    CHECK_INT(audios, PLAN_AUDIO_MAX);
    CHECK_INT(subtitles, PLAN_SUBTITLES_MAX);
    arena_deinit(&arena);
}

TEST(sound_beside_the_film_is_taken_by_its_name)
{
    arena_init(&arena, MIB(1));
    struct probe_stream film[] = { good_video(), aac("eng", "") }, beside[] = { aac("und", "x") };
    film[1].index = 1;
    struct probe probes[] = { { .format = STR("mov"), .streams = film, .streams_count = 2 },
                              { .format = STR("mov"), .streams = beside, .streams_count = 1 } };
    struct plan_source sources[] = { { .probe = &probes[0] },
                                     { &probes[1], STR("uk"), STR("Дубляж") } };
    struct plan plan;
    CHECK_OK(ingest_plan_make(&arena, sources, 2, STR(""), &plan));
    CHECK_INT(plan.tracks_count, 3);
    CHECK_INT(plan.tracks[2].source, 1);
    CHECK_INT(plan.tracks[2].stream, 0);
    CHECK_STR(plan.tracks[2].language, STR("uk"));
    CHECK_STR(plan.tracks[2].label, STR("Дубляж"));
    CHECK(plan.tracks[1].is_default && !plan.tracks[2].is_default);
    arena_deinit(&arena);
}

/* --- Subtitles ------------------------------------------------------------------------------ */

struct subtitle_row {
    const char *codec;
    bool extracted, ass;
    const char *note;
};

static const struct subtitle_row subtitle_rows[] = {
    { "subrip", true, false, NULL },
    { "webvtt", true, false, NULL },
    { "mov_text", true, false, NULL },
    { "text", true, false, NULL },
    { "ass", true, true, NULL },
    { "ssa", true, true, NULL },
    { "hdmv_pgs_subtitle", false, false, "picture subtitles are not shown yet: PGS, de" },
    { "dvd_subtitle", false, false, "picture subtitles are not shown yet: VobSub, de" },
    { "dvb_subtitle", false, false, "picture subtitles are not shown yet: DVB, de" },
    { "xsub", false, false, "picture subtitles are not shown yet: XSUB, de" },
    { "eia_608", false, false, "subtitles of the kind eia_608 are not understood" },
};

TEST(texts_are_extracted_and_pictures_named)
{
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(subtitle_rows); i++) {
        const struct subtitle_row *row = &subtitle_rows[i];
        struct probe_stream streams[] = { good_video(),
                                          { .kind = PROBE_SUBTITLE,
                                            .codec = str_of(row->codec),
                                            .language = STR("ger"),
                                            .forced = true,
                                            .is_default = true } };
        struct plan plan = plan_of(streams, 2, "");
        CHECK_INT(plan.tracks_count, row->extracted ? 2 : 1);
        CHECK_INT(plan.notes_count, row->note ? 1 : 0);
        if (row->note)
            CHECK_STR(plan.notes[0], str_of(row->note));
        bool pictures = row->note && strstr(row->note, "picture");
        CHECK_INT(plan.unavailable_count, pictures);
        if (pictures) {
            CHECK_STR(plan.unavailable[0].language, STR("de"));
            CHECK(plan.unavailable[0].forced && strstr(row->note, plan.unavailable[0].format.ptr));
        }
        if (!row->extracted)
            continue;
        CHECK(plan.tracks[1].ass == row->ass && plan.tracks[1].forced && plan.tracks[1].is_default);
        CHECK_STR(plan.tracks[1].label, STR("Deutsch"));
    }
    arena_deinit(&arena);
}

TEST(disk_needed_follows_the_plan)
{
    arena_init(&arena, MIB(1));
    struct probe_stream video = good_video();
    struct plan copied = plan_of(&video, 1, ""), made = plan_of(&video, 1, "Hi10P");
    CHECK_INT(ingest_plan_size_estimate(&copied, MIB(700)), MIB(704));
    /* a minute of 1080p25: between 10 and 100 MB, whatever the source has */
    CHECK(ingest_plan_size_estimate(&made, MIB(7000)) > MIB(10));
    CHECK(ingest_plan_size_estimate(&made, MIB(7000)) < MIB(100));
    arena_deinit(&arena);
}

/* --- ffprobe's answers ---------------------------------------------------------------------- */

static const char matroska[] =
    "{\"programs\":[],\"streams\":[{\"index\":0,\"codec_name\":\"h264\",\"profile\":\"High 10\","
    "\"codec_type\":\"video\",\"width\":320,\"height\":180,\"pix_fmt\":\"yuv420p10le\","
    "\"field_order\":\"progressive\",\"avg_frame_rate\":\"24000/1001\",\"disposition\":{"
    "\"default\":1,\"comment\":0,\"forced\":0,\"hearing_impaired\":0,\"attached_pic\":0},"
    "\"tags\":{\"DURATION\":\"01:02:03.500000000\"}},"
    "{\"index\":1,\"codec_name\":\"aac\",\"profile\":\"LC\",\"codec_type\":\"audio\","
    "\"sample_rate\":\"44100\",\"channels\":6,\"avg_frame_rate\":\"0/0\",\"disposition\":{"
    "\"default\":0,\"comment\":1,\"forced\":0,\"hearing_impaired\":1,\"attached_pic\":0},"
    "\"tags\":{\"language\":\"rus\",\"title\":\"\xd0\x94\xd1\x83\xd0\xb1\xd0\xbb\"}},"
    "{\"index\":2,\"codec_type\":\"data\"},"
    "{\"index\":3,\"codec_name\":\"subrip\",\"codec_type\":\"subtitle\",\"duration\":\"9.25\","
    "\"disposition\":{\"forced\":1}},"
    "{\"index\":4,\"codec_name\":\"mjpeg\",\"codec_type\":\"video\",\"width\":600,\"height\":900,"
    "\"disposition\":{\"attached_pic\":1}}],"
    "\"format\":{\"format_name\":\"matroska,webm\",\"duration\":\"3723.523000\",\"size\":"
    "\"169125\"}}";

TEST(ffprobe_is_understood)
{
    struct probe probe;
    arena_init(&arena, MIB(1));
    CHECK_OK(ingest_probe_parse(&arena, str_of(matroska), &probe));
    CHECK_STR(probe.format, STR("matroska,webm"));
    CHECK_INT(probe.duration_ms, 3723523);
    CHECK_INT(probe.size_bytes, 169125);
    CHECK_INT(probe.streams_count, 5);
    const struct probe_stream *video = &probe.streams[0], *audio = &probe.streams[1];
    CHECK(video->kind == PROBE_VIDEO && video->width == 320 && video->is_default);
    CHECK_INT(video->duration_ms, 3723500);
    CHECK_INT(video->rate_num, 24000);
    CHECK_INT(video->rate_den, 1001);
    CHECK(audio->kind == PROBE_AUDIO && audio->channels == 6 && audio->sample_rate == 44100);
    CHECK(audio->commentary && audio->sdh && audio->rate_num == 0);
    CHECK_STR(audio->language, STR("rus"));
    CHECK_INT(probe.streams[2].kind, PROBE_OTHER);
    CHECK(probe.streams[3].forced && probe.streams[3].duration_ms == 9250);
    CHECK(probe.streams[4].attached_picture);
    arena_deinit(&arena);
}

TEST(odd_answers_of_ffprobe)
{
    static const char *const fine[] = {
        "{}",
        "{\"streams\":[]}",
        "{\"format\":{\"duration\":\"N/A\"}}",
        "{\"format\":{\"duration\":\"-5.0\"}}",
        "{\"format\":{\"duration\":\"99999999999999999999.0\"}}",
        "{\"streams\":[{\"avg_frame_rate\":\"1/0\",\"tags\":{\"DURATION\":\"a:b:c\"}}]}",
    };
    static const char *const bad[] = {
        "", "[]", "{", "{\"streams\":3}", "Segmentation fault", "{\"streams\":[{\"index\":\"x\"}]}"
    };
    struct probe probe;
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        CHECK_OK(ingest_probe_parse(&arena, str_of(fine[i]), &probe));
        CHECK_INT(probe.duration_ms, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(ingest_probe_parse(&arena, str_of(bad[i]), &probe), ERR_INVALID);
    arena_deinit(&arena);
}

TEST(first_frames_tell_what_the_container_does_not)
{
    struct probe_stream video = { .kind = PROBE_VIDEO };
    arena_init(&arena, MIB(1));
    CHECK_OK(ingest_probe_frames_parse(&arena, STR("{\"frames\":[]}"), &video));
    CHECK_OK(ingest_probe_frames_parse(
        &arena,
        STR("{\"frames\":[{\"width\":8,\"height\":4,\"interlaced_frame\":0,"
            "\"side_data_list\":[{}]},{\"width\":8,\"height\":4}]}"),
        &video));
    CHECK(!video.interlaced && !video.size_varies);
    CHECK_OK(ingest_probe_frames_parse(&arena,
                                       STR("{\"frames\":[{\"width\":8,\"height\":4},"
                                           "{\"width\":8,\"height\":6,\"interlaced_frame\":1}]}"),
                                       &video));
    CHECK(video.interlaced && video.size_varies);
    arena_deinit(&arena);
}

TEST(what_ffmpeg_says_for_people)
{
    CHECK_STR(
        ingest_ffmpeg_complaint(STR("a\nfile:/f/x.mkv: Invalid data found\n"), STR("/f/x.mkv")),
        STR("Invalid data found"));
    CHECK_STR(ingest_ffmpeg_complaint(STR("[mov,mp4 @ 0x55d0] moov atom not found"), STR("/f")),
              STR("moov atom not found"));
    CHECK_STR(ingest_ffmpeg_complaint(STR(" \n"), STR("/f")), STR("it gave no reason"));
}
