#define _GNU_SOURCE
#include "affinity.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* Returns how many there are of two; a negative error where this process may not choose. */
static int find_two(int found[2]) {
  cpu_set_t allowed;
  int n = 0;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
      sched_setaffinity(0, sizeof allowed, &allowed) != 0) {
    return -errno;
  }
  for (size_t i = 0; i < CPU_SETSIZE && n < 2; i++) {
    if (CPU_ISSET(i, &allowed)) {
      found[n++] = (int)i;
    }
  }
  return n;
}

void affinity_choose(affinity_t *affinity) {
  int found[2];
  int n = find_two(found);
  if (n == 2) {
    affinity->server = found[0];
    affinity->load = found[1];
    return;
  }
  affinity->server = affinity->load = AFFINITY_NONE;
  if (n < 0) {
    (void)fprintf(stderr,
                  "server and load have no processors of their own (%s): the figures vary "
                  "more for it\n",
                  strerror(-n));
  } else {
    (void)fprintf(stderr, "there are no two processors to choose: server and load share one, and "
                          "the figures are worse for it\n");
  }
}

void affinity_bind(int processor) {
  cpu_set_t only;
  if (processor == AFFINITY_NONE) {
    return;
  }
  CPU_ZERO(&only);
  CPU_SET((size_t)processor, &only);
  if (sched_setaffinity(0, sizeof only, &only) != 0) {
    perror("cannot bind to a processor");
  }
}
