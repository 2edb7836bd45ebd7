#include "load_child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity.h"
#include "process.h"

static _Noreturn void become_load(load_options_t *options, int processor, int out) {
  load_result_t result = {0};
  (void)signal(SIGINT, SIG_DFL);
  (void)signal(SIGTERM, SIG_DFL);
  affinity_bind(processor);
  load_measure(options, &result);
  _exit(write(out, &result, sizeof result) == (ssize_t)sizeof result ? EXIT_SUCCESS : EXIT_FAILURE);
}

int load_in_child(load_options_t *options, int processor, const char *label,
                  load_result_t *result) {
  int ends[2];
  if (pipe(ends) != 0) {
    die("pipe");
  }
  (void)fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) {
    die("fork");
  }
  if (pid == 0) {
    (void)close(ends[0]);
    become_load(options, processor, ends[1]);
  }
  (void)close(ends[1]);
  ssize_t n = read(ends[0], result, sizeof *result);
  (void)close(ends[0]);
  (void)waitpid(pid, NULL, 0);
  if (n != (ssize_t)sizeof *result) {
    (void)fprintf(stderr, "%s: not measured\n", label);
  }
  return n == (ssize_t)sizeof *result;
}
