/* urgency: nice values a thread, see setpriority(2), "C library/kernel differences". */
#include "urgency.h"

#include <linux/sched.h>
#include <linux/sched/types.h> /* not beside <sched.h>: both have struct sched_param */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The shortest that the kernel takes. */
enum { TURN_NS = 100000 };

static int nice_now(void)
{
    return getpriority(PRIO_PROCESS, (id_t)gettid());
}

void thread_nice(int nice)
{
    if (nice_now() < nice)
        setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}

void thread_prompt(void)
{
    struct sched_attr attr = { .size = sizeof(attr),
                               .sched_policy = SCHED_NORMAL,
                               .sched_nice = nice_now(),
                               .sched_runtime = TURN_NS };
    if (syscall(SYS_sched_getscheduler, 0) == SCHED_NORMAL) /* else somebody has decided already */
        syscall(SYS_sched_setattr, 0, &attr, 0);
}
