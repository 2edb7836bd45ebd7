/* The opening handshake of a connection in either role (RFC 6455 4): what arrives before there are frames. */
#ifndef WSUV_API_OPENING_H
#define WSUV_API_OPENING_H

#include "api/conn.h"
#include "http/handshake.h"
#include "http/head_parser.h"
#include "wsuv/client.h"

enum wsuv__upgrade_state {
  UPGRADE_READING_REQUEST,
  UPGRADE_JUDGING, /* hooks of extensions may be running: nothing is freed under them */
  UPGRADE_JUDGED,  /* the application brought a good request; it is asked in the next pump */
  UPGRADE_AWAITING_DECISION, /* on_upgrade or on_request was called; the application has the pointer */
  UPGRADE_ACCEPTED,          /* the 101 is queued; the connection opens in the next pump */
  UPGRADE_ORPHANED           /* the peer is gone, the application still has the pointer */
};

enum wsuv__request_kind { REQUEST_UPGRADE, REQUEST_PLAIN };

/* A server's side of it. Lives from the accept to the answer. */
struct wsuv_upgrade {
  wsuv_allocator_t allocator; /* a copy: an orphan may outlive the loop */
  wsuv_conn_t *conn;          /* NULL for an orphan */
  enum wsuv__upgrade_state state;
  enum wsuv__request_kind kind;
  struct wsuv__head_parser head;
  wsuv_handshake_t *handshake;
  struct wsuv__buf
      leftover; /* came behind the head before the decision; at first, what came with the stream */
};

/* A client's side of it. */
struct wsuv__connect {
  wsuv_handshake_t *handshake;
  struct wsuv__head_parser head;
  struct wsuv__resolve *resolve; /* NULL with a path */
  char *path;
  struct wsuv_tls_context *tls; /* NULL without TLS */
  char *tls_name;               /* NULL: the URL's host */
  int last_error;               /* of the address tried last */
};

/* WSUV_ENOMEM. Sets conn->upgrade. */
int wsuv__upgrade_start(wsuv_conn_t *conn);

/* Bytes of a request. */
void wsuv__upgrade_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len);

/* While the application decides, the peer's end is listened for: only a peer that sends ahead (which a client must not, RFC
 * 6455 4.1) has to wait. */
static inline int wsuv__upgrade_is_full(const struct wsuv_upgrade *upgrade) {
  return upgrade != NULL && upgrade->state == UPGRADE_AWAITING_DECISION &&
         upgrade->leftover.len > 0;
}

/* The application has not been told of it yet. */
static inline int wsuv__upgrade_is_unasked(const struct wsuv_upgrade *upgrade) {
  return upgrade != NULL &&
         (upgrade->state == UPGRADE_READING_REQUEST || upgrade->state == UPGRADE_JUDGED);
}

/* The verdict on a whole request: 0 or the fault. */
int wsuv__upgrade_judge(struct wsuv_upgrade *upgrade);

/* Answers 503, or 429 to one too many of its address, with Retry-After, whatever was or will be asked. */
void wsuv__upgrade_refuse_busy(wsuv_conn_t *conn);

/* Answers 408 to a request that came in part. */
void wsuv__upgrade_refuse_slow(wsuv_conn_t *conn);

static inline int wsuv__upgrade_is_amid_request(const struct wsuv_upgrade *upgrade) {
  return upgrade != NULL && upgrade->state == UPGRADE_READING_REQUEST && upgrade->head.total > 0;
}

/* Copies the negotiated subprotocol to the connection. WSUV_ENOMEM. */
int wsuv__conn_keep_subprotocol(wsuv_conn_t *conn, const wsuv_handshake_t *handshake);

/* What the handshake negotiated, as the endpoint will use it; the sessions change hands in use, and not in discard.
 * WSUV_ECLAIM (with a claim of the application's), WSUV_ENOMEM. */
int wsuv__conn_prepare_extensions(const wsuv_conn_t *conn, const wsuv_handshake_t *handshake,
                                  struct wsuv__extensions **out);
void wsuv__conn_use_extensions(wsuv_conn_t *conn, wsuv_handshake_t *handshake,
                               struct wsuv__extensions *set);
void wsuv__conn_discard_extensions(const wsuv_conn_t *conn, struct wsuv__extensions *set);

/* What goes on outside of any caller: bytes that came with the stream, a request that was accepted meanwhile, the opening
 * of an attached stream. */
void wsuv__conn_advance_opening(wsuv_conn_t *conn);

/* The connection goes: frees the upgrade, or leaves it as an orphan to the application. */
void wsuv__upgrade_abandon(wsuv_conn_t *conn);
void wsuv__upgrade_free(struct wsuv_upgrade *upgrade);

/* The transport's events while a client connects. */
void wsuv__connect_connected(wsuv_conn_t *conn, int status);
void wsuv__connect_send_request(wsuv_conn_t *conn);
void wsuv__connect_closed(wsuv_conn_t *conn);
void wsuv__connect_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len);
void wsuv__connect_eof(wsuv_conn_t *conn, int err);

/* For wss://: keeps the context and the name, and later makes conn->tls of them. WSUV_EINVAL, WSUV_ENOMEM, and what
 * wsuv_tls_context_new returns. */
int wsuv__connect_prepare_tls(wsuv_conn_t *conn, const wsuv_connect_options_t *options);
int wsuv__connect_new_tls(wsuv_conn_t *conn);

/* The connection goes: stops what is under way. */
void wsuv__connect_cancel(wsuv_conn_t *conn);
void wsuv__connect_free(wsuv_conn_t *conn);

#endif
