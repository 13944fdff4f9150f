/* start: how long a program takes from its start to its first good answer. */
#pragma once

/*
 * Runs argv[0] (found by PATH) with its output where ours goes to, waits until it has written
 * "HOST:PORT" and a line end to `address_file`, and asks for `path` until the status is 200. Prints
 * {"us", "pid", "port"} and leaves the program running. Returns an exit code; 20 s are the limit.
 */
int start_server(const char *address_file, const char *path, char **argv);
