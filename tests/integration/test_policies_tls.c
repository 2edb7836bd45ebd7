/* The same over TLS, which holds ciphertext that the kernel did not take: it counts for what is queued, for the limit and for
 * on_drain. */
#include <stdio.h>
#include <string.h>

#include "api/conn_rest.h"
#include "integration/tls_loopback.h"
#include "proto/outbox_entry.h"

enum { BUFFER = 32768, LIMIT = 300 * 1024, HIGH = 1024, LOW = 512, MESSAGE = 5000 };

struct scene {
  struct tls_rig rig; /* first */
  wsuv_conn_options_t server_side;
  wsuv_conn_options_t client_side;
  struct talker *t; /* the server's, which sends */
  unsigned nfillers;
  size_t queued_at_drain;
};

static void note_drain(struct talker *t, enum event event) {
  struct scene *s = t->arg;
  if (event == EV_DRAIN)
    s->queued_at_drain = wsuv_conn_queued(t->conn);
}

static void open_scene(struct scene *s, wsuv_slow_t slow) {
  const wsuv_conn_options_t defaults = WSUV_CONN_OPTIONS_INIT;
  int size = BUFFER;
  memset(s, 0, sizeof *s);
  s->server_side = s->client_side = defaults;
  s->server_side.write_limit = LIMIT;
  s->server_side.write_high_water = HIGH;
  s->server_side.write_low_water = LOW;
  s->server_side.slow_reader = slow;
  s->server_side.close_timeout_ms = 1000;
  s->client_side.read_ahead = WSUV_OFF;
  rig_open(&s->rig);
  s->rig.options.conn = &s->server_side;
  s->rig.to.conn = &s->client_side;
  s->rig.host.host.on_event = NULL;
  rig_listen(&s->rig);
  rig_connect(&s->rig);
  s->t = s->rig.host.host.talkers[0];
  s->t->arg = s;
  s->t->on_event = note_drain;
  CHECK_ERR(0, uv_send_buffer_size(&s->t->conn->stream.uv.handle, &size));
  CHECK_ERR(0, uv_recv_buffer_size(&s->rig.client.conn->stream.uv.handle, &size));
}

static void turn_a_few_times(struct scene *s) {
  int i;
  for (i = 0; i < 5; i++)
    (void)uv_run(&s->rig.lb.uv, UV_RUN_NOWAIT);
}

/* Until the kernel takes no more of `len` octets at a time. */
static void block(struct scene *s, size_t len) {
  static const uint8_t filler[MESSAGE + 1000];
  CHECK_TRUE(len <= sizeof filler);
  CALL_VOID(&s->rig.lb, wsuv_conn_read_stop(s->rig.client.conn));
  do {
    CHECK_ERR(0, CALL(&s->rig.lb, wsuv_conn_send_binary(s->t->conn, filler, len)));
    s->nfillers++;
    turn_a_few_times(s);
  } while (wsuv_conn_queued(s->t->conn) == 0);
}

static size_t held(const struct scene *s) {
  return wsuv__conn_top(s->t->conn)->ops->held(wsuv__conn_top(s->t->conn));
}

/* The last message is encrypted whole, so that nothing waits but in TLS: of any length. */
static void test_drain_when_tls_holds_it_all(void **state) {
  unsigned nheld = 0;
  size_t more;
  (void)state;

  for (more = 0; more < 20; more++) {
    struct scene s;
    unsigned before;
    open_scene(&s, WSUV_SLOW_DEFAULT);
    block(&s, MESSAGE + more * 37);
    before = s.t->n[EV_DRAIN];
    if (wsuv_conn_queued(s.t->conn) > HIGH) {
      CHECK_SIZE(0, wsuv__outbox_waiting(&s.t->conn->awake->endpoint.outbox));
      CHECK_SIZE(held(&s), wsuv_conn_queued(s.t->conn));
      nheld++;
      CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
      RUN_UNTIL(&s.rig.lb, s.t->n[EV_DRAIN] == before + 1);
      CHECK_TRUE(s.queued_at_drain <= LOW);
    }
    CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
    RUN_UNTIL(&s.rig.lb, s.rig.client.n[EV_MESSAGE] == s.nfillers);
    turn_a_few_times(&s);
    CHECK_SIZE(0, wsuv_conn_queued(s.t->conn));
    CHECK_TRUE(s.t->n[EV_DRAIN] <= before + 1);
    rig_close(&s.rig);
  }
  CHECK_TRUE(nheld > 10);
}

static void test_queued_and_the_limit(void **state) {
  static const uint8_t octets[LIMIT];
  struct scene s;
  size_t queued;
  size_t full;
  (void)state;

  open_scene(&s, WSUV_SLOW_DEFAULT);
  block(&s, MESSAGE);
  queued = wsuv_conn_queued(s.t->conn);
  CHECK_TRUE(held(&s) > 0);
  CHECK_ERR(0, talker_say(s.t, "hello"));
  turn_a_few_times(&s);
  CHECK_SIZE(queued += 7,
             wsuv_conn_queued(s.t->conn)); /* behind what TLS holds nothing is encrypted */
  full = LIMIT - 14 - queued - wsuv__outbox_overhead(&s.t->conn->awake->endpoint.outbox);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&s.rig.lb, wsuv_conn_send_binary(s.t->conn, octets, full + 1)));
  CHECK_ERR(0, CALL(&s.rig.lb, wsuv_conn_send_binary(s.t->conn, octets, full)));
  CHECK_SIZE(queued + full + 10, wsuv_conn_queued(s.t->conn));
  CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
  RUN_UNTIL(&s.rig.lb, s.rig.client.n[EV_MESSAGE] == s.nfillers + 2);
  CHECK_SIZE(full, s.rig.client.len);
  rig_close(&s.rig);
}

