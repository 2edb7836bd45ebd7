/* A peer made by hand: a socket of libuv's whose bytes the test writes and reads itself. */
#ifndef WSUV_TESTS_RAW_PEER_H
#define WSUV_TESTS_RAW_PEER_H

#include <wsuv/frame.h>

#include "integration/loopback.h"

struct raw {
  struct loopback *lb;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  uv_connect_t connect;
  uv_shutdown_t shutdown;
  wsuv_role_t role; /* a client masks */
  uint8_t *in;
  size_t in_len;
  size_t in_cap;
  size_t at; /* behind what was taken of it */
  int connected;
  int nwriting; /* writes under way */
  int eof;      /* the peer ended in an orderly way */
  int error;    /* of reading: UV_ECONNRESET */
  int closing;
};

void raw_connect(struct raw *raw, struct loopback *lb, int port);

/* From another address of this machine's; an error of uv_tcp_bind's if there is none, and then nothing else. */
int raw_connect_from(struct raw *raw, struct loopback *lb, int port, const char *address);
void raw_open_pipe(struct raw *raw, struct loopback *lb, uv_file fd); /* masks, as raw_connect's */

void raw_send(struct raw *raw, const void *bytes, size_t len);
void raw_say(struct raw *raw, const char *text); /* bytes as they are */
void raw_frame(struct raw *raw, wsuv_opcode_t opcode, const void *payload, size_t len);
void raw_close_frame(struct raw *raw, int code, const char *reason);
void raw_end(struct raw *raw); /* FIN */
void raw_close(struct raw *raw);
void raw_reset(struct raw *raw); /* RST */
void raw_stop_reading(struct raw *raw);
void raw_start_reading(struct raw *raw);

/* Writes one frame; returns its length. `out` has room for `len` and a header. */
size_t frame_put(uint8_t *out, wsuv_role_t role, wsuv_opcode_t opcode, const void *payload,
                 size_t len);

/* A valid request, without and with the raw client's round trip to the 101. */
#define RAW_REQUEST                                                        \
  "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"        \
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n\r\n"
void raw_open(struct raw *raw, struct host *host);

/* Non-zero once a whole HTTP head came; `at` is then behind it. */
int raw_took_head(struct raw *raw);

/* The whole head as text (up to `at`), for strstr. */
const char *raw_text(struct raw *raw);

/* Non-zero if a whole frame came: takes it, unmasked; the payload is valid until more is received. */
int raw_took_frame(struct raw *raw, wsuv_frame_header_t *header, const uint8_t **payload);

/* Waits for the next frame and checks opcode and payload. */
void raw_expect_frame(struct raw *raw, wsuv_opcode_t opcode, const void *payload, size_t len);
void raw_expect_close(struct raw *raw, int code);
void raw_expect_eof(struct raw *raw);

/* A listener whose connections go to `peers` in order. */
#define RAW_PEERS 4
struct raw_server {
  struct loopback *lb;
  struct raw listener;
  int port;
  struct raw peers[RAW_PEERS];
  size_t npeers;
};
void raw_listen(struct raw_server *server, struct loopback *lb);

/* Takes the client's request from peer 0 and writes into `out` the 101 that fits it, with `extra` field lines. */
size_t raw_response(struct raw_server *server, char *out, size_t size, const char *extra);

/* connect, request, 101: an open client whose server is the raw one. */
void raw_serve(struct raw_server *server, struct talker *client, const wsuv_conn_options_t *conn);

#endif
