/*
 * film_name_title: title, year, ids, edition and quality of one name. Groups in brackets are taken
 * out first; then the year, or the first word of a release tag, ends the title.
 */
#include "film_name_internal.h"

#include "foundation/mem/buf.h"
#include "media/text/fold.h"

enum {
    YEAR_MIN = 1874,      /* Passage de Vénus */
    YEAR_MAX = 2099,      /* in parentheses */
    YEAR_BARE_MAX = 2035, /* without: "Blade Runner 2049" has none */
    WORDS_MAX = 96,
    YEAR_MARK = 1 /* stands in the text where a year in parentheses was */
};

struct scan {
    struct arena *arena;
    struct name_title *out;
    struct buf plain; /* the name without its groups */
    bool spaced;      /* words are apart by spaces, so dots are dots */
};

static int year_of(str word, int year_max)
{
    size_t pos = 0;
    int year = word.len == 4 ? film_name_number(word, &pos, 4) : -1;
    return year >= YEAR_MIN && year <= year_max ? year : 0;
}

/* --- groups --------------------------------------------------------------------------------- */

static bool digits_only(str s)
{
    uint64_t number;
    return s.len > 0 && s.len <= 12 && str_parse_u64(s, &number);
}

static bool is_imdb(str s)
{
    return s.len >= 7 && s.len <= 12 && str_eq_nocase(str_sub(s, 0, 2), STR("tt")) &&
           digits_only(str_skip(s, 2));
}

static str imdb_lower(struct arena *arena, str s)
{
    return fold_str(arena, s);
}

/* "imdbid-tt0017136", "tmdb-19", "tvdbid=78874", "tt0017136". */
static bool id_take(struct scan *scan, str group)
{
    static const char *const names[] = { "imdbid", "imdb", "tmdbid", "tmdb", "tvdbid", "tvdb" };
    struct name_title *out = scan->out;
    if (is_imdb(group)) {
        out->imdb = imdb_lower(scan->arena, group);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t pos = 0;
        if (!film_name_word_at(group, &pos, names[i]) || pos >= group.len ||
            str_find_char(STR("-=: "), group.ptr[pos]) < 0)
            continue;
        str value = str_trim(str_skip(group, pos + 1));
        if (i < 2 && is_imdb(value))
            out->imdb = imdb_lower(scan->arena, value);
        else if ((i == 2 || i == 3) && digits_only(value))
            out->tmdb = value;
        else if (i >= 4 && digits_only(value))
            out->tvdb = value;
        return true; /* a malformed id is still no part of the title */
    }
    return false;
}

static void text_add(struct scan *scan, str *to, str text)
{
    if (text.len == 0)
        return;
    *to = to->len ? arena_printf(scan->arena, "%.*s %.*s", STR_ARG(*to), STR_ARG(text)) : text;
}

static bool all_junk(str text)
{
    size_t from = 0;
    bool any = false;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ' ' && text.ptr[i] != ',' && text.ptr[i] != '_')
            continue;
        str word = film_name_trim(str_sub(text, from, i - from));
        from = i + 1;
        if (word.len == 0)
            continue;
        if (!film_name_junk(word))
            return false;
        any = true;
    }
    return any;
}

/* "(1927)", "(2005-2010)", "(2005-)". */
static bool year_take(struct scan *scan, str group)
{
    int year = year_of(str_sub(group, 0, 4), YEAR_MAX);
    if (!year)
        return false;
    size_t pos = 4;
    bool dash = film_name_word_at(group, &pos, "-") || film_name_word_at(group, &pos, "–");
    str last = str_trim(str_skip(group, pos));
    if (!dash && group.len != 4)
        return false;
    if (last.len && !year_of(last, YEAR_MAX))
        return false;
    if (scan->out->year)
        return true;
    scan->out->year = year;
    scan->out->range = dash;
    buf_put_char(&scan->plain, YEAR_MARK);
    return true;
}

static bool edition_take(struct scan *scan, str group)
{
    size_t len;
    bool explicit_form = false;
    size_t pos = 0;
    if (film_name_word_at(group, &pos, "edition-")) {
        group = str_skip(group, pos);
        explicit_form = true;
    }
    group = film_name_trim(group);
    if (!explicit_form && (!film_name_edition_at(group, &len) || len != group.len))
        return false;
    text_add(scan, &scan->out->edition, group);
    return true;
}

/* One group with its brackets: understood and left out, or left in the text as it is. */
static void ingest_group_take(struct scan *scan, char bracket, str whole)
{
    str group = str_trim(str_sub(whole, 1, whole.len - 2));
    bool leading = film_name_trim(buf_str(&scan->plain)).len == 0;
    if (group.len == 0 || id_take(scan, group))
        return;
    if (bracket != '{' && year_take(scan, group))
        return;
    if (edition_take(scan, group))
        return;
    if (all_junk(group)) {
        text_add(scan, &scan->out->quality, group);
        return;
    }
    if (bracket == '(' && !scan->out->year) {
        buf_put(&scan->plain, whole);
        return;
    }
    if (bracket == '[' && leading)
        scan->out->grouped = true;
    buf_put_char(&scan->plain, ' ');
}

