#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what) {
  (void)fprintf(stderr, "bench: %s%s%s\n", what, errno != 0 ? ": " : "",
                errno != 0 ? strerror(errno) : "");
  exit(EXIT_FAILURE);
}

void *allocate(size_t size) {
  void *p = calloc(1, size);
  if (p == NULL) {
    die("no memory");
  }
  return p;
}

uint64_t clock_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* The first two numbers of a file. */
static int read_numbers(const char *path, unsigned long long numbers[2]) {
  FILE *f = fopen(path, "r");
  int n = f != NULL ? fscanf(f, "%llu %llu", &numbers[0], &numbers[1]) : 0;
  if (f != NULL) {
    (void)fclose(f);
  }
  return n == 2;
}

uint64_t process_cpu_ns(long pid) {
  char path[300];
  unsigned long long numbers[2];
  uint64_t sum = 0;
  const struct dirent *task;
  if (pid == 0) {
    return 0;
  }
  (void)snprintf(path, sizeof path, "/proc/%ld/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) {
    die("cannot read the server's /proc");
  }
  while ((task = readdir(tasks)) != NULL) {
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%.20s/schedstat", pid, task->d_name);
    if (task->d_name[0] != '.' && read_numbers(path, numbers)) {
      sum += numbers[0];
    }
  }
  (void)closedir(tasks);
  return sum;
}

uint64_t process_memory(long pid) {
  char path[64];
  unsigned long long numbers[2];
  if (pid == 0) {
    return 0;
  }
  (void)snprintf(path, sizeof path, "/proc/%ld/statm", pid);
  if (!read_numbers(path, numbers)) {
    die("cannot read the server's /proc");
  }
  return numbers[1] * (uint64_t)sysconf(_SC_PAGESIZE);
}

void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

double percentile(uint32_t *samples, size_t n, unsigned int percent) {
  qsort(samples, n, sizeof samples[0], compare);
  return n == 0 ? 0 : samples[n * percent / 100];
}
