/* port: what the files of the port share. Drivers do without. */
#pragma once

#include "driver.h"

/* What a spec says, before a driver has opened anything. The modules are on the heap. */
enum err db_base_init(const struct db_spec *spec, struct db *out_base);
