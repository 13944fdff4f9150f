/* film_name_episode: numbers of seasons and episodes in the names of files and folders. */
#include "film_name_internal.h"

#include "media/text/fold.h"

static void separators_skip(str s, size_t *pos)
{
    while (*pos < s.len && film_name_is_separator(s.ptr[*pos]))
        ++*pos;
}

static bool any_word_at(str s, size_t *pos, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (film_name_word_at(s, pos, words[i]))
            return true;
    return false;
}

/* clang-format off */
static const char *const season_words[] = {
    "season", "series", "сезон", "staffel", "saison", "temporada", "stagione", "seizoen", "sezon",
};
static const char *const episode_words[] = {
    "episode", "ep", "e", "серия", "выпуск", "эпизод", "folge",
};
static const char *const specials[] = { "specials", "special", "спецвыпуски", "спешлы" };
/* clang-format on */

/* "S01", "Season 1", "Сезон 1". */
static int season_at(str s, size_t *pos)
{
    size_t at = *pos;
    if (any_word_at(s, &at, season_words, ARRAY_LEN(season_words)))
        separators_skip(s, &at);
    else if (!film_name_word_at(s, &at, "s"))
        return -1;
    int season = film_name_number(s, &at, 4);
    if (season >= 0)
        *pos = at;
    return season;
}

/* "E02", "Ep 2", "Серия 2", after separators. */
static int episode_at(str s, size_t *pos)
{
    size_t at = *pos;
    separators_skip(s, &at);
    if (!any_word_at(s, &at, episode_words, ARRAY_LEN(episode_words)))
        return -1;
    separators_skip(s, &at);
    int episode = film_name_number(s, &at, 4);
    if (episode >= 0)
        *pos = at;
    return episode;
}

/* A second season mark inside a range: "S01E01-S01E02". */
static int episode_again_at(str s, size_t *pos)
{
    size_t at = *pos;
    separators_skip(s, &at);
    season_at(s, &at);
    int episode = episode_at(s, &at);
    if (episode >= 0)
        *pos = at;
    return episode;
}

/* "-02" directly after the first number, not "-1080p". */
static int range_end_at(str s, size_t *pos)
{
    size_t at = *pos;
    if (!film_name_word_at(s, &at, "-"))
        return -1;
    int episode = film_name_number(s, &at, 3);
    if (episode < 0 || (at < s.len && film_name_is_alnum(s.ptr[at])))
        return -1;
    *pos = at;
    return episode;
}

/* The further numbers of a file with several episodes. */
static void range_take(str s, struct name_episode *hit)
{
    for (;;) {
        size_t at = hit->to;
        int next = episode_again_at(s, &at);
        if (next < 0)
            next = range_end_at(s, &at);
        if (next <= hit->episode_last || next - hit->episode > 200)
            return;
        hit->episode_last = next;
        hit->to = at;
    }
}

static bool sxxexx_at(str s, size_t from, struct name_episode *out)
{
    size_t pos = from;
    int season = season_at(s, &pos);
    int episode = season < 0 ? -1 : episode_at(s, &pos);
    if (episode < 0)
        return false;
    *out = (struct name_episode){ season, episode, episode, FILM_DOUBT_NONE, from, pos };
    range_take(s, out);
    return true;
}

/* "1 сезон 2 серия", "1-й сезон 2-я серия". */
static bool russian_at(str s, size_t from, struct name_episode *out)
{
    size_t pos = from;
    int season = film_name_number(s, &pos, 2);
    if (season < 0)
        return false;
    film_name_word_at(s, &pos, "-й");
    separators_skip(s, &pos);
    if (!film_name_word_at(s, &pos, "сезон"))
        return false;
    separators_skip(s, &pos);
    int episode = film_name_number(s, &pos, 3);
    if (episode < 0)
        return false;
    film_name_word_at(s, &pos, "-я");
    separators_skip(s, &pos);
    if (!film_name_word_at(s, &pos, "серия"))
        return false;
    *out = (struct name_episode){ season, episode, episode, FILM_DOUBT_NONE, from, pos };
    return true;
}

static bool times_at(str s, size_t *pos)
{
    return film_name_word_at(s, pos, "x") || film_name_word_at(s, pos, "х") ||
           film_name_word_at(s, pos, "×");
}

/* "1x02", "01x02-03", "1x02x03", "1x02-1x03". The episode has two digits or more. */
static bool nxnn_at(str s, size_t from, struct name_episode *out)
{
    size_t pos = from;
    int season = film_name_number(s, &pos, 2);
    if (season < 0 || !times_at(s, &pos))
        return false;
    size_t digits_from = pos;
    int episode = film_name_number(s, &pos, 3);
    if (episode < 0 || pos - digits_from < 2)
        return false;
    *out = (struct name_episode){ season, episode, episode, FILM_DOUBT_NONE, from, pos };
    for (;;) {
        size_t at = out->to;
        int next = range_end_at(s, &at);
        if (next < 0) {
            at = out->to;
            if (film_name_word_at(s, &at, "-"))
                film_name_number(s, &at, 2);
            next = times_at(s, &at) ? film_name_number(s, &at, 3) : -1;
        }
        if (next <= out->episode_last)
            break;
        out->episode_last = next;
        out->to = at;
    }
    return out->to == s.len || !film_name_is_alnum(s.ptr[out->to]);
}

