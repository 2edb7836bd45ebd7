/* The memory of all connections, where TLS holds a part of it. */
#include <string.h>

#include "api/conn.h"
#include "integration/tls_loopback.h"

enum { BUFFER = 32768, BUDGET = 256 * 1024, MESSAGE = 10000 };

/* What TLS held is given back once the peer has read. */
static void test_held(void **state) {
  static const uint8_t octets[MESSAGE];
  struct tls_rig rig;
  wsuv_conn_t *conn;
  int size = BUFFER;
  size_t n = 0;
  (void)state;

  rig_open(&rig);
  rig.lb.loop->budget.limit = BUDGET;
  rig.lb.loop->budget.patience_ms = 60000;
  rig.host.host.on_event = NULL;
  rig_listen(&rig);
  rig_connect(&rig);
  conn = rig.host.host.talkers[0]->conn;
  CHECK_ERR(0, uv_send_buffer_size(&conn->stream.uv.handle, &size));
  CHECK_ERR(0, uv_recv_buffer_size(&rig.client.conn->stream.uv.handle, &size));
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(rig.client.conn));
  while (CALL(&rig.lb, wsuv_conn_send_binary(conn, octets, MESSAGE)) == 0) {
    n += MESSAGE;
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  }
  CHECK_ERR(WSUV_EQUEUEFULL, rig.lb.result);
  CHECK_TRUE(rig.lb.loop->budget.total > BUDGET / 2 && rig.lb.loop->budget.total < BUDGET);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(rig.client.conn));
  RUN_UNTIL(&rig.lb, rig.client.received == n);
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(conn) == 0);
  CHECK_SIZE(0, conn->footprint);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_held),
  };
  return cmocka_run_group_tests_name("tls budget", tests, NULL, NULL);
}
