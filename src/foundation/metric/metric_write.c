/* metric_write: Prometheus' text exposition format 0.0.4. */
#include "metric.h"

#include "metric_impl.h"

#include <math.h>
#include <stdio.h>

/* Backslash and line feed are escaped in help, and quotes too in label values. */
static void put_escaped(struct buf *buf, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\\' || (quotes && *text == '"'))
            buf_put_char(buf, '\\');
        if (*text == '\n')
            buf_put(buf, STR("\\n"));
        else
            buf_put_char(buf, *text);
    }
}

static void put_label(struct buf *buf, const char *name, const char *value, bool first)
{
    buf_printf(buf, "%s%s=\"", first ? "" : ",", name);
    put_escaped(buf, value, true);
    buf_put_char(buf, '"');
}

/* name{label="value",le="bound"}, without braces when there is nothing to say. */
static void put_name(struct buf *buf, const struct metric *metric, const char *suffix,
                     unsigned series, const char *bound)
{
    bool any = false;
    unsigned below = metric->series;
    buf_printf(buf, "%s%s", metric->name, suffix);
    for (unsigned i = 0; i < METRIC_LABELS_MAX && metric->labels[i]; i++) {
        const struct metric_label *label = metric->labels[i];
        below /= label->count;
        buf_put(buf, any ? STR("") : STR("{"));
        put_label(buf, label->name, label->values[series / below % label->count], !any);
        any = true;
    }
    if (bound) {
        buf_put(buf, any ? STR("") : STR("{"));
        put_label(buf, "le", bound, !any);
        any = true;
    }
    buf_put(buf, any ? STR("} ") : STR(" "));
}

/* value / scale, exactly, without zeros at the end. */
static const char *scaled(int64_t value, int64_t scale, char out[48])
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, unit = (uint64_t)scale;
    int len = snprintf(out, 48, "%s%llu", value < 0 ? "-" : "", (unsigned long long)(size / unit));
    uint64_t rest = size % unit;
    if (rest)
        out[len++] = '.';
    while (rest) {
        rest *= 10;
        out[len++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    out[len] = 0;
    return out;
}

static void put_histogram(struct buf *buf, const struct metric *metric, unsigned series)
{
    char text[48];
    uint64_t count = 0;
    const struct metric_buckets *buckets = metric->buckets;
    for (unsigned i = 0; i <= buckets->count; i++) {
        bool last = i == buckets->count;
        count += metric_cell(metric, series, i);
        put_name(buf, metric, "_bucket", series,
                 last ? "+Inf" : scaled(buckets->bounds[i], buckets->scale, text));
        buf_printf(buf, "%llu\n", (unsigned long long)count);
    }
    int64_t sum = (int64_t)metric_cell(metric, series, metric->cells - 1);
    put_name(buf, metric, "_sum", series, NULL);
    buf_printf(buf, "%s\n", scaled(sum, buckets->scale, text));
    put_name(buf, metric, "_count", series, NULL);
    buf_printf(buf, "%llu\n", (unsigned long long)count);
}

static bool has_counted(const struct metric *metric, unsigned series)
{
    for (unsigned cell = 0; cell < metric->cells; cell++)
        if (metric_cell(metric, series, cell))
            return true;
    return false;
}

static void put_metric(struct buf *buf, const struct metric *metric)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    double value = metric->read ? metric->read() : 0;
    if (!isfinite(value))
        return; /* it could not be read */
    buf_printf(buf, "# HELP %s ", metric->name);
    put_escaped(buf, metric->doc, false);
    buf_printf(buf, "\n# TYPE %s %s\n", metric->name, kinds[metric->kind]);
    if (metric->read) {
        buf_printf(buf, "%s %.15g\n", metric->name, value);
        return;
    }
    for (unsigned series = 0; series < metric->series; series++) {
        if (metric->sparse && !has_counted(metric, series))
            continue;
        if (metric->kind == METRIC_KIND_HISTOGRAM) {
            put_histogram(buf, metric, series);
        } else {
            put_name(buf, metric, "", series, NULL);
            buf_printf(buf, "%lld\n", (long long)metric_cell(metric, series, 0));
        }
    }
}

void metric_write(struct buf *buf)
{
    for (unsigned t = 0; t < metric_tables_count(); t++)
        for (unsigned i = 0; i < metric_table(t)->count; i++)
            put_metric(buf, metric_table(t)->items[i]);
}
