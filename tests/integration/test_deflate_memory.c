/* permessage-deflate over real sockets, many connections: contexts are lent and not owned, a message for many is compressed
 * once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "integration/deflate_wire.h"

#define KIB  1024u
#define KEPT 4u /* contexts of one kind that a pool keeps */

/* ---- many connections ---- */

#define NCLIENTS 50u

struct crowd {
  struct loopback lb; /* first */
  wsuv_deflate_t *server;
  wsuv_deflate_t *client;
  struct host host;
  struct talker clients[NCLIENTS + NCLIENTS / 2];
  size_t n;       /* of clients */
  size_t nrounds; /* of all_talk_at_once */
};

static const char news[] =
    "{\"kind\":\"news\",\"text\":\"the same for all of you, for all of you, and for all of you\"}";
#define NEWS_LEN (sizeof news - 1)

static void crowd_open(struct crowd *c, const wsuv_deflate_options_t *server,
                       const wsuv_deflate_options_t *client) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  const wsuv_extension_t *extension;

  memset(c, 0, sizeof *c);
  loopback_open(&c->lb);
  c->server = make_deflate(&c->lb, server);
  c->client = make_deflate(&c->lb, client);
  extension = wsuv_deflate_extension(c->server);
  options.extensions = &extension;
  options.nextensions = 1;
  host_init(&c->host, &c->lb);
  CHECK_ERR(0, host_listen(&c->host, &options));
}

/* The client's connection is host.talkers[i] at the server. */
static struct talker *crowd_join(struct crowd *c, const wsuv_deflate_t *deflate) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  const wsuv_extension_t *extension = deflate != NULL ? wsuv_deflate_extension(deflate) : NULL;
  struct talker *t = &c->clients[c->n];

  options.extensions = &extension;
  options.nextensions = deflate != NULL;
  talker_init(t, &c->lb);
  CHECK_ERR(0, talker_connect(t, &c->host, &options));
  RUN_UNTIL(&c->lb, t->n[EV_OPEN] == 1 && c->host.ntalkers == c->n + 1);
  c->n++;
  return t;
}

static void crowd_close(struct crowd *c) {
  loopback_end(&c->lb);
  RUN_UNTIL(&c->lb, c->lb.loop_closed);
  wsuv_deflate_free(c->server);
  wsuv_deflate_free(c->client);
  loopback_close(&c->lb);
}

static void say(struct talker *t, size_t len) {
  static uint8_t text[100000];
  put_text(text, 0, len);
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(t->conn, text, len)));
}

static void check_text(const struct talker *t, size_t len) {
  static uint8_t text[100000];
  put_text(text, 0, len);
  CHECK_INT(WSUV_TEXT, t->type);
  CHECK_BYTES(text, len, t->payload, t->len);
}

/* One message from the client to the server, one back. */
static void talk(struct crowd *c, size_t i) {
  struct talker *client = &c->clients[i];
  struct talker *server = c->host.talkers[i];
  unsigned heard = client->n[EV_MESSAGE];
  unsigned said = server->n[EV_MESSAGE];

  say(client, 2000);
  RUN_UNTIL(&c->lb, server->n[EV_MESSAGE] == said + 1);
  check_text(server, 2000);
  CHECK_INT(RSV1, server->rsv);
  say(server, 3000);
  RUN_UNTIL(&c->lb, client->n[EV_MESSAGE] == heard + 1);
  check_text(client, 3000);
  CHECK_INT(RSV1, client->rsv);
}

static void leave(struct crowd *c, size_t i) {
  CHECK_ERR(0, CALL(&c->lb, wsuv_conn_close(c->clients[i].conn, 1000, NULL)));
  RUN_UNTIL(&c->lb, c->clients[i].n[EV_CLOSE] == 1 && c->host.talkers[i]->n[EV_CLOSE] == 1);
}

/* ---- contexts ---- */

/* Longer each time: a message that is not the one waited for is found. */
static void all_talk_at_once(struct crowd *c) {
  size_t len = 1500 + 10 * ++c->nrounds;
  size_t i;

  for (i = 0; i < c->n; i++) {
    say(&c->clients[i], len);
    say(c->host.talkers[i], len + 1000);
  }
  for (i = 0; i < c->n; i++) {
    RUN_UNTIL(&c->lb, c->clients[i].len == len + 1000 && c->host.talkers[i]->len == len);
    check_text(&c->clients[i], len + 1000);
    check_text(c->host.talkers[i], len);
  }
}

