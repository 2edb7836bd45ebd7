/* The endpoint behind wsuv/endpoint.h, to be embedded by a connection. */
#ifndef WSUV_PROTO_ENDPOINT_H
#define WSUV_PROTO_ENDPOINT_H

#include "base/buf.h"
#include "proto/closing.h"
#include "proto/endpoint_limits.h"
#include "proto/endpoint_state.h"
#include "proto/heartbeat.h"
#include "proto/message.h"
#include "proto/outbox.h"
#include "proto/round_trip.h"
#include "wsuv/endpoint.h"

/* The peer's Close, kept from its arrival on. */
struct wsuv__peer_close {
  uint16_t code; /* 1005: it carried none */
  uint8_t reason_len;
  char reason[WSUV_CLOSE_REASON_MAX + 1];
};

struct wsuv__extensions;
struct wsuv__held;
struct wsuv__trace;
struct wsuv__traffic;

struct wsuv_endpoint {
  const struct wsuv__endpoint_config *config;
  const struct wsuv__frame_rules *rules; /* the config's, or with what extensions claim */
  struct wsuv__extensions *extensions;   /* NULL: none was negotiated */
  const wsuv_endpoint_handler_t *handler;
  void *data;
  struct wsuv__frame_parser parser;
  struct wsuv__message message;
  struct wsuv__outbox outbox;
  struct wsuv__heartbeat heartbeat;
  struct wsuv__round_trip round_trip;
  uint32_t nmissed; /* heartbeats in a row without a sign of life since the one before */
  uint64_t now_ms;
  uint64_t heard_ms; /* when bytes came last: they count as life */
  uint64_t pinged_ms;
  uint64_t ping_due_ms;
  uint64_t close_due_ms;
  struct wsuv__limits limits;
  struct wsuv__peer_close *peer_close;
  uint8_t *control;              /* payload of a control frame that a split tore apart */
  struct wsuv__held *hold;       /* received while paused; NULL: nothing */
  struct wsuv__traffic *traffic; /* NULL: nothing to count yet */
  struct wsuv__trace *trace;     /* NULL: frames are nobody's concern */
  int error;                     /* the first failure */
  uint16_t sent_code;            /* of our Close; 1005: without one; 0: none queued */
  uint16_t bad_code;             /* of the peer's Close, if that is what was wrong */
  uint8_t control_len;
  uint8_t delivery; /* enum wsuv__delivery */
  uint8_t activity; /* enum wsuv__activity */
  uint8_t closing;  /* enum wsuv__closing_state */
  uint8_t sending;  /* enum wsuv__sending: of a message in fragments */
  uint8_t sending_type;
  uint8_t sending_flags; /* wsuv_send_flags_t */
  uint8_t ping_waits;    /* the heartbeat's last Ping had not left when that was looked at last */
  uint8_t eof_waits;     /* the transport ended while something was held: it counts behind that */
  uint8_t kept_waiting;  /* not read from, for the owner's reasons; cleared by who looks at it */
  uint8_t was_blocked;   /* at the last heartbeat octets waited for the transport */
  struct wsuv__utf8 sending_utf8;
  size_t held_back; /* octets given to encoders since a frame came out of them last */
};

void wsuv__endpoint_init(struct wsuv_endpoint *endpoint, const struct wsuv__endpoint_config *config,
                         const wsuv_endpoint_handler_t *handler, void *data, uint64_t now_ms);

/* What was negotiated (proto/extensions.h), before anything is received or sent. NULL is allowed. */
void wsuv__endpoint_use_extensions(struct wsuv_endpoint *endpoint, struct wsuv__extensions *set);

/* Frees what the endpoint holds; requests of the user's that were queued are in outbox.done, cancelled. */
void wsuv__endpoint_release(struct wsuv_endpoint *endpoint);

/* Cancels what is queued: from here on requests are only in outbox.done. Nothing may be pinned any more. */
void wsuv__endpoint_end_sends(struct wsuv_endpoint *endpoint);

/* The connection opens now: the first Ping is due an interval from here, and silence counts from here. */
void wsuv__endpoint_restart_timers(struct wsuv_endpoint *endpoint);

/* wsuv_endpoint_receive; while paused the bytes are kept for resume, however many there are already. */
int wsuv__endpoint_receive_or_hold(struct wsuv_endpoint *endpoint, uint8_t *bytes, size_t len);

/* Non-zero if no frame or message is unfinished in either direction. */
int wsuv__endpoint_is_between_messages(const struct wsuv_endpoint *endpoint);

/* Output has been taken: whether the heartbeat's Ping was in it. */
void wsuv__endpoint_note_ping_left(struct wsuv_endpoint *endpoint);
static inline void wsuv__endpoint_note_output(struct wsuv_endpoint *endpoint) {
  if (endpoint->ping_waits && endpoint->outbox.nheartbeats == 0)
    wsuv__endpoint_note_ping_left(endpoint);
}

/* A Pong came: it may be the heartbeat's. */
void wsuv__endpoint_note_pong(struct wsuv_endpoint *endpoint, const uint8_t *payload, size_t len);

/* Only tells the time; tick also acts on it. */
static inline void wsuv__endpoint_set_now(struct wsuv_endpoint *endpoint, uint64_t now_ms) {
  endpoint->now_ms = now_ms;
}

/* Non-zero while received bytes are still parsed. */
static inline int wsuv__endpoint_is_parsing(const struct wsuv_endpoint *endpoint) {
  return endpoint->closing <= CLOSING_CLOSE_SENT;
}

#endif
