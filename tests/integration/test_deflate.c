/* permessage-deflate over real sockets: what is negotiated, what stands on the wire, what a peer may send and what a hostile
 * one cannot do, and callbacks that end or stop things while compressed messages are on their way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "deflate/codec.h"
#include "integration/given_stream.h"
#include "wsuv/deflate.h"

#define MIB  (1024u * 1024)
#define RSV1 4

static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;

static uint8_t payload[MIB];
static uint8_t room[2 * MIB];

/* ---- payloads ---- */

/* Numbered lines of UTF-8: about a tenth is left of them. */
static void fill_text(uint8_t *out, size_t len) {
  static const char line[] = "{\"user\":\"0000\",\"text\":\"gr\xc3\xbc\xc3\x9f dich\"}\n";
  size_t width = sizeof line - 1;
  size_t i;

  for (i = 0; i < len; i++) {
    size_t column = i % width;
    size_t number = i / width;
    out[i] = (uint8_t)line[column];
    if (column == 9)
      out[i] = (uint8_t)('0' + number / 1000 % 10);
    if (column == 10)
      out[i] = (uint8_t)('0' + number / 100 % 10);
    if (column == 11)
      out[i] = (uint8_t)('0' + number / 10 % 10);
    if (column == 12)
      out[i] = (uint8_t)('0' + number % 10);
  }
  if (len > 0 && out[len - 1] == 0xc3)
    out[len - 1] = '.'; /* no character is cut */
}

/* What nothing can compress. */
static void fill_noise(uint8_t *out, size_t len) {
  uint32_t x = 2463534242u;
  size_t i;

  for (i = 0; i < len; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    out[i] = (uint8_t)(x >> 11);
  }
}

/* One message as a peer compresses it that has no earlier one to refer to; returns its length. */
static size_t pack(uint8_t *out, size_t size, const void *in, size_t len,
                   enum wsuv__codec_end end) {
  static const struct wsuv__codec_settings settings = {6, 8, 0};
  wsuv_extension_step_t step = {.in = in, .in_len = len, .out = out, .out_len = size};
  struct wsuv__codec *codec;
  size_t memory = 0;

  CHECK_ERR(0,
            wsuv__deflater_new(&codec, wsuv__allocator_or_default(NULL), &memory, 15, &settings));
  CHECK_INT(WSUV_STEP_DONE, wsuv__deflater_run(codec, &step, end));
  wsuv__deflater_free(codec);
  return size - step.out_len;
}

static void turn_often(struct loopback *lb) {
  int i;
  for (i = 0; i < 50; i++)
    (void)uv_run(&lb->uv, UV_RUN_NOWAIT);
}

/* ---- a server and a client of ours ---- */

struct pair {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker *server;
  wsuv_deflate_t *deflate[2]; /* the server's, the client's; NULL: without it */
  const wsuv_extension_t *extensions[2];
};

static wsuv_deflate_t *make_deflate(struct loopback *lb, const wsuv_deflate_options_t *options) {
  wsuv_deflate_options_t o = *options;
  wsuv_deflate_t *deflate;

  o.allocator = &lb->fa.allocator;
  CHECK_ERR(0, wsuv_deflate_new(&deflate, &o));
  CHECK_SIZE(0, wsuv_deflate_memory(deflate));
  return deflate;
}

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

static wsuv_deflate_params_t params_of(const struct talker *t) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(t->conn, 0);
  wsuv_deflate_params_t params;

  CHECK_SIZE(1, wsuv_conn_nextensions(t->conn));
  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  return params;
}

static wsuv_deflate_stats_t stats_of(const struct talker *t) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(t->conn, 0);
  wsuv_deflate_stats_t stats;

  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  return stats;
}

static void check_params(const wsuv_deflate_params_t *expected, wsuv_deflate_params_t actual) {
  CHECK_INT(expected->deflate_max_window_bits, actual.deflate_max_window_bits);
  CHECK_INT(expected->inflate_max_window_bits, actual.inflate_max_window_bits);
  CHECK_INT(expected->deflate_no_context_takeover, actual.deflate_no_context_takeover);
  CHECK_INT(expected->inflate_no_context_takeover, actual.inflate_no_context_takeover);
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

  fill_text(payload, len);
  CHECK_ERR(0, CALL(&p->lb, wsuv_conn_send_message(p->client.conn, type, payload, len, 0)));
  RUN_UNTIL(&p->lb, p->client.n[EV_MESSAGE] == before + 1);
  CHECK_INT(type, p->client.type);
  CHECK_BYTES(payload, len, p->client.payload, p->client.len);
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
  CHECK_INT(0, wsuv_conn_message_rsv(p->client.conn));
  CHECK_INT(0, wsuv_conn_message_rsv(p->server->conn));
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

/* ---- one side of ours, and a peer made by hand that compresses ---- */

struct setup {
  wsuv_role_t role; /* ours */
  const wsuv_deflate_options_t *deflate;
  const wsuv_conn_options_t *conn;
  const wsuv_handler_t *handler; /* NULL: talker_handler */
  void (*on_event)(struct talker *t, enum event event);
  const char *element;  /* the peer's offer or answer; NULL: without parameters */
  const uint8_t *early; /* in the segment of the peer's head, behind it */
  size_t early_len;
};

struct wire {
  struct loopback lb; /* first, see wire_of */
  struct setup setup;
  wsuv_deflate_t *deflate;
  const wsuv_extension_t *extension;
  wsuv_server_handler_t server_handler;
  struct host host;
  struct talker client;
  struct raw accepted_by_us;
  struct raw_server server;
  struct talker *us;
  struct raw *peer;
  struct wsuv__codec *inflater; /* the peer's */
  size_t inflater_memory;
  int npieces; /* of on_fragment, with the two below */
  int nmessages;
  int is_stopped;
  void (*act)(struct wire *w);
  int acted;
};

static struct wire *wire_of(struct talker *t) {
  return WSUV__LIST_ENTRY(t->lb, struct wire, lb);
}

static void send_head(struct wire *w, char *head, size_t len) {
  memcpy(head + len, w->setup.early, w->setup.early_len);
  raw_send(w->peer, head, len + w->setup.early_len);
}

static void open_as_server(struct wire *w, const wsuv_handler_t *handler, const char *element,
                           char *head) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  int len = sprintf(head,
                    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: %s\r\n\r\n",
                    element);

  w->server_handler.size = sizeof w->server_handler;
  w->server_handler.conn = handler;
  host_init(&w->host, &w->lb);
  w->host.on_event = w->setup.on_event;
  options.conn = w->setup.conn;
  options.extensions = &w->extension;
  options.nextensions = 1;
  CHECK_ERR(0, CALL(&w->lb, wsuv_server_listen(w->lb.loop, &w->host.server, &options,
                                               &w->server_handler, &w->host)));
  w->peer = &w->accepted_by_us;
  raw_connect(w->peer, &w->lb, wsuv_server_port(w->host.server));
  RUN_UNTIL(&w->lb, w->peer->connected);
  send_head(w, head, (size_t)len);
  RUN_UNTIL(&w->lb, w->host.ntalkers == 1);
  w->us = w->host.talkers[0];
  RUN_UNTIL(&w->lb, raw_took_head(w->peer) || w->peer->eof || w->peer->error != 0);
}

