/* keys: what may name an object, what may not, and names that other systems would change. */
#include "internal.h"

#include <string.h>

static enum err hostile(void *store)
{
    static const char *const bad[] = {
        "",       "/a",     "a/",    "../a", "a/../b", "a//b",  ".hidden",   "a/.b",
        ".",      "..",     "a b",   "a\nb", "ключ",   "a\\b",  "a%2e%2e/b", "a?b",
        "a#b",    "a:b",    "a*b",   "a\"b", "a'b",    "a+b",   "~root",     "a|b",
        "a\177b", "a\377b", "$HOME", "a;b",  "a&b",    "a/./b", "a/..",
    };
    char long_key[BLOB_KEY_BYTES_MAX + 1];
    str path, content;
    size_t count;
    int fd;
    struct blob_info info;
    memset(long_key, 'k', sizeof(long_key));
    for (size_t i = 0; i < ARRAY_LEN(bad) + 2; i++) {
        str key = i < ARRAY_LEN(bad)    ? str_of(bad[i])
                  : i == ARRAY_LEN(bad) ? (str){ "a\0b", 3 }
                                        : (str){ long_key, sizeof(long_key) };
        CHECK(!blob_key_valid(key));
        CHECK_ERR(blob_put(store, key, STR("x"), &info), ERR_INVALID);
        CHECK_ERR(blob_stat(store, key, &info), ERR_INVALID);
        CHECK_ERR(blob_get(store, key, 0, 1, &content), ERR_INVALID);
        CHECK_ERR(blob_remove(store, key), ERR_INVALID);
        CHECK_ERR(blob_descriptor(store, key, &fd), ERR_INVALID);
        CHECK_ERR(blob_local_path(store, key, &path), ERR_INVALID);
    }
    TRY(objects_count(store, &count));
    CHECK_INT(count, 0);
    return OK;
}

static void hostile_keys_are_refused(void)
{
    with_store(hostile);
}

static enum err strange(void *store)
{
    static const char *const good[] = { "A",     "a",     "-rf",  "--help", "a-", "a.",
                                        "a..b",  "a...",  "CON",  "nul",    "0",  "_",
                                        "x/-/y", "x/_/y", "x.y/", "Media/X" };
    char longest[BLOB_KEY_BYTES_MAX];
    size_t count;
    memset(longest, 'k', sizeof(longest));
    for (size_t i = 1; i < sizeof(longest) - 1; i += 2)
        longest[i] = '/'; /* as deep as a key can be */
    TRY(blob_put(store, (str){ longest, sizeof(longest) - 1 }, STR("deep"), NULL));
    memset(longest, 'l', sizeof(longest));
    TRY(blob_put(store, (str){ longest, sizeof(longest) }, STR("long"), NULL));
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        str key = str_of(good[i]);
        key.len -= key.ptr[key.len - 1] == '/';
        CHECK(blob_key_valid(key));
        TRY(blob_put(store, key, key, NULL));
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) { /* none is another's: case counts */
        str key = str_of(good[i]);
        key.len -= key.ptr[key.len - 1] == '/';
        TRY(content_check(store, key, key));
    }
    TRY(content_check(store, (str){ longest, sizeof(longest) }, STR("long")));
    TRY(objects_count(store, &count));
    CHECK_INT(count, ARRAY_LEN(good) + 2);
    return OK;
}

static void every_valid_key_names_its_own_object(void)
{
    with_store(strange);
}

/* "a" and "a/b" cannot both be files; where they can both be objects, both must be right. */
static enum err nested(void *store)
{
    TRY(blob_put(store, STR("a"), STR("first"), NULL));
    enum err result = blob_put(store, STR("a/b"), STR("second"), NULL);
    if (result == OK)
        TRY(content_check(store, STR("a/b"), STR("second")));
    else
        CHECK_ERR(result, ERR_CONFLICT);
    TRY(content_check(store, STR("a"), STR("first")));
    TRY(blob_put(store, STR("c/d"), STR("first"), NULL));
    result = blob_put(store, STR("c"), STR("second"), NULL);
    if (result == OK)
        TRY(content_check(store, STR("c"), STR("second")));
    else
        CHECK_ERR(result, ERR_CONFLICT);
    return content_check(store, STR("c/d"), STR("first"));
}

static void keys_of_folders_harm_nobody(void)
{
    with_store(nested);
}

void register_keys(void)
{
    test_register("blob_hostile_keys_are_refused", __FILE__, hostile_keys_are_refused);
    test_register("blob_every_valid_key_names_its_own_object", __FILE__,
                  every_valid_key_names_its_own_object);
    test_register("blob_keys_of_folders_harm_nobody", __FILE__, keys_of_folders_harm_nobody);
}