static void groups_take(struct scan *scan, str name)
{
    static const char open[] = "[({", close[] = "])}";
    for (size_t pos = 0; pos < name.len;) {
        ptrdiff_t which = str_find_char(STR("[({"), name.ptr[pos]);
        ptrdiff_t end = which < 0 ? -1 : str_find_char(str_skip(name, pos), close[which]);
        if (end < 0) {
            buf_put_char(&scan->plain, name.ptr[pos++]);
            continue;
        }
        ingest_group_take(scan, open[which], str_sub(name, pos, (size_t)end + 1));
        pos += (size_t)end + 1;
    }
}

/* --- words ---------------------------------------------------------------------------------- */

static bool single_letter(str word)
{
    size_t pos = 0;
    if (word.len == 0 || !film_name_is_alnum(word.ptr[0]) || film_name_is_digit(word.ptr[0]))
        return false;
    str_utf8_next(word, &pos);
    return pos == word.len;
}

static str first_word(str text)
{
    ptrdiff_t dot = str_find_char(text, '.');
    return dot < 0 ? text : str_sub(text, 0, (size_t)dot);
}

/* "E.T.The.Extra" → "E.T. The Extra": dots part words unless the words are initials. */
static str dots_to_spaces(struct arena *arena, str text)
{
    struct buf out;
    str word;
    bool initials = false, first = true;
    unsigned run = 0;
    buf_init(&out, arena, text.len * 2 + 2);
    while (str_cut(&text, '.', &word)) {
        if (word.len == 0)
            continue;
        bool single = single_letter(word);
        if (!first)
            buf_put_char(&out, initials && single ? '.' : ' ');
        first = false;
        run = single ? run + 1 : 0;
        initials = single;
        buf_put(&out, word);
        if (run >= 2 && !single_letter(first_word(text)))
            buf_put_char(&out, '.');
    }
    return buf_str(&out);
}

struct words {
    str at[WORDS_MAX];
    unsigned count;
};

static void words_split(str text, struct words *out)
{
    out->count = 0;
    for (size_t pos = 0; pos < text.len && out->count < WORDS_MAX;) {
        if (text.ptr[pos] == ' ') {
            pos++;
            continue;
        }
        size_t end = pos + 1;
        bool mark = text.ptr[pos] == YEAR_MARK;
        while (!mark && end < text.len && text.ptr[end] != ' ' && text.ptr[end] != YEAR_MARK)
            end++;
        out->at[out->count++] = str_sub(text, pos, end - pos);
        pos = end;
    }
}

static bool is_mark(str word)
{
    return word.len == 1 && word.ptr[0] == YEAR_MARK;
}

/* The text from word `from` up to word `to`; both are slices of one string. */
static str words_span(const struct words *words, unsigned from, unsigned to)
{
    if (from >= to)
        return STR_NONE;
    const char *end = words->at[to - 1].ptr + words->at[to - 1].len;
    return (str){ words->at[from].ptr, (size_t)(end - words->at[from].ptr) };
}

/* Where the title ends and what follows it begins. */
struct division {
    unsigned title_end;
    unsigned tail;
};

/* The first `least` words belong to the title whatever they look like. */
static struct division divide(const struct words *words, unsigned least, struct name_title *out)
{
    unsigned junk = words->count;
    for (unsigned i = 0; i < words->count; i++)
        if (is_mark(words->at[i]))
            return (struct division){ i, i + 1 };
    for (unsigned i = words->count; i-- > least;)
        if (film_name_junk(words->at[i]) == 2)
            junk = i;
    /* What follows an episode's number may be called "1984". */
    for (unsigned i = least ? junk : 0; i-- > least;) {
        int year = year_of(words->at[i], YEAR_BARE_MAX);
        if (!year)
            continue;
        out->year = year;
        out->year_bare = i + 1 == words->count;
        return (struct division){ i, i + 1 };
    }
    return (struct division){ junk, junk };
}

/* --- what follows the title ----------------------------------------------------------------- */

/* Words of quality go to `quality`; the rest is the label a person gave: an edition. */
static void label_take(struct scan *scan, str label)
{
    struct words words;
    words_split(label, &words);
    unsigned first = 0, last = words.count;
    while (first < last && film_name_junk(film_name_trim(words.at[first])))
        text_add(scan, &scan->out->quality, film_name_trim(words.at[first++]));
    while (last > first && film_name_junk(film_name_trim(words.at[last - 1])) == 2)
        text_add(scan, &scan->out->quality, film_name_trim(words.at[--last]));
    text_add(scan, &scan->out->edition, film_name_trim(words_span(&words, first, last)));
}

