/*
 * runner: `scenario_runner [-j N] [-d COMMAND] [-3] FILE-OR-FOLDER...` runs scenarios against the
 * program named by KB_BIN, each in its own process group and temporary folder, N at a time, and
 * kills the group of one that takes too long. With -d each has the database whose URL the command
 * prints (KB_DB_URL) in place of the embedded one, and with -3 the cinema is served by three
 * processes. Prints a line a scenario, everything about a
 * failed one, and "N passed, N failed, N skipped".
 */
#include "runner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCENARIOS_MAX = 1000, JOBS_MAX = 16, LOG_SHOWN_BYTES = 12 << 10 };

struct job {
    const char *path; /* NULL: free */
    struct script script;
    struct shared *shared;
    char folder[256];
    char database[512]; /* its URL; empty: embedded */
    pid_t pid;
    instant deadline;
    bool late;
};

static struct {
    struct arena arena;
    const char *binary;
    const char *database_command; /* NULL: embedded */
    const char *paths[SCENARIOS_MAX];
    int count, next;
    struct job jobs[JOBS_MAX];
    int jobs_max;
    int outcomes[3];
} runner = { .jobs_max = 2 };

static void path_add(const char *path)
{
    if (runner.count == SCENARIOS_MAX)
        PANIC("more than %d scenarios", SCENARIOS_MAX);
    runner.paths[runner.count++] = arena_cstr(&runner.arena, str_of(path));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_scenario(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(str_of(entry->d_name), STR(".cine"));
}

/* A folder stands for the scenarios in it, in order of name. */
static bool paths_add(const char *path)
{
    struct stat info;
    struct dirent **entries;
    if (stat(path, &info) < 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(info.st_mode)) {
        path_add(path);
        return true;
    }
    int count = scandir(path, &entries, is_scenario, by_name);
    for (int i = 0; i < count; i++) {
        path_add(arena_printf(&runner.arena, "%s/%s", path, entries[i]->d_name).ptr);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count >= 0;
}

static void copy_tail(const char *path)
{
    static char tail[LOG_SHOWN_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size_bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = size_bytes > LOG_SHOWN_BYTES ? size_bytes - LOG_SHOWN_BYTES : 0;
    ssize_t got = fd < 0 ? 0 : pread(fd, tail, sizeof(tail), from);
    if (got > 0)
        fwrite(tail, 1, (size_t)got, stdout);
    if (fd >= 0)
        close(fd);
}

/* What the scenario said, then what its processes wrote. */
static void show_failure(const struct job *job)
{
    struct dirent **entries;
    char path[512];
    int count = scandir(job->folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        struct stat info;
        str name = str_of(entries[i]->d_name);
        snprintf(path, sizeof(path), "%s/%s", job->folder, entries[i]->d_name);
        bool output = str_ends(name, STR(".out")) || str_ends(name, STR(".err"));
        if (output && stat(path, &info) == 0 && info.st_size > 0) {
            printf("  --- %s\n", entries[i]->d_name);
            copy_tail(path);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void finish(struct job *job, int outcome)
{
    static const char *const words[] = { "ok", "FAILED", "skipped" };
    char said[300];
    snprintf(said, sizeof(said), "%s/.scenario", job->folder);
    if (job->late)
        printf("  %s:%d: the scenario was still here after %lld s\n", job->path, job->shared->line,
               (long long)(job->script.timeout / SECONDS(1)));
    if (outcome != SCENARIO_PASSED)
        copy_tail(said);
    if (outcome == SCENARIO_FAILED)
        show_failure(job);
    printf("%s %s\n", words[outcome], job->path);
    fflush(stdout);
    runner.outcomes[outcome]++;
    if (getenv("KB_KEEP"))
        printf("  kept %s\n", job->folder);
    else
        nftw(job->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    munmap(job->shared, sizeof(*job->shared));
    job->path = NULL;
}

NORETURN static void child(struct job *job)
{
    char said[300];
    setpgid(0, 0);
    snprintf(said, sizeof(said), "%s/.scenario", job->folder);
    int fd = open(said, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        exit(SCENARIO_FAILED);
    close(fd);
    if (job->database[0])
        setenv("KB_DB_URL", job->database, 1);
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    scenario_run(&job->script, runner.binary, job->folder, job->shared);
}

/* The first line the command prints. */
static bool database_make(struct job *job)
{
    FILE *out = popen(runner.database_command, "r");
    bool read = out && fgets(job->database, sizeof(job->database), out);
    if (!out || pclose(out) != 0 || !read)
        return false;
    job->database[strcspn(job->database, "\n")] = 0;
    return true;
}

static void begin(struct job *job, const char *path)
{
    const char *parent = getenv("TMPDIR");
    *job = (struct job){ .path = path };
    snprintf(job->folder, sizeof(job->folder), "%s/kb-scenario-XXXXXX", parent ? parent : "/tmp");
    job->shared =
        mmap(NULL, sizeof(*job->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job->shared == MAP_FAILED || !mkdtemp(job->folder))
        PANIC("no temporary folder %s: %s", job->folder, strerror(errno));
    if (script_read(&runner.arena, path, &job->script) != OK) {
        printf("  %s: %s\n", path, err_slot()->text);
        finish(job, SCENARIO_FAILED);
        return;
    }
    if (runner.database_command && !database_make(job)) {
        printf("  %s prints no URL of a database\n", runner.database_command);
        finish(job, SCENARIO_FAILED);
        return;
    }
    fflush(stdout);
    job->deadline = clock_mono() + job->script.timeout;
    job->pid = fork();
    if (job->pid == 0)
        child(job);
    if (job->pid < 0)
        PANIC("fork: %s", strerror(errno));
    setpgid(job->pid, job->pid);
}

static void look_at(struct job *job)
{
    int status;
    if (!job->path)
        return;
    if (clock_mono() > job->deadline && !job->late) {
        job->late = true;
        kill(-job->pid, SIGKILL);
    }
    if (waitpid(job->pid, &status, WNOHANG) != job->pid)
        return;
    kill(-job->pid, SIGKILL); /* whatever the scenario left behind */
    int outcome = WIFEXITED(status) && !job->late ? WEXITSTATUS(status) : SCENARIO_FAILED;
    finish(job, outcome > SCENARIO_SKIPPED ? SCENARIO_FAILED : outcome);
}

static void run_all(void)
{
    for (int busy = 1; busy;) {
        busy = 0;
        for (int i = 0; i < runner.jobs_max; i++) {
            struct job *job = &runner.jobs[i];
            look_at(job);
            if (!job->path && runner.next < runner.count)
                begin(job, runner.paths[runner.next++]);
            busy += job->path || runner.next < runner.count;
        }
        if (busy)
            poll(NULL, 0, 5);
    }
}

static void interrupted(int number)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (runner.jobs[i].path && runner.jobs[i].pid > 0)
            kill(-runner.jobs[i].pid, SIGKILL);
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    static char absolute[4096];
    const char *binary = getenv("KB_BIN");
    int option;
    arena_init(&runner.arena, GIB(1));
    unsetenv("KB_DB_URL");
    unsetenv("KB_THREE");
    while ((option = getopt(argc, argv, "j:d:3")) != -1) {
        if (option == '3')
            setenv("KB_THREE", "1", 1);
        else if (option == 'd')
            runner.database_command = optarg;
        else if (option == 'j' && isdigit((unsigned char)optarg[0]))
            runner.jobs_max = MAX_OF(1, MIN_OF(atoi(optarg), (int)JOBS_MAX));
        else
            return 2;
    }
    if (!binary || !realpath(binary, absolute) || access(absolute, X_OK) < 0) {
        fprintf(stderr, "KB_BIN does not name the program under test: %s\n",
                binary ? binary : "(not set)");
        return 2;
    }
    runner.binary = absolute;
    for (int i = optind; i < argc; i++)
        if (!paths_add(argv[i]))
            return 2;
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    run_all();
    printf("%d passed, %d failed, %d skipped\n", runner.outcomes[SCENARIO_PASSED],
           runner.outcomes[SCENARIO_FAILED], runner.outcomes[SCENARIO_SKIPPED]);
    arena_deinit(&runner.arena);
    return runner.outcomes[SCENARIO_FAILED] != 0 || runner.count == 0;
}
