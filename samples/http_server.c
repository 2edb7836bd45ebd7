#include "http_server.h"

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 128 };

struct http_conn {
  http_server_t *server;
  http_conn_t *next;
  uv_tcp_t *tcp;    /* by itself: it may leave the server */
  uv_write_t write; /* of `answer` */
  char *answer;     /* NULL: none is under way */
  int keep_alive;   /* of the request that is answered */
  size_t in_len;    /* received and not used */
  char in[HTTP_MAX_HEAD];
};

static void forget(http_conn_t *conn) {
  http_conn_t **link = &conn->server->conns;
  while (*link != conn)
    link = &(*link)->next;
  *link = conn->next;
  free(conn->answer);
  free(conn);
}

void http_free_stream(uv_handle_t *stream) {
  free(stream);
}

static void on_closed(uv_handle_t *handle) {
  forget(handle->data);
  http_free_stream(handle);
}

static void close_conn(http_conn_t *conn) {
  if (!uv_is_closing((uv_handle_t *)conn->tcp))
    uv_close((uv_handle_t *)conn->tcp, on_closed);
}

/* ---- one head ---- */

static int on_method(llhttp_t *parser, const char *at, size_t len) {
  http_request_t *request = parser->data;
  request->method = (http_text_t){at, len};
  return 0;
}

static int on_target(llhttp_t *parser, const char *at, size_t len) {
  http_request_t *request = parser->data;
  request->target = (http_text_t){at, len};
  return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
  http_request_t *request = parser->data;
  if (request->nfields == HTTP_MAX_FIELDS)
    return HPE_USER;
  request->fields[request->nfields++] = (http_field_t){{at, len}, {at + len, 0}};
  return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
  http_request_t *request = parser->data;
  while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
    len--;
  request->fields[request->nfields - 1].value = (http_text_t){at, len};
  return 0;
}

static int on_head(llhttp_t *parser) {
  http_request_t *request = parser->data;
  request->version_major = parser->http_major;
  request->version_minor = parser->http_minor;
  request->upgrade = parser->upgrade;
  request->keep_alive = llhttp_should_keep_alive(parser);
  request->has_body =
      parser->content_length > 0 || (parser->flags & (F_CHUNKED | F_TRANSFER_ENCODING)) != 0;
  return request->has_body ? HPE_PAUSED : 0;
}

/* The head is whole, so that each part comes in one piece. 0, or the status of the answer to a bad one. */
static int parse_head(http_request_t *request, const char *head, size_t len) {
  static const llhttp_settings_t settings = {.on_url = on_target,
                                             .on_header_field = on_field,
                                             .on_header_value = on_value,
                                             .on_headers_complete = on_head};
  llhttp_t parser;
  memset(request, 0, sizeof *request);
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = request;
  const char *space = memchr(head, ' ', len);
  if (space != NULL)
    on_method(&parser, head, (size_t)(space - head));
  llhttp_errno_t code = llhttp_execute(&parser, head, len);
  if (code == HPE_USER)
    return 431;
  if (request->has_body)
    return 413;
  return code == HPE_OK || code == HPE_PAUSED_UPGRADE ? 0 : 400;
}

/* ---- answers ---- */

static void go_on(http_conn_t *conn);

static void on_answered(uv_write_t *write, int status) {
  http_conn_t *conn = write->data;
  free(conn->answer);
  conn->answer = NULL;
  if (status != 0 || !conn->keep_alive)
    close_conn(conn);
  else if (!uv_is_closing((uv_handle_t *)conn->tcp))
    go_on(conn);
}

static const char *reason_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 400:
    return "Bad Request";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 413:
    return "Content Too Large";
  case 426:
    return "Upgrade Required";
  case 431:
    return "Request Header Fields Too Large";
  default:
    return status < 500 ? "Refused" : "Failed";
  }
}

void http_answer(http_conn_t *conn, int status, const char *type, const char *body) {
  size_t size = strlen(type) + strlen(body) + 256;
  conn->answer = malloc(size);
  if (conn->answer == NULL) {
    close_conn(conn);
    return;
  }
  int n = snprintf(conn->answer, size,
                   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n%s",
                   status, reason_of(status), type, strlen(body),
                   status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "",
                   conn->keep_alive ? "" : "Connection: close\r\n", body);
  uv_buf_t buf = uv_buf_init(conn->answer, (unsigned)n);
  conn->write.data = conn;
  if (uv_write(&conn->write, (uv_stream_t *)conn->tcp, &buf, 1, on_answered) != 0)
    close_conn(conn);
}

