/* Sending: order, requests, backpressure, broadcast. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"

/* ---- requests ---- */

struct order {
  wsuv_send_t req;
  struct talker *t;
  int status;
  int ncalls;
};

static void on_sent(wsuv_send_t *req, int status) {
  struct order *order = req->data;
  CHECK_PTR(req, &order->req);
  order->status = status;
  order->ncalls++;
  talker_note(order->t, EV_SENT);
}

static int send_order(struct order *order, struct talker *t, const void *payload, size_t len) {
  memset(order, 0, sizeof *order);
  order->req.data = order;
  order->t = t;
  order->status = 1;
  return CALL(t->lb, wsuv_conn_send(t->conn, &order->req, WSUV_BINARY, payload, len, 0, on_sent));
}

static void test_requests(void **state) {
  static uint8_t payload[3 * 1024 * 1024];
  static uint8_t before[sizeof payload];
  struct loopback lb;
  struct host host;
  struct talker client;
  struct order orders[4];
  size_t i;
  (void)state;

  for (i = 0; i < sizeof payload; i++)
    payload[i] = before[i] = (uint8_t)(i * 31 + i / 255);
  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(0, send_order(&orders[0], &client, payload, sizeof payload));
  CHECK_ERR(0, talker_say(&client, "between"));
  CHECK_ERR(0, send_order(&orders[1], &client, payload, 0));
  CHECK_ERR(0, send_order(&orders[2], host.talkers[0], payload, sizeof payload));
  CHECK_ERR(0, send_order(&orders[3], host.talkers[0], payload, 5));
  CHECK_INT(0, orders[0].ncalls + orders[1].ncalls + orders[2].ncalls + orders[3].ncalls);
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 5);
  for (i = 0; i < 4; i++) {
    CHECK_INT(1, orders[i].ncalls);
    CHECK_ERR(0, orders[i].status);
  }
  CHECK_BYTES(before, sizeof before, payload, sizeof payload); /* a client masks a copy */
  CHECK_SIZE(2 * sizeof payload + 7 + 5, client.received);
  CHECK_SIZE(0, wsuv_conn_queued(client.conn));
  CHECK_SIZE(0, wsuv_conn_queued(host.talkers[0]->conn));
  loopback_close(&lb);
}

static void test_requests_cancelled(void **state) {
  static const uint8_t payload[8 * 1024 * 1024];
  struct loopback lb;
  struct host host;
  struct talker client;
  struct order orders[3];
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CALL_VOID(&lb, wsuv_conn_read_stop(host.talkers[0]->conn));
  for (i = 0; i < 3; i++)
    CHECK_ERR(0, send_order(&orders[i], &client, payload, sizeof payload));
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&lb, wsuv_conn_send_binary(client.conn, payload, 16 << 20)));
  for (i = 0; i < 5; i++)
    (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
  CALL_VOID(&lb, wsuv_conn_terminate(client.conn));
  CHECK_INT(0, orders[2].ncalls);
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_STR("osssc", client.log);
  CHECK_ERR(WSUV_ECANCELED, orders[1].status);
  CHECK_ERR(WSUV_ECANCELED, orders[2].status);
  loopback_close(&lb);
}

static void test_bad_arguments(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct order order;
  char big[126] = {0};
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_send_text(client.conn, NULL, 1)));
  CHECK_ERR(WSUV_EENCODING, CALL(&lb, wsuv_conn_send_text(client.conn, "\xc0\x80", 2)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_ping(client.conn, big, sizeof big)));
  memset(&order, 0, sizeof order);
  CHECK_ERR(WSUV_EINVAL,
            CALL(&lb, wsuv_conn_send(client.conn, &order.req, WSUV_PING, big, 1, 0, on_sent)));
  CHECK_SIZE(0, wsuv_conn_queued(client.conn));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send_text(client.conn, NULL, 0)));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_SIZE(0, client.len);
  loopback_close(&lb);
}

/* ---- text that came is sent on ---- */

struct relay {
  int nmessages;
  int nclosed;
};

/* Only the text as it was delivered is known to be right: neither a part of it, nor binary data. */
static void send_parts(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct relay *relay = wsuv_conn_data(conn);
  const char *octets = payload;
  CHECK_ERR(type == WSUV_TEXT ? 0 : WSUV_EENCODING, wsuv_conn_send_text(conn, payload, len));
  CHECK_ERR(WSUV_EENCODING, wsuv_conn_send_text(conn, octets, len - 1));
  CHECK_ERR(WSUV_EENCODING, wsuv_conn_send_text(conn, octets + 2, 1));
  if (relay->nmessages++ > 0)
    CHECK_ERR(0, wsuv_conn_close(conn, 0, NULL));
}

static void count_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct relay *relay = wsuv_conn_data(conn);
  (void)info;
  relay->nclosed++;
}

