/* A client's way to on_open, and everything that can stop it. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/raw_peer.h"

static void expect_failure(struct talker *t, int error) {
  RUN_UNTIL(t->lb, t->n[EV_CLOSE] == 1);
  CHECK_STR("c", t->log);
  CHECK_ERR(error, t->end.error);
  CHECK_INT(0, t->end.opened);
  CHECK_INT(1006, t->end.code);
  CHECK_INT(0, t->end.sent_code);
  CHECK_INT(0, t->end.clean);
  CHECK_STR("", t->end.reason);
}

/* A port of 127.0.0.1 on which nobody listens, nor can anybody until the socket is closed. */
static int take_port(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT(0, bind(fd, (struct sockaddr *)&address, sizeof address));
  CHECK_INT(0, getsockname(fd, (struct sockaddr *)&address, &len));
  *port = ntohs(address.sin_port);
  return fd;
}

/* covers: W014 */
static void refuse(const char *name) {
  struct loopback lb;
  struct talker client;
  char url[64];
  char port[16];
  int number;
  int fd = take_port(&number);

  loopback_open(&lb);
  (void)snprintf(port, sizeof port, ":%d", number);
  (void)snprintf(url, sizeof url, "ws://%s%s/", name, port);
  CHECK_ERR(0, talker_connect_url(&client, &lb, url, NULL));
  CHECK_SIZE(0, wsuv_conn_queued(client.conn)); /* there is no transport yet to ask */
  expect_failure(&client, UV_ECONNREFUSED);
  CHECK_NOT_NULL(strstr(client.end.detail, port)); /* behind the address */
  CHECK_NOT_NULL(strstr(client.end.detail, wsuv_strerror(UV_ECONNREFUSED)));
  loopback_close(&lb);
  (void)close(fd);
}

static void test_refused(void **state) {
  (void)state;
  refuse("127.0.0.1");
}

/* Every address of a name is tried in turn. covers: UV.14 */
static void test_all_addresses_refused(void **state) {
  (void)state;
  refuse("localhost");
}

static void test_no_such_name(void **state) {
  struct loopback lb;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  CHECK_ERR(0, talker_connect_url(&client, &lb, "ws://nosuchhost.invalid/", NULL));
  CHECK_INT(WSUV_STATE_RESOLVING, wsuv_conn_state(client.conn));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_TRUE(client.end.error < 0);
  CHECK_STR("c", client.log);
  CHECK_INT(0, strncmp("nosuchhost.invalid: ", client.end.detail, 20));
  loopback_close(&lb);
}

static void test_no_such_path(void **state) {
  struct loopback lb;
  struct talker client;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  to.url = "ws://localhost/";
  to.path = "/nowhere/at/all";
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, NULL, &to));
  expect_failure(&client, UV_ENOENT);
  CHECK_STR("/nowhere/at/all: no such file or directory", client.end.detail);
  loopback_close(&lb);
}

struct bad_url {
  const char *name;
  int error;
};

static const struct bad_url bad_urls[] = {
    {"", WSUV_EURL},
    {"localhost:80", WSUV_EURL},
    {"ftp://localhost/", WSUV_EURL},
    {"ws://", WSUV_EURL},
    {"ws://:80/", WSUV_EURL},
    {"ws://localhost:99999/", WSUV_EURL},
    {"ws://localhost/#x", WSUV_EURL},
    {"ws://[::1/", WSUV_EURL},
};

/* covers: W003 W009 */
static void test_bad_url(const void *row) {
  const struct bad_url *bad = row;
  struct loopback lb;
  struct talker client;

  loopback_open(&lb);
  CHECK_ERR(bad->error, talker_connect_url(&client, &lb, bad->name, NULL));
  loopback_close(&lb);
}

