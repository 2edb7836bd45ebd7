#define _GNU_SOURCE
#include "affinity.h"

#include <sched.h>
#include <stdio.h>

static int find_two(int found[2]) {
  cpu_set_t allowed;
  int n = 0;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return 0;
  }
  for (size_t i = 0; i < CPU_SETSIZE && n < 2; i++) {
    if (CPU_ISSET(i, &allowed)) {
      found[n++] = (int)i;
    }
  }
  return n == 2;
}

void affinity_choose(affinity_t *affinity) {
  int found[2];
  if (find_two(found)) {
    affinity->server = found[0];
    affinity->load = found[1];
    return;
  }
  affinity->server = affinity->load = AFFINITY_NONE;
  (void)fprintf(stderr, "there are no two processors to choose: server and load share one, and the "
                        "figures are worse for it\n");
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
