#include "charset.h"
#include "entity.h"
#include "fold.h"

#include "foundation/test/test.h"

#include <iconv.h>
#include <string.h>

static struct arena arena;

static str encode(str utf8, const char *charset)
{
    iconv_t converter = iconv_open(charset, "UTF-8");
    CHECK(converter != (iconv_t)-1);
    char *out = arena_alloc(&arena, utf8.len * 4 + 4), *to = out;
    char *from = (char *)utf8.ptr;
    size_t from_left = utf8.len, to_left = utf8.len * 4;
    size_t done = iconv(converter, &from, &from_left, &to, &to_left);
    iconv_close(converter);
    CHECK(done != (size_t)-1);
    return (str){ out, (size_t)(to - out) };
}

/* The text in `charset`, then back: the detector must find the same text again. */
static void check_round(const char *text, const char *charset)
{
    struct charset_text out;
    arena_init(&arena, MIB(16));
    CHECK_OK(charset_to_utf8(&arena, encode(str_of(text), charset), STR_NONE, &out));
    CHECK_STR(out.utf8, str_of(text));
    CHECK_INT(out.replaced, 0);
    arena_deinit(&arena);
}

static const char *const russian[] = {
    "Здравствуйте. Меня зовут Фёдор, я живу на берегу моря.\nА вы кто такой?",
    "— Куда ты идёшь?\n— Домой, конечно. Уже поздно, и мама будет волноваться.",
    "ВНИМАНИЕ! ПОЕЗД ОТПРАВЛЯЕТСЯ С ПЕРВОГО ПУТИ.",
    "Привет",
    "Нет.",
    "1\n00:00:01,000 --> 00:00:02,000\n<i>Город засыпает...</i>\n\n",
    "HBO представляет фильм Stanley Kubrick: «Сияние»",
};

TEST(charset_finds_russian_in_every_encoding)
{
    for (size_t i = 0; i < ARRAY_LEN(russian); i++) {
        check_round(russian[i], "UTF-8");
        check_round(russian[i], "WINDOWS-1251");
        if (i != 0 && i != 6 && !strstr(russian[i], "—"))
            check_round(russian[i], "KOI8-R");
        if (!strstr(russian[i], "—") && !strstr(russian[i], "«"))
            check_round(russian[i], "IBM866");
        if (strlen(russian[i]) > 20 && !strstr(russian[i], "—") && !strstr(russian[i], "«"))
            check_round(russian[i], "ISO-8859-5");
    }
    check_round("Этот человек не умел молчать; Юля ушла рано утром и не вернулась.",
                "MAC-CYRILLIC");
}

TEST(charset_finds_the_languages_of_the_west)
{
    check_round("Où étais-tu passé ? J'ai cherché à te voir, ça fait des années déjà.",
                "WINDOWS-1252");
    check_round("Ich weiß nicht, wo er geblieben ist. Können wir gehen? Schöne Grüße!",
                "WINDOWS-1252");
    check_round("¿Qué pasó ayer? ¡Mañana será otro día, señor!", "WINDOWS-1252");
    check_round("Perché non è più qui? La città è già vuota.", "WINDOWS-1252");
    check_round("Não sei o que aconteceu. A canção não é tão má, irmão.", "WINDOWS-1252");
    check_round("Jag är hungrig. På måndag går vi över ån.", "WINDOWS-1252");
    check_round("It’s a café, isn’t it? Fiancé…", "WINDOWS-1252");
    check_round("Zażółć gęślą jaźń. Nie wiem, dokąd on poszedł, może później wróci.",
                "WINDOWS-1250");
    check_round("Nie wiem, gdzie są ich dzieci; chciałbym pójść wcześniej.", "ISO-8859-2");
    check_round("Příliš žluťoučký kůň úpěl ďábelské ódy. Kde jsi byla včera večer?",
                "WINDOWS-1250");
    check_round("Árvíztűrő tükörfúrógép. Nem tudom, hová tűnt, de biztosan visszajön.",
                "WINDOWS-1250");
    check_round("Şimdi nereye gidiyorsun? Bugün çok güzel, ağaçlar yeşil, değil mi? Kız sustu.",
                "WINDOWS-1254");
    check_round("Δεν ξέρω πού είναι. Καλημέρα σας!", "WINDOWS-1253");
    check_round("Я не знаю, де він є. Її звати Ганна, і вона любить кіно.", "WINDOWS-1251");
}

