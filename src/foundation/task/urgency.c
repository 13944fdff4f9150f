/* urgency: nice values a thread, see setpriority(2), "C library/kernel differences". */
#include "urgency.h"

#include <sys/resource.h>
#include <unistd.h>

void thread_nice(int nice)
{
    int now = getpriority(PRIO_PROCESS, (id_t)gettid());
    if (now < nice)
        setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}
