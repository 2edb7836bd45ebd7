/* Publications to subscribers that do not read, under each policy; the others get everything. And how many copies are made. */
#include <string.h>

#include "api/conn.h"
#include "integration/raw_peer.h"
#include "wsuv/stats.h"
#include "wsuv/topic.h"

enum { MESSAGE = 2000, LIMIT = 200000, NPUBLISHED = 400, NSUBSCRIBERS = 100 };

struct rig {
  struct loopback lb; /* first */
  struct host host;
  struct raw stopped;
  struct raw reader;
};

static void subscribe_at_open(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_subscribe(t->conn, "news")));
}

static void open_rig(struct rig *rig) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = subscribe_at_open;
  conn.write_limit = LIMIT;
  conn.close_timeout_ms = 300;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

/* The first one reads nothing, and the kernel has little room for it. */
static wsuv_conn_t *open_both(struct rig *rig) {
  static const uint8_t filler[MESSAGE];
  wsuv_conn_t *conn;
  int size = 32768;
  int i;

  open_rig(rig);
  raw_open(&rig->stopped, &rig->host);
  raw_open(&rig->reader, &rig->host);
  conn = rig->host.talkers[0]->conn;
  CHECK_ERR(0, uv_send_buffer_size(&conn->stream.uv.handle, &size));
  CHECK_ERR(0, uv_recv_buffer_size(&rig->stopped.uv.handle, &size));
  raw_stop_reading(&rig->stopped);
  while (wsuv_conn_queued(conn) == 0) {
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(conn, filler, sizeof filler)));
    for (i = 0; i < 3; i++)
      (void)uv_run(&rig->lb.uv, UV_RUN_NOWAIT);
  }
  return conn;
}

static wsuv_published_t publish(struct rig *rig, int number, wsuv_slow_t slow) {
  static uint8_t payload[MESSAGE];
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  wsuv_published_t out;

  o.slow = slow;
  o.key = 1;
  memcpy(payload, &number, sizeof number);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_server_publish(rig->host.server, "news", WSUV_BINARY, payload,
                                                  sizeof payload, &o, &out)));
  CHECK_SIZE(0, out.failed);
  return out;
}

/* The next publication that the peer gets; -1: a Close. Fillers are text. */
static int next_number(struct rig *rig, struct raw *raw) {
  wsuv_frame_header_t header;
  const uint8_t *payload;
  int number;

  do
    RUN_UNTIL(&rig->lb, raw_took_frame(raw, &header, &payload));
  while (header.opcode == WSUV_TEXT);
  if (header.opcode == WSUV_CLOSE)
    return -1;
  CHECK_SIZE(MESSAGE, header.payload_len);
  memcpy(&number, payload, sizeof number);
  return number;
}

struct sums {
  size_t sent;
  size_t refused;
  size_t closed;
};

/* All of them, each read by the reader. */
static struct sums publish_all(struct rig *rig, wsuv_slow_t slow) {
  struct sums sums = {0, 0, 0};
  int i;

  for (i = 0; i < NPUBLISHED; i++) {
    wsuv_published_t out = publish(rig, i, slow);
    sums.sent += out.sent;
    sums.refused += out.refused;
    sums.closed += out.closed;
    CHECK_INT(i, next_number(rig, &rig->reader));
  }
  return sums;
}

static void test_refuse(void **state) {
  static struct rig rig;
  struct sums sums;
  int number = -1;
  int n;
  (void)state;

  (void)open_both(&rig);
  sums = publish_all(&rig, WSUV_SLOW_REFUSE);
  CHECK_SIZE(0, sums.closed);
  CHECK_TRUE(sums.refused > 0);
  CHECK_SIZE(2 * NPUBLISHED, sums.sent + sums.refused);
  raw_start_reading(&rig.stopped);
  for (n = 0; n < (int)sums.sent - NPUBLISHED; n++) {
    CHECK_INT(number + 1, next_number(&rig, &rig.stopped)); /* the first ones, without a gap */
    number++;
  }
  loopback_close(&rig.lb);
}

