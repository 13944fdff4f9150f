/* Serving stored films through the real server: addresses, bytes, caching, and damage. */
#include "playback_stage.h"

#include "foundation/mem/heap.h"
#include "media/fixture/film.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static struct arena memory;

static const struct asset_track video_row = { .name = STR_INIT("v1"),
                                              .kind = ASSET_VIDEO,
                                              .codec = STR_INIT("avc1.640028") };
static const struct asset_track audio_row = { .name = STR_INIT("a1"),
                                              .kind = ASSET_AUDIO,
                                              .language = STR_INIT("de"),
                                              .label = STR_INIT("Deutsch"),
                                              .channels = 2 };
static const struct asset_track text_row = { .name = STR_INIT("s1"),
                                             .kind = ASSET_SUBTITLE,
                                             .language = STR_INIT("ru"),
                                             .label = STR_INIT("Русские") };
static const str subtitles = STR_INIT("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nПривет\n\n"
                                      "00:00:08.000 --> 00:00:09.500\nПока\n");

static str video_file(void)
{
    struct film film = film_video(250); /* 10 s */
    return film_file(&memory, &film);
}

static str audio_file(void)
{
    struct film film = film_audio(470);
    return film_file(&memory, &film);
}

/* Video, audio and subtitles, published. */
static struct id whole_film(struct stage *stage, struct id *out_title)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
    struct id asset = stage_asset(stage);
    stage_track(stage, asset, &video_row, video_file());
    stage_track(stage, asset, &audio_row, audio_file());
    stage_track(stage, asset, &text_row, subtitles);
    struct id title = stage_film(stage, asset, true);
    if (out_title)
        *out_title = title;
    return asset;
}

static str kept(str answer)
{
    return arena_str(&memory, answer);
}

static bool answer_has(str answer, const char *field, const char *value)
{
    return str_eq(answer_field(answer, str_of(field)), str_of(value));
}

/* --- Playing -------------------------------------------------------------------------------- */

static str play(struct stage *stage, struct id title)
{
    return stage_ask(stage, "POST",
                     arena_printf(&memory, "/v1/titles/%lld/play", (long long)title.value), "");
}

TEST(play_hands_out_addresses)
{
    struct stage *stage = stage_open();
    struct id title, asset = whole_film(stage, &title);
    str address = stage_address(stage, asset), answer = play(stage, title);
    CHECK_INT(answer_status(answer), 200);
    CHECK(answer_has(answer, "Cache-Control", "no-store"));
    str expected = arena_printf(
        &memory, "{\"title\":\"%lld\",\"hls\":\"%.*s/master.m3u8\",\"dash\":\"%.*s/manifest.mpd\"",
        (long long)title.value, STR_ARG(address), STR_ARG(address));
    CHECK_STR(str_sub(answer_body(answer), 0, expected.len), expected);
    CHECK(str_find(answer, STR("\"duration_ms\":10000")) > 0);
    CHECK(str_find(answer, arena_printf(&memory,
                                        "\"subtitles\":[{\"language\":\"ru\",\"label\":\"Русские\","
                                        "\"forced\":false,\"url\":\"%.*s/s1.vtt\"}]",
                                        STR_ARG(address))) > 0);
    stage_close(stage);
}

TEST(play_refuses_what_is_not_shown)
{
    struct stage *stage = stage_open();
    struct id title, asset = whole_film(stage, &title);
    struct id draft_asset = stage_asset(stage);
    stage_track(stage, draft_asset, &video_row, video_file());
    struct id draft = stage_film(stage, draft_asset, false);
    str answer = play(stage, draft);
    CHECK_INT(answer_status(answer), 404);
    CHECK(str_find(answer, STR("title-not-found")) > 0);
    CHECK(str_find(answer, STR("/media/")) < 0);
    CHECK_INT(answer_status(play(stage, ID(4711))), 404);
    CHECK_INT(answer_status(stage_ask(stage, "POST", STR("/v1/titles/x/play"), "")), 404);
    stage_forget(stage, asset);
    answer = play(stage, title);
    CHECK_INT(answer_status(answer), 409);
    CHECK(str_find(answer, STR("not-playable")) > 0);
    stage_close(stage);
}

static str play_edition(struct stage *stage, struct id title, str body)
{
    return client_ask(stage_http(stage),
                      arena_printf(&memory,
                                   "POST /v1/titles/%lld/play HTTP/1.1\r\nHost: a\r\n"
                                   "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
                                   (long long)title.value, body.len, STR_ARG(body)));
}