/* covers: W030 */
static void test_bad_options(void **state) {
  static const char *const not_a_token[] = {"a b"};
  static const wsuv_header_t own = {"Upgrade", "x", 0, 0};
  static const wsuv_header_t split = {"X", "a\r\nY: b", 0, 0};
  struct loopback lb;
  struct talker client;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_conn_t *out = (wsuv_conn_t *)(void *)&lb;
  (void)state;

  loopback_open(&lb);
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_connect(lb.loop, &out, &to, &talker_handler, NULL)));
  CHECK_NULL(out);
  to.url = "ws://127.0.0.1/";
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_connect(lb.loop, &out, &to, NULL, NULL)));
  talker_init(&client, &lb);
  to.subprotocols = not_a_token;
  to.nsubprotocols = 1;
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &to));
  to.nsubprotocols = 0;
  to.headers = &own;
  to.nheaders = 1;
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &to));
  to.headers = &split;
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &to));
  to.nheaders = 0;
  to.conn = &conn;
  conn.max_pings = -1;
  CHECK_ERR(WSUV_EINVAL, talker_connect(&client, NULL, &to));
  loopback_close(&lb);
}

/* ---- answers of a raw server ---- */

enum after { STAY, END, RESET };

struct answer {
  const char *name;
  const char *text; /* %s is where the right Accept value goes */
  enum after after;
  int error;
  int status;
  const char *body;
};

#define OK101  "HTTP/1.1 101 Switching Protocols\r\n"
#define FIELDS "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: %s\r\n"

static const struct answer answers[] = {
    {"200 with a body", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", STAY, WSUV_ESTATUS,
     200, "<html>"},
    {"200 with a body up to the end", "HTTP/1.1 200 OK\r\n\r\n<html>", END, WSUV_ESTATUS, 200,
     "<html>"},
    {"200 in chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", STAY,
     WSUV_ESTATUS, 200, "abc"},
    {"401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
     STAY, WSUV_ESTATUS, 401, ""},
    {"302", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", STAY, WSUV_ESTATUS,
     302, ""},
    {"426, and no second attempt",
     "HTTP/1.1 426 No\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n", STAY,
     WSUV_ESTATUS, 426, ""},
    {"a wrong Accept", OK101 FIELDS "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     STAY, WSUV_EACCEPT, 101, ""},
    {"no Accept", OK101 FIELDS "\r\n", STAY, WSUV_EMISSING, 101, ""},
    {"no Upgrade", OK101 "Connection: Upgrade\r\n" ACCEPT "\r\n", STAY, WSUV_EMISSING, 101, ""},
    {"no Connection", OK101 "Upgrade: websocket\r\n" ACCEPT "\r\n", STAY, WSUV_EMISSING, 101, ""},
    {"an unoffered subprotocol", OK101 FIELDS ACCEPT "Sec-WebSocket-Protocol: x\r\n\r\n", STAY,
     WSUV_ESUBPROTOCOL, 101, ""},
    {"an extension", OK101 FIELDS ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     STAY, WSUV_EEXTENSION, 101, ""},
    {"garbage", "\x01\x02\x03garbage\r\n\r\n", STAY, WSUV_EHTTP, 0, ""},
    {"the end in the middle of the head", OK101 FIELDS, END, WSUV_EHTTP, 0, ""},
    {"the end in the middle of the body", "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nab", END,
     WSUV_EHTTP, 0, ""},
    {"the end at once", "", END, WSUV_EABNORMAL, 0, ""},
    {"a reset", "HTTP", RESET, UV_ECONNRESET, 0, ""},
};

/* covers: HTR.1 HTR.3 HSC.9 HSC.18 ERR.20 W035 W036 W037 W038 W040 W041 W078 W165 */
static void test_answer(const void *row) {
  const struct answer *answer = row;
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  char text[512];
  const char *accept;

  loopback_open(&lb);
  raw_listen(&server, &lb);
  (void)snprintf(text, sizeof text, "ws://127.0.0.1:%d/", server.port);
  CHECK_ERR(0, talker_connect_url(&client, &lb, text, NULL));
  (void)raw_response(&server, text, sizeof text, "");
  accept = strstr(text, "Sec-WebSocket-Accept: ") + 22;
  {
    const char *at = strstr(answer->text, "%s");
    size_t before = at != NULL ? (size_t)(at - answer->text) : strlen(answer->text);
    raw_send(&server.peers[0], answer->text, before);
    if (at != NULL) {
      raw_send(&server.peers[0], accept, 28);
      raw_say(&server.peers[0], at + 2);
    }
  }
  if (answer->after == END)
    raw_end(&server.peers[0]);
  RUN_UNTIL(&lb, server.peers[0].nwriting == 0);
  if (answer->after == RESET)
    raw_reset(&server.peers[0]);
  expect_failure(&client, answer->error);
  if (answer->status != 0)
    CHECK_INT(answer->status, client.end.http_status);
  CHECK_STR(answer->body, client.end.body);
  if (answer->after != RESET) { /* and the server hears nothing more, no Close frame either */
    RUN_UNTIL(&lb, server.peers[0].eof || server.peers[0].error != 0);
    CHECK_SIZE(server.peers[0].at, server.peers[0].in_len);
  }
  CHECK_SIZE(1, server.npeers);
  loopback_close(&lb);
}

/* covers: UV.8 */
static void test_silent_server(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  char url[64];
  (void)state;

  conn.handshake_timeout_ms = 50;
  loopback_open(&lb);
  raw_listen(&server, &lb);
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", server.port);
  CHECK_ERR(0, talker_connect_url(&client, &lb, url, &conn));
  expect_failure(&client, WSUV_ETIMEDOUT);
  loopback_close(&lb);
}

/* The request goes out, and nothing behind it before the 101. covers: W013 W019 W034 H056 */
static void test_no_early_data(void **state) {
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  wsuv_send_t req;
  char text[512];
  (void)state;

  loopback_open(&lb);
  raw_listen(&server, &lb);
  (void)snprintf(text, sizeof text, "ws://127.0.0.1:%d/", server.port);
  CHECK_ERR(0, talker_connect_url(&client, &lb, text, NULL));
  CHECK_ERR(WSUV_ESTATE, talker_say(&client, "early"));
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_ping(client.conn, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_send(client.conn, &req, WSUV_TEXT, "x", 1, 0, NULL)));
  raw_send(&server.peers[0], text, raw_response(&server, text, sizeof text, ""));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_SIZE(server.peers[0].at, server.peers[0].in_len);
  CHECK_ERR(0, talker_say(&client, "now"));
  raw_expect_frame(&server.peers[0], WSUV_TEXT, "now", 3);
  loopback_close(&lb);
}

