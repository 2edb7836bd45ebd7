/* The command line of every sample. */
#ifndef SAMPLES_CLI_H
#define SAMPLES_CLI_H

#include <stddef.h>

/* The values of an option that may be repeated; `items` has room for as many as the command line has words. */
typedef struct cli_list {
  const char **items;
  size_t nitems;
} cli_list_t;

/* One option; exactly one of the four targets is set, and holds the default beforehand. */
typedef struct cli_option {
  const char *name;  /* "--port" */
  const char *value; /* the value's name in the help; NULL for a switch */
  const char *help;
  int *flag;         /* a switch: becomes 1 */
  const char **text; /* any value */
  int *number;       /* a decimal number from min to max */
  int min, max;
  const char *alias; /* "-p", or NULL */
  cli_list_t *list;  /* any value, each time */
} cli_option_t;

typedef struct cli {
  const char *program; /* "01_echo_server" */
  const char *args;    /* what follows the options in the help: "URL [MESSAGE ...]" */
  const char *about;   /* what the program does, for the help */
  const cli_option_t *options;
  size_t noptions;
} cli_t;

enum { CLI_RUNTIME_ERROR = 1, CLI_USAGE_ERROR = 2 };

/* Reads the options up to the first other argument and returns its index. --help ends the program
 * with status 0, a mistake ends it with one sentence and CLI_USAGE_ERROR. */
int cli_parse(const cli_t *cli, int argc, char **argv);

/* Ends the program with one sentence and CLI_USAGE_ERROR. */
void cli_usage_error(const cli_t *cli, const char *what, const char *argument);

#endif
