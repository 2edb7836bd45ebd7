#include "integration/ssl_peer.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/handshake.h>

SSL_CTX *ssl_ctx_new(wsuv_role_t role, const char *cert) {
  SSL_CTX *ctx = SSL_CTX_new(role == WSUV_SERVER ? TLS_server_method() : TLS_client_method());
  char path[512];

  CHECK_NOT_NULL(ctx);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
  if (cert == NULL)
    return ctx;
  (void)snprintf(path, sizeof path, "%s/%s.pem", WSUV_TEST_CERTS, cert);
  CHECK_INT(1, SSL_CTX_use_certificate_chain_file(ctx, path));
  (void)snprintf(path, sizeof path, "%s/%s.key", WSUV_TEST_CERTS, cert);
  CHECK_INT(1, SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM));
  return ctx;
}

void ssl_peer_init(struct ssl_peer *peer, struct raw *raw, wsuv_role_t role, SSL_CTX *ctx) {
  peer->raw = raw;
  peer->ctx = ctx;
  peer->ssl = SSL_new(ctx);
  peer->text = NULL;
  peer->len = peer->at = 0;
  peer->is_ready = peer->got_close_notify = peer->reason = 0;
  CHECK_NOT_NULL(peer->ssl);
  SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (role == WSUV_SERVER)
    SSL_set_accept_state(peer->ssl);
  else
    SSL_set_connect_state(peer->ssl);
}

void ssl_connect(struct ssl_peer *peer, struct host *host, SSL_CTX *ctx) {
  raw_connect(&peer->own, host->lb, host->port);
  ssl_peer_init(peer, &peer->own, WSUV_CLIENT, ctx);
}

static void note_failure(struct ssl_peer *peer, int rc) {
  int error = SSL_get_error(peer->ssl, rc);

  if (error == SSL_ERROR_ZERO_RETURN)
    peer->got_close_notify = 1;
  else if (error != SSL_ERROR_WANT_READ && peer->reason == 0)
    peer->reason = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
}

static void take_text(struct ssl_peer *peer) {
  size_t n;
  int rc;

  for (;;) {
    peer->text = realloc(peer->text, peer->len + 65537);
    CHECK_NOT_NULL(peer->text);
    rc = SSL_read_ex(peer->ssl, peer->text + peer->len, 65536, &n);
    if (rc != 1)
      break;
    peer->len += n;
  }
  peer->text[peer->len] = '\0';
  note_failure(peer, rc);
}

static void send_pending(struct ssl_peer *peer) {
  char *bytes;
  long len = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &bytes);

  if (len > 0 && !peer->raw->closing)
    raw_send(peer->raw, bytes, (size_t)len);
  (void)BIO_reset(SSL_get_wbio(peer->ssl));
}

void ssl_pump(struct ssl_peer *peer) {
  struct raw *raw = peer->raw;
  int rc;

  ERR_clear_error();
  if (raw->in_len > raw->at)
    CHECK_INT(raw->in_len - raw->at,
              BIO_write(SSL_get_rbio(peer->ssl), raw->in + raw->at, (int)(raw->in_len - raw->at)));
  raw->at = raw->in_len;
  if (!peer->is_ready && peer->reason == 0) {
    rc = SSL_do_handshake(peer->ssl);
    if (rc == 1)
      peer->is_ready = 1;
    else
      note_failure(peer, rc);
  }
  if (peer->is_ready && peer->reason == 0)
    take_text(peer);
  send_pending(peer);
}

static int has_ended(const struct ssl_peer *peer) {
  return peer->raw->eof || peer->raw->error != 0;
}

/* One turn of the loop, and what came of it. */
static void step(struct ssl_peer *peer) {
  loopback_turn(peer->raw->lb);
  if (peer->raw->in_len > peer->raw->at || !peer->is_ready)
    ssl_pump(peer);
}

void ssl_try_handshake(struct ssl_peer *peer) {
  ssl_pump(peer);
  while (!peer->is_ready && peer->reason == 0 && !has_ended(peer))
    step(peer);
}