static void open_as_client(struct wire *w, const wsuv_handler_t *handler, const char *element,
                           char *head) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  char field[200];
  char url[64];

  raw_listen(&w->server, &w->lb);
  w->peer = &w->server.peers[0];
  w->us = &w->client;
  talker_init(w->us, &w->lb);
  w->us->on_event = w->setup.on_event;
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", w->server.port);
  options.url = url;
  options.conn = w->setup.conn;
  options.extensions = &w->extension;
  options.nextensions = 1;
  CHECK_ERR(0, CALL(&w->lb, wsuv_connect(w->lb.loop, &w->us->conn, &options, handler, w->us)));
  w->us->handed_out = 1;
  (void)snprintf(field, sizeof field, "Sec-WebSocket-Extensions: %s\r\n", element);
  send_head(w, head, raw_response(&w->server, head, 512, field));
  RUN_UNTIL(&w->lb, w->us->n[EV_OPEN] == 1);
}

static void wire_open(struct wire *w, const struct setup *setup) {
  const wsuv_handler_t *handler = setup->handler != NULL ? setup->handler : &talker_handler;
  const char *element = setup->element != NULL ? setup->element : "permessage-deflate";
  char *head = malloc(512 + setup->early_len);
  void (*act)(struct wire *) = w->act;

  CHECK_NOT_NULL(head);
  memset(w, 0, sizeof *w);
  w->setup = *setup;
  w->act = act;
  if (w->setup.early == NULL)
    w->setup.early = (const uint8_t *)"";
  loopback_open(&w->lb);
  w->deflate = make_deflate(&w->lb, setup->deflate);
  w->extension = wsuv_deflate_extension(w->deflate);
  CHECK_ERR(0, wsuv__inflater_new(&w->inflater, wsuv__allocator_or_default(NULL),
                                  &w->inflater_memory, 15));
  if (setup->role == WSUV_SERVER)
    open_as_server(w, handler, element, head);
  else
    open_as_client(w, handler, element, head);
  free(head);
}

static void wire_begin(struct wire *w, wsuv_role_t role, const wsuv_deflate_options_t *deflate) {
  struct setup setup = {.role = role, .deflate = deflate};
  memset(w, 0, sizeof *w);
  wire_open(w, &setup);
}

static void wire_close(struct wire *w) {
  loopback_end(&w->lb);
  RUN_UNTIL(&w->lb, w->lb.loop_closed);
  wsuv_deflate_free(w->deflate);
  wsuv__inflater_free(w->inflater);
  loopback_close(&w->lb);
}

/* ---- what the peer sees ---- */

struct frame {
  int opcode;
  int rsv;
  int fin;
  const uint8_t *payload; /* valid until more is received */
  size_t len;
};

static struct frame take_frame(struct wire *w) {
  wsuv_frame_header_t header;
  struct frame frame;
  const uint8_t *at = NULL;

  memset(&header, 0, sizeof header);
  RUN_UNTIL(&w->lb, raw_took_frame(w->peer, &header, &at) || w->peer->eof || w->peer->error != 0);
  CHECK_NOT_NULL(at); /* else the connection ended first */
  frame.opcode = header.opcode;
  frame.rsv = header.rsv;
  frame.fin = header.fin;
  frame.payload = at;
  frame.len = (size_t)header.payload_len;
  return frame;
}

/* Decompresses behind what was decompressed before; returns how much came of it. */
static size_t unpack(struct wire *w, const struct frame *frame, uint8_t *out, size_t size) {
  wsuv_extension_step_t step = {
      .in = frame->payload, .in_len = frame->len, .out = out, .out_len = size};

  CHECK_INT(WSUV_STEP_DONE, wsuv__inflater_run(w->inflater, &step, frame->fin));
  return size - step.out_len;
}

/* Without context takeover a message refers to nothing before it. */
static void begin_unpacking(struct wire *w) {
  if (w->setup.deflate->params.deflate_no_context_takeover)
    wsuv__inflater_reset(w->inflater);
}

static void expect_message(struct wire *w, wsuv_opcode_t type, int rsv, const void *expected,
                           size_t len) {
  struct frame frame = take_frame(w);

  CHECK_INT(type, frame.opcode);
  CHECK_INT(1, frame.fin);
  CHECK_INT(rsv, frame.rsv);
  if (rsv == 0) {
    CHECK_BYTES(expected, len, frame.payload, frame.len);
    return;
  }
  begin_unpacking(w);
  CHECK_BYTES(expected, len, room, unpack(w, &frame, room, sizeof room));
}

/* Which of both roles plays; rows are played by both. */
static const wsuv_role_t roles[] = {WSUV_SERVER, WSUV_CLIENT};

/* ---- the choice for each message ---- */

enum content { TEXT, NOISE };

struct choice {
  const char *name;
  const wsuv_deflate_options_t *preset;
  int64_t threshold;
  int no_probe;
  enum content content;
  size_t len;
  int flags;
  int rsv; /* expected */
};

static const struct choice choices[] = {
    {"text, shared", &shared, 0, 0, TEXT, 1000, 0, RSV1},
    {"text, dedicated", &dedicated, 0, 0, TEXT, 1000, 0, RSV1},
    {"NO_COMPRESS, shared", &shared, 0, 0, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"NO_COMPRESS, dedicated", &dedicated, 0, 0, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"NO_COMPRESS, no threshold", &dedicated, WSUV_OFF, 1, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"below 64, shared", &shared, 0, 0, TEXT, 63, 0, 0},
    {"from 64 on, shared", &shared, 0, 0, TEXT, 64, 0, RSV1},
    {"below 16, dedicated", &dedicated, 0, 0, TEXT, 15, 0, 0},
    {"from 16 on, dedicated", &dedicated, 0, 0, TEXT, 16, 0, RSV1},
    {"below a threshold", &shared, 500, 0, TEXT, 499, 0, 0},
    {"at a threshold", &shared, 500, 0, TEXT, 500, 0, RSV1},
    {"empty", &dedicated, 0, 0, TEXT, 0, 0, 0},
    {"empty, no threshold, shared", &shared, WSUV_OFF, 0, TEXT, 0, 0, RSV1},
    {"empty, no threshold, dedicated", &dedicated, WSUV_OFF, 0, TEXT, 0, 0, RSV1},
    {"an octet, no threshold", &shared, WSUV_OFF, 0, TEXT, 1, 0, RSV1},
    {"noise, shared", &shared, 0, 0, NOISE, 1000, 0, 0},
    {"noise, dedicated", &dedicated, 0, 0, NOISE, 1000, 0, 0},
    {"noise, large", &dedicated, 0, 0, NOISE, 100000, 0, 0},
    {"noise without a look, dedicated", &dedicated, 0, 1, NOISE, 1000, 0, RSV1},
    {"noise without a look, shared: in vain", &shared, 0, 1, NOISE, 1000, 0, 0},
    {"noise without a look or threshold", &shared, WSUV_OFF, 1, NOISE, 1000, 0, RSV1},
    {"noise too short to be judged, dedicated", &dedicated, 0, 0, NOISE, 200, 0, RSV1},
    {"noise too short to be judged, shared: in vain", &shared, 0, 0, NOISE, 200, 0, 0},
};

