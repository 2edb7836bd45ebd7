/* Frames and failures as a loop's trace is told of them, over real sockets. */
#include <stdio.h>
#include <string.h>
#include <wsuv/trace.h>

#include "integration/raw_peer.h"

#define TOLD_MAX 64

struct told {
  struct loopback lb;
  struct host host;
  wsuv_trace_t trace;
  wsuv_trace_frame_t frames[TOLD_MAX];
  size_t nframes;
  unsigned nfailures;
  int error;
  char text[4096];
  int ends; /* non-zero: on_failure ends the connection */
};

static void on_frame(void *arg, wsuv_conn_t *conn, const wsuv_trace_frame_t *frame) {
  struct told *told = arg;
  char peer[64];

  CHECK_ERR(0, wsuv_conn_peer(conn, peer, sizeof peer));
  if (told->nframes < TOLD_MAX)
    told->frames[told->nframes++] = *frame;
}

static void on_failure(void *arg, wsuv_conn_t *conn, int error, const char *text) {
  struct told *told = arg;

  CHECK_INT(0, told->lb.in_call);
  told->nfailures++;
  told->error = error;
  (void)snprintf(told->text, sizeof told->text, "%s", text);
  if (told->ends)
    CALL_VOID(&told->lb, wsuv_conn_terminate(conn));
}

/* The fixture's loop is replaced by one with a trace. */
static int told_open(struct told *told, int frames) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  int err;

  memset(told, 0, sizeof *told);
  loopback_open(&told->lb);
  CHECK_ERR(0, CALL(&told->lb, wsuv_loop_close(told->lb.loop, NULL, NULL)));
  loopback_run_out(&told->lb);
  told->trace.size = sizeof told->trace;
  told->trace.arg = told;
  told->trace.on_frame = frames ? on_frame : NULL;
  told->trace.on_failure = on_failure;
  options.allocator = &told->lb.fa.allocator;
  options.trace = &told->trace;
  err = CALL(&told->lb, wsuv_loop_new(&told->lb.loop, &told->lb.uv, &options));
  host_init(&told->host, &told->lb);
  told->host.on_event = talker_echo;
  return err;
}

static void listen_with(struct told *told, int trace_frames) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  conn.trace_frames = trace_frames;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&told->host, &options));
}

/* Lines without their times, which nobody knows. */
static void without_times(const char *text, char *out) {
  for (; *text != '\0'; text++) {
    if (strncmp(text, "  +", 3) == 0)
      text = strstr(text, " s  ") + 3;
    *out++ = *text;
  }
  *out = '\0';
}

