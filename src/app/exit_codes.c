/* exit_codes: what the program's exit codes mean, and which failure has which. */
#include "app.h"

#include <stdio.h>

/* The one table: --help prints it, docs/ops/exit-codes.md is made of it. */
static const struct {
    int code;
    const char *name, *meaning, *advice;
} table[] = {
    { 0, "-", "done", "" },
    { EXIT_USAGE, "EX_USAGE", "the command line, a setting or a name is wrong",
      "read the message; --help says what there is" },
    { EXIT_DATA, "EX_DATAERR", "the data is damaged, from another version, or was refused in part",
      "the message names the file or version; an import has reported what failed" },
    { EXIT_UNAVAILABLE, "EX_UNAVAILABLE",
      "something needed is not there: a file, a server, a program", "the message names it" },
    { EXIT_SOFTWARE, "EX_SOFTWARE", "an error of the program or of the system",
      "look at the message and the log; please report it" },
    { EXIT_TEMPORARY, "EX_TEMPFAIL", "it may work later: in use, full, or out of time",
      "try again" },
};

int app_exit_code(enum err code)
{
    switch (code) {
    case OK:
        return 0;
    case ERR_INVALID:
        return EXIT_USAGE;
    case ERR_CORRUPT:
    case ERR_PRECONDITION:
        return EXIT_DATA;
    case ERR_UNAVAILABLE:
    case ERR_NOT_FOUND:
        return EXIT_UNAVAILABLE;
    case ERR_CONFLICT:
    case ERR_EXHAUSTED:
    case ERR_TIMEOUT:
        return EXIT_TEMPORARY;
    default:
        return EXIT_SOFTWARE;
    }
}

void app_exit_codes_help(void)
{
    puts("\nexit codes:");
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        printf("  %-3d %s\n", table[i].code, table[i].meaning);
}

int command_exit_codes(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("| code | sysexits(3) | means | what to do |\n|---|---|---|---|");
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        printf("| %d | %s | %s | %s |\n", table[i].code, table[i].name, table[i].meaning,
               table[i].advice);
    return 0;
}