static void on_sent(wsuv_send_t *req, int status) {
  int *nsent = req->data;
  CHECK_ERR(0, status);
  ++*nsent;
}

static void send_prepared(struct wire *w, wsuv_opcode_t type, const struct choice *c) {
  wsuv_prepared_t *prepared;

  CHECK_ERR(0, wsuv_prepared_new(&prepared, &w->lb.fa.allocator, type, payload, c->len, c->flags));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_prepared(w->us->conn, prepared)));
  wsuv_prepared_free(prepared);
}

/* Between two messages that are compressed, so that with takeover a context that is wrong shows. */
static void play_choice(struct wire *w, const struct choice *c) {
  wsuv_opcode_t type = c->content == TEXT ? WSUV_TEXT : WSUV_BINARY;
  wsuv_conn_t *conn = w->us->conn;
  int nsent = 0;
  wsuv_send_t req = {.data = &nsent};

  if (c->content == TEXT)
    fill_text(payload, c->len);
  else
    fill_noise(payload, c->len);
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_message(conn, type, payload, c->len, c->flags)));
  expect_message(w, type, c->rsv, payload, c->len);
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send(conn, &req, type, payload, c->len, c->flags, on_sent)));
  expect_message(w, type, c->rsv, payload, c->len);
  RUN_UNTIL(&w->lb, nsent == 1);
  send_prepared(w, type, c);
  expect_message(w, type, c->rsv, payload, c->len);
  if (c->flags == 0) {
    CHECK_ERR(0, CALL(&w->lb, type == WSUV_TEXT ? wsuv_conn_send_text(conn, payload, c->len)
                                                : wsuv_conn_send_binary(conn, payload, c->len)));
    expect_message(w, type, c->rsv, payload, c->len);
  }
}

static void send_and_expect_compressed(struct wire *w) {
  fill_text(payload, 2000);
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_text(w->us->conn, payload, 2000)));
  expect_message(w, WSUV_TEXT, RSV1, payload, 2000);
}

/* covers: D013 D014 D036 D032 PMD.1 PMD.14 PMD.15 D062 D050 D064 */
static void run_choice(const void *row) {
  const struct choice *c = row;
  wsuv_deflate_options_t o = *c->preset;
  size_t i;

  o.threshold = c->threshold;
  o.no_probe = c->no_probe;
  for (i = 0; i < 2; i++) {
    struct wire w;
    wire_begin(&w, roles[i], &o);
    send_and_expect_compressed(&w);
    play_choice(&w, c);
    send_and_expect_compressed(&w);
    wire_close(&w);
  }
}

/* covers: D008 PMD.16 */
static void control_frames_are_never_compressed(void **state) {
  static const char ping[100] = "0000000000";
  static const char reason[] = "going away going away going away going away";
  wsuv_deflate_options_t o = dedicated;
  size_t i;
  (void)state;
  o.threshold = WSUV_OFF;
  for (i = 0; i < 2; i++) {
    struct wire w;
    struct frame frame;
    wire_begin(&w, roles[i], &o);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_ping(w.us->conn, ping, sizeof ping)));
    expect_message(&w, WSUV_PING, 0, ping, sizeof ping);
    raw_frame(w.peer, WSUV_PING, ping, sizeof ping);
    expect_message(&w, WSUV_PONG, 0, ping, sizeof ping);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_close(w.us->conn, 1001, reason)));
    frame = take_frame(&w);
    CHECK_INT(WSUV_CLOSE, frame.opcode);
    CHECK_INT(0, frame.rsv);
    CHECK_BYTES(reason, sizeof reason - 1, frame.payload + 2, frame.len - 2);
    wire_close(&w);
  }
}

/* The bit is the extension's. What is refused has not been compressed: with takeover the next message would show it. */
static void what_is_refused_leaves_the_context_as_it_was(void **state) {
  static const wsuv_frame_header_t marked = {.opcode = WSUV_BINARY, .rsv = RSV1, .fin = 1};
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct setup setup = {.role = WSUV_SERVER, .deflate = &dedicated, .conn = &conn};
  struct wire w = {.act = NULL};
  wsuv_conn_t *us;
  (void)state;
  conn.write_limit = 4096;
  wire_open(&w, &setup);
  us = w.us->conn;
  send_and_expect_compressed(&w);
  memset(payload, 'x', 5000);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&w.lb, wsuv_conn_send_text(us, payload, 5000)));
  memcpy(payload, "\xc3\xc3", 2);
  CHECK_ERR(WSUV_EENCODING, CALL(&w.lb, wsuv_conn_send_text(us, payload, 1000)));
  CHECK_ERR(WSUV_EINVAL, CALL(&w.lb, wsuv_conn_send_frame(us, &marked, payload, 1000)));
  CHECK_ERR(WSUV_EINVAL,
            CALL(&w.lb, wsuv_conn_send_message(us, WSUV_BINARY, payload, 1000, WSUV_SEND_FLUSH)));
  send_and_expect_compressed(&w);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(us, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(us, "begun, ", 7, 0)));
  memset(payload, 'x', 5000);
  memcpy(payload, "\xc3\xc3", 2);
  CHECK_ERR(WSUV_EENCODING, CALL(&w.lb, wsuv_conn_send_chunk(us, payload, 1000, 0)));
  memset(payload, 'x', 5000);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&w.lb, wsuv_conn_send_chunk(us, payload, 5000, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(us, "the end", 7)));
  expect_message(&w, WSUV_TEXT, RSV1, "begun, the end", 14);
  send_and_expect_compressed(&w);
  wire_close(&w);
}

/* ---- streams ---- */

