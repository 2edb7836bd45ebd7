/* Peers that do not read, under each policy: what they get once they do, what is counted meanwhile, who is served all the
 * same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/conn_rest.h"
#include "integration/raw_peer.h"
#include "proto/outbox_entry.h"

enum { SMALL_BUFFER = 32768, FILLER = 64 * 1024, LIMIT = 256 * 1024, NSENT = 400, MESSAGE = 2000 };

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *t; /* the server's side of `raw` */
  size_t nfillers;
};

static void open_with(struct rig *rig, const wsuv_conn_options_t *conn) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  options.conn = conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  raw_open(&rig->raw, &rig->host);
  rig->t = rig->host.talkers[0];
}

static wsuv_conn_options_t small_limits(void) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  conn.write_limit = LIMIT;
  conn.ping_interval_ms = WSUV_OFF;
  return conn;
}

static void turn_a_few_times(struct loopback *lb) {
  int i;
  for (i = 0; i < 5; i++)
    (void)uv_run(&lb->uv, UV_RUN_NOWAIT);
}

static void make_small(uv_handle_t *ours, uv_handle_t *theirs, int small) {
  CHECK_ERR(0, uv_send_buffer_size(ours, &small));
  CHECK_ERR(0, uv_recv_buffer_size(theirs, &small));
}

/* The peer stops to read, and the kernel takes no more: what is sent from here on waits, behind fillers that begin with '#'. */
static void block(struct rig *rig) {
  static uint8_t filler[FILLER];
  memset(filler, '#', sizeof filler);
  make_small(&rig->t->conn->stream.uv.handle, &rig->raw.uv.handle, SMALL_BUFFER);
  raw_stop_reading(&rig->raw);
  do {
    wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
    o.slow = WSUV_SLOW_REFUSE;
    CHECK_ERR(0, CALL(&rig->lb,
                      wsuv_conn_send_with(rig->t->conn, WSUV_BINARY, filler, sizeof filler, &o)));
    rig->nfillers++;
    turn_a_few_times(&rig->lb);
  } while (wsuv_conn_queued(rig->t->conn) == 0);
}

/* ---- requests that know what becomes of them ---- */

struct order {
  wsuv_send_t req;
  struct rig *rig;
  int status; /* 1: not called back */
  int ncalls;
  void (*then)(struct order *order);
  uint8_t payload[MESSAGE];
};

static void on_sent(wsuv_send_t *req, int status) {
  struct order *order = req->data;
  CHECK_INT(0, order->rig->lb.in_call);
  order->status = status;
  order->ncalls++;
  if (order->then != NULL)
    order->then(order);
}

static void order_init(struct order *order, struct rig *rig, uint32_t number) {
  order->rig = rig;
  order->req.data = order;
  order->status = 1;
  order->ncalls = 0;
  order->then = NULL;
  memset(order->payload, (int)(number % 251), MESSAGE);
  memcpy(order->payload, &number, sizeof number);
}

static int send_order(struct order *order, wsuv_slow_t slow, uint64_t key) {
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
  o.slow = slow;
  o.key = key;
  o.req = &order->req;
  o.cb = on_sent;
  return CALL(&order->rig->lb,
              wsuv_conn_send_with(order->rig->t->conn, WSUV_BINARY, order->payload, MESSAGE, &o));
}

static struct order *new_orders(struct rig *rig, size_t n) {
  struct order *orders = calloc(n, sizeof *orders);
  uint32_t i;
  CHECK_NOT_NULL(orders);
  for (i = 0; i < n; i++)
    order_init(&orders[i], rig, i);
  return orders;
}

/* ---- what the peer gets ---- */

/* The next message that is no filler; -1 for a Close. */
static int next_number(struct rig *rig) {
  for (;;) {
    wsuv_frame_header_t header;
    const uint8_t *payload;
    uint32_t number;
    RUN_UNTIL(&rig->lb, raw_took_frame(&rig->raw, &header, &payload));
    if (header.opcode == WSUV_CLOSE)
      return -1;
    if (header.payload_len == FILLER && payload[0] == '#')
      continue;
    CHECK_SIZE(MESSAGE, header.payload_len);
    memcpy(&number, payload, sizeof number);
    CHECK_INT((int)(number % 251), payload[MESSAGE - 1]);
    return (int)number;
  }
}

