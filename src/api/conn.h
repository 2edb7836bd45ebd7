/* wsuv_conn_t: a transport, an endpoint, and where between them things stand. */
#ifndef WSUV_API_CONN_H
#define WSUV_API_CONN_H

#include "api/conn_state.h"
#include "api/loop.h"
#include "api/options.h"
#include "api/topic_table.h"
#include "io/uv_stream.h"
#include "proto/endpoint_fold.h"
#include "wsuv/adopt.h"

struct wsuv__awake; /* see api/conn_rest.h */

struct wsuv_conn {
  struct wsuv__awake *awake;    /* NULL: it rests, and `folded` is what is left of its endpoint */
  struct wsuv__tls_stream *tls; /* NULL: none */
  const struct wsuv__conn_config *config;
  const wsuv_handler_t *handler;
  wsuv_loop_t *loop;
  wsuv_server_t *server;             /* NULL for a client and an attached stream */
  struct wsuv__wheel_entry deadline; /* or a pump put off to the next turn, which sets it anew */
  uint8_t phase;                     /* wsuv_state_t */
  uint8_t transport;                 /* enum wsuv__transport */
  uint8_t is_plain;   /* opened, with nothing that keeps messages off the short ways for good */
  uint8_t reading;    /* the stream was told to read */
  uint8_t writing;    /* the stream has a write under way */
  uint8_t flow;       /* enum wsuv__flow */
  uint8_t water;      /* enum wsuv__water */
  uint8_t hold;       /* enum wsuv__hold */
  uint8_t depth;      /* events being handled: the pump runs when the outermost ends */
  uint8_t pending;    /* callbacks that must come before the memory may go: a close, a resolution */
  uint8_t handed_out; /* enum wsuv__handed_out */
  uint8_t opened;     /* on_open was called */
  uint8_t waits_for_budget; /* not read from until others hold less */
  uint8_t turned_away;  /* 0: it is served; else it is only told why not, a wsuv_rejection_t + 1 */
  uint8_t drained;      /* enum wsuv__drained */
  uint8_t in_handshake; /* counted in server->nhandshakes */
  int error;
  uint32_t id_number; /* in the loop's table; 0: it has no id */
  void *data;
  size_t footprint;                   /* what the loop's budget counts of it */
  struct wsuv__visitor *visitor;      /* its place in server->visitors; NULL: it is not counted */
  struct wsuv__list link;             /* in the server's or the loop's list */
  struct wsuv__subscriber subscriber; /* to topics of the server */
  char *subprotocol;
  uint64_t created_ms;
  struct wsuv__folded folded;
  uint32_t opening_ms;           /* from there until it was open */
  uint8_t is_counted;            /* its counts are among those of ended ones */
  struct wsuv__uv_stream stream; /* the last: its memory ends where the handle does */
};

/* Octets of a connection whose transport is never a pipe of its own. */
#define WSUV__CONN_TCP_SIZE (offsetof(struct wsuv_conn, stream) + WSUV__UV_STREAM_TCP_SIZE)

/* Sets up everything but the transport, in zeroed memory; phase is the first one. WSUV_ENOMEM. */
int wsuv__conn_init(wsuv_conn_t *conn, wsuv_loop_t *loop, const struct wsuv__conn_config *config,
                    const wsuv_handler_t *handler, wsuv_state_t phase);

/* What is read and written: its stream, or TLS on that. */
struct wsuv__stream *wsuv__conn_tls_top(const wsuv_conn_t *conn);
static inline struct wsuv__stream *wsuv__conn_top(const wsuv_conn_t *conn) {
  return conn->tls == NULL ? (struct wsuv__stream *)(uintptr_t)&conn->stream.base
                           : wsuv__conn_tls_top(conn);
}

void wsuv__conn_set_delay(wsuv_conn_t *conn); /* TCP_NODELAY, as the options have it */

/* Around every event: between them it is awake, output is corked and nothing is freed; leave pumps. 0 where
 * there is no memory to wake one that rested, which is released then. */
int wsuv__conn_enter(wsuv_conn_t *conn);
void wsuv__conn_leave(wsuv_conn_t *conn);

/* Has the pump run: at the end of the event being handled, else on the loop's next turn. */
void wsuv__conn_mark(wsuv_conn_t *conn);

/* Something was queued, or could not be. */
void wsuv__conn_note_output(wsuv_conn_t *conn);

/* What was published for it in this turn goes ahead of what is about to happen to it. */
void wsuv__conn_take_publications(wsuv_conn_t *conn);

/* The only writer of the phase. Who leaves OPEN subscribes to nothing any more. */
void wsuv__conn_set_phase(wsuv_conn_t *conn, wsuv_state_t phase);

/* CLOSING_HANDSHAKE as soon as the endpoint has sent or received a Close. */
void wsuv__conn_follow_closing(wsuv_conn_t *conn);

/* The deadline of a phase that the endpoint has none for: `timeout_ms` (WSUV__NEVER: none), or close_timeout_ms, from now. */
void wsuv__conn_start_timeout(wsuv_conn_t *conn, uint64_t timeout_ms);
void wsuv__conn_start_close_timeout(wsuv_conn_t *conn);

/* Ends the transport at once; `err` is why, unless something already was. on_close follows. Harmless when repeated. */
void wsuv__conn_release(wsuv_conn_t *conn, int err);

/* Before there are frames: what is queued goes out, then the transport is shut down and what comes is discarded, as for a
 * failed endpoint. */
void wsuv__conn_end_orderly(wsuv_conn_t *conn);

/* The same behind a final HTTP answer. */
void wsuv__conn_end_with_response(wsuv_conn_t *conn, const struct wsuv__buf *response);

/* Whether the connection's deadline keeps the uv_loop_t alive. */
void wsuv__conn_set_hold(wsuv_conn_t *conn, enum wsuv__hold hold);

/* The opening handshake succeeded: on_open, then the bytes that came behind it. */
void wsuv__conn_open(wsuv_conn_t *conn, uint8_t *leftover, size_t len);

/* One pending callback came; the last one of a released connection ends it: send callbacks, on_close, free. */
void wsuv__conn_settle_pending(wsuv_conn_t *conn);

/* The line for info->detail; a copy is kept as far as there is memory. */
void wsuv__conn_set_detail(wsuv_conn_t *conn, const char *detail);

/* The callbacks of the stream and of the endpoint. */
extern const struct wsuv__stream_events wsuv__conn_stream_events;
const wsuv_endpoint_handler_t *wsuv__conn_endpoint_handler(const wsuv_handler_t *handler);

#endif
