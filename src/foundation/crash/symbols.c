/* symbols: a minimal ELF64 reader over our own file (System V ABI, chapter 4). */
#include "symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const Elf64_Sym *table;
    size_t count;
    const char *names;
    uintptr_t base; /* where the program is loaded */
    char build_id[41];
} symbols = { .build_id = "unknown" };

static void read_build_id(const char *note, size_t size_bytes)
{
    const Elf64_Nhdr *header = (const void *)note;
    if (size_bytes < sizeof(*header) + 4 || header->n_type != NT_GNU_BUILD_ID)
        return;
    const unsigned char *id = (const unsigned char *)note + sizeof(*header) + header->n_namesz;
    if (sizeof(*header) + header->n_namesz + header->n_descsz > size_bytes)
        return;
    for (size_t i = 0; i < header->n_descsz && i < 20; i++)
        snprintf(symbols.build_id + i * 2, 3, "%02x", id[i]);
}

static void read_sections(const char *file, const Elf64_Ehdr *header)
{
    const Elf64_Shdr *sections = (const void *)(file + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &sections[i];
        if (section->sh_type == SHT_SYMTAB) {
            symbols.table = (const void *)(file + section->sh_offset);
            symbols.count = section->sh_size / sizeof(Elf64_Sym);
            symbols.names = file + sections[section->sh_link].sh_offset;
        } else if (section->sh_type == SHT_NOTE) {
            read_build_id(file + section->sh_offset, section->sh_size);
        }
    }
}

static int first_object(struct dl_phdr_info *info, size_t size_bytes, void *data)
{
    (void)size_bytes;
    *(uintptr_t *)data = info->dlpi_addr;
    return 1; /* the program itself comes first */
}

static void load(void)
{
    struct stat info;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && info.st_size > (off_t)sizeof(Elf64_Ehdr)) {
        const char *file = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED && memcmp(file, ELFMAG, SELFMAG) == 0)
            read_sections(file, (const void *)file);
    }
    close(fd);
    dl_iterate_phdr(first_object, &symbols.base);
}

void symbols_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
}

const char *symbols_find(uintptr_t address, size_t *out_offset)
{
    const Elf64_Sym *best = NULL;
    Dl_info info;
    uintptr_t at = address - symbols.base;
    for (size_t i = 0; i < symbols.count; i++) {
        const Elf64_Sym *symbol = &symbols.table[i];
        if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_value <= at &&
            at - symbol->st_value < symbol->st_size + (symbol->st_size == 0))
            best = symbol;
    }
    if (best) {
        *out_offset = at - best->st_value;
        return symbols.names + best->st_name;
    }
    if (dladdr((void *)address, &info) && info.dli_sname) {
        *out_offset = address - (uintptr_t)info.dli_saddr;
        return info.dli_sname;
    }
    return NULL;
}

const char *symbols_build_id(void)
{
    symbols_load();
    return symbols.build_id;
}