TEST(play_takes_an_edition)
{
    struct stage *stage = stage_open();
    struct id title;
    whole_film(stage, &title);
    CHECK_INT(answer_status(play_edition(stage, title, STR("{\"edition\":\"1\"}"))), 200);
    CHECK_INT(answer_status(play_edition(stage, title, STR("{\"edition\":null}"))), 200);
    CHECK_INT(answer_status(play_edition(stage, title, STR("{}"))), 200);
    CHECK_INT(answer_status(play_edition(stage, title, STR("{\"edition\":\"99\"}"))), 404);
    CHECK_INT(answer_status(play_edition(stage, title, STR("{\"edition\":1.5}"))), 400);
    CHECK_INT(answer_status(play_edition(stage, title, STR("["))), 400);
    stage_close(stage);
}

/* --- Bytes ---------------------------------------------------------------------------------- */

TEST(playlists_lead_to_segments)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str answer = stage_get(stage, asset, "master.m3u8");
    CHECK_INT(answer_status(answer), 200);
    CHECK(answer_has(answer, "Content-Type", "application/vnd.apple.mpegurl"));
    CHECK(answer_has(answer, "Cache-Control", "no-cache"));
    CHECK(str_find(answer, STR("\nv1/index.m3u8\n")) > 0);
    CHECK(str_find(answer, STR("URI=\"a1/index.m3u8\"")) > 0);
    CHECK(str_find(answer, STR("URI=\"s1/index.m3u8\"")) > 0);
    answer = stage_get(stage, asset, "manifest.mpd");
    CHECK(answer_has(answer, "Content-Type", "application/dash+xml"));
    CHECK(str_find(answer, STR("$RepresentationID$/$Number$.m4s")) > 0);
    CHECK(str_find(answer, STR(">s1.vtt<")) > 0);
    answer = stage_get(stage, asset, "v1/index.m3u8");
    CHECK(str_find(answer, STR("\n1.m4s\n")) > 0 && str_find(answer, STR("#EXT-X-ENDLIST")) > 0);
    CHECK(answer_has(answer, "Cache-Control", "public, max-age=31536000, immutable"));
    answer = stage_get(stage, asset, "s1/index.m3u8");
    CHECK(str_find(answer, STR("\n1.vtt\n")) > 0);
    stage_close(stage);
}

static str ask_coded(struct stage *stage, struct id asset, const char *file, const char *fields)
{
    str path = arena_printf(&memory, "%.*s/%s", STR_ARG(stage_address(stage, asset)), file);
    return kept(stage_ask(stage, "GET", path, fields));
}

static void check_unpacked(str packed, str text)
{
    static char room[1 << 20];
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed.ptr,
                        .avail_in = (uInt)packed.len,
                        .next_out = (Bytef *)room,
                        .avail_out = sizeof(room) };
    CHECK_INT(inflateInit2(&stream, 15 + 16), Z_OK);
    CHECK_INT(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    CHECK_STR(((str){ room, stream.total_out }), text);
}

TEST(playlists_are_compressed_for_those_who_take_it)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str plain = ask_coded(stage, asset, "manifest.mpd", ""), body = answer_body(plain);
    CHECK(body.len >= HTTP_CODED_BYTES_MIN);
    CHECK(answer_has(plain, "Vary", "Accept-Encoding"));
    CHECK(!answer_field(plain, STR("Content-Encoding")).ptr);
    struct open_asset *open = open_cache_find_old(asset);
    size_t held = open->held_bytes;
    for (int again = 0; again < 2; again++) {
        str answer = ask_coded(stage, asset, "manifest.mpd", "Accept-Encoding: gzip\r\n");
        CHECK(answer_has(answer, "Content-Encoding", "gzip"));
        CHECK(answer_has(answer, "Content-Type", "application/dash+xml"));
        CHECK(answer_has(answer, "Cache-Control", "no-cache"));
        CHECK(answer_body(answer).len < body.len * 7 / 8);
        check_unpacked(answer_body(answer), body);
        str etag = answer_field(answer, STR("ETag"));
        CHECK(str_ends(etag, STR("-gz\"")));
        str fields = arena_printf(&memory, "Accept-Encoding: gzip\r\nIf-None-Match: %.*s\r\n",
                                  STR_ARG(etag));
        CHECK_INT(answer_status(ask_coded(stage, asset, "manifest.mpd", fields.ptr)), 304);
    }
    str brotli = ask_coded(stage, asset, "manifest.mpd", "Accept-Encoding: gzip, br\r\n");
    CHECK(answer_has(brotli, "Content-Encoding", "br"));
    CHECK(open->held_bytes > held); /* what is kept is counted */
    open_asset_release(open);
    CHECK_STR(answer_body(ask_coded(stage, asset, "manifest.mpd", "")), body);
    str small = ask_coded(stage, asset, "s1/index.m3u8", "Accept-Encoding: gzip\r\n");
    CHECK(!answer_field(small, STR("Content-Encoding")).ptr);
    CHECK_INT(
        answer_status(ask_coded(stage, asset, "manifest.mpd", "Accept-Encoding: identity;q=0\r\n")),
        406);
    stage_close(stage);
}

