/* wsuv_conn_read_stop and read_start: nothing is lost, nothing is delivered while stopped, the peer feels it. */
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
};

static void open_rig(struct rig *rig, void (*on_event)(struct talker *t, enum event event)) {
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = on_event;
  CHECK_ERR(0, host_listen(&rig->host, NULL));
  raw_open(&rig->raw, &rig->host);
}

static void stop_at_each_message(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
}

static void turn_a_few_times(struct loopback *lb) {
  int i;
  for (i = 0; i < 5; i++)
    (void)uv_run(&lb->uv, UV_RUN_NOWAIT);
}

#define NMESSAGES 10

/* covers: UV.5 PAR.16 */
static void test_several_messages_in_one_segment(void **state) {
  struct rig rig;
  uint8_t bytes[256];
  size_t len = 0;
  unsigned i;
  (void)state;

  open_rig(&rig, stop_at_each_message);
  for (i = 0; i < NMESSAGES; i++) {
    char digit = (char)('0' + i);
    len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, &digit, 1);
  }
  raw_send(&rig.raw, bytes, len);
  raw_end(&rig.raw);
  for (i = 1; i <= NMESSAGES; i++) {
    struct talker *t = rig.host.talkers[0];
    RUN_UNTIL(&rig.lb, t->n[EV_MESSAGE] == i);
    CHECK_INT('0' + (int)i - 1, t->payload[0]);
    turn_a_few_times(&rig.lb);
    CHECK_SIZE(i, t->n[EV_MESSAGE]);
    CHECK_SIZE(0, t->n[EV_CLOSE]);
    CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
    CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  }
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EABNORMAL, rig.host.talkers[0]->end.error);
  loopback_close(&rig.lb);
}

static void stop_and_start(struct talker *t, enum event event) {
  if (event != EV_MESSAGE)
    return;
  CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
  CALL_VOID(t->lb, wsuv_conn_read_start(t->conn));
  CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
  CALL_VOID(t->lb, wsuv_conn_read_start(t->conn));
}

static void test_start_inside_the_callback(void **state) {
  struct rig rig;
  uint8_t bytes[64];
  size_t len = 0;
  (void)state;

  open_rig(&rig, stop_and_start);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, "a", 1);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_PING, "p", 1);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, "b", 1);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_CLOSE, NULL, 0);
  raw_send(&rig.raw, bytes, len);
  raw_expect_frame(&rig.raw, WSUV_PONG, "p", 1);
  raw_expect_close(&rig.raw, WSUV_CLOSE_NO_STATUS);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_STR("omimc", rig.host.talkers[0]->log);
  loopback_close(&rig.lb);
}

static void stop_the_other(struct talker *t, enum event event) {
  struct talker *other = t->arg;
  if (event == EV_MESSAGE && other != NULL)
    CALL_VOID(t->lb, wsuv_conn_read_stop(other->conn));
}

/* As a relay does it: what already waits in the other's socket is read in the same turn of the loop. */
static void test_stop_another_connection(void **state) {
  struct rig rig;
  struct raw second;
  struct talker *a;
  struct talker *b;
  (void)state;

  open_rig(&rig, stop_the_other);
  raw_open(&second, &rig.host);
  a = rig.host.talkers[0];
  b = rig.host.talkers[1];
  a->arg = b;
  b->arg = a;
  raw_frame(&rig.raw, WSUV_TEXT, "to a", 4);
  raw_frame(&second, WSUV_TEXT, "to b", 4);
  RUN_UNTIL(&rig.lb, a->n[EV_MESSAGE] + b->n[EV_MESSAGE] > 0);
  turn_a_few_times(&rig.lb);
  CHECK_SIZE(1, a->n[EV_MESSAGE] + b->n[EV_MESSAGE]);
  a->arg = NULL;
  b->arg = NULL;
  CALL_VOID(&rig.lb, wsuv_conn_read_start(a->conn));
  CALL_VOID(&rig.lb, wsuv_conn_read_start(b->conn));
  RUN_UNTIL(&rig.lb, a->n[EV_MESSAGE] == 1 && b->n[EV_MESSAGE] == 1);
  CHECK_STR("to a", (char *)a->payload);
  CHECK_STR("to b", (char *)b->payload);
  loopback_close(&rig.lb);
}

static void test_backpressure_on_the_peer(void **state) {
  static uint8_t payload[64 * 1024];
  const unsigned total = 400; /* more than both kernels' buffers hold */
  struct rig rig;
  struct talker *t;
  unsigned i;
  (void)state;

  open_rig(&rig, NULL);
  t = rig.host.talkers[0];
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(t->conn));
  turn_a_few_times(&rig.lb);
  for (i = 0; i < total; i++)
    raw_frame(&rig.raw, WSUV_BINARY, payload, sizeof payload);
  for (i = 0; i < 200; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_TRUE(rig.raw.nwriting > 0); /* they stall */
  CHECK_SIZE(0, t->n[EV_MESSAGE]);
  CHECK_TRUE(rig.lb.fa.outstanding_size < 4u * 1024 * 1024); /* nobody hoards them */
  CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  RUN_UNTIL(&rig.lb, t->n[EV_MESSAGE] == total);
  CHECK_SIZE(total * sizeof payload, t->received);
  CHECK_INT(0, rig.raw.nwriting);
  loopback_close(&rig.lb);
}

