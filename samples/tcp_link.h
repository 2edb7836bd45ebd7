/* A TCP connection on libuv with the shape of a wsuv_tls_t: a queue, reading that stops, half-close. */
#ifndef SAMPLES_TCP_LINK_H
#define SAMPLES_TCP_LINK_H

#include <uv.h>

typedef struct tcp_link tcp_link_t;

typedef struct tcp_link_handler {
  void (*on_open)(tcp_link_t *link);
  void (*on_read)(tcp_link_t *link, const char *bytes, size_t len);
  void (*on_end)(tcp_link_t *link);   /* the peer has ended its side */
  void (*on_drain)(tcp_link_t *link); /* the queue is empty again */
  void (*on_close)(tcp_link_t *link,
                   int error); /* last: both sides have ended, it was closed, or an error */
} tcp_link_handler_t;

struct tcp_link {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_shutdown_t shutdown;
  const tcp_link_handler_t *handler;
  void *data; /* the user's */
  int error;
  int has_ended; /* the peer */
  int is_shut;   /* our side */
};

/* on_close follows in any case. It does not read before tcp_link_read_start. */
void tcp_link_open(tcp_link_t *link, uv_loop_t *loop, const struct sockaddr *address,
                   const tcp_link_handler_t *handler);

/* Copies what the kernel does not take at once. What fails is told by on_close. */
void tcp_link_write(tcp_link_t *link, const void *bytes, size_t len);
size_t tcp_link_queued(const tcp_link_t *link);
void tcp_link_shutdown(tcp_link_t *link); /* behind the queue */
void tcp_link_close(tcp_link_t *link);    /* harmless when repeated */
void tcp_link_reset(tcp_link_t *link); /* as close, but the peer sees that it is no orderly end */
void tcp_link_read_start(tcp_link_t *link);
void tcp_link_read_stop(tcp_link_t *link);

/* "HOST:PORT" or "[HOST]:PORT". 0 or an error of libuv. */
int tcp_resolve(const char *text, struct sockaddr_storage *out);

/* 0 or an error of libuv; *port becomes the one that was taken. */
int tcp_listen(uv_tcp_t *listener, uv_loop_t *loop, const char *host, int *port,
               uv_connection_cb on_connection);

#endif
