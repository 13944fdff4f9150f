/* metric_process: the process as /proc shows it. What cannot be read is NaN, and so left out. */
#include "metric.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The beginning of a file of /proc as text; false when there is none. */
static bool read_file(const char *path, char *out, size_t size_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, out, size_bytes - 1);
    close(fd);
    out[len > 0 ? len : 0] = 0;
    return len > 0;
}

/* A numbered field of /proc/self/stat, counted from 1 as proc(5) does; the name (2) may hold
 * spaces. */
static double stat_field(int number)
{
    char text[2048];
    if (!read_file("/proc/self/stat", text, sizeof(text)))
        return NAN;
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? strtod(at + 1, NULL) : NAN;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return NAN;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
    return stat_field(24) * (double)sysconf(_SC_PAGESIZE);
}

static double virtual_bytes(void)
{
    return stat_field(23);
}

static double open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -3; /* ".", ".." and the folder's own descriptor */
    if (!folder)
        return NAN;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double max_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return NAN;
    return (double)limit.rlim_cur;
}

static double clock_seconds(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * The start counts from boot; the moment of boot is taken once, so that the value stays the
 * same.
 */
static double boot_seconds(void)
{
    static _Atomic double boot;
    double known = atomic_load(&boot);
    if (known == 0) {
        known = clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_BOOTTIME);
        atomic_store(&boot, known);
    }
    return known;
}

static double start_seconds(void)
{
    return boot_seconds() + stat_field(22) / (double)sysconf(_SC_CLK_TCK);
}

METRIC_COUNTER_READ(process_cpu_seconds_total, "User and system CPU time spent.", cpu_seconds);
METRIC_GAUGE_READ(process_resident_memory_bytes, "Resident memory.", resident_bytes);
METRIC_GAUGE_READ(process_virtual_memory_bytes, "Virtual memory.", virtual_bytes);
METRIC_GAUGE_READ(process_open_fds, "Open file descriptors.", open_fds);
METRIC_GAUGE_READ(process_max_fds, "The most file descriptors there may be.", max_fds);
METRIC_GAUGE_READ(process_start_time_seconds, "Start of the process, since the epoch.",
                  start_seconds);

METRICS(metric_process, &process_cpu_seconds_total, &process_resident_memory_bytes,
        &process_virtual_memory_bytes, &process_open_fds, &process_max_fds,
        &process_start_time_seconds);