/* Every byte of the samples, in order: the stored file's mdat is its segments' payloads. */
static void check_track(struct stage *stage, struct id asset, const char *track, str file)
{
    struct buf joined;
    unsigned number = 1;
    uint64_t head_bytes;
    CHECK_OK(mp4_head_size(file, file.len, &head_bytes));
    buf_init(&joined, &memory, MIB(16));
    for (;; number++) {
        str name = arena_printf(&memory, "%s/%u.m4s", track, number);
        str answer = stage_get(stage, asset, name.ptr);
        if (answer_status(answer) == 404)
            break;
        CHECK_INT(answer_status(answer), 200);
        CHECK(answer_has(answer, "Cache-Control", "public, max-age=31536000, immutable"));
        CHECK(answer_field(answer, STR("ETag")).len == 18);
        str body = answer_body(answer);
        ptrdiff_t mdat = str_find(body, STR("mdat"));
        CHECK(str_eq(str_sub(body, 4, 4), STR("styp")) && mdat > 0);
        buf_put(&joined, str_skip(body, (size_t)mdat + 4));
    }
    CHECK(number > 3);
    CHECK_STR(buf_str(&joined), str_skip(file, (size_t)head_bytes + 8));
}

TEST(segments_hold_every_byte)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    check_track(stage, asset, "v1", video_file());
    check_track(stage, asset, "a1", audio_file());
    str answer = stage_get(stage, asset, "v1/init.mp4");
    CHECK(answer_has(answer, "Content-Type", "video/mp4"));
    CHECK_STR(str_sub(answer_body(answer), 4, 4), STR("ftyp"));
    CHECK(answer_has(stage_get(stage, asset, "a1/1.m4s"), "Content-Type", "audio/mp4"));
    stage_close(stage);
}

TEST(the_same_address_gives_the_same_bytes)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    static const char *const files[] = { "master.m3u8", "manifest.mpd", "v1/2.m4s",
                                         "a1/init.mp4", "s1/1.vtt",     "s1.vtt" };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        str first = kept(stage_get(stage, asset, files[i]));
        open_cache_drop(asset); /* opened once more */
        str second = stage_get(stage, asset, files[i]);
        CHECK_STR(answer_body(second), answer_body(first));
        CHECK_STR(answer_field(second, STR("ETag")), answer_field(first, STR("ETag")));
        str path = arena_printf(&memory, "%.*s/%s", STR_ARG(stage_address(stage, asset)), files[i]);
        str field = arena_printf(&memory, "If-None-Match: %.*s\r\n",
                                 STR_ARG(answer_field(first, STR("ETag"))));
        CHECK_INT(answer_status(stage_ask(stage, "GET", path, field.ptr)), 304);
        str head = stage_ask(stage, "HEAD", path, "");
        CHECK_STR(answer_field(head, STR("Content-Length")),
                  answer_field(first, STR("Content-Length")));
        CHECK_INT(answer_body(head).len, 0);
    }
    stage_close(stage);
}

TEST(parts_of_files_and_segments)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str file = video_file(), address = stage_address(stage, asset);
    str path = arena_printf(&memory, "%.*s/v1.mp4", STR_ARG(address));
    str answer = stage_ask(stage, "GET", path, "Range: bytes=100-4099\r\n");
    CHECK_INT(answer_status(answer), 206);
    CHECK_STR(answer_body(answer), str_sub(file, 100, 4000));
    CHECK_STR(answer_body(stage_ask(stage, "GET", path, "")), file);
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "Range: bytes=99999999-\r\n")), 416);
    str whole = kept(answer_body(stage_get(stage, asset, "v1/2.m4s")));
    path = arena_printf(&memory, "%.*s/v1/2.m4s", STR_ARG(address));
    answer = stage_ask(stage, "GET", path, "Range: bytes=10-\r\n"); /* header and payload */
    CHECK_STR(answer_body(answer), str_skip(whole, 10));
    stage_close(stage);
}

