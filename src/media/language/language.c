/*
 * language: one table, searched from the top: names of languages are looked up once a file or
 * track. Codes: ISO 639-1, ISO 639-2; names in Russian and English as in CLDR.
 */
#include "language.h"

#include "media/text/fold.h"

#include <string.h>

/* clang-format off */
static const struct language languages[] = {
    /* code, 639-2/B, 639-2/T, own name, English, Russian */
    { "af", "afr", "afr", "Afrikaans", "Afrikaans", "африкаанс" },
    { "am", "amh", "amh", "አማርኛ", "Amharic", "амхарский" },
    { "ar", "ara", "ara", "العربية", "Arabic", "арабский" },
    { "az", "aze", "aze", "Azərbaycanca", "Azerbaijani", "азербайджанский" },
    { "be", "bel", "bel", "Беларуская", "Belarusian", "белорусский" },
    { "bg", "bul", "bul", "Български", "Bulgarian", "болгарский" },
    { "bn", "ben", "ben", "বাংলা", "Bengali", "бенгальский" },
    { "bs", "bos", "bos", "Bosanski", "Bosnian", "боснийский" },
    { "ca", "cat", "cat", "Català", "Catalan", "каталанский" },
    { "cs", "cze", "ces", "Čeština", "Czech", "чешский" },
    { "cy", "wel", "cym", "Cymraeg", "Welsh", "валлийский" },
    { "da", "dan", "dan", "Dansk", "Danish", "датский" },
    { "de", "ger", "deu", "Deutsch", "German", "немецкий" },
    { "el", "gre", "ell", "Ελληνικά", "Greek", "греческий" },
    { "en", "eng", "eng", "English", "English", "английский" },
    { "eo", "epo", "epo", "Esperanto", "Esperanto", "эсперанто" },
    { "es", "spa", "spa", "Español", "Spanish", "испанский" },
    { "et", "est", "est", "Eesti", "Estonian", "эстонский" },
    { "eu", "baq", "eus", "Euskara", "Basque", "баскский" },
    { "fa", "per", "fas", "فارسی", "Persian", "персидский" },
    { "fi", "fin", "fin", "Suomi", "Finnish", "финский" },
    { "fil", "fil", "fil", "Filipino", "Filipino", "филиппинский" },
    { "fo", "fao", "fao", "Føroyskt", "Faroese", "фарерский" },
    { "fr", "fre", "fra", "Français", "French", "французский" },
    { "fy", "fry", "fry", "Frysk", "Frisian", "фризский" },
    { "ga", "gle", "gle", "Gaeilge", "Irish", "ирландский" },
    { "gd", "gla", "gla", "Gàidhlig", "Gaelic", "гэльский" },
    { "gl", "glg", "glg", "Galego", "Galician", "галисийский" },
    { "gu", "guj", "guj", "ગુજરાતી", "Gujarati", "гуджарати" },
    { "ha", "hau", "hau", "Hausa", "Hausa", "хауса" },
    { "he", "heb", "heb", "עברית", "Hebrew", "иврит" },
    { "hi", "hin", "hin", "हिन्दी", "Hindi", "хинди" },
    { "hr", "hrv", "hrv", "Hrvatski", "Croatian", "хорватский" },
    { "hu", "hun", "hun", "Magyar", "Hungarian", "венгерский" },
    { "hy", "arm", "hye", "Հայերեն", "Armenian", "армянский" },
    { "id", "ind", "ind", "Bahasa Indonesia", "Indonesian", "индонезийский" },
    { "is", "ice", "isl", "Íslenska", "Icelandic", "исландский" },
    { "it", "ita", "ita", "Italiano", "Italian", "итальянский" },
    { "ja", "jpn", "jpn", "日本語", "Japanese", "японский" },
    { "ka", "geo", "kat", "ქართული", "Georgian", "грузинский" },
    { "kk", "kaz", "kaz", "Қазақша", "Kazakh", "казахский" },
    { "km", "khm", "khm", "ខ្មែរ", "Khmer", "кхмерский" },
    { "kn", "kan", "kan", "ಕನ್ನಡ", "Kannada", "каннада" },
    { "ko", "kor", "kor", "한국어", "Korean", "корейский" },
    { "ku", "kur", "kur", "Kurdî", "Kurdish", "курдский" },
    { "ky", "kir", "kir", "Кыргызча", "Kyrgyz", "киргизский" },
    { "la", "lat", "lat", "Latina", "Latin", "латинский" },
    { "lb", "ltz", "ltz", "Lëtzebuergesch", "Luxembourgish", "люксембургский" },
    { "lo", "lao", "lao", "ລາວ", "Lao", "лаосский" },
    { "lt", "lit", "lit", "Lietuvių", "Lithuanian", "литовский" },
    { "lv", "lav", "lav", "Latviešu", "Latvian", "латышский" },
    { "mi", "mao", "mri", "Māori", "Maori", "маори" },
    { "mk", "mac", "mkd", "Македонски", "Macedonian", "македонский" },
    { "ml", "mal", "mal", "മലയാളം", "Malayalam", "малаялам" },
    { "mn", "mon", "mon", "Монгол", "Mongolian", "монгольский" },
    { "mr", "mar", "mar", "मराठी", "Marathi", "маратхи" },
    { "ms", "may", "msa", "Bahasa Melayu", "Malay", "малайский" },
    { "mt", "mlt", "mlt", "Malti", "Maltese", "мальтийский" },
    { "my", "bur", "mya", "မြန်မာ", "Burmese", "бирманский" },
    { "nb", "nob", "nob", "Norsk bokmål", "Norwegian Bokmål", "норвежский букмол" },
    { "ne", "nep", "nep", "नेपाली", "Nepali", "непальский" },
    { "nl", "dut", "nld", "Nederlands", "Dutch", "нидерландский" },
    { "nn", "nno", "nno", "Norsk nynorsk", "Norwegian Nynorsk", "нюнорск" },
    { "no", "nor", "nor", "Norsk", "Norwegian", "норвежский" },
    { "pa", "pan", "pan", "ਪੰਜਾਬੀ", "Punjabi", "панджаби" },
    { "pl", "pol", "pol", "Polski", "Polish", "польский" },
    { "ps", "pus", "pus", "پښتو", "Pashto", "пушту" },
    { "pt", "por", "por", "Português", "Portuguese", "португальский" },
    { "rm", "roh", "roh", "Rumantsch", "Romansh", "романшский" },
    { "ro", "rum", "ron", "Română", "Romanian", "румынский" },
    { "ru", "rus", "rus", "Русский", "Russian", "русский" },
    { "sa", "san", "san", "संस्कृतम्", "Sanskrit", "санскрит" },
    { "se", "sme", "sme", "Davvisámegiella", "Northern Sami", "северносаамский" },
    { "si", "sin", "sin", "සිංහල", "Sinhala", "сингальский" },
    { "sk", "slo", "slk", "Slovenčina", "Slovak", "словацкий" },
    { "sl", "slv", "slv", "Slovenščina", "Slovenian", "словенский" },
    { "so", "som", "som", "Soomaali", "Somali", "сомалийский" },
    { "sq", "alb", "sqi", "Shqip", "Albanian", "албанский" },
    { "sr", "srp", "srp", "Српски", "Serbian", "сербский" },
    { "sv", "swe", "swe", "Svenska", "Swedish", "шведский" },
    { "sw", "swa", "swa", "Kiswahili", "Swahili", "суахили" },
    { "ta", "tam", "tam", "தமிழ்", "Tamil", "тамильский" },
    { "te", "tel", "tel", "తెలుగు", "Telugu", "телугу" },
    { "tg", "tgk", "tgk", "Тоҷикӣ", "Tajik", "таджикский" },
    { "th", "tha", "tha", "ไทย", "Thai", "тайский" },
    { "tk", "tuk", "tuk", "Türkmençe", "Turkmen", "туркменский" },
    { "tl", "tgl", "tgl", "Tagalog", "Tagalog", "тагальский" },
    { "tr", "tur", "tur", "Türkçe", "Turkish", "турецкий" },
    { "tt", "tat", "tat", "Татарча", "Tatar", "татарский" },
    { "ug", "uig", "uig", "ئۇيغۇرچە", "Uyghur", "уйгурский" },
    { "uk", "ukr", "ukr", "Українська", "Ukrainian", "украинский" },
    { "ur", "urd", "urd", "اردو", "Urdu", "урду" },
    { "uz", "uzb", "uzb", "Oʻzbekcha", "Uzbek", "узбекский" },
    { "vi", "vie", "vie", "Tiếng Việt", "Vietnamese", "вьетнамский" },
    { "xh", "xho", "xho", "isiXhosa", "Xhosa", "коса" },
    { "yi", "yid", "yid", "ייִדיש", "Yiddish", "идиш" },
    { "yo", "yor", "yor", "Yorùbá", "Yoruba", "йоруба" },
    { "yue", "yue", "yue", "粵語", "Cantonese", "кантонский" },
    { "zh", "chi", "zho", "中文", "Chinese", "китайский" },
    { "zu", "zul", "zul", "isiZulu", "Zulu", "зулу" },
    { "und", "und", "und", "—", "Undetermined", "неизвестный" },
    { "mul", "mul", "mul", "—", "Multiple languages", "несколько языков" },
    { "zxx", "zxx", "zxx", "—", "No linguistic content", "без слов" },
};

