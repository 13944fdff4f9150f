/*
 * kb_rpc_peer: the test context "shelf" as a process. `kb_rpc_peer proto` prints its .proto file;
 * `kb_rpc_peer serve KEY` answers calls on a port of 127.0.0.1, which it prints, until SIGTERM;
 * `kb_rpc_peer bench CALLS` measures calls here and to a process like it (tests/load).
 */
#include "foundation/rpc/rpc_fixture.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(void *arg, unsigned port)
{
    (void)arg;
    printf("%u\n", port);
    fflush(stdout);
}

static int print_proto(void)
{
    static const struct rpc_service *const services[] = { &shelf_service };
    struct buf text;
    buf_init(&text, NULL, MIB(1));
    rpc_write_proto(&text, services, 1);
    fwrite(text.ptr, 1, text.len, stdout);
    buf_deinit(&text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "proto") == 0)
        return print_proto();
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return shelf_serve(0, argv[2], tell, NULL);
    if (argc == 3 && strcmp(argv[1], "bench") == 0)
        return bench_run((unsigned)atoi(argv[2]));
    fprintf(stderr, "usage: kb_rpc_peer proto | serve KEY | bench CALLS\n");
    return 2;
}
