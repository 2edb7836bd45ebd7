/* A client's opening handshake on a stream that the application connected (wsuv_connect with a stream). */
#include <stdio.h>
#include <string.h>

#include <wsuv/handshake.h>

#include "integration/given_stream.h"

static int connect_over(struct talker *t, struct given *given, const wsuv_adopt_options_t *adopt) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;

  options.url = "ws://example.org:8080/chat";
  options.stream = given->stream;
  options.adopt = adopt;
  return talker_connect(t, NULL, &options);
}

/* Takes the request; the 101 that fits it, and a frame behind it. */
static size_t put_response(struct raw *peer, char *out, size_t size) {
  const char *key;
  char accept[29];
  int n;

  peer->role = WSUV_SERVER;
  RUN_UNTIL(peer->lb, raw_took_head(peer));
  CHECK_NOT_NULL(strstr(raw_text(peer), "GET /chat HTTP/1.1\r\nHost: example.org:8080\r\n"));
  key = strstr(raw_text(peer), "Sec-WebSocket-Key: ");
  CHECK_NOT_NULL(key);
  CHECK_ERR(0, wsuv_handshake_accept_key(key + 19, 24, accept));
  n = snprintf(out, size,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n\r\n",
               accept);
  return (size_t)n + frame_put((uint8_t *)out + n, WSUV_SERVER, WSUV_TEXT, "hello", 5);
}

/* The response comes in two pieces, the second a turn of the loop later. */
static size_t play_split(enum given_kind kind, size_t at, int own) {
  struct loopback lb;
  struct talker client;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(own, NULL, 0);
  char text[512];
  size_t len;

  loopback_open(&lb);
  talker_init(&client, &lb);
  client.on_event = talker_echo;
  if (given_open(&given, &peer, &lb, kind) != 0) {
    loopback_close(&lb);
    return 0;
  }
  given.talker = &client;
  CHECK_ERR(0, connect_over(&client, &given, &adopt));
  CHECK_INT(WSUV_STATE_OPENING_HANDSHAKE, wsuv_conn_state(client.conn));
  len = put_response(&peer, text, sizeof text);
  raw_send(&peer, text, at);
  RUN_UNTIL(&lb, peer.nwriting == 0);
  raw_send(&peer, text + at, len - at);
  raw_expect_frame(&peer, WSUV_TEXT, "hello", 5);
  raw_close_frame(&peer, 1000, NULL);
  raw_expect_close(&peer, 1000);
  raw_close(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_INT(own, given.closed_by_library);
  CHECK_STR("omc", client.log);
  CHECK_INT(1, client.end.clean);
  loopback_close(&lb);
  return len;
}

static void test_every_split(void **state) {
  size_t len = play_split(GIVEN_TCP, 1, 0);
  size_t at;
  (void)state;

  for (at = 1; at < len; at++)
    (void)play_split(at % 2 ? GIVEN_TCP : GIVEN_PIPE, at, (int)(at / 2 % 2));
}

static void test_terminal(void **state) {
  (void)state;
  if (play_split(GIVEN_TTY, 1, 0) == 0)
    skip();
}

/* A server of ours at the other end, on a stream that it was given as well. */
static void test_both_ends(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct given given;
  struct raw peer;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  CHECK_ERR(0, host_create(&host, NULL));
  talker_init(&client, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(0, connect_over(&client, &given, NULL));
  CHECK_ERR(0, CALL(&lb, wsuv_server_adopt(host.server, &peer.uv.stream, NULL)));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(&client, "hello"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 4000, "done")));
  RUN_UNTIL(&lb, host.talkers[0]->conn == NULL || client.conn == NULL);
  loopback_end(&lb);
  RUN_UNTIL(&lb, lb.loop_closed);
  CHECK_INT(4000, host.talkers[0]->end.code);
  CHECK_PTR(&given, given.stream->data);
  CHECK_PTR(&peer, peer.uv.handle.data);
  given_close(&given);
  loopback_close(&lb);
}

static void test_refused(void **state) {
  struct loopback lb;
  struct talker client;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(0, NULL, 0);
  (void)state;

  loopback_open(&lb);
  talker_init(&client, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  given.talker = &client;
  CHECK_ERR(0, connect_over(&client, &given, &adopt));
  raw_say(&peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_ERR(WSUV_ESTATUS, client.end.error);
  CHECK_INT(404, client.end.http_status);
  CHECK_STR("no", client.end.body);
  loopback_close(&lb);
}

static void test_no_answer(void **state) {
  struct loopback lb;
  struct talker client;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(1, NULL, 0);
  (void)state;

  loopback_open(&lb);
  talker_init(&client, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(0, connect_over(&client, &given, &adopt));
  raw_end(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_ERR(WSUV_EABNORMAL, client.end.error);
  CHECK_STR("c", client.log);
  loopback_close(&lb);
}

static void test_wrong_input(void **state) {
  struct loopback lb;
  struct talker client;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(1, "x", 1);
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  talker_init(&client, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(WSUV_EINVAL, connect_over(&client, &given, &adopt));
  options.url = "ws://example.org/";
  options.adopt = &adopt; /* without a stream */
  adopt.leftover_len = 0;
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &options));
  options.stream = given.stream;
  options.path = "/nothing";
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &options));
  options.path = NULL;
  options.url = "example";
  CHECK_ERR(WSUV_EURL, talker_connect(&client, NULL, &options));
  given_close_untouched(&given);
  CHECK_ERR(WSUV_ESTREAM, connect_over(&client, &given, &adopt));
  loopback_close(&lb);
}

static int play_torture(const void *row, struct failure failure) {
  struct loopback lb;
  struct talker client;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options((int)(failure.n % 2), NULL, 0);
  char text[512];
  int err;
  (void)row;

  loopback_open(&lb);
  talker_init(&client, &lb);
  client.on_event = talker_echo;
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  failing_alloc_fail_as(&lb.fa, failure);
  err = connect_over(&client, &given, &adopt);
  if (err == 0) {
    RUN_UNTIL(&lb, raw_took_head(&peer) || client.conn == NULL);
    if (client.conn != NULL)
      raw_send(&peer, text, put_response(&peer, text, sizeof text));
  }
  return given_end_torture(&given, &peer, err);
}

static void test_torture(void **state) {
  (void)state;

  CHECK_TRUE(failing_alloc_torture(play_torture, NULL, 1, 1) > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_split), cmocka_unit_test(test_terminal),
      cmocka_unit_test(test_both_ends),   cmocka_unit_test(test_refused),
      cmocka_unit_test(test_no_answer),   cmocka_unit_test(test_wrong_input),
      cmocka_unit_test(test_torture),
  };
  return cmocka_run_group_tests_name("connect_stream", tests, NULL, NULL);
}
