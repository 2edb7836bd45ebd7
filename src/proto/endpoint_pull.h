/* The form without callbacks: the same engine, paused after each event. */
#ifndef WSUV_PROTO_ENDPOINT_PULL_H
#define WSUV_PROTO_ENDPOINT_PULL_H

#include "proto/endpoint.h"
#include "wsuv/event.h"

struct wsuv__pull {
  wsuv_endpoint_t *ep;
  wsuv_event_t event;
  int has_event;
  struct wsuv__buf copy; /* of a payload that is not among what is held */
};

/* The handler that collects; its data is a wsuv__pull. */
const wsuv_endpoint_handler_t *wsuv__endpoint_pull_handler(int fragments);

/* A new endpoint that was given this handler. */
void wsuv__endpoint_begin_pull(struct wsuv_endpoint *ep, struct wsuv__pull *pull);

int wsuv__endpoint_is_pull(const struct wsuv_endpoint *ep);

#endif
