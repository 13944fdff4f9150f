/* film_name_sidecar: what subtitles, sound tracks and pictures add to the name of their film. */
#include "film_name_internal.h"

#include "media/text/fold.h"

/* --- languages and flags -------------------------------------------------------------------- */

enum flag { FLAG_NONE, FLAG_FORCED, FLAG_SDH, FLAG_DEFAULT, FLAG_COMMENTARY, FLAG_PLAIN };

static enum flag flag_of(str word)
{
    static const struct {
        const char *word;
        enum flag flag;
    } rows[] = {
        { "forced", FLAG_FORCED },
        { "foreign", FLAG_FORCED },
        { "форсированные", FLAG_FORCED },
        { "форс", FLAG_FORCED },
        { "sdh", FLAG_SDH },
        { "cc", FLAG_SDH },
        { "hi", FLAG_SDH },
        { "default", FLAG_DEFAULT },
        { "commentary", FLAG_COMMENTARY },
        { "comments", FLAG_COMMENTARY },
        { "full", FLAG_PLAIN },
        { "полные", FLAG_PLAIN },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (fold_eq(word, str_of(rows[i].word)))
            return rows[i].flag;
    return FLAG_NONE;
}

static void flag_apply(enum flag flag, struct film_name *out)
{
    out->forced |= flag == FLAG_FORCED;
    out->sdh |= flag == FLAG_SDH;
    out->preferred |= flag == FLAG_DEFAULT;
    out->commentary |= flag == FLAG_COMMENTARY;
}

/* One word: a flag or, once, a language. False: neither. */
static bool word_apply(str word, struct film_name *out)
{
    enum flag flag = flag_of(word);
    /* "hi" is Hindi where no language was named: "Name.hi.srt"; "Name.en.hi.srt" is for the deaf.
     */
    struct language_tag tag;
    bool language = language_tag_parse(word, &tag);
    if (flag == FLAG_SDH && language && !out->language.language && str_eq_nocase(word, STR("hi"))) {
        out->language = tag;
        return true;
    }
    if (flag != FLAG_NONE) {
        flag_apply(flag, out);
        return true;
    }
    if (!language)
        return false;
    bool hindi = out->language.language && str_eq(str_of(out->language.text), STR("hi"));
    if (out->language.language && !hindi)
        return false;
    out->sdh |= hindi;
    out->language = tag;
    return true;
}

/* "Russian Forced", "eng_sdh": every word is known, or nothing is applied. */
static bool words_apply(str words, struct film_name *out)
{
    struct film_name trial = *out;
    size_t from = 0;
    bool any = false;
    if (word_apply(words, out))
        return true;
    for (size_t i = 0; i <= words.len; i++) {
        if (i < words.len && str_find_char(STR(" _()[]-"), words.ptr[i]) < 0)
            continue;
        str word = str_sub(words, from, i - from);
        from = i + 1;
        if (word.len == 0)
            continue;
        if (!word_apply(word, &trial))
            return false;
        any = true;
    }
    if (any)
        *out = trial;
    return any;
}

/* "Name_ru", "Name-eng", "2_English": the last piece after '_' or '-', when it is a code or flag.
 */
static bool tight_take(str *stem, struct film_name *out)
{
    size_t at = stem->len;
    while (at > 0 && stem->ptr[at - 1] != '_' && stem->ptr[at - 1] != '-')
        at--;
    str word = str_skip(*stem, at);
    bool upper = word.len && word.ptr[0] >= 'A' && word.ptr[0] <= 'Z';
    bool short_name = word.len <= 3 && upper; /* "Spider-Man", "Catch-It" */
    if (at < 2 || word.len < 2 || short_name || !word_apply(word, out))
        return false;
    *stem = str_sub(*stem, 0, at - 1);
    return true;
}

static bool looks_like_year(str word)
{
    uint64_t number;
    return str_parse_u64(word, &number);
}

void film_name_flags_take(struct arena *arena, str *stem, struct film_name *out)
{
    bool any = false, labelled = false;
    for (int words = 0; words < 6; words++) {
        ptrdiff_t dot = str_find_last_char(*stem, '.');
        if (dot <= 0)
            break;
        str word = str_skip(*stem, (size_t)dot + 1);
        if (words_apply(word, out)) {
            any = true;
            *stem = str_sub(*stem, 0, (size_t)dot);
            continue;
        }
        /* "Name.Signs.en.srt": one free word before the flags, when what is left is not a release
         * name. */
        str before = str_sub(*stem, 0, (size_t)dot);
        bool label = any && !labelled && word.len && !looks_like_year(word) &&
                     !film_name_junk(word) && str_find_char(*stem, ' ') >= 0 &&
                     str_find_char(before, '.') < 0 && str_find_char(word, ')') < 0;
        if (!label)
            break;
        labelled = true;
        out->track_name = arena_str(arena, word);
        *stem = before;
    }
    if (any)
        return;
    if (words_apply(*stem, out))
        *stem = str_sub(*stem, 0, 0);
    else
        while (tight_take(stem, out))
            ;
}

/* --- pictures ------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum film_image image;
} image_words[] = {
    { "poster", FILM_IMAGE_POSTER },     { "folder", FILM_IMAGE_POSTER },
    { "cover", FILM_IMAGE_POSTER },      { "fanart", FILM_IMAGE_BACKDROP },
    { "backdrop", FILM_IMAGE_BACKDROP }, { "background", FILM_IMAGE_BACKDROP },
    { "clearlogo", FILM_IMAGE_LOGO },    { "logo", FILM_IMAGE_LOGO },
    { "banner", FILM_IMAGE_BANNER },     { "landscape", FILM_IMAGE_THUMB },
    { "thumb", FILM_IMAGE_THUMB },       { "discart", FILM_IMAGE_OTHER },
    { "disc", FILM_IMAGE_OTHER },        { "clearart", FILM_IMAGE_OTHER },
    { "keyart", FILM_IMAGE_POSTER },     { "постер", FILM_IMAGE_POSTER },
    { "обложка", FILM_IMAGE_POSTER },
};

/* "season01", "season-specials", "season-all" at the start. */
static bool season_prefix(str *stem, int *out_season)
{
    size_t pos = 0;
    int season;
    if (!film_name_word_at(*stem, &pos, "season"))
        return false;
    if (film_name_word_at(*stem, &pos, "-specials"))
        season = 0;
    else if (film_name_word_at(*stem, &pos, "-all"))
        season = -1;
    else
        season = film_name_number(*stem, &pos, 3);
    if (season < 0 && !str_starts(*stem, STR("season-all")))
        return false;
    *out_season = season;
    *stem = film_name_trim(str_skip(*stem, pos));
    return true;
}

enum film_image film_name_image_take(str *stem, int *out_season)
{
    str s = *stem;
    bool of_season = season_prefix(&s, out_season);
    while (s.len && film_name_is_digit(s.ptr[s.len - 1]) && !of_season)
        s.len--; /* "fanart2", "backdrop-1" */
    if (s.len && s.ptr[s.len - 1] == '-')
        s.len--;
    for (size_t i = 0; i < ARRAY_LEN(image_words); i++) {
        str word = str_of(image_words[i].word);
        if (s.len < word.len || !fold_eq(str_skip(s, s.len - word.len), word))
            continue;
        str before = str_sub(s, 0, s.len - word.len);
        if (before.len && str_find_char(STR("-._"), before.ptr[before.len - 1]) < 0)
            continue;
        *stem = of_season ? str_sub(s, 0, 0) : film_name_trim(before);
        return image_words[i].image;
    }
    if (of_season) {
        *stem = str_sub(s, 0, 0);
        return FILM_IMAGE_POSTER;
    }
    return FILM_IMAGE_NONE;
}
