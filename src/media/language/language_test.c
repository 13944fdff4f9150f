#include "language.h"

#include "foundation/test/test.h"

static void check_tag(const char *text, const char *expected)
{
    struct language_tag tag;
    bool found = language_tag_parse(str_of(text), &tag);
    CHECK_STR(found ? str_of(tag.text) : STR("none"), str_of(expected));
}

TEST(language_codes_and_names_become_tags)
{
    static const char *const rows[][2] = {
        { "ru", "ru" },           { "RUS", "ru" },
        { "Russian", "ru" },      { "русский", "ru" },
        { "Русский", "ru" },      { "ger", "de" },
        { "deu", "de" },          { "Deutsch", "de" },
        { "fre", "fr" },          { "ЧЕШСКИЙ", "cs" },
        { "Čeština", "cs" },      { "ua", "uk" },
        { "pt-br", "pt-BR" },     { "pob", "pt-BR" },
        { "es_419", "es-419" },   { "zh_TW", "zh-Hant" },
        { "zh-hans", "zh-Hans" }, { "chs", "zh-Hans" },
        { "sr-latn", "sr-Latn" }, { "zh-Hant-HK", "zh-Hant-HK" },
        { "en-US", "en-US" },     { "und", "und" },
        { "Cantonese", "yue" },   { "日本語", "ja" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_tag(rows[i][0], rows[i][1]);
}

TEST(language_refuses_other_words)
{
    static const char *const words[] = { "",      "x",    "forced",      "—",
                                         "ru-",   "ru-x", "en-US-GB-FR", "ru-verylongsubtag",
                                         "1080p", "-",    "\xff" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        check_tag(words[i], "none");
}

TEST(language_labels_are_in_their_own_language)
{
    struct arena arena;
    struct language_tag tag;
    arena_init(&arena, KIB(64));
    CHECK(language_tag_parse(STR("rus"), &tag));
    CHECK_STR(language_label(&arena, &tag), STR("Русский"));
    CHECK(language_tag_parse(STR("pt-BR"), &tag));
    CHECK_STR(language_label(&arena, &tag), STR("Português (BR)"));
    arena_deinit(&arena);
}