static const wsuv_handler_t relay_handler = {
    .size = sizeof(wsuv_handler_t), .on_message = send_parts, .on_close = count_close};

static void test_text_that_came(void **state) {
  struct loopback lb;
  struct host host;
  struct relay relay = {0, 0};
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_t *conn;
  char url[64];
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0, host_listen(&host, NULL));
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", host.port);
  options.url = url;
  CHECK_ERR(0, CALL(&lb, wsuv_connect(lb.loop, &conn, &options, &relay_handler, &relay)));
  RUN_UNTIL(&lb, host.ntalkers == 1 && host.talkers[0]->n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(host.talkers[0], "h\xc3\xa9"));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send_binary(host.talkers[0]->conn, "h\xff\xa9", 3)));
  RUN_UNTIL(&lb, relay.nclosed == 1 && host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(2, relay.nmessages);
  CHECK_INT(1, host.talkers[0]->n[EV_MESSAGE]); /* sent back as it came */
  CHECK_BYTES("h\xc3\xa9", 3, host.talkers[0]->payload, host.talkers[0]->len);
  loopback_close(&lb);
}

/* ---- backpressure, against a raw client that reads when it is told to ---- */

#define MESSAGE  32768u
#define LIMIT    (8u * 1024 * 1024)
#define OVERHEAD 4u /* octets of header */

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *t;
  uint32_t nsent;
};

static void open_rig(struct rig *rig, int64_t close_timeout_ms) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  conn.write_limit = LIMIT;
  conn.write_high_water = 1 << 20;
  conn.close_timeout_ms = close_timeout_ms;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  raw_open(&rig->raw, &rig->host);
  raw_stop_reading(&rig->raw);
  rig->t = rig->host.talkers[0];
}

/* Numbered messages until the queue is full. */
static void fill_queue(struct rig *rig) {
  static uint8_t payload[MESSAGE];
  int err;

  do {
    memcpy(payload, &rig->nsent, sizeof rig->nsent);
    err = CALL(&rig->lb, wsuv_conn_send_binary(rig->t->conn, payload, sizeof payload));
    if (err == 0)
      rig->nsent++;
    (void)uv_run(&rig->lb.uv, UV_RUN_NOWAIT);
  } while (err == 0);
  CHECK_ERR(WSUV_EQUEUEFULL, err);
}

static void expect_numbered(struct rig *rig, uint32_t *next, unsigned npings) {
  wsuv_frame_header_t header;
  const uint8_t *payload;
  uint32_t number;

  while (*next < rig->nsent || npings > 0) {
    RUN_UNTIL(&rig->lb, raw_took_frame(&rig->raw, &header, &payload));
    if (header.opcode == WSUV_PING) {
      npings--;
      continue;
    }
    CHECK_SIZE(MESSAGE, header.payload_len);
    memcpy(&number, payload, sizeof number);
    CHECK_INT(*next, number);
    ++*next;
  }
}

/* covers: UV.5 IOC.3 */
static void test_backpressure(void **state) {
  struct rig rig;
  uint32_t next = 0;
  size_t queued;
  (void)state;

  open_rig(&rig, 0);
  fill_queue(&rig);
  queued = wsuv_conn_queued(rig.t->conn);
  CHECK_TRUE(queued > LIMIT - MESSAGE - 64 - LIMIT / MESSAGE * 128 && queued <= LIMIT);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, &rig, LIMIT + 1)));
  CHECK_SIZE(queued, wsuv_conn_queued(rig.t->conn)); /* refused whole */
  CHECK_SIZE(0, rig.t->n[EV_DRAIN]);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_ping(rig.t->conn, "a", 1)));
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_DRAIN] == 1);
  CHECK_TRUE(wsuv_conn_queued(rig.t->conn) <= 1 << 19);
  expect_numbered(&rig, &next, 1);
  CHECK_SIZE(1, rig.t->n[EV_DRAIN]);
  CHECK_SIZE(0, wsuv_conn_queued(rig.t->conn));
  raw_stop_reading(&rig.raw);
  fill_queue(&rig); /* and once more */
  raw_start_reading(&rig.raw);
  expect_numbered(&rig, &next, 0);
  CHECK_SIZE(2, rig.t->n[EV_DRAIN]);
  CHECK_SIZE(0, wsuv_conn_queued(rig.t->conn));
  loopback_close(&rig.lb);
}

/* A Close waits for what was queued before it. covers: W127 W146 UV.10 */
static void test_close_behind_the_queue(void **state) {
  struct rig rig;
  uint32_t next = 0;
  (void)state;

  open_rig(&rig, 0);
  fill_queue(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.t->conn, 1001, NULL)));
  raw_start_reading(&rig.raw);
  expect_numbered(&rig, &next, 0);
  raw_expect_close(&rig.raw, 1001);
  CHECK_SIZE(rig.raw.in_len, rig.raw.at);
  raw_close_frame(&rig.raw, 1001, NULL);
  raw_expect_eof(&rig.raw);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_INT(1, rig.t->end.clean);
  loopback_close(&rig.lb);
}

