/* WebSocket inside a program that has a libuv loop and an HTTP server of its own: the page, the status and the WebSocket are
 * on one port.
 *
 *   08_embedding --port 9001          then: curl http://127.0.0.1:9001/status
 *                                           02_client ws://127.0.0.1:9001/ws hello
 */
#include <stdio.h>
#include <stdlib.h>
#include <wsuv.h>

#include "cli.h"
#include "http_server.h"
#include "serve.h"
#include "signals.h"

typedef struct app {
  http_server_t http; /* the program's own */
  wsuv_loop_t *loop;
  wsuv_server_t *server; /* listens nowhere */
  unsigned long nmessages;
} app_t;

static const char page[] = "<!doctype html>\n<title>embedding</title>\n"
                           "<p>WebSocket: <code>/ws</code>, <a href=\"/status\">status</a>\n";

static void on_request(http_server_t *http, http_conn_t *conn, const http_request_t *request) {
  app_t *app = http->data;
  char status[128];
  if (!http_text_is(request->method, "GET")) {
    http_answer(conn, 405, "text/plain", "only GET\n");
  } else if (http_text_is(request->target, "/")) {
    http_answer(conn, 200, "text/html; charset=utf-8", page);
  } else if (http_text_is(request->target, "/status")) {
    snprintf(status, sizeof status, "{\"connections\":%zu,\"messages\":%lu}\n",
             wsuv_server_nconns(app->server), app->nmessages);
    http_answer(conn, 200, "application/json", status);
  } else {
    http_answer(conn, http_text_is(request->target, "/ws") ? 426 : 404, "text/plain", "not here\n");
  }
}

/* [readme] */
/* A request of the HTTP server's that asks for another protocol. */
static int on_upgrade(http_server_t *http, uv_stream_t *stream, const http_request_t *request,
                      http_text_t rest) {
  app_t *app = http->data;
  wsuv_header_t headers[HTTP_MAX_FIELDS];
  for (size_t i = 0; i < request->nfields; i++) {
    const http_field_t *field = &request->fields[i];
    headers[i] = (wsuv_header_t){.name = field->name.data,
                                 .name_len = field->name.len,
                                 .value = field->value.len > 0 ? field->value.data : NULL,
                                 .value_len = field->value.len};
  }
  wsuv_request_t asked = WSUV_REQUEST_INIT;
  asked.method = request->method.data;
  asked.method_len = request->method.len;
  asked.target = request->target.data;
  asked.target_len = request->target.len;
  asked.version_major = request->version_major;
  asked.version_minor = request->version_minor;
  asked.headers = headers;
  asked.nheaders = request->nfields;
  wsuv_adopt_options_t adopt = WSUV_ADOPT_OPTIONS_INIT;
  adopt.leftover = rest.data; /* a client may send ahead */
  adopt.leftover_len = rest.len;
  adopt.own = 1;                     /* wsuv closes the stream ... */
  adopt.close_cb = http_free_stream; /* ... and the program frees it */
  if (!http_text_is(request->target, "/ws"))
    return 404;
  int err = wsuv_upgrade_from_request(app->server, stream, &asked, &adopt);
  return err == 0 ? 0 : wsuv_err_http_status(err); /* the stream is still the program's */
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  app_t *app = wsuv_server_data(wsuv_conn_server(conn));
  app->nmessages++;
  int err = type == WSUV_TEXT ? wsuv_conn_send_text(conn, payload, len)
                              : wsuv_conn_send_binary(conn, payload, len);
  if (err != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
}
/* [/readme] */

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  if (info->error != 0)
    fprintf(stderr, "connection ended: %s\n", info->detail);
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t), .on_message = on_message, .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler};

static void close_going_away(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_close(conn, WSUV_CLOSE_GOING_AWAY, "the server stops");
}

static void end_websocket(app_t *app) {
  if (app->loop != NULL)
    wsuv_loop_close(app->loop, NULL, NULL);
  app->loop = NULL;
}

static void stop(void *arg, int again) {
  app_t *app = arg;
  if (again) {
    end_websocket(app);
    return;
  }
  http_server_close(&app->http);
  wsuv_server_close(app->server);
  wsuv_server_each(app->server, close_going_away, NULL);
}

int main(int argc, char **argv) {
  app_t app = {.http = {.on_request = on_request, .on_upgrade = on_upgrade, .data = &app}};
  const char *host = "127.0.0.1";
  int port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      {"--host", "ADDRESS", "listen on it [127.0.0.1]", .text = &host},
      {"--port", "PORT", "listen on it [9001]; 0: any free one", .number = &port, .max = 65535}};
  const cli_t cli = {"08_embedding", "", "An HTTP server of its own, with a WebSocket at /ws.",
                     table, 2};
  cli_parse(&cli, argc, argv);

  uv_loop_t *uv = uv_default_loop();
  signals_t signals;
  int err = wsuv_loop_new(&app.loop, uv, NULL);
  if (err == 0)
    err = wsuv_server_new(app.loop, &app.server, NULL, &handler, &app);
  if (err == 0)
    err = http_server_listen(&app.http, uv, host, port);
  if (err == 0)
    err = signals_start(&signals, uv, stop, &app);
  if (err != 0) {
    fprintf(stderr, "cannot listen on %s, port %d: %s\n", host, port, wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }
  printf("listening on http://%s:%d/\n", host, app.http.port);
  fflush(stdout);
  uv_run(uv, UV_RUN_DEFAULT); /* returns when both servers and their connections are gone */
  signals_end(&signals);
  end_websocket(&app);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? EXIT_SUCCESS : CLI_RUNTIME_ERROR;
}
