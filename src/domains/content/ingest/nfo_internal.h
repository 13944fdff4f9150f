/* nfo_internal: the parts of nfo: cleaning the text, reading the XML. */
#pragma once

#include "nfo.h"

#include "foundation/mem/buf.h"

/* What went wrong first, without memory of its own. */
struct nfo_trouble {
    const char *what; /* static; NULL: nothing */
    unsigned long line;
};
void nfo_trouble_note(struct nfo_trouble *trouble, const char *what, unsigned long line);

/*
 * Writes the text as well-formed as can be without understanding it, inside one <nfo> element:
 * comments, declarations, DTD and HTML tags out, stray "<" and "&" escaped, HTML references
 * decoded. Line ends are kept, so that lines count as in the source.
 */
void nfo_clean(str text, struct buf *out, struct nfo_trouble *trouble);

/*
 * Reads cleaned XML into out->works; *out_loose becomes the text outside all elements.
 * ERR_EXHAUSTED when the arena is full; broken XML is no error but a trouble.
 */
enum err nfo_read(struct arena *arena, str xml, struct nfo *out, struct buf *out_loose,
                  struct nfo_trouble *trouble);

/* Room for one more of `size_bytes` in an array that doubles; NULL when full. */
void *nfo_array_add(struct arena *arena, void **items, size_t *count, size_t size_bytes);
/* A copy in the arena; ptr NULL when it is full. */
str nfo_keep(struct arena *arena, str text);

/* Digits at s[*pos], advanced past them; -1 when there is none or more than seven. */
int nfo_number_at(str s, size_t *pos);
/* The year a text begins with, 0 when it does not. */
int nfo_year_of(str s);
/* "153", "153 min", "2h 33m", "2:33:00"; minutes, 0 when it is none of these. */
int nfo_runtime_of(str s);
/* "7.5", "7,5", "7.5/10": thousandths, or -1. */
int64_t nfo_decimal_of(str s);
/* "12,345": the digits. */
int64_t nfo_votes_of(str s);
enum { NFO_DATE_BYTES = 11 };
/* "1927-01-10", "10.01.1927" as the first, zero-terminated; false when it is neither. */
bool nfo_date_of(str s, char out[NFO_DATE_BYTES]);

/* --- between nfo_read.c, which knows expat, and nfo_fields.c, which knows the elements ------ */
enum { NFO_NAME_BYTES = 24, NFO_ATTRIBUTE_BYTES = 64 };

struct nfo_element {
    char name[NFO_NAME_BYTES]; /* lower case; cut, which makes it unknown */
};

struct nfo_reader {
    struct arena *arena;
    struct nfo *nfo;
    struct XML_ParserStruct *parser;
    unsigned long line; /* of the element being read */
    struct nfo_trouble *trouble;
    struct buf *loose; /* text outside all works */
    struct buf text;   /* of the element being read */
    struct nfo_element stack[NFO_DEPTH_MAX];
    unsigned depth;
    struct nfo_work *work; /* NULL: outside */
    unsigned work_depth;   /* of the root of the work */
    struct nfo_actor actor;
    struct nfo_rating rating;
    int rating_max;
    bool rating_valid;
    char type[NFO_ATTRIBUTE_BYTES]; /* of uniqueid, aspect of thumb, imdb attribute of id */
    bool preferred;
    bool exhausted; /* the arena is full: reading must end */
};

/* The element at the top of the stack ends with this text. */
void nfo_element_end(struct nfo_reader *reader, str text);
/* A root was met at the top of the stack. */
void nfo_work_begin(struct nfo_reader *reader, enum nfo_kind kind);
/* A copy in the arena; when it is full reader->exhausted is set. */
str nfo_reader_keep(struct nfo_reader *reader, str text);
