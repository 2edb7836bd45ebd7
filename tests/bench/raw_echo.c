/* The baseline: a libuv TCP server that sends back whatever comes. It knows nothing of WebSocket, and does no more than
 * one read and one write for each event: what libuv and the kernel cost by themselves. Prints "listening on PORT". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <uv.h>

#define READ_SIZE ((size_t)512 << 10)

typedef struct peer {
  uv_tcp_t tcp;
  uv_write_t write; /* for what the kernel did not take at once; reading is stopped meanwhile */
  char *rest;
} peer_t;

static char read_buffer[READ_SIZE];

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "bench_raw_echo: %s: %s\n", what, uv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void end_peer(peer_t *peer) {
  if (!uv_is_closing((uv_handle_t *)&peer->tcp)) {
    uv_close((uv_handle_t *)&peer->tcp, on_closed);
  }
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(read_buffer, (unsigned int)READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

static void on_written(uv_write_t *write, int status) {
  peer_t *peer = (peer_t *)write->handle;
  free(peer->rest);
  peer->rest = NULL;
  if (status == 0) {
    (void)uv_read_start((uv_stream_t *)&peer->tcp, give_buffer, on_read);
  } else {
    end_peer(peer);
  }
}

static int write_later(peer_t *peer, const char *data, size_t len) {
  peer->rest = malloc(len);
  if (peer->rest == NULL) {
    return UV_ENOMEM;
  }
  memcpy(peer->rest, data, len);
  uv_buf_t buf = uv_buf_init(peer->rest, (unsigned int)len);
  (void)uv_read_stop((uv_stream_t *)&peer->tcp);
  return uv_write(&peer->write, (uv_stream_t *)&peer->tcp, &buf, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  peer_t *peer = (peer_t *)stream;
  if (nread < 0) {
    end_peer(peer);
    return;
  }
  size_t len = (size_t)nread;
  uv_buf_t out = uv_buf_init(buf->base, (unsigned int)len);
  int taken = uv_try_write(stream, &out, 1);
  if (taken == UV_EAGAIN) {
    taken = 0;
  }
  if (taken < 0 ||
      ((size_t)taken < len && write_later(peer, buf->base + taken, len - (size_t)taken) != 0)) {
    end_peer(peer);
  }
}

static void on_connection(uv_stream_t *server, int status) {
  peer_t *peer = status == 0 ? calloc(1, sizeof *peer) : NULL;
  if (peer == NULL) {
    return;
  }
  (void)uv_tcp_init(server->loop, &peer->tcp);
  if (uv_accept(server, (uv_stream_t *)&peer->tcp) != 0) {
    end_peer(peer);
    return;
  }
  (void)uv_tcp_nodelay(&peer->tcp, 1);
  (void)uv_read_start((uv_stream_t *)&peer->tcp, give_buffer, on_read);
}

int main(void) {
  uv_loop_t loop;
  uv_tcp_t server;
  struct sockaddr_in address;
  int len = (int)sizeof address;
  (void)uv_loop_init(&loop);
  (void)uv_tcp_init(&loop, &server);
  (void)uv_ip4_addr("127.0.0.1", 0, &address);
  int err = uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
  if (err == 0) {
    err = uv_listen((uv_stream_t *)&server, 511, on_connection);
  }
  if (err == 0) {
    err = uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len);
  }
  if (err != 0) {
    fail("cannot listen", err);
  }
  (void)printf("listening on %u\n", (unsigned int)ntohs(address.sin_port));
  (void)fflush(stdout);
  return uv_run(&loop, UV_RUN_DEFAULT);
}
