/* Numbers of connections, servers and loops, over real sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/metrics.h>

#include "api/admission.h"
#include "api/server.h"
#include "integration/raw_peer.h"

#define LARGE (1024u * 1024)

static wsuv_conn_stats_t conn_stats(const struct talker *t) {
  wsuv_conn_stats_t stats;

  memset(&stats, 0, sizeof stats);
  CHECK_ERR(WSUV_EINVAL, CALL(t->lb, wsuv_conn_stats(t->conn, &stats)));
  stats.size = sizeof stats;
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_stats(t->conn, &stats)));
  return stats;
}

static wsuv_server_stats_t server_stats(const struct host *host) {
  wsuv_server_stats_t stats;

  memset(&stats, 0, sizeof stats);
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_server_stats(host->server, &stats)));
  stats.size = sizeof stats;
  CHECK_ERR(0, CALL(host->lb, wsuv_server_stats(host->server, &stats)));
  return stats;
}

static wsuv_loop_stats_t loop_stats(struct loopback *lb) {
  wsuv_loop_stats_t stats;

  stats.size = 0;
  CHECK_ERR(WSUV_EINVAL, CALL(lb, wsuv_loop_stats(lb->loop, &stats)));
  stats.size = sizeof stats;
  CHECK_ERR(0, CALL(lb, wsuv_loop_stats(lb->loop, &stats)));
  return stats;
}

static void check_same(const wsuv_traffic_t *expected, const wsuv_traffic_t *actual) {
  CHECK_SIZE(expected->text, actual->text);
  CHECK_SIZE(expected->text_octets, actual->text_octets);
  CHECK_SIZE(expected->binary, actual->binary);
  CHECK_SIZE(expected->binary_octets, actual->binary_octets);
  CHECK_SIZE(expected->wire_octets, actual->wire_octets);
  CHECK_BYTES(expected, sizeof *expected, actual, sizeof *actual);
}

/* ---- what is counted ---- */

static void on_sent(wsuv_send_t *req, int status) {
  int *done = req->data;

  CHECK_ERR(0, status);
  *done = 1;
}

static void say_everything(struct talker *t, const uint8_t *large) {
  struct loopback *lb = t->lb;
  static wsuv_prepared_t *prepared;

  CHECK_ERR(0, talker_say(t, "hello"));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_binary(t->conn, large, LARGE)));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "for many", 8, 0));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_prepared(t->conn, prepared)));
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(t->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(t->conn, "in ", 3, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_ping(t->conn, "amid", 4)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(t->conn, "three ", 6, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(t->conn, "pieces", 6)));
}

static void check_everything(const wsuv_traffic_t *way) {
  CHECK_SIZE(3, way->text);
  CHECK_SIZE(5 + 8 + 15, way->text_octets);
  CHECK_SIZE(2, way->binary);
  CHECK_SIZE(LARGE + 7, way->binary_octets);
  CHECK_TRUE(way->wire_octets > LARGE);
}

/* The client says everything, the server echoes what are messages. Both sides have counted the same, on the wire too, where
 * the heads of the opening handshake are in no number. */
static void test_both_sides(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_conn_stats_t at_client;
  wsuv_conn_stats_t at_server;
  uint8_t *large = calloc(1, LARGE);
  wsuv_send_t req;
  int done = 0;
  (void)state;

  CHECK_NOT_NULL(large);
  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  at_client = conn_stats(&client);
  CHECK_SIZE(0, at_client.sent.wire_octets);
  CHECK_SIZE(0, at_client.received.wire_octets);
  CHECK_INT(-1, at_client.rtt.last_ms);
  CHECK_TRUE(at_client.age_ms >= at_client.open_ms && at_client.open_ms >= 0);
  say_everything(&client, large);
  req.data = &done;
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send(client.conn, &req, WSUV_BINARY, "by hand", 7, 0, on_sent)));
  CHECK_TRUE(conn_stats(&client).queued > 0);
  RUN_UNTIL(&lb, done && client.n[EV_MESSAGE] == 5 && client.n[EV_PONG] == 1);
  at_client = conn_stats(&client);
  at_server = conn_stats(host.talkers[0]);
  check_everything(&at_client.sent);
  check_everything(&at_client.received);
  CHECK_SIZE(1, at_client.sent.pings);
  CHECK_SIZE(1, at_client.received.pongs);
  CHECK_SIZE(0, at_client.queued);
  check_same(&at_client.sent, &at_server.received);
  check_same(&at_server.sent, &at_client.received);
  loopback_close(&lb);
  free(large);
}