/* covers: D055 */
static void shared_contexts_are_lent(void **state) {
  struct crowd c;
  size_t server;
  size_t client;
  (void)state;
  crowd_open(&c, &shared, &shared);
  (void)crowd_join(&c, c.client);
  CHECK_SIZE(0, wsuv_deflate_memory(c.server)); /* connected is not enough */
  CHECK_SIZE(0, wsuv_deflate_memory(c.client));
  talk(&c, 0);
  server = wsuv_deflate_memory(c.server);
  client = wsuv_deflate_memory(c.client);
  CHECK_TRUE(server > 0 && client > 0); /* how much, the library of DEFLATE decides */
  while (c.n < NCLIENTS) {
    (void)crowd_join(&c, c.client);
    talk(&c, c.n - 1);
    CHECK_SIZE(server, wsuv_deflate_memory(c.server));
    CHECK_SIZE(client, wsuv_deflate_memory(c.client));
  }
  all_talk_at_once(&c);
  CHECK_SIZE(server, wsuv_deflate_memory(c.server));
  CHECK_SIZE(client, wsuv_deflate_memory(c.client));
  print_message("shared: %zu octets of contexts for 1 connection and for %u\n", server, NCLIENTS);
  crowd_close(&c);
}

static void begin_streams(struct crowd *c) {
  size_t i;

  for (i = 0; i < c->n; i++) {
    struct talker *t = &c->clients[i];
    CHECK_ERR(0, CALL(&c->lb, wsuv_conn_send_begin(t->conn, WSUV_TEXT, 0)));
    CHECK_ERR(0, CALL(&c->lb, wsuv_conn_send_chunk(t->conn, news, NEWS_LEN, WSUV_SEND_FLUSH)));
  }
}

static void end_streams(struct crowd *c) {
  size_t i;

  for (i = 0; i < c->n; i++)
    CHECK_ERR(0, CALL(&c->lb, wsuv_conn_send_end(c->clients[i].conn, news, NEWS_LEN)));
  for (i = 0; i < c->n; i++)
    RUN_UNTIL(&c->lb, c->host.talkers[i]->n[EV_MESSAGE] > 0 && c->host.talkers[i]->len > 0);
}

/* As many as there are messages under way, and afterwards those that are kept. */
static void shared_contexts_of_long_messages_go_back(void **state) {
  struct crowd c;
  size_t deflater;
  size_t inflater;
  (void)state;
  crowd_open(&c, &shared, &shared);
  (void)crowd_join(&c, c.client);
  say(&c.clients[0], 2000);
  RUN_UNTIL(&c.lb, c.host.talkers[0]->n[EV_MESSAGE] == 1);
  deflater = wsuv_deflate_memory(c.client);
  inflater = wsuv_deflate_memory(c.server);
  while (c.n < NCLIENTS)
    (void)crowd_join(&c, c.client);
  begin_streams(&c);
  CHECK_SIZE(NCLIENTS * deflater, wsuv_deflate_memory(c.client));
  while (wsuv_deflate_memory(c.server) != NCLIENTS * inflater) {
    CHECK_TRUE(wsuv_deflate_memory(c.server) < NCLIENTS * inflater);
    loopback_turn(&c.lb);
  }
  end_streams(&c);
  CHECK_SIZE(KEPT * deflater, wsuv_deflate_memory(c.client));
  CHECK_SIZE(KEPT * inflater, wsuv_deflate_memory(c.server));
  print_message("shared: %zu octets to compress, %zu to decompress\n", deflater, inflater);
  crowd_close(&c);
}

static void join_and_talk(struct crowd *c, size_t n, size_t each) {
  size_t first = c->n;

  while (c->n < first + n) {
    (void)crowd_join(c, c->client);
    talk(c, c->n - 1);
    if (c->n - first > KEPT)
      CHECK_SIZE((c->n - first) * each, wsuv_deflate_memory(c->server));
  }
}

static void leave_all(struct crowd *c, size_t from) {
  for (; from < c->n; from++)
    leave(c, from);
}