static void expect_numbers(struct rig *rig, const int *numbers, size_t n) {
  size_t i;
  raw_start_reading(&rig->raw);
  for (i = 0; i < n; i++)
    CHECK_INT(numbers[i], next_number(rig));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_close(rig->t->conn, 1000, NULL)));
  CHECK_INT(-1, next_number(rig));
}

/* ---- the policies ---- */

/* From the connection's options, and of one message alone. */
static void test_refuse(void **state) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  int numbers[NSENT];
  size_t n = 0;
  int i;
  (void)state;

  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  for (i = 0; i < NSENT; i++) {
    int err = send_order(&orders[i], i % 2 ? WSUV_SLOW_DEFAULT : WSUV_SLOW_REFUSE, 0);
    if (err == 0)
      numbers[n++] = i;
    else
      CHECK_ERR(WSUV_EQUEUEFULL, err);
  }
  CHECK_TRUE(n > 10 && n < NSENT);
  CHECK_INT((int)n - 1, numbers[n - 1]); /* once full, it stays so */
  expect_numbers(&rig, numbers, n);
  for (i = 0; i < NSENT; i++)
    CHECK_INT(i < (int)n ? 1 : 0, orders[i].ncalls);
  loopback_close(&rig.lb);
  free(orders);
}

static void test_drop_oldest(void **state) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  int numbers[NSENT];
  size_t n = 0;
  int i;
  (void)state;

  conn.slow_reader = WSUV_SLOW_DROP_OLDEST;
  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  CHECK_ERR(0, send_order(&orders[0], WSUV_SLOW_REFUSE, 0));
  for (i = 1; i < NSENT; i++) {
    CHECK_ERR(0, send_order(&orders[i], WSUV_SLOW_DEFAULT, 0));
    CHECK_TRUE(wsuv_conn_queued(rig.t->conn) <= LIMIT);
  }
  CHECK_INT(0, orders[1].ncalls); /* not inside the call */
  turn_a_few_times(&rig.lb);
  for (i = 0; i < NSENT; i++)
    if (orders[i].status == 1)
      numbers[n++] = i;
    else
      CHECK_ERR(WSUV_EDROPPED, orders[i].status);
  CHECK_INT(0, numbers[0]); /* it was not to be dropped */
  CHECK_TRUE(n > 10 && n < NSENT / 2);
  for (i = 1; i < (int)n; i++) /* the newest are left, without a gap */
    CHECK_INT(NSENT - (int)n + i, numbers[i]);
  expect_numbers(&rig, numbers, n);
  for (i = 0; i < NSENT; i++)
    CHECK_INT(1, orders[i].ncalls);
  loopback_close(&rig.lb);
  free(orders);
}

static void test_keep_latest(void **state) {
  static const int newest[] = {395, 396, 397, 398, 399};
  struct rig rig;
  struct order *orders;
  int i;
  (void)state;

  open_with(&rig, NULL);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  for (i = 0; i < NSENT; i++)
    CHECK_ERR(0, send_order(&orders[i], WSUV_SLOW_KEEP_LATEST, (uint64_t)i % 5));
  expect_numbers(&rig, newest, 5);
  for (i = 0; i < NSENT; i++) {
    CHECK_INT(1, orders[i].ncalls);
    CHECK_ERR(i < 395 ? WSUV_EDROPPED : 0, orders[i].status);
  }
  loopback_close(&rig.lb);
  free(orders);
}

