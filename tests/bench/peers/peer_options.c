#include "peer_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

/* Exactly one of the targets is set; a `flag` takes no value. */
typedef struct peer_option {
  const char *name;
  unsigned needs;
  int *flag;
  int *number;
  int min, max;
  const char **text;
} peer_option_t;

static _Noreturn void usage(const char *program) {
  (void)fprintf(stderr,
                "usage: %s [--port N] [--broadcast] [--deflate] [--cert FILE --key FILE]\n"
                "and, where the library can: [--loops N] [--subscriptions N] [--ping-interval-ms "
                "N] [--libuv]\n",
                program);
  exit(EXIT_USAGE);
}

static int number(const char *program, const peer_option_t *option, const char *text) {
  char *end = NULL;
  long value = strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < option->min || value > option->max) {
    usage(program);
  }
  return (int)value;
}

/* Returns how many words the option took. */
static int take_option(const peer_option_t *option, const char *program, const char *value,
                       unsigned can) {
  if ((option->needs & ~can) != 0) {
    (void)fprintf(stderr, "%s: %s: not with this library\n", program, option->name);
    exit(PEER_EXIT_CANNOT);
  }
  if (option->flag != NULL) {
    *option->flag = 1;
    return 1;
  }
  if (value == NULL) {
    usage(program);
  }
  if (option->number != NULL) {
    *option->number = number(program, option, value);
  } else {
    *option->text = value;
  }
  return 2;
}

void peer_take_options(peer_options_t *options, int argc, char **argv, unsigned can) {
  const peer_option_t known[] = {
      {.name = "--port", .number = &options->port, .max = 65535},
      {.name = "--broadcast", .needs = PEER_CAN_BROADCAST, .flag = &options->broadcast},
      {.name = "--deflate", .needs = PEER_CAN_DEFLATE, .flag = &options->deflate},
      {.name = "--cert", .needs = PEER_CAN_TLS, .text = &options->cert_file},
      {.name = "--key", .needs = PEER_CAN_TLS, .text = &options->key_file},
      {.name = "--loops",
       .needs = PEER_CAN_LOOPS,
       .number = &options->nloops,
       .min = 1,
       .max = 1024},
      {.name = "--subscriptions",
       .needs = PEER_CAN_SUBSCRIBE,
       .number = &options->nsubscriptions,
       .min = 1,
       .max = 1000},
      {.name = "--ping-interval-ms",
       .needs = PEER_CAN_PING,
       .number = &options->ping_interval_ms,
       .min = 1,
       .max = 600000},
      {.name = "--libuv", .needs = PEER_CAN_LIBUV, .flag = &options->libuv},
  };
  const size_t nknown = sizeof known / sizeof known[0];
  *options = (peer_options_t){.nloops = 1, .nsubscriptions = 1};
  for (int i = 1; i < argc;) {
    size_t k = 0;
    while (k < nknown && strcmp(argv[i], known[k].name) != 0) {
      k++;
    }
    if (k == nknown) {
      usage(argv[0]);
    }
    i += take_option(&known[k], argv[0], argv[i + 1], can);
  }
  if ((options->cert_file == NULL) != (options->key_file == NULL)) {
    usage(argv[0]);
  }
}

void peer_say_port(int port) {
  (void)printf("listening on %d\n", port);
  (void)fflush(stdout);
}
