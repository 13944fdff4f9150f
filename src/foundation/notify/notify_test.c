/* notify: messages as they arrive at a manager's socket. */
#include "notify.h"

#include "foundation/base/str.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager(const char *name, socklen_t *out_bytes)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    *out_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT(bind(fd, (const struct sockaddr *)&address, *out_bytes), 0);
    return fd;
}

static str received(int fd, char room[2048])
{
    ssize_t len = recv(fd, room, 2047, MSG_DONTWAIT);
    return (str){ room, len > 0 ? (size_t)len : 0 };
}

/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */

static void check_speaks(const char *name)
{
    char room[2048];
    socklen_t bytes;
    int fd = manager(name, &bytes);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open();
    CHECK(getenv("NOTIFY_SOCKET") == NULL);
    CHECK(notify_send("READY=1\nSTATUS=%d films", 3));
    CHECK_STR(received(fd, room), STR("READY=1\nSTATUS=3 films"));
    notify_reloading();
    CHECK(str_starts(received(fd, room), STR("RELOADING=1\nMONOTONIC_USEC=")));
    notify_close();
    CHECK(!notify_send("STOPPING=1"));
    CHECK_INT((long long)received(fd, room).len, 0);
    close(fd);
}

TEST(a_path_and_an_abstract_name)
{
    char path[64], name[64];
    snprintf(path, sizeof(path), "/tmp/kb-notify-%d.sock", getpid());
    snprintf(name, sizeof(name), "@kb-notify-%d", getpid());
    unlink(path);
    check_speaks(path);
    unlink(path);
    check_speaks(name);
}

TEST(nobody_listens)
{
    char longest[256];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = 0;
    const char *const names[] = { "", "@", "relative", "vsock:2:1", longest, "/nowhere/at/all" };
    unsetenv("NOTIFY_SOCKET");
    notify_open();
    CHECK(!notify_send("READY=1"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_open();
        CHECK(!notify_send("READY=1"));
    }
    notify_close();
}

TEST(a_slow_manager_is_not_waited_for)
{
    char name[64], room[2048];
    socklen_t bytes;
    snprintf(name, sizeof(name), "@kb-notify-slow-%d", getpid());
    int fd = manager(name, &bytes);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open();
    int sent = 0;
    while (sent < 1000000 && notify_send("STATUS=%d", sent))
        sent++;
    CHECK(sent > 0 && sent < 1000000);
    CHECK_STR(received(fd, room), STR("STATUS=0"));
    notify_close();
    close(fd);
}

static span watchdog_of(const char *usec, const char *pid)
{
    setenv("NOTIFY_SOCKET", "/nowhere", 1);
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    else
        unsetenv("WATCHDOG_PID");
    notify_open();
    span watchdog = notify_watchdog();
    notify_close();
    return watchdog;
}

TEST(the_watchdog_is_for_this_process)
{
    char own[32];
    snprintf(own, sizeof(own), "%d", getpid());
    CHECK_INT(watchdog_of("3000000", NULL), SECONDS(3));
    CHECK_INT(watchdog_of("3000000", own), SECONDS(3));
    CHECK_INT(watchdog_of("3000000", "1"), 0);
    CHECK_INT(watchdog_of("3000000", "me"), 0);
    CHECK_INT(watchdog_of("soon", own), 0);
    CHECK_INT(watchdog_of("18446744073709551615", own), 0);
}

/* NOLINTEND(concurrency-mt-unsafe) */
