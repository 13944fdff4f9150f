/*
 * test: the unit-test harness. A TEST() registers itself; a module's tests are linked into one
 * program that runs them in order of definition (or those whose name contains an argument) and ends
 * with the line "N passed, N failed, N skipped". They run in a child process; after one that failed
 * or crashed the rest run in a fresh one. TEST_NO_FORK=1 keeps them here, for a debugger.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/str.h"

typedef void (*test_fn)(void);

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    __attribute__((constructor)) static void test_register_##name(void)                            \
    {                                                                                              \
        test_register(#name, __FILE__, test_##name);                                               \
    }                                                                                              \
    static void test_##name(void)

/*
 * A failed check ends its test: the rest of the program's tests go on. In a process the test has
 * forked it ends that process.
 */
#define CHECK(condition)     test_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_OK(expression) test_check_err((expression), OK, __FILE__, __LINE__, #expression)
#define CHECK_ERR(expression, code)                                                                \
    test_check_err((expression), (code), __FILE__, __LINE__, #expression)
#define CHECK_INT(actual, expected)                                                                \
    test_check_int((int64_t)(actual), (int64_t)(expected), __FILE__, __LINE__, #actual)
#define CHECK_STR(actual, expected)                                                                \
    test_check_str((actual), (expected), __FILE__, __LINE__, #actual)
/* Ends the test as skipped; the reason is printed and counted. */
#define SKIP(...) test_skip(__VA_ARGS__)

/* Fails the test as a check does. */
void test_fail(const char *format, ...) PRINTF_LIKE(1, 2);

void test_register(const char *name, const char *file, test_fn fn);
void test_check(bool condition, const char *file, int line, const char *text);
void test_check_err(int actual, int expected, const char *file, int line, const char *text);
void test_check_int(int64_t actual, int64_t expected, const char *file, int line, const char *text);
void test_check_str(str actual, str expected, const char *file, int line, const char *text);
NORETURN void test_skip(const char *format, ...) PRINTF_LIKE(1, 2);

/* A fresh folder for this test, removed with all it holds when the test ends. Ends with no slash.
 */
const char *test_folder(void);
/* A pseudo-random number of a fixed seed a test (printed when the test fails; TEST_SEED sets it).
 */
uint64_t test_random(void);
