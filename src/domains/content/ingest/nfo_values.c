/* nfo_values: numbers, dates and lists, from the forms in which they occur. */
#include "nfo_internal.h"

#include <string.h>

str nfo_keep(struct arena *arena, str text)
{
    char *copy = arena_try(arena, text.len + 1);
    if (!copy)
        return STR_NONE;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return (str){ copy, text.len };
}

void *nfo_array_add(struct arena *arena, void **items, size_t *count, size_t size_bytes)
{
    bool full = (*count & (*count - 1)) == 0; /* capacities are powers of two */
    if (*count >= NFO_ITEMS_MAX)
        return NULL;
    if (full) {
        size_t capacity = *count ? *count * 2 : 1;
        void *grown = arena_try(arena, capacity * size_bytes);
        if (!grown)
            return NULL;
        if (*count)
            memcpy(grown, *items, *count * size_bytes);
        *items = grown;
    }
    void *item = (char *)*items + *count * size_bytes;
    memset(item, 0, size_bytes);
    ++*count;
    return item;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int nfo_number_at(str s, size_t *pos)
{
    int value = 0;
    size_t from = *pos;
    while (*pos < s.len && is_digit(s.ptr[*pos]) && *pos - from < 8)
        value = value * 10 + (s.ptr[(*pos)++] - '0');
    return *pos == from || *pos - from > 7 ? -1 : value;
}

int nfo_year_of(str s)
{
    size_t pos = 0;
    int year = nfo_number_at(s, &pos);
    return pos == 4 && year >= 1800 && year <= 2200 ? year : 0;
}

int nfo_runtime_of(str s)
{
    size_t pos = 0;
    int first = nfo_number_at(s, &pos);
    if (first < 0)
        return 0;
    while (pos < s.len && s.ptr[pos] == ' ')
        pos++;
    bool hours = pos < s.len && ((s.ptr[pos] | 32) == 'h' || s.ptr[pos] == ':' ||
                                 str_starts(str_skip(s, pos), STR("ч")));
    if (hours) {
        while (pos < s.len && !is_digit(s.ptr[pos]))
            pos++;
        int minutes = nfo_number_at(s, &pos);
        first = first * 60 + MAX_OF(minutes, 0);
    }
    return first >= 1 && first <= 6000 ? first : 0;
}

int64_t nfo_decimal_of(str s)
{
    size_t pos = 0;
    int64_t whole = nfo_number_at(s, &pos), thousandths = 0, unit = 100;
    if (whole < 0)
        return -1;
    if (pos < s.len && (s.ptr[pos] == '.' || s.ptr[pos] == ','))
        for (pos++; pos < s.len && is_digit(s.ptr[pos]); pos++, unit /= 10)
            thousandths += (s.ptr[pos] - '0') * unit;
    return whole * 1000 + thousandths;
}

int64_t nfo_votes_of(str s)
{
    int64_t votes = 0;
    for (size_t i = 0; i < s.len && votes < INT32_MAX; i++)
        if (is_digit(s.ptr[i]))
            votes = votes * 10 + (s.ptr[i] - '0');
    return votes;
}

bool nfo_date_of(str s, char out[NFO_DATE_BYTES])
{
    int part[3];
    size_t pos = 0;
    for (int i = 0; i < 3; i++) {
        part[i] = nfo_number_at(s, &pos);
        bool joint = i == 2 || (pos < s.len && str_find_char(STR("-./"), s.ptr[pos]) >= 0);
        if (part[i] < 0 || !joint)
            return false;
        pos += i < 2;
    }
    bool year_first = part[0] > 31;
    int year = year_first ? part[0] : part[2], day = year_first ? part[2] : part[0];
    if (year < 1800 || year > 2200 || part[1] < 1 || part[1] > 12 || day < 1 || day > 31)
        return false;
    struct buf text;
    buf_init_fixed(&text, out, NFO_DATE_BYTES);
    buf_printf(&text, "%04d-%02d-%02d", year, part[1], day);
    return true;
}
