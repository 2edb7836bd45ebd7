#include "api/listen.h"

#include <stdio.h>
#include <string.h>

#include "api/admission.h"
#include "api/server.h"
#include "api/stats.h"
#include "base/option.h"
#include "io/resolve.h"
#include "io/reuse_port.h"
#include "io/tls_context.h"
#include "proto/extensions.h"
#include "wsuv/adopt.h"

#define DEFAULT_HOST           "127.0.0.1"
#define DEFAULT_BACKLOG        511
#define DEFAULT_CONNECTIONS    100000u
#define DEFAULT_OF_ADDRESS     1024u
#define DEFAULT_HANDSHAKES     4096u
#define DEFAULT_TLS_HANDSHAKES 1024u
#define DEFAULT_SUBSCRIPTIONS  1024u
#define DEFAULT_KEEP_ALIVE_MS  5000u
#define DEFAULT_MAX_REQUESTS   1000u

static const wsuv_server_options_t presets = WSUV_SERVER_OPTIONS_INIT;

static int is_list(const char *const *texts, size_t n) {
  size_t i;

  if (texts == NULL)
    return n == 0;
  for (i = 0; i < n; i++)
    if (texts[i] == NULL)
      return 0;
  return 1;
}

static int is_complete(const wsuv_server_handler_t *h) {
  return h != NULL && h->size >= sizeof *h && h->conn != NULL && h->conn->size >= sizeof *h->conn &&
         h->conn->on_close != NULL;
}

static int judge_options(const wsuv_server_options_t *o, const wsuv_server_handler_t *h) {
  if (o->size < sizeof *o || !is_complete(h))
    return WSUV_EINVAL;
  if (o->port < 0 || o->port > 65535 || o->backlog < 0)
    return WSUV_EINVAL;
  if (!is_list(o->subprotocols, o->nsubprotocols) || !is_list(o->origins, o->norigins))
    return WSUV_EINVAL;
  if (o->extensions == NULL ? o->nextensions > 0 : o->nextensions > WSUV_EXTENSION_ELEMENTS_MAX)
    return WSUV_EINVAL;
  if (o->tls != NULL && wsuv__tls_context_role(o->tls) != WSUV_SERVER)
    return WSUV_EINVAL;
  return o->path != NULL ? wsuv__uv_stream_judge_path(o->path) : 0;
}

/* Pointers and texts in one block; NULL for no memory. */
static char **copy_texts(const wsuv_allocator_t *a, const char *const *texts, size_t n) {
  size_t size = n * sizeof(char *);
  char **copy;
  char *at;
  size_t i;

  for (i = 0; i < n; i++)
    size += strlen(texts[i]) + 1;
  copy = wsuv__alloc(a, size);
  if (copy == NULL)
    return NULL;
  at = (char *)(copy + n);
  for (i = 0; i < n; i++) {
    size_t len = strlen(texts[i]) + 1;
    memcpy(at, texts[i], len);
    copy[i] = at;
    at += len;
  }
  return copy;
}

/* The handshake judges what is in the lists: made once here, so that a wrong one is refused at once and not at the first
 * request. */
static int copy_lists(wsuv_server_t *server, const wsuv_server_options_t *o) {
  const wsuv_allocator_t *a = &server->loop->allocator;
  int err;

  server->nsubprotocols = o->nsubprotocols;
  server->norigins = o->norigins;
  if (o->nsubprotocols > 0)
    server->subprotocols = copy_texts(a, o->subprotocols, o->nsubprotocols);
  if (o->norigins > 0)
    server->origins = copy_texts(a, o->origins, o->norigins);
  if ((o->nsubprotocols > 0 && server->subprotocols == NULL) ||
      (o->norigins > 0 && server->origins == NULL))
    return WSUV_ENOMEM;
  if (o->nextensions > 0) {
    server->extensions = wsuv__alloc(a, o->nextensions * sizeof(wsuv_extension_t *));
    if (server->extensions == NULL)
      return WSUV_ENOMEM;
    memcpy(server->extensions, o->extensions, o->nextensions * sizeof(wsuv_extension_t *));
    server->nextensions = o->nextensions;
  }
  err = wsuv__extensions_judge(&server->config.endpoint.rules, o->extensions, o->nextensions);
  return err != 0 ? err : wsuv__server_try_handshake(server);
}

