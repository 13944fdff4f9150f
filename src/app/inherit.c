/* inherit: the sockets systemd holds, and finding those that a setting asks for. */
#include "inherit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sd_listen_fds(3): the first is 3, behind standard input, output and error. */
enum { LISTEN_FDS_START = 3 };

static bool is_listening(int fd)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM)
        return false;
    len = sizeof(listening);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static enum entry_kind entry_named(str name)
{
    if (str_eq(name, STR("https")))
        return ENTRY_HTTPS;
    return str_eq(name, STR("redirect")) ? ENTRY_REDIRECT : ENTRY_HTTP;
}

static enum err take(struct inherited *out, int fd, str name)
{
    if (!is_listening(fd))
        return err_set(ERR_INVALID, "listen-fds", "descriptor %d is no listening socket", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return err_errno("an inherited socket");
    out->items[out->count++] = (struct inherited_socket){ .fd = fd, .entry = entry_named(name) };
    return OK;
}

enum err inherit_from_environment(struct inherited *out)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    const char *given = getenv("LISTEN_FDNAMES");
    str names = str_of(given ? given : ""), name;
    uint64_t meant, count = 0;
    enum err result = OK;
    bool ours = pid && fds && str_parse_u64(str_of(pid), &meant) && meant == (uint64_t)getpid() &&
                str_parse_u64(str_of(fds), &count);
    if (ours && count > INHERITED_MAX)
        result = err_set(ERR_INVALID, "listen-fds", "LISTEN_FDS is more than %d", INHERITED_MAX);
    for (uint64_t i = 0; ours && result == OK && i < count; i++) {
        if (!str_cut(&names, ':', &name))
            name = STR_NONE;
        result = take(out, LISTEN_FDS_START + (int)i, name);
    }
    /* NOLINTBEGIN(concurrency-mt-unsafe): before there are threads */
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    /* NOLINTEND(concurrency-mt-unsafe) */
    return result;
}

unsigned inherit_find(const struct inherited *inherited, enum entry_kind entry, str asked,
                      unsigned out[INHERITED_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; inherited && i < inherited->count; i++) {
        const struct inherited_socket *item = &inherited->items[i];
        bool same = !item->asked[0] || str_eq(str_of(item->asked), asked);
        if (item->fd >= 0 && item->entry == entry && same)
            out[count++] = i;
    }
    return count;
}

void inherit_close(struct inherited *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++)
        if (inherited->items[i].fd >= 0)
            close(inherited->items[i].fd);
    inherited->count = 0;
}