TEST(charset_reads_utf16)
{
    for (size_t i = 0; i < ARRAY_LEN(russian); i++) {
        if (strlen(russian[i]) < 20)
            continue;
        check_round(russian[i], "UTF-16LE");
        check_round(russian[i], "UTF-16BE");
    }
    struct charset_text out;
    arena_init(&arena, MIB(1));
    CHECK_OK(
        charset_to_utf8(&arena, STR("\xff\xfe\x1f\x04\x3d\xd8\x00\xde\x00\xd8!"), STR_NONE, &out));
    CHECK_STR(out.utf8, STR("П😀\xef\xbf\xbd\xef\xbf\xbd"));
    CHECK_INT(out.replaced, 2);
    CHECK(strcmp(out.charset, "UTF-16LE") == 0);
    arena_deinit(&arena);
}

TEST(charset_keeps_utf8_with_a_few_broken_bytes)
{
    struct charset_text out;
    arena_init(&arena, MIB(1));
    CHECK_OK(charset_to_utf8(&arena, STR("\xef\xbb\xbfпривет, мир и вся его родня \xd0 тут"),
                             STR_NONE, &out));
    CHECK_STR(out.utf8, STR("привет, мир и вся его родня \xef\xbf\xbd тут"));
    CHECK_INT(out.replaced, 1);
    arena_deinit(&arena);
}

TEST(charset_believes_a_declaration_unless_disproved)
{
    struct charset_text out;
    arena_init(&arena, MIB(1));
    CHECK_OK(charset_to_utf8(&arena, STR("\xe9"), STR("Windows-1251"), &out));
    CHECK_STR(out.utf8, STR("й"));
    CHECK_OK(charset_to_utf8(&arena, STR("й"), STR("windows-1251"), &out));
    CHECK_STR(out.utf8, STR("й"));
    CHECK_OK(charset_to_utf8(&arena, STR("\xcf\xf0\xe8\xe2\xe5\xf2"), STR("utf-8"), &out));
    CHECK_STR(out.utf8, STR("Привет"));
    arena_deinit(&arena);
}

TEST(charset_refuses_what_is_no_text)
{
    struct charset_text out;
    char noise[600];
    arena_init(&arena, MIB(1));
    CHECK_ERR(charset_to_utf8(&arena, STR("RIFF\0\0\0abc"), STR_NONE, &out), ERR_INVALID);
    CHECK(strcmp(err_slot()->slug, "text-binary") == 0);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(0x80 | test_random() >> 20);
    CHECK_ERR(charset_to_utf8(&arena, (str){ noise, sizeof(noise) }, STR_NONE, &out), ERR_INVALID);
    CHECK(strcmp(err_slot()->slug, "text-charset-unknown") == 0);
    arena_deinit(&arena);
}

TEST(entities_decode)
{
    size_t pos = 0;
    CHECK_INT(entity_next(STR("&amp;x"), &pos), '&');
    CHECK_INT(pos, 5);
    pos = 0;
    CHECK_INT(entity_next(STR("&#x2014;"), &pos), 0x2014);
    pos = 0;
    CHECK_INT(entity_next(STR("&#8230;"), &pos), 0x2026);
    static const char *const none[] = { "&",        "&;",          "& b;",     "&#;",  "&#x;",
                                        "&#xd800;", "&#99999999;", "&nosuch;", "&amp", "&#12a;" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        pos = 0;
        CHECK_INT(entity_next(str_of(none[i]), &pos), 0);
        CHECK_INT(pos, 0);
    }
    static const char *const some[] = { "&AElig;", "&zwnj;", "&eacute;", "&quot;", "&rlm;" };
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        pos = 0;
        CHECK(entity_next(str_of(some[i]), &pos) != 0);
    }
}

TEST(fold_compares_names)
{
    CHECK(fold_eq(STR("ФЁДОР"), STR("федор")));
    CHECK(fold_eq(STR("Ärger"), STR("ÄRGER")));
    CHECK(fold_eq(STR("ŁÓDŹ"), STR("łódź")));
    CHECK(fold_eq(STR("ΆΓΙΟΣ"), STR("άγιοσ")));
    CHECK(!fold_eq(STR("abc"), STR("abcd")));
    CHECK(!fold_eq(STR("и"), STR("й")));
    arena_init(&arena, MIB(1));
    CHECK_STR(fold_str(&arena, STR("Ёлка ДЛЯ A")), STR("елка для a"));
    arena_deinit(&arena);
}
