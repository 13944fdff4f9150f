/* embedded: binary search over the table the build wrote. */
#include "embedded.h"

const struct embedded_file *embedded_find(const struct embedded_set *set, str path)
{
    size_t from = 0, to = set->files_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_cmp(set->files[middle].path, path);
        if (order == 0)
            return &set->files[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

str embedded_content(const struct embedded_file *file)
{
    return (str){ file->content, (size_t)(file->content_end - file->content) };
}