TEST(subtitles_whole_and_in_segments)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str answer = stage_get(stage, asset, "s1.vtt");
    CHECK(answer_has(answer, "Content-Type", "text/vtt; charset=utf-8"));
    CHECK_STR(answer_body(answer), subtitles);
    answer = stage_get(stage, asset, "s1/1.vtt");
    CHECK(str_starts(answer_body(answer), STR("WEBVTT")));
    CHECK(str_find(answer, STR("Привет")) > 0 && str_find(answer, STR("Пока")) > 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "s1/2.vtt")), 404);
    CHECK_INT(answer_status(stage_get(stage, asset, "s1/init.mp4")), 404);
    stage_close(stage);
}

TEST(other_addresses_lead_nowhere)
{
    static const char *const files[] = {
        "",           "x",         "v1",          "v1.vtt",         "s1.mp4",
        "v9.mp4",     "v1/0.m4s",  "v1/01.m4s",   "v1/-1.m4s",      "v1/4294967296.m4s",
        "v1/1.vtt",   "v9/1.m4s",  "v1/x.m4s",    "v1/index.m3u",   "v1/",
        "s1/1.m4s",   "s1/0.vtt",  "../1/v1.mp4", "v1/..%2fv1.mp4", "%2e%2e/v1.mp4",
        "v1/999.m4s", "v1.mp4%00", "v1/1.m4s/",   "media/1/v1.mp4", "v1/4294967295.m4s",
    };
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    for (int warm = 0; warm < 2; warm++)
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
            unsigned status = answer_status(stage_get(stage, asset, files[i]));
            CHECK(status == 404 || status == 400);
        }
    str address = stage_address(stage, asset);
    str path = arena_printf(&memory, "%.*s/master.m3u8", STR_ARG(address));
    char *last = (char *)(uintptr_t)path.ptr + address.len - 1;
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "")), 200);
    *last = *last == '0' ? '1' : '0'; /* a token that is nearly right, warm and cold */
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "")), 404);
    open_cache_drop(asset);
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "")), 404);
    CHECK(!open_cache_find(asset)); /* nothing is opened for it */
    CHECK_INT(answer_status(stage_ask(stage, "GET", STR("/media/1/master.m3u8"), "")), 404);
    stage_close(stage);
}

/* --- Change --------------------------------------------------------------------------------- */

TEST(an_asset_is_served_when_it_is_ready)
{
    struct stage *stage = stage_open();
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
    struct id asset = stage_asset(stage);
    stage_track(stage, asset, &video_row, video_file());
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 404);
    stage_film(stage, asset, true);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 200);
    stage_close(stage);
}

TEST(a_new_track_shows_and_a_removed_asset_goes)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    struct asset_track second = text_row;
    second.name = STR("s2");
    second.language = STR("en");
    str address = stage_address(stage, asset);
    str path = arena_printf(&memory, "%.*s/master.m3u8", STR_ARG(address));
    CHECK(str_find(stage_ask(stage, "GET", path, ""), STR("s2/index.m3u8")) < 0);
    assets_changed(); /* somebody else's: looked at again, and kept */
    struct open_asset *before = open_cache_find_old(asset);
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "")), 200);
    struct open_asset *after = open_cache_find(asset);
    CHECK(before && before == after);
    open_asset_release(before);
    open_asset_release(after);
    stage_track(stage, asset, &second, subtitles);
    assets_changed();
    CHECK(str_find(stage_ask(stage, "GET", path, ""), STR("s2/index.m3u8")) > 0);
    stage_forget(stage, asset);
    CHECK_INT(answer_status(stage_ask(stage, "GET", path, "")), 404);
    CHECK(!open_cache_find_old(asset));
    stage_close(stage);
}

TEST(many_open_one_asset_at_once)
{
    enum { MANY = 40, ROUNDS = 5 };
    static const char *const files[] = { "master.m3u8", "v1/2.m4s", "s1/1.vtt", "film.mp4" };
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str address = stage_address(stage, asset);
    for (int round = 0; round < ROUNDS; round++) {
        int fds[MANY];
        open_cache_drop(asset);
        for (int i = 0; i < MANY; i++) {
            fds[i] = client_open(stage_http(stage));
            client_send(fds[i], arena_printf(&memory,
                                             "GET %.*s/%s HTTP/1.1\r\nHost: a\r\n"
                                             "Connection: close\r\n\r\n",
                                             STR_ARG(address), files[i % 4]));
            if (i % 8 == 7)
                assets_changed();
        }
        for (int i = 0; i < MANY; i++) {
            CHECK_INT(answer_status(client_read_all(fds[i])), 200);
            close(fds[i]);
        }
    }
    struct open_asset *opened = open_cache_find_old(asset);
    CHECK(opened != NULL);
    open_cache_drop(asset);
    CHECK_INT(opened->references, 1); /* ours: every request has given its own back */
    open_asset_release(opened);
    stage_close(stage);
}