/* A client whose server does not read: masked copies. */
static void test_keep_latest_of_a_client(void **state) {
  wsuv_conn_options_t conn = small_limits();
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
  size_t nfillers = 0;
  char text[32];
  int i;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  conn.read_ahead = WSUV_OFF;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &client);
  make_small(&client.conn->stream.uv.handle, &host.talkers[0]->conn->stream.uv.handle,
             SMALL_BUFFER);
  CALL_VOID(&lb, wsuv_conn_read_stop(host.talkers[0]->conn));
  do {
    static const uint8_t filler[FILLER];
    CHECK_ERR(0, CALL(&lb, wsuv_conn_send_binary(client.conn, filler, sizeof filler)));
    nfillers++;
    turn_a_few_times(&lb);
  } while (wsuv_conn_queued(client.conn) == 0);
  o.slow = WSUV_SLOW_KEEP_LATEST;
  for (i = 0; i < 1000; i++) {
    (void)snprintf(text, sizeof text, "price %d", i);
    CHECK_ERR(0, CALL(&lb, wsuv_conn_send_with(client.conn, WSUV_TEXT, text, strlen(text), &o)));
  }
  CALL_VOID(&lb, wsuv_conn_read_start(host.talkers[0]->conn));
  RUN_UNTIL(&lb, host.talkers[0]->n[EV_MESSAGE] == nfillers + 1);
  CHECK_STR("price 999", (char *)host.talkers[0]->payload);
  CHECK_SIZE(0, wsuv_conn_queued(client.conn));
  loopback_close(&lb);
}

/* More in one event than the limit, to a peer that reads: nothing is lost before the kernel was asked. */
static void test_a_burst_to_who_reads(void **state) {
  enum { NBURST = LIMIT / (MESSAGE + 4 + 128) + 10 };
  static const wsuv_slow_t slows[] = {WSUV_SLOW_REFUSE, WSUV_SLOW_DROP_OLDEST, WSUV_SLOW_CLOSE};
  size_t k;
  (void)state;

  for (k = 0; k < 3; k++) {
    wsuv_conn_options_t conn = small_limits();
    struct rig rig;
    struct order *orders;
    int numbers[NBURST];
    int i;
    open_with(&rig, &conn);
    orders = new_orders(&rig, NBURST);
    for (i = 0; i < NBURST; i++) {
      CHECK_ERR(0, send_order(&orders[i], slows[k], 0));
      numbers[i] = i;
    }
    raw_stop_reading(&rig.raw);
    expect_numbers(&rig, numbers, NBURST);
    for (i = 0; i < NBURST; i++)
      CHECK_ERR(0, orders[i].status);
    loopback_close(&rig.lb);
    free(orders);
  }
}

/* ---- WSUV_SLOW_CLOSE ---- */

/* Fills the queue; the last send finds it full. */
static void fill_until_closed(struct rig *rig, struct order *orders) {
  int err = 0;
  int i;
  for (i = 0; i < NSENT && err == 0; i++)
    err = send_order(&orders[i], WSUV_SLOW_DEFAULT, 0);
  CHECK_ERR(WSUV_ESLOWREADER, err);
  CHECK_INT(0, orders[i - 1].ncalls);
  CHECK_SIZE(0, rig->t->n[EV_CLOSE]);
  CHECK_ERR(WSUV_ESTATE, send_order(&orders[i], WSUV_SLOW_DEFAULT, 0));
  orders[i - 1].ncalls = orders[i].ncalls = -1; /* never */
}

/* Those that were taken: 0 or cancelled, once. */
static void check_orders(const struct order *orders) {
  int i;
  for (i = 0; orders[i].ncalls >= 0; i++) {
    CHECK_INT(1, orders[i].ncalls);
    CHECK_ERR(WSUV_ECANCELED, orders[i].status);
  }
  CHECK_TRUE(i > 10);
}

static void test_close_and_a_peer_that_reads_on(void **state) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  struct talker other;
  (void)state;

  conn.slow_reader = WSUV_SLOW_CLOSE;
  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  fill_until_closed(&rig, orders);
  connect_pair(&rig.host, &other); /* who reads is served meanwhile */
  CHECK_ERR(0, talker_say(rig.host.talkers[1], "hello"));
  RUN_UNTIL(&rig.lb, other.n[EV_MESSAGE] == 1);
  CHECK_SIZE(0, rig.t->n[EV_CLOSE]);
  raw_start_reading(&rig.raw);
  CHECK_INT(-1, next_number(&rig)); /* behind what had begun to leave */
  raw_close_frame(&rig.raw, 1008, NULL);
  RUN_UNTIL(&rig.lb, rig.raw.eof);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_INT(1008, rig.t->end.sent_code);
  CHECK_ERR(WSUV_ESLOWREADER, rig.t->end.error);
  check_orders(orders);
  loopback_close(&rig.lb);
  free(orders);
}

