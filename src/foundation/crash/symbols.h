/* symbols: the program's own ELF symbol table, mapped once. Reading it allocates nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Maps /proc/self/exe and finds its table and build id. Later calls do nothing. */
void symbols_load(void);
/* The function an address lies in, or NULL (other objects: by the dynamic linker's tables). */
const char *symbols_find(uintptr_t address, size_t *out_offset);
const char *symbols_build_id(void);