struct stream {
  struct wire w;
  int nframes;
  size_t given; /* octets of `payload` that went in */
  size_t seen;  /* and that came out at the peer */
};

static void give_chunk(struct stream *s, size_t len, int flags) {
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_send_chunk(s->w.us->conn, payload + s->given, len, flags)));
  s->given += len;
}

/* A Ping that comes at once: no frame of the message was sent before it. */
static void expect_nothing(struct stream *s) {
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_ping(s->w.us->conn, "?", 1)));
  expect_message(&s->w, WSUV_PING, 0, "?", 1);
}

/* The next frame of the message; all that was given so far comes out of it. */
static void expect_all(struct stream *s, int fin) {
  struct frame frame = take_frame(&s->w);

  CHECK_INT(s->nframes == 0 ? WSUV_TEXT : WSUV_CONTINUATION, frame.opcode);
  CHECK_INT(s->nframes == 0 ? RSV1 : 0, frame.rsv);
  CHECK_INT(fin, frame.fin);
  s->nframes++;
  s->seen += unpack(&s->w, &frame, room + s->seen, sizeof room - s->seen);
  CHECK_BYTES(payload, s->given, room, s->seen);
}

/* The first chunk ends inside a character. */
static void play_stream(struct stream *s) {
  wsuv_conn_t *conn = s->w.us->conn;

  begin_unpacking(&s->w);
  s->nframes = 0;
  s->given = s->seen = 0;
  fill_text(payload, 20000);
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)));
  expect_nothing(s);
  give_chunk(s, 0, 0);
  give_chunk(s, 26, 0);
  give_chunk(s, 10, 0);
  expect_nothing(s);
  CHECK_ERR(WSUV_ESTATE, CALL(&s->w.lb, wsuv_conn_send_text(conn, payload, 100)));
  CHECK_ERR(WSUV_ESTATE, CALL(&s->w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)));
  give_chunk(s, 0, WSUV_SEND_FLUSH);
  expect_all(s, 0);
  give_chunk(s, 500, 0);
  give_chunk(s, 0, 0);
  expect_nothing(s);
  give_chunk(s, 1, WSUV_SEND_FLUSH);
  expect_all(s, 0);
  give_chunk(s, 0, WSUV_SEND_FLUSH); /* there is nothing left to be sent */
  expect_nothing(s);
  give_chunk(s, 700, 0);
  expect_nothing(s);
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_send_end(conn, payload + s->given, 100)));
  s->given += 100;
  expect_all(s, 1);
}

/* Ended without a last octet, and without any. */
static void play_short_streams(struct stream *s) {
  wsuv_conn_t *conn = s->w.us->conn;
  struct loopback *lb = &s->w.lb;

  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(conn, "short", 5, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(conn, NULL, 0)));
  expect_message(&s->w, WSUV_BINARY, RSV1, "short", 5);
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(conn, NULL, 0, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(conn, NULL, 0)));
  expect_message(&s->w, WSUV_BINARY, RSV1, "", 0);
}

/* covers: D009 PMD.2 PMS.1 PMS.2 PMS.3 PMS.4 PMS.5 PMS.6 PMS.7 CORE.8 */
static void streams_are_compressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    struct stream s;
    wire_begin(&s.w, roles[i % 2], i < 2 ? &dedicated : &shared);
    play_stream(&s);
    play_short_streams(&s);
    play_stream(&s);
    send_and_expect_compressed(&s.w);
    wire_close(&s.w);
  }
}

static void expect_plain_frame(struct wire *w, wsuv_opcode_t opcode, int fin, const char *text) {
  struct frame frame = take_frame(w);

  CHECK_INT(opcode, frame.opcode);
  CHECK_INT(0, frame.rsv);
  CHECK_INT(fin, frame.fin);
  CHECK_BYTES(text, strlen(text), frame.payload, frame.len);
}

static void a_stream_may_go_uncompressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct wire w;
    wsuv_conn_t *conn;
    wire_begin(&w, roles[i], &dedicated);
    conn = w.us->conn;
    send_and_expect_compressed(&w);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, WSUV_SEND_NO_COMPRESS)));
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, "secret", 6, 0)));
    expect_plain_frame(&w, WSUV_TEXT, 0, "secret");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, "secret", 6, WSUV_SEND_FLUSH)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 0, "secret");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(conn, "end", 3)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 1, "end");
    send_and_expect_compressed(&w);
    wire_close(&w);
  }
}

/* Judged by its first chunk, and not again. */
static void a_stream_of_noise_goes_uncompressed(void **state) {
  struct wire w;
  struct frame frame;
  wsuv_conn_t *conn;
  (void)state;
  wire_begin(&w, WSUV_SERVER, &shared);
  conn = w.us->conn;
  fill_noise(payload, 1000);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, payload, 1000, 0)));
  frame = take_frame(&w);
  CHECK_INT(0, frame.rsv);
  CHECK_BYTES(payload, 1000, frame.payload, frame.len);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(conn, "text text text text text text text", 34)));
  expect_plain_frame(&w, WSUV_CONTINUATION, 1, "text text text text text text text");
  send_and_expect_compressed(&w);
  wire_close(&w);
}

/* ---- what a peer may send ---- */

static void peer_frame(struct wire *w, int opcode, int rsv, int fin, const void *octets,
                       size_t len) {
  uint8_t *out = malloc(len + WSUV_FRAME_HEADER_MAX);
  size_t n;

  CHECK_NOT_NULL(out);
  n = frame_put(out, w->peer->role, (wsuv_opcode_t)opcode, octets, len);
  out[0] = (uint8_t)((fin ? 0x80 : 0) | rsv << 4 | opcode);
  raw_send(w->peer, out, n);
  free(out);
}

static void expect_heard(struct wire *w, unsigned n, const char *text) {
  RUN_UNTIL(&w->lb, w->us->n[EV_MESSAGE] == n || w->us->n[EV_CLOSE] > 0);
  CHECK_SIZE(0, w->us->n[EV_CLOSE]);
  CHECK_BYTES(text, strlen(text), w->us->payload, w->us->len);
}

#define OCTETS(text) text, sizeof(text) - 1

/* RFC 7692 7.2.3.1: "Hello"; with a NUL of C's behind it. */
static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07\x00";

/* 7.2.3.2: the same by a reference to the message before. */
static const char hello_again[] = "\xf2\x00\x11\x00\x00";

/* RFC 7692 7.2.3, and plain messages between compressed ones. covers: D015 D016 D053 D057 D058 D059 D060 D061 D062 PMD.7
 * PMD.8 PMD.10 PMD.15 */
