/* key: what may name an object, the same for every driver. */
#include "blob.h"

bool blob_key_valid(str key)
{
    if (key.len == 0 || key.len > BLOB_KEY_BYTES_MAX)
        return false;
    char before = '/';
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        if (!plain && c != '.' && c != '/')
            return false;
        if (before == '/' && (c == '.' || c == '/'))
            return false;
        before = c;
    }
    return before != '/';
}