/* The last five of more, in order, the bad one and our Close among them. */
static void test_failure(void **state) {
  static const char expected[] = " -> text fin 3 octets\n"
                                 " <- ping fin masked 0 octets\n"
                                 " -> pong fin 0 octets\n"
                                 " <- opcode 7 fin masked 0 octets\n"
                                 " -> close fin 31 octets\n";
  const uint8_t bad[] = {0x87, 0x80, 0, 0, 0, 0};
  struct told told;
  struct raw raw;
  char lines[4096];
  (void)state;

  CHECK_ERR(0, told_open(&told, 0));
  listen_with(&told, 5);
  raw_open(&raw, &told.host);
  raw_frame(&raw, WSUV_BINARY, "first", 5);
  raw_expect_frame(&raw, WSUV_BINARY, "first", 5);
  raw_frame(&raw, WSUV_TEXT, "two", 3);
  raw_expect_frame(&raw, WSUV_TEXT, "two", 3);
  raw_frame(&raw, WSUV_PING, "", 0);
  raw_expect_frame(&raw, WSUV_PONG, "", 0);
  raw_send(&raw, bad, sizeof bad);
  raw_expect_close(&raw, 1002);
  CHECK_INT(1, told.nfailures);
  CHECK_ERR(WSUV_EOPCODE, told.error);
  CHECK_TRUE(strncmp(told.text, "127.0.0.1:", 10) == 0);
  CHECK_NOT_NULL(strstr(told.text, ": EOPCODE: unknown opcode 7 (RFC 6455 5.2)\n"));
  without_times(strchr(told.text, '\n') + 1, lines);
  CHECK_STR(expected, lines);
  raw_end(&raw);
  RUN_UNTIL(&told.lb, told.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(1, told.nfailures);
  loopback_close(&told.lb);
}

/* Without frames the first line is still told; the application may end the connection right there. */
static void test_failure_ends(void **state) {
  const uint8_t unmasked[] = {0x81, 0x01, 'x'};
  struct told told;
  struct raw raw;
  (void)state;

  CHECK_ERR(0, told_open(&told, 0));
  told.ends = 1;
  CHECK_ERR(0, host_listen(&told.host, NULL));
  raw_open(&raw, &told.host);
  raw_send(&raw, unmasked, sizeof unmasked);
  RUN_UNTIL(&told.lb, told.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(1, told.nfailures);
  CHECK_ERR(WSUV_EUNMASKED, told.error);
  CHECK_PTR(told.text + strlen(told.text) - 1, strchr(told.text, '\n')); /* one line */
  CHECK_ERR(WSUV_EUNMASKED, told.host.talkers[0]->end.error);
  loopback_close(&told.lb);
}

/* An end without a fault of the peer's is no failure. */
static void test_no_failure(void **state) {
  struct told told;
  struct talker client;
  struct raw raw;
  (void)state;

  CHECK_ERR(0, told_open(&told, 0));
  listen_with(&told, 5);
  connect_pair(&told.host, &client);
  CHECK_ERR(0, CALL(&told.lb, wsuv_conn_close(client.conn, 4000, NULL)));
  RUN_UNTIL(&told.lb, client.n[EV_CLOSE] == 1);
  raw_open(&raw, &told.host);
  raw_reset(&raw);
  RUN_UNTIL(&told.lb, told.host.ntalkers == 2 && told.host.talkers[1]->n[EV_CLOSE] == 1);
  CHECK_INT(0, told.nfailures);
  loopback_close(&told.lb);
}

static void on_sent(wsuv_send_t *req, int status) {
  (void)req;
  CHECK_ERR(0, status);
}

/* Both roles tell every frame, whichever way it was sent. */
static void test_every_frame(void **state) {
  static const uint8_t expected[] = {WSUV_TEXT, WSUV_BINARY, WSUV_CONTINUATION, WSUV_PING,
                                     WSUV_CLOSE};
  struct told told;
  struct talker client;
  struct loopback *lb = &told.lb;
  size_t count[16] = {0};
  wsuv_prepared_t *prepared;
  wsuv_send_t req;
  size_t i;
  (void)state;

  CHECK_ERR(0, told_open(&told, 1));
  CHECK_ERR(0, host_listen(&told.host, NULL));
  connect_pair(&told.host, &client);
  CHECK_ERR(0, talker_say(&client, "hello"));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(client.conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(client.conn, "a", 1, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(client.conn, "b", 1)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_ping(client.conn, "p", 1)));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "many", 4, 0));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_prepared(client.conn, prepared)));
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, CALL(lb, wsuv_conn_send(client.conn, &req, WSUV_BINARY, "r", 1, 0, on_sent)));
  RUN_UNTIL(lb, client.n[EV_MESSAGE] == 4 && client.n[EV_PONG] == 1);
  CHECK_ERR(0, CALL(lb, wsuv_conn_close(client.conn, 1000, NULL)));
  RUN_UNTIL(lb, client.n[EV_CLOSE] == 1 && told.host.talkers[0]->n[EV_CLOSE] == 1);
  for (i = 0; i < told.nframes; i++)
    count[told.frames[i].opcode] += told.frames[i].is_sent ? 1 : 16;
  for (i = 0; i < sizeof expected; i++)
    CHECK_SIZE(count[expected[i]] % 16, count[expected[i]] / 16);
  CHECK_SIZE(4 * 17, count[WSUV_TEXT]);
  CHECK_SIZE(4 * 17, count[WSUV_BINARY]);
  CHECK_SIZE(17, count[WSUV_CONTINUATION]);
  CHECK_SIZE(17, count[WSUV_PING]);
  CHECK_SIZE(17, count[WSUV_PONG]);
  CHECK_SIZE(2 * 17, count[WSUV_CLOSE]);
  CHECK_SIZE(26, told.nframes);
  loopback_close(&told.lb);
}