static void run_received(wsuv_role_t role) {
  struct wire w;
  size_t i;

  wire_begin(&w, role, &dedicated);
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  expect_heard(&w, 1, "Hello");
  CHECK_INT(RSV1, wsuv_conn_message_rsv(w.us->conn));
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again));
  expect_heard(&w, 2, "Hello");
  peer_frame(&w, WSUV_TEXT, 0, 1, OCTETS("plain"));
  expect_heard(&w, 3, "plain");
  CHECK_INT(0, wsuv_conn_message_rsv(w.us->conn));
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"));
  expect_heard(&w, 4, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"));
  expect_heard(&w, 5, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1,
             OCTETS("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"));
  expect_heard(&w, 6, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\x00"));
  expect_heard(&w, 7, "");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(""));
  expect_heard(&w, 8, "");
  for (i = 0; i < 7; i++) { /* a fragment for each octet */
    peer_frame(&w, i == 0 ? WSUV_TEXT : WSUV_CONTINUATION, i == 0 ? RSV1 : 0, i == 6, hello + i, 1);
    if (i < 6)
      peer_frame(&w, WSUV_PING, 0, 1, "p", 1);
  }
  expect_heard(&w, 9, "Hello");
  CHECK_SIZE(6, w.us->n[EV_PING]);
  peer_frame(&w, WSUV_TEXT, 0, 0, OCTETS("pl"));
  peer_frame(&w, WSUV_CONTINUATION, 0, 1, OCTETS("ain"));
  expect_heard(&w, 10, "plain");
  CHECK_SIZE(8 * 5, stats_of(w.us).received_octets + 10);
  wire_close(&w);
}

static void both_kinds_are_received(void **state) {
  (void)state;
  run_received(WSUV_SERVER);
  run_received(WSUV_CLIENT);
}

/* Without context takeover no message can refer to what came before it, not even where both were decompressed by the same
 * context: it may have been somebody else's. covers: PMD.12 */
static void nothing_is_left_of_an_earlier_message(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct setup setup = {.role = roles[i], .deflate = &shared};
    struct wire w = {.act = NULL};
    if (roles[i] == WSUV_CLIENT)
      setup.element = "permessage-deflate; server_no_context_takeover";
    wire_open(&w, &setup);
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    expect_heard(&w, 1, "Hello");
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again));
    raw_expect_close(w.peer, 1007);
    CHECK_SIZE(1, w.us->n[EV_MESSAGE]);
    wire_close(&w);
  }
}

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

/* ---- what a hostile peer sends ---- */

static void note_piece(wsuv_conn_t *conn, wsuv_opcode_t type, const void *octets, size_t len,
                       int flags) {
  struct talker *t = wsuv_conn_data(conn);
  struct wire *w = wire_of(t);
  (void)octets;
  CHECK_INT(0, w->lb.in_call);
  CHECK_SIZE(0, t->n[EV_CLOSE]);
  CHECK_INT(0, w->is_stopped);
  CHECK_TRUE(type == WSUV_TEXT || type == WSUV_BINARY);
  CHECK_TRUE(len <= 65536);
  CHECK_TRUE(len > 0 || (flags & WSUV_FINAL) != 0);
  t->received += len;
  w->npieces++;
  w->nmessages += (flags & WSUV_FINAL) != 0;
  if (w->act != NULL && !w->acted) {
    w->us = t; /* it may come before anybody could ask */
    w->acted = 1;
    w->act(w);
  }
}

static wsuv_handler_t in_pieces(void) {
  wsuv_handler_t handler = talker_handler;
  handler.on_message = NULL;
  handler.on_fragment = note_piece;
  return handler;
}

static void send_8_mib(struct wire *w) {
  static const uint8_t zeros[8 * MIB];
  peer_frame(w, WSUV_BINARY, RSV1, 1, room,
             pack(room, sizeof room, zeros, sizeof zeros, CODEC_FINISH));
}

/* 1 MiB that becomes 1 GiB: a stream may be repeated behind its flush. */
static void send_1_gib(struct wire *w) {
  static const uint8_t zeros[MIB];
  size_t unit = pack(room, sizeof room, zeros, sizeof zeros, CODEC_FLUSH);
  uint8_t *all = malloc(1024 * unit);
  size_t i;

  CHECK_NOT_NULL(all);
  for (i = 0; i < 1024; i++)
    memcpy(all + i * unit, room, unit);
  peer_frame(w, WSUV_BINARY, RSV1, 1, all, 1024 * unit - 4);
  free(all);
}

/* In fragments without an end. */
static void send_empty_blocks(struct wire *w) {
  size_t i;

  for (i = 0; i < 100000; i += 5)
    memcpy(room + i, "\x00\x00\x00\xff\xff", 5);
  peer_frame(w, WSUV_BINARY, RSV1, 0, room, 50000);
  peer_frame(w, WSUV_CONTINUATION, 0, 0, room + 50000, 50000);
}

static void send_block_type_3(struct wire *w) {
  peer_frame(w, WSUV_BINARY, RSV1, 1, OCTETS("\x07\x00\x00"));
}

static void send_cut_stream(struct wire *w) {
  fill_text(payload, 1000);
  peer_frame(w, WSUV_TEXT, RSV1, 1, room, pack(room, sizeof room, payload, 1000, CODEC_FINISH) / 2);
}

static void send_far_distance(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again)); /* nothing came before */
}

/* The second fragment is wrong. */
static void send_late_fault(struct wire *w) {
  size_t n;
  fill_text(payload, 1000);
  n = pack(room, sizeof room, payload, 1000, CODEC_FLUSH);
  peer_frame(w, WSUV_TEXT, RSV1, 0, room, n);
  peer_frame(w, WSUV_CONTINUATION, 0, 1, OCTETS("\x07"));
}

static void send_bad_text(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 1, room, pack(room, sizeof room, "ab\xc3\x28", 4, CODEC_FINISH));
}

static void send_marked_continuation(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 0, hello, 3);
  peer_frame(w, WSUV_CONTINUATION, RSV1, 1, hello + 3, 4);
}

static void send_marked_continuation_of_plain(struct wire *w) {
  peer_frame(w, WSUV_TEXT, 0, 0, OCTETS("pl"));
  peer_frame(w, WSUV_CONTINUATION, RSV1, 1, OCTETS("ain"));
}

static void send_marked_ping(struct wire *w) {
  peer_frame(w, WSUV_PING, RSV1, 1, "p", 1);
}

static void send_rsv2(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1 | 2, 1, OCTETS(hello));
}

struct attack {
  const char *name;
  void (*send)(struct wire *w);
  int64_t max_message_size;
  int64_t max_ratio;
  size_t most; /* octets that pieces may bring */
  int code;
  int error;
};

