/* permessage-deflate over real sockets: what is negotiated, refused and declined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/deflate_wire.h"

/* ---- a server and a client of ours ---- */

struct pair {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker *server;
  wsuv_deflate_t *deflate[2]; /* the server's, the client's; NULL: without it */
  const wsuv_extension_t *extensions[2];
};

static void pair_begin(struct pair *p, const wsuv_deflate_options_t *server,
                       const wsuv_deflate_options_t *client) {
  memset(p, 0, sizeof *p);
  loopback_open(&p->lb);
  host_init(&p->host, &p->lb);
  talker_init(&p->client, &p->lb);
  if (server != NULL) {
    p->deflate[0] = make_deflate(&p->lb, server);
    p->extensions[0] = wsuv_deflate_extension(p->deflate[0]);
  }
  if (client != NULL) {
    p->deflate[1] = make_deflate(&p->lb, client);
    p->extensions[1] = wsuv_deflate_extension(p->deflate[1]);
  }
}

static void pair_connect(struct pair *p) {
  wsuv_server_options_t listen = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t connect = WSUV_CONNECT_OPTIONS_INIT;

  listen.extensions = &p->extensions[0];
  listen.nextensions = p->deflate[0] != NULL;
  connect.extensions = &p->extensions[1];
  connect.nextensions = p->deflate[1] != NULL;
  CHECK_ERR(0, host_listen(&p->host, &listen));
  CHECK_ERR(0, talker_connect(&p->client, &p->host, &connect));
}

static void pair_open(struct pair *p) {
  pair_connect(p);
  RUN_UNTIL(&p->lb, p->client.n[EV_OPEN] == 1 && p->host.ntalkers == 1);
  p->server = p->host.talkers[0];
}

static void pair_close(struct pair *p) {
  loopback_end(&p->lb);
  RUN_UNTIL(&p->lb, p->lb.loop_closed);
  wsuv_deflate_free(p->deflate[0]);
  wsuv_deflate_free(p->deflate[1]);
  loopback_close(&p->lb);
}

/* ---- negotiated by both sides of ours ---- */

static const wsuv_deflate_params_t second[] = {{0, 0, 1, 1}};

#define PARAMS(deflate, inflate, deflate_alone, inflate_alone)                                    \
  {                                                                                               \
    sizeof(wsuv_deflate_options_t), NULL, {deflate, inflate, deflate_alone, inflate_alone}, NULL, \
        0, 0, 0, 0, 0, 0, 0, 0, 0                                                                 \
  }

struct deal {
  const char *name;
  wsuv_deflate_options_t server;
  wsuv_deflate_options_t client;
  wsuv_deflate_params_t agreed; /* the client's; the server's is its mirror image */
};

static const struct deal deals[] = {
    {"shared", WSUV_DEFLATE_SHARED_INIT, WSUV_DEFLATE_SHARED_INIT, {12, 12, 1, 1}},
    {"dedicated", WSUV_DEFLATE_DEDICATED_INIT, WSUV_DEFLATE_DEDICATED_INIT, {15, 15, 0, 0}},
    {"a shared server, a dedicated client",
     WSUV_DEFLATE_SHARED_INIT,
     WSUV_DEFLATE_DEDICATED_INIT,
     {15, 12, 1, 1}},
    {"a dedicated server, a shared client",
     WSUV_DEFLATE_DEDICATED_INIT,
     WSUV_DEFLATE_SHARED_INIT,
     {12, 15, 1, 1}},
    {"each direction its own way", PARAMS(0, 0, 0, 0), PARAMS(10, 11, 1, 0), {10, 11, 1, 0}},
    {"the server limits", PARAMS(9, 10, 0, 1), PARAMS(0, 0, 0, 0), {10, 9, 1, 0}},
    {"windows of 256 octets", PARAMS(8, 8, 0, 0), PARAMS(8, 8, 0, 0), {8, 8, 0, 0}},
    {"the first of two offers is taken",
     WSUV_DEFLATE_DEDICATED_INIT,
     {sizeof(wsuv_deflate_options_t), NULL, {9, 10, 0, 0}, second, 1, 1, 0, 0, 0, 0, 0, 0, 0},
     {9, 10, 0, 0}},
};

