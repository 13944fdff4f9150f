/* meters: metrics of the program as a whole: loops, connections, disk, build, certificates. */
#pragma once

#include "foundation/base/clock.h"

struct net_tls;

enum { METERS_CORES_MAX = 256 };

/* What a core tells about itself, each second, on its own thread. */
struct core_numbers {
    unsigned connections, tasks;
    uint64_t accepted, refused, stalls, tasks_refused;
};

/* Registers; before the loops run. */
void meters_start(void);
void meters_core(unsigned core, const struct core_numbers *numbers, span lag);
/* The cores have ended. */
void meters_cores_gone(void);
/* The folder whose disk is looked at; NULL: none any more. */
void meters_folder(const char *folder);
/* When the first certificate ends; INSTANT_NEVER: there is none. */
void meters_certificates(instant until);
struct net_tls;
/* Whose handshakes are counted; NULL before it is closed. */
void meters_tls(const struct net_tls *open);
