/* An extension of one's own (RFC 6455 9): messages travel as run lengths, "aaaab" as 4 a 1 b. Server and client in one
 * program, over a real socket: negotiation with a parameter, a reserved bit, a transform in both directions.
 *
 *   11_extension aaaaaaaaaaaaaaaaaaaab hello
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "cli.h"

/* ---- the extension: "x-run-length; max=N", no run longer than N (2-255) in either direction ---- */

struct settings {
  int max; /* what this side can do */
};

struct session { /* one connection's */
  unsigned max;
  unsigned run, octet;       /* sending: the run that may go on */
  int counted;               /* receiving: the count was read, its octet was not */
  unsigned left, repeated;   /* receiving: what is still to be given */
  size_t plain, on_the_wire; /* octets sent */
};

static int read_max(const wsuv_extension_element_t *element) {
  if (element->nparams != 1 || strcmp(element->params[0].name, "max") != 0 ||
      element->params[0].value == NULL)
    return 0;
  int max = atoi(element->params[0].value);
  return max >= 2 && max <= 255 ? max : 0;
}

static void write_max(wsuv_extension_writer_t *writer, int max) {
  char text[12];
  snprintf(text, sizeof text, "%d", max);
  wsuv_extension_writer_param(writer, "max", text);
}

static int new_session(int max, void **out) {
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL)
    return WSUV_ENOMEM;
  session->max = (unsigned)max;
  *out = session;
  return 0;
}

static int offer(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer) {
  wsuv_extension_writer_element(writer);
  write_max(writer, ((const struct settings *)extension->config)->max);
  return 0;
}

/* The server takes the lower of the two limits, and leaves out what it does not understand. */
static int answer(const wsuv_extension_t *extension, const wsuv_extension_element_t *offered,
                  wsuv_extension_writer_t *writer, void **session) {
  int max = read_max(offered);
  int own = ((const struct settings *)extension->config)->max;
  if (max == 0)
    return WSUV_OFFER_DECLINED;
  max = max < own ? max : own;
  write_max(writer, max);
  int err = new_session(max, session);
  return err != 0 ? err : WSUV_OFFER_ACCEPTED;
}

static int accept_answer(const wsuv_extension_t *extension,
                         const wsuv_extension_element_t *answered, void **session) {
  int max = read_max(answered);
  if (max == 0 || max > ((const struct settings *)extension->config)->max)
    return WSUV_EEXTENSION; /* more than was offered */
  return new_session(max, session);
}

static void end(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  free(session);
}

static int put_run(struct session *s, wsuv_extension_step_t *step) {
  if (step->out_len < 2)
    return 0;
  *step->out++ = (uint8_t)s->run;
  *step->out++ = (uint8_t)s->octet;
  step->out_len -= 2;
  s->on_the_wire += 2;
  s->run = 0;
  return 1;
}

static int encode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  step->rsv = 4; /* read at a message's first step: RSV1 marks it as run lengths */
  for (; step->in_len > 0; step->in++, step->in_len--, s->plain++) {
    int goes_on = s->run > 0 && s->octet == *step->in && s->run < s->max;
    if (s->run > 0 && !goes_on && !put_run(s, step))
      return WSUV_STEP_MORE;
    s->octet = *step->in;
    s->run++;
  }
  if ((step->flags & WSUV_FINAL) != 0 && s->run > 0 && !put_run(s, step))
    return WSUV_STEP_MORE;
  return WSUV_STEP_DONE;
}

static int decode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  for (;;) {
    for (; !s->counted && s->left > 0; s->left--) {
      if (step->out_len == 0)
        return WSUV_STEP_MORE;
      *step->out++ = (uint8_t)s->repeated;
      step->out_len--;
    }
    if (step->in_len == 0)
      break;
    unsigned octet = *step->in++;
    step->in_len--;
    if (s->counted)
      s->repeated = octet;
    else if (octet == 0 || octet > s->max)
      return WSUV_EPAYLOAD; /* ends the connection with 1007 */
    else
      s->left = octet;
    s->counted = !s->counted;
  }
  return (step->flags & WSUV_FINAL) != 0 && s->counted ? WSUV_EPAYLOAD : WSUV_STEP_DONE;
}

#define RUN_LENGTH(settings)                                                                   \
  {                                                                                            \
    .size = sizeof(wsuv_extension_t), .token = "x-run-length", .config = (settings), .rsv = 4, \
    .offer = offer, .answer = answer, .accept = accept_answer, .end = end, .encode = encode,   \
    .decode = decode                                                                           \
  }

