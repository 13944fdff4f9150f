/*
 * crash: signal handlers that tell where. Only async-signal-safe calls are made, but for snprintf,
 * which is safe enough on the way out; the symbol table is mapped at installation.
 */
#include "crash.h"

#include "symbols.h"

#include "foundation/base/base.h"
#include "foundation/mem/heap.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_MAX = 64, TEXT_BYTES = 16384, SIGNAL_STACK_BYTES = 64 << 10 };

static const char *program_version = "";

/* A frame is where a call returns to; after one that never returns, another function may begin. */
static const char *frame_name(uintptr_t frame, size_t *out_offset)
{
    const char *name = symbols_find(frame - 1, out_offset);
    if (name)
        *out_offset += 1;
    return name ? name : symbols_find(frame, out_offset);
}

void crash_symbolise(void *const *frames, int count, char *out, size_t size_bytes)
{
    size_t len = 0;
    out[0] = 0;
    for (int i = 0; i < count && len + 1 < size_bytes; i++) {
        size_t offset = 0;
        const char *name = frame_name((uintptr_t)frames[i], &offset);
        int written = snprintf(out + len, size_bytes - len, "  %s+0x%zx (%p)\n", name ? name : "?",
                               offset, frames[i]);
        len += written < 0 ? 0 : MIN_OF((size_t)written, size_bytes - len - 1);
    }
}

#if !defined(KB_SANITIZED)
static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    static void *frames[FRAMES_MAX];
    static char text[TEXT_BYTES];
    const char *name = sigdescr_np(number); /* no locale, no allocation, unlike strsignal() */
    (void)context;
    snprintf(text, sizeof(text), "kinobezdna %s (build %s): signal %d (%s) at %p\n",
             program_version, crash_build_id(), number, name ? name : "unknown", info->si_addr);
    say(text);
    crash_symbolise(frames, backtrace(frames, FRAMES_MAX), text, sizeof(text));
    say(text);
    raise(number); /* the handler was reset: this ends the process */
}

void crash_install(const char *version)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
    struct sigaction action = { .sa_sigaction = on_fatal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER };
    void *warm[1];
    program_version = version;
    symbols_load();
    backtrace(warm, 1);
    crash_thread_init();
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        sigaction(fatal[i], &action, NULL);
}

void crash_thread_init(void)
{
    static _Thread_local bool done;
    if (done)
        return;
    done = true;
    stack_t stack = { .ss_sp = heap_alloc(SIGNAL_STACK_BYTES), .ss_size = SIGNAL_STACK_BYTES };
    sigaltstack(&stack, NULL);
}
#else
void crash_install(const char *version)
{
    program_version = version;
    symbols_load();
}

void crash_thread_init(void)
{
}
#endif

const char *crash_build_id(void)
{
    return symbols_build_id();
}
