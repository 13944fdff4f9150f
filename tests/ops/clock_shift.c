/*
 * clock_shift: preloaded, it sets the calendar clock of one program by KB_CLOCK_SHIFT_S seconds, as
 * a machine's that was set wrong. The clocks that only count are left alone.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out)
{
    static _Thread_local int within; /* getenv() may ask for the time under a sanitizer */
    int result = (int)syscall(SYS_clock_gettime, id, out);
    if (result != 0 || within || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return result;
    within = 1;
    const char *shift_s = getenv("KB_CLOCK_SHIFT_S");
    out->tv_sec += shift_s ? atol(shift_s) : 0;
    within = 0;
    return 0;
}