static void test_drop_oldest(void **state) {
  static struct rig rig;
  struct sums sums;
  wsuv_conn_t *conn;
  wsuv_conn_stats_t stats = {.size = sizeof stats};
  int number = -1;
  int n = 0;
  (void)state;

  conn = open_both(&rig);
  sums = publish_all(&rig, WSUV_SLOW_DROP_OLDEST);
  CHECK_SIZE(2 * NPUBLISHED, sums.sent);
  CHECK_ERR(0, wsuv_conn_stats(conn, &stats));
  CHECK_TRUE(stats.drops.oldest > 0);
  raw_start_reading(&rig.stopped);
  while (number < NPUBLISHED - 1) {
    int next = next_number(&rig, &rig.stopped);
    CHECK_TRUE(next > number);
    number = next;
    n++;
  }
  CHECK_INT(NPUBLISHED, n + (int)stats.drops.oldest);
  loopback_close(&rig.lb);
}

static void test_keep_latest(void **state) {
  static struct rig rig;
  struct sums sums;
  (void)state;

  (void)open_both(&rig);
  sums = publish_all(&rig, WSUV_SLOW_KEEP_LATEST);
  CHECK_SIZE(2 * NPUBLISHED, sums.sent);
  raw_start_reading(&rig.stopped);
  CHECK_INT(NPUBLISHED - 1, next_number(&rig, &rig.stopped));
  loopback_close(&rig.lb);
}

static void test_close(void **state) {
  static struct rig rig;
  struct sums sums;
  (void)state;

  (void)open_both(&rig);
  sums = publish_all(&rig, WSUV_SLOW_CLOSE);
  CHECK_SIZE(1, sums.closed);
  CHECK_SIZE(0, sums.refused);
  CHECK_SIZE(1, wsuv_server_nsubscribers(rig.host.server, "news"));
  raw_start_reading(&rig.stopped);
  CHECK_INT(-1, next_number(&rig, &rig.stopped));
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ESLOWREADER, rig.host.talkers[0]->end.error);
  CHECK_INT(0, rig.host.talkers[1]->n[EV_CLOSE]);
  loopback_close(&rig.lb);
}

/* One block for all: nothing is copied for a single one. */
static void test_no_copies(void **state) {
  static struct rig rig;
  static struct raw raws[NSUBSCRIBERS];
  static uint8_t payload[100000];
  wsuv_server_stats_t stats = {.size = sizeof stats};
  wsuv_published_t out;
  size_t before;
  int i;
  (void)state;

  memset(raws, 0, sizeof raws);
  open_rig(&rig);
  for (i = 0; i < NSUBSCRIBERS; i++) {
    raw_open(&raws[i], &rig.host);
    raw_stop_reading(&raws[i]);
  }
  before = rig.lb.fa.outstanding_size;
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_BINARY, payload,
                                                 sizeof payload, NULL, &out)));
  CHECK_SIZE(NSUBSCRIBERS, out.sent);
  CHECK_TRUE(rig.lb.fa.outstanding_size - before < sizeof payload + NSUBSCRIBERS * (size_t)500);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "news", WSUV_TEXT, "hello", 5,
                                                 NULL, &out)));
  CHECK_ERR(0, wsuv_server_stats(rig.host.server, &stats));
  CHECK_SIZE(2 * NSUBSCRIBERS, stats.sent.shared);
  for (i = 0; i < NSUBSCRIBERS; i++) {
    raw_start_reading(&raws[i]);
    raw_expect_frame(&raws[i], WSUV_BINARY, payload, sizeof payload);
    raw_expect_frame(&raws[i], WSUV_TEXT, "hello", 5);
  }
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuse),      cmocka_unit_test(test_drop_oldest),
      cmocka_unit_test(test_keep_latest), cmocka_unit_test(test_close),
      cmocka_unit_test(test_no_copies),
  };
  return cmocka_run_group_tests_name("topics policies", tests, NULL, NULL);
}
