/*
 * embed NAME FOLDER OUT.c [coded]: writes a C file with every file below FOLDER as `const struct
 * embedded_set NAME`. The bytes come in by the assembler's .incbin; each file's hash stands in the
 * C text, so that a changed file changes the text and is compiled again. A FOLDER that is not there
 * gives an empty set. `coded`: text comes in by gzip and brotli, too; those bytes lie in OUT.c.N.gz
 * and .br.
 */
#include "foundation/compress/compress.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 4096, PATH_BYTES = 1024, CODED_BYTES_MIN = 1024 };

static char *paths[FILES_MAX];
static size_t paths_count;
static size_t coded_len[FILES_MAX][2]; /* by enum compress_coding; 0: not worth it */
static const char *set_name, *out_path;

static const char *const types[][2] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".json", "application/json" },
    { ".webmanifest", "application/manifest+json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".ico", "image/x-icon" },
    { ".woff2", "font/woff2" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".md", "text/markdown; charset=utf-8" },
};

static void die(const char *what)
{
    fprintf(stderr, "embed: %s: %s\n", what, strerror(errno));
    exit(1);
}

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as folders of our own tree */
static void collect(const char *folder, const char *below)
{
    char path[PATH_BYTES];
    struct dirent *entry;
    struct stat info;
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    DIR *dir = opendir(path);
    if (!dir) {
        if (errno == ENOENT && !*below)
            return;
        die(path);
    }
    while ((entry = readdir(dir))) {
        char name[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(name, sizeof(name), "%s%s%s", below, *below ? "/" : "", entry->d_name) >=
                (int)sizeof(name) ||
            snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) {
            errno = ENAMETOOLONG;
            die(entry->d_name);
        }
        if (stat(path, &info) != 0)
            die(path);
        if (S_ISDIR(info.st_mode)) {
            collect(folder, name);
        } else if (paths_count == FILES_MAX) {
            errno = E2BIG;
            die(folder);
        } else {
            paths[paths_count++] = strdup(name);
        }
    }
    closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int is_text(const char *type)
{
    return strncmp(type, "text/", 5) == 0 || strncmp(type, "application/json", 16) == 0 ||
           strncmp(type, "application/manifest+json", 25) == 0 ||
           strcmp(type, "image/svg+xml") == 0;
}

static char *file_read(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        die(path);
    *out_len = (size_t)ftell(file);
    rewind(file);
    char *content = malloc(*out_len + 1);
    if (!content || fread(content, 1, *out_len, file) != *out_len)
        die(path);
    fclose(file);
    return content;
}

/* The member of the file's row, and its bytes beside the C file. */
static void write_coded(FILE *out, const char *path, size_t index, enum compress_coding coding)
{
    static const char *const suffixes[] = { "gz", "br" };
    size_t len;
    static char packed_path[PATH_BYTES * 2];
    char *content = file_read(path, &len);
    struct bytes *packed = NULL;
    if (len >= CODED_BYTES_MIN)
        packed = compress_bytes(coding, COMPRESS_BEST, (str){ content, len });
    free(content);
    if (!packed) {
        coded_len[index][coding] = 0;
        return;
    }
    snprintf(packed_path, sizeof(packed_path), "%s.%zu.%s", out_path, index, suffixes[coding]);
    FILE *file = fopen(packed_path, "wb");
    if (!file || fwrite(packed->data, 1, packed->len, file) != packed->len || fclose(file) != 0)
        die(packed_path);
    coded_len[index][coding] = packed->len;
    bytes_release(packed);
    fprintf(out,
            "__asm__(\".section .rodata\\n%s_%zu_%s:\\n.incbin \\\"%s\\\"\\n.previous\\n\");\n"
            "extern const char %s_%zu_%s[];\n",
            set_name, index, suffixes[coding], packed_path, set_name, index, suffixes[coding]);
}

static void write_coded_member(FILE *out, size_t index, enum compress_coding coding)
{
    if (coded_len[index][coding])
        fprintf(out, ", { %s_%zu_%s, %zu }", set_name, index, coding ? "br" : "gz",
                coded_len[index][coding]);
    else
        fprintf(out, ", { 0, 0 }");
}

static uint64_t hash_file(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u;
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    for (int c = getc(file); c != EOF; c = getc(file))
        hash = (hash ^ (unsigned)c) * 0x100000001b3u;
    fclose(file);
    return hash;
}

static void write_files(FILE *out, const char *folder, const char *name, int coded)
{
    for (size_t i = 0; i < paths_count; i++)
        fprintf(out,
                "__asm__(\".section .rodata\\n.balign 16\\n%s_%zu:\\n"
                ".incbin \\\"%s/%s\\\"\\n%s_%zu_end:\\n.byte 0\\n.previous\\n\");\n"
                "extern const char %s_%zu[], %s_%zu_end[];\n",
                name, i, folder, paths[i], name, i, name, i, name, i);
    for (size_t i = 0; coded && i < paths_count; i++) {
        static char path[PATH_BYTES * 2];
        snprintf(path, sizeof(path), "%s/%s", folder, paths[i]);
        for (int coding = COMPRESS_GZIP; coding <= COMPRESS_BROTLI && is_text(type_of(path));
             coding++)
            write_coded(out, path, i, (enum compress_coding)coding);
    }
    fprintf(out, "static const struct embedded_file files[] = {\n");
    for (size_t i = 0; i < paths_count; i++) {
        static char path[PATH_BYTES * 2];
        snprintf(path, sizeof(path), "%s/%s", folder, paths[i]);
        fprintf(out,
                "    { STR_INIT(\"%s\"), STR_INIT(\"%s\"), STR_INIT(\"\\\"%016" PRIx64 "\\\"\"), "
                "%s_%zu, %s_%zu_end",
                paths[i], type_of(paths[i]), hash_file(path), name, i, name, i);
        write_coded_member(out, i, COMPRESS_GZIP);
        write_coded_member(out, i, COMPRESS_BROTLI);
        fprintf(out, " },\n");
    }
    fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
    int coded = argc == 5 && strcmp(argv[4], "coded") == 0;
    if (argc != 4 && !coded) {
        fprintf(stderr, "usage: embed NAME FOLDER OUT.c [coded]\n");
        return 2;
    }
    set_name = argv[1];
    out_path = argv[3];
    collect(argv[2], "");
    if (paths_count)
        qsort(paths, paths_count, sizeof(paths[0]), by_path);
    FILE *out = fopen(argv[3], "w");
    if (!out)
        die(argv[3]);
    fprintf(out,
            "/* Written by tools/embed. */\n#include \"foundation/base/embedded.h\"\n\n"
            "extern const struct embedded_set %s;\n",
            argv[1]);
    if (paths_count)
        write_files(out, argv[2], argv[1], coded);
    fprintf(out, "const struct embedded_set %s = { %s, %zu };\n", argv[1],
            paths_count ? "files" : "0", paths_count);
    if (fclose(out) != 0)
        die(argv[3]);
    return 0;
}
