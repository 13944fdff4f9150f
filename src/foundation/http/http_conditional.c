/* http_conditional: ETag lists, dates and the order in which they decide. */
#include "http_conditional.h"

#include "foundation/base/base.h"

static str opaque(str etag, bool *out_weak)
{
    *out_weak = str_starts(etag, STR("W/"));
    return *out_weak ? str_skip(etag, 2) : etag;
}

static bool etag_equal(str a, str b, bool weak_comparison)
{
    bool a_weak, b_weak;
    str a_tag = opaque(a, &a_weak), b_tag = opaque(b, &b_weak);
    return a_tag.len && str_eq(a_tag, b_tag) && (weak_comparison || (!a_weak && !b_weak));
}

/* Cuts the next entity-tag off *rest; false at the end or at what is no entity-tag. */
static bool etag_next(str *rest, str *out)
{
    while (rest->len && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == ','))
        *rest = str_skip(*rest, 1);
    size_t quote = str_starts(*rest, STR("W/")) ? 2 : 0;
    if (rest->len <= quote || rest->ptr[quote] != '"')
        return false;
    ptrdiff_t end = str_find_char(str_skip(*rest, quote + 1), '"');
    if (end < 0)
        return false;
    size_t len = quote + (size_t)end + 2;
    *out = str_sub(*rest, 0, len);
    *rest = str_skip(*rest, len);
    return true;
}

bool http_etag_listed(str list, str etag, bool weak_comparison)
{
    str candidate;
    while (etag_next(&list, &candidate))
        if (etag_equal(candidate, etag, weak_comparison))
            return true;
    return false;
}

static bool listed_or_any(str list, const struct http_validators *current, bool weak_comparison)
{
    if (str_eq(str_trim(list), STR("*")))
        return !current->absent;
    return !current->absent && http_etag_listed(list, current->etag, weak_comparison);
}

/* A date has whole seconds; a representation changed within that second counts as of that second.
 */
static bool modified_after(const struct http_validators *current, instant date)
{
    return current->modified / SECONDS(1) > date / SECONDS(1);
}

unsigned http_precondition_check(const struct http_preconditions *asked,
                                 const struct http_validators *current, bool safe)
{
    instant date;
    bool dated = current->modified != INSTANT_NEVER && !current->absent;
    if (asked->if_match.ptr) {
        if (!listed_or_any(asked->if_match, current, false))
            return 412;
    } else if (asked->if_unmodified_since.ptr && dated &&
               instant_parse_http(asked->if_unmodified_since, &date) &&
               modified_after(current, date)) {
        return 412;
    }
    if (asked->if_none_match.ptr)
        return !listed_or_any(asked->if_none_match, current, true) ? 0 : safe ? 304 : 412;
    if (safe && asked->if_modified_since.ptr && dated &&
        instant_parse_http(asked->if_modified_since, &date) && !modified_after(current, date))
        return 304;
    return 0;
}

bool http_if_range_holds(str if_range, const struct http_validators *current)
{
    instant date;
    if (str_ends(if_range, STR("\"")))
        return etag_equal(if_range, current->etag, false);
    return current->modified != INSTANT_NEVER && instant_parse_http(if_range, &date) &&
           current->modified / SECONDS(1) == date / SECONDS(1);
}