TEST(the_cache_forgets_the_oldest)
{
    enum { MANY = 300 };
    struct open_asset *first = NULL;
    for (int i = 1; i <= MANY; i++) {
        struct open_asset *asset = heap_zalloc(1, sizeof(*asset));
        atomic_init(&asset->references, 1);
        atomic_init(&asset->generation, assets_generation());
        asset->id = ID(i);
        open_cache_put(asset);
        if (i == 1)
            first = open_asset_share(asset);
        open_asset_release(asset);
    }
    CHECK(!open_cache_find(ID(1)));
    CHECK_INT(first->references, 1); /* ours: it lives on */
    open_asset_release(first);
    struct open_asset *last = open_cache_find(ID(MANY));
    CHECK(last != NULL);
    open_asset_release(last);
    struct open_asset *large = heap_zalloc(1, sizeof(*large));
    atomic_init(&large->references, 1);
    atomic_init(&large->generation, assets_generation());
    large->id = ID(MANY + 1);
    large->held_bytes = MIB(1000); /* more than all may hold: alone it stays */
    open_cache_put(large);
    open_asset_release(large);
    CHECK(!open_cache_find(ID(MANY)));
    large = open_cache_find(ID(MANY + 1));
    CHECK(large != NULL);
    open_asset_release(large);
    open_cache_close();
}

/* --- Damage --------------------------------------------------------------------------------- */

TEST(a_film_cut_before_it_is_opened)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    CHECK_INT(truncate(stage_path(stage, asset, "v1.mp4"), 5000), 0);
    str answer = stage_get(stage, asset, "v1/1.m4s");
    CHECK_INT(answer_status(answer), 500);
    CHECK(str_find(answer, STR("v1.mp4")) < 0); /* our paths are nobody's business */
    CHECK_INT(truncate(stage_path(stage, asset, "v1.mp4"), 0), 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 500);
    CHECK_INT(unlink(stage_path(stage, asset, "v1.mp4")), 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 500);
    stage_close(stage);
}

TEST(a_film_cut_while_it_is_served)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    str whole = kept(stage_get(stage, asset, "v1/3.m4s"));
    CHECK_INT(truncate(stage_path(stage, asset, "v1.mp4"), 5000), 0);
    CHECK_INT(truncate(stage_path(stage, asset, "v1.idx"), 10), 0);
    str answer = stage_get(stage, asset, "v1/3.m4s"); /* the end of the connection says it */
    CHECK(answer.len < whole.len);
    CHECK_INT(answer_status(stage_get(stage, asset, "a1/1.m4s")), 200); /* the others go on */
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/index.m3u8")), 200);
    stage_close(stage);
}

static void flip(const char *path, off_t at)
{
    char byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(pread(fd, &byte, 1, at) == 1);
    byte = (char)~byte;
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

TEST(a_damaged_index)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    flip(stage_path(stage, asset, "v1.idx"), 300);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 500);
    flip(stage_path(stage, asset, "v1.idx"), 300);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 200);
    open_cache_drop(asset);
    CHECK_INT(truncate(stage_path(stage, asset, "v1.idx"), 200), 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 500);
    CHECK_INT(truncate(stage_path(stage, asset, "v1.idx"), 0), 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 500);
    stage_close(stage);
}

TEST(a_damaged_language_is_left_out)
{
    struct stage *stage = stage_open();
    struct id asset = whole_film(stage, NULL);
    flip(stage_path(stage, asset, "a1.idx"), 300);
    str answer = stage_get(stage, asset, "master.m3u8");
    CHECK_INT(answer_status(answer), 200);
    CHECK(str_find(answer, STR("v1/index.m3u8")) > 0 && str_find(answer, STR("a1/")) < 0);
    CHECK_INT(answer_status(stage_get(stage, asset, "a1/1.m4s")), 404);
    CHECK_INT(answer_status(stage_get(stage, asset, "v1/1.m4s")), 200);
    flip(stage_path(stage, asset, "s1.vtt"), 0); /* no WEBVTT any more */
    CHECK_INT(answer_status(stage_get(stage, asset, "s1/1.vtt")), 500);
    stage_close(stage);
}
