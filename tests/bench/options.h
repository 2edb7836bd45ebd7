/* Command lines from a table: `--name VALUE`, `--name=VALUE` and flags, with a --help made of the same table. */
#ifndef WSUV_BENCH_OPTIONS_H
#define WSUV_BENCH_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Exactly one of the targets is set. */
typedef struct option_spec {
  const char *name;
  const char *value; /* what --help calls it; NULL: a flag */
  const char *help;
  uint64_t max;     /* of a number */
  int *flag;        /* becomes 1 */
  uint64_t *number; /* 0 to max */
  double *decimal;  /* 0 or more */
  const char **text;
  void (*take)(const char *value);
} option_spec_t;

typedef struct command {
  const char *name; /* as it is typed */
  const char *usage;
  const option_spec_t *options;
  size_t noptions;
} command_t;

/* Takes the options of `argv`, without a program's name before them. Returns the only operand, or NULL. Ends the program after
 * --help, and with status 2 after what the command does not know. */
const char *options_parse(const command_t *command, char **argv);

/* "wsuv-bench load: text", and status 2. */
_Noreturn void options_reject(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