void ssl_handshake(struct ssl_peer *peer) {
  ssl_try_handshake(peer);
  CHECK_INT(0, peer->reason);
  CHECK_INT(1, peer->is_ready);
}

void ssl_run_to_end(struct ssl_peer *peer) {
  while (!has_ended(peer))
    step(peer);
}

void ssl_send(struct ssl_peer *peer, const void *bytes, size_t len) {
  size_t written;

  CHECK_INT(1, SSL_write_ex(peer->ssl, bytes, len, &written));
  CHECK_SIZE(len, written);
  send_pending(peer);
}

void ssl_say(struct ssl_peer *peer, const char *text) {
  ssl_send(peer, text, strlen(text));
}

void ssl_frame(struct ssl_peer *peer, wsuv_opcode_t opcode, const void *payload, size_t len) {
  uint8_t *out = malloc(len + WSUV_FRAME_HEADER_MAX);

  CHECK_NOT_NULL(out);
  ssl_send(peer, out, frame_put(out, peer->raw->role, opcode, payload, len));
  free(out);
}

void ssl_goodbye(struct ssl_peer *peer) {
  (void)SSL_shutdown(peer->ssl);
  ERR_clear_error();
  send_pending(peer);
}

void ssl_expect(struct ssl_peer *peer, const char *text) {
  const char *at;

  while (peer->text == NULL || (at = strstr(peer->text + peer->at, text)) == NULL) {
    CHECK_FALSE(has_ended(peer));
    step(peer);
  }
  peer->at = (size_t)(at - peer->text) + strlen(text);
}

static int take_frame(struct ssl_peer *peer, wsuv_frame_header_t *header) {
  int n = peer->len > peer->at
              ? wsuv_frame_header_decode(header, (const uint8_t *)peer->text + peer->at,
                                         peer->len - peer->at)
              : 0;

  CHECK_TRUE(n >= 0);
  if (n == 0 || peer->len - peer->at - (size_t)n < header->payload_len)
    return 0;
  peer->at += (size_t)n;
  return 1;
}

const uint8_t *ssl_expect_frame(struct ssl_peer *peer, wsuv_frame_header_t *header) {
  uint8_t *payload;

  while (!take_frame(peer, header)) {
    CHECK_FALSE(has_ended(peer));
    step(peer);
  }
  CHECK_INT(peer->raw->role == WSUV_SERVER, header->masked);
  payload = (uint8_t *)peer->text + peer->at;
  if (header->masked)
    wsuv_mask(payload, payload, header->payload_len, header->masking_key, 0);
  peer->at += header->payload_len;
  return payload;
}

void ssl_open(struct ssl_peer *peer) {
  ssl_handshake(peer);
  ssl_say(peer, RAW_REQUEST);
  ssl_expect(peer, "HTTP/1.1 101 ");
  ssl_expect(peer, "\r\n\r\n");
}

void ssl_accept_upgrade(struct ssl_peer *peer) {
  char accept[29];
  char text[256];

  ssl_handshake(peer);
  ssl_expect(peer, "Sec-WebSocket-Key: ");
  while (peer->len < peer->at + 24)
    step(peer);
  CHECK_ERR(0, wsuv_handshake_accept_key(peer->text + peer->at, 24, accept));
  ssl_expect(peer, "\r\n\r\n");
  (void)snprintf(text, sizeof text,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
  ssl_say(peer, text);
}

int ssl_alert(const struct ssl_peer *peer) {
  return peer->reason >= SSL_AD_REASON_OFFSET ? peer->reason - SSL_AD_REASON_OFFSET : -1;
}

void ssl_peer_free(struct ssl_peer *peer) {
  SSL_free(peer->ssl);
  SSL_CTX_free(peer->ctx);
  free(peer->text);
  peer->ssl = NULL;
  peer->ctx = NULL;
  peer->text = NULL;
}
