/* TLS of wsuv-cat: the context of its options, and what --verbose says of the connection's. */
#ifndef SAMPLES_CAT_TLS_H
#define SAMPLES_CAT_TLS_H

#include "cat/options.h"

/* Whether the library was built with it. */
int tls_is_available(void);

/* Makes connect.tls, for a wss URL whose options or environment want another than the library's own. 0 or an error; `why` is
 * wsuv_tls_context_new's. */
int tls_prepare(cat_options_t *options, char *why, size_t why_size);

/* One line; "" for a connection without TLS. */
void tls_describe(const wsuv_conn_t *conn, char *out, size_t size);

#endif
