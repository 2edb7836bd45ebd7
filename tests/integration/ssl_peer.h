/* A raw peer that speaks TLS by OpenSSL alone, so that it can do what the library never would. It does so between memory BIOs:
 * what is on the wire can be seen and changed. */
#ifndef WSUV_TESTS_SSL_PEER_H
#define WSUV_TESTS_SSL_PEER_H

#include <openssl/ssl.h>

#include "integration/raw_peer.h"

struct ssl_peer {
  struct raw own; /* of ssl_connect */
  struct raw *raw;
  SSL_CTX *ctx;
  SSL *ssl;
  char *text; /* decrypted, NUL-terminated */
  size_t len;
  size_t at; /* behind what was taken of it */
  int is_ready;
  int got_close_notify;
  int reason; /* 0, or OpenSSL's reason of the failure; an alert of the other side is SSL_AD_REASON_OFFSET and more */
};

/* A context that verifies nothing; with a certificate of that name, or NULL. */
SSL_CTX *ssl_ctx_new(wsuv_role_t role, const char *cert);

/* On a socket that is connected already; the context is the peer's. Nothing is sent before ssl_pump. */
void ssl_peer_init(struct ssl_peer *peer, struct raw *raw, wsuv_role_t role, SSL_CTX *ctx);

/* A client of the host; the handshake is not begun. */
void ssl_connect(struct ssl_peer *peer, struct host *host, SSL_CTX *ctx);

/* Takes what has come and sends what OpenSSL wants to send. */
void ssl_pump(struct ssl_peer *peer);

/* Runs until the handshake is done or has failed; `ssl_handshake` demands success. */
void ssl_try_handshake(struct ssl_peer *peer);
void ssl_handshake(struct ssl_peer *peer);

/* Until the other side has ended its side, or broken off. */
void ssl_run_to_end(struct ssl_peer *peer);

void ssl_send(struct ssl_peer *peer, const void *bytes, size_t len);
void ssl_say(struct ssl_peer *peer, const char *text);
void ssl_frame(struct ssl_peer *peer, wsuv_opcode_t opcode, const void *payload, size_t len);

/* close_notify, without ending TCP. */
void ssl_goodbye(struct ssl_peer *peer);

/* Runs until a text came. */
void ssl_expect(struct ssl_peer *peer, const char *text);

/* Runs until a frame came: its payload and length. */
const uint8_t *ssl_expect_frame(struct ssl_peer *peer, wsuv_frame_header_t *header);

/* The request and its 101. */
void ssl_open(struct ssl_peer *peer);

/* As a server: takes the request and answers 101. */
void ssl_accept_upgrade(struct ssl_peer *peer);

/* The alert that the other side sent, or -1. */
int ssl_alert(const struct ssl_peer *peer);

void ssl_peer_free(struct ssl_peer *peer);

#endif
