/*
 * replay: runs a fuzz target over its committed corpus, under the sanitizers of the test build, so
 * that every input that ever crashed is tried again by `make test`. One test a corpus.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    long size_bytes = ftell(file);
    rewind(file);
    uint8_t *data = malloc((size_t)size_bytes + 1);
    if (!data || fread(data, 1, (size_t)size_bytes, file) != (size_t)size_bytes) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size_bytes);
    free(data);
}

int main(void)
{
    DIR *folder = opendir(KB_CORPUS);
    struct dirent *entry;
    int count = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    while (folder && (entry = readdir(folder))) {
        static char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", KB_CORPUS, entry->d_name);
        replay_file(path);
        count++;
    }
    if (folder)
        closedir(folder);
    if (count == 0)
        printf("  no corpus in %s\n", KB_CORPUS);
    printf("%s replayed %d inputs\n%d passed, %d failed, 0 skipped\n", count ? "ok" : "FAILED",
           count, count > 0, count == 0);
    return count == 0;
}
