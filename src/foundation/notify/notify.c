/* notify: one datagram socket. Messages are short, so they are sent whole or not at all. */
#include "notify.h"

#include "foundation/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 1024 };

static struct {
    int fd;
    struct sockaddr_un address;
    socklen_t address_bytes;
    span watchdog;
} notify = { .fd = -1 };

/* The abstract namespace has no zero at the end: the length counts, and the '@' becomes a zero. */
static bool address_take(const char *name)
{
    size_t len = strlen(name);
    bool known = name[0] == '/' || (name[0] == '@' && len > 1);
    if (!known || len >= sizeof(notify.address.sun_path))
        return false;
    notify.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(notify.address.sun_path, name, len);
    if (name[0] == '@')
        notify.address.sun_path[0] = 0;
    notify.address_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/' ? 1 : 0));
    return true;
}

/* WATCHDOG_PID names the process that is meant; a child that inherited the rest is not. */
static span watchdog_wanted(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us, meant;
    if (!usec || !str_parse_u64(str_of(usec), &us) || us > (uint64_t)DAYS(365))
        return 0;
    if (pid && (!str_parse_u64(str_of(pid), &meant) || meant != (uint64_t)getpid()))
        return 0;
    return (span)us;
}

void notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    notify_close();
    if (name && address_take(name)) {
        notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        notify.watchdog = notify.fd >= 0 ? watchdog_wanted() : 0;
    }
    /* NOLINTBEGIN(concurrency-mt-unsafe): before there are threads */
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    /* NOLINTEND(concurrency-mt-unsafe) */
}

void notify_close(void)
{
    if (notify.fd >= 0)
        close(notify.fd);
    notify.fd = -1;
    notify.watchdog = 0;
}

bool notify_send(const char *format, ...)
{
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    if (notify.fd < 0)
        return false;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len <= 0 || len >= (int)sizeof(text))
        return false;
    return sendto(notify.fd, text, (size_t)len, MSG_NOSIGNAL,
                  (const struct sockaddr *)&notify.address, notify.address_bytes) == len;
}

void notify_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_send("RELOADING=1\nMONOTONIC_USEC=%lld",
                (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

span notify_watchdog(void)
{
    return notify.watchdog;
}
