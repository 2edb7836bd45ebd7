/* Server and load on processors of their own, where there are two. */
#ifndef WSUV_BENCH_AFFINITY_H
#define WSUV_BENCH_AFFINITY_H

#define AFFINITY_NONE (-1)

typedef struct affinity {
  int server;
  int load;
} affinity_t;

/* The first two processors that this process may use; AFFINITY_NONE twice, and a word on stderr, where it cannot choose. */
void affinity_choose(affinity_t *affinity);

/* The calling process and what it starts. */
void affinity_bind(int processor);

#endif
