#include "integration/raw_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/handshake.h>

#include "base/list.h"

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[65536];
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void make_room(struct raw *raw, size_t more) {
  if (raw->in_cap - raw->in_len >= more)
    return;
  raw->in_cap = 2 * (raw->in_len + more);
  raw->in = realloc(raw->in, raw->in_cap);
  CHECK_NOT_NULL(raw->in);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct raw *raw = stream->data;

  if (nread == UV_EOF) {
    raw->eof = 1;
  } else if (nread < 0) {
    raw->error = (int)nread;
  } else if (nread > 0) {
    make_room(raw, (size_t)nread + 1);
    memcpy(raw->in + raw->in_len, buf->base, (size_t)nread);
    raw->in_len += (size_t)nread;
    raw->in[raw->in_len] = '\0';
  }
}

static void enlist(struct raw *raw) {
  struct loopback *lb = raw->lb;

  raw->uv.handle.data = raw;
  CHECK_TRUE(lb->nraws < LOOPBACK_MAX);
  lb->raws[lb->nraws++] = raw;
}

static void init_pipe(struct raw *raw, struct loopback *lb, wsuv_role_t role) {
  memset(raw, 0, sizeof *raw);
  raw->lb = lb;
  raw->role = role;
  CHECK_ERR(0, uv_pipe_init(&lb->uv, &raw->uv.pipe, 0));
  enlist(raw);
}

static void init(struct raw *raw, struct loopback *lb, wsuv_role_t role) {
  memset(raw, 0, sizeof *raw);
  raw->lb = lb;
  raw->role = role;
  CHECK_ERR(0, uv_tcp_init(&lb->uv, &raw->uv.tcp));
  enlist(raw);
}

static void on_connected(uv_connect_t *req, int status) {
  struct raw *raw = req->handle->data;

  if (status == UV_ECANCELED)
    return;
  CHECK_ERR(0, status);
  raw->connected = 1;
  raw_start_reading(raw);
}

static void connect_to(struct raw *raw, int port) {
  struct sockaddr_in address;

  CHECK_ERR(0, uv_ip4_addr("127.0.0.1", port, &address));
  CHECK_ERR(0, uv_tcp_connect(&raw->connect, &raw->uv.tcp, (const struct sockaddr *)&address,
                              on_connected));
}

void raw_connect(struct raw *raw, struct loopback *lb, int port) {
  init(raw, lb, WSUV_CLIENT);
  connect_to(raw, port);
}

int raw_connect_from(struct raw *raw, struct loopback *lb, int port, const char *address) {
  struct sockaddr_in from;
  int err;

  init(raw, lb, WSUV_CLIENT);
  CHECK_ERR(0, uv_ip4_addr(address, 0, &from));
  err = uv_tcp_bind(&raw->uv.tcp, (const struct sockaddr *)&from, 0);
  if (err == 0)
    connect_to(raw, port);
  return err;
}

void raw_open_pipe(struct raw *raw, struct loopback *lb, uv_file fd) {
  init_pipe(raw, lb, WSUV_CLIENT);
  CHECK_ERR(0, uv_pipe_open(&raw->uv.pipe, fd));
  raw->connected = 1;
  raw_start_reading(raw);
}

struct write {
  uv_write_t req;
  struct raw *raw;
};

/* That the peer is gone is no fault of a test's. */
static void on_written(uv_write_t *req, int status) {
  struct write *write = (struct write *)(void *)req;
  (void)status;
  write->raw->nwriting--;
  free(write);
}

void raw_send(struct raw *raw, const void *bytes, size_t len) {
  struct write *write = malloc(sizeof *write + len);
  uv_buf_t buf;

  CHECK_NOT_NULL(write);
  write->raw = raw;
  memcpy(write + 1, bytes, len);
  buf = uv_buf_init((char *)(write + 1), (unsigned)len);
  raw->nwriting++;
  CHECK_ERR(0, uv_write(&write->req, &raw->uv.stream, &buf, 1, on_written));
}

void raw_say(struct raw *raw, const char *text) {
  raw_send(raw, text, strlen(text));
}

size_t frame_put(uint8_t *out, wsuv_role_t role, wsuv_opcode_t opcode, const void *payload,
                 size_t len) {
  wsuv_frame_header_t header = {len, (uint8_t)opcode, 0, 1, role == WSUV_CLIENT, {1, 2, 3, 4}};
  int n = wsuv_frame_header_encode(&header, out);

  CHECK_TRUE(n > 0);
  if (len > 0)
    memcpy(out + n, payload, len);
  if (role == WSUV_CLIENT)
    wsuv_mask(out + n, out + n, len, header.masking_key, 0);
  return (size_t)n + len;
}

void raw_frame(struct raw *raw, wsuv_opcode_t opcode, const void *payload, size_t len) {
  uint8_t *out = malloc(len + WSUV_FRAME_HEADER_MAX);

  CHECK_NOT_NULL(out);
  raw_send(raw, out, frame_put(out, raw->role, opcode, payload, len));
  free(out);
}

void raw_close_frame(struct raw *raw, int code, const char *reason) {
  uint8_t payload[WSUV_CONTROL_PAYLOAD_MAX];
  int n = wsuv_close_payload_encode(code, reason, reason != NULL ? strlen(reason) : 0, payload);

  CHECK_TRUE(n >= 0);
  raw_frame(raw, WSUV_CLOSE, payload, (size_t)n);
}

static void on_shutdown(uv_shutdown_t *req, int status) {
  (void)req;
  (void)status;
}

void raw_end(struct raw *raw) {
  CHECK_ERR(0, uv_shutdown(&raw->shutdown, &raw->uv.stream, on_shutdown));
}