struct last {
  wsuv_trace_frame_t frames[8];
  size_t n;
};

static void keep_last(struct talker *t, enum event event) {
  struct last *last = t->arg;

  if (event == EV_CLOSE)
    last->n = wsuv_conn_trace(t->conn, last->frames, 8);
}

/* Without anybody to be told, frames are kept, and are there in on_close. */
static void test_kept(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct last last = {.n = 0};
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  conn.trace_frames = WSUV_TRACE_FRAMES_MAX;
  to.conn = &conn;
  talker_init(&client, &lb);
  client.on_event = keep_last;
  client.arg = &last;
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_SIZE(0, wsuv_conn_trace(client.conn, last.frames, 8));
  CHECK_ERR(0, talker_say(&client, "hello"));
  CHECK_SIZE(1, wsuv_conn_trace(client.conn, last.frames, 8));
  CHECK_INT(1, last.frames[0].masked);
  CHECK_SIZE(5, last.frames[0].len);
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_SIZE(0, wsuv_conn_trace(host.talkers[0]->conn, last.frames, 8));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_SIZE(4, last.n);
  CHECK_INT(WSUV_CLOSE, last.frames[3].opcode);
  CHECK_INT(0, last.frames[3].is_sent);
  CHECK_TRUE(last.frames[0].time_ms <= last.frames[3].time_ms);
  loopback_close(&lb);
}

static void test_options(void **state) {
  static const int bad[] = {-1, WSUV_TRACE_FRAMES_MAX + 1};
  struct told told;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_trace_t trace = {0, NULL, NULL, NULL};
  wsuv_loop_options_t loop_options = WSUV_LOOP_OPTIONS_INIT;
  wsuv_loop_t *loop;
  size_t i;
  (void)state;

  CHECK_ERR(0, told_open(&told, 0));
  options.conn = &conn;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    conn.trace_frames = bad[i];
    CHECK_ERR(WSUV_EINVAL, host_listen(&told.host, &options));
  }
  conn.trace_frames = WSUV_OFF;
  CHECK_ERR(0, host_listen(&told.host, &options));
  loop_options.trace = &trace;
  CHECK_ERR(WSUV_EINVAL, CALL(&told.lb, wsuv_loop_new(&loop, &told.lb.uv, &loop_options)));
  loopback_close(&told.lb);
}

/* A conversation that ends in a failure, with the n-th allocation failing: what cannot be kept is not, and all else is as
 * before. */
static int converse(struct told *told, size_t n) {
  const uint8_t bad[] = {0xf1, 0x80, 0, 0, 0, 0};
  struct raw raw;

  CHECK_ERR(0, told_open(told, 1));
  listen_with(told, 8);
  raw_open(&raw, &told->host);
  failing_alloc_fail_once(&told->lb.fa, n);
  raw_frame(&raw, WSUV_TEXT, "hello", 5);
  raw_frame(&raw, WSUV_PING, "", 0);
  raw_send(&raw, bad, sizeof bad);
  raw_expect_eof(&raw);
  raw_end(&raw);
  RUN_UNTIL(&told->lb, told->host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(1, told->nfailures);
  CHECK_ERR(WSUV_ERSV, told->error);
  CHECK_SIZE(6, told->nframes);
  n = (size_t)failing_alloc_has_failed(&told->lb.fa);
  loopback_close(&told->lb);
  return (int)n;
}

static void test_no_memory(void **state) {
  static struct told told;
  size_t n = 1;
  (void)state;

  while (converse(&told, n))
    n++;
  CHECK_TRUE(n > 2); /* for counts, frames, and maybe more */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_failure),    cmocka_unit_test(test_failure_ends),
      cmocka_unit_test(test_no_failure), cmocka_unit_test(test_every_frame),
      cmocka_unit_test(test_kept),       cmocka_unit_test(test_options),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests_name("tracing", tests, NULL, NULL);
}
