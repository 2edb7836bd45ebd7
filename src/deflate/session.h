/* permessage-deflate on one connection: the transforms of its messages. */
#ifndef WSUV_DEFLATE_SESSION_H
#define WSUV_DEFLATE_SESSION_H

#include "deflate/pool.h"
#include "wsuv/deflate.h"

/* How messages are treated. */
struct wsuv__deflate_policy {
  uint64_t threshold; /* 0: whatever comes of it */
  uint64_t max_ratio; /* UINT64_MAX: any */
  int probe;
};

/* The same for all sessions of a wsuv_deflate_t. */
struct wsuv__deflate_base {
  struct wsuv__deflate_policy policy;
  struct wsuv__pool pool;
};

/* One for each connection: what is here, ten thousand idle connections have ten thousand times. */
struct wsuv__deflate_session {
  struct wsuv__deflate_base *base;
  struct wsuv__codec
      *deflater; /* NULL between messages without context takeover, and before the first */
  struct wsuv__codec *inflater;
  wsuv_deflate_stats_t stats;
  uint8_t deflate_bits;
  uint8_t inflate_bits;
  uint8_t deflate_no_takeover;
  uint8_t inflate_no_takeover;
};

/* Gives the contexts back. */
void wsuv__deflate_session_end(struct wsuv__deflate_session *session);

/* A session that has no context and counted little: all that it has to keep is in `kept`. */
const void *wsuv__deflate_fold(const void *session, void *kept);

/* The counts of a session that was folded; NULL: none. */
void wsuv__deflate_restore(struct wsuv__deflate_session *session, const void *kept);

/* encode, decode and variant of wsuv_extension_t. */
int wsuv__deflate_encode(void *session, wsuv_extension_step_t *step);
int wsuv__deflate_decode(void *session, wsuv_extension_step_t *step);
const void *wsuv__deflate_variant(const void *session);

#endif
