/* Server programs that are measured: started, watched and ended. All that are left end with this program. */
#ifndef WSUV_BENCH_SERVER_H
#define WSUV_BENCH_SERVER_H

#include <sys/types.h>

typedef struct server {
  pid_t pid; /* 0: none */
  unsigned int port;
  int output;
  int errors;
} server_t;

typedef enum server_start {
  SERVER_STARTED,
  SERVER_UNABLE, /* status 3: its library cannot do what the options ask for */
  SERVER_FAILED  /* stderr says why */
} server_start_t;

/* Runs a shell command on that processor and waits until it listens: on the port that takes the place of `{port}`, or else on
 * the one that its first line of output ends with. */
server_start_t server_start(server_t *server, const char *command, int processor);

/* 0 after its end, about which stderr then has its status and last lines. `label` says whose it was. */
int server_is_alive(server_t *server, const char *label);

void server_stop(server_t *server);

/* `text` with each `name` replaced; the caller frees it. */
char *server_substitute(const char *text, const char *name, const char *value);

#endif
