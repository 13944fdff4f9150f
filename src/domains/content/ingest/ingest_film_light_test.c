/* Pictures with more light than plain screens have, and streams that are damaged inside. */
#include "ingest_film_stage_test.h"

#include <string.h>

#define HDR(transfer)                                                                              \
    "$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -vf format=yuv420p10le,setparams="                  \
    "color_primaries=bt2020:color_trc=" transfer ":colorspace=bt2020nc -c:v libx265 -x265-params " \
    "keyint=25:log-level=none:colorprim=bt2020:colormatrix=bt2020nc:transfer=" transfer

static enum err light(void *arg)
{
    struct film_wish kept = { .name = "kept.mkv" }, pq = { .name = "pq.mkv" };
    struct film_wish hlg = { .name = "hlg.mkv" };
    (void)arg;
    film_shell(HDR("smpte2084") ":open-gop=0 kept.mkv");
    film_shell(HDR("smpte2084") ":open-gop=1:bframes=4:min-keyint=25:scenecut=0 pq.mkv");
    film_shell(HDR("arib-std-b67") ":open-gop=1:bframes=4:min-keyint=25:scenecut=0 hlg.mkv");
    film_jobs_run();
    film_ask(&kept);
    film_ask(&pq);
    film_ask(&hlg);
    film_check(&kept, "v:hvc1", "");
    struct film_result film = film_published(&kept);
    CHECK_INT(film_index_of(&film, "v1").transfer, 16); /* PQ: told to players as VIDEO-RANGE */
    struct film_wish *const mapped[] = { &pq, &hlg };
    for (size_t i = 0; i < ARRAY_LEN(mapped); i++) {
        film_check(mapped[i], "v:avc1", "open GOP at 0:00:0");
        film = film_published(mapped[i]);
        CHECK(str_find(film.reason, i == 0 ? STR("HDR (PQ): the picture is brought")
                                           : STR("HDR (HLG): the picture is brought")) >= 0);
        struct index video = film_index_of(&film, "v1");
        CHECK_INT(video.sample_count, 75);
        CHECK_INT(video.transfer, 1); /* ITU-T H.273: BT.709 */
    }
    jobs_stop(film_jobs);
    return OK;
}

TEST(bright_pictures_are_kept_or_brought_to_plain_screens)
{
    film_scenario(light);
}

static enum err damage(void *arg)
{
    struct film_wish whole = { .name = "whole.ts" }, gaps = { .name = "gaps.ts" };
    (void)arg;
    film_shell(
        "$F -f lavfi -i testsrc2=s=320x180:r=25:d=20 " X264 "whole.ts && cp whole.ts gaps.ts && "
        "s=$(($(stat -c %s gaps.ts) / 188)) && dd if=/dev/zero of=gaps.ts bs=188 conv=notrunc "
        "seek=$((s * 3 / 10)) count=$((s * 6 / 10)) 2>/dev/null");
    film_jobs_run();
    film_ask(&whole);
    film_ask(&gaps);
    film_check(&whole, "v:avc1", "");
    CHECK(str_find(film_published(&whole).reason, STR("promises")) < 0);
    film_check(&gaps, "v:avc1", "the file promises could be read: it is damaged");
    jobs_stop(film_jobs);
    return OK;
}

TEST(a_stream_with_holes_is_named)
{
    film_scenario(damage);
}
