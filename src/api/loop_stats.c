/* Numbers of one connection, and of a loop: what is there now, looked at when asked for. */
#include <string.h>

#include "api/server.h"
#include "api/stats.h"
#include "proto/endpoint_hold.h"
#include "proto/extensions.h"
#include "wsuv/deflate.h"

/* ---- a connection ---- */

/* What stages of extensions keep of a message, and the message itself. */
static size_t unfinished(const struct wsuv_endpoint *ep) {
  size_t octets = ep->message.buf.cap;
  size_t i;

  for (i = 0; ep->extensions != NULL && i < ep->extensions->nstages; i++)
    if (ep->extensions->stages[i].input != NULL)
      octets += ep->extensions->stages[i].input->len;
  return octets;
}

int wsuv_conn_stats(const wsuv_conn_t *conn, wsuv_conn_stats_t *out) {
  const struct wsuv_endpoint *ep = &conn->endpoint;
  uint64_t now = wsuv__loop_now_ms(&conn->loop->io);

  if (out->size < sizeof *out)
    return WSUV_EINVAL;
  wsuv_endpoint_traffic(ep, &out->received, &out->sent, &out->drops);
  out->queued = wsuv_conn_queued(conn);
  out->unfinished = unfinished(ep);
  out->held = wsuv__endpoint_held(ep);
  (void)wsuv_conn_rtt(conn, &out->rtt);
  out->age_ms = (int64_t)(now - conn->created_ms);
  out->open_ms = conn->opened ? (int64_t)(now - conn->opened_ms) : -1;
  return 0;
}

/* ---- a loop ---- */

size_t wsuv__stats_contexts(const wsuv_conn_t *conn) {
  size_t n = wsuv_conn_nextensions(conn);
  size_t octets = 0;
  size_t i;

  for (i = 0; i < n; i++) {
    wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, i);
    octets += wsuv_deflate_contexts(&negotiated);
  }
  return octets;
}

static void add_memory(wsuv_loop_memory_t *memory, const struct wsuv__list *conns) {
  struct wsuv__list *node;

  for (node = conns->next; node != conns; node = node->next) {
    const wsuv_conn_t *conn = WSUV__LIST_ENTRY(node, wsuv_conn_t, link);
    memory->connections += sizeof *conn;
    memory->queued += wsuv_conn_queued(conn);
    memory->unfinished += unfinished(&conn->endpoint);
    memory->held += wsuv__endpoint_held(&conn->endpoint);
    memory->deflate += wsuv__stats_contexts(conn);
  }
}

int wsuv_loop_stats(wsuv_loop_t *loop, wsuv_loop_stats_t *out) {
  struct wsuv__list *node;

  if (out->size < sizeof *out)
    return WSUV_EINVAL;
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  wsuv__stats_sum_up(&out->clients, &loop->ended_clients, &loop->clients);
  out->total = out->clients;
  wsuv_server_stats_add(&out->total, &loop->ended_servers);
  add_memory(&out->memory, &loop->clients);
  for (node = loop->servers.next; node != &loop->servers; node = node->next) {
    const wsuv_server_t *server = WSUV__LIST_ENTRY(node, wsuv_server_t, link);
    wsuv_server_stats_t stats;
    stats.size = sizeof stats;
    (void)wsuv_server_stats(server, &stats);
    wsuv_server_stats_add(&out->total, &stats);
    add_memory(&out->memory, &server->conns);
  }
  out->memory.buffers =
      loop->io.cork.cap + WSUV__READ_BUFFER_SIZE + wsuv__spares_octets(&loop->io.spares);
  if (loop->io.tls != NULL)
    out->memory.buffers += WSUV__READ_BUFFER_SIZE; /* what was decrypted */
  out->lag_ms = (int64_t)loop->io.lag_ms;
  out->lag_max_ms = (int64_t)loop->io.lag_max_ms;
  loop->io.lag_max_ms = 0;
  return 0;
}