static void test_close_and_a_peer_that_never_reads(void **state) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  (void)state;

  conn.slow_reader = WSUV_SLOW_CLOSE;
  conn.close_timeout_ms = 50;
  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  fill_until_closed(&rig, orders);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_INT(0, rig.t->end.sent_code); /* it never left */
  CHECK_ERR(WSUV_ESLOWREADER, rig.t->end.error);
  check_orders(orders);
  loopback_close(&rig.lb);
  free(orders);
}

/* Nothing has happened on the connection for long: the time for its Close counts from now. */
static void test_close_has_its_time(void **state) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  uint64_t before;
  (void)state;

  conn.slow_reader = WSUV_SLOW_CLOSE;
  conn.close_timeout_ms = 60000;
  open_with(&rig, &conn);
  block(&rig);
  before = rig.t->conn->awake->endpoint.now_ms;
  rig.t->conn->awake->endpoint.now_ms = 0;
  orders = new_orders(&rig, NSENT);
  fill_until_closed(&rig, orders);
  CHECK_TRUE(rig.t->conn->awake->endpoint.close_due_ms >= before + 60000);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.t->conn));
  loopback_close(&rig.lb);
  check_orders(orders);
  free(orders);
}

/* It is not the peer's fault. */
static void test_a_message_that_never_fits_closes_nothing(void **state) {
  static const uint8_t huge[LIMIT];
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  wsuv_prepared_t *prepared;
  (void)state;

  conn.slow_reader = WSUV_SLOW_CLOSE;
  open_with(&rig, &conn);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_BINARY, huge, LIMIT, 0));
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, huge, LIMIT)));
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&rig.lb, wsuv_conn_send_prepared(rig.t->conn, prepared)));
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, talker_say(rig.t, "hello"));
  raw_expect_frame(&rig.raw, WSUV_TEXT, "hello", 5);
  loopback_close(&rig.lb);
}

static void test_bad_options(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_send_options_t good = WSUV_SEND_OPTIONS_INIT;
  wsuv_send_options_t o;
  struct rig rig;
  struct order order;
  wsuv_prepared_t *prepared;
  struct host other;
  (void)state;

  open_with(&rig, NULL);
  order_init(&order, &rig, 0);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_TEXT, "p", 1, 0));
  o = good;
  o.size = 0;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "x", 1, &o)));
  o = good;
  o.slow = (wsuv_slow_t)5;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "x", 1, &o)));
  o = good;
  o.req = &order.req;
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "x", 1, &o)));
  o = good;
  o.flags = WSUV_SEND_NO_COMPRESS;
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "x", 1, &o)));
  CHECK_ERR(WSUV_EINVAL, CALL(&rig.lb, wsuv_conn_send_prepared_with(rig.t->conn, prepared, &o)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_prepared_with(rig.t->conn, prepared, NULL)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "y", 1, NULL)));
  wsuv_prepared_free(prepared);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "x", 1);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "p", 1);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "y", 1);
  host_init(&other, &rig.lb);
  conn.slow_reader = (wsuv_slow_t)-1;
  options.conn = &conn;
  CHECK_ERR(WSUV_EINVAL, host_listen(&other, &options));
  loopback_close(&rig.lb);
}

/* ---- what is queued, and on_drain ---- */

