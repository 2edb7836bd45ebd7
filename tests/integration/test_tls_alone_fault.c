/* TLS without WebSocket, when the peer or the network does what it should not: certificates, plain text, truncation, resets,
 * silence. And octets that were read before. */
#include <stdlib.h>
#include <string.h>

#include "api/loop.h"
#include "integration/tls_ends.h"

static const enum given_kind kinds[] = {GIVEN_TCP, GIVEN_PIPE};
#define NKINDS 2

/* ---- certificates ---- */

struct refusal {
  const char *name;
  const char *cert; /* the server's */
  const char *ca;   /* what the client trusts */
  const char *host;
  int error;
  const char *detail;
};

static const struct refusal refusals[] = {
    {"another host", "server", "ca", "other.example", WSUV_ECERTHOST, "other.example"},
    {"another address", "server", "ca", "127.0.0.2", WSUV_ECERTHOST, "127.0.0.2"},
    {"another authority", "server", "other_ca", "localhost", WSUV_ECERTAUTHORITY, "issuer"},
    {"self-signed", "self_signed", "ca", "localhost", WSUV_ECERTAUTHORITY, "self-signed"},
    {"expired", "expired", "ca", "localhost", WSUV_ECERTEXPIRED, "expired"},
};

static void set_parties(struct tls_ends *ends, const struct refusal *row) {
  party_init(&ends->server_side, row->cert, NULL);
  party_init(&ends->client_side, NULL, row->ca);
  ends->server_side.options.allocator = ends->client_side.options.allocator =
      &ends->lb.fa.allocator;
  party_reload(&ends->server_side, ends->server.context);
  party_reload(&ends->client_side, ends->client.context);
  ends->client.open.host = row->host;
}

static void write_at_once(struct tls_end *end, enum end_event event) {
  if (event == END_SECURE)
    end_say(end, "secret");
}

static void test_refusal(const void *given) {
  const struct refusal *row = given;
  size_t i;

  for (i = 0; i < 2 * NKINDS; i++) {
    struct tls_ends ends;

    ends_init(&ends, kinds[i % 2]);
    set_parties(&ends, row);
    ends.server.adopt.own = ends.client.adopt.own = (int)(i / 2);
    ends.server.on_event = ends.client.on_event = write_at_once;
    ends_open(&ends);
    RUN_UNTIL(&ends.lb, ends.server.given.ndone == 1 && ends.client.given.ndone == 1);
    CHECK_STR("c", ends.client.log);
    CHECK_ERR(row->error, ends.client.error);
    CHECK_NOT_NULL(strstr(ends.client.detail, row->detail));
    CHECK_STR("c", ends.server.log);
    CHECK_ERR(WSUV_ECERTREFUSED, ends.server.error);
    CHECK_SIZE(0, ends.server.in_len);
    ends_close(&ends);
  }
}

/* ---- who speaks something else, or nothing ---- */

/* One end, and a raw peer. */
static void open_one(struct tls_relay *relay, struct tls_end *end, enum given_kind kind) {
  relay_init(relay, kind);
  CHECK_ERR(0, end_open(end));
}

static void test_plain_text(void **state) {
  static const struct {
    const char *text;
    const char *detail;
  } rows[] = {{"GET / HTTP/1.1\r\n\r\n", "plain HTTP"},
              {"HTTP/1.1 400 Bad Request\r\n\r\n", "plain HTTP"},
              {"\x81\x05hello", "no TLS record"}};
  size_t i;
  (void)state;

  for (i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
    struct tls_relay relay;
    struct tls_end *end = i % 2 ? &relay.ends.server : &relay.ends.client;
    struct raw *peer = i % 2 ? &relay.to_server : &relay.to_client;

    open_one(&relay, end, GIVEN_TCP);
    raw_say(peer, rows[i / 2].text);
    raw_expect_eof(peer);
    CHECK_NOT_NULL(end->tls); /* until the peer ends, too: a reset might overtake the alert */
    raw_end(peer);
    RUN_UNTIL(&relay.ends.lb, end->tls == NULL);
    CHECK_ERR(WSUV_ENOTTLS, end->error);
    CHECK_NOT_NULL(strstr(end->detail, rows[i / 2].detail));
    CHECK_STR("c", end->log);
    relay_close(&relay);
  }
}

