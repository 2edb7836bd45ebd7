/* How many connections and handshakes a server takes, of all and of one address. */
#include <stdio.h>
#include <string.h>

#include "api/server.h"
#include "integration/given_stream.h"

#define NMAX 100

struct rig {
  struct loopback lb;
  struct host host;
  wsuv_server_options_t options;
  struct raw raws[NMAX];
};

static void set_up(struct rig *rig) {
  static const wsuv_server_options_t presets = WSUV_SERVER_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->options = presets;
}

static void listen_as(struct rig *rig) {
  CHECK_ERR(0, host_listen(&rig->host, &rig->options));
}

static uint64_t count_rejected(const struct rig *rig, wsuv_rejection_t reason) {
  return rig->host.server->rejected[reason];
}

static size_t count_answers(struct rig *rig, size_t n, const char *line) {
  size_t count = 0;
  size_t i;

  for (i = 0; i < n; i++)
    count += strncmp(raw_text(&rig->raws[i]), line, strlen(line)) == 0;
  return count;
}

static int is_answered(struct raw *raw) {
  return raw_took_head(raw) || raw->eof || raw->error != 0;
}

/* It is told when it has asked. */
static void check_refused(struct raw *raw, const char *line) {
  raw_say(raw, RAW_REQUEST);
  RUN_UNTIL(raw->lb, is_answered(raw));
  CHECK_BYTES(line, strlen(line), raw_text(raw), strlen(line));
  CHECK_NOT_NULL(strstr(raw_text(raw), "Retry-After: 5\r\n"));
  raw_close(raw);
}

/* ---- connections ---- */

static void test_connections(void **state) {
  static struct rig rig;
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_connections = 3;
  listen_as(&rig);
  for (i = 0; i < 3; i++)
    raw_open(&rig.raws[i], &rig.host);
  raw_connect(&rig.raws[3], &rig.lb, rig.host.port);
  check_refused(&rig.raws[3], "HTTP/1.1 503 ");
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 3);
  CHECK_SIZE(1, count_rejected(&rig, WSUV_REJECTED_CONNECTIONS));
  raw_close(&rig.raws[1]);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 2);
  raw_open(&rig.raws[4], &rig.host);
  loopback_close(&rig.lb);
}

/* ---- handshakes ---- */

static void test_handshakes(void **state) {
  static struct rig rig;
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_handshakes = 3;
  listen_as(&rig);
  for (i = 0; i < 5; i++)
    raw_open(&rig.raws[i], &rig.host); /* open ones do not count */
  for (; i < 8; i++)
    raw_connect(&rig.raws[i], &rig.lb, rig.host.port);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 8);
  raw_connect(&rig.raws[8], &rig.lb, rig.host.port);
  check_refused(&rig.raws[8], "HTTP/1.1 503 ");
  CHECK_SIZE(1, count_rejected(&rig, WSUV_REJECTED_HANDSHAKES));

  /* One opens, one is refused, one goes: each makes room for another. */
  raw_say(&rig.raws[5], RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raws[5]));
  raw_say(&rig.raws[6], "nonsense\r\n\r\n");
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raws[6]));
  raw_close(&rig.raws[7]);
  RUN_UNTIL(&rig.lb, rig.host.server->nhandshakes == 0);
  for (i = 9; i < 12; i++)
    raw_connect(&rig.raws[i], &rig.lb, rig.host.port);
  RUN_UNTIL(&rig.lb, rig.host.server->nhandshakes == 3);
  raw_connect(&rig.raws[12], &rig.lb, rig.host.port);
  check_refused(&rig.raws[12], "HTTP/1.1 503 ");
  CHECK_SIZE(2, count_rejected(&rig, WSUV_REJECTED_HANDSHAKES));
  loopback_close(&rig.lb);
}

/* ---- of one address ---- */

