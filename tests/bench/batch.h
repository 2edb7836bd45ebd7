/* Frames built beforehand, to be written in one go, and what must come back for them. */
#ifndef WSUV_BENCH_BATCH_H
#define WSUV_BENCH_BATCH_H

#include <stddef.h>

#include "client.h"
#include "load.h"

typedef struct batch {
  size_t n;            /* frames */
  unsigned char *sent; /* what is written */
  size_t sent_len;
  size_t *sent_ends;   /* of each frame */
  unsigned char *echo; /* what must come back */
  size_t echo_len;
  size_t *echo_ends;
  const messages_t *messages;
  unsigned char *read_buffer; /* BATCH_READ_SIZE octets */
} batch_t;

#define BATCH_READ_SIZE ((size_t)1 << 20)

/* What the options have messages of. */
void batch_messages(messages_t *messages, const load_options_t *options, size_t n);

/* `n` frames of these messages, from the first on again where there are fewer. The echo of what is compressed is known after
 * batch_learn. */
void batch_build(batch_t *batch, const load_options_t *options, const messages_t *messages,
                 size_t n);

/* Has each message echoed once on a connection of its own, decompresses and compares: a server without context takeover makes
 * the same octets of the same message each time, which are compared from then on. */
void batch_learn(batch_t *batch, const load_options_t *options);

/* Sends that frame on a blocking connection, waits for its echo and compares. Returns its length, in read_buffer. */
size_t batch_exchange(const batch_t *batch, const client_t *client, size_t index);

/* Octets of the first `count` frames, or of their echoes, of a batch that is repeated. */
size_t batch_octets(const size_t *ends, size_t n, size_t count);

#endif
