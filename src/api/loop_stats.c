/* Numbers of one connection, and of a loop: what is there now, looked at when asked for. */
#include <string.h>

#include "api/conn_rest.h"
#include "api/server.h"
#include "api/stats.h"
#include "proto/endpoint_hold.h"
#include "proto/extensions.h"
#include "proto/traffic.h"
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
  uint64_t now = wsuv__loop_now_ms(&conn->loop->io);

  if (out->size < sizeof *out)
    return WSUV_EINVAL;
  wsuv__traffic_get(wsuv__conn_traffic(conn), &out->received, &out->sent, &out->drops);
  out->queued = wsuv_conn_queued(conn);
  out->unfinished = conn->awake != NULL ? unfinished(&conn->awake->endpoint) : 0;
  out->held = conn->awake != NULL ? wsuv__endpoint_held(&conn->awake->endpoint) : 0;
  (void)wsuv_conn_rtt(conn, &out->rtt);
  out->age_ms = (int64_t)(now - conn->created_ms);
  out->open_ms = conn->opened ? (int64_t)(now - conn->created_ms - conn->opening_ms) : -1;
  return 0;
}

/* ---- a loop ---- */

size_t wsuv__stats_contexts(const wsuv_conn_t *conn) {
  const struct wsuv__extensions *set = wsuv__conn_extensions(conn);
  size_t octets = 0;
  size_t i;

  for (i = 0; set != NULL && set->nsharers == 0 && i < set->nstages; i++) {
    wsuv_negotiated_t negotiated = {set->stages[i].extension, set->stages[i].session};
    octets += wsuv_deflate_contexts(&negotiated);
  }
  return octets;
}

static void add_unfinished(wsuv_loop_memory_t *memory, const struct wsuv_endpoint *ep) {
  memory->unfinished += unfinished(ep);
  memory->held += wsuv__endpoint_held(ep);
}

static void add_memory(wsuv_loop_memory_t *memory, const struct wsuv__list *conns) {
  struct wsuv__list *node;

  for (node = conns->next; node != conns; node = node->next) {
    const wsuv_conn_t *conn = WSUV__LIST_ENTRY(node, wsuv_conn_t, link);
    memory->connections += wsuv__conn_size(conn);
    memory->queued += wsuv_conn_queued(conn);
    memory->deflate += wsuv__stats_contexts(conn);
    if (conn->awake != NULL)
      add_unfinished(memory, &conn->awake->endpoint);
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
    out->memory.buffers += wsuv__publications_octets(&server->publications);
  }
  out->memory.buffers += loop->io.cork.cap + WSUV__READ_BUFFER_SIZE +
                         wsuv__spares_octets(&loop->io.spares) + wsuv__loop_spares(loop);
  if (loop->io.tls != NULL)
    out->memory.buffers += WSUV__READ_BUFFER_SIZE; /* what was decrypted */
  out->lag_ms = (int64_t)loop->io.lag_ms;
  out->lag_max_ms = (int64_t)loop->io.lag_max_ms;
  loop->io.lag_max_ms = 0;
  return 0;
}