/* covers: W043 H063 UV.3 HSC.17 IOC.6 */
static void test_leftover(void **state) {
  size_t at = 1;
  size_t len = 2;
  (void)state;

  for (; at < len; at += loopback_is_slow() ? 9 : 1) {
    struct loopback lb;
    struct raw_server server;
    struct talker client;
    char text[512] = "HTTP/1.1 102 Processing\r\n\r\n";
    size_t skip = strlen(text);

    loopback_open(&lb);
    raw_listen(&server, &lb);
    (void)snprintf(text + skip, sizeof text - skip, "ws://127.0.0.1:%d/", server.port);
    CHECK_ERR(0, talker_connect_url(&client, &lb, text + skip, NULL));
    len = skip + raw_response(&server, text + skip, sizeof text - skip, "");
    len += frame_put((uint8_t *)text + len, WSUV_SERVER, WSUV_TEXT, "one", 3);
    len += frame_put((uint8_t *)text + len, WSUV_SERVER, WSUV_PING, "p", 1);
    len += frame_put((uint8_t *)text + len, WSUV_SERVER, WSUV_BINARY, "", 0);
    raw_send(&server.peers[0], text, at);
    RUN_UNTIL(&lb, server.peers[0].nwriting == 0);
    (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
    (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
    raw_send(&server.peers[0], text + at, len - at);
    RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 2);
    CHECK_STR("omim", client.log);
    raw_expect_frame(&server.peers[0], WSUV_PONG, "p", 1);
    loopback_close(&lb);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused),       cmocka_unit_test(test_all_addresses_refused),
      cmocka_unit_test(test_no_such_name),  cmocka_unit_test(test_no_such_path),
      cmocka_unit_test(test_bad_options),   cmocka_unit_test(test_silent_server),
      cmocka_unit_test(test_no_early_data), cmocka_unit_test(test_leftover),
  };
  int failures = CHECK_RUN_TABLE("URLs", bad_urls, test_bad_url);

  failures += CHECK_RUN_TABLE("answers", answers, test_answer);
  failures += cmocka_run_group_tests_name("connect", tests, NULL, NULL);
  return failures;
}