/* ---- both ends ---- */

struct app {
  wsuv_server_t *server;
  char *const *messages;
  size_t nsent, nreceived;
  int status;
};

static void echo(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  (void)type;
  if (wsuv_conn_send_text(conn, payload, len) != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, NULL);
}

static void on_server_conn_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)info;
  wsuv_server_close(wsuv_conn_server(conn));
}

static void on_open(wsuv_conn_t *conn) {
  struct app *app = wsuv_conn_data(conn);
  printf("negotiated: %s\n", wsuv_conn_nextensions(conn) > 0
                                 ? wsuv_conn_extension_at(conn, 0).extension->token
                                 : "nothing; messages travel as they are");
  for (char *const *message = app->messages; *message != NULL; message++, app->nsent++)
    wsuv_conn_send_text(conn, *message, strlen(*message)); /* what is refused shows in on_close */
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct app *app = wsuv_conn_data(conn);
  (void)type;
  printf("echo: %.*s\n", (int)len, (const char *)payload);
  if (++app->nreceived < app->nsent)
    return;
  if (wsuv_conn_nextensions(conn) > 0) {
    const struct session *s = wsuv_conn_extension_at(conn, 0).session;
    printf("sent %zu octets as %zu\n", s->plain, s->on_the_wire);
  }
  wsuv_conn_close(conn, WSUV_CLOSE_NORMAL, NULL);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct app *app = wsuv_conn_data(conn);
  if (info->error != 0 || app->nreceived < app->nsent) {
    fprintf(stderr, "connection lost: %s\n", info->detail);
    app->status = CLI_RUNTIME_ERROR;
  }
  wsuv_server_close(app->server);
}

static const wsuv_handler_t server_conn = {
    .size = sizeof(wsuv_handler_t), .on_message = echo, .on_close = on_server_conn_close};
static const wsuv_server_handler_t server_handler = {.size = sizeof(wsuv_server_handler_t),
                                                     .conn = &server_conn};
static const wsuv_handler_t client_handler = {.size = sizeof(wsuv_handler_t),
                                              .on_open = on_open,
                                              .on_message = on_message,
                                              .on_close = on_close};

static int start(wsuv_loop_t *loop, struct app *app, const wsuv_extension_t *const *server,
                 const wsuv_extension_t *const *client, size_t nclient) {
  wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_t *conn;
  char url[40];
  listen.extensions = server;
  listen.nextensions = 1;
  int err = wsuv_server_listen(loop, &app->server, &listen, &server_handler, NULL);
  if (err != 0)
    return err;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_server_port(app->server));
  connect.url = url;
  connect.extensions = client;
  connect.nextensions = nclient;
  return wsuv_connect(loop, &conn, &connect, &client_handler, app);
}

int main(int argc, char **argv) {
  static const char about[] =
      "Sends each MESSAGE from a client to a server in the same program and back, with an\n"
      "extension that codes runs of equal octets, and says how many octets that took.";
  struct settings server_settings = {255};
  struct settings client_settings = {255};
  int plain = 0;
  const cli_option_t table[] = {
      {.name = "--max",
       .value = "N",
       .help = "longest run that the client takes [255]",
       .number = &client_settings.max,
       .min = 2,
       .max = 255},
      {.name = "--plain", .help = "do not offer the extension", .flag = &plain},
  };
  const cli_t cli = {"11_extension", "MESSAGE ...", about, table, sizeof table / sizeof table[0]};
  int i = cli_parse(&cli, argc, argv);
  if (i == argc)
    cli_usage_error(&cli, "missing argument", "MESSAGE");

  const wsuv_extension_t at_server = RUN_LENGTH(&server_settings);
  const wsuv_extension_t at_client = RUN_LENGTH(&client_settings);
  const wsuv_extension_t *const servers[] = {&at_server};
  const wsuv_extension_t *const clients[] = {&at_client};
  struct app app = {.messages = argv + i};
  wsuv_loop_t *loop;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = start(loop, &app, servers, clients, plain ? 0 : 1);
  if (err != 0) {
    fprintf(stderr, "cannot start: %s\n", wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  wsuv_loop_close(loop, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) == 0 ? app.status : CLI_RUNTIME_ERROR;
}
