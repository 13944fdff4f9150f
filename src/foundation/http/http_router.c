/*
 * http_router: a tree of segments. Matching walks it with a list of the choices still open instead
 * of recursion, so a hostile path costs at most the nodes of the tree.
 */
#include "http_route.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { DEPTH_MAX = 32 };

struct node {
    str text;           /* of a static segment */
    struct node *child; /* static children */
    struct node *next;  /* sibling in that list */
    struct node *one;   /* the {name} child */
    struct node *rest;  /* the {name*} child: a leaf */
    const struct http_route *routes[METHOD_COUNT];
    unsigned methods, params; /* {names} on the way to it */
};

struct http_router {
    struct node root;
};

static const str method_names[METHOD_COUNT] = {
    [METHOD_GET] = STR_INIT("GET"),         [METHOD_HEAD] = STR_INIT("HEAD"),
    [METHOD_POST] = STR_INIT("POST"),       [METHOD_PUT] = STR_INIT("PUT"),
    [METHOD_PATCH] = STR_INIT("PATCH"),     [METHOD_DELETE] = STR_INIT("DELETE"),
    [METHOD_OPTIONS] = STR_INIT("OPTIONS"),
};

str http_method_name(enum http_method method)
{
    return method_names[method];
}

/* --- Building ------------------------------------------------------------------------------- */

static struct node *static_child(struct node *parent, str text)
{
    for (struct node *child = parent->child; child; child = child->next)
        if (str_eq(child->text, text))
            return child;
    struct node *child = HEAP_NEW(struct node);
    child->text = text;
    child->next = parent->child;
    parent->child = child;
    return child;
}

static struct node *only_child(struct node **slot)
{
    if (!*slot)
        *slot = HEAP_NEW(struct node);
    return *slot;
}

/* The node a segment leads to; NULL when the segment is malformed. */
static struct node *segment_child(struct node *parent, str segment, bool last)
{
    bool opens = str_find_char(segment, '{') >= 0, closes = str_find_char(segment, '}') >= 0;
    if (!opens && !closes)
        return static_child(parent, segment);
    bool rest = str_ends(segment, STR("*}"));
    if (segment.ptr[0] != '{' || !str_ends(segment, STR("}")) || segment.len < (rest ? 4u : 3u) ||
        (rest && !last))
        return NULL;
    return only_child(rest ? &parent->rest : &parent->one);
}