static const struct attack attacks[] = {
    {"a bomb, message size", send_8_mib, 65536, 0, 65536, 1009, WSUV_EMSGSIZE},
    {"a bomb, small size", send_8_mib, 100, 0, 100, 1009, WSUV_EMSGSIZE},
    {"a bomb, ratio", send_8_mib, 0, 0, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb, large ratio", send_8_mib, 0, 1000, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb of 1 GiB", send_1_gib, 0, 0, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb of 1 GiB, size only", send_1_gib, 4 * MIB, WSUV_OFF, 4 * MIB, 1009, WSUV_EMSGSIZE},
    {"endless empty blocks", send_empty_blocks, 0, 0, 0, 1009, WSUV_ERATIO},
    {"endless empty blocks, any ratio", send_empty_blocks, 0, WSUV_OFF, 0, 1009, WSUV_ERATIO},
    {"a block of type 3", send_block_type_3, 0, 0, 0, 1007, WSUV_EPAYLOAD},
    {"a stream that stops short", send_cut_stream, 0, 0, 1000, 1007, WSUV_EPAYLOAD},
    {"a distance too far", send_far_distance, 0, 0, 1, 1007, WSUV_EPAYLOAD},
    {"a fault in the second fragment", send_late_fault, 0, 0, 1000, 1007, WSUV_EPAYLOAD},
    {"text that is none", send_bad_text, 0, 0, 2, 1007, WSUV_EENCODING},
    {"RSV1 on a continuation", send_marked_continuation, 0, 0, 5, 1002, WSUV_ERSV},
    {"RSV1 on a plain continuation", send_marked_continuation_of_plain, 0, 0, 2, 1002, WSUV_ERSV},
    {"RSV1 on a Ping", send_marked_ping, 0, 0, 0, 1002, WSUV_ERSV},
    {"RSV2 beside it", send_rsv2, 0, 0, 0, 1002, WSUV_ERSV},
};

/* A bomb must not become memory: what is kept is a message up to the limit, twice that while its buffer grows. */
static void check_memory(const struct wire *w, size_t before, int64_t limit) {
  size_t kept = limit > MIB ? (size_t)limit : MIB;
  CHECK_TRUE(w->lb.fa.peak_size - before < 3 * kept + MIB);
}

static void play_attack(const struct attack *attack, wsuv_role_t role, int pieces,
                        const wsuv_deflate_options_t *preset) {
  const wsuv_handler_t handler = in_pieces();
  wsuv_deflate_options_t o = *preset;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct setup setup = {.role = role, .deflate = &o, .conn = &conn};
  struct wire w = {.act = NULL};
  size_t before;

  o.max_ratio = attack->max_ratio;
  conn.max_message_size = attack->max_message_size;
  setup.handler = pieces ? &handler : NULL;
  wire_open(&w, &setup);
  before = w.lb.fa.outstanding_size;
  w.lb.fa.peak_size = before;
  attack->send(&w);
  raw_expect_close(w.peer, attack->code);
  raw_close_frame(w.peer, attack->code, NULL);
  raw_end(w.peer);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  CHECK_ERR(attack->error, w.us->end.error);
  CHECK_INT(attack->code, w.us->end.sent_code);
  CHECK_SIZE(0, w.us->n[EV_MESSAGE]);
  CHECK_INT(0, w.nmessages);
  CHECK_TRUE(w.us->received <= attack->most);
  check_memory(&w, before, attack->max_message_size);
  wire_close(&w);
}

/* covers: D005 D010 D011 D017 D018 D063 PER.17 PMD.11 PMD.13 W205 */
static void run_attack(const void *row) {
  size_t i;

  for (i = 0; i < 8; i++)
    play_attack(row, roles[i & 1], (i & 2) != 0, (i & 4) != 0 ? &shared : &dedicated);
}

/* ---- max_memory ---- */

/* The limit lets the first context be made. */
static void over_the_limit_messages_go_uncompressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    wsuv_deflate_options_t o = i < 2 ? dedicated : shared;
    struct wire w;
    o.max_memory = 1;
    wire_begin(&w, roles[i % 2], &o);
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    expect_heard(&w, 1, "Hello");
    fill_text(payload, 1000);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_text(w.us->conn, payload, 1000)));
    expect_message(&w, WSUV_TEXT, 0, payload, 1000);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(w.us->conn, WSUV_TEXT, 0)));
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(w.us->conn, "begun", 5, 0)));
    expect_plain_frame(&w, WSUV_TEXT, 0, "begun");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(w.us->conn, "end", 3)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 1, "end");
    CHECK_SIZE(0, stats_of(w.us).sent_octets);
    wire_close(&w);
  }
}

static void over_the_limit_a_compressed_message_ends_the_connection(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    wsuv_deflate_options_t o = i < 2 ? dedicated : shared;
    struct wire w;
    o.max_memory = 1;
    wire_begin(&w, roles[i % 2], &o);
    send_and_expect_compressed(&w);
    peer_frame(&w, WSUV_TEXT, 0, 1, OCTETS("plain"));
    expect_heard(&w, 1, "plain");
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    raw_expect_close(w.peer, 1011);
    raw_close_frame(w.peer, 1011, NULL);
    raw_end(w.peer);
    RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
    CHECK_ERR(WSUV_ENOMEM, w.us->end.error);
    CHECK_SIZE(1, w.us->n[EV_MESSAGE]);
    wire_close(&w);
  }
}

/* ---- callbacks that end and stop things, with more of the same behind ---- */

/* A long compressed message, a Ping, a compressed one in two frames, a plain one and a Close: in one segment. */
#define LONG_LEN 100000u

static size_t put_marked(uint8_t *out, wsuv_role_t from, int opcode, int rsv, int fin,
                         const void *octets, size_t len) {
  size_t n = frame_put(out, from, (wsuv_opcode_t)opcode, octets, len);
  out[0] = (uint8_t)((fin ? 0x80 : 0) | rsv << 4 | opcode);
  return n;
}

static size_t put_play(uint8_t *out, wsuv_role_t from) {
  size_t n;

  fill_text(payload, LONG_LEN);
  n = pack(room, sizeof room, payload, LONG_LEN, CODEC_FINISH);
  n = put_marked(out, from, WSUV_TEXT, RSV1, 1, room, n);
  n += frame_put(out + n, from, WSUV_PING, "p", 1);
  n += put_marked(out + n, from, WSUV_TEXT, RSV1, 0, hello, 3);
  n += put_marked(out + n, from, WSUV_CONTINUATION, 0, 1, hello + 3, 4);
  n += frame_put(out + n, from, WSUV_TEXT, "plain", 5);
  return n + frame_put(out + n, from, WSUV_CLOSE, "\x03\xe9", 2);
}

