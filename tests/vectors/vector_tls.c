#include "vectors/vector_tls.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

#define WATCHDOG_MS 30000u

#define CERT(name) WSUV_TEST_CERTS "/" name

/* ---- the loop ---- */

static int has_barked; /* then the same fault would be waited for in every vector */

static void on_watchdog(uv_timer_t *timer) {
  (void)timer;
  has_barked = 1;
  print_error("the watchdog: what was put in does not come out\n");
  fail();
}

static void feed_watchdog(struct vector_tls *wire) {
  uint64_t ms = getenv("WSUV_SLOW_RUN") != NULL ? 10 * WATCHDOG_MS : WATCHDOG_MS;
  if (has_barked)
    ms = 100;
  uv_update_time(&wire->uv);
  CHECK_ERR(0, uv_timer_start(&wire->watchdog, on_watchdog, ms, 0));
  uv_unref((uv_handle_t *)&wire->watchdog);
}

void vector_tls_turn(struct vector_tls *wire) {
  if (wire->idle > 1) {
    print_error("nothing keeps the loop alive, and not all that was put in has come out\n");
    fail();
  }
  wire->idle = uv_run(&wire->uv, UV_RUN_ONCE) == 0 ? wire->idle + 1 : 0;
}

/* ---- what the ends show each other ---- */

static void make_context(struct vector_tls *wire, wsuv_role_t role) {
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  char why[160] = "";
  int err;
  options.allocator = &wire->fa.allocator;
  options.min_version = WSUV_TLS_1_3;
  if (role == WSUV_SERVER) {
    identity.cert_file = CERT("server.pem");
    identity.key_file = CERT("server.key");
    options.identities = &identity;
    options.nidentities = 1;
  } else {
    options.ca_file = CERT("ca.pem");
  }
  err = wsuv_tls_context_new(&wire->contexts[role], role, &options, why, sizeof why);
  if (err != 0)
    print_error("%s\n", why);
  CHECK_ERR(0, err);
}

/* wsuv has no option for the highest version: there is no reason to want one but this. */
static void make_1_2_context(struct vector_tls *wire, wsuv_role_t role) {
  SSL_CTX *ctx = SSL_CTX_new(role == WSUV_SERVER ? TLS_server_method() : TLS_client_method());
  CHECK_NOT_NULL(ctx);
  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION));
  if (role == WSUV_SERVER) {
    CHECK_INT(1, SSL_CTX_use_certificate_chain_file(ctx, CERT("server.pem")));
    CHECK_INT(1, SSL_CTX_use_PrivateKey_file(ctx, CERT("server.key"), SSL_FILETYPE_PEM));
  } else {
    CHECK_INT(1, SSL_CTX_load_verify_locations(ctx, CERT("ca.pem"), NULL));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  }
  CHECK_ERR(0, wsuv_tls_context_from_ssl_ctx(&wire->contexts[role], role, ctx));
  SSL_CTX_free(ctx);
}

/* ---- a connection ---- */

/* Of the stream below: the one that connects says when. */
static void lower_connected(void *owner, int status) {
  CHECK_ERR(0, status);
  ((struct vector_tls_end *)owner)->is_connected = 1;
}

static const struct wsuv__stream_events lower_events = {.on_connected = lower_connected};

static void on_incoming(uv_stream_t *listener, int status) {
  struct vector_tls_end *end = listener->data;
  CHECK_ERR(0, status);
  CHECK_ERR(0, uv_accept(listener, end->lower.handle));
  end->is_connected = 1;
}

static void join_over_tcp(struct vector_tls *wire) {
  struct sockaddr_in address;
  int len = sizeof address;
  CHECK_ERR(0,
            wsuv__uv_stream_init_tcp(&wire->ours.lower, &wire->loop, &lower_events, &wire->ours));
  CHECK_ERR(0,
            wsuv__uv_stream_init_tcp(&wire->peer.lower, &wire->loop, &lower_events, &wire->peer));
  CHECK_ERR(0, uv_tcp_getsockname(&wire->listener, (struct sockaddr *)&address, &len));
  CHECK_ERR(0, wsuv__uv_stream_connect_tcp(&wire->peer.lower, (struct sockaddr *)&address));
  uv_ref((uv_handle_t *)&wire->listener);
  VECTOR_TLS_UNTIL(wire, wire->ours.is_connected && wire->peer.is_connected);
  uv_unref((uv_handle_t *)&wire->listener);
  wsuv__uv_stream_nodelay(&wire->ours.lower);
  wsuv__uv_stream_nodelay(&wire->peer.lower);
}

static void join_over_pipe(struct vector_tls *wire) {
  uv_os_sock_t fds[2];
  CHECK_ERR(0, uv_socketpair(SOCK_STREAM, 0, fds, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE));
  CHECK_ERR(0,
            wsuv__uv_stream_init_pipe(&wire->ours.lower, &wire->loop, &lower_events, &wire->ours));
  CHECK_ERR(0,
            wsuv__uv_stream_init_pipe(&wire->peer.lower, &wire->loop, &lower_events, &wire->peer));
  CHECK_ERR(0, uv_pipe_open(&wire->ours.lower.uv.pipe, fds[0]));
  CHECK_ERR(0, uv_pipe_open(&wire->peer.lower.uv.pipe, fds[1]));
}

static void put_tls_on(struct vector_tls_end *end, wsuv_role_t role) {
  int is_client = role == WSUV_CLIENT;
  CHECK_ERR(0, wsuv__tls_stream_new(&end->tls, &end->wire->loop, end->wire->contexts[role],
                                    is_client ? "localhost" : NULL, is_client ? 443 : 0));
  wsuv__tls_stream_put_on(end->tls, &end->lower.base, &vector_tls_events, end);
  end->is_connected = 0;
  wsuv__tls_stream_start(end->tls);
}

