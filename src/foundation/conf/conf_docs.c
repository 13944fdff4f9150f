/* conf_docs: the tables as documentation, and the values in force. */
#include "conf.h"

#include "conf_impl.h"

static void put_cell(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_put_char(buf, '\\');
        buf_put_char(buf, *text);
    }
}

static void put_choices(struct buf *buf, const struct setting *setting, const char *quote)
{
    buf_put(buf, STR(" ("));
    for (size_t i = 0; setting->choices[i]; i++)
        buf_printf(buf, "%s%s%s%s", i ? ", " : "", quote, setting->choices[i], quote);
    buf_put_char(buf, ')');
}

static void put_row(struct buf *buf, const struct setting *setting)
{
    char env[CONF_ENV_MAX];
    buf_printf(buf, "| `%s` | `%s` | ", setting->name, conf_env_name(setting, env).ptr);
    if (setting->flag)
        buf_printf(buf, "`--%s`", setting->flag);
    buf_put(buf, STR(" | "));
    if (setting->initial[0])
        buf_printf(buf, "`%s`", setting->initial);
    buf_put(buf, STR(" | "));
    put_cell(buf, setting->doc ? setting->doc : "");
    if (setting->kind == SETTING_KIND_ENUM)
        put_choices(buf, setting, "`");
    if (setting->secret)
        buf_put(buf, STR(" (secret)"));
    buf_put(buf, STR(" |\n"));
}

void conf_write_markdown(struct buf *buf, const struct conf_group *groups, size_t groups_count)
{
    buf_put(buf, STR("| setting | environment | flag | initial value | what it does |\n"
                     "|---|---|---|---|---|\n"));
    for (size_t g = 0; g < groups_count; g++)
        for (size_t i = 0; i < groups[g].settings->count; i++)
            put_row(buf, &groups[g].settings->items[i]);
}

void conf_write_help(struct buf *buf, const struct conf_group *groups, size_t groups_count)
{
    for (size_t g = 0; g < groups_count; g++) {
        for (size_t i = 0; i < groups[g].settings->count; i++) {
            const struct setting *setting = &groups[g].settings->items[i];
            const char *name = setting->flag ? setting->flag : setting->name;
            buf_printf(buf, "  --%-24s %s", name, setting->doc ? setting->doc : "");
            if (setting->kind == SETTING_KIND_ENUM)
                put_choices(buf, setting, "");
            if (setting->initial[0])
                buf_printf(buf, " [%s]", setting->initial);
            buf_put_char(buf, '\n');
        }
    }
}

void conf_write_current(struct buf *buf, const struct conf *conf)
{
    for (size_t g = 0; g < conf->groups_count; g++) {
        const struct conf_group *group = &conf->groups[g];
        for (size_t i = 0; i < group->settings->count; i++) {
            const struct setting *setting = &group->settings->items[i];
            const char *origin = conf->origins[g][i].text;
            buf_printf(buf, "# %s\n%s = ", origin ? origin : "initial value", setting->name);
            buf_put(buf, conf_value_text(conf->arena, setting, group->values));
            buf_put_char(buf, '\n');
        }
    }
}