/* "2005-03-26", "26.03.2005". */
static bool date_at(str s, size_t from, struct name_episode *out)
{
    int part[3];
    size_t pos = from, width[3];
    for (int i = 0; i < 3; i++) {
        size_t start = pos;
        part[i] = film_name_number(s, &pos, 4);
        width[i] = pos - start;
        if (part[i] < 0)
            return false;
        if (i < 2 && (pos >= s.len || str_find_char(STR(".-_ "), s.ptr[pos++]) < 0))
            return false;
    }
    bool year_first = width[0] == 4 && width[2] == 2;
    int year = year_first ? part[0] : part[2], day = year_first ? part[2] : part[0];
    bool shaped = width[1] == 2 && (year_first || (width[0] == 2 && width[2] == 4));
    if (!shaped || year < 1900 || year > 2099 || part[1] < 1 || part[1] > 12 || day < 1 || day > 31)
        return false;
    *out = (struct name_episode){ -1, -1, -1, FILM_DOUBT_DATE, from, pos };
    return pos == s.len || !film_name_is_alnum(s.ptr[pos]);
}

bool film_name_episode_find(str stem, struct name_episode *out)
{
    static bool (*const forms[])(str, size_t, struct name_episode *) = { sxxexx_at, nxnn_at,
                                                                         russian_at, date_at };
    for (size_t form = 0; form < ARRAY_LEN(forms); form++)
        for (size_t i = 0; i < stem.len; i++) {
            struct name_episode hit;
            if (i && film_name_is_alnum(stem.ptr[i - 1]))
                continue;
            if (!forms[form](stem, i, &hit))
                continue;
            *out = hit;
            return true;
        }
    return false;
}

/* "серия", "-я серия" after a number. */
static bool episode_word_skip(str stem, size_t *pos)
{
    size_t at = *pos;
    film_name_word_at(stem, &at, "-я");
    separators_skip(stem, &at);
    if (!film_name_word_at(stem, &at, "серия"))
        return false;
    *pos = at;
    return true;
}

/* "01", "01 - Title", "01. Title", "1-2 Title". */
static bool leading_number(str stem, struct name_episode *out)
{
    size_t pos = 0;
    int episode = film_name_number(stem, &pos, 3);
    if (episode < 0 || (pos < stem.len && !film_name_is_separator(stem.ptr[pos])))
        return false;
    episode_word_skip(stem, &pos);
    *out = (struct name_episode){ -1, episode, episode, FILM_DOUBT_NONE, 0, pos };
    range_take(stem, out);
    return true;
}

/* "Show 02", "Show - 02 - Title" where the folder is the series'. */
static bool number_after_series(str stem, str series, struct name_episode *out)
{
    for (size_t i = 1; i < stem.len; i++) {
        if (!film_name_is_digit(stem.ptr[i]) || !film_name_is_separator(stem.ptr[i - 1]) ||
            !film_name_same(str_sub(stem, 0, i), series))
            continue;
        if (!leading_number(str_skip(stem, i), out))
            return false;
        out->from += i;
        out->to += i;
        return true;
    }
    return false;
}

bool film_name_episode_find_loose(str stem, str series, struct name_episode *out)
{
    if (leading_number(stem, out) || number_after_series(stem, series, out))
        return true;
    for (size_t i = 0; i < stem.len; i++) {
        size_t pos = i;
        if (i && film_name_is_alnum(stem.ptr[i - 1]))
            continue;
        int episode = episode_at(stem, &pos);
        if (episode < 0) { /* "2 серия", "2-я серия" */
            pos = i;
            episode = film_name_number(stem, &pos, 3);
            if (episode >= 0 && !episode_word_skip(stem, &pos))
                episode = -1;
        }
        if (episode < 0)
            continue;
        *out = (struct name_episode){ -1, episode, episode, FILM_DOUBT_NONE, i, pos };
        range_take(stem, out);
        return true;
    }
    return false;
}

/* "1 сезон", "2-й сезон". */
static int season_before_word(str s, size_t *pos)
{
    size_t at = *pos;
    int season = film_name_number(s, &at, 2);
    if (season < 0)
        return -1;
    film_name_word_at(s, &at, "-й");
    separators_skip(s, &at);
    if (!film_name_word_at(s, &at, "сезон"))
        return -1;
    *pos = at;
    return season;
}

static bool is_whole_special(str folder)
{
    for (size_t i = 0; i < ARRAY_LEN(specials); i++)
        if (fold_eq(folder, str_of(specials[i])))
            return true;
    return false;
}

bool film_name_season_folder(str folder, int *out_season, str *out_series)
{
    folder = film_name_trim(folder);
    if (is_whole_special(folder)) {
        *out_season = 0;
        *out_series = STR_NONE;
        return true;
    }
    for (size_t i = 0; i < folder.len; i++) {
        size_t pos = i, word;
        if (i && film_name_is_alnum(folder.ptr[i - 1]))
            continue;
        int season = season_before_word(folder, &pos);
        if (season < 0)
            season = season_at(folder, &pos);
        bool ends = pos == folder.len || !film_name_is_alnum(folder.ptr[pos]);
        word = i;
        bool is_series_word = film_name_word_at(folder, &word, "series") && i > 0;
        if (season < 0 || !ends || is_series_word)
            continue;
        *out_season = season;
        str series = film_name_trim(str_sub(folder, 0, i));
        if (str_ends(series, STR("(")) || str_ends(series, STR("[")))
            series = film_name_trim(str_sub(series, 0, series.len - 1));
        *out_series = series;
        return true;
    }
    return false;
}
