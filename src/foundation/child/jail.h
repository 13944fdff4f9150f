/* jail: what a child process does to itself between fork and exec. Async-signal-safe only. */
#pragma once

#include "child.h"

/* Applies the limits of spec to the calling process; what the system does not offer is left out. */
void jail_enter(const struct child_spec *spec);