/* What is sent in on_open leaves together with the head, which is no part of it. */
static void greet(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CHECK_ERR(0, talker_say(t, "welcome"));
}

static void test_head_is_not_counted(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = greet;
  CHECK_ERR(0, host_listen(&host, NULL));
  connect_pair(&host, &client);
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_SIZE(2 + 7, conn_stats(host.talkers[0]).sent.wire_octets);
  CHECK_SIZE(2 + 7, conn_stats(&client).received.wire_octets);
  loopback_close(&lb);
}

/* ---- how connections end ---- */

struct last {
  wsuv_conn_stats_t stats;
  int taken;
};

static void keep_last(struct talker *t, enum event event) {
  struct last *last = t->arg;

  if (event != EV_CLOSE)
    return;
  last->stats = conn_stats(t); /* also inside of on_close */
  last->taken = 1;
}

static void end_with_code(struct host *host, int code) {
  struct talker *client = malloc(sizeof *client);
  size_t before = host->ntalkers;

  CHECK_NOT_NULL(client);
  connect_pair(host, client);
  if (code != 0)
    CHECK_ERR(0, CALL(host->lb, wsuv_conn_close(client->conn, code, NULL)));
  else
    CALL_VOID(host->lb, wsuv_conn_terminate(client->conn));
  RUN_UNTIL(host->lb, client->n[EV_CLOSE] == 1 && host->talkers[before]->n[EV_CLOSE] == 1);
  client->host = host; /* the fixture frees it */
}

static void test_close_codes(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct last last = {{0}, 0};
  wsuv_server_stats_t server;
  wsuv_loop_stats_t loop;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  end_with_code(&host, 1000);
  end_with_code(&host, 1001);
  end_with_code(&host, 3333);
  end_with_code(&host, 4000);
  end_with_code(&host, 4999);
  end_with_code(&host, 0);
  connect_pair(&host, &client);
  client.arg = &last;
  client.on_event = keep_last;
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(host.talkers[6]->conn, 1012, "restart")));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && host.talkers[6]->n[EV_CLOSE] == 1);
  CHECK_INT(1, last.taken);
  CHECK_SIZE(1, last.stats.received.closes);
  CHECK_SIZE(1, last.stats.sent.closes);
  server = server_stats(&host);
  CHECK_SIZE(7, server.accepted);
  CHECK_SIZE(7, server.opened);
  CHECK_SIZE(0, server.connections);
  CHECK_SIZE(0, server.open);
  CHECK_SIZE(1, server.close_codes[0]);
  CHECK_SIZE(1, server.close_codes[1]);
  CHECK_SIZE(1, server.close_codes[6]);
  CHECK_SIZE(1, server.close_codes[12]);
  CHECK_SIZE(1, server.close_codes[WSUV_CLOSE_CLASS_3000]);
  CHECK_SIZE(2, server.close_codes[WSUV_CLOSE_CLASS_4000]);
  CHECK_SIZE(1, server.sent_close_codes[12]);
  CHECK_SIZE(2, server.sent_close_codes[WSUV_CLOSE_CLASS_4000]);
  CHECK_SIZE(0, server.sent_close_codes[6]);
  CHECK_SIZE(6, server.received.closes);
  loop = loop_stats(&lb);
  CHECK_SIZE(7, loop.clients.accepted);
  CHECK_SIZE(14, loop.total.accepted);
  CHECK_SIZE(2, loop.clients.close_codes[WSUV_CLOSE_CLASS_4000]);
  CHECK_SIZE(2, loop.total.close_codes[12]);
  loopback_close(&lb);
}