static void test_queued_is_exact(void **state) {
  static const uint8_t octets[LIMIT];
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
  wsuv_prepared_t *prepared;
  size_t queued;
  size_t full;
  (void)state;

  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT);
  queued = wsuv_conn_queued(rig.t->conn);
  CHECK_TRUE(queued <= FILLER + 10);
  CHECK_ERR(0, talker_say(rig.t, "hello"));
  CHECK_SIZE(queued += 7, wsuv_conn_queued(rig.t->conn));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_ping(rig.t->conn, "p", 1)));
  CHECK_SIZE(queued += 3, wsuv_conn_queued(rig.t->conn));
  CHECK_ERR(0, send_order(&orders[0], WSUV_SLOW_KEEP_LATEST, 1));
  CHECK_ERR(0, send_order(&orders[1], WSUV_SLOW_KEEP_LATEST, 1));
  CHECK_SIZE(queued += 4 + MESSAGE, wsuv_conn_queued(rig.t->conn));
  o.slow = WSUV_SLOW_KEEP_LATEST;
  o.key = 1;
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_with(rig.t->conn, WSUV_TEXT, "z", 1, &o)));
  CHECK_SIZE(queued = queued - 4 - MESSAGE + 3, wsuv_conn_queued(rig.t->conn));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.lb.fa.allocator, WSUV_BINARY, orders[9].payload,
                                 MESSAGE, 0));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_prepared(rig.t->conn, prepared)));
  wsuv_prepared_free(prepared);
  CHECK_SIZE(queued += 4 + MESSAGE, wsuv_conn_queued(rig.t->conn));
  turn_a_few_times(&rig.lb);
  CHECK_SIZE(queued, wsuv_conn_queued(rig.t->conn));
  full = LIMIT - 14 - queued - wsuv__outbox_overhead(&rig.t->conn->awake->endpoint.outbox);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, full + 1)));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, full)));
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.t->conn) == 0);
  loopback_close(&rig.lb);
  free(orders);
}

enum { HIGH = 100000, LOW = 30000 };

static void check_drained(struct talker *t, enum event event) {
  if (event == EV_DRAIN)
    CHECK_TRUE(wsuv_conn_queued(t->conn) <= LOW);
}

/* At the mark nothing is owed, an octet above it is; once for each rise, however often it was exceeded. */
static void test_drain_at_the_edge(void **state) {
  static uint8_t octets[HIGH];
  unsigned round;
  (void)state;

  for (round = 0; round < 4; round++) {
    wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
    struct rig rig;
    size_t len;
    conn.write_high_water = HIGH;
    conn.write_low_water = LOW;
    open_with(&rig, &conn);
    block(&rig);
    rig.t->on_event = check_drained;
    if (wsuv_conn_queued(rig.t->conn) < HIGH / 2)
      CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, HIGH / 2)));
    len = HIGH - wsuv_conn_queued(rig.t->conn) - 4;
    CHECK_TRUE(len > 126 && len < 65536);
    len += round == 1; /* one above */
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, len)));
    CHECK_SIZE(HIGH + (round == 1), wsuv_conn_queued(rig.t->conn));
    if (round >= 2)
      CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, HIGH)));
    if (round == 3)
      CHECK_ERR(0, talker_say(rig.t, "and again"));
    turn_a_few_times(&rig.lb);
    CHECK_SIZE(0, rig.t->n[EV_DRAIN]);
    raw_start_reading(&rig.raw);
    RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.t->conn) == 0);
    turn_a_few_times(&rig.lb);
    CHECK_SIZE(round > 0, rig.t->n[EV_DRAIN]);
    if (round == 3) { /* a second rise */
      CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, HIGH)));
      CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, HIGH)));
      CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.t->conn, octets, HIGH)));
      RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.t->conn) == 0);
      turn_a_few_times(&rig.lb);
      CHECK_SIZE(2, rig.t->n[EV_DRAIN]);
    }
    loopback_close(&rig.lb);
  }
}

/* ---- prepared ---- */

enum { NREADERS = 100, LARGE = 1 << 20 };

