/* The baseline of broadcast: a libuv TCP server that sends whatever comes from one client to all of them. It knows nothing of
 * WebSocket: one read, and one write for each client. Prints "listening on PORT". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <uv.h>

#define READ_SIZE ((size_t)512 << 10)

typedef struct peer {
  uv_tcp_t tcp;
  struct peer *next;
  struct peer **link; /* what points to it */
} peer_t;

typedef struct rest {
  uv_write_t write;
  char octets[];
} rest_t;

static char read_buffer[READ_SIZE];
static peer_t *peers;

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "bench_raw_broadcast: %s: %s\n", what, uv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void end_peer(peer_t *peer) {
  *peer->link = peer->next;
  if (peer->next != NULL) {
    peer->next->link = peer->link;
  }
  uv_close((uv_handle_t *)&peer->tcp, on_closed);
}

static void on_written(uv_write_t *write, int status) {
  (void)status;
  free(write);
}

/* What the kernel did not take waits in order, in memory of its own. */
static void write_later(peer_t *peer, const char *data, size_t len) {
  rest_t *rest = malloc(sizeof *rest + len);
  if (rest == NULL) {
    fail("no memory", UV_ENOMEM);
  }
  memcpy(rest->octets, data, len);
  uv_buf_t buf = uv_buf_init(rest->octets, (unsigned int)len);
  if (uv_write(&rest->write, (uv_stream_t *)&peer->tcp, &buf, 1, on_written) != 0) {
    free(rest);
  }
}

static void send_to(peer_t *peer, char *data, size_t len) {
  uv_buf_t out = uv_buf_init(data, (unsigned int)len);
  int taken = uv_try_write((uv_stream_t *)&peer->tcp, &out, 1);
  if (taken == UV_EAGAIN) {
    taken = 0;
  }
  if (taken >= 0 && (size_t)taken < len) {
    write_later(peer, data + taken, len - (size_t)taken);
  }
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(read_buffer, (unsigned int)READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  if (nread < 0) {
    end_peer((peer_t *)stream);
    return;
  }
  for (peer_t *peer = peers; nread > 0 && peer != NULL; peer = peer->next) {
    send_to(peer, buf->base, (size_t)nread);
  }
}

static void on_connection(uv_stream_t *server, int status) {
  peer_t *peer = status == 0 ? calloc(1, sizeof *peer) : NULL;
  if (peer == NULL) {
    return;
  }
  (void)uv_tcp_init(server->loop, &peer->tcp);
  peer->next = peers;
  peer->link = &peers;
  if (peers != NULL) {
    peers->link = &peer->next;
  }
  peers = peer;
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
