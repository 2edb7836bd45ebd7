/* The small states of an endpoint beside its closing handshake. */
#ifndef WSUV_PROTO_ENDPOINT_STATE_H
#define WSUV_PROTO_ENDPOINT_STATE_H

enum wsuv__delivery {
  DELIVERY_FLOWING,
  DELIVERY_PAUSED,
  DELIVERY_KEPT /* for good, and not looked at: what comes may be no frames */
};

enum wsuv__sending {
  SENDING_NONE,
  SENDING_FIRST, /* begun, no frame queued yet */
  SENDING_MORE
};

enum wsuv__activity {
  ENDPOINT_IDLE,
  ENDPOINT_PARSING /* callbacks may be running */
};

#endif
