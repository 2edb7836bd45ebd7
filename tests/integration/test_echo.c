/* Both roles over every transport: messages come back as they were sent. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/conn.h"
#include "integration/raw_peer.h"

struct place {
  const char *name;
  const char *listen_on;
  const char *url_host;
  const char *peer; /* how the server's address begins, told by wsuv_conn_peer */
};

static const struct place places[] = {
    {"IPv4", "127.0.0.1", "127.0.0.1", "127.0.0.1:"},
    {"IPv6", "::1", "[::1]", "[::1]:"},
    {"a name", "127.0.0.1", "localhost", "127.0.0.1:"},
    {"a name to listen on", "localhost", "localhost", NULL},
};

static int has_ipv6(void) {
  struct sockaddr_in6 address;
  uv_loop_t uv;
  uv_tcp_t tcp;
  int err;

  CHECK_ERR(0, uv_loop_init(&uv));
  CHECK_ERR(0, uv_tcp_init(&uv, &tcp));
  CHECK_ERR(0, uv_ip6_addr("::1", 0, &address));
  err = uv_tcp_bind(&tcp, (const struct sockaddr *)&address, 0);
  uv_close((uv_handle_t *)&tcp, NULL);
  (void)uv_run(&uv, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&uv));
  return err == 0;
}

static void check_peer(wsuv_conn_t *conn, const char *begins) {
  char text[64];

  CHECK_ERR(0, wsuv_conn_peer(conn, text, sizeof text));
  CHECK_BYTES(begins, strlen(begins), text, strlen(begins));
  CHECK_ERR(WSUV_ENOBUFS, wsuv_conn_peer(conn, text, 4));
  CHECK_SIZE(3, strlen(text));
}

static void echo_once(struct talker *client, const char *text) {
  unsigned before = client->n[EV_MESSAGE];

  CHECK_ERR(0, talker_say(client, text));
  RUN_UNTIL(client->lb, client->n[EV_MESSAGE] == before + 1);
  CHECK_INT(WSUV_TEXT, client->type);
  CHECK_BYTES(text, strlen(text), client->payload, client->len);
}

static void close_both(struct talker *client, struct talker *server) {
  CHECK_ERR(0, CALL(client->lb, wsuv_conn_close(client->conn, 1000, "bye")));
  RUN_UNTIL(client->lb, client->n[EV_CLOSE] == 1 && server->n[EV_CLOSE] == 1);
  CHECK_INT(1, client->end.clean);
  CHECK_INT(1, server->end.clean);
  CHECK_ERR(0, client->end.error);
  CHECK_ERR(0, server->end.error);
  CHECK_STR("bye", server->end.reason);
}

static void test_place(const void *row) {
  const struct place *place = row;
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  char url[64];

  if (strcmp(place->name, "IPv6") == 0 && !has_ipv6())
    skip();
  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  options.host = place->listen_on;
  CHECK_ERR(0, host_listen(&host, &options));
  (void)snprintf(url, sizeof url, "ws://%s:%d/", place->url_host, host.port);
  CHECK_ERR(0, talker_connect_url(&client, &lb, url, NULL));
  CHECK_ERR(WSUV_ESTATE, wsuv_conn_peer(client.conn, url, sizeof url));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1 && host.ntalkers == 1);
  if (place->peer != NULL)
    check_peer(client.conn, place->peer);
  CHECK_INT(WSUV_CLIENT, wsuv_conn_role(client.conn));
  CHECK_INT(WSUV_SERVER, wsuv_conn_role(host.talkers[0]->conn));
  CHECK_PTR(host.server, wsuv_conn_server(host.talkers[0]->conn));
  CHECK_NULL(wsuv_conn_server(client.conn));
  CHECK_PTR(lb.loop, wsuv_conn_loop(client.conn));
  echo_once(&client, "over the wire");
  close_both(&client, host.talkers[0]);
  loopback_close(&lb);
}

static void test_unix_socket(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  char dir[] = "/tmp/wsuv-test-XXXXXX";
  char path[64];
  (void)state;

  CHECK_NOT_NULL(mkdtemp(dir));
  (void)snprintf(path, sizeof path, "%s/socket", dir);
  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  options.path = path;
  CHECK_ERR(0, host_listen(&host, &options));
  CHECK_INT(0, host.port);
  to.url = "ws://localhost/unix";
  to.path = path;
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1 && host.ntalkers == 1);
  check_peer(client.conn, "unix");
  check_peer(host.talkers[0]->conn, "unix");
  echo_once(&client, "in the house");
  close_both(&client, host.talkers[0]);
  loopback_close(&lb);
  (void)unlink(path); /* libuv has removed it */
  CHECK_INT(0, rmdir(dir));
}

/* libuv would cut the path and use another one. */
static void test_unix_path_too_long(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  char path[200];
  (void)state;

  memset(path, 'x', sizeof path);
  path[0] = '/';
  path[sizeof path - 1] = '\0';
  loopback_open(&lb);
  host_init(&host, &lb);
  options.path = path;
  CHECK_ERR(UV_ENAMETOOLONG, host_listen(&host, &options));
  to.url = "ws://localhost/";
  to.path = path;
  talker_init(&client, &lb);
  CHECK_ERR(UV_ENAMETOOLONG, talker_connect(&client, &host, &to));
  loopback_close(&lb);
}

struct size {
  const char *name;
  size_t len;
};

