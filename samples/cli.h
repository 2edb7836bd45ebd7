/* What every sample needs and none is about: the command line, and the end by SIGINT or SIGTERM. */
#ifndef SAMPLES_CLI_H
#define SAMPLES_CLI_H

#include <wsuv.h>

/* One option; exactly one of the three targets is set, and holds the default beforehand. */
typedef struct cli_option {
  const char *name;  /* "--port" */
  const char *value; /* the value's name in the help; NULL for a switch */
  const char *help;
  int *flag;         /* a switch: becomes 1 */
  const char **text; /* any value */
  int *number;       /* a decimal number from min to max */
  int min, max;
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

/* The options of every server, for the table of a sample; `o` is its wsuv_server_options_t. */
#define CLI_SERVER_OPTIONS(o)                                                        \
  {.name = "--host",                                                                 \
   .value = "HOST",                                                                  \
   .help = "address or name to listen on [127.0.0.1]; :: for every address",         \
   .text = &(o).host},                                                               \
      {.name = "--port",                                                             \
       .value = "PORT",                                                              \
       .help = "port to listen on [9001]; 0 for any free one",                       \
       .number = &(o).port,                                                          \
       .max = 65535},                                                                \
  {                                                                                  \
    .name = "--path", .value = "FILE", .help = "listen on this unix socket instead", \
    .text = &(o).path                                                                \
  }

enum { CLI_DEFAULT_PORT = 9001 };

/* Says on standard error why the server does not listen; returns CLI_RUNTIME_ERROR. */
int cli_cannot_listen(const wsuv_server_options_t *options, int err);

/* Prints where the server listens, runs the loop until a signal ended the server, closes `loop` and its uv_loop_t and
 * returns the exit status. The first SIGINT or SIGTERM closes every connection with 1001; the second one, or ten seconds,
 * end what is left at once. */
int cli_serve(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options);

/* Calls `stop` for each SIGINT and SIGTERM; `again` is 0 the first time. Does not keep the loop
 * alive. */
typedef struct cli_signals {
  uv_signal_t handles[2];
  void (*stop)(void *arg, int again);
  void *arg;
  int again;
} cli_signals_t;

int cli_signals_start(cli_signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                      void *arg);
void cli_signals_end(cli_signals_t *signals);

#endif
