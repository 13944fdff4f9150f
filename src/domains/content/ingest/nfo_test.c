#include "nfo.h"

#include "foundation/mem/buf.h"
#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct nfo nfo;

static void parse_bytes(str bytes)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(32));
    CHECK_OK(nfo_parse(&arena, bytes, &nfo));
}

static const struct nfo_work *parse(const char *xml)
{
    parse_bytes(str_of(xml));
    CHECK(nfo.works_count >= 1);
    return &nfo.works[0];
}

static void check_texts(const struct nfo_texts *texts, const char *expected)
{
    struct buf out;
    buf_init(&out, &arena, KIB(4));
    for (size_t i = 0; i < texts->count; i++)
        buf_printf(&out, "%s%.*s", i ? "|" : "", STR_ARG(texts->items[i]));
    CHECK_STR(buf_str(&out), str_of(expected));
}

TEST(nfo_movie_is_read_whole)
{
    const struct nfo_work *work = parse(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>\n<!-- made by hand -- -->\n"
        "<movie>\n<title>Метрополис</title><originaltitle>Metropolis</originaltitle>"
        "<sorttitle>Metropolis</sorttitle><year>1927</year><premiered>1927-01-10</premiered>"
        "<plot>A city &amp; its heart.</plot><outline>Short</outline><tagline>Line</tagline>"
        "<runtime>153 min</runtime><mpaa>Rated PG</mpaa><genre>Drama</genre><genre>Sci-Fi</genre>"
        "<genre>Drama</genre><country>Germany</country><studio>UFA</studio>"
        "<director>Fritz Lang</director><credits>Thea von Harbou</credits><tag>silent</tag>"
        "<uniqueid type=\"imdb\" default=\"true\">tt0017136</uniqueid>"
        "<uniqueid type=\"TMDB\">19</uniqueid><id>tt0017136</id>"
        "<ratings><rating name=\"imdb\" max=\"10\" default=\"true\"><value>8.3</value>"
        "<votes>170,123</votes></rating><rating name=\"metacritic\" max=\"100\"><value>98</value>"
        "</rating></ratings>"
        "<set><name>Lang</name><overview>His films</overview></set>"
        "<actor><name>Brigitte Helm</name><role>Maria</role><order>0</order>"
        "<thumb>http://x/h.jpg</thumb></actor><actor><name>Gustav Fröhlich</name></actor>"
        "<thumb "
        "aspect=\"poster\">http://x/p.jpg</thumb><fanart><thumb>http://x/f.jpg</thumb></fanart>"
        "<fileinfo><streamdetails><video><codec>h264</codec></video><audio><language>ger</language>"
        "</audio><subtitle><language>rus</language></subtitle></streamdetails></fileinfo>"
        "<unknown><deep>x</deep></unknown></movie>");
    CHECK_INT(work->kind, NFO_MOVIE);
    CHECK_STR(work->title, STR("Метрополис"));
    CHECK_STR(work->original_title, STR("Metropolis"));
    CHECK_STR(work->plot, STR("A city & its heart."));
    CHECK_INT(work->year, 1927);
    CHECK_STR(work->premiered, STR("1927-01-10"));
    CHECK_INT(work->runtime_min, 153);
    CHECK_STR(work->age_rating, STR("Rated PG"));
    check_texts(&work->genres, "Drama|Sci-Fi");
    check_texts(&work->countries, "Germany");
    check_texts(&work->directors, "Fritz Lang");
    check_texts(&work->writers, "Thea von Harbou");
    check_texts(&work->audio_languages, "ger");
    check_texts(&work->subtitle_languages, "rus");
    CHECK_INT(work->ids_count, 2);
    CHECK_STR(nfo_id_find(work, STR("imdb")), STR("tt0017136"));
    CHECK_STR(nfo_id_find(work, STR("tmdb")), STR("19"));
    CHECK_INT(work->ratings_count, 2);
    CHECK_INT(work->ratings[0].value, 830);
    CHECK_INT(work->ratings[0].votes, 170123);
    CHECK_INT(work->ratings[1].value, 980);
    CHECK_STR(work->set_name, STR("Lang"));
    CHECK_STR(work->set_overview, STR("His films"));
    CHECK_INT(work->actors_count, 2);
    CHECK_STR(work->actors[0].role, STR("Maria"));
    CHECK_INT(work->actors[0].order, 0);
    CHECK_STR(work->actors[0].thumb, STR("http://x/h.jpg"));
    CHECK_STR(work->actors[1].name, STR("Gustav Fröhlich"));
    CHECK_INT(work->actors[1].order, -1);
    CHECK_INT(work->images_count, 2);
    CHECK_STR(work->images[0].aspect, STR("poster"));
    CHECK(work->images[1].fanart);
    CHECK_STR(nfo.warning, STR(""));
    CHECK(!nfo.incomplete);
}

