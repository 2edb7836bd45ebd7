/* What has to be kept of an endpoint between messages, while it is open and nothing waits or is awaited: the rest of it need
 * not be in memory. */
#ifndef WSUV_PROTO_ENDPOINT_FOLD_H
#define WSUV_PROTO_ENDPOINT_FOLD_H

#include "proto/endpoint.h"

struct wsuv__shared_sets;

struct wsuv__folded {
  struct wsuv__extensions *extensions; /* its own, or shared */
  struct wsuv__traffic *traffic;
  uint64_t heard_ms;
  uint64_t message_ms;
  uint32_t rtt_last_ms; /* UINT32_MAX: none is known */
  uint32_t rtt_min_ms;
  uint32_t rtt_smoothed;
  uint16_t ncontrol;       /* in the second in which control frames are being counted */
  uint16_t control_age_ms; /* how old that was when octets came last */
};

/* Non-zero while folding loses nothing. */
int wsuv__endpoint_may_fold(const struct wsuv_endpoint *endpoint);

/* Takes out what is kept. Nothing is left in the endpoint that would have to be released. */
void wsuv__endpoint_fold(struct wsuv_endpoint *endpoint, struct wsuv__folded *out);

/* The same endpoint again, in any memory, at a later time; the outbox has no writer. */
void wsuv__endpoint_unfold(struct wsuv_endpoint *endpoint, const struct wsuv__folded *folded,
                           const struct wsuv__endpoint_config *config,
                           const wsuv_endpoint_handler_t *handler, void *data, uint64_t now_ms);

/* The extensions of those that rest in one place; and its own again, which it needs to unfold: WSUV_ENOMEM. Both are user
 * code. */
void wsuv__folded_share(struct wsuv__folded *folded, struct wsuv__shared_sets *sets,
                        const wsuv_allocator_t *a);
int wsuv__folded_unshare(struct wsuv__folded *folded, const wsuv_allocator_t *a);

/* wsuv_endpoint_rtt. */
int wsuv__folded_rtt(const struct wsuv__folded *folded, wsuv_rtt_t *out);

/* Frees what is kept. Ends the sessions of extensions, which is user code. */
void wsuv__folded_release(struct wsuv__folded *folded, const wsuv_allocator_t *a);

#endif
