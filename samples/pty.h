/* A program on a pseudo-terminal, in a session whose controlling terminal that is. Unix only.
 *
 * When the leader of a session ends, the kernel throws away what nobody has read from its terminal yet: the last lines of
 * the output. So the leader is a process of ours, the keeper. It starts the program, which becomes the group in the
 * foreground, tells how it ended, and stays until its report's reader is closed.
 */
#ifndef SAMPLES_PTY_H
#define SAMPLES_PTY_H

#include <sys/types.h>

/* What is started. */
typedef struct pty_program {
  char *file;      /* "/bin/bash" */
  char *arg0;      /* "-bash": the leading hyphen asks for a login shell */
  const char *dir; /* where it starts, the home directory; NULL: where we are */
  char **env;
} pty_program_t;

/* The user's login shell, or `file` instead of it if not NULL. 0 or an error of libuv. */
int pty_program_init(pty_program_t *program, const char *file);
void pty_program_free(pty_program_t *program);

/* What the keeper writes: the first member once the program was started, the second one when it has ended. */
typedef struct pty_report {
  pid_t
      program; /* its process group, too; no other process gets the number while the keeper is there */
  int status; /* as of waitpid */
} pty_report_t;

typedef struct pty {
  int terminal; /* our end of it */
  int report;   /* a socket; closing it ends the keeper after the program's end */
  pid_t keeper; /* to be waited for */
} pty_t;

/* Starts it on a terminal of 80 columns and 24 rows. Programs that are started later do not inherit the descriptors. 0 or
 * an error of libuv; a program that cannot be executed says so on the terminal and exits with 127. */
int pty_start(const pty_program_t *program, pty_t *pty);

/* Tells the terminal its size, and the programs on it by SIGWINCH. 0 or an error of libuv. */
int pty_resize(int terminal, int cols, int rows);

/* Sends the signal to the program's process group and to the one in the foreground; `terminal` -1: only to the former. */
void pty_signal(int terminal, pid_t program, int number);

#endif