/* Pings and Close frames of a peer whose messages nobody wants just now. covers: W136 UV.5 */
static void test_a_stopped_reader_answers_pings(void **state) {
  struct rig rig;
  struct talker *t;
  (void)state;

  open_rig(&rig, NULL);
  t = rig.host.talkers[0];
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(t->conn));
  raw_frame(&rig.raw, WSUV_TEXT, "later", 5);
  raw_frame(&rig.raw, WSUV_PING, "one", 3);
  raw_expect_frame(&rig.raw, WSUV_PONG, "one", 3);
  raw_frame(&rig.raw, WSUV_PING, "two", 3);
  raw_expect_frame(&rig.raw, WSUV_PONG, "two", 3);
  CHECK_STR("o", t->log);
  raw_close_frame(&rig.raw, 1000, "bye");
  raw_end(&rig.raw);
  turn_a_few_times(&rig.lb);
  CHECK_STR("o", t->log);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  raw_expect_close(&rig.raw, 1000);
  RUN_UNTIL(&rig.lb, t->n[EV_CLOSE] == 1);
  CHECK_STR("omiic", t->log);
  CHECK_INT(1, t->end.clean);
  CHECK_STR("bye", t->end.reason);
  loopback_close(&rig.lb);
}

/* covers: IOC.4 UV.2 */
static void test_messages_before_a_reset_are_delivered(void **state) {
  struct rig rig;
  struct talker *t;
  (void)state;

  open_rig(&rig, stop_at_each_message);
  t = rig.host.talkers[0];
  raw_frame(&rig.raw, WSUV_TEXT, "one", 3);
  RUN_UNTIL(&rig.lb, t->n[EV_MESSAGE] == 1);
  raw_frame(&rig.raw, WSUV_TEXT, "two", 3);
  raw_frame(&rig.raw, WSUV_PING, "read", 4);
  raw_expect_frame(&rig.raw, WSUV_PONG, "read", 4);
  raw_reset(&rig.raw);
  turn_a_few_times(&rig.lb);
  CHECK_STR("om", t->log);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  RUN_UNTIL(&rig.lb, t->n[EV_MESSAGE] == 2);
  CHECK_STR("two", (char *)t->payload);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  RUN_UNTIL(&rig.lb, t->n[EV_CLOSE] == 1);
  CHECK_STR("ommic", t->log);
  CHECK_ERR(UV_ECONNRESET, t->end.error);
  loopback_close(&rig.lb);
}

/* A connection that does not read keeps no loop alive; read_start does from there on. */
static void test_start_as_the_last_thing(void **state) {
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  raw_listen(&server, &lb);
  raw_serve(&server, &client, NULL);
  client.on_event = stop_at_each_message;
  raw_frame(&server.peers[0], WSUV_TEXT, "one", 3);
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  raw_frame(&server.peers[0], WSUV_TEXT, "two", 3);
  RUN_UNTIL(&lb, server.peers[0].nwriting == 0);
  raw_close(&server.peers[0]);
  raw_close(&server.listener);
  loopback_run_out(&lb);
  CHECK_SIZE(1, client.n[EV_MESSAGE]);
  client.on_event = NULL;
  CALL_VOID(&lb, wsuv_conn_read_start(client.conn));
  loopback_run_out(&lb);
  CHECK_STR("ommc", client.log);
  CHECK_STR("two", (char *)client.payload);
  loopback_close(&lb);
}

/* Before the connection is open: nothing is delivered until read_start. */
static void test_stop_before_open(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_rig(&rig, talker_echo);
  talker_init(&client, &rig.lb);
  CHECK_ERR(0, talker_connect(&client, &rig.host, NULL));
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(client.conn));
  RUN_UNTIL(&rig.lb, client.n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(&client, "x"));
  RUN_UNTIL(&rig.lb, rig.host.ntalkers == 2 && rig.host.talkers[1]->n[EV_MESSAGE] == 1);
  turn_a_few_times(&rig.lb);
  CHECK_SIZE(0, client.n[EV_MESSAGE]);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(client.conn));
  RUN_UNTIL(&rig.lb, client.n[EV_MESSAGE] == 1);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_several_messages_in_one_segment),
      cmocka_unit_test(test_start_inside_the_callback),
      cmocka_unit_test(test_stop_another_connection),
      cmocka_unit_test(test_backpressure_on_the_peer),
      cmocka_unit_test(test_a_stopped_reader_answers_pings),
      cmocka_unit_test(test_messages_before_a_reset_are_delivered),
      cmocka_unit_test(test_start_as_the_last_thing),
      cmocka_unit_test(test_stop_before_open),
  };
  return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
