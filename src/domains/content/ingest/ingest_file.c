/* ingest_file: reads and writes that go on after a signal and report the system's reason. */
#include "ingest_file.h"

#include "ingest_reason.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum err ingest_file_read(struct arena *arena, str path, size_t size_bytes_max, str *out_content)
{
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(path.ptr);
    off_t size_bytes = lseek(fd, 0, SEEK_END);
    enum err result = OK;
    size_t done = 0;
    char *content = NULL;
    if (size_bytes < 0 || (uint64_t)size_bytes > size_bytes_max)
        result = INGEST_FAIL(ERR_TOO_LARGE, arena, FILE_TOO_LARGE, path,
                             arena_printf(arena, "%zu", size_bytes_max));
    else if (!(content = arena_try(arena, (size_t)size_bytes + 1)))
        result = err_set(ERR_EXHAUSTED, "memory", "no memory to read %.*s", STR_ARG(path));
    while (result == OK && done < (size_t)size_bytes) {
        ssize_t got = pread(fd, content + done, (size_t)size_bytes - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            result = err_errno(path.ptr);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    close(fd);
    if (result == OK)
        *out_content = (str){ content, done };
    return result;
}

enum err ingest_file_write(str path, str content, const char *what)
{
    enum err result = OK;
    int fd = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(what);
    while (result == OK && content.len > 0) {
        ssize_t put = write(fd, content.ptr, content.len);
        if (put >= 0)
            content = str_skip(content, (size_t)put);
        else if (errno != EINTR)
            result = err_errno(what);
    }
    close(fd);
    return result;
}
