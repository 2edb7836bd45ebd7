#include "api/stats.h"

#include <string.h>

#include "api/conn_rest.h"
#include "api/server.h"
#include "proto/traffic.h"
#include "wsuv/tls_info.h"

/* ---- what ends ---- */

wsuv_server_stats_t *wsuv__stats_of_ended(const wsuv_conn_t *conn) {
  return conn->server != NULL ? &conn->server->ended : &conn->loop->ended_clients;
}

int wsuv_close_class(int code) {
  if (code >= 1000 && code <= 1015)
    return code - 1000;
  if (code >= 3000 && code <= 3999)
    return WSUV_CLOSE_CLASS_3000;
  return code >= 4000 && code <= 4999 ? WSUV_CLOSE_CLASS_4000 : -1;
}

static void count_code(uint64_t *classes, int code) {
  int class = wsuv_close_class(code);

  if (class >= 0)
    classes[class]++;
}

void wsuv__stats_count_close(const wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  wsuv_server_stats_t *ended = wsuv__stats_of_ended(conn);

  count_code(ended->close_codes, info->code);
  count_code(ended->sent_close_codes, info->sent_code);
}

void wsuv__stats_count_tls(const wsuv_conn_t *conn, int status) {
  wsuv_server_stats_t *ended = wsuv__stats_of_ended(conn);
  wsuv_tls_info_t info;

  if (status != 0) {
    ended->tls_failed++;
    return;
  }
  ended->tls_handshakes++;
  if (wsuv_conn_tls(conn, &info) == 0 && info.resumed)
    ended->tls_resumed++;
}

/* ---- sums ---- */

static void add_traffic(wsuv_traffic_t *sum, const wsuv_traffic_t *way) {
  sum->text += way->text;
  sum->text_octets += way->text_octets;
  sum->binary += way->binary;
  sum->binary_octets += way->binary_octets;
  sum->pings += way->pings;
  sum->pongs += way->pongs;
  sum->closes += way->closes;
  sum->controls += way->controls;
  sum->wire_octets += way->wire_octets;
  sum->plain_octets += way->plain_octets;
  sum->encoded_octets += way->encoded_octets;
  sum->shared += way->shared;
}

static void add_drops(wsuv_drops_t *sum, const wsuv_drops_t *drops) {
  sum->oldest += drops->oldest;
  sum->replaced += drops->replaced;
  sum->refused += drops->refused;
  sum->closed += drops->closed;
}

static void forget_rtts(wsuv_server_stats_t *sum) {
  sum->rtt_min_ms = -1;
  sum->rtt_mean_ms = -1;
  sum->rtt_max_ms = -1;
}

static void add_rtts(wsuv_server_stats_t *sum, const wsuv_server_stats_t *stats) {
  int64_t total;

  if (stats->nrtts == 0 && sum->nrtts == 0) {
    forget_rtts(sum);
    return;
  }
  if (stats->nrtts == 0)
    return;
  if (sum->nrtts == 0 || stats->rtt_min_ms < sum->rtt_min_ms)
    sum->rtt_min_ms = stats->rtt_min_ms;
  if (sum->nrtts == 0 || stats->rtt_max_ms > sum->rtt_max_ms)
    sum->rtt_max_ms = stats->rtt_max_ms;
  total = stats->rtt_mean_ms * (int64_t)stats->nrtts;
  if (sum->nrtts > 0)
    total += sum->rtt_mean_ms * (int64_t)sum->nrtts;
  sum->nrtts += stats->nrtts;
  sum->rtt_mean_ms = total / (int64_t)sum->nrtts;
}

static void add_counts(uint64_t *sum, const uint64_t *counts, size_t n) {
  size_t i;

  for (i = 0; i < n; i++)
    sum[i] += counts[i];
}