/* Names and codes people write besides; the tag may carry a script or a region. */
static const struct {
    const char *word, *tag;
} aliases[] = {
    { "castellano", "es" }, { "latino", "es-419" }, { "spanish latin", "es-419" },
    { "spa-lat", "es-419" }, { "brazilian", "pt-BR" }, { "brazilian portuguese", "pt-BR" },
    { "pob", "pt-BR" }, { "ptbr", "pt-BR" }, { "pb", "pt-BR" }, { "chs", "zh-Hans" },
    { "sc", "zh-Hans" }, { "cht", "zh-Hant" }, { "tc", "zh-Hant" },
    { "chinese simplified", "zh-Hans" }, { "simplified chinese", "zh-Hans" },
    { "chinese traditional", "zh-Hant" }, { "traditional chinese", "zh-Hant" },
    { "zh-cn", "zh-Hans" }, { "zh-sg", "zh-Hans" }, { "zh-tw", "zh-Hant" }, { "zh-hk", "zh-Hant" },
    { "cn", "zh-Hans" }, { "jp", "ja" }, { "jap", "ja" }, { "kr", "ko" }, { "ua", "uk" },
    { "ukr", "uk" }, { "by", "be" }, { "cz", "cs" }, { "gr", "el" }, { "dk", "da" },
    { "iw", "he" }, { "in", "id" }, { "farsi", "fa" }, { "scr", "hr" }, { "scc", "sr" },
    { "flemish", "nl-BE" }, { "mandarin", "zh" }, { "bokmål", "nb" }, { "slovene", "sl" },
    { "голландский", "nl" }, { "фарси", "fa" }, { "english us", "en-US" },
    { "english uk", "en-GB" }, { "рус", "ru" }, { "русские", "ru" }, { "russkiy", "ru" },
    { "англ", "en" }, { "английские", "en" }, { "укр", "uk" },
};
/* clang-format on */

