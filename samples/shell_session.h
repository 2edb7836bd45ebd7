/* A shell for one connection, from its start until its process is gone and waited for.
 *
 * The session is the connection's data (wsuv_conn_data). It outlives the connection until the process has ended: SIGHUP
 * first, SIGKILL when that is not enough, and no zombie is left.
 */
#ifndef SAMPLES_SHELL_SESSION_H
#define SAMPLES_SHELL_SESSION_H

#include <wsuv.h>

#include "pty.h"

enum {
  SHELL_HIGH_WATER = 256 * 1024
}; /* octets of output that wait for one client; for write_high_water */

typedef struct shell_session shell_session_t;

/* Starts the program and sends its output in binary messages. When it ends, and all its output was sent, closes the
 * connection with 1000 and "shell exited with N" or "shell ended by signal N". 0 or an error of libuv, and then there is
 * no session. */
int shell_session_start(wsuv_conn_t *conn, const pty_program_t *program);

/* Input for the program. While it takes none, nothing is read from the client. */
void shell_session_input(shell_session_t *session, const void *input, size_t len);

void shell_session_resize(shell_session_t *session, int cols, int rows);

/* The client wants no more output for now, or some again. */
void shell_session_pause(shell_session_t *session, int paused);

/* on_drain: the client has read. */
void shell_session_drained(shell_session_t *session);

/* on_close: the connection is gone, and the program has to go, too. The pointer is dead. */
void shell_session_leave(shell_session_t *session);

#endif
