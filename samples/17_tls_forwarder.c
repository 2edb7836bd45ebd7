/* TLS for a program that has none: what clients say under TLS goes to a TCP server as plain text, and its answers back.
 *
 *   17_tls_forwarder --cert server.pem --key server.key --port 8443 --to 127.0.0.1:8080
 *   then: curl https://localhost:8443/
 */
#include <stdio.h>
#include <stdlib.h>
#include <wsuv.h>

#include "cli.h"
#include "serve.h"
#include "signals.h"
#include "tcp_link.h"

typedef struct forwarder {
  uv_tcp_t listener;
  wsuv_loop_t *loop;
  wsuv_tls_context_t *context;
  struct sockaddr_storage target;
} forwarder_t;

/* A client with its connection to the target; each goes when it has ended in both directions, or fails. */
typedef struct pair {
  forwarder_t *forwarder;
  uv_tcp_t tcp;    /* the client's, below `tls` */
  wsuv_tls_t *tls; /* NULL behind its on_close */
  tcp_link_t target;
  int nparts; /* the client's stream and the target's, as far as they are open */
} pair_t;

static void drop(pair_t *pair) {
  if (--pair->nparts == 0)
    free(pair);
}

static void on_read(wsuv_tls_t *tls, uint8_t *bytes, size_t len) {
  pair_t *pair = (pair_t *)wsuv_tls_data(tls);
  tcp_link_write(&pair->target, bytes, len);
  if (tcp_link_queued(&pair->target) > 0)
    wsuv_tls_read_stop(tls); /* the client has to wait for the target */
}

static void on_target_drain(tcp_link_t *target) {
  const pair_t *pair = (const pair_t *)target->data;
  if (pair->tls != NULL)
    wsuv_tls_read_start(pair->tls);
}

static void on_end(wsuv_tls_t *tls) {
  pair_t *pair = (pair_t *)wsuv_tls_data(tls);
  tcp_link_shutdown(&pair->target); /* the target may go on */
}

static void on_target_read(tcp_link_t *target, const char *bytes, size_t len) {
  const pair_t *pair = (const pair_t *)target->data;
  if (wsuv_tls_write(pair->tls, bytes, len) != 0)
    tcp_link_close(target); /* for want of memory */
  else if (wsuv_tls_queued(pair->tls) > 0)
    tcp_link_read_stop(target);
}

static void on_drain(wsuv_tls_t *tls) {
  pair_t *pair = (pair_t *)wsuv_tls_data(tls);
  tcp_link_read_start(&pair->target);
}

static void on_target_end(tcp_link_t *target) {
  wsuv_tls_shutdown(((const pair_t *)target->data)->tls);
}

static void on_target_open(tcp_link_t *target) {
  tcp_link_read_start(target);
  wsuv_tls_read_start(((const pair_t *)target->data)->tls);
}

static void on_target_close(tcp_link_t *target, int error) {
  pair_t *pair = (pair_t *)target->data;
  if (error != 0)
    fprintf(stderr, "target: %s\n", wsuv_strerror(error));
  if (pair->tls != NULL && (error != 0 || !target->has_ended))
    wsuv_tls_close(pair->tls); /* else what is queued still goes to the client */
  drop(pair);
}

/* Nothing is asked of the target before the client has come through the handshake. */
static void on_secure(wsuv_tls_t *tls) {
  static const tcp_link_handler_t handler = {on_target_open, on_target_read, on_target_end,
                                             on_target_drain, on_target_close};
  pair_t *pair = (pair_t *)wsuv_tls_data(tls);
  wsuv_tls_read_stop(tls); /* until the target is there */
  pair->target.data = pair;
  pair->nparts++;
  tcp_link_open(&pair->target, pair->tcp.loop, (const struct sockaddr *)&pair->forwarder->target,
                &handler);
}

static void on_close(wsuv_tls_t *tls, int error, const char *detail) {
  pair_t *pair = (pair_t *)wsuv_tls_data(tls);
  pair->tls = NULL;
  if (error != 0 && error != WSUV_ECANCELED)
    fprintf(stderr, "client: %s\n", detail);
  if (error != 0 && pair->nparts == 2)
    tcp_link_close(&pair->target); /* else what is queued still goes to the target */
}