void wsuv_server_stats_add(wsuv_server_stats_t *sum, const wsuv_server_stats_t *stats) {
  sum->accepted += stats->accepted;
  sum->opened += stats->opened;
  add_counts(sum->rejected, stats->rejected, WSUV_NREJECTIONS);
  sum->connections += stats->connections;
  sum->open += stats->open;
  add_traffic(&sum->received, &stats->received);
  add_traffic(&sum->sent, &stats->sent);
  add_drops(&sum->drops, &stats->drops);
  add_counts(sum->close_codes, stats->close_codes, WSUV_NCLOSE_CLASSES);
  add_counts(sum->sent_close_codes, stats->sent_close_codes, WSUV_NCLOSE_CLASSES);
  sum->tls_handshakes += stats->tls_handshakes;
  sum->tls_resumed += stats->tls_resumed;
  sum->tls_failed += stats->tls_failed;
  sum->queued += stats->queued;
  add_rtts(sum, stats);
}

void wsuv_loop_stats_add(wsuv_loop_stats_t *sum, const wsuv_loop_stats_t *stats) {
  wsuv_server_stats_add(&sum->total, &stats->total);
  wsuv_server_stats_add(&sum->clients, &stats->clients);
  sum->memory.connections += stats->memory.connections;
  sum->memory.queued += stats->memory.queued;
  sum->memory.unfinished += stats->memory.unfinished;
  sum->memory.held += stats->memory.held;
  sum->memory.deflate += stats->memory.deflate;
  sum->memory.buffers += stats->memory.buffers;
  if (stats->lag_ms > sum->lag_ms)
    sum->lag_ms = stats->lag_ms;
  if (stats->lag_max_ms > sum->lag_max_ms)
    sum->lag_max_ms = stats->lag_max_ms;
}

/* What a connection adds to the sums for good. */
static void add_conn_counts(wsuv_server_stats_t *sum, const wsuv_conn_t *conn) {
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;

  sum->accepted++;
  sum->opened += conn->opened;
  wsuv__traffic_get(wsuv__conn_traffic(conn), &received, &sent, &drops);
  add_traffic(&sum->received, &received);
  add_traffic(&sum->sent, &sent);
  add_drops(&sum->drops, &drops);
}

void wsuv__stats_count_ended(wsuv_conn_t *conn) {
  add_conn_counts(wsuv__stats_of_ended(conn), conn);
  conn->is_counted = 1;
}

static void add_conn(wsuv_server_stats_t *sum, const wsuv_conn_t *conn) {
  wsuv_server_stats_t present;
  wsuv_rtt_t rtt;

  memset(&present, 0, sizeof present);
  present.connections = 1;
  present.open = conn->opened && conn->phase != WSUV_STATE_RELEASING;
  present.queued = wsuv_conn_queued(conn);
  if (wsuv_conn_rtt(conn, &rtt) == 0) {
    present.nrtts = 1;
    present.rtt_min_ms = rtt.smoothed_ms;
    present.rtt_mean_ms = rtt.smoothed_ms;
    present.rtt_max_ms = rtt.smoothed_ms;
  }
  if (!conn->is_counted)
    add_conn_counts(&present, conn);
  wsuv_server_stats_add(sum, &present);
}

void wsuv__stats_sum_up(wsuv_server_stats_t *out, const wsuv_server_stats_t *ended,
                        const struct wsuv__list *conns) {
  struct wsuv__list *node;

  *out = *ended;
  out->size = sizeof *out;
  forget_rtts(out);
  for (node = conns->next; node != conns; node = node->next)
    add_conn(out, WSUV__LIST_ENTRY(node, wsuv_conn_t, link));
}

static void sum_up_server(wsuv_server_stats_t *out, const wsuv_server_t *server) {
  wsuv__stats_sum_up(out, &server->ended, &server->conns);
  add_counts(out->rejected, server->rejected, WSUV_NREJECTIONS);
}

int wsuv_server_stats(const wsuv_server_t *server, wsuv_server_stats_t *out) {
  if (out->size < sizeof *out)
    return WSUV_EINVAL;
  sum_up_server(out, server);
  return 0;
}

void wsuv__stats_keep_server(const wsuv_server_t *server) {
  wsuv_server_stats_t last;

  sum_up_server(&last, server);
  wsuv_server_stats_add(&server->loop->ended_servers, &last);
}
