/* wsuv_tls_context_t: the setup that new handshakes use. */
#ifndef WSUV_IO_TLS_CONTEXT_H
#define WSUV_IO_TLS_CONTEXT_H

#include "wsuv/tls.h"

struct wsuv__tls_setup;

wsuv_role_t wsuv__tls_context_role(const wsuv_tls_context_t *context);

/* One reference more; wsuv_tls_context_release gives it back. Any thread. */
void wsuv__tls_context_ref(wsuv_tls_context_t *context);

/* The setup of now, with a reference that is the caller's. Any thread. */
struct wsuv__tls_setup *wsuv__tls_context_setup(wsuv_tls_context_t *context);

#endif