static const struct size sizes[] = {
    {"0", 0},         {"1", 1},         {"125", 125},       {"126", 126},
    {"65535", 65535}, {"65536", 65536}, {"1 MiB", 1 << 20}, {"16 MiB", 16 << 20},
};

/* covers: W101 W106 W143 W147 */
static void echo_of_size(struct talker *client, size_t len, wsuv_opcode_t type) {
  uint8_t *payload = malloc(len + 1);
  unsigned before = client->n[EV_MESSAGE];
  size_t i;

  CHECK_NOT_NULL(payload);
  for (i = 0; i < len; i++)
    payload[i] = type == WSUV_TEXT ? (uint8_t)('a' + i % 26) : (uint8_t)(i * 7 + i / 251);
  if (type == WSUV_TEXT)
    CHECK_ERR(0, CALL(client->lb, wsuv_conn_send_text(client->conn, payload, len)));
  else
    CHECK_ERR(0, CALL(client->lb, wsuv_conn_send_binary(client->conn, payload, len)));
  RUN_UNTIL(client->lb, client->n[EV_MESSAGE] == before + 1);
  CHECK_INT(type, client->type);
  CHECK_BYTES(payload, len, client->payload, client->len);
  free(payload);
}

static void test_size(const void *row) {
  const struct size *size = row;
  struct loopback lb;
  struct host host;
  struct talker client;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  echo_of_size(&client, size->len, WSUV_TEXT);
  echo_of_size(&client, size->len, WSUV_BINARY);
  CHECK_SIZE(0, wsuv_conn_queued(client.conn));
  close_both(&client, host.talkers[0]);
  loopback_close(&lb);
}

/* covers: W205 W206 */
static void test_message_too_big(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  static char text[1001];
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  conn.max_message_size = 1000;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &client);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send_binary(client.conn, text, 1000)));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_send_binary(client.conn, text, 1001)));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_STR("omc", client.log);
  CHECK_STR("omc", host.talkers[0]->log);
  CHECK_INT(1009, client.end.code);
  CHECK_INT(1009, host.talkers[0]->end.sent_code);
  CHECK_ERR(WSUV_EMSGSIZE, host.talkers[0]->end.error);
  CHECK_NOT_NULL(strstr(host.talkers[0]->end.detail, "max_message_size (1000)"));
  loopback_close(&lb);
}

static int all_have(const struct talker *clients, size_t n, enum event event) {
  size_t i;
  for (i = 0; i < n; i++)
    if (clients[i].n[event] == 0)
      return 0;
  return 1;
}

#define NCLIENTS 60

static void test_many_clients(void **state) {
  static struct talker clients[NCLIENTS];
  struct loopback lb;
  struct host host;
  char text[16];
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  for (i = 0; i < NCLIENTS; i++) {
    talker_init(&clients[i], &lb);
    CHECK_ERR(0, talker_connect(&clients[i], &host, NULL));
  }
  RUN_UNTIL(&lb, all_have(clients, NCLIENTS, EV_OPEN));
  for (i = 0; i < NCLIENTS; i++) {
    (void)snprintf(text, sizeof text, "number %zu", i);
    CHECK_ERR(0, talker_say(&clients[i], text));
  }
  RUN_UNTIL(&lb, all_have(clients, NCLIENTS, EV_MESSAGE));
  CHECK_SIZE(NCLIENTS, wsuv_server_nconns(host.server));
  for (i = 0; i < NCLIENTS; i++) {
    (void)snprintf(text, sizeof text, "number %zu", i);
    CHECK_STR(text, (char *)clients[i].payload);
    CHECK_ERR(0, CALL(&lb, wsuv_conn_close(clients[i].conn, 0, NULL)));
  }
  RUN_UNTIL(&lb, all_have(clients, NCLIENTS, EV_CLOSE));
  loopback_close(&lb);
}

static int has_nodelay(const wsuv_conn_t *conn) {
  uv_os_fd_t fd;
  int on = 0;
  socklen_t len = sizeof on;
  CHECK_INT(0, uv_fileno((const uv_handle_t *)conn->stream.handle, &fd));
  CHECK_INT(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len));
  return on != 0;
}

/* covers: UV.19 */
static void test_nodelay(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_conn_options_t delay = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  int i;

  (void)state;
  for (i = 0; i < 2; i++) {
    delay.tcp_delay = i;
    listen.conn = &delay;
    connect.conn = &delay;
    loopback_open(&lb);
    host_init(&host, &lb);
    CHECK_ERR(0, host_listen(&host, &listen));
    talker_init(&client, &lb);
    CHECK_ERR(0, talker_connect(&client, &host, &connect));
    RUN_UNTIL(&lb, client.n[EV_OPEN] == 1 && host.ntalkers == 1);
    CHECK_INT(i == 0, has_nodelay(client.conn));
    CHECK_INT(i == 0, has_nodelay(host.talkers[0]->conn));
    loopback_close(&lb);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unix_socket),     cmocka_unit_test(test_unix_path_too_long),
      cmocka_unit_test(test_message_too_big), cmocka_unit_test(test_many_clients),
      cmocka_unit_test(test_nodelay),
  };
  int failures = CHECK_RUN_TABLE("places", places, test_place);

  failures += CHECK_RUN_TABLE("sizes", sizes, test_size);
  failures += cmocka_run_group_tests_name("echo", tests, NULL, NULL);
  return failures;
}