static void prepare_end(struct vector_tls *wire, struct vector_tls_end *end,
                        struct vector_tls_end *other) {
  memset(end, 0, sizeof *end);
  end->wire = wire;
  end->other = other;
}

static void connect_ends(struct vector_tls *wire) {
  prepare_end(wire, &wire->ours, &wire->peer);
  prepare_end(wire, &wire->peer, &wire->ours);
  if (wire->path == OVER_TCP)
    join_over_tcp(wire);
  else
    join_over_pipe(wire);
  put_tls_on(&wire->ours, wire->role);
  put_tls_on(&wire->peer, wire->role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER);
  VECTOR_TLS_UNTIL(wire, wire->peer.is_connected);
  if (!wire->mode.is_early)
    VECTOR_TLS_UNTIL(wire, wire->ours.is_connected);
  vector_tls_read(&wire->peer, 1);
  wire->is_open = 1;
  wire->nconnections++;
}

static void free_end(struct vector_tls_end *end) {
  wsuv__tls_stream_free(end->tls);
  vector_bytes_free(&end->flying);
  vector_bytes_free(&end->backlog);
  vector_bytes_free(&end->expected);
  vector_bytes_free(&end->arrived);
}

/* In order: each side is told of the other's end, behind all that was written. */
static void disconnect_ends(struct vector_tls *wire) {
  struct wsuv__stream *ours = wsuv__tls_stream_base(wire->ours.tls);
  struct wsuv__stream *peer = wsuv__tls_stream_base(wire->peer.tls);
  if (!wire->is_open)
    return;
  vector_tls_shut_down(&wire->ours);
  VECTOR_TLS_UNTIL(wire, wire->peer.has_ended);
  vector_tls_shut_down(&wire->peer);
  VECTOR_TLS_UNTIL(wire, wire->ours.has_ended);
  ours->ops->close(ours);
  peer->ops->close(peer);
  VECTOR_TLS_UNTIL(wire, wire->ours.is_closed && wire->peer.is_closed);
  free_end(&wire->ours);
  free_end(&wire->peer);
  wire->is_open = 0;
}

/* ---- its users ---- */

struct vector_tls *vector_tls_open(enum vector_tls_path path, wsuv_role_t role, int is_1_2) {
  struct vector_tls *wire = calloc(1, sizeof *wire);
  struct sockaddr_in address;
  void (*make)(struct vector_tls *, wsuv_role_t) = is_1_2 ? make_1_2_context : make_context;
  CHECK_NOT_NULL(wire);
  wire->path = path;
  wire->role = role;
  vector_tls_init_wire(wire);
  failing_alloc_init(&wire->fa);
  CHECK_ERR(0, uv_loop_init(&wire->uv));
  CHECK_ERR(0, uv_timer_init(&wire->uv, &wire->watchdog));
  CHECK_ERR(0, wsuv__loop_init(&wire->loop, &wire->uv, &wire->fa.allocator));
  make(wire, WSUV_SERVER);
  make(wire, WSUV_CLIENT);
  CHECK_ERR(0, uv_ip4_addr("127.0.0.1", 0, &address));
  CHECK_ERR(0, uv_tcp_init(&wire->uv, &wire->listener));
  CHECK_ERR(0, uv_tcp_bind(&wire->listener, (struct sockaddr *)&address, 0));
  wire->listener.data = &wire->ours;
  CHECK_ERR(0, uv_listen((uv_stream_t *)&wire->listener, 8, on_incoming));
  uv_unref((uv_handle_t *)&wire->listener);
  return wire;
}

struct vector_wire *vector_tls_begin(struct vector_tls *wire, struct vector_tls_mode mode) {
  feed_watchdog(wire);
  wire->mode = mode;
  if (wire->is_open && mode.is_early)
    disconnect_ends(wire);
  if (!wire->is_open)
    connect_ends(wire);
  return &wire->base;
}

void vector_tls_rest(struct vector_tls *wire) {
  wire->base.owner = NULL;
  if (!wire->ours.has_ended)
    vector_tls_read(&wire->ours, 1);
  VECTOR_TLS_UNTIL(wire, !wire->peer.is_writing && wire->ours.expected.len == 0);
  CHECK_SIZE(0, wire->peer.expected.len);
  CHECK_SIZE(0, wire->peer.arrived.len);
  if (wire->mode.ends || wire->ours.has_ended)
    disconnect_ends(wire);
}

static void on_loop_closed(struct wsuv__loop *loop) {
  struct vector_tls *wire = WSUV__LIST_ENTRY(loop, struct vector_tls, loop);
  wire->is_loop_closed = 1;
}

void vector_tls_close(struct vector_tls *wire) {
  feed_watchdog(wire);
  disconnect_ends(wire);
  wsuv_tls_context_release(wire->contexts[WSUV_SERVER]);
  wsuv_tls_context_release(wire->contexts[WSUV_CLIENT]);
  wsuv__loop_close(&wire->loop, on_loop_closed);
  uv_close((uv_handle_t *)&wire->listener, NULL);
  VECTOR_TLS_UNTIL(wire, wire->is_loop_closed);
  uv_close((uv_handle_t *)&wire->watchdog, NULL);
  (void)uv_run(&wire->uv, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&wire->uv));
  failing_alloc_check_no_leaks(&wire->fa);
  free(wire);
}
