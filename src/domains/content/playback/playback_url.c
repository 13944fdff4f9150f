/* playback_url: addresses of media, read strictly, so that every resource has one address. */
#include "playback_internal.h"

static bool is_token(str text)
{
    bool valid = text.len == ASSET_TOKEN_BYTES;
    for (size_t i = 0; i < text.len && valid; i++)
        valid = (text.ptr[i] >= '0' && text.ptr[i] <= '9') ||
                (text.ptr[i] >= 'a' && text.ptr[i] <= 'f');
    return valid;
}

bool asset_ref_parse(str text, struct asset_ref *out)
{
    struct asset_ref ref;
    ptrdiff_t dash = str_find_char(text, '-');
    if (dash < 0 || !id_parse(str_sub(text, 0, (size_t)dash), &ref.id))
        return false;
    ref.token = str_skip(text, (size_t)dash + 1);
    if (!is_token(ref.token))
        return false;
    *out = ref;
    return true;
}

bool segment_number_parse(str text, str suffix, uint32_t *out)
{
    uint64_t number = 0;
    if (text.len <= suffix.len || !str_ends(text, suffix))
        return false;
    str digits = str_sub(text, 0, text.len - suffix.len);
    if (digits.len > 10 || digits.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    if (number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

bool track_file_parse(str text, str suffix, str *out_track)
{
    if (text.len <= suffix.len || !str_ends(text, suffix))
        return false;
    *out_track = str_sub(text, 0, text.len - suffix.len);
    return asset_track_name_valid(*out_track);
}

str media_url(struct arena *arena, const struct asset *asset, const char *file)
{
    return arena_printf(arena, "/media/%lld-%.*s/%s", (long long)asset->id.value,
                        STR_ARG(asset->token), file);
}
