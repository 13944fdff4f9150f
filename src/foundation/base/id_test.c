#include "id.h"

#include "foundation/test/test.h"

TEST(id_has_exactly_one_text)
{
    struct id id = ID(5);
    char text[ID_TEXT_MAX];
    CHECK(id_parse(STR("9223372036854775807"), &id));
    CHECK_INT(id.value, INT64_MAX);
    CHECK_STR(id_format(id, text), STR("9223372036854775807"));
    static const char *const wrong[] = { "",
                                         "0",
                                         "-1",
                                         "+1",
                                         "01",
                                         " 1",
                                         "1 ",
                                         "1.0",
                                         "1e3",
                                         "a",
                                         "9223372036854775808",
                                         "99999999999999999999" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(!id_parse(str_of(wrong[i]), &id));
    CHECK_INT(id.value, INT64_MAX);
    CHECK_STR(id_format(ID(10), text), STR("10"));
    CHECK_STR(id_format(ID_NONE, text), STR("0"));
}
