/* permessage-deflate over real sockets: one side of ours, and a peer made by hand that compresses. */
#ifndef WSUV_TESTS_DEFLATE_WIRE_H
#define WSUV_TESTS_DEFLATE_WIRE_H

#include "deflate/codec.h"
#include "integration/raw_peer.h"
#include "wsuv/deflate.h"

#define MIB  (1024u * 1024)
#define RSV1 4

/* Text of octets, and how many there are. */
#define OCTETS(text) text, sizeof(text) - 1

/* The presets. */
extern const wsuv_deflate_options_t shared;
extern const wsuv_deflate_options_t dedicated;

/* Rows are played by both. */
extern const wsuv_role_t roles[2];

/* What is sent, and what came of it. */
extern uint8_t wire_payload[MIB];
extern uint8_t wire_room[2 * MIB];

/* "Hello" as RFC 7692 7.2.3.1 has it, and as a reference to that (7.2.3.2); with a NUL of C's behind it. */
extern const char hello[8];
extern const char hello_again[6];

/* Numbered lines of UTF-8: about a tenth is left of them. */
void fill_text(uint8_t *out, size_t len);

/* The octets of an endless text from `at` on: numbered lines of 64. */
void put_text(uint8_t *out, uint64_t at, size_t len);

/* What nothing can compress. */
void fill_noise(uint8_t *out, size_t len);

/* One message as a peer compresses it that has no earlier one to refer to; returns its length. */
size_t pack(uint8_t *out, size_t size, const void *in, size_t len, enum wsuv__codec_end end);

/* Lets happen what can. */
void turn_often(struct loopback *lb);

/* ---- what was negotiated ---- */

/* With the loop's memory, which is counted. */
wsuv_deflate_t *make_deflate(struct loopback *lb, const wsuv_deflate_options_t *options);

wsuv_deflate_params_t params_of(const struct talker *t);
wsuv_deflate_stats_t stats_of(const struct talker *t);
void check_params(const wsuv_deflate_params_t *expected, wsuv_deflate_params_t actual);

/* ---- the two sides ---- */

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

struct wire *wire_of(struct talker *t);

/* `act` is kept. */
void wire_open(struct wire *w, const struct setup *setup);
void wire_begin(struct wire *w, wsuv_role_t role, const wsuv_deflate_options_t *deflate);
void wire_close(struct wire *w);

/* ---- what the peer sees ---- */

struct frame {
  int opcode;
  int rsv;
  int fin;
  const uint8_t *payload; /* valid until more is received */
  size_t len;
};

struct frame take_frame(struct wire *w);

/* Decompresses behind what was decompressed before; returns how much came of it. */
size_t unpack(struct wire *w, const struct frame *frame, uint8_t *out, size_t size);

/* Without context takeover a message refers to nothing before it. */
void begin_unpacking(struct wire *w);

/* One frame with this message, compressed if `rsv` says so. */
void expect_message(struct wire *w, wsuv_opcode_t type, int rsv, const void *expected, size_t len);
void expect_plain_frame(struct wire *w, wsuv_opcode_t opcode, int fin, const char *text);
void send_and_expect_compressed(struct wire *w);

/* Counts pieces and messages in place of on_message. */
wsuv_handler_t wire_in_pieces(void);

/* ---- what the peer sends ---- */

void peer_frame(struct wire *w, int opcode, int rsv, int fin, const void *octets, size_t len);

/* The n-th message of ours is that text. */
void expect_heard(struct wire *w, unsigned n, const char *text);

#endif