/* There and back again. */
static void exchange(struct pair *p, wsuv_opcode_t type, size_t len) {
  unsigned before = p->client.n[EV_MESSAGE];

  fill_text(wire_payload, len);
  CHECK_ERR(0, CALL(&p->lb, wsuv_conn_send_message(p->client.conn, type, wire_payload, len, 0)));
  RUN_UNTIL(&p->lb, p->client.n[EV_MESSAGE] == before + 1);
  CHECK_INT(type, p->client.type);
  CHECK_BYTES(wire_payload, len, p->client.payload, p->client.len);
}

static void check_stats(const struct pair *p) {
  wsuv_deflate_stats_t client = stats_of(&p->client);
  wsuv_deflate_stats_t server = stats_of(p->server);

  CHECK_TRUE(client.sent_octets > 2 * MIB && client.sent_octets < 3 * MIB);
  CHECK_TRUE(client.sent_compressed_octets < client.sent_octets / 3);
  CHECK_TRUE(client.received_compressed_octets < client.received_octets / 3);
  CHECK_SIZE(client.sent_octets, server.received_octets);
  CHECK_SIZE(client.sent_compressed_octets, server.received_compressed_octets);
  CHECK_SIZE(client.received_octets, server.sent_octets);
  CHECK_SIZE(client.received_compressed_octets, server.sent_compressed_octets);
}

/* covers: CORE.8 PMH.2 PMH.19 PMD.3 PMD.4 D001 D029 D040 D054 */
static void run_deal(const void *row) {
  static const size_t sizes[] = {0,   1,   15,   16,    17,    63,    64,    125,
                                 126, 127, 1000, 16384, 65535, 65536, 65537, MIB};
  const struct deal *deal = row;
  wsuv_deflate_params_t mirrored = {
      deal->agreed.inflate_max_window_bits, deal->agreed.deflate_max_window_bits,
      deal->agreed.inflate_no_context_takeover, deal->agreed.deflate_no_context_takeover};
  struct pair p;
  size_t i;

  pair_begin(&p, &deal->server, &deal->client);
  p.host.on_event = talker_echo;
  pair_open(&p);
  check_params(&deal->agreed, params_of(&p.client));
  check_params(&mirrored, params_of(p.server));
  for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    exchange(&p, WSUV_TEXT, sizes[i]);
    exchange(&p, WSUV_BINARY, sizes[i]);
  }
  check_stats(&p);
  pair_close(&p);
}

/* ---- not negotiated ---- */

static void check_is_plain(struct pair *p) {
  CHECK_SIZE(0, wsuv_conn_nextensions(p->client.conn));
  CHECK_SIZE(0, wsuv_conn_nextensions(p->server->conn));
  exchange(p, WSUV_TEXT, 1000);
  CHECK_INT(0, p->client.rsv);
  CHECK_INT(0, p->server->rsv);
  if (p->deflate[0] != NULL)
    CHECK_SIZE(0, wsuv_deflate_memory(p->deflate[0]));
  if (p->deflate[1] != NULL)
    CHECK_SIZE(0, wsuv_deflate_memory(p->deflate[1]));
}

static void decline(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_SIZE(1, wsuv_upgrade_nextensions(upgrade));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_decline_extension(upgrade, "permessage-deflate")));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
}

/* covers: D004 */
static void an_application_declines_it(void **state) {
  struct pair p;
  (void)state;
  pair_begin(&p, &dedicated, &dedicated);
  p.host.on_upgrade = decline;
  p.host.on_event = talker_echo;
  pair_open(&p);
  check_is_plain(&p);
  pair_close(&p);
}

