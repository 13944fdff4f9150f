/* Fuzz: settings files. Whatever is read, every value stays within its table's limits. */
#include "conf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum shade { SHADE_DARK, SHADE_LIGHT };

struct values {
    str text;
    span wait;
    uint64_t size;
    int64_t number;
    bool flag;
    enum shade shade;
};
SETTINGS(fuzz_conf, struct values, SETTING_TEXT(struct values, text, "a.text", "x"),
         SETTING_SPAN(struct values, wait, "a.wait", "1s", .min = 1, .max = SECONDS(90)),
         SETTING_SIZE(struct values, size, "a.size", "1KiB", .max = 1 << 30),
         SETTING_INT(struct values, number, "b.number", "5", .min = -5, .max = 5),
         SETTING_BOOL(struct values, flag, "b.flag", "true"),
         SETTING_ENUM(struct values, shade, enum shade, "b.shade", "dark",
                      .choices = (const char *const[]){ "dark", "light", NULL }));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct values values;
    struct conf conf;
    const struct conf_group group = { &fuzz_conf, &values };
    if (size_bytes > KIB(64))
        return 0;
    arena_init(&arena, MIB(16));
    conf_init(&conf, &arena, &group, 1);
    (void)!conf_read_text(&conf, STR("fuzz.conf"), (str){ (const char *)data, size_bytes });
    ASSERT(str_is_utf8(values.text));
    ASSERT(values.wait >= 1 && values.wait <= SECONDS(90) && values.size <= 1 << 30);
    ASSERT(values.number >= -5 && values.number <= 5 && values.shade <= SHADE_LIGHT);
    arena_deinit(&arena);
    return 0;
}
