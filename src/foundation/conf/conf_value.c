/* conf_value: durations and sizes as people write them. */
#include "conf.h"

#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first, for formatting. */
static const struct unit span_units[] = { { "d", DAYS(1) },    { "h", HOURS(1) },
                                          { "m", MINUTES(1) }, { "s", SECONDS(1) },
                                          { "ms", 1000 },      { "us", 1 } };
static const struct unit size_units[] = {
    { "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1ull << 20 }, { "KiB", 1ull << 10 }
};

static bool parse(str text, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    str unit = str_trim(str_skip(text, digits));
    if (!str_parse_u64(str_sub(text, 0, digits), &number))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq(unit, str_of(units[i].name)))
            return !__builtin_mul_overflow(number, units[i].factor, out);
    if (unit.len == 0)
        *out = number;
    return unit.len == 0;
}

static str format(uint64_t value, const struct unit *units, size_t count, char out[32])
{
    for (size_t i = 0; value && i < count; i++) {
        if (value % units[i].factor == 0) {
            snprintf(out, 32, "%llu%s", (unsigned long long)(value / units[i].factor),
                     units[i].name);
            return str_of(out);
        }
    }
    snprintf(out, 32, "%llu", (unsigned long long)value);
    return str_of(out);
}

bool span_parse(str text, span *out)
{
    uint64_t value;
    if (!parse(text, span_units, ARRAY_LEN(span_units), &value) || value > INT64_MAX)
        return false;
    bool has_unit = text.len && (text.ptr[text.len - 1] < '0' || text.ptr[text.len - 1] > '9');
    if (!has_unit && value != 0)
        return false;
    *out = (span)value;
    return true;
}

str span_format(span value, char out[32])
{
    ASSERT(value >= 0);
    return format((uint64_t)value, span_units, ARRAY_LEN(span_units), out);
}

bool size_parse(str text, uint64_t *out)
{
    return parse(text, size_units, ARRAY_LEN(size_units), out);
}

str size_format(uint64_t value, char out[32])
{
    return format(value, size_units, ARRAY_LEN(size_units), out);
}
