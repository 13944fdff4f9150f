/* progress: the rate is that of all the time, so that the rest does not jump. */
#include "progress.h"

#include "foundation/base/base.h"

#include <stdio.h>
#include <unistd.h>

enum { CELLS = 24 };

void progress_size(uint64_t size_bytes, char out[PROGRESS_SIZE_BYTES])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double value = (double)size_bytes;
    unsigned unit = 0;
    while (value >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, PROGRESS_SIZE_BYTES, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void progress_bar_init(struct progress_bar *bar, bool wanted)
{
    *bar = (struct progress_bar){ .shown = wanted && isatty(STDERR_FILENO), .begun = clock_mono() };
}

static void rest_text(double seconds, char out[32])
{
    int64_t rest = (int64_t)seconds + 1;
    if (rest >= 3600)
        snprintf(out, 32, "%lld h %02lld min", (long long)(rest / 3600),
                 (long long)(rest / 60 % 60));
    else if (rest >= 60)
        snprintf(out, 32, "%lld min %02lld s", (long long)(rest / 60), (long long)(rest % 60));
    else
        snprintf(out, 32, "%lld s", (long long)rest);
}

void progress_bar_show(struct progress_bar *bar, uint64_t done_bytes, uint64_t total_bytes)
{
    char cells[CELLS * 3 + 1], rate[PROGRESS_SIZE_BYTES], rest[32] = "?";
    if (!bar->shown || total_bytes == 0)
        return;
    double part = (double)MIN_OF(done_bytes, total_bytes) / (double)total_bytes;
    double seconds = (double)(clock_mono() - bar->begun) / 1e6 + 1e-6;
    double speed = (double)done_bytes / seconds;
    int filled = (int)(part * CELLS + 0.5), len = 0;
    for (int i = 0; i < CELLS; i++)
        len += snprintf(cells + len, sizeof(cells) - (size_t)len, "%s", i < filled ? "█" : "░");
    progress_size((uint64_t)speed, rate);
    if (speed > 0)
        rest_text((double)(total_bytes - MIN_OF(done_bytes, total_bytes)) / speed, rest);
    fprintf(stderr, "\r%s %3.0f %%  %s/s  %s left\033[K", cells, part * 100, rate, rest);
}

void progress_bar_end(struct progress_bar *bar)
{
    if (bar->shown)
        fputs("\r\033[K", stderr);
}