static void test_keep_latest(void **state) {
  struct scene s;
  char text[32];
  int i;
  (void)state;

  open_scene(&s, WSUV_SLOW_KEEP_LATEST);
  CALL_VOID(&s.rig.lb, wsuv_conn_read_stop(s.rig.client.conn));
  do { /* of many keys, so that nothing is replaced */
    static const uint8_t filler[MESSAGE];
    wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
    o.key = ++s.nfillers;
    CHECK_ERR(0, CALL(&s.rig.lb, wsuv_conn_send_with(s.t->conn, WSUV_BINARY, filler, MESSAGE, &o)));
    turn_a_few_times(&s);
  } while (wsuv_conn_queued(s.t->conn) == 0);
  for (i = 0; i < 1000; i++) {
    (void)snprintf(text, sizeof text, "price %d", i);
    CHECK_ERR(0, talker_say(s.t, text));
  }
  CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
  RUN_UNTIL(&s.rig.lb, s.rig.client.n[EV_MESSAGE] == s.nfillers + 1);
  CHECK_STR("price 999", (char *)s.rig.client.payload);
  rig_close(&s.rig);
}

static void test_close(void **state) {
  static const uint8_t octets[MESSAGE];
  struct scene s;
  int err = 0;
  (void)state;

  open_scene(&s, WSUV_SLOW_CLOSE);
  block(&s, MESSAGE);
  while (err == 0)
    err = CALL(&s.rig.lb, wsuv_conn_send_binary(s.t->conn, octets, MESSAGE));
  CHECK_ERR(WSUV_ESLOWREADER, err);
  CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
  RUN_UNTIL(&s.rig.lb, s.rig.client.n[EV_CLOSE] == 1 && s.t->n[EV_CLOSE] == 1);
  CHECK_INT(1008, s.rig.client.end.code);
  CHECK_INT(1008, s.t->end.sent_code);
  CHECK_ERR(WSUV_ESLOWREADER, s.t->end.error);
  rig_close(&s.rig);
}

/* A write waits behind what TLS holds: what is held still counts, so that on_drain does not come before its time. */
static void send_on(struct scene *s) {
  unsigned before = s->t->n[EV_DRAIN];
  size_t queued = wsuv_conn_queued(s->t->conn);
  CHECK_SIZE(queued, held(s));
  CHECK_ERR(0, talker_say(s->t, "a little more"));
  turn_a_few_times(s);
  CHECK_SIZE(queued + 15, wsuv_conn_queued(s->t->conn));
  CHECK_SIZE(before, s->t->n[EV_DRAIN]);
  CALL_VOID(&s->rig.lb, wsuv_conn_read_start(s->rig.client.conn));
  RUN_UNTIL(&s->rig.lb, wsuv_conn_queued(s->t->conn) == 0);
  turn_a_few_times(s);
  CHECK_SIZE(before + 1, s->t->n[EV_DRAIN]);
}

static void test_no_drain_for_who_sends_on(void **state) {
  int done = 0;
  size_t more;
  (void)state;

  for (more = 0; more < 20 && !done; more++) {
    struct scene s;
    open_scene(&s, WSUV_SLOW_DEFAULT);
    block(&s, MESSAGE + more * 37);
    done = wsuv_conn_queued(s.t->conn) > HIGH; /* or the kernel has left too little */
    if (done)
      send_on(&s);
    rig_close(&s.rig);
  }
  CHECK_TRUE(done);
}

/* What is done inside of the on_drain that TLS causes. */
static void end_when_drained(struct talker *t, enum event event) {
  if (event == EV_DRAIN)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

static void send_when_drained(struct talker *t, enum event event) {
  static const uint8_t octets[100000];
  if (event == EV_DRAIN && t->n[EV_DRAIN] < 4)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_binary(t->conn, octets, sizeof octets)));
}

static void test_inside_of_on_drain(void **state) {
  struct scene s;
  (void)state;

  open_scene(&s, WSUV_SLOW_DEFAULT);
  block(&s, MESSAGE);
  s.t->on_event = end_when_drained;
  CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
  RUN_UNTIL(&s.rig.lb, s.t->n[EV_CLOSE] == 1 && s.rig.client.n[EV_CLOSE] == 1);
  rig_close(&s.rig);
  open_scene(&s, WSUV_SLOW_DEFAULT);
  block(&s, MESSAGE);
  s.t->on_event = send_when_drained;
  s.t->n[EV_DRAIN] = 0;
  CALL_VOID(&s.rig.lb, wsuv_conn_read_start(s.rig.client.conn));
  RUN_UNTIL(&s.rig.lb, s.t->n[EV_DRAIN] == 4 && wsuv_conn_queued(s.t->conn) == 0);
  rig_close(&s.rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_drain_when_tls_holds_it_all),
      cmocka_unit_test(test_queued_and_the_limit),
      cmocka_unit_test(test_no_drain_for_who_sends_on),
      cmocka_unit_test(test_keep_latest),
      cmocka_unit_test(test_close),
      cmocka_unit_test(test_inside_of_on_drain),
  };
  return cmocka_run_group_tests_name("policies, TLS", tests, NULL, NULL);
}