TEST(nfo_old_forms_are_read)
{
    const struct nfo_work *work = parse(
        "<movie><title>A</title><year></year><premiered>10.01.1927</premiered><rating>7,5</rating>"
        "<votes>12</votes><runtime>2h 33m</runtime><set>Old "
        "set</set><certification>16+</certification>"
        "<actor>Brigitte Helm<role>Maria</role></actor><actor>Nobody</actor>"
        "<imdb_id>tt0000001</imdb_id><tmdbid>7</tmdbid><displayseason>x</displayseason></movie>");
    CHECK_INT(work->year, 1927);
    CHECK_STR(work->premiered, STR("1927-01-10"));
    CHECK_INT(work->ratings[0].value, 750);
    CHECK_INT(work->ratings[0].votes, 12);
    CHECK_INT(work->runtime_min, 153);
    CHECK_STR(work->set_name, STR("Old set"));
    CHECK_STR(work->age_rating, STR("16+"));
    CHECK_STR(work->actors[0].name, STR("Brigitte Helm"));
    CHECK_STR(work->actors[0].role, STR("Maria"));
    CHECK_STR(work->actors[1].name, STR("Nobody"));
    CHECK_STR(nfo_id_find(work, STR("imdb")), STR("tt0000001"));
    CHECK_INT(work->display_season, -1);
}

TEST(nfo_series_season_and_several_episodes)
{
    CHECK_INT(parse("<tvshow><title>S</title><id>78874</id></tvshow>")->kind, NFO_SERIES);
    CHECK_STR(nfo_id_find(&nfo.works[0], STR("tvdb")), STR("78874"));
    CHECK_INT(parse("<season><seasonnumber>2</seasonnumber></season>")->season, 2);
    parse("<?xml version=\"1.0\"?>\n<episodedetails><title>One</title><season>1</season>"
          "<episode>1</episode><aired>2005-03-26</aired></episodedetails>\n"
          "<?xml version=\"1.0\"?>\n<episodedetails><title>Two</title><season>1</season>"
          "<episode>2</episode></episodedetails>");
    CHECK_INT(nfo.works_count, 2);
    CHECK_INT(nfo.works[0].kind, NFO_EPISODE);
    CHECK_INT(nfo.works[0].year, 2005);
    CHECK_STR(nfo.works[1].title, STR("Two"));
    CHECK_INT(nfo.works[1].episode, 2);
    CHECK(!nfo.incomplete);
    parse("<xbmcmultiepisode><episodedetails><title>A</title></episodedetails><episodedetails>"
          "<title>B</title></episodedetails></xbmcmultiepisode>");
    CHECK_INT(nfo.works_count, 2);
}

TEST(nfo_of_the_wild)
{
    const struct nfo_work *work =
        parse("\xef\xbb\xbf  <movie><title>Tom & Jerry < 3 &eacute;&mdash;&bogus;</title>"
              "<plot>One<br>two <i>three</i> & four &#8212; &#0;&#xFFFE;\x01"
              "five</plot>"
              "<tagline><![CDATA[a <b> & c]]></tagline></movie>");
    CHECK_STR(work->title, STR("Tom & Jerry < 3 é—&bogus;"));
    CHECK_STR(work->plot, STR("One two three & four — &#0;five"));
    CHECK_STR(work->tagline, STR("a <b> & c"));
    work = parse("<Movie><TITLE>Case</TITLE></Movie>");
    CHECK_STR(work->title, STR("Case"));
    work = parse("<movie><title></title><title>Second</title><rating>11.5</rating>"
                 "<rating max=\"100\">-3</rating><year>soon</year><runtime>0</runtime></movie>");
    CHECK_STR(work->title, STR("Second"));
    CHECK_INT(work->ratings_count, 0);
    CHECK_INT(work->year, 0);
    CHECK_INT(work->runtime_min, 0);
    CHECK_STR(nfo.warning, STR("line 1: a rating is out of its range"));
}