/* A peer that goes on talking behind the failure is not listened to, and not waited for. */
static void test_while_lingering(void **state) {
  int i;
  (void)state;

  for (i = 0; i < 4; i++) {
    struct tls_relay relay;
    struct tls_end *end = &relay.ends.server;

    open_one(&relay, end, kinds[i % 2]);
    raw_say(&relay.to_server, "GET / HTTP/1.1\r\n\r\n");
    raw_expect_eof(&relay.to_server);
    raw_say(&relay.to_server, "\x16\x03\x01 more");
    turns(&relay.ends.lb, 5);
    CHECK_NOT_NULL(end->tls);
    CHECK_ERR(WSUV_ESTATE, CALL(end->lb, wsuv_tls_write(end->tls, "x", 1)));
    CHECK_ERR(WSUV_ESTATE, CALL(end->lb, wsuv_tls_shutdown(end->tls)));
    end_stop(end);
    end_start(end);
    if (i / 2)
      loopback_end(&relay.ends.lb);
    else
      end_close(end);
    RUN_UNTIL(&relay.ends.lb, end->tls == NULL);
    CHECK_ERR(WSUV_ENOTTLS, end->error);
    relay_close(&relay);
  }
}

/* It keeps the loop alive by itself. */
static void test_deadline(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2 * NKINDS; i++) {
    struct tls_relay relay;
    struct tls_end *end = i / 2 ? &relay.ends.server : &relay.ends.client;

    relay_init(&relay, kinds[i % 2]);
    end->open.handshake_timeout_ms = 1;
    end->adopt.own = 1;
    CHECK_ERR(0, end_open(end));
    raw_stop_reading(&relay.to_server);
    raw_stop_reading(&relay.to_client);
    RUN_UNTIL(&relay.ends.lb, end->tls == NULL);
    CHECK_ERR(WSUV_ETIMEDOUT, end->error);
    CHECK_STR("c", end->log);
    relay_close(&relay);
  }
}

static void check_deadlines(struct loopback *lb, int are_set) {
  struct wsuv__loop *io = &lb->loop->io;

  CHECK_INT(are_set, wsuv__wheel_next_ms(&io->wheel) != UINT64_MAX);
  CHECK_INT(are_set, io->nholds > 0);
}

/* It is gone with the handshake. */
static void test_deadline_that_is_met(void **state) {
  static const int64_t timeouts[] = {0, 60000, WSUV_OFF};
  size_t i;
  (void)state;

  for (i = 0; i < 3; i++) {
    struct tls_ends ends;

    ends_init(&ends, GIVEN_PIPE);
    ends.server.open.handshake_timeout_ms = ends.client.open.handshake_timeout_ms = timeouts[i];
    ends_open(&ends);
    turns(&ends.lb, 1);
    check_deadlines(&ends.lb, timeouts[i] != WSUV_OFF);
    RUN_UNTIL(&ends.lb, ends.client.n[END_SECURE] == 1 && ends.server.n[END_SECURE] == 1);
    check_deadlines(&ends.lb, 0);
    ends_close(&ends);
  }
}

/* ---- the transport ends ---- */

static void test_end_in_the_handshake(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2 * NKINDS; i++) {
    struct tls_relay relay;
    struct tls_end *end = i / 2 ? &relay.ends.server : &relay.ends.client;

    open_one(&relay, end, kinds[i % 2]);
    raw_end(i / 2 ? &relay.to_server : &relay.to_client);
    RUN_UNTIL(&relay.ends.lb, end->tls == NULL);
    CHECK_ERR(WSUV_ETLS, end->error);
    CHECK_NOT_NULL(strstr(end->detail, "the peer ended the connection"));
    CHECK_STR("c", end->log);
    relay_close(&relay);
  }
}

/* What came before is delivered; the end without close_notify is no end of the peer's. */
static void test_truncated(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 4 * NKINDS; i++) {
    struct tls_relay relay;
    struct tls_ends *ends = &relay.ends;
    int half = (int)(i / 4);

    relay_init(&relay, kinds[i % 2]);
    ends->server.adopt.own = (int)(i / 2 % 2);
    relay_secure(&relay);
    if (half)
      end_shut(&ends->server);
    end_say(&ends->client, "some of it");
    while (ends->server.in_len < 10)
      relay_turn(&relay);
    raw_end(&relay.to_server);
    RUN_UNTIL(&ends->lb, ends->server.given.ndone == 1);
    CHECK_ERR(WSUV_ETRUNCATED, ends->server.error);
    CHECK_STR("src", ends->server.log);
    relay_close(&relay);
  }
}