static int take_limits(wsuv_server_t *server, const wsuv_server_options_t *o) {
  struct wsuv__loop *io = &server->loop->io;
  uint64_t max_of_address;
  uint8_t key[WSUV__SIPHASH_KEY_SIZE];
  int err = wsuv__option_take(&server->max_connections, o->max_connections, DEFAULT_CONNECTIONS,
                              WSUV__NEVER);

  if (err == 0)
    err = wsuv__option_take(&server->max_handshakes, o->max_handshakes, DEFAULT_HANDSHAKES,
                            WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&server->max_tls_handshakes, o->max_tls_handshakes,
                            DEFAULT_TLS_HANDSHAKES, WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&max_of_address, o->max_connections_per_address, DEFAULT_OF_ADDRESS,
                            WSUV__NEVER);
  if (err == 0)
    err = wsuv__random_pool_take(&io->random, key, sizeof key);
  if (err != 0)
    return err;
  server->counts_local = o->max_connections_per_address > 0;
  wsuv__visitors_init(&server->visitors, &server->loop->allocator, key, max_of_address);
  return 0;
}

static int fill_in(wsuv_server_t *server, const wsuv_server_options_t *o) {
  int err = wsuv__conn_config_init(&server->config, o->conn, server->handler->conn, WSUV_SERVER,
                                   &server->loop->allocator, &server->loop->io);

  if (err == 0)
    err = take_limits(server, o);
  if (err == 0)
    err = wsuv__option_take(&server->max_subscriptions, o->max_subscriptions, DEFAULT_SUBSCRIPTIONS,
                            WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&server->keep_alive_timeout_ms, o->keep_alive_timeout_ms,
                            DEFAULT_KEEP_ALIVE_MS, WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&server->max_requests, o->max_requests, DEFAULT_MAX_REQUESTS,
                            WSUV__NEVER);
  if (o->tls != NULL) {
    server->tls = o->tls;
    wsuv__tls_context_ref(server->tls);
  }
  server->require_subprotocol = o->require_subprotocol;
  server->require_origin = o->require_origin;
  server->refuse_early_data = o->refuse_early_data;
  return err != 0 ? err : copy_lists(server, o);
}

static int bind_to(uv_tcp_t *tcp, const struct sockaddr *address, int reuse_port) {
  return reuse_port ? wsuv__reuse_port_bind(tcp, address) : uv_tcp_bind(tcp, address, 0);
}

static int bind_tcp(wsuv_server_t *server, const wsuv_server_options_t *o, int reuse_port) {
  const char *host = o->host != NULL ? o->host : DEFAULT_HOST;
  struct wsuv__resolve resolve;
  const struct sockaddr *address;
  int err = wsuv__resolve_now(&resolve, server->loop->io.uv, host, (uint16_t)o->port);

  if (err != 0)
    return err;
  address = wsuv__resolve_next(&resolve);
  err = address != NULL ? bind_to(&server->listener.tcp, address, reuse_port) : UV_EADDRNOTAVAIL;
  wsuv__resolve_free(&resolve);
  return err;
}

static int read_port(wsuv_server_t *server) {
  struct sockaddr_storage address;
  int len = sizeof address;
  int err = uv_tcp_getsockname(&server->listener.tcp, (struct sockaddr *)&address, &len);

  if (err != 0)
    return err;
  server->port = address.ss_family == AF_INET6
                     ? ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port)
                     : ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
  return 0;
}

static int start_listening(wsuv_server_t *server, const wsuv_server_options_t *o,
                           const struct wsuv__listening *how) {
  int err = o->path != NULL ? uv_pipe_bind(&server->listener.pipe, o->path)
                            : bind_tcp(server, o, how->reuse_port);

  server->on_connection = how->on_connection;
  if (err == 0 && o->path == NULL && !server->config.tcp_delay)
    server->nodelay_accepted = wsuv__uv_stream_nodelay_accepted(&server->listener.tcp);
  if (err == 0)
    err = uv_listen(&server->listener.stream, server->backlog, server->on_connection);
  if (err == 0 && o->path == NULL)
    err = read_port(server);
  if (err == 0)
    err = wsuv__reserve_open(server);
  return err;
}