static void act_send(struct wire *w) {
  wsuv_conn_t *conn = w->us->conn;
  static uint8_t text[3000];

  fill_text(text, sizeof text);
  (void)CALL(&w->lb, wsuv_conn_send_text(conn, text, sizeof text));
  if (CALL(&w->lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)) != 0)
    return;
  (void)CALL(&w->lb, wsuv_conn_send_chunk(conn, text, 1000, 0));
  (void)CALL(&w->lb, wsuv_conn_send_chunk(conn, text, 1000, WSUV_SEND_FLUSH));
  (void)CALL(&w->lb, wsuv_conn_ping(conn, "!", 1));
  (void)CALL(&w->lb, wsuv_conn_send_end(conn, text, 1000));
}

static void act_close(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_close(w->us->conn, 4000, NULL)));
}

static void act_terminate(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_terminate(w->us->conn));
}

static void act_loop_close(struct wire *w) {
  loopback_end(&w->lb);
}

static void act_send_and_close(struct wire *w) {
  act_send(w);
  act_close(w);
}

static void act_send_and_terminate(struct wire *w) {
  act_send(w);
  act_terminate(w);
}

/* The message that was begun is cut off. */
static void act_begin_and_close(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_begin(w->us->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_chunk(w->us->conn, "held back", 9, 0)));
  act_close(w);
}

static void act_begin_and_terminate(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_begin(w->us->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_chunk(w->us->conn, "held back", 9, 0)));
  act_terminate(w);
}

static void act_stop_and_start(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_read_stop(w->us->conn));
  CALL_VOID(&w->lb, wsuv_conn_read_start(w->us->conn));
}

static void act_stop(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_read_stop(w->us->conn));
  w->is_stopped = 1;
}

static const struct {
  const char *name;
  void (*act)(struct wire *w);
  int ends; /* at once: nothing of what is behind is heard */
} acts[] = {
    {"nothing", NULL, 0},
    {"send", act_send, 0},
    {"close", act_close, 0},
    {"terminate", act_terminate, 1},
    {"loop_close", act_loop_close, 1},
    {"send and close", act_send_and_close, 0},
    {"send and terminate", act_send_and_terminate, 1},
    {"begin and close", act_begin_and_close, 0},
    {"begin and terminate", act_begin_and_terminate, 1},
    {"read_stop and start", act_stop_and_start, 0},
    {"read_stop", act_stop, 0},
};
#define NACTS (sizeof acts / sizeof acts[0])

enum where { ON_OPEN, ON_MESSAGE, ON_SECOND, ON_FRAGMENT, ON_PING_BETWEEN, ON_CLOSE, NWHERES };

static const char *const where_names[NWHERES] = {"on_open",     "on_message", "a second on_message",
                                                 "on_fragment", "on_ping",    "on_close"};

static enum where where_now;

static void act_here(struct talker *t, enum event event) {
  struct wire *w = wire_of(t);
  int is_here = (where_now == ON_OPEN && event == EV_OPEN) ||
                (where_now == ON_MESSAGE && event == EV_MESSAGE) ||
                (where_now == ON_SECOND && event == EV_MESSAGE && t->n[EV_MESSAGE] == 2) ||
                (where_now == ON_PING_BETWEEN && event == EV_PING) ||
                (where_now == ON_CLOSE && event == EV_CLOSE);

  CHECK_TRUE(!w->is_stopped || event == EV_CLOSE);
  if (!is_here || w->act == NULL || w->acted)
    return;
  w->us = t;
  w->acted = 1;
  if (where_now == ON_CLOSE) { /* too late for all of it, and harmless */
    (void)CALL(t->lb, wsuv_conn_send_text(t->conn, "late late late late", 19));
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
    CALL_VOID(t->lb, wsuv_conn_read_start(t->conn));
    return;
  }
  w->act(w);
}

struct row {
  const char *name;
  size_t act;
  enum where where;
};

static void go_on(struct wire *w) {
  unsigned heard = w->us->n[EV_MESSAGE] + (unsigned)w->npieces;

  turn_often(&w->lb);
  CHECK_SIZE(heard, w->us->n[EV_MESSAGE] + (unsigned)w->npieces);
  w->is_stopped = 0;
  CALL_VOID(&w->lb, wsuv_conn_read_start(w->us->conn));
}

static void check_heard(const struct wire *w, const struct row *row) {
  size_t all = LONG_LEN + 5 + 5;

  if (!acts[row->act].ends || row->where == ON_CLOSE) {
    CHECK_SIZE(all, w->us->received);
    CHECK_SIZE(1, w->us->n[EV_PING]);
    CHECK_INT(1001, w->us->end.code);
    return;
  }
  CHECK_TRUE(w->us->received <= LONG_LEN + (row->where == ON_SECOND ? 5 : 0));
  if (row->where == ON_FRAGMENT)
    CHECK_INT(1, w->npieces);
  if (row->where == ON_OPEN)
    CHECK_SIZE(0, w->us->received);
}

static void play_row(const struct row *row, wsuv_role_t role,
                     const wsuv_deflate_options_t *preset) {
  static uint8_t bytes[2 * MIB];
  const wsuv_handler_t handler = in_pieces();
  struct setup setup = {.role = role, .deflate = preset, .on_event = act_here, .early = bytes};
  struct wire w;

  memset(&w, 0, sizeof w);
  w.act = acts[row->act].act;
  where_now = row->where;
  setup.handler = row->where == ON_FRAGMENT ? &handler : NULL;
  setup.early_len = put_play(bytes, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER);
  wire_open(&w, &setup);
  RUN_UNTIL(&w.lb, w.acted || w.act == NULL || where_now == ON_CLOSE);
  if (w.is_stopped)
    go_on(&w);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1 || w.peer->in_len > w.peer->at);
  raw_end(w.peer);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  check_heard(&w, row);
  wire_close(&w);
}

/* covers: UV.15 */
static void run_row(const void *row) {
  size_t i;

  for (i = 0; i < 4; i++)
    play_row(row, roles[i & 1], (i & 2) != 0 ? &shared : &dedicated);
}

static int run_rows(void) {
  static struct row rows[NACTS * NWHERES];
  static char names[NACTS * NWHERES][64];
  size_t i;

  for (i = 0; i < NACTS * NWHERES; i++) {
    rows[i].act = i % NACTS;
    rows[i].where = (enum where)(i / NACTS);
    (void)snprintf(names[i], sizeof names[i], "%s in %s", acts[i % NACTS].name,
                   where_names[i / NACTS]);
    rows[i].name = names[i];
  }
  return CHECK_RUN_TABLE("callbacks amid compressed messages", rows, run_row);
}

/* The peer is gone when the application reads on: what it sent comes out all the same, and its end behind it. A Ping behind
 * the message is answered at once; without it there is nothing but what the decoder has. */
