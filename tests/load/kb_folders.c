/*
 * kb_folders: `kb_folders COUNT FOLDER CLIP POSTER` writes COUNT film folders as an import finds
 * them: "Film 00001 (1920)/Film 00001 (1920).mp4", movie.nfo, poster.jpg. Each clip is CLIP and a
 * "free" box with its number (ISO 14496-12, 8.1.2), so that no two files are the same.
 */
#include "foundation/base/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COUNT_MAX = 100000, TEMPLATE_BYTES_MAX = 1 << 20, TEXT_BYTES = 512, PATH_BYTES = 2048 };

struct template
{
    size_t len;
    unsigned char bytes[TEMPLATE_BYTES_MAX];
};

NORETURN static void fail(const char *what)
{
    fprintf(stderr, "kb_folders: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_template(const char *path, struct template *out_template)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        fail(path);
    out_template->len = fread(out_template->bytes, 1, sizeof(out_template->bytes), file);
    fclose(file);
}

static void write_file(const char *path, const void *bytes, size_t len, const void *more,
                       size_t more_len)
{
    FILE *file = fopen(path, "wbe");
    if (!file || fwrite(bytes, 1, len, file) != len ||
        fwrite(more, 1, more_len, file) != more_len || fclose(file) != 0)
        fail(path);
}

static void write_film(const char *folder, unsigned number, const struct template *clip,
                       const struct template *poster)
{
    char path[PATH_BYTES], text[TEXT_BYTES];
    unsigned year = 1900 + number % 120;
    unsigned char box[16] = { 0, 0, 0, 16, 'f', 'r', 'e', 'e' };
    snprintf(path, sizeof(path), "%s/Film %05u (%u)", folder, number, year);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        fail(path);
    size_t end = strlen(path);
    memcpy(box + 8, &number, sizeof(number));
    snprintf(path + end, sizeof(path) - end, "/Film %05u (%u).mp4", number, year);
    write_file(path, clip->bytes, clip->len, box, sizeof(box));
    snprintf(path + end, sizeof(path) - end, "/poster.jpg");
    write_file(path, poster->bytes, poster->len, &number, sizeof(number));
    int len = snprintf(text, sizeof(text),
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<movie>\n"
                       "  <title>Film %05u</title>\n  <year>%u</year>\n  <genre>Drama</genre>\n"
                       "  <plot>The %u-th film of many.</plot>\n"
                       "  <director>Director %u</director>\n</movie>\n",
                       number, year, number, number % 500);
    snprintf(path + end, sizeof(path) - end, "/movie.nfo");
    write_file(path, text, (size_t)len, "", 0);
}

int main(int argc, char **argv)
{
    static struct template clip, poster;
    int count = argc == 5 ? atoi(argv[1]) : 0;
    if (count < 1 || count > COUNT_MAX || strlen(argv[2]) > PATH_BYTES - 128) {
        fprintf(stderr, "kb_folders COUNT FOLDER CLIP POSTER\n");
        return 2;
    }
    read_template(argv[3], &clip);
    read_template(argv[4], &poster);
    if (mkdir(argv[2], 0700) < 0 && errno != EEXIST)
        fail(argv[2]);
    for (unsigned i = 1; i <= (unsigned)count; i++)
        write_film(argv[2], i, &clip, &poster);
    return 0;
}
