/* Echoes on many connections at once. Each sends the frames of a batch over and over, as many as it is allowed to, and gets
 * their echoes, all of which are compared. */
#ifndef WSUV_BENCH_FLOWS_H
#define WSUV_BENCH_FLOWS_H

#include <stdint.h>

#include "batch.h"

typedef struct flow {
  client_t client;
  int awaits_room;
  uint64_t nallowed; /* messages, all ever */
  uint64_t nechoed;  /* of them; kept by what is called for echoes */
  size_t sent_at;    /* in the batch, where the next octets are sent from */
  size_t unsent;     /* octets that it may send */
  size_t echo_at;    /* in the batch's echo, where the next octets are expected */
  size_t unechoed;   /* octets still to come */
  uint64_t started;
} flow_t;

typedef struct flows {
  int epoll;
  flow_t *list;
  size_t n;
  batch_t batch;
  messages_t messages;
} flows_t;

/* Builds the batch of `nframes` and opens the connections, idle ones before. */
void flows_open(flows_t *flows, const load_options_t *options, size_t nframes);

/* Lets a connection send so many messages more, and sends what the kernel takes. */
void flows_allow(flows_t *flows, flow_t *flow, size_t nmessages);

/* Waits for events, -1 is for ever, and handles them; `on_echo` is called after octets of echoes came. Returns their number. */
int flows_turn(flows_t *flows, int timeout_ms, void (*on_echo)(flow_t *flow));

#endif