/* 127.0.0.2 and the like are there without ado on Linux, and not everywhere else. */
static int connect_from(struct rig *rig, struct raw *raw, const char *address) {
  if (raw_connect_from(raw, &rig->lb, rig->host.port, address) != 0)
    return 1;
  raw_say(raw, RAW_REQUEST);
  RUN_UNTIL(&rig->lb, is_answered(raw));
  return 0;
}

static void check_open(struct raw *raw) {
  CHECK_BYTES("HTTP/1.1 101 ", 13, raw_text(raw), 13);
}

static void test_address(void **state) {
  static struct rig rig;
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_connections_per_address = 2;
  listen_as(&rig);
  for (i = 0; i < 2; i++)
    raw_open(&rig.raws[i], &rig.host);
  raw_connect(&rig.raws[2], &rig.lb, rig.host.port);
  check_refused(&rig.raws[2], "HTTP/1.1 429 Too Many Requests\r\n");
  CHECK_SIZE(1, count_rejected(&rig, WSUV_REJECTED_ADDRESS));
  if (connect_from(&rig, &rig.raws[3], "127.0.0.2") == 0) {
    check_open(&rig.raws[3]);
    CHECK_INT(0, connect_from(&rig, &rig.raws[4], "127.0.0.2"));
    check_open(&rig.raws[4]);
    CHECK_INT(0, connect_from(&rig, &rig.raws[5], "127.0.0.2"));
    check_refused(&rig.raws[5], "HTTP/1.1 429 ");
    CHECK_INT(0, connect_from(&rig, &rig.raws[6], "127.0.0.3"));
    check_open(&rig.raws[6]);
    CHECK_SIZE(3, rig.host.server->visitors.addresses.count);
  }
  raw_close(&rig.raws[0]);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  raw_open(&rig.raws[7], &rig.host);
  loopback_close(&rig.lb);
}

/* Behind a proxy of this machine's there may be many. */
static void test_local_ones_do_not_count(void **state) {
  static struct rig rig;
  (void)state;

  set_up(&rig);
  listen_as(&rig);
  CHECK_SIZE(1024, rig.host.server->visitors.max);
  raw_open(&rig.raws[0], &rig.host);
  CHECK_SIZE(0, rig.host.server->visitors.addresses.count);
  loopback_close(&rig.lb);

  set_up(&rig);
  rig.options.max_connections_per_address = WSUV_OFF;
  listen_as(&rig);
  raw_open(&rig.raws[0], &rig.host);
  CHECK_SIZE(0, rig.host.server->visitors.addresses.count);
  loopback_close(&rig.lb);
}

/* On a socket of both families IPv4 comes mapped into IPv6. */
static void test_mapped(void **state) {
  static struct rig rig;
  struct talker six;
  char url[64];
  (void)state;

  set_up(&rig);
  rig.options.max_connections_per_address = 1;
  rig.options.host = "::";
  if (host_listen(&rig.host, &rig.options) != 0) {
    loopback_close(&rig.lb);
    skip();
  }
  raw_open(&rig.raws[0], &rig.host);
  raw_connect(&rig.raws[1], &rig.lb, rig.host.port);
  check_refused(&rig.raws[1], "HTTP/1.1 429 ");
  (void)snprintf(url, sizeof url, "ws://[::1]:%d/", rig.host.port);
  CHECK_ERR(0, talker_connect_url(&six, &rig.lb, url, NULL));
  RUN_UNTIL(&rig.lb, six.n[EV_OPEN] + six.n[EV_CLOSE] > 0);
  CHECK_SIZE(1, six.n[EV_OPEN]);
  loopback_close(&rig.lb);
}

