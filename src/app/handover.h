/*
 * handover: a new process takes the listening sockets of the one that serves the data folder, which
 * then answers what it has begun, closes the data and ends. The socket is "<folder>/handover.sock"
 * and is its owner's alone (mode 0600, and the peer's user is looked at).
 *
 *     new: connects           old: a message a socket, with the descriptor; then one without
 *     new: "go"               old: stops accepting, drains, closes the data, closes the connection
 *     new: opens the data, accepts
 *
 * Until "go" either may die and nothing has happened.
 */
#pragma once

#include "inherit.h"

/* --- The process that serves ---------------------------------------------------------------- */

/* Opens the socket; a dead one of its name is replaced. Blocks for no time. */
enum err handover_open(const char *folder, int *out_fd);
/* Closes it and removes its name. */
void handover_close(const char *folder, int fd);
/*
 * Serves one process that has connected: gives it the sockets and waits, at most some seconds, for
 * its "go". *out_conn is then open until the data is closed. ERR_CANCELLED: it did not go on, or is
 * somebody else's.
 */
enum err handover_give(int fd, const struct inherited *sockets, int *out_conn);

/* --- The process that takes over ------------------------------------------------------------ */

/* ERR_UNAVAILABLE "no-server": nobody serves the folder. */
enum err handover_take(const char *folder, struct inherited *out_sockets, int *out_conn);
/* Says "go" and waits until the other has closed the data; gives the connection back. */
enum err handover_go(int conn);
