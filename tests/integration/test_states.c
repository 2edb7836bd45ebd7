/* Giving a connection up in every state, by every means; and what the state getters say on the way. */
#include <stdio.h>
#include <string.h>

#include "integration/raw_peer.h"

typedef void (*end_fn)(struct talker *t);

static void by_close(struct talker *t) {
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL)));
}

static void by_close_refused(struct talker *t) {
  CHECK_ERR(WSUV_ESTATE, CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL)));
  CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

static void by_terminate(struct talker *t) {
  CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
  CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

static void by_loop_close(struct talker *t) {
  loopback_end(t->lb);
}

/* close, then terminate */
static void by_both(struct talker *t) {
  (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
  CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
  CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
  CALL_VOID(t->lb, wsuv_conn_read_start(t->conn));
}

struct row {
  const char *name;
  wsuv_state_t state;
  end_fn end;
  int error;
};

static const struct row rows[] = {
    {"close while RESOLVING", WSUV_STATE_RESOLVING, by_close, WSUV_ECANCELED},
    {"terminate while RESOLVING", WSUV_STATE_RESOLVING, by_terminate, WSUV_ECANCELED},
    {"loop close while RESOLVING", WSUV_STATE_RESOLVING, by_loop_close, WSUV_ECANCELED},
    {"both while RESOLVING", WSUV_STATE_RESOLVING, by_both, WSUV_ECANCELED},
    {"close while CONNECTING", WSUV_STATE_CONNECTING_TRANSPORT, by_close, WSUV_ECANCELED},
    {"terminate while CONNECTING", WSUV_STATE_CONNECTING_TRANSPORT, by_terminate, WSUV_ECANCELED},
    {"loop close while CONNECTING", WSUV_STATE_CONNECTING_TRANSPORT, by_loop_close, WSUV_ECANCELED},
    {"both while CONNECTING", WSUV_STATE_CONNECTING_TRANSPORT, by_both, WSUV_ECANCELED},
    {"close in the HANDSHAKE", WSUV_STATE_OPENING_HANDSHAKE, by_close, WSUV_ECANCELED},
    {"terminate in the HANDSHAKE", WSUV_STATE_OPENING_HANDSHAKE, by_terminate, WSUV_ECANCELED},
    {"loop close in the HANDSHAKE", WSUV_STATE_OPENING_HANDSHAKE, by_loop_close, WSUV_ECANCELED},
    {"both in the HANDSHAKE", WSUV_STATE_OPENING_HANDSHAKE, by_both, WSUV_ECANCELED},
    {"close while OPEN", WSUV_STATE_OPEN, by_close, WSUV_EABNORMAL},
    {"terminate while OPEN", WSUV_STATE_OPEN, by_terminate, WSUV_ECANCELED},
    {"loop close while OPEN", WSUV_STATE_OPEN, by_loop_close, WSUV_ECANCELED},
    {"both while OPEN", WSUV_STATE_OPEN, by_both, WSUV_ECANCELED},
    {"close while CLOSING", WSUV_STATE_CLOSING_HANDSHAKE, by_close_refused, WSUV_ECANCELED},
    {"terminate while CLOSING", WSUV_STATE_CLOSING_HANDSHAKE, by_terminate, WSUV_ECANCELED},
    {"loop close while CLOSING", WSUV_STATE_CLOSING_HANDSHAKE, by_loop_close, WSUV_ECANCELED},
    {"close while ENDING", WSUV_STATE_CLOSING_TRANSPORT, by_close_refused, 0},
    {"terminate while ENDING", WSUV_STATE_CLOSING_TRANSPORT, by_terminate, 0},
    {"loop close while ENDING", WSUV_STATE_CLOSING_TRANSPORT, by_loop_close, 0},
};

struct rig {
  struct loopback lb;
  struct raw_server server;
  struct talker client;
};

static void start(struct rig *rig, wsuv_state_t state) {
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  char url[64];

  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", rig->server.port);
  to.url = url;
  talker_init(&rig->client, &rig->lb);
  CHECK_ERR(0, talker_connect(&rig->client, NULL, &to));
  RUN_UNTIL(&rig->lb, wsuv_conn_state(rig->client.conn) >= state);
}

static void answer(struct rig *rig) {
  char text[512];
  raw_send(&rig->server.peers[0], text, raw_response(&rig->server, text, sizeof text, ""));
  RUN_UNTIL(&rig->lb, rig->client.n[EV_OPEN] == 1);
}

/* Turns the loop into exactly that state. covers: W161 */
static void reach(struct rig *rig, wsuv_state_t state) {
  loopback_open(&rig->lb);
  raw_listen(&rig->server, &rig->lb);
  if (state < WSUV_STATE_OPEN) {
    start(rig, state);
  } else {
    start(rig, WSUV_STATE_OPENING_HANDSHAKE);
    answer(rig);
  }
  if (state == WSUV_STATE_CLOSING_HANDSHAKE)
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_close(rig->client.conn, 1001, "")));
  if (state == WSUV_STATE_CLOSING_TRANSPORT)
    raw_close_frame(&rig->server.peers[0], 1000, NULL);
  RUN_UNTIL(&rig->lb, wsuv_conn_state(rig->client.conn) >= state);
  CHECK_INT(state, wsuv_conn_state(rig->client.conn));
}