TEST(nfo_links_beside_and_instead_of_xml)
{
    const struct nfo_work *work = parse("<movie><title>A</title></movie>\n"
                                        "https://www.imdb.com/title/tt0017136/?ref_=x&y=z\n"
                                        "https://www.themoviedb.org/movie/19-metropolis");
    CHECK_STR(nfo_id_find(work, STR("imdb")), STR("tt0017136"));
    CHECK_STR(nfo_id_find(work, STR("tmdb")), STR("19"));
    parse_bytes(STR("https://www.imdb.com/title/tt0017136/"));
    CHECK_INT(nfo.works_count, 0);
    CHECK_INT(nfo.links_count, 1);
    CHECK_STR(nfo.links[0].value, STR("tt0017136"));
    parse_bytes(STR("\xb0\xb1\xb2\xdb\xdb < GRP > "
                    "\xdb\xb2\xb1\xb0\r\nhttp://www.imdb.com/title/tt0017136\r\n"));
    CHECK_STR(nfo.links[0].value, STR("tt0017136"));
    work = parse("<movie><plot>see imdb.com/title/tt0099999</plot></movie>");
    CHECK_STR(nfo_id_find(work, STR("imdb")), STR(""));
}

TEST(nfo_encodings)
{
    parse_bytes(
        STR("<?xml version=\"1.0\" encoding=\"windows-1251\"?><movie><title>\xcc\xe5\xf2\xf0\xee"
            "</title></movie>"));
    CHECK_STR(nfo.works[0].title, STR("Метро"));
    parse_bytes(STR("<movie><title>\xcc\xe5\xf2\xf0\xee\xef\xee\xeb\xe8\xf1</title><plot>"
                    "\xc3\xee\xf0\xee\xe4 \xe1\xf3\xe4\xf3\xf9\xe5\xe3\xee</plot></movie>"));
    CHECK_STR(nfo.works[0].title, STR("Метрополис"));
    parse_bytes(STR("\xff\xfe<\0m\0o\0v\0i\0e\0>\0<\0t\0i\0t\0l\0e\0>\0A\0<\0/\0t\0i\0t\0l\0e\0>\0"
                    "<\0/\0m\0o\0v\0i\0e\0>\0"));
    CHECK_STR(nfo.works[0].title, STR("A"));
}

TEST(nfo_broken_off_keeps_what_is_complete)
{
    const struct nfo_work *work =
        parse("<movie>\n<title>Metropolis</title>\n<actor><name>Helm</name>"
              "<role>Mar");
    CHECK(nfo.incomplete);
    CHECK_STR(work->title, STR("Metropolis"));
    CHECK_INT(work->actors_count, 1);
    CHECK_STR(work->actors[0].name, STR("Helm"));
    CHECK_STR(work->actors[0].role, STR(""));
    CHECK(str_starts(nfo.warning, STR("line 3: ")));
    work = parse("<movie><title>A</title><plot>x</outline><genre>lost</genre></movie>");
    CHECK(nfo.incomplete);
    CHECK_STR(work->title, STR("A"));
    work = parse("<movie><title>A</title><plot");
    CHECK_STR(work->title, STR("A"));
}

TEST(nfo_entities_are_never_expanded)
{
    const struct nfo_work *work =
        parse("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n <!ENTITY lol \"lol\">\n"
              " <!ENTITY lol2 \"&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;\">\n"
              " <!ENTITY x SYSTEM \"file:///etc/passwd\">\n]>\n"
              "<movie><title>&lol2;&x;</title><plot>A &amp; &lol; B & C</plot></movie>");
    CHECK_STR(work->title, STR(""));
    CHECK_STR(work->plot, STR("A &  B & C"));
    CHECK_STR(nfo.warning, STR("a document type definition was left out"));
}

static void check_refused(str bytes, enum err code, const char *slug)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(32));
    CHECK_ERR(nfo_parse(&arena, bytes, &nfo), code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
}

TEST(nfo_refusals_say_why)
{
    check_refused(STR(""), ERR_INVALID, "nfo-empty");
    check_refused(STR("just words"), ERR_INVALID, "nfo-empty");
    check_refused(STR("<html><body>x</body></html>"), ERR_INVALID, "nfo-empty");
    check_refused(STR("PK\x03\x04\0\0"), ERR_INVALID, "text-binary");
    static char large[NFO_BYTES_MAX + 1];
    memset(large, ' ', sizeof(large));
    check_refused((str){ large, sizeof(large) }, ERR_TOO_LARGE, "nfo-too-large");
    arena_deinit(&arena);
}