/* One message for many that do not read takes its own memory once, and is let go with the last of them. */
static void test_prepared_for_many(void **state) {
  struct loopback lb;
  struct host host;
  static struct raw raws[NREADERS];
  wsuv_prepared_t *prepared;
  uint8_t *payload = malloc(LARGE);
  size_t before;
  size_t ncalls;
  size_t i;
  (void)state;

  CHECK_NOT_NULL(payload);
  for (i = 0; i < LARGE; i++)
    payload[i] = (uint8_t)(i * 31 + i / 255);
  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0, host_listen(&host, NULL));
  lb.loop->awake.max = NREADERS; /* waking is not what is counted */
  for (i = 0; i < NREADERS; i++) {
    raw_open(&raws[i], &host);
    raw_stop_reading(&raws[i]);
    make_small(&host.talkers[i]->conn->stream.uv.handle, &raws[i].uv.handle, 65536);
  }
  before = lb.fa.outstanding_size;
  ncalls = lb.fa.ncalls;
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &lb.fa.allocator, WSUV_BINARY, payload, LARGE, 0));
  for (i = 0; i < NREADERS; i++)
    CHECK_ERR(0, CALL(&lb, wsuv_conn_send_prepared(host.talkers[i]->conn, prepared)));
  turn_a_few_times(&lb);
  wsuv_prepared_free(prepared);
  CHECK_TRUE(lb.fa.peak_size - before < LARGE + NREADERS * 1024);
  CHECK_TRUE(lb.fa.ncalls - ncalls <= 2 + 3 * NREADERS); /* an entry, a write, the counts */
  for (i = 0; i < NREADERS; i++)
    CHECK_TRUE(wsuv_conn_queued(host.talkers[i]->conn) > LARGE / 4);
  for (i = 0; i < 3; i++) {
    raw_start_reading(&raws[i]);
    raw_expect_frame(&raws[i], WSUV_BINARY, payload, LARGE);
  }
  for (i = 3; i + 1 < NREADERS; i++)
    CALL_VOID(&lb, wsuv_conn_terminate(host.talkers[i]->conn));
  RUN_UNTIL(&lb, wsuv_server_nconns(host.server) == 4);
  CHECK_TRUE(lb.fa.outstanding_size > LARGE); /* the last one has it still */
  CALL_VOID(&lb, wsuv_conn_terminate(host.talkers[i]->conn));
  RUN_UNTIL(&lb, wsuv_server_nconns(host.server) == 3);
  CHECK_TRUE(lb.fa.outstanding_size < before + LARGE / 2);
  loopback_close(&lb);
  free(payload);
}

/* ---- whatever callbacks do ---- */

enum deed {
  DEED_SEND,
  DEED_SEND_DROPPING,
  DEED_CLOSE,
  DEED_TERMINATE,
  DEED_FREE_PREPARED,
  DEED_LOOP_CLOSE,
  NDEEDS
};

static struct {
  enum deed deed;
  int ndone;
  wsuv_prepared_t *prepared;
  struct order *spare;
} plan;

static void do_deed(struct rig *rig) {
  if (plan.ndone++ > 0)
    return;
  switch (plan.deed) {
  case DEED_SEND:
    (void)talker_say(rig->t, "from a callback");
    break;
  case DEED_SEND_DROPPING:
    (void)send_order(plan.spare, WSUV_SLOW_DROP_OLDEST, 0);
    break;
  case DEED_CLOSE:
    (void)CALL(&rig->lb, wsuv_conn_close(rig->t->conn, 1001, "done"));
    break;
  case DEED_TERMINATE:
    CALL_VOID(&rig->lb, wsuv_conn_terminate(rig->t->conn));
    break;
  case DEED_FREE_PREPARED:
    CALL_VOID(&rig->lb, wsuv_prepared_free(plan.prepared));
    plan.prepared = NULL;
    break;
  case DEED_LOOP_CLOSE:
    loopback_end(&rig->lb);
    break;
  case NDEEDS:
    break;
  }
}

static void deed_when_dropped(struct order *order) {
  if (order->status == WSUV_EDROPPED)
    do_deed(order->rig);
}

static void deed_when_drained(struct talker *t, enum event event) {
  if (event == EV_DRAIN)
    do_deed(t->arg);
}