/* All at once: so many are told, the others dropped, and none of them is served. */
static void test_address_flood(void **state) {
  static struct rig rig;
  struct talker client;
  size_t nended = 0;
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_connections_per_address = 1;
  listen_as(&rig);
  connect_pair(&rig.host, &client);
  for (i = 0; i < NMAX; i++) {
    raw_connect(&rig.raws[i], &rig.lb, rig.host.port);
    raw_say(&rig.raws[i], RAW_REQUEST);
  }
  while (nended < NMAX) {
    loopback_turn(&rig.lb);
    for (nended = i = 0; i < NMAX; i++)
      nended += rig.raws[i].eof || rig.raws[i].error != 0;
  }
  CHECK_SIZE(64, count_answers(&rig, NMAX, "HTTP/1.1 429 "));
  CHECK_SIZE(NMAX, count_rejected(&rig, WSUV_REJECTED_ADDRESS));
  for (i = 0; i < NMAX; i++)
    raw_close(&rig.raws[i]);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 1);
  CHECK_SIZE(0, rig.host.server->nturned_away);
  loopback_close(&rig.lb);
}

static void test_unix_sockets_have_no_address(void **state) {
  static struct rig rig;
  struct talker clients[3];
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  size_t i;
  (void)state;

  set_up(&rig);
#if defined(_WIN32)
  rig.options.path = "\\\\.\\pipe\\wsuv-test-limits";
#else
  rig.options.path = "test_limits.sock";
#endif
  to.path = rig.options.path;
  to.url = "ws://localhost/";
  rig.options.max_connections_per_address = 1;
  listen_as(&rig);
  for (i = 0; i < 3; i++) {
    talker_init(&clients[i], &rig.lb);
    CHECK_ERR(0, talker_connect(&clients[i], &rig.host, &to));
    RUN_UNTIL(&rig.lb, clients[i].n[EV_OPEN] == 1);
  }
  loopback_close(&rig.lb);
}

/* ---- streams of the application's ---- */

static int adopt(struct rig *rig, struct given *given) {
  wsuv_adopt_options_t options = given_options(1, NULL, 0);

  return CALL(&rig->lb, wsuv_server_adopt(rig->host.server, given->stream, &options));
}

static int take_request(struct rig *rig, struct given *given) {
  static const wsuv_header_t headers[] = {
      {"Host", "localhost", 0, 0},
      {"Upgrade", "websocket", 0, 0},
      {"Connection", "Upgrade", 0, 0},
      {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", 0, 0},
      {"Sec-WebSocket-Version", "13", 0, 0},
  };
  wsuv_adopt_options_t options = given_options(1, NULL, 0);
  wsuv_request_t request = WSUV_REQUEST_INIT;

  request.method = "GET";
  request.target = "/";
  request.headers = headers;
  request.nheaders = sizeof headers / sizeof headers[0];
  return CALL(&rig->lb,
              wsuv_upgrade_from_request(rig->host.server, given->stream, &request, &options));
}

static void test_adopted(void **state) {
  static struct rig rig;
  struct given given[5];
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_connections_per_address = 2;
  CHECK_ERR(0, host_create(&rig.host, &rig.options));
  for (i = 0; i < 5; i++)
    CHECK_INT(0, given_open(&given[i], &rig.raws[i], &rig.lb, i < 3 ? GIVEN_TCP : GIVEN_PIPE));
  CHECK_ERR(0, adopt(&rig, &given[0]));
  CHECK_ERR(0, take_request(&rig, &given[1]));
  CHECK_ERR(WSUV_EADDRESS, adopt(&rig, &given[2]));
  CHECK_ERR(WSUV_EADDRESS, take_request(&rig, &given[2]));
  CHECK_INT(429, wsuv_err_http_status(WSUV_EADDRESS));
  CHECK_PTR(&given[2], given[2].stream->data); /* untouched */
  CHECK_SIZE(2, count_rejected(&rig, WSUV_REJECTED_ADDRESS));
  CHECK_SIZE(2, wsuv_server_nconns(rig.host.server));
  CHECK_ERR(0, adopt(&rig, &given[3]));
  CHECK_ERR(0, take_request(&rig, &given[4]));
  raw_close(&rig.raws[0]);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 3);
  CHECK_ERR(0, take_request(&rig, &given[2]));
  loopback_close(&rig.lb);
}

