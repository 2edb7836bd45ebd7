/* A small HTTP/1.1 server on libuv and llhttp, as a program may have one already: it knows nothing of WebSocket. One request
 * at a time a connection, keep-alive, no request bodies. */
#ifndef SAMPLES_HTTP_SERVER_H
#define SAMPLES_HTTP_SERVER_H

#include <uv.h>

enum { HTTP_MAX_HEAD = 16384, HTTP_MAX_FIELDS = 64 };

/* Not NUL-terminated; valid until the callback returns. */
typedef struct http_text {
  const char *data;
  size_t len;
} http_text_t;

typedef struct http_field {
  http_text_t name;
  http_text_t value;
} http_field_t;

typedef struct http_request {
  http_text_t method;
  http_text_t target;
  int version_major;
  int version_minor;
  int upgrade; /* it asks for another protocol */
  int keep_alive;
  int has_body;
  http_field_t fields[HTTP_MAX_FIELDS];
  size_t nfields;
} http_request_t;

typedef struct http_server http_server_t;
typedef struct http_conn http_conn_t;

struct http_server {
  /* Answers by http_answer, once, before it returns. */
  void (*on_request)(http_server_t *server, http_conn_t *conn, const http_request_t *request);

  /* A request for another protocol; `rest` was read behind its head. 0: the stream was taken, and the server forgets it; its
   * memory is freed by http_free_stream. Else the status of an HTTP answer. */
  int (*on_upgrade)(http_server_t *server, uv_stream_t *stream, const http_request_t *request,
                    http_text_t rest);
  void *data; /* the user's */

  /* The server's own. */
  uv_tcp_t listener;
  http_conn_t *conns;
  int port;
};

/* Set the callbacks before. `host` is an address; port 0 becomes any free one. 0 or an error of libuv. */
int http_server_listen(http_server_t *server, uv_loop_t *loop, const char *host, int port);

/* Closes the listener and every connection. */
void http_server_close(http_server_t *server);

void http_answer(http_conn_t *conn, int status, const char *type, const char *body);

/* For the uv_close of a stream that on_upgrade took. */
void http_free_stream(uv_handle_t *stream);

int http_text_is(http_text_t text, const char *expected);

#endif