static void run_deed(enum deed deed, int when_dropped) {
  wsuv_conn_options_t conn = small_limits();
  struct rig rig;
  struct order *orders;
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
  int i;

  conn.write_high_water = 100000;
  conn.close_timeout_ms = 1000;
  open_with(&rig, &conn);
  block(&rig);
  orders = new_orders(&rig, NSENT + 1);
  plan.deed = deed;
  plan.ndone = 0;
  plan.spare = &orders[NSENT];
  CHECK_ERR(0, wsuv_prepared_new(&plan.prepared, &rig.lb.fa.allocator, WSUV_BINARY,
                                 orders[7].payload, MESSAGE, 0));
  o.slow = WSUV_SLOW_DROP_OLDEST;
  for (i = 0; i < 3; i++)
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_prepared_with(rig.t->conn, plan.prepared, &o)));
  rig.t->arg = &rig;
  if (!when_dropped)
    rig.t->on_event = deed_when_drained;
  for (i = 0; i < NSENT; i++) {
    orders[i].then = when_dropped ? deed_when_dropped : NULL;
    CHECK_ERR(0, send_order(&orders[i], WSUV_SLOW_DROP_OLDEST, 0));
  }
  turn_a_few_times(&rig.lb);
  CHECK_INT(when_dropped, plan.ndone > 0);
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->conn == NULL || wsuv_conn_queued(rig.t->conn) == 0);
  turn_a_few_times(&rig.lb);
  CHECK_TRUE(plan.ndone > 0);
  wsuv_prepared_free(plan.prepared);
  raw_close(&rig.raw);
  loopback_close(&rig.lb);
  for (i = 0; i < NSENT; i++)
    CHECK_INT(1, orders[i].ncalls);
  free(orders);
}

static void test_whatever_callbacks_do(void **state) {
  int deed;
  (void)state;
  for (deed = 0; deed < NDEEDS; deed++) {
    run_deed((enum deed)deed, 1);
    run_deed((enum deed)deed, 0);
  }
}

/* ---- sent again, for ever ---- */

#define MANY 1000000

static int nagain;

static void send_again(struct order *order) {
  if (order->status != WSUV_EDROPPED)
    return;
  CHECK_TRUE(++nagain < MANY);
  order->status = 1;
  (void)send_order(order, WSUV_SLOW_DROP_OLDEST, 0);
}

/* Each drops another one, whose callback drops another one: others are served all the same. */
static void test_sent_again_when_dropped(void **state) {
  static struct rig rig;
  static struct raw other;
  wsuv_conn_options_t conn = small_limits();
  struct order *orders;
  int n = 0;
  int i;
  (void)state;
  nagain = 0;
  open_with(&rig, &conn);
  raw_open(&other, &rig.host);
  rig.host.talkers[1]->on_event = talker_echo;
  block(&rig);
  orders = new_orders(&rig, NSENT);
  for (; rig.t->conn->awake->endpoint.outbox.done.next == &rig.t->conn->awake->endpoint.outbox.done;
       n++) {
    CHECK_TRUE(n < NSENT);
    orders[n].then = send_again;
    CHECK_ERR(0, send_order(&orders[n], WSUV_SLOW_DROP_OLDEST, 0));
  }
  for (i = 0; i < 10; i++) {
    raw_frame(&other, WSUV_TEXT, "hello", 5);
    raw_expect_frame(&other, WSUV_TEXT, "hello", 5);
  }
  CHECK_TRUE(nagain > 0);
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.t->conn) == 0);
  loopback_close(&rig.lb);
  for (i = 0; i < n; i++)
    CHECK_INT(0, orders[i].status);
  free(orders);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuse),
      cmocka_unit_test(test_drop_oldest),
      cmocka_unit_test(test_keep_latest),
      cmocka_unit_test(test_keep_latest_of_a_client),
      cmocka_unit_test(test_a_burst_to_who_reads),
      cmocka_unit_test(test_close_and_a_peer_that_reads_on),
      cmocka_unit_test(test_close_and_a_peer_that_never_reads),
      cmocka_unit_test(test_close_has_its_time),
      cmocka_unit_test(test_a_message_that_never_fits_closes_nothing),
      cmocka_unit_test(test_bad_options),
      cmocka_unit_test(test_queued_is_exact),
      cmocka_unit_test(test_drain_at_the_edge),
      cmocka_unit_test(test_prepared_for_many),
      cmocka_unit_test(test_whatever_callbacks_do),
      cmocka_unit_test(test_sent_again_when_dropped),
  };
  return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