static enum err route_add(struct node *root, const struct http_route *route)
{
    struct node *node = root;
    str segment, rest = str_of(route->pattern);
    unsigned depth = 0, params = 0;
    bool valid = str_starts(rest, STR("/"));
    rest = str_skip(rest, 1);
    while (valid && str_cut(&rest, '/', &segment)) {
        params += str_starts(segment, STR("{"));
        node = segment_child(node, segment, rest.ptr == NULL);
        valid = node && ++depth <= DEPTH_MAX && params <= HTTP_PARAMS_MAX;
    }
    if (!valid)
        return err_set(ERR_INVALID, "bad-route", "the pattern \"%s\" is malformed", route->pattern);
    if (node->routes[route->method])
        return err_set(ERR_CONFLICT, "route-conflict", "%.*s %s and %s match the same requests",
                       STR_ARG(method_names[route->method]), route->pattern,
                       node->routes[route->method]->pattern);
    node->routes[route->method] = route;
    node->methods |= 1u << route->method;
    node->params = params;
    return OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as our own patterns */
static void node_free_below(struct node *node)
{
    while (node->child) {
        struct node *child = node->child;
        node->child = child->next;
        node_free_below(child);
        heap_free(child);
    }
    if (node->one)
        node_free_below(node->one);
    heap_free(node->one);
    heap_free(node->rest);
}

enum err http_router_open(const struct http_route_table *tables, size_t count,
                          struct http_router **out_router)
{
    struct http_router *router = HEAP_NEW(struct http_router);
    for (size_t t = 0; t < count; t++) {
        for (size_t r = 0; r < tables[t].count; r++) {
            enum err err = route_add(&router->root, &tables[t].routes[r]);
            if (err != OK) {
                http_router_close(router);
                return err;
            }
        }
    }
    *out_router = router;
    return OK;
}

void http_router_close(struct http_router *router)
{
    if (router)
        node_free_below(&router->root);
    heap_free(router);
}

/* --- Matching ------------------------------------------------------------------------------- */

/* A choice not taken yet: go on at `node` with what follows `at`; beyond the end: nothing follows.
 */
struct choice {
    const struct node *node;
    size_t at;
};

/* A step takes one choice off and leaves at most two besides the one it goes on with. */
struct walk {
    str path;
    struct choice open[2 * DEPTH_MAX + 4];
    unsigned open_count;
};

static void choice_push(struct walk *walk, const struct node *node, size_t at)
{
    ASSERT(walk->open_count < ARRAY_LEN(walk->open));
    walk->open[walk->open_count++] = (struct choice){ node, at };
}

/* Puts the ways on from `from` on the list, the preferred one last, where it is taken first. */
static void step(struct walk *walk, struct choice from)
{
    str rest = str_skip(walk->path, from.at);
    ptrdiff_t slash = str_find_char(rest, '/');
    size_t len = slash < 0 ? rest.len : (size_t)slash;
    size_t after = slash < 0 ? walk->path.len + 1 : from.at + len + 1;
    str segment = { walk->path.ptr + from.at, len };
    if (from.node->rest)
        choice_push(walk, from.node->rest, walk->path.len + 1);
    if (from.node->one && len)
        choice_push(walk, from.node->one, after);
    for (const struct node *child = from.node->child; child; child = child->next)
        if (str_eq(child->text, segment))
            choice_push(walk, child, after);
}

/* The nodes of this path, best first; NULL when there is no other. */
static const struct node *walk_next(struct walk *walk)
{
    while (walk->open_count) {
        struct choice choice = walk->open[--walk->open_count];
        if (choice.at <= walk->path.len)
            step(walk, choice);
        else if (choice.node->methods)
            return choice.node;
    }
    return NULL;
}

/* Walks once more from the pattern's side: the values of {names} are found by position. */
static void params_fill(const struct http_route *route, str path, struct http_match *match)
{
    str segment, value, pattern = str_skip(str_of(route->pattern), 1), rest = str_skip(path, 1);
    unsigned count = 0;
    while (str_cut(&pattern, '/', &segment)) {
        str whole = rest.ptr ? rest : STR("");
        if (!str_cut(&rest, '/', &value))
            value = STR("");
        if (str_starts(segment, STR("{")))
            match->params[count++] = str_ends(segment, STR("*}")) ? whole : value;
    }
}

void http_router_match(const struct http_router *router, enum http_method method, str path,
                       struct http_match *out)
{
    struct walk walk;
    const struct node *node = NULL;
    walk.path = path;
    walk.open_count = 0;
    out->route = NULL;
    out->methods = 0;
    if (!str_starts(path, STR("/")))
        return;
    choice_push(&walk, &router->root, 1);
    while (!out->route && (node = walk_next(&walk))) {
        out->methods |= node->methods;
        out->route = node->routes[method];
        if (!out->route && method == METHOD_HEAD)
            out->route = node->routes[METHOD_GET];
    }
    if (out->route && node->params)
        params_fill(out->route, path, out);
    if (out->methods & 1u << METHOD_GET)
        out->methods |= 1u << METHOD_HEAD;
    if (out->methods)
        out->methods |= 1u << METHOD_OPTIONS;
}

str http_allow_format(unsigned methods, char out[HTTP_ALLOW_MAX])
{
    size_t len = 0;
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (!(methods & 1u << i))
            continue;
        if (len) {
            memcpy(out + len, ", ", 2);
            len += 2;
        }
        memcpy(out + len, method_names[i].ptr, method_names[i].len);
        len += method_names[i].len;
    }
    return (str){ out, len };
}

str http_param(const struct http_request *request, const char *name)
{
    str segment, wanted = str_of(name), pattern = str_of(request->route->pattern);
    unsigned count = 0;
    while (str_cut(&pattern, '/', &segment)) {
        if (!str_starts(segment, STR("{")))
            continue;
        str own = str_sub(segment, 1, segment.len - (str_ends(segment, STR("*}")) ? 3 : 2));
        if (str_eq(own, wanted))
            return request->params[count];
        count++;
    }
    PANIC("the pattern %s has no parameter %s", request->route->pattern, name);
}
