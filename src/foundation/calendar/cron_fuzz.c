/* An expression, a line feed, and an instant: what is found is later, a whole minute, and fits. */
#include "cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    str rest = { (const char *)data, size_bytes }, text;
    struct cron cron;
    instant at = 0;
    (void)str_cut(&rest, '\n', &text);
    if (cron_parse(text, &cron) != OK)
        return 0;
    (void)instant_parse(str_trim(rest), &at);
    for (int i = 0; i < 20; i++) {
        instant next = cron_next(&cron, zone_utc(), at);
        if (next == INSTANT_NEVER)
            break;
        ASSERT(next > at && next % MINUTES(1) == 0);
        ASSERT(cron_next(&cron, zone_utc(), next - 1) == next);
        span of_day = (next % DAYS(1) + DAYS(1)) % DAYS(1);
        ASSERT(cron.minutes >> (unsigned)(of_day / MINUTES(1) % 60) & 1);
        ASSERT(cron.hours >> (unsigned)(of_day / HOURS(1)) & 1);
        at = next;
    }
    return 0;
}
