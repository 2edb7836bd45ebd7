/* The library's side of bench_deflate_cost: endpoints without sockets, the server's end of each connection, which echo. */
#ifndef WSUV_BENCH_COST_SERVER_H
#define WSUV_BENCH_COST_SERVER_H

#include <wsuv/deflate.h>
#include <wsuv/endpoint.h>

#include "cost_input.h"

typedef struct cost_slot {
  wsuv_endpoint_t *endpoint;
  wsuv_negotiated_t negotiated;
} cost_slot_t;

typedef struct cost_server {
  const cost_mode_t *mode;
  const cost_row_t *frames;
  size_t nmessages;
  uint8_t *received;       /* the frames, which are unmasked where they lie */
  wsuv_deflate_t *deflate; /* NULL: nothing is compressed */
  cost_slot_t *slots;
  size_t nslots;
} cost_server_t;

/* `received` has room for the frames; servers can share it, since each one restores it before it is used. */
void cost_server_open(cost_server_t *server, const cost_mode_t *mode, const cost_texts_t *texts,
                      const cost_input_t *input, uint8_t *received);

/* Makes all frames be as they come from a client. */
void cost_server_restore(const cost_server_t *server);

/* Receives that frame and takes the echo out, as what writes it to a transport does; into `out` if that is not NULL. Returns
 * the length. */
size_t cost_server_echo(const cost_server_t *server, size_t i, uint8_t *out);

/* All of them: what is measured, and what a profile can be told to begin with. */
void cost_server_echo_all(const cost_server_t *server);

typedef struct cost_memory {
  double per_conn; /* octets of all behind the first */
  size_t shared;   /* of contexts: what the first took beyond that */
} cost_memory_t;

/* What compression adds to a connection that had a message. */
cost_memory_t cost_server_memory(const cost_server_t *server);

#endif
