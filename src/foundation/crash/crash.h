/*
 * crash: the last words of the process. A fatal signal prints version, build id and a symbolised
 * backtrace to standard error, then ends the process by that signal. Names come from the program's
 * own symbol table, so static functions have theirs.
 */
#pragma once

#include <stddef.h>

/* Installs the handlers; `version` is a literal. Under sanitizers they keep their own and this does
 * nothing. */
void crash_install(const char *version);
/* Every thread that runs tasks calls it once: the handler needs a stack of its own when theirs is
 * full. */
void crash_thread_init(void);

/* Writes "  name+0x12 (address)" lines for the frames; cut to size_bytes, ends with a zero. */
void crash_symbolise(void *const *frames, int count, char *out, size_t size_bytes);

/* The linker's build id in hexadecimal; "unknown" when there is none. */
const char *crash_build_id(void);
