/* film_name_tables: the words of the conventions. Those of Jellyfin, Plex and Kodi from their
 * manuals. */
#include "film_name_internal.h"

#include "media/text/fold.h"

#include <string.h>

bool film_name_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool film_name_is_alnum(char c)
{
    return film_name_is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c & 0x80);
}

bool film_name_is_separator(char c)
{
    return c == ' ' || c == '.' || c == '_' || c == '-' || c == ',' || c == '+';
}

str film_name_trim(str s)
{
    while (s.len && film_name_is_separator(s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len && film_name_is_separator(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

int film_name_number(str s, size_t *pos, unsigned digits_max)
{
    size_t at = *pos;
    int value = 0;
    while (at < s.len && film_name_is_digit(s.ptr[at]) && at - *pos < digits_max)
        value = value * 10 + (s.ptr[at++] - '0');
    if (at == *pos || (at < s.len && film_name_is_digit(s.ptr[at])))
        return -1;
    *pos = at;
    return value;
}

bool film_name_word_at(str s, size_t *pos, const char *word)
{
    str w = str_of(word);
    if (!fold_eq(str_sub(s, *pos, w.len), w))
        return false;
    *pos += w.len;
    return true;
}

static bool in_list(str word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fold_eq(word, str_of(list[i])))
            return true;
    return false;
}
#define IN_LIST(word, list) in_list((word), (list), ARRAY_LEN(list))

/* clang-format off */
static const char *const video_extensions[] = {
    "mkv", "mp4", "m4v", "mov", "avi", "webm", "ts", "m2ts", "mts", "mpg", "mpeg", "mpe", "m2v",
    "wmv", "asf", "flv", "f4v", "ogv", "ogm", "3gp", "3g2", "divx", "rmvb", "rm", "mxf", "mk3d",
    "dv", "vob", "tp", "trp",
};
static const char *const subtitle_extensions[] = {
    "srt", "ass", "ssa", "vtt", "sub", "idx", "sup",
};
static const char *const audio_extensions[] = {
    "mka", "ac3", "eac3", "ec3", "dts", "dtshd", "thd", "aac", "m4a", "mp3", "flac", "opus", "ogg",
    "oga", "wav", "mp2",
};
static const char *const image_extensions[] = {
    "jpg", "jpeg", "png", "webp", "tbn", "gif", "bmp", "avif",
};

static const char *const ignored_folders[] = {
    "@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "RECYCLER", "System Volume Information",
    "lost+found", "__MACOSX", "extrathumbs", "backdrops", "theme-music", "metadata", "screenshots",
    "screens", "proof",
};
static const char *const disc_folders[] = {
    "VIDEO_TS", "AUDIO_TS", "BDMV", "CERTIFICATE", "HVDVD_TS",
};
static const char *const ignored_files[] = {
    "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "RARBG.txt", "theme.mp3", "theme.flac",
    "theme.m4a",
};
static const char *const unfinished[] = {
    ".part", ".!qb", ".!ut", ".crdownload", ".partial", ".aria2", ".download", ".tmp", ".temp",
    ".opdownload", ".bc!", ".dctmp", ".filepart",
};

static const struct {
    const char *word;
    enum film_extra extra;
} extra_folders[] = {
    { "trailers", FILM_EXTRA_TRAILER }, { "trailer", FILM_EXTRA_TRAILER },
    { "behind the scenes", FILM_EXTRA_BEHIND_THE_SCENES },
    { "deleted scenes", FILM_EXTRA_DELETED_SCENE }, { "featurettes", FILM_EXTRA_FEATURETTE },
    { "featurette", FILM_EXTRA_FEATURETTE }, { "interviews", FILM_EXTRA_INTERVIEW },
    { "interview", FILM_EXTRA_INTERVIEW }, { "scenes", FILM_EXTRA_SCENE },
    { "shorts", FILM_EXTRA_SHORT }, { "clips", FILM_EXTRA_CLIP }, { "other", FILM_EXTRA_OTHER },
    { "others", FILM_EXTRA_OTHER }, { "extras", FILM_EXTRA_OTHER }, { "extra", FILM_EXTRA_OTHER },
    { "bonus", FILM_EXTRA_OTHER }, { "bonuses", FILM_EXTRA_OTHER },
    { "samples", FILM_EXTRA_SAMPLE }, { "sample", FILM_EXTRA_SAMPLE },
    { "трейлеры", FILM_EXTRA_TRAILER }, { "трейлер", FILM_EXTRA_TRAILER },
    { "бонусы", FILM_EXTRA_OTHER }, { "дополнительно", FILM_EXTRA_OTHER },
    { "удалённые сцены", FILM_EXTRA_DELETED_SCENE }, { "интервью", FILM_EXTRA_INTERVIEW },
    { "о съёмках", FILM_EXTRA_BEHIND_THE_SCENES },
}, extra_suffixes[] = {
    { "trailer", FILM_EXTRA_TRAILER }, { "sample", FILM_EXTRA_SAMPLE },
    { "behindthescenes", FILM_EXTRA_BEHIND_THE_SCENES },
    { "deletedscene", FILM_EXTRA_DELETED_SCENE },
    { "deleted", FILM_EXTRA_DELETED_SCENE }, { "featurette", FILM_EXTRA_FEATURETTE },
    { "interview", FILM_EXTRA_INTERVIEW }, { "scene", FILM_EXTRA_SCENE },
    { "short", FILM_EXTRA_SHORT },
    { "clip", FILM_EXTRA_CLIP }, { "other", FILM_EXTRA_OTHER }, { "extra", FILM_EXTRA_OTHER },
    { "трейлер", FILM_EXTRA_TRAILER },
};

static const char *const junk_strong[] = {
    "4k", "8k", "uhd", "bluray", "blu-ray", "bdrip", "brrip", "bdremux", "bd25", "bd50", "webrip",
    "web-rip", "webdl", "web-dl", "web-dlrip", "webdlrip", "hdtv", "hdtvrip", "hdrip", "dvdrip",
    "dvd-rip", "dvdscr", "dvd5", "dvd9", "dvdr", "dvd-r", "tvrip", "satrip", "vhsrip", "vhs-rip",
    "ldrip", "camrip", "hdcam", "telesync", "x264", "x265", "h264", "h265", "h.264", "h.265",
    "hevc", "avc", "xvid", "divx", "av1", "vp9", "aac", "ac3", "eac3", "dts", "dts-hd", "dtshd",
    "truehd", "atmos", "hdr10", "hdr10+", "10bit", "10-bit", "8bit", "hi10p", "remux", "hddvd",
    "hd-dvd", "ddp5", "dd5", "dd+5", "ddp", "aac2", "aac5",
};
static const char *const junk_weak[] = {
    "web", "dvd", "vhs", "hd", "fhd", "sd", "cam", "ts", "tc", "hdr", "sdr", "dv", "dovi",
    "proper", "repack", "internal", "limited", "multi", "dual", "audio", "dub", "dubbed", "dvo",
    "mvo", "avo", "vo", "subbed", "subs", "sub", "hq", "complete", "rip", "flac", "mp3", "opus",
    "stereo", "mono", "rus", "eng", "ukr", "ru", "en", "p", "h", "264", "265", "amzn", "nf",
    "dsnp", "hmax", "nfo", "3d", "sbs", "hsbs",
};

static const struct {
    const char *words, *name;
} editions[] = {
    { "directors cut", "Director's Cut" }, { "director's cut", "Director's Cut" },
    { "extended directors cut", "Extended Director's Cut" }, { "extended cut", "Extended Cut" },
    { "extended edition", "Extended Edition" }, { "extended version", "Extended Version" },
    { "extended", "Extended" }, { "theatrical cut", "Theatrical Cut" },
    { "theatrical", "Theatrical" }, { "final cut", "Final Cut" }, { "the final cut", "Final Cut" },
    { "special edition", "Special Edition" }, { "ultimate edition", "Ultimate Edition" },
    { "ultimate cut", "Ultimate Cut" }, { "anniversary edition", "Anniversary Edition" },
    { "collectors edition", "Collector's Edition" }, { "criterion collection", "Criterion" },
    { "criterion", "Criterion" }, { "unrated", "Unrated" }, { "uncut", "Uncut" },
    { "uncensored", "Uncensored" }, { "remastered", "Remastered" }, { "restored", "Restored" },
    { "imax", "IMAX" }, { "open matte", "Open Matte" }, { "redux", "Redux" },
    { "режиссерская версия", "Режиссёрская версия" },
    { "расширенная версия", "Расширенная версия" }, { "полная версия", "Полная версия" },
    { "прокатная версия", "Прокатная версия" },
    { "восстановленная версия", "Восстановленная версия" },
};

static const char *const generic_names[] = {
    "movie", "film", "video", "feature", "main", "title", "untitled", "disc", "full", "фильм",
    "видео",
};
static const char *const subtitle_folders[] = { "subs", "sub", "subtitles", "субтитры" };
/* clang-format on */

enum name_type film_name_type_of(str extension)
{
    if (IN_LIST(extension, video_extensions))
        return TYPE_VIDEO;
    if (IN_LIST(extension, subtitle_extensions))
        return TYPE_SUBTITLE;
    if (IN_LIST(extension, audio_extensions))
        return TYPE_AUDIO;
    if (IN_LIST(extension, image_extensions))
        return TYPE_IMAGE;
    return str_eq_nocase(extension, STR("nfo")) ? TYPE_NFO : TYPE_OTHER;
}

bool film_name_folder_ignored(str name)
{
    bool hidden =
        str_starts(name, STR(".")) && !str_starts(name, STR("..")); /* "...And" is a title */
    return hidden || IN_LIST(name, ignored_folders);
}

const char *film_name_ignored(str file_name)
{
    if (str_starts(file_name, STR(".")) && !str_starts(file_name, STR("..")))
        return "hidden";
    if (IN_LIST(file_name, ignored_files))
        return "a file of the system or of a player";
    for (size_t i = 0; i < ARRAY_LEN(unfinished); i++)
        if (str_ends_nocase(file_name, str_of(unfinished[i])))
            return "an unfinished download";
    if (str_ends(file_name, STR("~")))
        return "a backup copy";
    return NULL;
}

/* "Behind.The_Scenes" and "behind the scenes" are one. */
static bool same_words(str a, const char *b)
{
    return film_name_same(a, str_of(b));
}

enum film_extra film_name_extra_folder(str folder)
{
    for (size_t i = 0; i < ARRAY_LEN(extra_folders); i++)
        if (same_words(folder, extra_folders[i].word))
            return extra_folders[i].extra;
    return FILM_EXTRA_NONE;
}

enum film_extra film_name_extra_suffix(str *stem)
{
    for (size_t i = 0; i < ARRAY_LEN(extra_suffixes); i++) {
        str word = str_of(extra_suffixes[i].word);
        if (stem->len < word.len || !fold_eq(str_skip(*stem, stem->len - word.len), word))
            continue;
        str before = str_sub(*stem, 0, stem->len - word.len);
        char joint = before.len ? before.ptr[before.len - 1] : '-';
        bool unmistakable = extra_suffixes[i].extra == FILM_EXTRA_TRAILER ||
                            extra_suffixes[i].extra == FILM_EXTRA_SAMPLE;
        if (joint != '-' && !(unmistakable && (joint == '.' || joint == '_' || before.len == 0)))
            continue;
        if (before.len == 0 && !unmistakable)
            continue;
        *stem = film_name_trim(before);
        return extra_suffixes[i].extra;
    }
    return FILM_EXTRA_NONE;
}

/* "1080p", "50fps", "1920x1080", "5.1". */
static bool is_measure(str word)
{
    size_t pos = 0;
    if (film_name_number(word, &pos, 4) < 0)
        return false;
    str unit = str_skip(word, pos);
    if (pos >= 3 && (str_eq_nocase(unit, STR("p")) || str_eq_nocase(unit, STR("i"))))
        return true;
    if (pos >= 3 && unit.len >= 4 && (unit.ptr[0] | 32) == 'x') {
        pos = 1;
        return film_name_number(unit, &pos, 4) >= 0 && pos == unit.len;
    }
    return str_eq_nocase(unit, STR("fps"));
}

int film_name_junk(str word)
{
    static const char *const channels[] = { "5.1", "7.1", "2.0", "1.0", "5", "7", "2", "1", "0" };
    ptrdiff_t dash = str_find_char(word, '-');
    if (IN_LIST(word, junk_strong) || is_measure(word))
        return 2;
    if (dash > 0 && (IN_LIST(str_sub(word, 0, (size_t)dash), junk_strong) ||
                     is_measure(str_sub(word, 0, (size_t)dash))))
        return 2;
    return IN_LIST(word, junk_weak) || IN_LIST(word, channels);
}

const char *film_name_edition_at(str text, size_t *out_len)
{
    const char *name = NULL;
    *out_len = 0;
    for (size_t i = 0; i < ARRAY_LEN(editions); i++) {
        size_t pos = 0;
        if (film_name_word_at(text, &pos, editions[i].words) && pos > *out_len &&
            (pos == text.len || !film_name_is_alnum(text.ptr[pos]))) {
            name = editions[i].name;
            *out_len = pos;
        }
    }
    return name;
}

bool film_name_is_generic(str stem)
{
    uint64_t number;
    bool numbered = stem.len >= 5 && str_parse_u64(stem, &number);
    return numbered || IN_LIST(stem, generic_names);
}

bool film_name_is_subtitle_folder(str folder)
{
    return IN_LIST(folder, subtitle_folders);
}

const char *film_name_doubt_slug(enum film_doubt doubt)
{
    static const char *const slugs[] = {
#define X(name, slug, text) slug,
        FILM_DOUBT_TABLE(X)
#undef X
    };
    ASSERT(doubt < ARRAY_LEN(slugs));
    return slugs[doubt];
}

const char *film_name_doubt_text(enum film_doubt doubt)
{
    static const char *const texts[] = {
#define X(name, slug, text) text,
        FILM_DOUBT_TABLE(X)
#undef X
    };
    ASSERT(doubt < ARRAY_LEN(texts));
    return texts[doubt];
}

const char *film_name_kind_name(enum film_name_kind kind)
{
    static const char *const names[] = {
        "ignored", "film", "episode", "extra", "subtitle", "audio", "image", "nfo",
    };
    ASSERT(kind < ARRAY_LEN(names));
    return names[kind];
}

const char *film_name_extra_name(enum film_extra extra)
{
    static const char *const names[] = {
        "",
        "trailer",
        "behind-the-scenes",
        "deleted-scene",
        "featurette",
        "interview",
        "scene",
        "short",
        "clip",
        "other",
        "sample",
    };
    ASSERT(extra < ARRAY_LEN(names));
    return names[extra];
}

const char *film_name_image_name(enum film_image image)
{
    static const char *const names[] = { "",       "poster", "backdrop", "logo",
                                         "banner", "thumb",  "other" };
    ASSERT(image < ARRAY_LEN(names));
    return names[image];
}

bool film_name_is_disc_folder(str folder)
{
    return IN_LIST(folder, disc_folders);
}

/* The letters and digits of both, folded. */
static uint32_t next_letter(str s, size_t *pos)
{
    while (*pos < s.len) {
        uint32_t c = str_utf8_next(s, pos);
        if ((c < 0x80 && film_name_is_alnum((char)c)) ||
            (c >= 0xc0 && !(c >= 0x2000 && c < 0x2100)))
            return c == 0x451 || c == 0x401 ? 0x435 : fold_char(c);
    }
    return 0;
}

bool film_name_same(str a, str b)
{
    size_t i = 0, k = 0;
    for (;;) {
        uint32_t x = next_letter(a, &i), y = next_letter(b, &k);
        if (x != y)
            return false;
        if (x == 0)
            return true;
    }
}
