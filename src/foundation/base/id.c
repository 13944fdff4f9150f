/* id: the one decimal text of an id. */
#include "id.h"

#include <string.h>

bool id_parse(str text, struct id *out)
{
    int64_t value;
    if (text.len == 0 || text.ptr[0] < '1' || text.ptr[0] > '9' || !str_parse_i64(text, &value))
        return false;
    out->value = value;
    return true;
}

str id_format(struct id id, char out[ID_TEXT_MAX])
{
    char digits[ID_TEXT_MAX];
    size_t at = sizeof(digits) - 1;
    uint64_t rest = id.value > 0 ? (uint64_t)id.value : 0;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    memcpy(out, digits + at, sizeof(digits) - at);
    return (str){ out, sizeof(digits) - 1 - at };
}