static void test_row(const void *given) {
  const struct row *row = given;
  struct rig rig;

  reach(&rig, row->state);
  row->end(&rig.client);
  if (row->error == WSUV_EABNORMAL) { /* the peer sees our Close, and just ends */
    raw_expect_close(&rig.server.peers[0], 1000);
    raw_end(&rig.server.peers[0]);
  }
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_STR(row->state >= WSUV_STATE_OPEN ? "oc" : "c", rig.client.log);
  CHECK_ERR(row->error, rig.client.end.error);
  CHECK_INT(row->state >= WSUV_STATE_OPEN, rig.client.end.opened);
  CHECK_INT(row->state == WSUV_STATE_CLOSING_TRANSPORT, rig.client.end.clean);
  loopback_close(&rig.lb);
}

static void test_loop_close_twice(void **state) {
  struct loopback lb;
  wsuv_loop_t *loop;
  wsuv_conn_t *conn;
  wsuv_server_t *server;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  static const wsuv_server_handler_t handler = {
      sizeof handler, &talker_handler, NULL, NULL, NULL, NULL};
  (void)state;

  loopback_open(&lb);
  loop = lb.loop;
  loopback_end(&lb);
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_loop_close(loop, NULL, NULL)));
  to.url = "ws://127.0.0.1/";
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_connect(loop, &conn, &to, &talker_handler, NULL)));
  CHECK_NULL(conn);
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_server_listen(loop, &server, NULL, &handler, NULL)));
  CHECK_NULL(server);
  CHECK_INT(0, lb.loop_closed);
  loopback_close(&lb);
}

static void test_loop_options(void **state) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  wsuv_loop_t *loop;
  uv_loop_t uv;
  (void)state;

  CHECK_ERR(0, uv_loop_init(&uv));
  CHECK_ERR(WSUV_EINVAL, wsuv_loop_new(&loop, NULL, NULL));
  options.size--;
  CHECK_ERR(WSUV_EINVAL, wsuv_loop_new(&loop, &uv, &options));
  CHECK_NULL(loop);
  CHECK_ERR(0, wsuv_loop_new(&loop, &uv, NULL));
  CHECK_FALSE(uv_loop_alive(&uv));
  CHECK_ERR(0, wsuv_loop_close(loop, NULL, NULL));
  (void)uv_run(&uv, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&uv));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_loop_close_twice),
      cmocka_unit_test(test_loop_options),
  };
  int failures = CHECK_RUN_TABLE("states", rows, test_row);

  failures += cmocka_run_group_tests_name("loop", tests, NULL, NULL);
  return failures;
}