/* Whatever counts them, they are told, and stay with the loop when the server is gone. */
static void test_rejections(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_stats_t server;
  wsuv_loop_stats_t loop;
  int reason;
  int n;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(0, talker_say(&client, "hello"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  for (reason = 0; reason < WSUV_NREJECTIONS; reason++)
    for (n = 0; n <= reason; n++)
      wsuv__server_count_rejection(host.server, (wsuv_rejection_t)reason);
  server = server_stats(&host);
  for (reason = 0; reason < WSUV_NREJECTIONS; reason++)
    CHECK_SIZE(reason + 1, server.rejected[reason]);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  CALL_VOID(&lb, wsuv_server_close(host.server));
  RUN_UNTIL(&lb, host.nclosed == 1 && client.n[EV_CLOSE] == 1);
  loop = loop_stats(&lb);
  for (reason = 0; reason < WSUV_NREJECTIONS; reason++)
    CHECK_SIZE(reason + 1, loop.total.rejected[reason]);
  CHECK_SIZE(2, loop.total.received.text);
  CHECK_SIZE(1, loop.clients.received.text);
  CHECK_SIZE(0, loop.clients.rejected[0]);
  loopback_close(&lb);
}

/* ---- sums ---- */

#define CHURN 50u

struct churn {
  struct loopback lb;
  struct host host;
  struct talker clients[CHURN];
  wsuv_traffic_t received; /* of the server's connections that ended */
  wsuv_traffic_t sent;
  uint64_t nended;
  unsigned nchecked;
};

static struct churn *the_churn;

static void add(wsuv_traffic_t *sum, const wsuv_traffic_t *way) {
  wsuv_server_stats_t a;
  wsuv_server_stats_t b;

  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  a.received = *sum;
  b.received = *way;
  wsuv_server_stats_add(&a, &b);
  *sum = a.received;
}

/* Inside of any callback: the server's sums are those of its connections, the loop's those of server and clients. */
static void check_sums(struct churn *churn) {
  wsuv_traffic_t received = churn->received;
  wsuv_traffic_t sent = churn->sent;
  wsuv_server_stats_t server = server_stats(&churn->host);
  wsuv_loop_stats_t loop = loop_stats(&churn->lb);
  uint64_t opened = churn->nended;
  size_t i;

  for (i = 0; i < churn->host.ntalkers; i++) {
    wsuv_conn_stats_t stats;
    if (churn->host.talkers[i]->conn == NULL || churn->host.talkers[i]->n[EV_CLOSE] > 0)
      continue;
    stats = conn_stats(churn->host.talkers[i]);
    add(&received, &stats.received);
    add(&sent, &stats.sent);
    opened++;
  }
  check_same(&received, &server.received);
  check_same(&sent, &server.sent);
  CHECK_SIZE(opened, server.opened);
  wsuv_server_stats_add(&server, &loop.clients);
  check_same(&server.received, &loop.total.received);
  check_same(&server.sent, &loop.total.sent);
  CHECK_SIZE(server.accepted, loop.total.accepted);
  CHECK_SIZE(server.connections, loop.total.connections);
  churn->nchecked++;
}

static void server_churns(struct talker *t, enum event event) {
  struct churn *churn = the_churn;

  talker_echo(t, event);
  if (event == EV_MESSAGE && t->n[EV_MESSAGE] == 3 && churn->host.ntalkers % 3 == 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
  if (event == EV_MESSAGE || event == EV_OPEN)
    check_sums(churn);
  if (event == EV_CLOSE) {
    wsuv_conn_stats_t last = conn_stats(t);
    add(&churn->received, &last.received);
    add(&churn->sent, &last.sent);
    churn->nended++;
  }
}

static void client_churns(struct talker *t, enum event event) {
  size_t which = (size_t)(t - the_churn->clients);

  if (event == EV_OPEN || event == EV_MESSAGE) {
    if (t->n[EV_MESSAGE] < which % 7)
      (void)talker_say(t, "once more");
    else if (which % 5 == 0)
      CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
    else
      (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
  }
}

static void test_churn(void **state) {
  struct churn *churn = calloc(1, sizeof *churn);
  wsuv_server_stats_t server;
  size_t i;
  (void)state;

  CHECK_NOT_NULL(churn);
  the_churn = churn;
  loopback_open(&churn->lb);
  host_init(&churn->host, &churn->lb);
  churn->host.on_event = server_churns;
  CHECK_ERR(0, host_listen(&churn->host, NULL));
  for (i = 0; i < CHURN; i++) {
    talker_init(&churn->clients[i], &churn->lb);
    churn->clients[i].on_event = client_churns;
    CHECK_ERR(0, talker_connect(&churn->clients[i], &churn->host, NULL));
  }
  for (i = 0; i < CHURN; i++)
    while (churn->clients[i].n[EV_CLOSE] == 0) {
      loopback_turn(&churn->lb);
      check_sums(churn);
    }
  RUN_UNTIL(&churn->lb, wsuv_server_nconns(churn->host.server) == 0);
  check_sums(churn);
  CHECK_TRUE(churn->nchecked > CHURN);
  server = server_stats(&churn->host);
  CHECK_SIZE(CHURN, server.accepted);
  CHECK_SIZE(churn->nended, server.opened);
  CHECK_TRUE(server.received.text > CHURN);
  loopback_close(&churn->lb);
  free(churn);
}

/* An extension's session ends behind on_close, and its hook may look: the connection is in the sums once, not twice. */
static const struct host *looked_at;
static unsigned nlooks;

static void look(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  (void)session;
  if (looked_at->server == NULL)
    return;
  nlooks++;
  CHECK_SIZE(1, server_stats(looked_at).received.text);
  CHECK_SIZE(1, server_stats(looked_at).opened);
  CHECK_SIZE(1, loop_stats(looked_at->lb).clients.sent.text);
  CHECK_SIZE(2, loop_stats(looked_at->lb).total.accepted);
}

static void test_counted_once(void **state) {
  static const wsuv_extension_t looking = {
      .size = sizeof(wsuv_extension_t), .token = "x-look", .end = look};
  const wsuv_extension_t *const extensions[] = {&looking};
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  looked_at = &host;
  nlooks = 0;
  options.extensions = to.extensions = extensions;
  options.nextensions = to.nextensions = 1;
  CHECK_ERR(0, host_listen(&host, &options));
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_SIZE(1, wsuv_conn_nextensions(client.conn));
  CHECK_ERR(0, talker_say(&client, "hello"));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && host.ntalkers == 1 &&
                     host.talkers[0]->n[EV_CLOSE] == 1 && nlooks == 2);
  loopback_close(&lb);
}

/* ---- what is there now ---- */

static void test_round_trips(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_server_stats_t server;
  wsuv_conn_stats_t at_server;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  conn.ping_interval_ms = 20;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &client);
  server = server_stats(&host);
  CHECK_SIZE(0, server.nrtts);
  CHECK_INT(-1, server.rtt_mean_ms);
  RUN_UNTIL(&lb, host.talkers[0]->n[EV_PONG] == 2);
  server = server_stats(&host);
  at_server = conn_stats(host.talkers[0]);
  CHECK_SIZE(1, server.nrtts);
  CHECK_INT(at_server.rtt.smoothed_ms, server.rtt_mean_ms);
  CHECK_TRUE(server.rtt_min_ms >= 0 && server.rtt_min_ms == server.rtt_max_ms);
  CHECK_SIZE(2, at_server.received.pongs);
  CHECK_SIZE(at_server.sent.pings, server.sent.pings);
  loopback_close(&lb);
}

/* A message that has come in part, octets that nobody reads, a peer that does not read. */
static void test_memory(void **state) {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *t;
  wsuv_loop_stats_t loop;
  uint8_t begin[] = {0x02, 0x85, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 'e'};
  uint8_t *large = calloc(1, 8 * LARGE);
  (void)state;

  CHECK_NOT_NULL(large);
  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0, host_listen(&host, NULL));
  loop = loop_stats(&lb);
  CHECK_SIZE(0, loop.memory.connections);
  CHECK_TRUE(loop.memory.buffers > 0);
  raw_open(&raw, &host);
  t = host.talkers[0];
  raw_send(&raw, begin, sizeof begin);
  RUN_UNTIL(&lb, conn_stats(t).received.wire_octets == sizeof begin);
  CHECK_TRUE(conn_stats(t).unfinished >= 5);
  CHECK_SIZE(0, conn_stats(t).received.binary);
  CHECK_SIZE(0, conn_stats(t).received.binary_octets);
  CALL_VOID(&lb, wsuv_conn_read_stop(t->conn));
  raw_frame(&raw, WSUV_PING, "held", 4);
  RUN_UNTIL(&lb, conn_stats(t).held > 0);
  CHECK_SIZE(10, conn_stats(t).held);
  CHECK_SIZE(0, conn_stats(t).received.pings);
  raw_stop_reading(&raw);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send_binary(t->conn, large, 8 * LARGE)));
  RUN_UNTIL(&lb, conn_stats(t).sent.wire_octets > 0);
  loop = loop_stats(&lb);
  CHECK_TRUE(loop.memory.connections >= WSUV__CONN_TCP_SIZE);
  CHECK_SIZE(10, loop.memory.held);
  CHECK_TRUE(loop.memory.unfinished >= 5);
  CHECK_TRUE(loop.memory.queued > 0);
  CHECK_SIZE(loop.memory.queued, server_stats(&host).queued);
  CHECK_SIZE(loop.memory.queued, wsuv_conn_queued(t->conn));
  CHECK_SIZE(1, loop.total.open);
  loopback_close(&lb);
  free(large);
}