static void end_while_stopped(wsuv_role_t role, int pieces, int with_ping) {
  static uint8_t bytes[LONG_LEN];
  const wsuv_handler_t handler = in_pieces();
  struct setup setup = {.role = role, .deflate = &shared, .on_event = act_here, .early = bytes};
  struct wire w = {.act = act_stop};
  size_t n;

  fill_text(payload, LONG_LEN);
  n = pack(room, sizeof room, payload, LONG_LEN, CODEC_FINISH);
  setup.early_len = put_marked(bytes, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER, WSUV_TEXT,
                               RSV1, 1, room, n);
  setup.handler = pieces ? &handler : NULL;
  where_now = pieces ? ON_FRAGMENT : ON_OPEN;
  wire_open(&w, &setup);
  RUN_UNTIL(&w.lb, w.is_stopped);
  if (with_ping) {
    raw_frame(w.peer, WSUV_PING, "?", 1);
    raw_expect_frame(w.peer, WSUV_PONG, "?", 1);
  }
  raw_end(w.peer);
  go_on(&w);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  CHECK_SIZE(LONG_LEN, w.us->received);
  CHECK_ERR(WSUV_EABNORMAL, w.us->end.error);
  wire_close(&w);
}

static void the_end_waits_behind_what_is_compressed(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 8; i++)
    end_while_stopped(roles[i & 1], (i & 2) != 0, (i & 4) != 0);
}

/* ---- the way back to the stream ---- */

struct leaver {
  struct loopback lb; /* first */
  wsuv_deflate_t *deflate;
  struct host host;
  struct given given;
  struct raw peer;
  int is_begun; /* a message of ours is under way */
  int result;
  int ndetached;
  char leftover[32];
};

static void on_detached(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  struct talker *t = wsuv_conn_data(conn);
  struct leaver *l = WSUV__LIST_ENTRY(t->lb, struct leaver, lb);

  CHECK_PTR(l->given.stream, stream);
  CHECK_TRUE(len < sizeof l->leftover);
  memcpy(l->leftover, leftover, len);
  l->ndetached++;
}

static void leave_on_message(struct talker *t, enum event event) {
  struct leaver *l = WSUV__LIST_ENTRY(t->lb, struct leaver, lb);

  if (event != EV_MESSAGE || t->n[EV_MESSAGE] != 2)
    return;
  fill_text(payload, 1000);
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(t->conn, payload, 1000)));
  if (l->is_begun) {
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_begin(t->conn, WSUV_TEXT, 0)));
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_chunk(t->conn, "held back", 9, 0)));
  }
  l->result = CALL(t->lb, wsuv_conn_detach(t->conn, on_detached));
}

static void open_leaver(struct leaver *l, const wsuv_deflate_options_t *preset) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(0, NULL, 0);
  const wsuv_extension_t *extension;

  loopback_open(&l->lb);
  l->deflate = make_deflate(&l->lb, preset);
  extension = wsuv_deflate_extension(l->deflate);
  options.extensions = &extension;
  options.nextensions = 1;
  host_init(&l->host, &l->lb);
  l->host.on_event = leave_on_message;
  CHECK_ERR(0, host_create(&l->host, &options));
  CHECK_INT(0, given_open(&l->given, &l->peer, &l->lb, GIVEN_TCP));
  CHECK_ERR(0, CALL(&l->lb, wsuv_server_adopt(l->host.server, l->given.stream, &adopt)));
}

static void close_leaver(struct leaver *l) {
  loopback_end(&l->lb);
  RUN_UNTIL(&l->lb, l->lb.loop_closed);
  wsuv_deflate_free(l->deflate);
  given_close(&l->given);
  loopback_close(&l->lb);
}

/* Two compressed messages, the second of which is the last, and octets that are none of WebSocket's. */
static void play_leaver(int is_begun, const wsuv_deflate_options_t *preset) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
  uint8_t bytes[400];
  size_t len = sizeof request - 1;
  struct leaver l;
  wsuv_frame_header_t header;
  const uint8_t *octets;

  memset(&l, 0, sizeof l);
  l.is_begun = is_begun;
  open_leaver(&l, preset);
  memcpy(bytes, request, len);
  len += put_marked(bytes + len, WSUV_CLIENT, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  len += put_marked(bytes + len, WSUV_CLIENT, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  memcpy(bytes + len, "not a frame", 11);
  raw_send(&l.peer, bytes, len + (is_begun ? 0 : 11));
  RUN_UNTIL(&l.lb, raw_took_head(&l.peer));
  RUN_UNTIL(&l.lb, raw_took_frame(&l.peer, &header, &octets));
  CHECK_INT(RSV1, header.rsv);
  CHECK_ERR(is_begun ? WSUV_ESTATE : 0, l.result);
  if (!is_begun) {
    RUN_UNTIL(&l.lb, l.host.talkers[0]->n[EV_CLOSE] == 1);
    CHECK_STR("not a frame", l.leftover);
    CHECK_STR("ommc", l.host.talkers[0]->log);
    CHECK_ERR(0, l.host.talkers[0]->end.error);
  }
  CHECK_INT(!is_begun, l.ndetached);
  close_leaver(&l);
}

static void a_connection_is_detached(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 4; i++)
    play_leaver(i & 1, (i & 2) != 0 ? &shared : &dedicated);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_application_declines_it),
      cmocka_unit_test(a_side_without_it_gets_plain_messages),
      cmocka_unit_test(a_server_refuses_the_settings),
      cmocka_unit_test(a_client_refuses_the_settings),
      cmocka_unit_test(control_frames_are_never_compressed),
      cmocka_unit_test(what_is_refused_leaves_the_context_as_it_was),
      cmocka_unit_test(streams_are_compressed),
      cmocka_unit_test(a_stream_may_go_uncompressed),
      cmocka_unit_test(a_stream_of_noise_goes_uncompressed),
      cmocka_unit_test(both_kinds_are_received),
      cmocka_unit_test(nothing_is_left_of_an_earlier_message),
      cmocka_unit_test(the_offer_that_is_answered_counts),
      cmocka_unit_test(over_the_limit_messages_go_uncompressed),
      cmocka_unit_test(over_the_limit_a_compressed_message_ends_the_connection),
      cmocka_unit_test(the_end_waits_behind_what_is_compressed),
      cmocka_unit_test(a_connection_is_detached),
  };
  int failures = CHECK_RUN_TABLE("negotiated", deals, run_deal);

  failures += CHECK_RUN_TABLE("choice", choices, run_choice);
  failures += CHECK_RUN_TABLE("hostile", attacks, run_attack);
  failures += run_rows();
  failures += cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
  return failures;
}