static void dedicated_contexts_go_back_when_connections_close(void **state) {
  struct crowd c;
  size_t each;
  (void)state;
  crowd_open(&c, &dedicated, &dedicated);
  (void)crowd_join(&c, c.client);
  CHECK_SIZE(0, wsuv_deflate_memory(c.server)); /* connected is not enough */
  talk(&c, 0);
  each = wsuv_deflate_memory(c.server);
  CHECK_SIZE(each, wsuv_deflate_memory(c.client));
  talk(&c, 0);
  CHECK_SIZE(each, wsuv_deflate_memory(c.server)); /* and it has it from now on */
  leave(&c, 0);
  CHECK_SIZE(each, wsuv_deflate_memory(c.server));
  join_and_talk(&c, NCLIENTS - 1, each);
  CHECK_SIZE((NCLIENTS - 1) * each, wsuv_deflate_memory(c.server));
  leave_all(&c, 1);
  CHECK_SIZE(KEPT * each, wsuv_deflate_memory(c.server));
  CHECK_SIZE(KEPT * each, wsuv_deflate_memory(c.client));
  join_and_talk(&c, NCLIENTS / 2, each);
  leave_all(&c, NCLIENTS);
  CHECK_SIZE(KEPT * each, wsuv_deflate_memory(c.server));
  print_message("dedicated: %zu octets of contexts for each connection\n", each);
  crowd_close(&c);
}

/* What was compressed before is forgotten when a context is lent again: its new connection's peer has not seen it. */
static void a_context_that_is_lent_again_starts_anew(void **state) {
  struct crowd c;
  size_t each;
  size_t i;
  (void)state;
  crowd_open(&c, &dedicated, &dedicated);
  for (i = 0; i < 10; i++) {
    (void)crowd_join(&c, c.client);
    talk(&c, i);
    talk(&c, i);
    each = wsuv_deflate_memory(c.server);
    leave(&c, i);
    CHECK_SIZE(each, wsuv_deflate_memory(c.server));
  }
  crowd_close(&c);
}

static void end_amid_streams(struct crowd *c) {
  size_t i;

  for (i = 0; i < c->n; i++)
    CALL_VOID(&c->lb,
              wsuv_conn_terminate(i % 2 == 0 ? c->clients[i].conn : c->host.talkers[i]->conn));
  for (i = 0; i < c->n; i++)
    RUN_UNTIL(&c->lb, c->clients[i].n[EV_CLOSE] == 1 && c->host.talkers[i]->n[EV_CLOSE] == 1);
}

static void contexts_of_messages_that_are_cut_off_go_back(void **state) {
  int is_shared;
  (void)state;
  for (is_shared = 0; is_shared < 2; is_shared++) {
    struct crowd c;
    size_t deflater;
    crowd_open(&c, is_shared ? &shared : &dedicated, is_shared ? &shared : &dedicated);
    while (c.n < NCLIENTS)
      (void)crowd_join(&c, c.client);
    begin_streams(&c);
    deflater = wsuv_deflate_memory(c.client) / NCLIENTS;
    turn_often(&c.lb);
    end_amid_streams(&c);
    CHECK_SIZE(KEPT * deflater, wsuv_deflate_memory(c.client));
    crowd_close(&c);
  }
}

static void say_and_expect(struct crowd *c, size_t i, int rsv) {
  unsigned heard = c->clients[i].n[EV_MESSAGE];

  say(c->host.talkers[i], 2000);
  RUN_UNTIL(&c->lb, c->clients[i].n[EV_MESSAGE] == heard + 1);
  check_text(&c->clients[i], 2000);
  CHECK_INT(rsv, c->clients[i].rsv);
}

static size_t size_of_a_deflater(void) {
  struct crowd c;
  size_t deflater;

  crowd_open(&c, &dedicated, &dedicated);
  (void)crowd_join(&c, c.client);
  say_and_expect(&c, 0, RSV1);
  deflater = wsuv_deflate_memory(c.server);
  crowd_close(&c);
  return deflater;
}

static void the_limit_is_for_all_connections_together(void **state) {
  size_t deflater = size_of_a_deflater();
  wsuv_deflate_options_t o = dedicated;
  struct crowd c;
  size_t i;
  (void)state;
  o.max_memory = (int64_t)(2 * deflater);
  crowd_open(&c, &o, &dedicated);
  for (i = 0; i < 4; i++) {
    (void)crowd_join(&c, c.client);
    say_and_expect(&c, i, i < 2 ? RSV1 : 0);
  }
  CHECK_SIZE(2 * deflater, wsuv_deflate_memory(c.server));
  say_and_expect(&c, 1, RSV1); /* who has a context keeps it */
  leave(&c, 0);
  say_and_expect(&c, 2, RSV1); /* it has the one of 0 now */
  say_and_expect(&c, 3, 0);
  CHECK_SIZE(2 * deflater, wsuv_deflate_memory(c.server));
  crowd_close(&c);
}

