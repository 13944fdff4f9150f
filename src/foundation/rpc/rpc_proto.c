/* rpc_proto: the .proto file of a package, printed from the tables that drive the wire. */
#include "rpc_impl.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { ENUMS_MAX = 128 };

struct printer {
    struct buf *out;
    struct shape_registry registry;
    const struct shape_enum *enums[ENUMS_MAX];
    unsigned enums_count;
};

/* "sample_colours" is SampleColours, in constants SAMPLE_COLOURS. */
static void put_enum_name(struct buf *out, const char *name, bool constant)
{
    bool upper = true;
    for (; *name; name++) {
        bool letter = *name >= 'a' && *name <= 'z';
        if (*name == '_' && !constant)
            upper = true;
        else
            buf_put_char(out, letter && (constant || upper) ? (char)(*name - 32) : *name);
        upper = upper && *name == '_';
    }
}

static void put_constant(struct buf *out, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = c >= 'a' && c <= 'z',
             known = letter || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        buf_put_char(out, letter ? (char)(c - 32) : known ? c : '_');
    }
}

static void enum_note(struct printer *printer, const struct shape_enum *table)
{
    for (unsigned i = 0; i < printer->enums_count; i++)
        if (printer->enums[i] == table)
            return;
    ASSERT(printer->enums_count < ENUMS_MAX);
    printer->enums[printer->enums_count++] = table;
}

static void put_type(struct printer *printer, const struct shape_field *field)
{
    static const char *const scalars[] = {
        [SHAPE_BOOL] = "bool",     [SHAPE_I32] = "int32",  [SHAPE_U32] = "uint32",
        [SHAPE_I64] = "int64",     [SHAPE_U64] = "uint64", [SHAPE_ID] = "int64",
        [SHAPE_DOUBLE] = "double", [SHAPE_STR] = "string", [SHAPE_TIME] = "int64",
        [SHAPE_RAW] = "string",
    };
    char name[64];
    if (field->kind == SHAPE_OBJECT) {
        buf_put(printer->out, shape_schema_name(field->shape, name));
    } else if (field->kind == SHAPE_CHOICE) {
        put_enum_name(printer->out, field->texts->name, false);
        enum_note(printer, field->texts);
    } else {
        buf_put(printer->out, str_of(scalars[field->kind]));
    }
}

static void put_comment(struct buf *out, const char *indent, const char *text)
{
    if (text)
        buf_printf(out, "%s// %s\n", indent, text);
}

static void put_field(struct printer *printer, const struct shape_field *field)
{
    struct buf *out = printer->out;
    put_comment(out, "  ", field->doc);
    if (field->kind == SHAPE_TIME)
        put_comment(out, "  ", "Microseconds since 1970-01-01T00:00:00Z.");
    if (field->kind == SHAPE_RAW)
        put_comment(out, "  ", "JSON.");
    buf_put(out, STR("  "));
    if (field->form == FORM_OPTIONAL)
        buf_put(out, STR("optional "));
    if (field->form == FORM_LIST)
        buf_put(out, STR("repeated "));
    if (field->form == FORM_MAP)
        buf_put(out, STR("map<string, "));
    put_type(printer, field);
    buf_printf(out, "%s %s = %u;\n", field->form == FORM_MAP ? ">" : "", field->name.ptr,
               field->proto);
}

static void put_message(struct printer *printer, const struct shape *shape)
{
    char name[64];
    str title = shape_schema_name(shape, name);
    buf_put_char(printer->out, '\n');
    put_comment(printer->out, "", shape->doc);
    buf_printf(printer->out, "message %.*s {\n", STR_ARG(title));
    for (size_t i = 0; i < shape->fields_count; i++)
        put_field(printer, &shape->fields[i]);
    buf_put(printer->out, STR("}\n"));
}

static void put_enum(struct printer *printer, const struct shape_enum *table)
{
    struct buf *out = printer->out;
    buf_put(out, STR("\nenum "));
    put_enum_name(out, table->name, false);
    buf_put(out, STR(" {\n"));
    for (unsigned i = 0; i < table->count; i++) {
        buf_put(out, STR("  "));
        put_enum_name(out, table->name, true);
        buf_put_char(out, '_');
        put_constant(out, table->texts[i].len ? table->texts[i] : STR("UNSPECIFIED"));
        buf_printf(out, " = %u;\n", i);
    }
    buf_put(out, STR("}\n"));
}

static void put_service(struct buf *out, const struct rpc_service *service)
{
    buf_printf(out, "\nservice %s {\n", service->name);
    for (unsigned i = 0; i < service->methods_count; i++) {
        const struct rpc_method *method = &service->methods[i];
        char in[64], answer[64];
        shape_schema_name(method->in, in);
        shape_schema_name(method->out, answer);
        str in_name = shape_schema_name(method->in, in);
        str out_name = shape_schema_name(method->out, answer);
        put_comment(out, "  ", method->summary);
        buf_printf(out, "  rpc %s(%.*s) returns (%.*s);\n", method->name, STR_ARG(in_name),
                   STR_ARG(out_name));
    }
    buf_put(out, STR("}\n"));
}

void rpc_write_proto(struct buf *out, const struct rpc_service *const *services, unsigned count)
{
    struct printer *printer = HEAP_NEW(struct printer);
    printer->out = out;
    buf_printf(out,
               "// %s.proto: generated from the tables of calls. The numbers never change.\n"
               "syntax = \"proto3\";\n\npackage %s;\n",
               services[0]->package, services[0]->package);
    for (unsigned i = 0; i < count; i++) {
        ASSERT(strcmp(services[i]->package, services[0]->package) == 0);
        put_service(out, services[i]);
        for (unsigned m = 0; m < services[i]->methods_count; m++) {
            shape_registry_add(&printer->registry, services[i]->methods[m].in);
            shape_registry_add(&printer->registry, services[i]->methods[m].out);
        }
    }
    for (unsigned i = 0; i < printer->registry.count; i++)
        put_message(printer, printer->registry.shapes[i]);
    for (unsigned i = 0; i < printer->enums_count; i++)
        put_enum(printer, printer->enums[i]);
    heap_free(printer);
}