static void on_stream_closed(uv_handle_t *handle) {
  drop((pair_t *)handle->data);
}

static void on_connection(uv_stream_t *listener, int status) {
  static const wsuv_tls_handler_t handler = {sizeof handler, on_secure, on_read,
                                             on_end,         on_drain,  on_close};
  forwarder_t *forwarder = (forwarder_t *)listener->data;
  wsuv_adopt_options_t adopt = WSUV_ADOPT_OPTIONS_INIT;
  wsuv_tls_open_options_t options = WSUV_TLS_OPEN_OPTIONS_INIT;
  pair_t *pair = status == 0 ? (pair_t *)calloc(1, sizeof *pair) : NULL;
  if (pair == NULL)
    return;
  pair->forwarder = forwarder;
  pair->nparts = 1;
  uv_tcp_init(listener->loop, &pair->tcp);
  pair->tcp.data = pair;
  adopt.own = 1; /* it is closed by the library, and freed in close_cb */
  adopt.close_cb = on_stream_closed;
  options.adopt = &adopt;
  int err = uv_accept(listener, (uv_stream_t *)&pair->tcp);
  if (err == 0)
    err = wsuv_tls_open(forwarder->loop, &pair->tls, (uv_stream_t *)&pair->tcp, forwarder->context,
                        &options, &handler, pair);
  if (err != 0)
    uv_close((uv_handle_t *)&pair->tcp, on_stream_closed);
}

static void stop(void *arg, int again) {
  forwarder_t *forwarder = (forwarder_t *)arg;
  if (again)
    exit(CLI_RUNTIME_ERROR); /* a target that does not take what is left */
  uv_close((uv_handle_t *)&forwarder->listener, NULL);
  wsuv_loop_close(forwarder->loop, NULL, NULL); /* ends every client */
}

/* Until the first signal; the exit status. */
static int forward(forwarder_t *forwarder, const char *host, int port) {
  uv_loop_t *uv = uv_default_loop();
  signals_t signals;
  int err = wsuv_loop_new(&forwarder->loop, uv, NULL);
  if (err == 0)
    err = tcp_listen(&forwarder->listener, uv, host, &port, on_connection);
  if (err == 0)
    err = signals_start(&signals, uv, stop, forwarder);
  if (err != 0) {
    fprintf(stderr, "cannot listen on %s, port %d: %s\n", host, port, wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }
  printf("listening on tls://%s:%d/\n", host, port);
  fflush(stdout);
  uv_run(uv, UV_RUN_DEFAULT); /* until the listener and every pair are gone */
  signals_end(&signals);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? EXIT_SUCCESS : CLI_RUNTIME_ERROR;
}

int main(int argc, char **argv) {
  forwarder_t forwarder = {.listener = {.data = &forwarder}};
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t tls = WSUV_TLS_OPTIONS_INIT;
  const char *host = "127.0.0.1", *to = NULL;
  int port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      {"--host", "HOST", "listen on it [127.0.0.1]", .text = &host},
      {"--port", "PORT", "listen on it [9001]; 0: any free one", .number = &port, .max = 65535},
      {"--to", "HOST:PORT", "where the plain text goes", .text = &to},
      SERVE_TLS_OPTIONS(identity.cert_file, identity.key_file)};
  const cli_t cli = {"17_tls_forwarder", "", "TLS here, plain TCP to another server.", table, 5};
  cli_parse(&cli, argc, argv);
  if (identity.cert_file == NULL || to == NULL)
    cli_usage_error(&cli, "missing option", to == NULL ? "--to" : "--cert");

  char why[160];
  tls.identities = &identity;
  tls.nidentities = 1;
  int err = wsuv_tls_context_new(&forwarder.context, WSUV_SERVER, &tls, why, sizeof why);
  if (err != 0)
    return serve_cannot_use_tls(err, why);
  if (tcp_resolve(to, &forwarder.target) != 0)
    cli_usage_error(&cli, "no such target", to);
  int status = forward(&forwarder, host, port);
  wsuv_tls_context_release(forwarder.context);
  return status;
}
