/* genres: the table of known ones, the other names they go by, and slugs for the rest. */
#include "genres.h"

#include "media/text/fold.h"

/* clang-format off */
static const struct genre genres[] = {
    { "action", "Action", "Боевик" },
    { "adult", "Adult", "Для взрослых" },
    { "adventure", "Adventure", "Приключения" },
    { "animation", "Animation", "Мультфильм" },
    { "anime", "Anime", "Аниме" },
    { "art-house", "Art house", "Авторское кино" },
    { "biography", "Biography", "Биография" },
    { "children", "Children", "Детский" },
    { "comedy", "Comedy", "Комедия" },
    { "concert", "Concert", "Концерт" },
    { "crime", "Crime", "Криминал" },
    { "dance", "Dance", "Танцы" },
    { "detective", "Detective", "Детектив" },
    { "disaster", "Disaster", "Катастрофа" },
    { "documentary", "Documentary", "Документальный" },
    { "drama", "Drama", "Драма" },
    { "experimental", "Experimental", "Экспериментальный" },
    { "fairy-tale", "Fairy tale", "Сказка" },
    { "family", "Family", "Семейный" },
    { "fantasy", "Fantasy", "Фэнтези" },
    { "film-noir", "Film noir", "Нуар" },
    { "game-show", "Game show", "Игра" },
    { "history", "History", "История" },
    { "horror", "Horror", "Ужасы" },
    { "martial-arts", "Martial arts", "Боевые искусства" },
    { "melodrama", "Melodrama", "Мелодрама" },
    { "mini-series", "Mini-series", "Мини-сериал" },
    { "music", "Music", "Музыка" },
    { "musical", "Musical", "Мюзикл" },
    { "mystery", "Mystery", "Мистика" },
    { "nature", "Nature", "Природа" },
    { "news", "News", "Новости" },
    { "parody", "Parody", "Пародия" },
    { "political", "Political", "Политика" },
    { "reality", "Reality", "Реальное ТВ" },
    { "road-movie", "Road movie", "Роуд-муви" },
    { "romance", "Romance", "Романтика" },
    { "sci-fi", "Science fiction", "Фантастика" },
    { "short", "Short", "Короткометражка" },
    { "silent", "Silent", "Немое кино" },
    { "soap", "Soap", "Мыльная опера" },
    { "sport", "Sport", "Спорт" },
    { "stand-up", "Stand-up", "Стендап" },
    { "suspense", "Suspense", "Саспенс" },
    { "talk-show", "Talk show", "Ток-шоу" },
    { "theatre", "Theatre", "Театр" },
    { "thriller", "Thriller", "Триллер" },
    { "tragedy", "Tragedy", "Трагедия" },
    { "travel", "Travel", "Путешествия" },
    { "tv-movie", "TV movie", "Телефильм" },
    { "war", "War", "Военный" },
    { "western", "Western", "Вестерн" },
};

static const struct {
    const char *name, *slug;
} aliases[] = {
    { "sci fi", "sci-fi" }, { "scifi", "sci-fi" }, { "sf", "sci-fi" }, { "sci-fi", "sci-fi" },
    { "science-fiction", "sci-fi" }, { "научная фантастика", "sci-fi" },
    { "фантастический", "sci-fi" }, { "fantastic", "fantasy" }, { "фентези", "fantasy" },
    { "фэнтэзи", "fantasy" }, { "animated", "animation" }, { "cartoon", "animation" },
    { "мультфильмы", "animation" }, { "анимация", "animation" }, { "анимационный", "animation" },
    { "мультсериал", "animation" }, { "мультипликация", "animation" }, { "bio", "biography" },
    { "biopic", "biography" }, { "biographical", "biography" }, { "биографический", "biography" },
    { "kids", "children" }, { "for kids", "children" }, { "children's", "children" },
    { "детское", "children" }, { "для детей", "children" }, { "comedies", "comedy" },
    { "комедийный", "comedy" }, { "криминальный", "crime" }, { "преступление", "crime" },
    { "документальное", "documentary" }, { "документальное кино", "documentary" },
    { "документалистика", "documentary" }, { "docu", "documentary" },
    { "documentaries", "documentary" }, { "dramas", "drama" }, { "драматический", "drama" },
    { "семейное", "family" }, { "для всей семьи", "family" }, { "noir", "film-noir" },
    { "film-noir", "film-noir" }, { "фильм-нуар", "film-noir" }, { "фильм нуар", "film-noir" },
    { "historical", "history" }, { "исторический", "history" }, { "historic", "history" },
    { "ужас", "horror" }, { "фильм ужасов", "horror" }, { "хоррор", "horror" },
    { "музыкальный", "music" }, { "musical film", "musical" }, { "мистический", "mystery" },
    { "тайна", "mystery" }, { "reality-tv", "reality" }, { "reality tv", "reality" },
    { "реалити-шоу", "reality" }, { "реалити", "reality" }, { "romantic", "romance" },
    { "романтический", "romance" }, { "романтика", "romance" }, { "short film", "short" },
    { "shorts", "short" }, { "короткометражный", "short" }, { "короткий метр", "short" },
    { "silent film", "silent" }, { "немой", "silent" }, { "немой фильм", "silent" },
    { "sports", "sport" }, { "sports film", "sport" }, { "спортивный", "sport" },
    { "soap opera", "soap" }, { "talk", "talk-show" }, { "talk-show", "talk-show" },
    { "game-show", "game-show" }, { "телеигра", "game-show" }, { "thrillers", "thriller" },
    { "tv film", "tv-movie" }, { "tv-movie", "tv-movie" }, { "television film", "tv-movie" },
    { "war film", "war" }, { "война", "war" }, { "военный фильм", "war" },
    { "westerns", "western" }, { "боевики", "action" }, { "экшен", "action" },
    { "экшн", "action" }, { "приключение", "adventure" }, { "приключенческий", "adventure" },
    { "arthouse", "art-house" }, { "art-house", "art-house" }, { "артхаус", "art-house" },
    { "арт-хаус", "art-house" }, { "детективный", "detective" }, { "катастрофы", "disaster" },
    { "фильм-катастрофа", "disaster" }, { "сказки", "fairy-tale" }, { "fairytale", "fairy-tale" },
    { "standup", "stand-up" }, { "stand-up comedy", "stand-up" }, { "концертный", "concert" },
    { "эротика", "adult" }, { "miniseries", "mini-series" }, { "минисериал", "mini-series" },
    { "theater", "theatre" }, { "спектакль", "theatre" }, { "новостной", "news" },
    { "travel documentary", "travel" }, { "спорт", "sport" },
};
/* clang-format on */