/* ---- giving up the pool ---- */

static struct crowd *crowd_of(const struct talker *t) {
  return WSUV__LIST_ENTRY(t->lb, struct crowd, lb);
}

static void free_with_the_server(struct host *host) {
  struct crowd *c = WSUV__LIST_ENTRY(host, struct crowd, host);

  wsuv_deflate_free(c->server);
  c->server = NULL;
}

/* Of a client's pool; the connection may still be asked. */
static void free_with_the_client(struct talker *t, enum event event) {
  struct crowd *c = crowd_of(t);
  wsuv_negotiated_t negotiated;
  wsuv_deflate_stats_t stats;

  if (event != EV_CLOSE)
    return;
  wsuv_deflate_free(c->client);
  c->client = NULL;
  if (wsuv_conn_nextensions(t->conn) == 0)
    return;
  negotiated = wsuv_conn_extension_at(t->conn, 0);
  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  CHECK_SIZE(2000, stats.sent_octets);
  CHECK_SIZE(3000, stats.received_octets);
}

static void it_is_freed_in_the_last_on_close(void **state) {
  struct crowd c;
  int by_loop;
  (void)state;
  for (by_loop = 0; by_loop < 2; by_loop++) {
    crowd_open(&c, by_loop ? &shared : &dedicated, by_loop ? &shared : &dedicated);
    c.host.on_closed = free_with_the_server;
    crowd_join(&c, c.client)->on_event = free_with_the_client;
    talk(&c, 0);
    if (by_loop) {
      loopback_end(&c.lb);
    } else {
      CALL_VOID(&c.lb, wsuv_server_close(c.host.server));
      CHECK_ERR(0, CALL(&c.lb, wsuv_conn_close(c.clients[0].conn, 1000, NULL)));
    }
    RUN_UNTIL(&c.lb, c.server == NULL && c.client == NULL);
    crowd_close(&c);
  }
}

static void refuse(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_SIZE(1, wsuv_upgrade_nextensions(upgrade));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0)));
}

/* Without a session on the client's side; the server's session ends with the refusal. */
static void it_is_freed_by_a_client_that_was_refused(void **state) {
  wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;
  const wsuv_extension_t *extensions[2];
  struct crowd c;
  (void)state;
  memset(&c, 0, sizeof c);
  loopback_open(&c.lb);
  c.server = make_deflate(&c.lb, &shared);
  c.client = make_deflate(&c.lb, &shared);
  extensions[0] = wsuv_deflate_extension(c.server);
  extensions[1] = wsuv_deflate_extension(c.client);
  listen.extensions = &extensions[0];
  connect.extensions = &extensions[1];
  listen.nextensions = connect.nextensions = 1;
  host_init(&c.host, &c.lb);
  c.host.on_upgrade = refuse;
  c.host.on_closed = free_with_the_server;
  CHECK_ERR(0, host_listen(&c.host, &listen));
  talker_init(&c.clients[0], &c.lb);
  c.clients[0].on_event = free_with_the_client;
  CHECK_ERR(0, talker_connect(&c.clients[0], &c.host, &connect));
  RUN_UNTIL(&c.lb, c.client == NULL);
  CALL_VOID(&c.lb, wsuv_server_close(c.host.server));
  RUN_UNTIL(&c.lb, c.server == NULL);
  crowd_close(&c);
}

/* A client's session holds it. */
static void it_is_freed_while_a_client_is_open(void **state) {
  struct crowd c;
  (void)state;
  crowd_open(&c, &dedicated, &dedicated);
  (void)crowd_join(&c, c.client);
  talk(&c, 0);
  wsuv_deflate_free(c.client);
  c.client = NULL;
  talk(&c, 0);
  leave(&c, 0);
  crowd_close(&c);
}

/* ---- one message for many ---- */

