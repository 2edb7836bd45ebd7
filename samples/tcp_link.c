#include "tcp_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_closed(uv_handle_t *handle) {
  tcp_link_t *link = (tcp_link_t *)handle->data;
  link->handler->on_close(link, link->error);
}

static int is_closing(const tcp_link_t *link) {
  return uv_is_closing((const uv_handle_t *)&link->tcp);
}

static void fail(tcp_link_t *link, int err) {
  if (is_closing(link))
    return;
  link->error = err;
  uv_close((uv_handle_t *)&link->tcp, on_closed);
}

void tcp_link_close(tcp_link_t *link) {
  fail(link, 0);
}

void tcp_link_reset(tcp_link_t *link) {
  if (is_closing(link) || uv_tcp_close_reset(&link->tcp, on_closed) == 0)
    return;
  tcp_link_close(link); /* its side is shut down already */
}

static void end_when_both_have(tcp_link_t *link) {
  if (link->has_ended && link->is_shut)
    tcp_link_close(link);
}

/* ---- reading ---- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[65536]; /* for all: it is used up inside of on_read */
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  tcp_link_t *link = (tcp_link_t *)stream->data;
  if (nread > 0)
    link->handler->on_read(link, buf->base, (size_t)nread);
  if (nread < 0 && nread != UV_EOF)
    fail(link, (int)nread);
  if (nread != UV_EOF)
    return;
  link->has_ended = 1;
  link->handler->on_end(link);
  end_when_both_have(link);
}

void tcp_link_read_start(tcp_link_t *link) {
  int err = is_closing(link) || link->has_ended
                ? 0
                : uv_read_start((uv_stream_t *)&link->tcp, lend_buffer, on_read);
  if (err != 0 && err != UV_EALREADY)
    fail(link, err);
}

void tcp_link_read_stop(tcp_link_t *link) {
  uv_read_stop((uv_stream_t *)&link->tcp);
}

/* ---- writing ---- */

typedef struct rest {
  uv_write_t req;
  char bytes[];
} rest_t;

static void on_written(uv_write_t *req, int status) {
  tcp_link_t *link = (tcp_link_t *)req->handle->data;
  free(req);
  if (status != 0)
    fail(link, status);
  else if (tcp_link_queued(link) == 0 && !is_closing(link))
    link->handler->on_drain(link);
}

static int write_rest(tcp_link_t *link, const char *bytes, size_t len) {
  rest_t *rest = (rest_t *)malloc(sizeof *rest + len);
  if (rest == NULL)
    return UV_ENOMEM;
  memcpy(rest->bytes, bytes, len);
  uv_buf_t buf = uv_buf_init(rest->bytes, (unsigned)len);
  int err = uv_write(&rest->req, (uv_stream_t *)&link->tcp, &buf, 1, on_written);
  if (err != 0)
    free(rest);
  return err;
}

void tcp_link_write(tcp_link_t *link, const void *bytes, size_t len) {
  if (is_closing(link))
    return;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
  int n = uv_try_write((uv_stream_t *)&link->tcp, &buf, 1);
  size_t taken = n > 0 ? (size_t)n : 0;
  int err = n < 0 && n != UV_EAGAIN ? n : 0;
  if (err == 0 && taken < len)
    err = write_rest(link, buf.base + taken, len - taken);
  if (err != 0)
    fail(link, err);
}

size_t tcp_link_queued(const tcp_link_t *link) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&link->tcp);
}

static void on_shut(uv_shutdown_t *req, int status) {
  tcp_link_t *link = (tcp_link_t *)req->handle->data;
  link->is_shut = 1;
  if (status != 0)
    fail(link, status);
  end_when_both_have(link);
}

void tcp_link_shutdown(tcp_link_t *link) {
  int err = uv_shutdown(&link->shutdown, (uv_stream_t *)&link->tcp, on_shut);
  if (err != 0)
    fail(link, err);
}

/* ---- the beginning ---- */

static void on_connected(uv_connect_t *req, int status) {
  tcp_link_t *link = (tcp_link_t *)req->handle->data;
  if (status != 0)
    fail(link, status);
  else if (!is_closing(link))
    link->handler->on_open(link);
}

void tcp_link_open(tcp_link_t *link, uv_loop_t *loop, const struct sockaddr *address,
                   const tcp_link_handler_t *handler) {
  uv_tcp_init(loop, &link->tcp); /* it only fills the handle in */
  link->tcp.data = link;
  link->handler = handler;
  link->error = link->has_ended = link->is_shut = 0;
  int err = uv_tcp_connect(&link->connect, &link->tcp, address, on_connected);
  if (err != 0)
    fail(link, err);
}

static int look_up(const char *host, const char *port, struct sockaddr_storage *out) {
  struct addrinfo hints;
  uv_getaddrinfo_t req;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int err = uv_getaddrinfo(uv_default_loop(), &req, NULL, host, port, &hints);
  if (err != 0)
    return err;
  memcpy(out, req.addrinfo->ai_addr, req.addrinfo->ai_addrlen);
  uv_freeaddrinfo(req.addrinfo);
  return 0;
}

int tcp_resolve(const char *text, struct sockaddr_storage *out) {
  char host[256];
  const char *colon = strrchr(text, ':');
  size_t len = colon != NULL ? (size_t)(colon - text) : 0;
  if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
    text++;
    len -= 2;
  }
  if (len == 0 || len >= sizeof host || colon[1] == '\0')
    return UV_EINVAL;
  memcpy(host, text, len);
  host[len] = '\0';
  return look_up(host, colon + 1, out);
}

int tcp_listen(uv_tcp_t *listener, uv_loop_t *loop, const char *host, int *port,
               uv_connection_cb on_connection) {
  struct sockaddr_storage address;
  int size = sizeof address;
  char text[8];
  snprintf(text, sizeof text, "%d", *port & 0xffff);
  int err = look_up(host, text, &address);
  if (err == 0)
    err = uv_tcp_init(loop, listener);
  if (err == 0)
    err = uv_tcp_bind(listener, (const struct sockaddr *)&address, 0);
  if (err == 0)
    err = uv_listen((uv_stream_t *)listener, 128, on_connection);
  if (err == 0)
    err = uv_tcp_getsockname(listener, (struct sockaddr *)&address, &size);
  if (err == 0)
    *port = ntohs(address.ss_family == AF_INET6
                      ? ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port
                      : ((const struct sockaddr_in *)(const void *)&address)->sin_port);
  return err;
}
