/* Measures WebSocket servers: see README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static const struct {
  const char *name;
  int (*run)(char **argv);
  const char *help;
} commands[] = {
    {"load", command_load, "puts one load on any WebSocket server"},
    {"run", command_run, "compares servers by a set of workloads, in interleaved rounds"},
    {"scale", command_scale, "how this library's costs grow from 1 to 10,000 connections"},
};

static void print_usage(FILE *out) {
  (void)fprintf(out, "usage: wsuv-bench COMMAND [options]; wsuv-bench COMMAND --help\n\n");
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    (void)fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].help);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) {
    print_usage(stderr);
    return 2;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_usage(stdout);
    return EXIT_SUCCESS;
  }
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) {
      return commands[i].run(argv + 2);
    }
  }
  (void)fprintf(stderr, "wsuv-bench: unknown command '%s'; see wsuv-bench --help\n", argv[1]);
  return 2;
}
