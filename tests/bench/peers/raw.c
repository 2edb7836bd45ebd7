/* The baseline: a libuv TCP server that sends back whatever comes, or with --broadcast to all clients. It knows nothing of
 * WebSocket, no handshake either, and does no more than one read for each event and one write for each receiver: what libuv and
 * the kernel cost by themselves. It sees no messages: a burst is one read for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <uv.h>

#include "peer_options.h"

#define READ_SIZE ((size_t)512 << 10)

/* Linked for broadcast. */
typedef struct peer {
  uv_tcp_t tcp;
  struct peer *next;
  struct peer **link; /* what points to it */
} peer_t;

/* What the kernel did not take. */
typedef struct rest {
  uv_write_t write;
  char octets[];
} rest_t;

static char read_buffer[READ_SIZE];
static peer_t *peers;
static peer_options_t opt;

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "bench_peer_raw: %s: %s\n", what, uv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void link_peer(peer_t *peer) {
  peer->next = peers;
  peer->link = &peers;
  if (peers != NULL) {
    peers->link = &peer->next;
  }
  peers = peer;
}

static void end_peer(peer_t *peer) {
  if (uv_is_closing((uv_handle_t *)&peer->tcp)) {
    return;
  }
  *peer->link = peer->next;
  if (peer->next != NULL) {
    peer->next->link = peer->link;
  }
  uv_close((uv_handle_t *)&peer->tcp, on_closed);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(read_buffer, (unsigned int)READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

/* An echo's reading was stopped until its rest had left. */
static void on_written(uv_write_t *write, int status) {
  peer_t *peer = (peer_t *)write->handle;
  free(write);
  if (status != 0) {
    end_peer(peer);
  } else if (!opt.broadcast) {
    (void)uv_read_start((uv_stream_t *)&peer->tcp, give_buffer, on_read);
  }
}

static void write_later(peer_t *peer, const char *data, size_t len) {
  rest_t *rest = malloc(sizeof *rest + len);
  if (rest == NULL) {
    fail("no memory", UV_ENOMEM);
    return;
  }
  memcpy(rest->octets, data, len);
  uv_buf_t buf = uv_buf_init(rest->octets, (unsigned int)len);
  if (!opt.broadcast) {
    (void)uv_read_stop((uv_stream_t *)&peer->tcp);
  }
  if (uv_write(&rest->write, (uv_stream_t *)&peer->tcp, &buf, 1, on_written) != 0) {
    free(rest);
    end_peer(peer);
  }
}

static void send_to(peer_t *peer, char *data, size_t len) {
  uv_buf_t out = uv_buf_init(data, (unsigned int)len);
  int taken = uv_try_write((uv_stream_t *)&peer->tcp, &out, 1);
  if (taken == UV_EAGAIN) {
    taken = 0;
  }
  if (taken < 0) {
    end_peer(peer);
  } else if ((size_t)taken < len) {
    write_later(peer, data + taken, len - (size_t)taken);
  }
}

static void send_to_all(char *data, size_t len) {
  peer_t *next = NULL;
  for (peer_t *peer = peers; peer != NULL; peer = next) {
    next = peer->next;
    send_to(peer, data, len);
  }
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  if (nread < 0) {
    end_peer((peer_t *)stream);
  } else if (nread > 0 && opt.broadcast) {
    send_to_all(buf->base, (size_t)nread);
  } else if (nread > 0) {
    send_to((peer_t *)stream, buf->base, (size_t)nread);
  }
}

static void on_connection(uv_stream_t *server, int status) {
  peer_t *peer = status == 0 ? calloc(1, sizeof *peer) : NULL;
  if (peer == NULL) {
    return;
  }
  (void)uv_tcp_init(server->loop, &peer->tcp);
  link_peer(peer);
  if (uv_accept(server, (uv_stream_t *)&peer->tcp) != 0) {
    end_peer(peer);
    return;
  }
  (void)uv_tcp_nodelay(&peer->tcp, 1);
  (void)uv_read_start((uv_stream_t *)&peer->tcp, give_buffer, on_read);
}

int main(int argc, char **argv) {
  uv_loop_t loop;
  uv_tcp_t server;
  struct sockaddr_in address;
  int len = (int)sizeof address;
  peer_take_options(&opt, argc, argv, PEER_CAN_BROADCAST);
  (void)uv_loop_init(&loop);
  (void)uv_tcp_init(&loop, &server);
  (void)uv_ip4_addr("127.0.0.1", opt.port, &address);
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
  peer_say_port(ntohs(address.sin_port));
  return uv_run(&loop, UV_RUN_DEFAULT);
}
