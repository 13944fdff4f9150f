/* library: dlopen() and its symbols. It is never closed: its threads may still be ending. */
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

struct kafka_library rk;

static char why[256]; /* empty: it is here */

static void library_load(void)
{
    const char *missing = NULL;
    void *library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(why, sizeof(why), "librdkafka is not installed (apt-get install librdkafka1): %s",
                 dlerror());
        return;
    }
    /* ISO C has no conversion from an object pointer to a function's; dlsym(3) does it so. */
#define X(name)                                                                                    \
    *(void **)(void *)&rk.name = dlsym(library, "rd_kafka_" #name);                                \
    missing = rk.name ? missing : "rd_kafka_" #name;
    KAFKA_FUNCTIONS(X)
#undef X
    if (missing)
        snprintf(why, sizeof(why), "this librdkafka is too old: it has no %s (2.0 does)", missing);
}

enum err kafka_library_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_load);
    return why[0] ? err_set(ERR_UNAVAILABLE, "kafka-library", "%s", why) : OK;
}
