#include "ages.h"
#include "countries.h"
#include "genres.h"

#include "foundation/test/test.h"

static void check_genres(const char *text, const char *expected)
{
    struct arena arena;
    str slugs[8], joined = STR("");
    arena_init(&arena, KIB(64));
    size_t count = genres_parse(&arena, str_of(text), slugs, ARRAY_LEN(slugs));
    for (size_t i = 0; i < count; i++)
        joined =
            arena_printf(&arena, "%.*s%s%.*s", STR_ARG(joined), i ? " " : "", STR_ARG(slugs[i]));
    CHECK_STR(joined, str_of(expected));
    arena_deinit(&arena);
}

TEST(genres_become_slugs)
{
    check_genres("Drama", "drama");
    check_genres("ДРАМА", "drama");
    check_genres("Science Fiction", "sci-fi");
    check_genres("Sci-Fi & Fantasy", "sci-fi fantasy");
    check_genres("Action and Adventure", "action adventure");
    check_genres("Action / Adventure|Thriller, боевик; ", "action adventure thriller");
    check_genres("Фильм-нуар", "film-noir");
    check_genres("Мультфильмы", "animation");
    check_genres("ужасы/мистика", "horror mystery");
    check_genres("Rock & Roll", "rock-roll");
    check_genres("Щёлкающий нуар", "shchelkayushchiy-nuar");
    check_genres("Comédie à thèse", "comedie-a-these");
    check_genres("時代劇", "時代劇");
    check_genres(" / !! /,", "");
    check_genres("A very long name of a genre that somebody made up in haste",
                 "a-very-long-name-of-a-genre-that-somebody-m");
}

TEST(genres_are_bounded)
{
    check_genres("a,b,c,d,e,f,g,h,i,j", "a b c d e f g h");
    CHECK_STR(str_of(genre_get(STR("sci-fi"))->name_ru), STR("Фантастика"));
    CHECK(genre_get(STR("nothing")) == NULL);
}

TEST(countries_become_codes)
{
    static const char *const rows[][2] = {
        { "Germany", "DE" },
        { "германия", "DE" },
        { "DEU", "DE" },
        { "de", "DE" },
        { "USA", "US" },
        { "United States of America", "US" },
        { "США", "US" },
        { "UK", "GB" },
        { "Великобритания", "GB" },
        { "СССР", "SU" },
        { "Soviet Union", "SU" },
        { "Россия", "RU" },
        { "Southern Korea", "" },
        { "South Korea", "KR" },
        { "Корея Южная", "KR" },
        { "ФРГ", "DE" },
        { "Германия (ГДР)", "DD" },
        { "Czechoslovakia", "CS" },
        { " Франция ", "FR" },
        { "", "" },
        { "Гонконг", "HK" },
        { "Атлантида", "" },
        { "Чехия", "CZ" },
        { "Беларусь", "BY" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct country *country = country_find(str_of(rows[i][0]));
        CHECK_STR(country ? str_of(country->code) : STR(""), str_of(rows[i][1]));
    }
    CHECK_STR(country_name(country_get(STR("FR")), STR("ru")), STR("Франция"));
    CHECK_STR(country_name(country_get(STR("FR")), STR("de")), STR("France"));
}

TEST(age_ratings_become_ages)
{
    static const struct {
        const char *text, *system, *label;
        int age_min;
    } rows[] = {
        { "PG-13", "MPA", "PG-13", 13 },
        { "Rated R for violence", "MPA", "R", 17 },
        { "US:R", "MPA", "R", 17 },
        { "Rated PG-13", "MPA", "PG-13", 13 },
        { "FSK 12", "FSK", "12", 12 },
        { "de/16", "FSK", "16", 16 },
        { "Germany:12", "FSK", "12", 12 },
        { "UK:12A", "BBFC", "12A", 12 },
        { "UK:PG", "BBFC", "PG", 8 },
        { "PG", "MPA", "PG", 7 },
        { "16+", "RARS", "16+", 16 },
        { "0+", "RARS", "0+", 0 },
        { "Россия: 18+", "RARS", "18+", 18 },
        { "TV-MA", "MPA", "TV-MA", 17 },
        { "18", "age", "18", 18 },
        { "ru:6+", "RARS", "6+", 6 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct age_rating rating = { 0 };
        CHECK(age_rating_parse(str_of(rows[i].text), &rating));
        CHECK_INT(rating.age_min, rows[i].age_min);
        CHECK_STR(rating.label, str_of(rows[i].label));
        CHECK_STR(str_of(rating.system), str_of(rows[i].system));
    }
    static const char *const none[] = { "", "NR", "Not Rated", "Unrated", "1927", "-", "99", "+" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct age_rating rating;
        CHECK(!age_rating_parse(str_of(none[i]), &rating));
    }
}