const struct genre *genre_get(str slug)
{
    for (size_t i = 0; i < ARRAY_LEN(genres); i++)
        if (str_eq(slug, str_of(genres[i].slug)))
            return &genres[i];
    return NULL;
}

const struct genre *genre_find(str name)
{
    name = str_trim(name);
    for (size_t i = 0; i < ARRAY_LEN(genres); i++)
        if (fold_eq(name, str_of(genres[i].name_en)) || fold_eq(name, str_of(genres[i].name_ru)) ||
            str_eq_nocase(name, str_of(genres[i].slug)))
            return &genres[i];
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (fold_eq(name, str_of(aliases[i].name)))
            return genre_get(str_of(aliases[i].slug));
    return NULL;
}

/* Latin letters for a folded letter: Cyrillic in passport style, accents taken off. NULL: none. */
static const char *latin_of(uint32_t c)
{
    static const char *const cyrillic[32] = {
        "a", "b", "v", "g", "d", "e",  "zh", "z",  "i",  "y",    "k", "l", "m", "n", "o",  "p",
        "r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "",  "y", "",  "e", "yu", "ya",
    };
    static const char *const accented[32] = {
        "a", "a", "a", "a", "a", "a", "ae", "c",  "e", "e", "e", "e", "i", "i", "i",  "i",
        "d", "n", "o", "o", "o", "o", "o",  NULL, "o", "u", "u", "u", "u", "y", "th", "y",
    };
    if (c >= 0x430 && c <= 0x44f)
        return cyrillic[c - 0x430];
    return c >= 0xe0 && c <= 0xff ? accented[c - 0xe0] : NULL;
}

/* Letters of other scripts stay: a slug is UTF-8, escaped where it becomes part of a URL. */
static bool slug_keeps(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 0xdf && c < 0x2000) ||
           (c >= 0x3040 && c < 0xe000);
}

static str slug_of(struct arena *arena, str name)
{
    char *out = arena_alloc(arena, GENRE_SLUG_MAX);
    size_t len = 0;
    bool gap = false;
    str folded = fold_str(arena, name);
    for (size_t pos = 0; pos < folded.len && len + 6 < GENRE_SLUG_MAX;) {
        uint32_t c = str_utf8_next(folded, &pos);
        char one[5] = { 0 };
        const char *latin = latin_of(c);
        if (!latin && slug_keeps(c)) {
            str_utf8_put(one, c);
            latin = one;
        }
        if (!latin) {
            gap = len > 0;
            continue;
        }
        if (gap)
            out[len++] = '-';
        gap = false;
        for (; *latin; latin++)
            out[len++] = *latin;
    }
    return (str){ out, len };
}

struct slugs {
    struct arena *arena;
    str *items;
    size_t count;
    size_t count_max;
};

static void slug_add(struct slugs *slugs, str name)
{
    const struct genre *known = genre_find(name);
    str slug = known ? str_of(known->slug) : slug_of(slugs->arena, name);
    if (slug.len == 0 || slugs->count == slugs->count_max)
        return;
    for (size_t i = 0; i < slugs->count; i++)
        if (str_eq(slugs->items[i], slug))
            return;
    slugs->items[slugs->count++] = slug;
}

/* "Sci-Fi & Fantasy" is two genres when both sides are known; else it is one nobody foresaw. */
static void part_add(struct slugs *slugs, str part)
{
    static const char *const joints[] = { "&", " and ", " и " };
    part = str_trim(part);
    for (size_t i = 0; i < ARRAY_LEN(joints) && !genre_find(part); i++) {
        ptrdiff_t at = str_find(part, str_of(joints[i]));
        if (at <= 0)
            continue;
        str left = str_sub(part, 0, (size_t)at);
        str right = str_skip(part, (size_t)at + str_of(joints[i]).len);
        if (!genre_find(left) || !genre_find(right))
            continue;
        slug_add(slugs, left);
        slug_add(slugs, right);
        return;
    }
    slug_add(slugs, part);
}

size_t genres_parse(struct arena *arena, str text, str *out_slugs, size_t count_max)
{
    struct slugs slugs = { arena, out_slugs, 0, count_max };
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        bool ends = i == text.len || text.ptr[i] == '/' || text.ptr[i] == '|' ||
                    text.ptr[i] == ',' || text.ptr[i] == ';';
        if (!ends)
            continue;
        part_add(&slugs, str_sub(text, from, i - from));
        from = i + 1;
    }
    return slugs.count;
}