/* The loop is held up until behind a heartbeat's time. */
static void hold_up(uv_timer_t *timer) {
  uv_sleep(200);
  uv_close((uv_handle_t *)timer, NULL);
}

static void test_lag(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_loop_stats_t loop;
  uv_timer_t timer;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  conn.ping_interval_ms = 40;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &client);
  RUN_UNTIL(&lb, host.talkers[0]->n[EV_PONG] == 1);
  (void)loop_stats(&lb);
  CHECK_ERR(0, uv_timer_init(&lb.uv, &timer));
  CHECK_ERR(0, uv_timer_start(&timer, hold_up, 0, 0));
  RUN_UNTIL(&lb, host.talkers[0]->n[EV_PONG] == 3);
  loop = loop_stats(&lb);
  CHECK_TRUE(loop.lag_max_ms > 100);
  CHECK_TRUE(loop.lag_ms <= loop.lag_max_ms);
  loop = loop_stats(&lb);
  CHECK_INT(0, loop.lag_max_ms); /* nothing happened since */
  loopback_close(&lb);
}

static void test_as_text(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  char text[32768];
  size_t len;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(0, talker_say(&client, "hello"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_ERR(WSUV_ENOBUFS, CALL(&lb, wsuv_metrics_write_loop(lb.loop, text, 100, &len)));
  CHECK_TRUE(len > 100);
  CHECK_ERR(0, CALL(&lb, wsuv_metrics_write_loop(lb.loop, text, sizeof text, &len)));
  CHECK_SIZE(strlen(text), len);
  CHECK_NOT_NULL(strstr(text, "\nwsuv_messages_total{direction=\"received\",type=\"text\"} 2\n"));
  CHECK_NOT_NULL(strstr(text, "\nwsuv_connections 2\n"));
  CHECK_NOT_NULL(strstr(text, "\nwsuv_loop_lag_seconds{stat=\"max\"} "));
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_sides),  cmocka_unit_test(test_head_is_not_counted),
      cmocka_unit_test(test_close_codes), cmocka_unit_test(test_rejections),
      cmocka_unit_test(test_churn),       cmocka_unit_test(test_counted_once),
      cmocka_unit_test(test_round_trips), cmocka_unit_test(test_memory),
      cmocka_unit_test(test_lag),         cmocka_unit_test(test_as_text),
  };
  return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