void wsuv__server_free(wsuv_server_t *server) {
  const wsuv_allocator_t *a = &server->loop->allocator;

  wsuv__publications_free(server);
  wsuv__topic_table_free(&server->topics);
  wsuv__stats_keep_server(server);
  wsuv_tls_context_release(server->tls);
  wsuv__visitors_free(&server->visitors);
  wsuv__release(a, server->subprotocols);
  wsuv__release(a, server->origins);
  wsuv__release(a, server->extensions);
  wsuv__release(a, server);
}

/* libuv has the handle until this: a server whose listener failed goes when it is closed, and nobody hears of it. */
static void failed_listener_closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;
  wsuv_loop_t *loop = server->loop;

  wsuv__list_remove(&server->link);
  wsuv__server_free(server);
  wsuv__loop_forget(loop);
}

static int open_listener(wsuv_server_t *server, const wsuv_server_options_t *o,
                         const struct wsuv__listening *how) {
  uv_loop_t *uv = server->loop->io.uv;
  int err = o->path != NULL ? uv_pipe_init(uv, &server->listener.pipe, 0)
                            : uv_tcp_init(uv, &server->listener.tcp);

  if (err != 0) {
    wsuv__server_free(server);
    return err;
  }
  server->listener.handle.data = server;
  wsuv__list_append(&server->loop->servers, &server->link);
  err = start_listening(server, o, how);
  if (err != 0) {
    wsuv__server_set_state(server, SERVER_CLOSING);
    uv_close(&server->listener.handle, failed_listener_closed);
  }
  return err;
}

/* All but the listener. */
static int new_server(wsuv_loop_t *loop, wsuv_server_t **out, const wsuv_server_options_t *o,
                      const wsuv_server_handler_t *handler, void *data) {
  wsuv_server_t *server;
  int err = judge_options(o, handler);

  if (err == 0 && loop->state != LOOP_RUNNING)
    err = WSUV_ESTATE;
  if (err != 0)
    return err;
  server = wsuv__alloc_zeroed(&loop->allocator, sizeof *server);
  if (server == NULL)
    return WSUV_ENOMEM;
  server->loop = loop;
  server->handler = handler;
  server->data = data;
  wsuv__list_init(&server->link);
  wsuv__list_init(&server->conns);
  wsuv__list_init(&server->closed.link);
  wsuv__list_init(&server->accept.link);
  server->accept.run = wsuv__server_accept_waiting;
  server->backlog = o->backlog > 0 ? o->backlog : DEFAULT_BACKLOG;
  wsuv__reserve_init(server);
  wsuv__drain_init(server);
  err = wsuv__topics_init(server);
  if (err == 0)
    err = fill_in(server, o);
  if (err != 0)
    wsuv__server_free(server);
  else
    *out = server;
  return err;
}

int wsuv__server_listen(wsuv_loop_t *loop, wsuv_server_t **out,
                        const wsuv_server_options_t *options, const wsuv_server_handler_t *handler,
                        void *data, const struct wsuv__listening *how) {
  const wsuv_server_options_t *o = options != NULL ? options : &presets;
  wsuv_server_t *server;
  int err;

  *out = NULL;
  err = new_server(loop, &server, o, handler, data);
  if (err == 0)
    err = open_listener(server, o, how);
  if (err == 0)
    *out = server;
  return err;
}

int wsuv_server_listen(wsuv_loop_t *loop, wsuv_server_t **out, const wsuv_server_options_t *options,
                       const wsuv_server_handler_t *handler, void *data) {
  static const struct wsuv__listening alone = {0, wsuv__server_on_connection};

  return wsuv__server_listen(loop, out, options, handler, data, &alone);
}

int wsuv_server_new(wsuv_loop_t *loop, wsuv_server_t **out, const wsuv_server_options_t *options,
                    const wsuv_server_handler_t *handler, void *data) {
  const wsuv_server_options_t *o = options != NULL ? options : &presets;
  int err;

  *out = NULL;
  if (o->size < sizeof *o || o->host != NULL || o->port != 0 || o->path != NULL || o->backlog != 0)
    return WSUV_EINVAL;
  err = new_server(loop, out, o, handler, data);
  if (err == 0)
    wsuv__list_append(&loop->servers, &(*out)->link);
  return err;
}
