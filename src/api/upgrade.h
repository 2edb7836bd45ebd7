/* A server's requests (RFC 6455 4.2): what arrives before there are frames, one request at a time. */
#ifndef WSUV_API_UPGRADE_H
#define WSUV_API_UPGRADE_H

#include "api/conn.h"
#include "http/handshake.h"
#include "http/head_parser.h"
#include "wsuv/upgrade.h"

enum wsuv__upgrade_state {
  UPGRADE_READING_REQUEST,
  UPGRADE_JUDGING, /* hooks of extensions may be running: nothing is freed under them */
  UPGRADE_JUDGED,  /* the application brought a good request; it is asked in the next pump */
  UPGRADE_AWAITING_DECISION, /* on_upgrade or on_request was called; the application has the pointer */
  UPGRADE_ACCEPTED,          /* the 101 is queued; the connection opens in the next pump */
  UPGRADE_RESPONDED,         /* an answer is queued; once it left, the next request may come */
  UPGRADE_ORPHANED           /* the peer is gone, the application still has the pointer */
};

enum wsuv__request_kind { REQUEST_UPGRADE, REQUEST_PLAIN };

/* One request. Lives from its first octet to the answer; where nothing came of the first one yet, and on a kept connection that
 * waits for a further one, the phase is OPENING_HANDSHAKE and conn->awake->upgrade is NULL. */
struct wsuv_upgrade {
  wsuv_allocator_t allocator; /* a copy: an orphan may outlive the loop */
  wsuv_conn_t *conn;          /* NULL for an orphan */
  enum wsuv__upgrade_state state;
  enum wsuv__request_kind kind;
  struct wsuv__head_parser head;
  wsuv_handshake_t *handshake;
  /* Came behind the head before the answer; at first, what came with the stream or behind the request before. */
  struct wsuv__buf leftover;
  size_t leftover_at; /* so much of it is used */
};

/* WSUV_ENOMEM. Sets conn->awake->upgrade. */
int wsuv__upgrade_start(wsuv_conn_t *conn);

/* Bytes of a request. */
void wsuv__upgrade_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len);

static inline size_t wsuv__upgrade_leftover_len(const struct wsuv_upgrade *upgrade) {
  return upgrade->leftover.len - upgrade->leftover_at;
}

/* While a request waits for its turn or its answer, and the answer for the transport, the peer's end is listened for: only a
 * peer that sends ahead (which a WebSocket client must not, RFC 6455 4.1) has to wait. */
static inline int wsuv__upgrade_is_full(const struct wsuv_upgrade *upgrade) {
  return upgrade != NULL && wsuv__upgrade_leftover_len(upgrade) > 0;
}

/* The verdict on a whole request: 0 or the fault. */
int wsuv__upgrade_judge(struct wsuv_upgrade *upgrade);

/* Answers the fault `err`, and counts it. */
void wsuv__upgrade_refuse(wsuv_conn_t *conn, int err, const char *detail);

/* Answers 503 because the server stops, and counts it. */
void wsuv__upgrade_refuse_stopping(wsuv_conn_t *conn);

/* Answers 503, or 429 to one too many of its address, with Retry-After. The caller counts it. */
void wsuv__upgrade_refuse_busy(wsuv_conn_t *conn);

/* The final answer, and with it the end in an orderly way; at once where the answer could not be made (`err`). Frees `text`. */
void wsuv__upgrade_end_with(wsuv_conn_t *conn, struct wsuv__buf *text, int err);

/* The deadline has passed. */
void wsuv__upgrade_time_out(wsuv_conn_t *conn);

/* The server takes no further requests: ends a connection whose application was not asked and waits for nothing. */
void wsuv__upgrade_stop(wsuv_conn_t *conn);

/* What goes on outside of any caller: bytes that came with the stream, a request that was answered meanwhile, the opening
 * of an attached stream. */
void wsuv__conn_advance_opening(wsuv_conn_t *conn);

/* Non-zero: it can go on at once, behind what was written meanwhile. */
int wsuv__upgrade_owes_step(const wsuv_conn_t *conn);

/* The connection goes: frees the upgrade, or leaves it as an orphan to the application. */
void wsuv__upgrade_abandon(wsuv_conn_t *conn);
void wsuv__upgrade_free(struct wsuv_upgrade *upgrade);

#endif