static wsuv_prepared_t *prepare(struct crowd *c, wsuv_opcode_t type, const void *payload,
                                size_t len, int flags) {
  wsuv_prepared_t *prepared;

  CHECK_ERR(0, wsuv_prepared_new(&prepared, &c->lb.fa.allocator, type, payload, len, flags));
  CHECK_SIZE(0, wsuv_prepared_nvariants(prepared));
  return prepared;
}

static void send_to_all(struct crowd *c, wsuv_prepared_t *prepared) {
  size_t i;

  for (i = 0; i < c->n; i++)
    CHECK_ERR(0, CALL(&c->lb, wsuv_conn_send_prepared(c->host.talkers[i]->conn, prepared)));
}

static void expect_at(struct crowd *c, size_t i, unsigned n, int rsv, const void *payload,
                      size_t len) {
  struct talker *t = &c->clients[i];

  RUN_UNTIL(&c->lb, t->n[EV_MESSAGE] == n);
  CHECK_BYTES(payload, len, t->payload, t->len);
  CHECK_INT(rsv, t->rsv);
}

/* Only where it was compressed. */
static size_t octets_compressed(const struct talker *t) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(t->conn, 0);
  wsuv_deflate_stats_t stats;

  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  return (size_t)stats.sent_octets;
}

static void it_is_compressed_once(void **state) {
  struct crowd c;
  wsuv_prepared_t *prepared;
  size_t memory;
  size_t i;
  (void)state;
  crowd_open(&c, &shared, &shared);
  while (c.n < NCLIENTS)
    (void)crowd_join(&c, c.client);
  prepared = prepare(&c, WSUV_TEXT, news, NEWS_LEN, 0);
  send_to_all(&c, prepared);
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  memory = wsuv_deflate_memory(c.server);
  send_to_all(&c, prepared);
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  CHECK_SIZE(memory, wsuv_deflate_memory(c.server));
  wsuv_prepared_free(prepared);
  for (i = 0; i < c.n; i++) {
    expect_at(&c, i, 2, RSV1, news, NEWS_LEN);
    CHECK_SIZE(i == 0 ? NEWS_LEN : 0, octets_compressed(c.host.talkers[i]));
  }
  all_talk_at_once(&c);
  crowd_close(&c);
}

/* Windows of 12 and of 9 bits, context takeover, and without any of it, ten of each. What was said before and what is said
 * afterwards show whether contexts that are kept have seen it. covers: PMD.15 */
static void it_is_compressed_once_for_each_window(void **state) {
  wsuv_deflate_options_t of_12_bits = shared;
  wsuv_deflate_options_t of_9_bits = shared;
  wsuv_deflate_t *smaller;
  wsuv_deflate_t *takeover;
  wsuv_prepared_t *prepared;
  struct crowd c;
  size_t i;
  (void)state;
  of_12_bits.params.inflate_max_window_bits = 12;
  of_9_bits.params.inflate_max_window_bits = 9;
  crowd_open(&c, &dedicated, &of_12_bits);
  smaller = make_deflate(&c.lb, &of_9_bits);
  takeover = make_deflate(&c.lb, &dedicated);
  while (c.n < 40) {
    const wsuv_deflate_t *of_each[] = {c.client, smaller, takeover, NULL};
    (void)crowd_join(&c, of_each[c.n % 4]);
  }
  all_talk_at_once(&c);
  prepared = prepare(&c, WSUV_TEXT, news, NEWS_LEN, 0);
  send_to_all(&c, prepared);
  send_to_all(&c, prepared);
  CHECK_SIZE(2, wsuv_prepared_nvariants(prepared));
  wsuv_prepared_free(prepared);
  for (i = 0; i < c.n; i++)
    expect_at(&c, i, 3, i % 4 == 3 ? 0 : RSV1, news, NEWS_LEN);
  all_talk_at_once(&c);
  loopback_end(&c.lb);
  RUN_UNTIL(&c.lb, c.lb.loop_closed);
  wsuv_deflate_free(smaller);
  wsuv_deflate_free(takeover);
  crowd_close(&c);
}

static void send_and_free(struct crowd *c, const void *payload, size_t len, int flags, int rsv,
                          unsigned n) {
  wsuv_prepared_t *prepared = prepare(c, WSUV_BINARY, payload, len, flags);
  size_t i;

  send_to_all(c, prepared);
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  wsuv_prepared_free(prepared);
  for (i = 0; i < c->n; i++)
    expect_at(c, i, n, rsv, payload, len);
}

