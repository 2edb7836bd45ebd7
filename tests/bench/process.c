#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What a blocking socket says when its time is over does not say so. */
static int clear_error(int error) {
  return error == EAGAIN || error == EINPROGRESS ? ETIMEDOUT : error;
}

_Noreturn void die(const char *what) {
  int error = clear_error(errno);
  (void)fprintf(stderr, "bench: %s%s%s\n", what, error != 0 ? ": " : "",
                error != 0 ? strerror(error) : "");
  exit(EXIT_FAILURE);
}

_Noreturn void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fprintf(stderr, "bench: ");
  (void)vfprintf(stderr, format, args);
  (void)fprintf(stderr, "\n");
  va_end(args);
  exit(EXIT_FAILURE);
}

void must(int condition, const char *what) {
  if (!condition) {
    fail("%s", what);
  }
}

void *allocate(size_t size) {
  void *p = calloc(1, size);
  if (p == NULL) {
    die("no memory");
  }
  return p;
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void) {
  return read_clock(CLOCK_MONOTONIC);
}

uint64_t own_cpu_ns(void) {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
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

/* The CPU time of one thread. */
static uint64_t thread_cpu_ns(long pid, const char *thread) {
  char path[96];
  unsigned long long numbers[2];
  (void)snprintf(path, sizeof path, "/proc/%ld/task/%.20s/schedstat", pid, thread);
  return read_numbers(path, numbers) ? numbers[0] : 0;
}

static uint64_t own_memory(long pid, const char *thread) {
  char path[64];
  unsigned long long numbers[2];
  (void)thread;
  (void)snprintf(path, sizeof path, "/proc/%ld/statm", pid);
  return read_numbers(path, numbers) ? numbers[1] * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t sum_of(long pid, uint64_t (*figure)(long pid, const char *thread), int per_thread);

/* Of the processes that a thread has started. */
static uint64_t sum_of_children(long pid, const char *thread,
                                uint64_t (*figure)(long pid, const char *thread), int per_thread) {
  char path[96];
  long child = 0;
  uint64_t sum = 0;
  (void)snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", pid, thread);
  FILE *f = fopen(path, "r");
  while (f != NULL && fscanf(f, "%ld", &child) == 1) {
    sum += sum_of(child, figure, per_thread);
  }
  if (f != NULL) {
    (void)fclose(f);
  }
  return sum;
}

static uint64_t sum_of(long pid, uint64_t (*figure)(long pid, const char *thread), int per_thread) {
  char path[64];
  uint64_t sum = 0;
  const struct dirent *task;
  (void)snprintf(path, sizeof path, "/proc/%ld/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) {
    return 0;
  }
  while ((task = readdir(tasks)) != NULL) {
    if (task->d_name[0] != '.') {
      sum += per_thread ? figure(pid, task->d_name) : 0;
      sum += sum_of_children(pid, task->d_name, figure, per_thread);
    }
  }
  (void)closedir(tasks);
  return sum + (per_thread ? 0 : figure(pid, NULL));
}

static void must_exist(long pid) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%ld/schedstat", pid);
  if (access(path, R_OK) != 0) {
    die("cannot read the server's /proc");
  }
}

uint64_t process_cpu_ns(long pid) {
  if (pid == 0) {
    return 0;
  }
  must_exist(pid);
  return sum_of(pid, thread_cpu_ns, 1);
}

uint64_t process_memory(long pid) {
  if (pid == 0) {
    return 0;
  }
  must_exist(pid);
  return sum_of(pid, own_memory, 0);
}

int program_is_there(const char *name) {
  char path[4096];
  const char *at = getenv("PATH");
  while (at != NULL && *at != '\0') {
    size_t len = strcspn(at, ":");
    (void)snprintf(path, sizeof path, "%.*s/%s", (int)len, at, name);
    if (access(path, X_OK) == 0) {
      return 1;
    }
    at += len + (at[len] == ':');
  }
  return 0;
}

uint64_t raise_file_limit(void) {
  struct rlimit limit = {0, 0};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  return (uint64_t)limit.rlim_cur;
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
