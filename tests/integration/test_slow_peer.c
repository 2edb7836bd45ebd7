/* Peers that are processes of their own, so that they can be stopped or read slowly: who is dead, and who is only slow. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wsuv/endpoint.h>
#include <wsuv/handshake.h>

#include "api/conn.h"
#include "integration/raw_peer.h"

enum { INTERVAL_MS = 120, MAX_PINGS = 3, LARGE = 8 << 20, SMALL_BUFFER = 8192, PACE_MS = 5 };

struct rig {
  struct loopback lb;
  struct host host;
  struct talker *t;
  pid_t child;
  uv_timer_t timer;
  int nticks;
};

/* ---- the child: exits without a word for whatever goes wrong ---- */

/* Not in the exit status, which belongs to what the test may be run under. */
static int report[2];

static int join_server(int port) {
  struct sockaddr_in address;
  char head[1024];
  size_t len = 0;
  int small = SMALL_BUFFER;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  if (fd < 0 || uv_ip4_addr("127.0.0.1", port, &address) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0 ||
      connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
      write(fd, RAW_REQUEST, sizeof RAW_REQUEST - 1) < 0)
    _exit(1);
  while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)
    if (len == sizeof head || read(fd, head + len++, 1) != 1)
      _exit(1);
  return fd;
}

struct peer {
  int npings;
  int close_code;
};

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  struct peer *peer = data;
  (void)payload;
  (void)len;
  peer->npings++;
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct peer *peer = data;
  (void)reason;
  (void)reason_len;
  peer->close_code = code;
}

static const wsuv_endpoint_handler_t peer_handler = {
    .size = sizeof peer_handler, .on_ping = on_ping, .on_close = on_close};

/* Answers Pings until the server closes, and reports their number. */
static void answer_pings(int port) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  struct peer peer = {0, 0};
  wsuv_endpoint_t *ep;
  uint8_t bytes[512];
  ssize_t n;
  int fd = join_server(port);

  options.random = wsuv_random;
  if (wsuv_endpoint_new(&ep, &options, &peer_handler, &peer) != 0)
    _exit(1);
  while ((n = read(fd, bytes, sizeof bytes)) > 0) {
    wsuv_span_t span;
    if (wsuv_endpoint_receive(ep, bytes, (size_t)n) != 0)
      _exit(1);
    while (wsuv_endpoint_output(ep, &span, 1) > 0) {
      ssize_t written = send(fd, span.data, span.len, MSG_NOSIGNAL);
      if (written < 0)
        break;
      wsuv_endpoint_output_done(ep, (size_t)written);
    }
  }
  if (peer.close_code == 1008)
    (void)!write(report[1], &peer.npings, sizeof peer.npings);
  _exit(0);
}

/* Reads a few KiB at a time and says nothing, not even Pongs. */
static void read_slowly(int port) {
  static uint8_t bytes[2048];
  int fd = join_server(port);

  while (read(fd, bytes, sizeof bytes) > 0)
    (void)poll(NULL, 0, PACE_MS);
  _exit(0);
}

/* ---- the server ---- */

static void tick(uv_timer_t *timer) {
  struct rig *rig = timer->data;
  rig->nticks++;
}

static void open_rig(struct rig *rig, void (*run_child)(int port), int64_t close_timeout_ms) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  conn.ping_interval_ms = INTERVAL_MS;
  conn.max_pings = MAX_PINGS;
  conn.close_timeout_ms = close_timeout_ms;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  CHECK_INT(0, pipe(report));
  rig->child = fork();
  CHECK_TRUE(rig->child >= 0);
  if (rig->child == 0)
    run_child(rig->host.port);
  (void)close(report[1]);
  RUN_UNTIL(&rig->lb, rig->host.ntalkers == 1 && rig->host.talkers[0]->n[EV_OPEN] == 1);
  rig->t = rig->host.talkers[0];
}

/* What it reported, or 0. */
static int end_child(struct rig *rig, int signal) {
  int npings = 0;

  CHECK_INT(0, kill(rig->child, signal));
  CHECK_INT(rig->child, waitpid(rig->child, NULL, 0));
  if (read(report[0], &npings, sizeof npings) != sizeof npings)
    npings = 0;
  (void)close(report[0]);
  return npings;
}

static void send_much(struct rig *rig) {
  static uint8_t much[LARGE];
  int small = SMALL_BUFFER;

  CHECK_ERR(0, uv_send_buffer_size(&rig->t->conn->stream.uv.handle, &small));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_binary(rig->t->conn, much, sizeof much)));
}

/* Every Ping of the end was sent, and none beyond: the child counts them once it goes on.
 * covers: W138 UV.7 EPT.16 */
static void test_stopped_peer_is_reported(void **state) {
  struct rig rig;
  wsuv_rtt_t rtt;
  int npings;
  (void)state;

  open_rig(&rig, answer_pings, 0);
  CHECK_ERR(WSUV_ESTATE, wsuv_conn_rtt(rig.t->conn, &rtt));
  RUN_UNTIL(&rig.lb, rig.t->n[EV_PONG] == 2);
  CHECK_ERR(0, wsuv_conn_rtt(rig.t->conn, &rtt));
  CHECK_TRUE(rtt.min_ms >= 0 && rtt.min_ms <= rtt.last_ms && rtt.min_ms <= rtt.smoothed_ms);
  CHECK_INT(0, kill(rig.child, SIGSTOP));
  RUN_UNTIL(&rig.lb, wsuv_conn_state(rig.t->conn) > WSUV_STATE_OPEN);
  CHECK_INT(0, kill(rig.child, SIGCONT));
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  npings = end_child(&rig, SIGCONT);
  CHECK_ERR(WSUV_ETIMEDOUT, rig.t->end.error);
  CHECK_INT(1008, rig.t->end.sent_code);
  CHECK_INT((int)rig.t->n[EV_PONG] + MAX_PINGS, npings);
  loopback_close(&rig.lb);
}

/* covers: UV.7 */
static void test_stopped_peer_with_much_queued_is_reported(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, read_slowly, INTERVAL_MS);
  CHECK_INT(0, kill(rig.child, SIGSTOP));
  send_much(&rig);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ETIMEDOUT, rig.t->end.error);
  CHECK_INT(0, rig.t->end.sent_code); /* it never left */
  (void)end_child(&rig, SIGKILL);
  loopback_close(&rig.lb);
}

/* It sends nothing for many times max_pings intervals, and takes a little in each.
 * covers: UV.7 */
static void test_slow_peer_is_not_reported(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, read_slowly, INTERVAL_MS);
  send_much(&rig);
  CHECK_ERR(0, uv_timer_init(&rig.lb.uv, &rig.timer));
  rig.timer.data = &rig;
  CHECK_ERR(0, uv_timer_start(&rig.timer, tick, INTERVAL_MS, INTERVAL_MS));
  RUN_UNTIL(&rig.lb, rig.nticks == 4 * MAX_PINGS || rig.t->n[EV_CLOSE] == 1);
  CHECK_SIZE(0, rig.t->n[EV_CLOSE]);
  CHECK_TRUE(wsuv_conn_queued(rig.t->conn) > 0);
  CHECK_SIZE(0, rig.t->n[EV_PONG]);
  uv_close((uv_handle_t *)&rig.timer, NULL);
  (void)end_child(&rig, SIGKILL);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stopped_peer_is_reported),
      cmocka_unit_test(test_stopped_peer_with_much_queued_is_reported),
      cmocka_unit_test(test_slow_peer_is_not_reported),
  };
  return cmocka_run_group_tests_name("slow peer", tests, NULL, NULL);
}