/* What cannot leave within the closing handshake's time does not leave. covers: UV.9 */
static void test_close_behind_a_stuck_queue(void **state) {
  struct rig rig;
  struct order order;
  (void)state;

  open_rig(&rig, 50);
  fill_queue(&rig);
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.t->conn) < LIMIT / 2);
  raw_stop_reading(&rig.raw);
  CHECK_ERR(0, send_order(&order, rig.t, "x", 1));
  fill_queue(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.t->conn, 1001, NULL)));
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECANCELED, order.status);
  CHECK_INT(1, order.ncalls);
  CHECK_ERR(WSUV_ETIMEDOUT, rig.t->end.error);
  CHECK_INT(0, rig.t->end.clean);
  loopback_close(&rig.lb);
}

/* A peer that floods with pings and does not read gets one Pong in the end, the latest. covers: W140 */
static void test_ping_flood(void **state) {
  struct rig rig;
  size_t before;
  uint32_t next = 0;
  int i;
  wsuv_frame_header_t header;
  const uint8_t *payload;
  (void)state;

  open_rig(&rig, 0);
  fill_queue(&rig);
  before = wsuv_conn_queued(rig.t->conn);
  for (i = 0; i < 1000; i++)
    raw_frame(&rig.raw, WSUV_PING, i < 999 ? "early" : "latest", i < 999 ? 5 : 6);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_PING] == 1000);
  CHECK_TRUE(wsuv_conn_queued(rig.t->conn) <= before + 2 * 131);
  raw_start_reading(&rig.raw);
  do {
    RUN_UNTIL(&rig.lb, raw_took_frame(&rig.raw, &header, &payload));
    next += header.opcode == WSUV_BINARY;
  } while (header.opcode != WSUV_PONG);
  CHECK_BYTES("latest", 6, payload, header.payload_len);
  expect_numbered(&rig, &next, 0);
  loopback_close(&rig.lb);
}

static void test_order(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, 0);
  CHECK_ERR(0, talker_say(rig.t, "one"));
  CHECK_ERR(0, talker_say(rig.t, "two"));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_ping(rig.t->conn, "three", 5)));
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_ERR(0, talker_say(rig.t, "four"));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.t->conn, 0, NULL)));
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.raw.in_len == rig.raw.at + 5 + 5 + 7 + 6 + 4);
  CHECK_NOT_NULL(strstr((char *)rig.raw.in + rig.raw.at, "four"));
  loopback_close(&rig.lb);
}

/* ---- broadcast ---- */

static void speak(wsuv_conn_t *conn, void *arg) {
  size_t *n = arg;
  struct talker *t = wsuv_conn_data(conn);

  ++*n;
  (void)wsuv_conn_send_text(conn, "all", 3);
  if (t == t->host->talkers[0])
    wsuv_conn_terminate(conn);
  if (t == t->host->talkers[1])
    (void)wsuv_conn_close(conn, 1001, NULL);
  if (t == t->host->talkers[2] && t->host->talkers[3]->conn != NULL)
    wsuv_conn_terminate(t->host->talkers[3]->conn);
}

/* covers: UV.17 UV.16 CORE.12 */
static void test_broadcast(void **state) {
  struct loopback lb;
  struct host host;
  struct talker clients[6];
  size_t n = 0;
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  for (i = 0; i < 6; i++)
    connect_pair(&host, &clients[i]);
  CALL_VOID(&lb, wsuv_server_each(host.server, speak, &n));
  CHECK_TRUE(n == 5 || n == 6); /* 3 was visited before 2, or not at all */
  RUN_UNTIL(&lb, clients[4].n[EV_MESSAGE] == 1 && clients[5].n[EV_MESSAGE] == 1 &&
                     clients[0].n[EV_CLOSE] == 1 && clients[1].n[EV_CLOSE] == 1 &&
                     clients[3].n[EV_CLOSE] == 1 && wsuv_server_nconns(host.server) == 3);
  CHECK_INT(1001, clients[1].end.code);
  CHECK_SIZE(0, clients[2].n[EV_CLOSE]);
  n = 0;
  CALL_VOID(&lb, wsuv_server_each(host.server, speak, &n));
  CHECK_SIZE(3, n);
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_requests),
      cmocka_unit_test(test_requests_cancelled),
      cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_text_that_came),
      cmocka_unit_test(test_backpressure),
      cmocka_unit_test(test_close_behind_the_queue),
      cmocka_unit_test(test_close_behind_a_stuck_queue),
      cmocka_unit_test(test_ping_flood),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_broadcast),
  };
  return cmocka_run_group_tests_name("send", tests, NULL, NULL);
}