static void refuse(http_conn_t *conn, int status) {
  conn->keep_alive = 0;
  http_answer(conn, status, "text/plain", reason_of(status));
}

/* ---- requests ---- */

/* Takes the head off the front of what was received. */
static void serve_head(http_conn_t *conn, size_t head_len) {
  http_server_t *server = conn->server;
  http_request_t request;
  int status = parse_head(&request, conn->in, head_len);
  conn->keep_alive = request.keep_alive;
  if (status == 0 && request.upgrade) {
    http_text_t rest = {conn->in + head_len, conn->in_len - head_len};
    uv_stream_t *stream = (uv_stream_t *)conn->tcp;
    status = server->on_upgrade(server, stream, &request, rest);
    if (status == 0) {
      forget(conn);
      return;
    }
  }
  if (status == 0)
    server->on_request(server, conn, &request);
  else
    refuse(conn, status);
  conn->in_len -= head_len;
  memmove(conn->in, conn->in + head_len, conn->in_len);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  http_conn_t *conn = handle->data;
  (void)suggested;
  *buf = uv_buf_init(conn->in + conn->in_len, (unsigned)(sizeof conn->in - conn->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  http_conn_t *conn = stream->data;
  (void)buf;
  if (nread < 0) {
    close_conn(conn);
    return;
  }
  conn->in_len += (size_t)nread;
  go_on(conn);
}

static const char *find_end(const char *in, size_t len) {
  for (size_t i = 4; i <= len; i++)
    if (memcmp(in + i - 4, "\r\n\r\n", 4) == 0)
      return in + i;
  return NULL;
}

/* Serves the next request if it is whole, else reads on; while an answer is under way nothing is read. */
static void go_on(http_conn_t *conn) {
  const char *end = find_end(conn->in, conn->in_len);
  if (end == NULL && conn->in_len < sizeof conn->in) {
    uv_read_start((uv_stream_t *)conn->tcp, give_room, on_read);
    return;
  }
  uv_read_stop((uv_stream_t *)conn->tcp);
  if (end == NULL)
    refuse(conn, 431);
  else
    serve_head(conn, (size_t)(end - conn->in));
}

/* ---- connections ---- */

static void on_connection(uv_stream_t *listener, int status) {
  http_server_t *server = listener->data;
  http_conn_t *conn = status == 0 ? calloc(1, sizeof *conn) : NULL;
  uv_tcp_t *tcp = conn != NULL ? malloc(sizeof *tcp) : NULL;
  if (tcp == NULL || uv_tcp_init(listener->loop, tcp) != 0) {
    free(tcp);
    free(conn);
    return;
  }
  tcp->data = conn;
  conn->server = server;
  conn->tcp = tcp;
  conn->next = server->conns;
  server->conns = conn;
  if (uv_accept(listener, (uv_stream_t *)tcp) == 0)
    go_on(conn);
  else
    close_conn(conn);
}

int http_server_listen(http_server_t *server, uv_loop_t *loop, const char *host, int port) {
  struct sockaddr_storage address;
  int len = sizeof address;
  int err = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
  if (err != 0)
    err = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
  if (err != 0)
    return err;
  err = uv_tcp_init(loop, &server->listener);
  if (err != 0)
    return err;
  server->listener.data = server;
  err = uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
  if (err == 0)
    err = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
  if (err == 0)
    err = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len);
  if (err != 0) {
    uv_close((uv_handle_t *)&server->listener, NULL);
    return err;
  }
  server->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                     : ((struct sockaddr_in *)&address)->sin_port);
  return 0;
}

void http_server_close(http_server_t *server) {
  if (!uv_is_closing((uv_handle_t *)&server->listener))
    uv_close((uv_handle_t *)&server->listener, NULL);
  for (http_conn_t *conn = server->conns; conn != NULL; conn = conn->next)
    close_conn(conn);
}

int http_text_is(http_text_t text, const char *expected) {
  return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}
