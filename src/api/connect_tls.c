/* wss:// for a client: which context, and which name the certificate must have. */
#include <string.h>

#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "io/tls_context.h"

#define MAX_NAME_LEN 255u

static int keep_name(struct wsuv__connect *connect, const wsuv_allocator_t *a, const char *name) {
  if (name[0] == '\0' || strlen(name) > MAX_NAME_LEN)
    return WSUV_EINVAL;
  connect->tls_name = wsuv__alloc_text(a, name);
  return connect->tls_name != NULL ? 0 : WSUV_ENOMEM;
}

/* The context is needed once the transport is there, and then as it is at that time. */
int wsuv__connect_prepare_tls(wsuv_conn_t *conn, const wsuv_connect_options_t *o) {
  struct wsuv__connect *connect = conn->awake->connect;
  wsuv_tls_context_t *tls = o->tls;
  int err = 0;

  if (!wsuv__handshake_url(connect->handshake)->secure)
    return 0;
  if (tls == NULL)
    err = wsuv__loop_tls(conn->loop, &tls);
  if (err != 0)
    return err;
  if (wsuv__tls_context_role(tls) != WSUV_CLIENT)
    return WSUV_EINVAL;
  wsuv__tls_context_ref(tls);
  connect->tls = tls;
  return o->tls_name != NULL ? keep_name(connect, &conn->loop->allocator, o->tls_name) : 0;
}

int wsuv__connect_new_tls(wsuv_conn_t *conn) {
  const struct wsuv__connect *connect = conn->awake->connect;
  const struct wsuv__url *url = wsuv__handshake_url(connect->handshake);
  const char *name = connect->tls_name != NULL ? connect->tls_name : url->host;

  return wsuv__conn_tls_new(conn, connect->tls, name, url->port);
}
