/* Extensions of a connection: from the handshake that negotiated them to the endpoint that uses them. */
#include "api/conn_rest.h"
#include "api/opening.h"
#include "proto/extensions.h"

int wsuv__conn_prepare_extensions(const wsuv_conn_t *conn, const wsuv_handshake_t *handshake,
                                  struct wsuv__extensions **out) {
  wsuv_negotiated_t negotiated[WSUV_EXTENSION_ELEMENTS_MAX];
  size_t n = wsuv_handshake_nextensions(handshake);
  size_t i;

  for (i = 0; i < n && i < WSUV_EXTENSION_ELEMENTS_MAX; i++)
    negotiated[i] = wsuv_handshake_extension_at(handshake, i);
  return wsuv__extensions_new(out, &conn->loop->allocator, &conn->config->endpoint.rules,
                              negotiated, n);
}

void wsuv__conn_use_extensions(wsuv_conn_t *conn, wsuv_handshake_t *handshake,
                               struct wsuv__extensions *set) {
  wsuv__endpoint_use_extensions(&conn->awake->endpoint, set);
  wsuv_handshake_release_extensions(handshake);
}

void wsuv__conn_discard_extensions(const wsuv_conn_t *conn, struct wsuv__extensions *set) {
  wsuv__release(&conn->loop->allocator, set);
}

size_t wsuv_conn_nextensions(const wsuv_conn_t *conn) {
  const struct wsuv__extensions *set = wsuv__conn_extensions(conn);

  return set != NULL ? set->nstages : 0;
}

/* Who rests stays at rest, but has its sessions from now on. */
static struct wsuv__extensions *lend(wsuv_conn_t *conn) {
  struct wsuv__extensions *set;

  if (conn->awake == NULL && wsuv__folded_unshare(&conn->folded, &conn->loop->allocator) != 0)
    return NULL;
  set = conn->awake != NULL ? conn->awake->endpoint.extensions : conn->folded.extensions;
  set->is_lent = 1;
  return set;
}

wsuv_negotiated_t wsuv_conn_extension_at(const wsuv_conn_t *conn, size_t index) {
  const struct wsuv__extensions *set = lend((wsuv_conn_t *)(uintptr_t)conn);
  wsuv_negotiated_t negotiated = {wsuv__conn_extensions(conn)->stages[index].extension, NULL};

  if (set != NULL)
    negotiated.session = set->stages[index].session;
  return negotiated;
}

size_t wsuv_upgrade_nextensions(const wsuv_upgrade_t *upgrade) {
  return wsuv_handshake_nextensions(upgrade->handshake);
}

wsuv_negotiated_t wsuv_upgrade_extension_at(const wsuv_upgrade_t *upgrade, size_t index) {
  return wsuv_handshake_extension_at(upgrade->handshake, index);
}

int wsuv_upgrade_decline_extension(wsuv_upgrade_t *upgrade, const char *token) {
  if (upgrade->state != UPGRADE_AWAITING_DECISION)
    return WSUV_ESTATE;
  return wsuv_handshake_decline_extension(upgrade->handshake, token);
}
