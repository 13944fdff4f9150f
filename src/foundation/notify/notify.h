/*
 * notify: what a service manager wants to hear, in the protocol of sd_notify(3): a datagram of
 * NAME=value lines to the Unix socket that NOTIFY_SOCKET names. Where nobody listens, nothing is
 * sent and nothing fails.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/clock.h"

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment: they
 * are not for the children. At start-up, before there are threads. A path begins with '/', a name
 * of the abstract namespace with '@' (unix(7)). A second call begins anew.
 */
void notify_open(void);
/* Closes the socket; nothing is sent any more. */
void notify_close(void);

/*
 * Sends one datagram: lines of `format`. Never waits: a manager that does not read loses it. Any
 * thread. False: it was not sent.
 */
bool notify_send(const char *format, ...) PRINTF_LIKE(1, 2);
/* RELOADING=1 with the clock that systemd 253 and later compare it by. */
void notify_reloading(void);

/* WATCHDOG=1 must come within this; 0: nobody waits for it. */
span notify_watchdog(void);