static void a_side_without_it_gets_plain_messages(void **state) {
  int side;
  (void)state;
  for (side = 0; side < 2; side++) {
    struct pair p;
    pair_begin(&p, side == 0 ? NULL : &shared, side == 0 ? &shared : NULL);
    p.host.on_event = talker_echo;
    pair_open(&p);
    check_is_plain(&p);
    pair_close(&p);
  }
}

static void refuse_large_windows(struct host *host, wsuv_upgrade_t *upgrade) {
  wsuv_negotiated_t negotiated = wsuv_upgrade_extension_at(upgrade, 0);
  wsuv_deflate_params_t params;

  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  CHECK_INT(15, params.inflate_max_window_bits);
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0)));
}

/* covers: PMH.20 */
static void a_server_refuses_the_settings(void **state) {
  struct pair p;
  (void)state;
  pair_begin(&p, &dedicated, &dedicated);
  p.host.on_upgrade = refuse_large_windows;
  pair_connect(&p);
  RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1);
  CHECK_INT(403, p.client.end.http_status);
  pair_close(&p);
}

static void close_for_large_windows(struct talker *t, enum event event) {
  if (event == EV_OPEN && params_of(t).inflate_max_window_bits == 15)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_close(t->conn, 1010, "permessage-deflate")));
}

/* covers: PMH.20 */
static void a_client_refuses_the_settings(void **state) {
  struct pair p;
  (void)state;
  pair_begin(&p, &dedicated, &dedicated);
  p.client.on_event = close_for_large_windows;
  pair_open(&p);
  RUN_UNTIL(&p.lb, p.client.n[EV_CLOSE] == 1 && p.server->n[EV_CLOSE] == 1);
  CHECK_INT(1010, p.server->end.code);
  CHECK_INT(1, p.server->end.clean);
  pair_close(&p);
}

/* ---- several offers ---- */

static void take_fallback(struct wire *w, const char *element,
                          const wsuv_deflate_params_t *agreed) {
  check_params(agreed, params_of(w->us));
  CHECK_NOT_NULL(strstr(raw_text(w->peer), element));
  send_and_expect_compressed(w);
  peer_frame(w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  expect_heard(w, 1, "Hello");
}

/* covers: D002 D003 D023 */
static void the_offer_that_is_answered_counts(void **state) {
  static const wsuv_deflate_params_t fallbacks[] = {{0, 0, 0, 1}, {0, 0, 0, 0}};
  static const wsuv_deflate_params_t of_client = {15, 15, 0, 1};
  static const wsuv_deflate_params_t of_server = {11, 15, 0, 0};
  struct setup client = {.role = WSUV_CLIENT,
                         .element = "permessage-deflate; server_no_context_takeover"};
  struct setup server = {.role = WSUV_SERVER,
                         .deflate = &dedicated,
                         .element = "permessage-deflate; nonsense, x-other, permessage-deflate; "
                                    "server_max_window_bits=11, permessage-deflate"};
  wsuv_deflate_options_t o = dedicated;
  struct wire w = {.act = NULL};
  (void)state;
  o.params.inflate_max_window_bits = 9;
  o.strict = 1;
  o.fallbacks = fallbacks;
  o.nfallbacks = 2;
  client.deflate = &o;
  wire_open(&w, &client);
  take_fallback(&w,
                "\r\nSec-WebSocket-Extensions: "
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits, "
                "permessage-deflate; server_no_context_takeover; client_max_window_bits, "
                "permessage-deflate; client_max_window_bits\r\n",
                &of_client);
  wire_close(&w);
  wire_open(&w, &server);
  take_fallback(&w,
                "\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=11\r\n",
                &of_server);
  wire_close(&w);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_application_declines_it),
      cmocka_unit_test(a_side_without_it_gets_plain_messages),
      cmocka_unit_test(a_server_refuses_the_settings),
      cmocka_unit_test(a_client_refuses_the_settings),
      cmocka_unit_test(the_offer_that_is_answered_counts),
  };
  int failures = cmocka_run_group_tests_name("deflate: deals", tests, NULL, NULL);

  failures += CHECK_RUN_TABLE("negotiated", deals, run_deal);
  return failures;
}
