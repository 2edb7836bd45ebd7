/* Whose servers are compared, and how each is started. */
#ifndef WSUV_BENCH_ROSTER_H
#define WSUV_BENCH_ROSTER_H

#include <stddef.h>

#include "certificate.h"
#include "rows.h"
#include "server.h"

#define ROSTER_MAX      32
#define ROSTER_NAME_MAX 32
#define ROSTER_BASELINE "raw" /* echoes octets, and knows no WebSocket */
#define ROSTER_OURS     "wsuv"

typedef struct contestant {
  char name[ROSTER_NAME_MAX];
  const char *commands[NVARIANTS]; /* NULL: cannot do that */
  server_t servers[NVARIANTS];
  int is_raw;
} contestant_t;

typedef struct roster {
  contestant_t list[ROSTER_MAX];
  size_t n;
} roster_t;

/* Adds the programs bench_peer_NAME beside this one or installed with it, the baseline and ours first. Only those that the
 * patterns fit; NULL is all. */
void roster_find_programs(roster_t *roster, const char *patterns);

/* A shell command of a program in one of these places, or NULL; the caller frees it. */
char *roster_command(const char *program, const char *arguments);

/* Adds NAME=COMMAND, NAME:tls=COMMAND and so on. Returns NULL, or what is wrong. */
const char *roster_add(roster_t *roster, const char *text);

/* The index of that name, or the roster's n. */
size_t roster_index(const roster_t *roster, const char *name);

/* Whether the contestant's server for the variant runs; starts it if it does not, and says on stderr why it cannot: once. */
int roster_start(contestant_t *contestant, variant_t variant, const certificate_t *certificate,
                 int processor);

void roster_stop_all(roster_t *roster);

#endif
