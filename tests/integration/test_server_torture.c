/* What a server does in production with the n-th allocation failing, for every n: once, and from there on. Requests on a kept
 * connection, topics with every policy, posts, numbers, a drain. Nothing crashes, hangs or leaks, and all are accounted for. */
#include <string.h>

#include "api/server.h"
#include "integration/raw_peer.h"
#include "wsuv/drain.h"
#include "wsuv/metrics.h"
#include "wsuv/post.h"
#include "wsuv/topic.h"

#define GET    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define NTURNS 300

struct play {
  struct loopback lb; /* first */
  struct host host;
  struct talker client;
  struct raw raw; /* asks twice, then opens, and never reads */
  wsuv_send_t reqs[4];
  int npending;
  int nposted;
  int is_drained;
  wsuv_upgrade_t *unanswered; /* for lack of memory; it is still ours */
};

static uint8_t octets[20000];

static void may_fail(int err) {
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM || err == WSUV_ESTATE || err == WSUV_EQUEUEFULL ||
             err == WSUV_ESLOWREADER || err == WSUV_EGONE);
}

static struct play *play_of(const struct loopback *lb) {
  return (struct play *)(uintptr_t)lb;
}

static void answer(struct host *host, wsuv_upgrade_t *request) {
  int err = CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, "hello", 5));

  may_fail(err);
  if (err != 0 && CALL(host->lb, wsuv_upgrade_reject(request, 503, NULL, 0, NULL, 0)) != 0)
    play_of(host->lb)->unanswered = request;
}

static void on_posted(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status) {
  struct play *p = arg;

  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  CHECK_TRUE(id != 0);
  if (status != WSUV_ECANCELED)
    may_fail(status);
  p->nposted--;
}

static void on_sent(wsuv_send_t *req, int status) {
  struct play *p = req->data;

  CHECK_TRUE(status <= 0);
  p->npending--;
}

static void send_request(struct play *p, wsuv_conn_t *conn, int i, wsuv_slow_t slow) {
  wsuv_send_options_t o = WSUV_SEND_OPTIONS_INIT;
  int err;

  o.slow = slow;
  o.key = 7;
  o.req = &p->reqs[i];
  o.cb = on_sent;
  p->reqs[i].data = p;
  p->npending++;
  err = CALL(&p->lb, wsuv_conn_send_with(conn, WSUV_BINARY, octets, sizeof octets, &o));
  if (err != 0)
    p->npending--;
  may_fail(err);
}

static void publish(struct play *p, wsuv_slow_t slow) {
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  wsuv_published_t out;

  o.slow = slow;
  o.key = 7;
  may_fail(CALL(&p->lb, wsuv_server_publish(p->host.server, "news", WSUV_BINARY, octets,
                                            sizeof octets, &o, &out)));
  may_fail(out.error);
}

static void count(struct play *p) {
  static char text[100000];
  wsuv_loop_stats_t stats = {.size = sizeof stats};
  size_t len;

  CHECK_ERR(0, wsuv_loop_stats(p->lb.loop, &stats));
  CHECK_TRUE(stats.total.accepted >= stats.total.opened);
  may_fail(wsuv_metrics_write_loop(p->lb.loop, text, sizeof text, &len));
}

static void drain(struct play *p) {
  wsuv_drain_options_t o = WSUV_DRAIN_OPTIONS_INIT;

  o.window_ms = WSUV_OFF;
  p->is_drained = 1;
  may_fail(CALL(&p->lb, wsuv_server_drain(p->host.server, &o)));
}

static void server_hears(struct talker *t, enum event event) {
  struct play *p = play_of(t->lb);
  wsuv_conn_id_t id;
  int i;

  if (event == EV_OPEN)
    may_fail(CALL(t->lb, wsuv_conn_subscribe(t->conn, "news")));
  if (event != EV_MESSAGE || p->is_drained)
    return;
  id = wsuv_conn_id(t->conn);
  if (id != 0) {
    int err =
        CALL(t->lb, wsuv_loop_post_send(t->lb->loop, id, WSUV_TEXT, "posted", 6, 0, on_posted, p));
    may_fail(err);
    p->nposted += err == 0;
  }
  for (i = 0; i < 40; i++)
    publish(p, (wsuv_slow_t)(WSUV_SLOW_REFUSE + i % 3));
  send_request(p, t->conn, 0, WSUV_SLOW_REFUSE);
  send_request(p, t->conn, 1, WSUV_SLOW_DROP_OLDEST);
  send_request(p, t->conn, 2, WSUV_SLOW_KEEP_LATEST);
  publish(p, WSUV_SLOW_CLOSE);
  send_request(p, t->conn, 3, WSUV_SLOW_CLOSE);
  count(p);
  if (p->host.server != NULL)
    drain(p);
}

