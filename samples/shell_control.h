/* What the terminal page says in text messages: JSON objects with a "type". */
#ifndef SAMPLES_SHELL_CONTROL_H
#define SAMPLES_SHELL_CONTROL_H

#include <stddef.h>

enum { SHELL_SIZE_MAX = 1000 }; /* columns or rows of a terminal */

/* What is asked for. Members come in any order. */
typedef enum shell_verb {
  SHELL_RESIZE, /* {"type":"resize","cols":N,"rows":M}, N and M from 1 to SHELL_SIZE_MAX */
  SHELL_PAUSE,  /* {"type":"pause"}: no more output ... */
  SHELL_RESUME  /* {"type":"resume"}: ... until this */
} shell_verb_t;

typedef struct shell_control {
  shell_verb_t verb;
  int cols, rows; /* of SHELL_RESIZE */
} shell_control_t;

/* 0, or the code to close the connection with, and why: WSUV_CLOSE_INVALID_PAYLOAD for what is not such an object,
 * WSUV_CLOSE_POLICY_VIOLATION for another type or a size out of range. */
int shell_control_parse(const char *text, size_t len, shell_control_t *control, const char **why);

#endif