/* More than the kernel takes at once: what waits has octets of its own. */
static void it_is_freed_before_it_has_left(void **state) {
  size_t len = (loopback_is_slow() ? 1 : 8) * MIB;
  uint8_t *payload = malloc(len);
  uint32_t x = 2463534242u;
  struct crowd c;
  size_t i;
  (void)state;
  CHECK_NOT_NULL(payload);
  crowd_open(&c, &shared, &shared);
  while (c.n < 3)
    (void)crowd_join(&c, c.client);
  put_text(payload, 0, len);
  send_and_free(&c, payload, len, 0, RSV1, 1);
  send_and_free(&c, payload, len, WSUV_SEND_NO_COMPRESS, 0, 2);
  send_and_free(&c, payload, 20, 0, 0, 3);
  for (i = 0; i < len; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    payload[i] = (uint8_t)(x >> 11);
  }
  send_and_free(&c, payload, len, 0, 0, 4); /* judged once to be random */
  free(payload);
  crowd_close(&c);
}

/* A client's frames are masked each by its own key. */
static void clients_send_it_too(void **state) {
  struct crowd c;
  wsuv_prepared_t *prepared;
  size_t i;
  (void)state;
  crowd_open(&c, &shared, &shared);
  while (c.n < 5)
    (void)crowd_join(&c, c.client);
  prepared = prepare(&c, WSUV_TEXT, news, NEWS_LEN, 0);
  for (i = 0; i < c.n; i++)
    CHECK_ERR(0, CALL(&c.lb, wsuv_conn_send_prepared(c.clients[i].conn, prepared)));
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  for (i = 0; i < c.n; i++) {
    RUN_UNTIL(&c.lb, c.host.talkers[i]->n[EV_MESSAGE] == 1);
    CHECK_BYTES(news, NEWS_LEN, c.host.talkers[i]->payload, c.host.talkers[i]->len);
    CHECK_INT(RSV1, c.host.talkers[i]->rsv);
  }
  wsuv_prepared_free(prepared);
  crowd_close(&c);
}

static void it_is_refused_where_a_message_is(void **state) {
  struct crowd c;
  wsuv_prepared_t *prepared;
  wsuv_conn_t *conn;
  (void)state;
  crowd_open(&c, &shared, &shared);
  (void)crowd_join(&c, c.client);
  conn = c.host.talkers[0]->conn;
  prepared = prepare(&c, WSUV_TEXT, news, NEWS_LEN, 0);
  CHECK_ERR(0, CALL(&c.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(&c.lb, wsuv_conn_send_prepared(conn, prepared)));
  CHECK_ERR(0, CALL(&c.lb, wsuv_conn_send_end(conn, news, NEWS_LEN)));
  CHECK_ERR(0, CALL(&c.lb, wsuv_conn_send_prepared(conn, prepared)));
  expect_at(&c, 0, 2, RSV1, news, NEWS_LEN);
  CHECK_ERR(0, CALL(&c.lb, wsuv_conn_close(conn, 1000, NULL)));
  CHECK_ERR(WSUV_ESTATE, CALL(&c.lb, wsuv_conn_send_prepared(conn, prepared)));
  wsuv_prepared_free(prepared);
  crowd_close(&c);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(shared_contexts_are_lent),
      cmocka_unit_test(shared_contexts_of_long_messages_go_back),
      cmocka_unit_test(dedicated_contexts_go_back_when_connections_close),
      cmocka_unit_test(a_context_that_is_lent_again_starts_anew),
      cmocka_unit_test(contexts_of_messages_that_are_cut_off_go_back),
      cmocka_unit_test(the_limit_is_for_all_connections_together),
      cmocka_unit_test(it_is_freed_in_the_last_on_close),
      cmocka_unit_test(it_is_freed_by_a_client_that_was_refused),
      cmocka_unit_test(it_is_freed_while_a_client_is_open),
      cmocka_unit_test(it_is_compressed_once),
      cmocka_unit_test(it_is_compressed_once_for_each_window),
      cmocka_unit_test(it_is_freed_before_it_has_left),
      cmocka_unit_test(clients_send_it_too),
      cmocka_unit_test(it_is_refused_where_a_message_is),
  };

  return cmocka_run_group_tests_name("deflate: memory", tests, NULL, NULL);
}