static void client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN && CALL(t->lb, wsuv_conn_send_text(t->conn, "go", 2)) != 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

/* Each was opened, rejected, or asked for no more than plain HTTP; nothing is left in the counts of those present. */
static void check_server(struct host *host) {
  wsuv_server_stats_t stats = {.size = sizeof stats};
  uint64_t rejected = 0;
  size_t i;

  CHECK_ERR(0, wsuv_server_stats(host->server, &stats));
  for (i = 0; i < WSUV_NREJECTIONS; i++)
    rejected += stats.rejected[i];
  CHECK_TRUE(stats.opened + rejected <= 2);
  CHECK_SIZE(0, host->server->nhandshakes);
  CHECK_SIZE(0, host->server->nturned_away);
  CHECK_SIZE(0, host->server->visitors.addresses.count);
  CHECK_SIZE(0, wsuv_server_ntopics(host->server));
}

static void play(struct play *p) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  int err;
  int turns;

  conn.write_limit = 100000;
  conn.close_timeout_ms = 50;
  options.conn = &conn;
  options.max_connections_per_address = 10;
  host_init(&p->host, &p->lb);
  p->host.on_event = server_hears;
  p->host.on_request = answer;
  p->host.on_closed = check_server;
  err = host_listen(&p->host, &options);
  may_fail(err);
  if (err != 0)
    return;
  raw_connect(&p->raw, &p->lb, p->host.port);
  raw_say(&p->raw, GET GET RAW_REQUEST);
  RUN_UNTIL(&p->lb, p->raw.nwriting == 0 && p->raw.connected);
  raw_stop_reading(&p->raw);
  for (turns = 0; turns < 20; turns++)
    (void)uv_run(&p->lb.uv, UV_RUN_NOWAIT);
  talker_init(&p->client, &p->lb);
  p->client.on_event = client_hears;
  err = talker_connect(&p->client, &p->host, NULL);
  may_fail(err);
  for (turns = 0; err == 0 && p->client.n[EV_CLOSE] == 0 && turns < NTURNS;) {
    turns += p->client.n[EV_OPEN] > 0;
    (void)uv_run(&p->lb.uv, p->client.n[EV_OPEN] > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  }
}

static int play_with(const void *row, struct failure failure) {
  static struct play p;
  int failed;
  (void)row;

  memset(&p, 0, sizeof p);
  loopback_open(&p.lb);
  failing_alloc_fail_as(&p.lb.fa, failure);
  play(&p);
  failed = failing_alloc_has_failed(&p.lb.fa);
  loopback_end(&p.lb);
  RUN_UNTIL(&p.lb, p.lb.loop_closed);
  if (p.unanswered != NULL)
    CHECK_ERR(WSUV_ECANCELED, wsuv_upgrade_reject(p.unanswered, 503, NULL, 0, NULL, 0));
  loopback_close(&p.lb);
  CHECK_INT(0, p.npending);
  CHECK_INT(0, p.nposted);
  if (!failed) { /* then everything is in it */
    CHECK_INT(1, p.is_drained);
    CHECK_SIZE(2, p.host.ntalkers);
  }
  return failed;
}

static void torture(int once) {
  size_t n = failing_alloc_torture(play_with, NULL, once, loopback_is_slow() ? 7 : 1);

  print_message("%zu allocations\n", n);
  CHECK_TRUE(n > 40);
}

static void test_once(void **state) {
  (void)state;
  torture(1);
}

static void test_from_there_on(void **state) {
  (void)state;
  torture(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_once),
      cmocka_unit_test(test_from_there_on),
  };
  return cmocka_run_group_tests_name("server torture", tests, NULL, NULL);
}
