/* The command line that both testees share. */
#ifndef WSUV_TESTS_INTEROP_TESTEE_OPTIONS_H
#define WSUV_TESTS_INTEROP_TESTEE_OPTIONS_H

#include "testee_tls.h"
#include "wsuv.h"

typedef struct testee_options {
  const char *url;  /* client: the one argument */
  const char *host; /* server; NULL: the library's default */
  int port;         /* server */
  const char *path; /* unix socket, or NULL */
  int64_t max_connections;
  const char *subprotocols[1]; /* the server's or the client's one */
  size_t nsubprotocols;
  int tells_all; /* server: a line for each request, each of its fields, each end */
  int fragment;  /* octets of an echo's fragments; <= 0: whole messages */
  wsuv_conn_options_t conn;
  wsuv_deflate_t *deflate; /* to be freed behind everything; NULL: not wanted */
  const wsuv_extension_t *extensions[1];
  size_t nextensions;
  wsuv_tls_context_t *tls; /* to be released behind everything; NULL: not wanted */
  const char *tls_name;    /* client; NULL: the URL's host */
  int tells_tls_failures;  /* server */
} testee_options_t;

/* Returns if the program is to run. Otherwise it exits: 0 after --help, after one sentence with 2 if
 * something is wrong with the command line, with 1 if a file is, with 77 if compression or TLS is wanted and
 * was not built. */
void testee_options_parse(testee_options_t *options, wsuv_role_t role, char **argv);

/* Echoes one message and stops reading while the peer does not take what was sent: at most one
 * message more than the high-water mark is ever queued, and none is lost. To be undone by
 * wsuv_conn_read_start in on_drain. */
int testee_echo(wsuv_conn_t *conn, const testee_options_t *options, wsuv_opcode_t type,
                const void *payload, size_t len);

#endif
