/* TLS of the testees: the command line's part, and the context that it makes. */
#ifndef WSUV_TESTS_INTEROP_TESTEE_TLS_H
#define WSUV_TESTS_INTEROP_TESTEE_TLS_H

#include "wsuv.h"

typedef struct testee_tls_flags {
  const char *cert;
  const char *key;
  const char *ca; /* client: of servers; server: of clients, who must show a certificate then */
  const char *ocsp;
  const char *min_version;
  int insecure;
} testee_tls_flags_t;

/* NULL if nothing on the command line asks for a context: a server is one without TLS then, and a client takes the
 * library's defaults for wss://. Exits after one sentence: 2 if the flags do not fit together, 1 for a bad file, 77 in a
 * build without TLS. */
wsuv_tls_context_t *testee_tls_make(const char *program, wsuv_role_t role,
                                    const testee_tls_flags_t *flags);

#endif
