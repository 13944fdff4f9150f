/*
 * inherit: listening sockets that were open before this process: handed over by the one it
 * replaces, or held by systemd (sd_listen_fds(3)). Whoever connects meanwhile waits in their
 * queues and is refused by nobody.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/net/address.h"

/* What is served at a socket; the order is that of the messages of a handover. */
enum entry_kind { ENTRY_HTTP, ENTRY_CONTROL, ENTRY_HTTPS, ENTRY_REDIRECT, ENTRY_COUNT };

enum { INHERITED_MAX = 512 };

struct inherited_socket {
    int fd;
    enum entry_kind entry;
    char asked[NET_ADDRESS_TEXT_MAX]; /* the setting it was opened for; empty: whatever it is */
};

struct inherited {
    unsigned count;
    struct inherited_socket items[INHERITED_MAX];
};

/*
 * The sockets of LISTEN_FDS, when LISTEN_PID is this process; the variables are taken out of the
 * environment. LISTEN_FDNAMES says "https" or "redirect"; any other name is plain HTTP. Before
 * there are threads. ERR_INVALID "listen-fds": one of them is no listening stream socket.
 */
enum err inherit_from_environment(struct inherited *out);
/*
 * The sockets of an entry that were opened for this setting: their places in `out`, at most
 * INHERITED_MAX; returns how many.
 */
unsigned inherit_find(const struct inherited *inherited, enum entry_kind entry, str asked,
                      unsigned out[INHERITED_MAX]);
/* Closes what is left: sockets taken are marked by fd -1. */
void inherit_close(struct inherited *inherited);
