#include "io/resolve.h"

#include <stdio.h>
#include <string.h>

static void resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found) {
  struct wsuv__resolve *resolve = req->data;

  resolve->found = found;
  resolve->next = found;
  resolve->on_resolved(resolve->owner, status);
}

static int ask(struct wsuv__resolve *resolve, uv_loop_t *uv, uv_getaddrinfo_cb cb, const char *host,
               uint16_t port, int flags) {
  struct addrinfo hints;
  char service[8];

  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  (void)snprintf(service, sizeof service, "%u", (unsigned)port);
  resolve->found = NULL;
  resolve->next = NULL;
  resolve->req.data = resolve;
  return uv_getaddrinfo(uv, &resolve->req, cb, host, service, &hints);
}

int wsuv__resolve_start(struct wsuv__resolve *resolve, uv_loop_t *uv, const char *host,
                        uint16_t port, void (*on_resolved)(void *owner, int status), void *owner) {
  resolve->on_resolved = on_resolved;
  resolve->owner = owner;
  return ask(resolve, uv, resolved, host, port, 0);
}

void wsuv__resolve_cancel(struct wsuv__resolve *resolve) {
  (void)uv_cancel(
      (uv_req_t *)&resolve->req); /* too late to cancel: it is called back all the same */
}

int wsuv__resolve_now(struct wsuv__resolve *resolve, uv_loop_t *uv, const char *host,
                      uint16_t port) {
  int err = ask(resolve, uv, NULL, host, port, AI_PASSIVE);

  resolve->found = err == 0 ? resolve->req.addrinfo : NULL;
  resolve->next = resolve->found;
  return err;
}

const struct sockaddr *wsuv__resolve_next(struct wsuv__resolve *resolve) {
  const struct addrinfo *at = resolve->next;

  while (at != NULL && at->ai_family != AF_INET && at->ai_family != AF_INET6)
    at = at->ai_next;
  if (at == NULL)
    return NULL;
  resolve->next = at->ai_next;
  return at->ai_addr;
}

void wsuv__resolve_free(struct wsuv__resolve *resolve) {
  if (resolve->found != NULL)
    uv_freeaddrinfo(resolve->found);
  resolve->found = NULL;
  resolve->next = NULL;
}