static void test_adopted_handshakes(void **state) {
  static struct rig rig;
  struct given given[2];
  size_t i;
  (void)state;

  set_up(&rig);
  rig.options.max_handshakes = 1;
  CHECK_ERR(0, host_create(&rig.host, &rig.options));
  for (i = 0; i < 2; i++)
    CHECK_INT(0, given_open(&given[i], &rig.raws[i], &rig.lb, GIVEN_PIPE));
  CHECK_ERR(0, adopt(&rig, &given[0]));
  CHECK_ERR(WSUV_EBUSY, adopt(&rig, &given[1]));
  CHECK_SIZE(1, count_rejected(&rig, WSUV_REJECTED_HANDSHAKES));
  raw_say(&rig.raws[0], RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raws[0]));
  CHECK_ERR(0, adopt(&rig, &given[1]));
  loopback_close(&rig.lb);
}

/* ---- options, memory ---- */

static void test_options(void **state) {
  static struct rig rig;
  (void)state;

  set_up(&rig);
  rig.options.max_handshakes = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &rig.options));
  rig.options.max_handshakes = WSUV_OFF;
  rig.options.max_connections_per_address = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &rig.options));
  rig.options.max_connections_per_address = 0;
  rig.options.max_connections = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &rig.options));
  rig.options.max_connections = 0;
  listen_as(&rig);
  CHECK_SIZE(100000, rig.host.server->max_connections);
  CHECK_SIZE(UINT64_MAX, rig.host.server->max_handshakes);
  loopback_close(&rig.lb);
}

/* Each of the `n` that came was opened or rejected, once. */
static void check_accounted_for(const struct rig *rig, size_t n) {
  wsuv_server_stats_t stats = {.size = sizeof stats};
  uint64_t sum = 0;
  size_t i;

  CHECK_ERR(0, wsuv_server_stats(rig->host.server, &stats));
  for (i = 0; i < WSUV_NREJECTIONS; i++)
    sum += stats.rejected[i];
  CHECK_SIZE(n, stats.opened + sum);
}

/* Whatever cannot be allocated: it is dropped, or served, and the next one is served again. */
static void test_without_memory(void **state) {
  static struct rig rig;
  size_t n;
  int has_failed = 1;
  (void)state;

  for (n = 1; has_failed; n++) {
    set_up(&rig);
    rig.options.max_connections_per_address = 5;
    listen_as(&rig);
    failing_alloc_fail_once(&rig.lb.fa, n);
    raw_connect(&rig.raws[0], &rig.lb, rig.host.port);
    raw_say(&rig.raws[0], RAW_REQUEST);
    RUN_UNTIL(&rig.lb, is_answered(&rig.raws[0]));
    has_failed = failing_alloc_has_failed(&rig.lb.fa);
    failing_alloc_fail_once(&rig.lb.fa, 0);
    if (has_failed && n < 4) /* the connection, its address */
      CHECK_SIZE(1, count_rejected(&rig, WSUV_REJECTED_RESOURCES));
    raw_open(&rig.raws[1], &rig.host);
    raw_close(&rig.raws[0]);
    RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 1);
    CHECK_SIZE(1, rig.host.server->visitors.addresses.count);
    check_accounted_for(&rig, 2);
    loopback_close(&rig.lb);
  }
  CHECK_TRUE(n > 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_connections),
      cmocka_unit_test(test_handshakes),
      cmocka_unit_test(test_address),
      cmocka_unit_test(test_local_ones_do_not_count),
      cmocka_unit_test(test_mapped),
      cmocka_unit_test(test_address_flood),
      cmocka_unit_test(test_unix_sockets_have_no_address),
      cmocka_unit_test(test_adopted),
      cmocka_unit_test(test_adopted_handshakes),
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_without_memory),
  };
  return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