TEST(nfo_is_bounded)
{
    struct buf xml;
    buf_init(&xml, NULL, MIB(2));
    buf_put(&xml, STR("<movie><title>A</title>"));
    for (int i = 0; i < NFO_ITEMS_MAX + 5; i++)
        buf_printf(&xml, "<actor><name>%d</name></actor>", i);
    buf_put(&xml, STR("</movie>"));
    parse_bytes(buf_str(&xml));
    CHECK_INT(nfo.works[0].actors_count, NFO_ITEMS_MAX);
    CHECK_STR(nfo.warning, STR("line 1: a list has too many entries"));
    buf_clear(&xml);
    buf_put(&xml, STR("<movie><title>A</title>"));
    for (int i = 0; i < 100000; i++)
        buf_put(&xml, STR("<x>"));
    parse_bytes(buf_str(&xml));
    CHECK(nfo.incomplete);
    CHECK_STR(nfo.warning, STR("line 1: elements are nested too deeply"));
    buf_clear(&xml);
    buf_put(&xml, STR("<movie><plot>"));
    for (int i = 0; i < NFO_TEXT_BYTES_MAX; i++)
        buf_put(&xml, STR("я"));
    buf_put(&xml, STR("</plot></movie>"));
    parse_bytes(buf_str(&xml));
    CHECK(nfo.works[0].plot.len <= NFO_TEXT_BYTES_MAX);
    CHECK(str_is_utf8(nfo.works[0].plot));
    CHECK_STR(nfo.warning, STR("line 1: a text is too long and was cut"));
    buf_deinit(&xml);
    arena_deinit(&arena);
}

/* Whether a parse within so little memory fails as it should; false when it succeeds. */
static bool refused_within(size_t size_bytes)
{
    static const char xml[] = "<movie><title>Metropolis</title><plot>A city.</plot></movie>";
    static struct arena small;
    jmp_buf exhausted;
    arena_init(&small, size_bytes);
    small.exhausted = &exhausted;
    volatile enum err err = ERR_CANCELLED; /* left by the arena's way out, before the XML is read */
    if (setjmp(exhausted) == 0)
        err = nfo_parse(&small, str_of(xml), &nfo);
    arena_deinit(&small);
    CHECK(err == OK || err == ERR_EXHAUSTED || err == ERR_CANCELLED);
    return err == ERR_EXHAUSTED;
}

TEST(nfo_reports_a_full_arena)
{
    unsigned refused = 0;
    for (size_t size_bytes = 64; size_bytes < 2048; size_bytes += 16)
        refused += refused_within(size_bytes);
    CHECK(refused > 0);
    CHECK(!refused_within(KIB(64)));
}

static enum err parse_in(struct arena *some_arena, void *arg)
{
    const char *const *xml = arg;
    struct nfo found;
    TRY(nfo_parse(some_arena, str_of(*xml), &found));
    CHECK(!found.incomplete); /* never less because memory has ended */
    CHECK_INT(found.works_count, 1);
    CHECK_INT(found.works[0].actors_count, 2);
    CHECK_INT(found.works[0].genres.count, 2);
    return OK;
}

TEST(nfo_minds_every_refused_allocation)
{
    static const char *xml =
        "<?xml version=\"1.0\"?><movie><title>Метрополис &amp; Co</title><year>1927</year>"
        "<premiered>1927-01-10</premiered><genre>drama</genre><genre>sci-fi</genre>"
        "<director>F. Lang</director><credits>T. Harbou</credits><plot>Long ago.</plot>"
        "<actor><name>B. Helm</name><role>Maria</role></actor><actor><name>A. Abel</name></actor>"
        "<uniqueid type=\"imdb\" default=\"true\">tt0017136</uniqueid>"
        "<ratings><rating name=\"imdb\" max=\"10\"><value>8.3</value><votes>9</votes></rating>"
        "</ratings><thumb aspect=\"poster\">http://a/b.jpg</thumb>"
        "<set><name>Works</name></set></movie>";
    CHECK(test_every_allocation(parse_in, &xml) >= 20);
}
