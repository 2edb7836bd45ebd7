/* Requests on one connection over TLS, and which page is a server's own there. */
#include <string.h>

#include "api/server.h"
#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: b\r\n\r\n"
#define OK(body)   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" body
#define LAST(body) "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" body

#define UPGRADE(fields)                                                            \
  "GET /chat HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" fields "\r\n"

static unsigned nasked;

static void answer(struct host *host, wsuv_upgrade_t *request) {
  wsuv_span_t path = wsuv_upgrade_path(request);

  nasked++;
  CHECK_ERR(
      0, CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, path.data + path.len - 2, 2)));
}

static char page[400000];

static void answer_page(struct host *host, wsuv_upgrade_t *request) {
  nasked++;
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, page, sizeof page)));
}

static void open_peer(struct tls_rig *rig, struct ssl_peer *peer,
                      void (*on_request)(struct host *, wsuv_upgrade_t *)) {
  nasked = 0;
  rig_open(rig);
  rig->host.host.on_request = on_request;
  rig_make_contexts(rig);
  rig->options.tls = rig->server_tls;
  CHECK_ERR(0, host_listen(&rig->host.host, &rig->options));
  ssl_connect(peer, &rig->host.host, ssl_ctx_new(WSUV_CLIENT, NULL));
  ssl_handshake(peer);
}

static void close_peer(struct tls_rig *rig, struct ssl_peer *peer) {
  ssl_peer_free(peer);
  rig_close(rig);
}

static void test_requests_and_an_upgrade(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  wsuv_frame_header_t header;
  (void)state;

  open_peer(&rig, &peer, answer);
  ssl_say(&peer, GET("/aa"));
  ssl_expect(&peer, OK("aa"));
  ssl_say(&peer, GET("/bb") GET("/cc") UPGRADE(""));
  ssl_expect(&peer, OK("bb") OK("cc") "HTTP/1.1 101 ");
  ssl_expect(&peer, "\r\n\r\n");
  ssl_frame(&peer, WSUV_TEXT, "hello", 5);
  CHECK_BYTES("hello", 5, ssl_expect_frame(&peer, &header), 5);
  CHECK_INT(3, nasked);
  close_peer(&rig, &peer);
}

static void test_the_last_of_them(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  (void)state;

  open_peer(&rig, &peer, answer);
  ssl_say(&peer, GET("/aa") "GET /bb HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n" GET("/cc"));
  ssl_expect(&peer, OK("aa") LAST("bb"));
  ssl_run_to_end(&peer);
  CHECK_TRUE(peer.got_close_notify);
  CHECK_INT(2, nasked);
  close_peer(&rig, &peer);
}

/* Between two requests the end is as orderly. */
static void test_server_closed_between(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  (void)state;

  open_peer(&rig, &peer, answer);
  ssl_say(&peer, GET("/aa"));
  ssl_expect(&peer, OK("aa"));
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.host.server));
  ssl_run_to_end(&peer);
  CHECK_TRUE(peer.got_close_notify);
  close_peer(&rig, &peer);
}

/* Who does not read has an answer and a write of TLS's that wait. */
static void test_flood_without_reading(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  unsigned asked = 0;
  unsigned quiet = 0;
  size_t before;
  int i;
  (void)state;

  open_peer(&rig, &peer, answer_page);
  before = rig.lb.fa.outstanding_size;
  raw_stop_reading(peer.raw);
  for (i = 0; i < 2000; i++)
    ssl_say(&peer, GET("/aa"));
  for (; quiet < 50; quiet = asked == nasked ? quiet + 1 : 0) {
    asked = nasked;
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  }
  CHECK_TRUE(asked > 1 && asked < 200);
  CHECK_TRUE(rig.lb.fa.outstanding_size - before < 2 * sizeof page);
  raw_close(peer.raw);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 0);
  close_peer(&rig, &peer);
}

struct row {
  const char *name;
  const char *text;
  const char *answer;
};

static const struct row rows[] = {
    {"its own", UPGRADE("Origin: https://b\r\n"), "HTTP/1.1 101 "},
    {"its own, with the port", UPGRADE("Origin: https://b:443\r\n"), "HTTP/1.1 101 "},
    {"a page without TLS", UPGRADE("Origin: http://b\r\n"), "HTTP/1.1 403 "},
    {"another one", UPGRADE("Origin: https://c\r\n"), "HTTP/1.1 403 "},
};

static void test_origin(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;
  struct ssl_peer peer;

  open_peer(&rig, &peer, NULL);
  ssl_say(&peer, row->text);
  ssl_expect(&peer, row->answer);
  close_peer(&rig, &peer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_requests_and_an_upgrade),
      cmocka_unit_test(test_the_last_of_them),
      cmocka_unit_test(test_server_closed_between),
      cmocka_unit_test(test_flood_without_reading),
  };
  int failures = CHECK_RUN_TABLE("origins over TLS", rows, test_origin);
  failures += cmocka_run_group_tests_name("respond over TLS", tests, NULL, NULL);
  return failures;
}
