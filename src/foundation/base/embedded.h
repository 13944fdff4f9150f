/* embedded: files carried inside the program, as the build's embed tool wrote them. */
#pragma once

#include "str.h"

struct embedded_file {
    str path; /* relative, '/' separated: "assets/app-1a2b.js" */
    str type; /* media type with charset */
    str etag; /* of the content, quoted */
    const char *content;
    const char *content_end;
    str gzip, brotli; /* the same compressed; ptr NULL: it was not worth it */
};

struct embedded_set {
    const struct embedded_file *files; /* sorted by path, byte order */
    size_t files_count;
};

/* NULL when there is no such file. */
const struct embedded_file *embedded_find(const struct embedded_set *set, str path);
str embedded_content(const struct embedded_file *file);
