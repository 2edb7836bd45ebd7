/* The command line that both testees share. */
#ifndef WSUV_TESTS_INTEROP_TESTEE_OPTIONS_H
#define WSUV_TESTS_INTEROP_TESTEE_OPTIONS_H

#include "wsuv.h"

typedef struct testee_options {
  const char *url;  /* client: the one argument */
  const char *host; /* server; NULL: the library's default */
  int port;         /* server */
  const char *path; /* unix socket, or NULL */
  int64_t max_connections;
  wsuv_conn_options_t conn;
} testee_options_t;

/* Returns if the program is to run. Otherwise it exits: 0 after --help, 2 after one sentence about
 * what is wrong with the command line. */
void testee_options_parse(testee_options_t *options, wsuv_role_t role, int argc, char **argv);

/* Echoes one message and stops reading while the peer does not take what was sent: at most one
 * message more than the high-water mark is ever queued, and none is lost. To be undone by
 * wsuv_conn_read_start in on_drain. */
int testee_echo(wsuv_conn_t *conn, const testee_options_t *options, wsuv_opcode_t type,
                const void *payload, size_t len);

#endif