/* The tail of a release: editions are recognised, the group's name is not kept. */
static void release_take(struct scan *scan, str tail)
{
    for (size_t pos = 0; pos < tail.len; pos++) {
        size_t len;
        if (pos && tail.ptr[pos - 1] != ' ')
            continue;
        const char *edition = film_name_edition_at(str_skip(tail, pos), &len);
        if (!edition)
            continue;
        text_add(scan, &scan->out->edition, str_of(edition));
        pos += len;
    }
    struct words words;
    words_split(tail, &words);
    for (unsigned i = 0; i < words.count; i++) {
        ptrdiff_t dash = str_find_char(words.at[i], '-');
        str word = words.at[i];
        if (dash > 0 && film_name_junk(str_sub(word, 0, (size_t)dash)) == 2)
            word.len = (size_t)dash;
        if (film_name_junk(word) == 2)
            text_add(scan, &scan->out->quality, word);
    }
}

/* "Matrix, The" → "The Matrix". */
static str article_move(struct arena *arena, str title)
{
    static const char *const articles[] = { ", The", ", A",  ", An",  ", Der", ", Die", ", Das",
                                            ", Le",  ", La", ", Les", ", El",  ", Il" };
    for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
        str article = str_of(articles[i]);
        if (!str_ends_nocase(title, article))
            continue;
        return arena_printf(arena, "%.*s %.*s", STR_ARG(str_skip(article, 2)),
                            STR_ARG(str_sub(title, 0, title.len - article.len)));
    }
    return title;
}

/* Separators off the ends, but for a dot that ends initials or an ellipsis. */
static str title_trim(str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '_' || s.ptr[0] == '-' || s.ptr[0] == ','))
        s = str_skip(s, 1);
    while (s.len && str_find_char(STR(" _-,"), s.ptr[s.len - 1]) >= 0)
        s.len--;
    return s;
}

static void name_parse(struct arena *arena, str name, unsigned least, struct name_title *out)
{
    *out = (struct name_title){ 0 };
    struct scan scan = { .arena = arena, .out = out };
    buf_init(&scan.plain, arena, name.len * 2 + 16);
    scan.spaced = str_find_char(str_trim(name), ' ') >= 0;
    groups_take(&scan, name);
    str text = buf_str(&scan.plain);
    char *bytes = scan.plain.ptr;
    for (size_t i = 0; i < text.len; i++)
        if (bytes[i] == '_')
            bytes[i] = ' ';
    if (!scan.spaced)
        text = dots_to_spaces(arena, text);
    struct words words;
    words_split(text, &words);
    struct division division = divide(&words, least, out);
    out->title = article_move(arena, title_trim(words_span(&words, 0, division.title_end)));
    str tail = words_span(&words, division.tail, words.count);
    bool labelled = str_starts(tail, STR("- ")) || (scan.spaced && str_starts(tail, STR("-")));
    if (labelled)
        label_take(&scan, film_name_trim(tail));
    else
        release_take(&scan, tail);
}

void film_name_title_parse(struct arena *arena, str name, struct name_title *out)
{
    name_parse(arena, name, 1, out);
}

void film_name_tail_parse(struct arena *arena, str tail, struct name_title *out)
{
    while (tail.len && film_name_is_separator(tail.ptr[0]))
        tail = str_skip(tail, 1);
    name_parse(arena, tail, 0, out);
}

int film_name_part_take(str *stem)
{
    static const char *const words[] = { "cd", "dvd", "disc", "disk", "part", "pt" };
    enum { WORDS_ANYWHERE = 4 }; /* "Part 1" is often a part of the title */
    str s = *stem;
    size_t digits = 0;
    while (digits < s.len && digits < 3 && film_name_is_digit(s.ptr[s.len - 1 - digits]))
        digits++;
    bool letter =
        digits == 0 && s.len && (s.ptr[s.len - 1] | 32) >= 'a' && (s.ptr[s.len - 1] | 32) <= 'd';
    if (digits > 2 || (digits == 0 && !letter))
        return 0;
    size_t pos = s.len - digits;
    int number = letter ? (s.ptr[s.len - 1] | 32) - 'a' + 1 : film_name_number(s, &pos, 2);
    str head = str_sub(s, 0, s.len - digits - letter);
    while (head.len && film_name_is_separator(head.ptr[head.len - 1]))
        head.len--;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        str word = str_of(words[i]);
        if (head.len <= word.len || !str_ends_nocase(head, word))
            continue;
        str before = str_sub(head, 0, head.len - word.len);
        if (!film_name_is_separator(before.ptr[before.len - 1]) || (letter && i >= WORDS_ANYWHERE))
            continue;
        bool tight = str_ends(before, STR("-")) && !str_ends(before, STR(" -"));
        before = film_name_trim(before);
        bool after_year = before.len && str_find_char(STR(")]}"), before.ptr[before.len - 1]) >= 0;
        if (before.len == 0 || number == 0 || (i >= WORDS_ANYWHERE && !tight && !after_year))
            continue;
        *stem = before;
        return number;
    }
    return 0;
}