void raw_close(struct raw *raw) {
  if (raw->closing)
    return;
  raw->closing = 1;
  uv_close(&raw->uv.handle, NULL);
}

void raw_reset(struct raw *raw) {
  raw->closing = 1;
  CHECK_ERR(0, uv_tcp_close_reset(&raw->uv.tcp, NULL));
}

void raw_stop_reading(struct raw *raw) {
  (void)uv_read_stop(&raw->uv.stream);
}

void raw_start_reading(struct raw *raw) {
  CHECK_ERR(0, uv_read_start(&raw->uv.stream, give_room, on_read));
}

void raw_open(struct raw *raw, struct host *host) {
  raw_connect(raw, host->lb, host->port);
  raw_say(raw, RAW_REQUEST);
  RUN_UNTIL(host->lb, raw_took_head(raw));
  CHECK_NOT_NULL(strstr(raw_text(raw), "HTTP/1.1 101 "));
}

int raw_took_head(struct raw *raw) {
  const char *end = raw->in != NULL ? strstr((const char *)raw->in, "\r\n\r\n") : NULL;

  if (end == NULL)
    return 0;
  raw->at = (size_t)(end + 4 - (const char *)raw->in);
  return 1;
}

const char *raw_text(struct raw *raw) {
  return raw->in != NULL ? (const char *)raw->in : "";
}

int raw_took_frame(struct raw *raw, wsuv_frame_header_t *header, const uint8_t **payload) {
  size_t len = raw->in_len - raw->at;
  uint8_t *from = raw->in + raw->at;
  int n = len > 0 ? wsuv_frame_header_decode(header, from, len) : 0;

  CHECK_TRUE(n >= 0);
  if (n == 0 || len - (size_t)n < header->payload_len)
    return 0;
  CHECK_INT(raw->role == WSUV_SERVER, header->masked);
  if (header->masked)
    wsuv_mask(from + n, from + n, header->payload_len, header->masking_key, 0);
  *payload = from + n;
  raw->at += (size_t)n + header->payload_len;
  return 1;
}

static void expect(struct raw *raw, wsuv_opcode_t opcode, wsuv_frame_header_t *header,
                   const uint8_t **payload) {
  RUN_UNTIL(raw->lb, raw_took_frame(raw, header, payload) || raw->eof || raw->error != 0);
  CHECK_NOT_NULL(*payload); /* else the connection ended first */
  CHECK_INT(opcode, header->opcode);
  CHECK_INT(1, header->fin);
}

void raw_expect_frame(struct raw *raw, wsuv_opcode_t opcode, const void *payload, size_t len) {
  wsuv_frame_header_t header;
  const uint8_t *got = NULL;

  expect(raw, opcode, &header, &got);
  CHECK_BYTES(payload, len, got, header.payload_len);
}

void raw_expect_close(struct raw *raw, int code) {
  wsuv_frame_header_t header;
  const uint8_t *got = NULL;

  expect(raw, WSUV_CLOSE, &header, &got);
  if (code == WSUV_CLOSE_NO_STATUS) {
    CHECK_SIZE(0, header.payload_len);
    return;
  }
  CHECK_TRUE(header.payload_len >= 2);
  CHECK_INT(code, got[0] << 8 | got[1]);
}

void raw_expect_eof(struct raw *raw) {
  RUN_UNTIL(raw->lb, raw->eof || raw->error != 0);
  CHECK_ERR(0, raw->error);
}

/* ---- as a server ---- */

static void on_connection(uv_stream_t *stream, int status) {
  struct raw_server *server = WSUV__LIST_ENTRY(stream->data, struct raw_server, listener);
  struct raw *peer = &server->peers[server->npeers++];

  CHECK_ERR(0, status);
  CHECK_TRUE(server->npeers <= RAW_PEERS);
  init(peer, server->lb, WSUV_SERVER);
  CHECK_ERR(0, uv_accept(stream, &peer->uv.stream));
  peer->connected = 1;
  raw_start_reading(peer);
}

void raw_listen(struct raw_server *server, struct loopback *lb) {
  struct sockaddr_in address;
  int len = sizeof address;

  memset(server, 0, sizeof *server);
  server->lb = lb;
  init(&server->listener, lb, WSUV_SERVER);
  CHECK_ERR(0, uv_ip4_addr("127.0.0.1", 0, &address));
  CHECK_ERR(0, uv_tcp_bind(&server->listener.uv.tcp, (const struct sockaddr *)&address, 0));
  CHECK_ERR(0, uv_listen(&server->listener.uv.stream, 8, on_connection));
  CHECK_ERR(0, uv_tcp_getsockname(&server->listener.uv.tcp, (struct sockaddr *)&address, &len));
  server->port = ntohs(address.sin_port);
}

size_t raw_response(struct raw_server *server, char *out, size_t size, const char *extra) {
  struct raw *peer = &server->peers[0];
  const char *key;
  char accept[29];
  int n;

  RUN_UNTIL(server->lb, server->npeers > 0 && raw_took_head(peer));
  key = strstr(raw_text(peer), "Sec-WebSocket-Key: ");
  CHECK_NOT_NULL(key);
  CHECK_ERR(0, wsuv_handshake_accept_key(key + 19, 24, accept));
  n = snprintf(out, size,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n%s\r\n",
               accept, extra);
  return (size_t)n;
}

void raw_serve(struct raw_server *server, struct talker *client, const wsuv_conn_options_t *conn) {
  char text[512];

  (void)snprintf(text, sizeof text, "ws://127.0.0.1:%d/", server->port);
  CHECK_ERR(0, talker_connect_url(client, server->lb, text, conn));
  raw_send(&server->peers[0], text, raw_response(server, text, sizeof text, ""));
  RUN_UNTIL(server->lb, client->n[EV_OPEN] == 1);
}
