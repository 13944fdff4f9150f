/* Files that are no films, and an ffprobe that does what it likes: the reason is given, nothing is
 * left. */
#include "ingest_film_stage_test.h"

#include "ingest_probe.h"

#include <stdlib.h>
#include <sys/stat.h>

static enum err not_films(void *arg)
{
    struct film_wish broken = { .name = "broken.mkv" }, cut = { .name = "cut.mp4" };
    struct film_wish sound = { .name = "sound.mkv" }, empty = { .name = "empty.mkv" };
    struct film_wish text = { .name = "text.mkv" }, list = { .name = "list.mkv" };
    struct film_wish gone = { .name = "gone.mkv" }, folder = { .name = "folder.mkv" };
    (void)arg;
    film_shell("$F -f lavfi -i testsrc2=s=320x180:r=25:d=12 " X264 "whole.mkv && "
               "head -c $(($(stat -c %s whole.mkv) * 6 / 10)) whole.mkv > broken.mkv");
    film_shell("$F " VIDEO X264 "whole.mp4 && head -c 20000 whole.mp4 > cut.mp4");
    film_shell("$F " SOUND "-c:a aac sound.mkv && : > empty.mkv && mkdir folder.mkv");
    film_write("text.mkv", STR("This is a diary and not a film.\n"));
    /* A playlist that would read another file of the disk. */
    film_write("list.mkv", STR("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nwhole.mp4\n"
                               "#EXT-X-ENDLIST\n"));
    film_jobs_run();
    struct film_wish *const all[] = { &broken, &cut, &sound, &empty, &text, &list, &gone, &folder };
    static const char *const words[] = {
        "the film breaks off at 0:00:0",
        "the film cannot be read: ",
        "there is no picture in the file",
        "the file is empty",
        "the film cannot be read: Invalid data found when processing input",
        "the film cannot be read: ",
        "the file is not there any more",
        "the film is no regular file",
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        film_ask(all[i]);
        film_check_failed(all[i], words[i]);
    }
    for (unsigned asset = 1; asset <= ARRAY_LEN(all); asset++)
        CHECK_INT(film_store_files(arena_printf(task_arena(), "objects/media/%u", asset).ptr), 0);
    ingest.disk_reserve_bytes = (uint64_t)1 << 60;
    struct film_wish large = { .name = "whole.mp4" };
    film_ask(&large);
    film_check_failed(&large, "1099511627776 MB are kept in reserve");
    jobs_stop(film_jobs);
    return OK;
}

TEST(what_is_no_film_fails_with_its_reason)
{
    film_scenario(not_films);
}

static void fake_ffprobe(const char *script)
{
    film_write("bin/ffprobe", str_of(script));
    CHECK_INT(chmod(film_path("bin/ffprobe").ptr, 0700), 0);
}

static enum err wild_ffprobe(void *arg)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        { "#!/bin/sh\nexec sleep 1000\n", "did not end within" },
        { "#!/bin/sh\nkill -SEGV $$\n", "ffprobe was ended by signal 11" },
        { "#!/bin/sh\nexec perl -e '$x = \"a\" x (1 << 31); print \"{}\"'\n",
          "the film cannot be read: " },
        { "#!/bin/sh\necho nonsense\n", "what ffprobe says of it makes no sense" },
        { "#!/bin/sh\nexec yes\n", "wrote more than" },
        { "#!/bin/sh\necho 'file:x: first' >&2; echo 'x: the moon is full' >&2; exit 1\n",
          "the moon is full" },
    };
    (void)arg;
    film_shell("$F " VIDEO X264 "x.mkv && mkdir bin none");
    film_path_set(arena_printf(task_arena(), "%s:%s", film_path("bin").ptr, film_own_path).ptr);
    film_jobs_run();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct film_wish wish = { .name = "x.mkv" };
        fake_ffprobe(rows[i].script);
        ingest_probe_timeout = i == 0 ? SECONDS(1) : SECONDS(60);
        film_ask(&wish);
        film_check_failed(&wish, rows[i].words);
    }
    film_path_set(film_path("none").ptr);
    struct film_wish missing = { .name = "x.mkv" };
    film_ask(&missing);
    film_check_failed(&missing, "ffprobe is not installed: apt-get install ffmpeg");
    film_path_set(film_own_path);
    struct film_wish again = { .name = "x.mkv" };
    film_ask(&again);
    film_check(&again, "v:avc1", "");
    jobs_stop(film_jobs);
    return OK;
}

TEST(whatever_ffprobe_does_is_survived)
{
    film_scenario(wild_ffprobe);
}
