/* A certificate of our own for the servers that are measured. */
#ifndef WSUV_BENCH_CERTIFICATE_H
#define WSUV_BENCH_CERTIFICATE_H

#include <sys/types.h>

typedef struct certificate {
  pid_t owner; /* whose end removes it */
  char directory[64];
  char cert[96]; /* PEM files within */
  char key[96];
} certificate_t;

/* Makes one of P-256 for localhost. Returns 0 where this was built without TLS. */
int certificate_make(certificate_t *certificate);
void certificate_remove(const certificate_t *certificate);

#endif