enum { LANGUAGES_SPECIAL = 3 }; /* und, mul, zxx at the end: codes only, no names */

static bool row_matches(const struct language *row, str word, bool by_name)
{
    return str_eq_nocase(word, str_of(row->code)) || str_eq_nocase(word, str_of(row->iso639_2b)) ||
           str_eq_nocase(word, str_of(row->iso639_2t)) ||
           (by_name &&
            (fold_eq(word, str_of(row->name_own)) || fold_eq(word, str_of(row->name_en)) ||
             fold_eq(word, str_of(row->name_ru))));
}

const struct language *language_find(str word)
{
    for (size_t i = 0; i < ARRAY_LEN(languages); i++)
        if (row_matches(&languages[i], word, i + LANGUAGES_SPECIAL < ARRAY_LEN(languages)))
            return &languages[i];
    return NULL;
}

static bool is_alpha(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] | 32) < 'a' || (s.ptr[i] | 32) > 'z')
            return false;
    return s.len > 0;
}

static char letter_case(char c, bool upper)
{
    return (char)(upper ? c & ~32 : c | 32);
}

/* RFC 5646, section 2.1: a script ("Latn") or a region ("BR", "419"), in its customary case. */
static bool subtag_put(struct language_tag *tag, size_t *len, str subtag)
{
    uint64_t number;
    bool script = subtag.len == 4 && is_alpha(subtag);
    bool region = (subtag.len == 2 && is_alpha(subtag)) ||
                  (subtag.len == 3 && str_parse_u64(subtag, &number));
    if ((!script && !region) || *len + subtag.len + 2 > sizeof(tag->text))
        return false;
    tag->text[(*len)++] = '-';
    for (size_t i = 0; i < subtag.len; i++) {
        char c = subtag.ptr[i];
        tag->text[(*len)++] = c >= '0' && c <= '9' ? c : letter_case(c, region || i == 0);
    }
    tag->text[*len] = 0;
    return true;
}

/* "pt-BR", "zh_Hant", "es-419": a code of the table and at most two subtags. */
static bool tag_build(str text, struct language_tag *out)
{
    size_t code_len = 0;
    while (code_len < text.len && text.ptr[code_len] != '-')
        code_len++;
    struct language_tag tag = { .language = language_find(str_sub(text, 0, code_len)) };
    if (!tag.language)
        return false;
    size_t len = strlen(tag.language->code);
    memcpy(tag.text, tag.language->code, len + 1);
    for (unsigned i = 0; code_len < text.len; i++) {
        text = str_skip(text, code_len + 1);
        code_len = 0;
        while (code_len < text.len && text.ptr[code_len] != '-')
            code_len++;
        if (i == 2 || !subtag_put(&tag, &len, str_sub(text, 0, code_len)))
            return false;
    }
    *out = tag;
    return true;
}

bool language_tag_parse(str text, struct language_tag *out)
{
    char dashed[64];
    text = str_trim(text);
    if (text.len == 0 || text.len > sizeof(dashed))
        return false;
    for (size_t i = 0; i < text.len; i++)
        dashed[i] = text.ptr[i] == '_' ? '-' : text.ptr[i];
    text.ptr = dashed;
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (fold_eq(text, str_of(aliases[i].word)))
            return tag_build(str_of(aliases[i].tag), out);
    const struct language *by_name = language_find(text);
    return tag_build(by_name ? str_of(by_name->code) : text, out);
}

str language_label(struct arena *arena, const struct language_tag *tag)
{
    str own = str_of(tag->language->name_own);
    str subtags = str_skip(str_of(tag->text), strlen(tag->language->code) + 1);
    if (subtags.len == 0)
        return own;
    return arena_printf(arena, "%.*s (%.*s)", STR_ARG(own), STR_ARG(subtags));
}