static void test_reset(void **state) {
  int i;
  (void)state;

  for (i = 0; i < 4; i++) {
    struct tls_relay relay;
    struct tls_end *server = &relay.ends.server;

    relay_init(&relay, GIVEN_TCP);
    server->adopt.own = i % 2;
    if (i / 2)
      relay_secure(&relay);
    else
      ends_open(&relay.ends);
    turns(&relay.ends.lb, 2);
    raw_reset(&relay.to_server);
    RUN_UNTIL(&relay.ends.lb, server->given.ndone == 1);
    CHECK_ERR(UV_ECONNRESET, server->error);
    CHECK_STR(i / 2 ? "sc" : "c", server->log);
    relay_close(&relay);
  }
}

/* One octet on the way is another. */
static void test_damaged(void **state) {
  struct tls_relay relay;
  struct tls_ends *ends = &relay.ends;
  (void)state;

  relay_init(&relay, GIVEN_PIPE);
  relay_secure(&relay);
  while (relay.to_server.at < relay.to_server.in_len)
    relay_turn(&relay);
  end_say(&ends->client, "whole");
  RUN_UNTIL(&ends->lb, relay.to_client.at < relay.to_client.in_len);
  relay.to_client.in[relay.to_client.in_len - 1] ^= 1;
  while (ends->client.tls != NULL)
    relay_turn(&relay); /* an alert comes back */
  raw_end(&relay.to_server);
  RUN_UNTIL(&ends->lb, ends->server.tls == NULL);
  CHECK_ERR(WSUV_ETLS, ends->server.error);
  CHECK_ERR(WSUV_ETLS, ends->client.error);
  CHECK_NOT_NULL(strstr(ends->client.detail, "the peer sent a TLS alert"));
  CHECK_SIZE(0, ends->server.in_len);
  relay_close(&relay);
}

/* ---- octets that were read before ---- */

/* The first `at` octets of the ClientHello. Returns how many it has. */
static size_t play_leftover(enum given_kind kind, size_t at, int own) {
  struct tls_relay relay;
  struct tls_ends *ends = &relay.ends;
  uint8_t *copy;
  size_t len;

  relay_init(&relay, kind);
  CHECK_ERR(0, end_open(&ends->client));
  RUN_UNTIL(&ends->lb, relay.to_client.in_len > 0);
  len = relay.to_client.in_len;
  at = at < len ? at : len;
  copy = malloc(at + 1);
  CHECK_NOT_NULL(copy);
  memcpy(copy, relay.to_client.in, at);
  relay.to_client.at = at;
  ends->server.adopt.own = own;
  ends->server.adopt.leftover = copy;
  ends->server.adopt.leftover_len = at;
  CHECK_ERR(0, end_open(&ends->server));
  free(copy); /* it was copied */
  while (ends->server.n[END_SECURE] == 0 || ends->client.n[END_SECURE] == 0)
    relay_turn(&relay);
  end_say(&ends->client, "hello");
  while (ends->server.in_len < 5)
    relay_turn(&relay);
  CHECK_BYTES("hello", 5, ends->server.in, ends->server.in_len);
  relay_close(&relay);
  return len;
}

static void test_leftover(void **state) {
  size_t step = loopback_is_slow() ? 37 : 5;
  size_t len = play_leftover(GIVEN_PIPE, SIZE_MAX, 0);
  size_t at;
  (void)state;

  (void)play_leftover(GIVEN_TCP, SIZE_MAX, 1);
  for (at = 0; at < len; at += at < 12 ? 1 : step)
    (void)play_leftover(kinds[at % 2], at, (int)(at / 2 % 2));
}

static void test_leftover_is_plain_text(void **state) {
  struct tls_relay relay;
  struct tls_end *end = &relay.ends.server;
  (void)state;

  relay_init(&relay, GIVEN_TCP);
  end->adopt.leftover = "GET";
  end->adopt.leftover_len = 3;
  CHECK_ERR(0, end_open(end));
  raw_expect_eof(&relay.to_server);
  raw_end(&relay.to_server);
  RUN_UNTIL(&relay.ends.lb, end->tls == NULL);
  CHECK_ERR(WSUV_ENOTTLS, end->error);
  relay_close(&relay);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain_text),
      cmocka_unit_test(test_while_lingering),
      cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_deadline_that_is_met),
      cmocka_unit_test(test_end_in_the_handshake),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_leftover),
      cmocka_unit_test(test_leftover_is_plain_text),
  };
  int failures = CHECK_RUN_TABLE("tls_alone refusals", refusals, test_refusal);

  failures += cmocka_run_group_tests_name("tls_alone_fault", tests, NULL, NULL);
  return failures;
}
