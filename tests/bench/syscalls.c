#define _GNU_SOURCE /* mkostemp */
#include "syscalls.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "affinity.h"
#include "load_child.h"
#include "process.h"

#define ATTACH_NS 300000000 /* nothing says when it is done */
#define UNKNOWN   (-1.0)

const char *syscalls_obstacle(void) {
  return program_is_there("strace") || program_is_there("perf")
             ? NULL
             : "neither strace nor perf is installed";
}

static pid_t start_tracer(uint64_t pid, const char *report) {
  const struct timespec pause = {0, ATTACH_NS};
  char id[24];
  int use_strace = program_is_there("strace");
  (void)snprintf(id, sizeof id, "%llu", (unsigned long long)pid);
  pid_t tracer = fork();
  if (tracer < 0) {
    die("fork");
  }
  if (tracer == 0) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(nothing, STDERR_FILENO);
    (void)signal(SIGINT, SIG_DFL);
    if (use_strace) {
      (void)execlp("strace", "strace", "-f", "-c", "-o", report, "-p", id, (char *)NULL);
    } else {
      (void)execlp("perf", "perf", "stat", "-x", " ", "-e", "raw_syscalls:sys_enter", "-o", report,
                   "-p", id, (char *)NULL);
    }
    _exit(127);
  }
  (void)nanosleep(&pause, NULL);
  return tracer;
}

/* strace: "% time  seconds  usecs/call  calls  [errors]  name", one line a call and a total; perf: the number first. */
static double count_in(const char *path) {
  char line[512];
  double total = 0;
  double calls = 0;
  FILE *f = fopen(path, "r");
  while (f != NULL && fgets(line, sizeof line, f) != NULL) {
    if (strstr(line, "sys_enter") != NULL && sscanf(line, "%lf", &calls) == 1) {
      total = calls;
    } else if (strstr(line, " total") == NULL && sscanf(line, "%*f %*f %*f %lf", &calls) == 1) {
      total += calls;
    }
  }
  if (f != NULL) {
    (void)fclose(f);
  }
  return total;
}

static double count(load_options_t *options, const char *label, uint64_t *n) {
  char report[] = "/tmp/wsuv-bench-XXXXXX";
  load_result_t result = {0};
  int fd = mkostemp(report, O_CLOEXEC);
  if (fd < 0) {
    die("cannot make a temporary file");
  }
  (void)close(fd);
  pid_t tracer = start_tracer(options->pid, report);
  int is_measured = load_in_child(options, AFFINITY_NONE, label, &result);
  (void)kill(tracer, SIGINT);
  (void)waitpid(tracer, NULL, 0);
  double calls = count_in(report);
  (void)unlink(report);
  *n = result.n;
  return is_measured && calls > 0 ? calls : UNKNOWN;
}

double syscalls_each(const load_options_t *options, uint64_t nmessages, const char *label) {
  load_options_t less = *options;
  uint64_t nless = 0;
  uint64_t nmore = 0;
  less.seconds = 0;
  less.nmessages = less.warm_up = nmessages;
  load_options_t more = less;
  more.nmessages = 2 * nmessages;
  double few = count(&less, label, &nless);
  double many = few < 0 ? UNKNOWN : count(&more, label, &nmore);
  return many < 0 || nmore <= nless ? UNKNOWN : (many - few) / (double)(nmore - nless);
}
