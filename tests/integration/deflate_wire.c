#include "integration/deflate_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;

const wsuv_role_t roles[2] = {WSUV_SERVER, WSUV_CLIENT};

uint8_t wire_payload[MIB];
uint8_t wire_room[2 * MIB];

/* RFC 7692 7.2.3.1: "Hello"; with a NUL of C's behind it. */
const char hello[8] = "\xf2\x48\xcd\xc9\xc9\x07\x00";

/* 7.2.3.2: the same by a reference to the message before. */
const char hello_again[6] = "\xf2\x00\x11\x00\x00";

/* ---- payloads ---- */

/* Numbered lines of UTF-8: about a tenth is left of them. */
void fill_text(uint8_t *out, size_t len) {
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

/* The octets of an endless text from `at` on: numbered lines of 64. */
void put_text(uint8_t *out, uint64_t at, size_t len) {
  char line[] = "0000000000 a line of a log that says the same as all the others\n";

  while (len > 0) {
    size_t column = (size_t)(at % 64);
    size_t n = 64 - column < len ? 64 - column : len;
    uint64_t number = at / 64;
    int i;
    for (i = 9; i >= 0; i--, number /= 10)
      line[i] = (char)('0' + number % 10);
    memcpy(out, line + column, n);
    out += n;
    at += n;
    len -= n;
  }
}

/* What nothing can compress. */
void fill_noise(uint8_t *out, size_t len) {
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
size_t pack(uint8_t *out, size_t size, const void *in, size_t len, enum wsuv__codec_end end) {
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

void turn_often(struct loopback *lb) {
  int i;
  for (i = 0; i < 50; i++)
    (void)uv_run(&lb->uv, UV_RUN_NOWAIT);
}

wsuv_deflate_t *make_deflate(struct loopback *lb, const wsuv_deflate_options_t *options) {
  wsuv_deflate_options_t o = *options;
  wsuv_deflate_t *deflate;

  o.allocator = &lb->fa.allocator;
  CHECK_ERR(0, wsuv_deflate_new(&deflate, &o));
  CHECK_SIZE(0, wsuv_deflate_memory(deflate));
  return deflate;
}

wsuv_deflate_params_t params_of(const struct talker *t) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(t->conn, 0);
  wsuv_deflate_params_t params;

  CHECK_SIZE(1, wsuv_conn_nextensions(t->conn));
  CHECK_ERR(0, wsuv_deflate_params(&negotiated, &params));
  return params;
}

wsuv_deflate_stats_t stats_of(const struct talker *t) {
  wsuv_negotiated_t negotiated = wsuv_conn_extension_at(t->conn, 0);
  wsuv_deflate_stats_t stats;

  CHECK_ERR(0, wsuv_deflate_stats(&negotiated, &stats));
  return stats;
}

void check_params(const wsuv_deflate_params_t *expected, wsuv_deflate_params_t actual) {
  CHECK_INT(expected->deflate_max_window_bits, actual.deflate_max_window_bits);
  CHECK_INT(expected->inflate_max_window_bits, actual.inflate_max_window_bits);
  CHECK_INT(expected->deflate_no_context_takeover, actual.deflate_no_context_takeover);
  CHECK_INT(expected->inflate_no_context_takeover, actual.inflate_no_context_takeover);
}

/* ---- one side of ours, and a peer made by hand that compresses ---- */

struct wire *wire_of(struct talker *t) {
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

void wire_open(struct wire *w, const struct setup *setup) {
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

void wire_begin(struct wire *w, wsuv_role_t role, const wsuv_deflate_options_t *deflate) {
  struct setup setup = {.role = role, .deflate = deflate};
  memset(w, 0, sizeof *w);
  wire_open(w, &setup);
}

void wire_close(struct wire *w) {
  loopback_end(&w->lb);
  RUN_UNTIL(&w->lb, w->lb.loop_closed);
  wsuv_deflate_free(w->deflate);
  wsuv__inflater_free(w->inflater);
  loopback_close(&w->lb);
}

/* ---- what the peer sees ---- */

struct frame take_frame(struct wire *w) {
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
size_t unpack(struct wire *w, const struct frame *frame, uint8_t *out, size_t size) {
  wsuv_extension_step_t step = {
      .in = frame->payload, .in_len = frame->len, .out = out, .out_len = size};

  CHECK_INT(WSUV_STEP_DONE, wsuv__inflater_run(w->inflater, &step, frame->fin));
  return size - step.out_len;
}

/* Without context takeover a message refers to nothing before it. */
void begin_unpacking(struct wire *w) {
  if (w->setup.deflate->params.deflate_no_context_takeover)
    wsuv__inflater_reset(w->inflater);
}

void expect_message(struct wire *w, wsuv_opcode_t type, int rsv, const void *expected, size_t len) {
  struct frame frame = take_frame(w);

  CHECK_INT(type, frame.opcode);
  CHECK_INT(1, frame.fin);
  CHECK_INT(rsv, frame.rsv);
  if (rsv == 0) {
    CHECK_BYTES(expected, len, frame.payload, frame.len);
    return;
  }
  begin_unpacking(w);
  CHECK_BYTES(expected, len, wire_room, unpack(w, &frame, wire_room, sizeof wire_room));
}

void send_and_expect_compressed(struct wire *w) {
  fill_text(wire_payload, 2000);
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_text(w->us->conn, wire_payload, 2000)));
  expect_message(w, WSUV_TEXT, RSV1, wire_payload, 2000);
}

void peer_frame(struct wire *w, int opcode, int rsv, int fin, const void *octets, size_t len) {
  uint8_t *out = malloc(len + WSUV_FRAME_HEADER_MAX);
  size_t n;

  CHECK_NOT_NULL(out);
  n = frame_put(out, w->peer->role, (wsuv_opcode_t)opcode, octets, len);
  out[0] = (uint8_t)((fin ? 0x80 : 0) | rsv << 4 | opcode);
  raw_send(w->peer, out, n);
  free(out);
}

void expect_heard(struct wire *w, unsigned n, const char *text) {
  RUN_UNTIL(&w->lb, w->us->n[EV_MESSAGE] == n || w->us->n[EV_CLOSE] > 0);
  CHECK_SIZE(0, w->us->n[EV_CLOSE]);
  CHECK_BYTES(text, strlen(text), w->us->payload, w->us->len);
}

void expect_plain_frame(struct wire *w, wsuv_opcode_t opcode, int fin, const char *text) {
  struct frame frame = take_frame(w);

  CHECK_INT(opcode, frame.opcode);
  CHECK_INT(0, frame.rsv);
  CHECK_INT(fin, frame.fin);
  CHECK_BYTES(text, strlen(text), frame.payload, frame.len);
}

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

wsuv_handler_t wire_in_pieces(void) {
  wsuv_handler_t handler = talker_handler;
  handler.on_message = NULL;
  handler.on_fragment = note_piece;
  return handler;
}
