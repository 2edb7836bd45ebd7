/* Extensions in an endpoint: claims, transforms in both directions and at any split, pauses, limits, failures. */
#include "proto/extensions.h"

#include <string.h>

#include "proto/endpoint.h"
#include "proto/endpoint_policy.h"
#include "proto/outbox_entry.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/toy_extension.h"
#include "wsuv/endpoint.h"

enum { SEEN_MAX = 1 << 20 };

/* An endpoint, and what it was given. */
struct side {
  wsuv_endpoint_t *ep;
  uint8_t seen[SEEN_MAX]; /* the message so far, or the last one */
  size_t nseen;
  int nmessages;
  int npieces;
  int type;
  int rsv;
  int pause; /* after each event */
  int ncontrols;
};

static int send_request(struct wsuv_endpoint *ep, struct wsuv__outbox_entry *request,
                        wsuv_opcode_t type, const void *payload, size_t len, int flags) {
  struct wsuv__whole whole = {
      .type = type, .payload = payload, .len = len, .flags = flags, .request = request};
  return wsuv__endpoint_send_whole(ep, &whole);
}

static struct side client;
static struct side server;

static void take(struct side *side, wsuv_opcode_t type, const uint8_t *payload, size_t len,
                 int flags) {
  if ((flags & WSUV_FIRST) != 0)
    side->nseen = 0;
  CHECK_TRUE(len <= SEEN_MAX - side->nseen);
  if (len > 0)
    memcpy(side->seen + side->nseen, payload, len);
  side->nseen += len;
  side->npieces++;
  side->nmessages += (flags & WSUV_FINAL) != 0;
  side->type = (int)type;
  side->rsv = wsuv_endpoint_message_rsv(side->ep);
  if (side->pause)
    wsuv_endpoint_pause(side->ep);
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  take(data, type, payload, len, flags);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  take(data, type, payload, len, WSUV_FIRST | WSUV_FINAL);
}

static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  struct side *side = data;
  CHECK_INT(13, opcode);
  CHECK_TRUE(len == 0 || payload[0] != 't');
  side->ncontrols++;
}

static const wsuv_endpoint_handler_t whole = {
    .size = sizeof whole, .on_message = on_message, .on_control = on_control};
static const wsuv_endpoint_handler_t pieces = {
    .size = sizeof pieces, .on_fragment = on_fragment, .on_control = on_control};
static const wsuv_endpoint_handler_t no_control = {.size = sizeof no_control,
                                                   .on_message = on_message};

static uint8_t next_random;

static int count_up(void *arg, void *buf, size_t len) {
  uint8_t *octets = buf;
  (void)arg;
  while (len-- > 0)
    *octets++ = ++next_random;
  return 0;
}

struct setup {
  const wsuv_extension_t *const *extensions;
  size_t n;
  const wsuv_endpoint_handler_t *handler;
  const wsuv_allocator_t *allocator;
  int64_t max_message_size;
};

/* 0, or the error of new; then the sessions were the caller's still, and are ended here. */
static int open_side(struct side *side, wsuv_role_t role, const struct setup *setup) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_options_t options = defaults;
  wsuv_negotiated_t negotiated[4];
  size_t i;
  int err;
  for (i = 0; i < setup->n; i++) {
    negotiated[i].extension = setup->extensions[i];
    negotiated[i].session = toy_session_new();
  }
  memset(side, 0, offsetof(struct side, seen));
  side->nseen = 0;
  side->nmessages = side->npieces = side->type = side->rsv = side->pause = side->ncontrols = 0;
  options.random = count_up;
  options.extensions = negotiated;
  options.nextensions = setup->n;
  options.allocator = setup->allocator;
  options.max_message_size = setup->max_message_size;
  err = wsuv_endpoint_new(&side->ep, &options, setup->handler, side);
  for (i = 0; err != 0 && i < setup->n; i++)
    negotiated[i].extension->end(negotiated[i].extension, negotiated[i].session);
  return err;
}

static int open_both(const struct setup *setup) {
  int err = open_side(&client, WSUV_CLIENT, setup);
  if (err != 0)
    return err;
  err = open_side(&server, WSUV_SERVER, setup);
  if (err != 0)
    wsuv_endpoint_free(client.ep);
  return err;
}

static void close_both(void) {
  wsuv_endpoint_free(client.ep);
  wsuv_endpoint_free(server.ep);
  CHECK_INT(0, toy_sessions_alive());
}

/* Gives `to` what `from` sent, in pieces of `piece` octets, resuming after each. The first error counts. */
static int transfer(struct side *from, struct side *to, size_t piece) {
  int err = 0;
  for (;;) {
    uint8_t octets[4096];
    wsuv_span_t span;
    size_t len;
    if (wsuv_endpoint_output(from->ep, &span, 1) == 0)
      return err;
    len = span.len < piece ? span.len : piece;
    if (len > sizeof octets)
      len = sizeof octets;
    memcpy(octets, span.data, len);
    wsuv_endpoint_output_done(from->ep, len);
    if (err == 0)
      err = wsuv_endpoint_receive(to->ep, octets, len);
    while (err == 0 && to->ep->delivery == DELIVERY_PAUSED) {
      int before = to->npieces;
      err = wsuv_endpoint_resume(to->ep);
      CHECK_TRUE(to->npieces <= before + 1); /* a pause lets nothing more through */
    }
  }
}

/* ---- claims ---- */

static const wsuv_extension_t *const none[] = {NULL};
static const wsuv_extension_t *const runs[] = {&toy_runs};
static const wsuv_extension_t *const count[] = {&toy_count};
static const wsuv_extension_t *const flip_case[] = {&toy_case};
static const wsuv_extension_t *const opcodes[] = {&toy_opcodes};
static const wsuv_extension_t *const runs_count[] = {&toy_runs, &toy_count};
static const wsuv_extension_t *const count_runs[] = {&toy_count, &toy_runs};
static const wsuv_extension_t *const all[] = {&toy_case, &toy_count, &toy_runs, &toy_opcodes};
static const wsuv_extension_t *const stuck[] = {&toy_stuck};

/* covers: HSK.2 FRM.16 ERR.19 W098 */
static void what_is_claimed_twice_or_wrongly_is_refused(void **state) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  static const struct {
    int rsv[2];
    unsigned opcodes[2];
    int app_rsv;
    unsigned app_opcodes;
    int err;
  } rows[] = {
      {{4, 2}, {0, 0}, 1, 0, 0},
      {{4, 4}, {0, 0}, 0, 0, WSUV_ECLAIM},
      {{6, 3}, {0, 0}, 0, 0, WSUV_ECLAIM},
      {{4, 0}, {0, 0}, 4, 0, WSUV_ECLAIM},
      {{0, 0}, {1u << 3, 1u << 3}, 0, 0, WSUV_ECLAIM},
      {{0, 0}, {1u << 3, 1u << 11}, 0, 1u << 15, 0},
      {{0, 0}, {1u << 15, 0}, 0, 1u << 15, WSUV_ECLAIM},
      {{8, 0}, {0, 0}, 0, 0, WSUV_EINVAL},
      {{-1, 0}, {0, 0}, 0, 0, WSUV_EINVAL},
      {{0, 0}, {1u << 2, 0}, 0, 0, WSUV_EINVAL},
      {{0, 0}, {0, 1u << 8}, 0, 0, WSUV_EINVAL},
      {{0, 0}, {1u << 16, 0}, 0, 0, WSUV_EINVAL},
      {{0, 0}, {0, 0}, 8, 0, WSUV_EINVAL},
      {{0, 0}, {0, 0}, -1, 0, WSUV_EINVAL},
      {{0, 0}, {0, 0}, 0, 1u << 1, WSUV_EINVAL},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    wsuv_extension_t a = {.size = sizeof a, .token = "a"};
    wsuv_extension_t b = {.size = sizeof b, .token = "b"};
    wsuv_negotiated_t both[2] = {{&a, NULL}, {&b, NULL}};
    wsuv_endpoint_options_t options = defaults;
    wsuv_endpoint_t *ep;
    a.rsv = rows[i].rsv[0];
    b.rsv = rows[i].rsv[1];
    a.opcodes = rows[i].opcodes[0];
    b.opcodes = rows[i].opcodes[1];
    options.rsv = rows[i].app_rsv;
    options.opcodes = rows[i].app_opcodes;
    options.extensions = both;
    options.nextensions = 2;
    CHECK_ERR(rows[i].err, wsuv_endpoint_new(&ep, &options, &whole, NULL));
    CHECK_INT(rows[i].err == 0, ep != NULL);
    wsuv_endpoint_free(ep);
  }
}

static void *unfold_none(const wsuv_extension_t *extension, const void *example, const void *kept) {
  (void)extension;
  (void)example;
  (void)kept;
  return NULL;
}

static void a_description_that_is_none_is_refused(void **state) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_extension_t broken = {.size = sizeof broken - 1, .token = "a"};
  wsuv_negotiated_t one = {&broken, NULL};
  wsuv_endpoint_t *ep;
  (void)state;
  options.extensions = &one;
  options.nextensions = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &whole, NULL));
  broken.size = sizeof broken;
  broken.token = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &whole, NULL));
  broken.token = "a";
  broken.unfold = unfold_none;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &whole, NULL)); /* without fold */
  one.extension = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &whole, NULL));
  options.extensions = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &whole, NULL));
}

/* ---- there and back ---- */

struct round_trip {
  const char *name;
  const wsuv_extension_t *const *extensions;
  size_t n;
  wsuv_opcode_t type;
};

static const struct round_trip round_trips[] = {
    {"runs", runs, 1, WSUV_TEXT},
    {"count", count, 1, WSUV_TEXT},
    {"case", flip_case, 1, WSUV_BINARY},
    {"opcodes, another's message", opcodes, 1, WSUV_TEXT},
    {"opcodes", opcodes, 1, (wsuv_opcode_t)5},
    {"runs, count", runs_count, 2, WSUV_BINARY},
    {"count, runs", count_runs, 2, WSUV_TEXT},
    {"all", all, 4, WSUV_TEXT},
    {"all, opcode 5", all, 4, (wsuv_opcode_t)5},
};

/* Text of runs of every length, one octet long at least. */
static size_t make_payload(uint8_t *out, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    out[i] = (uint8_t)('a' + (i * i / 700) % 26);
  return len;
}

static int send_chunks(struct side *from, wsuv_opcode_t type, const uint8_t *payload, size_t len) {
  size_t at = 0;
  size_t chunk = 0;
  int err = wsuv_endpoint_send_begin(from->ep, type, 0);
  while (err == 0 && at < len) {
    if (chunk > len - at)
      chunk = len - at;
    err = wsuv_endpoint_send_chunk(from->ep, payload + at, chunk, 0);
    at += chunk;
    chunk = chunk * 3 + 1;
  }
  return err != 0 ? err : wsuv_endpoint_send_end(from->ep, NULL, 0);
}

enum how { HOW_SEND, HOW_CHUNKS, HOW_REQUEST };

static int send_one(struct side *from, const struct round_trip *t, enum how how,
                    const uint8_t *payload, size_t len) {
  static struct wsuv__outbox_entry entry;
  int err;
  if (how == HOW_SEND)
    return wsuv_endpoint_send(from->ep, t->type, payload, len);
  if (how == HOW_CHUNKS)
    return send_chunks(from, t->type, payload, len);
  err = send_request(from->ep, &entry, t->type, payload, len, 0);
  return err;
}

static void check_one(const struct round_trip *t, struct side *from, struct side *to, enum how how,
                      size_t len, size_t piece) {
  static uint8_t payload[70000];
  int nmessages = to->nmessages;
  make_payload(payload, len);
  CHECK_ERR(0, send_one(from, t, how, payload, len));
  CHECK_ERR(0, transfer(from, to, piece));
  CHECK_INT(nmessages + 1, to->nmessages);
  CHECK_INT(t->type, to->type);
  CHECK_BYTES(payload, len, to->seen, to->nseen);
  while (!wsuv__list_is_empty(&from->ep->outbox.done))
    wsuv__list_remove(from->ep->outbox.done.next);
}

/* covers: CORE.4 */
static void run_round_trip(const void *data) {
  static const size_t lengths[] = {0, 1, 2, 125, 126, 700, 5000, 70000};
  static const size_t splits[] = {4096, 1, 2, 3, 7, 1000};
  const struct round_trip *t = data;
  size_t i;
  int mode;
  for (mode = 0; mode < 4; mode++) {
    struct setup setup = {t->extensions, t->n, mode % 2 == 0 ? &whole : &pieces, NULL, 0};
    CHECK_ERR(0, open_both(&setup));
    client.pause = server.pause = mode / 2;
    for (i = 0; i < 3 * sizeof lengths / sizeof lengths[0]; i++) {
      size_t len = lengths[i / 3];
      size_t piece = splits[len > 10000 ? 0 : i % 6];
      check_one(t, &client, &server, (enum how)(i % 3), len, piece);
      check_one(t, &server, &client, (enum how)((i + 1) % 3), len, piece);
    }
    close_both();
  }
}

/* ---- on the wire ---- */

static void check_sent(struct side *side, const char *octets, size_t len) {
  uint8_t sent[64];
  size_t nsent = 0;
  wsuv_span_t span;
  while (wsuv_endpoint_output(side->ep, &span, 1) > 0) {
    CHECK_TRUE(span.len <= sizeof sent - nsent);
    memcpy(sent + nsent, span.data, span.len);
    nsent += span.len;
    wsuv_endpoint_output_done(side->ep, span.len);
  }
  CHECK_BYTES(octets, len, sent, nsent);
}

#define CHECK_SENT(side, literal) check_sent(side, literal, sizeof(literal) - 1)

static int receive(struct side *side, const char *octets, size_t len) {
  uint8_t copy[64];
  CHECK_TRUE(len <= sizeof copy);
  memcpy(copy, octets, len);
  return wsuv_endpoint_receive(side->ep, copy, len);
}

#define RECEIVE(side, literal) receive(side, literal, sizeof(literal) - 1)

/* covers: STR.4 CORE.7 W098 */
static void bits_of_messages_stand_on_the_first_frame_only(void **state) {
  struct setup setup = {runs, 1, &whole, NULL, 0};
  (void)state;
  CHECK_ERR(0, open_side(&server, WSUV_SERVER, &setup));
  CHECK_ERR(0, wsuv_endpoint_send(server.ep, WSUV_TEXT, "aaab", 4));
  CHECK_SENT(&server, "\xa1\4\3a\1b");
  CHECK_ERR(0, wsuv_endpoint_send(server.ep, WSUV_TEXT, "!ab", 3)); /* the extension passes */
  CHECK_SENT(&server, "\x81\3!ab");
  CHECK_ERR(0, wsuv_endpoint_send_begin(server.ep, WSUV_BINARY, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(server.ep, "aa", 2, 0)); /* held back */
  CHECK_SENT(&server, "");
  CHECK_ERR(0, wsuv_endpoint_send_chunk(server.ep, "ab", 2, 0));
  CHECK_SENT(&server, "\x22\2\3a");
  CHECK_ERR(0, wsuv_endpoint_send_chunk(server.ep, "c", 1, 0));
  CHECK_SENT(&server, "\x00\2\1b");
  CHECK_ERR(0, wsuv_endpoint_send_end(server.ep, NULL, 0));
  CHECK_SENT(&server, "\x80\2\1c");
  CHECK_ERR(0, wsuv_endpoint_send_begin(server.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(server.ep, NULL, 0));
  CHECK_SENT(&server, "\xa1\0"); /* the end is always a frame */
  wsuv_endpoint_free(server.ep);
}

static void bits_of_frames_stand_on_each(void **state) {
  struct setup setup = {runs_count, 2, &whole, NULL, 0};
  (void)state;
  CHECK_ERR(0, open_side(&server, WSUV_SERVER, &setup));
  CHECK_ERR(0, wsuv_endpoint_send_begin(server.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(server.ep, "aa", 2, 0)); /* no frame, and none counted */
  CHECK_ERR(0, wsuv_endpoint_send_chunk(server.ep, "b", 1, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(server.ep, NULL, 0));
  CHECK_SENT(&server, "\x31\3\1\2a\x90\3\2\1b");
  wsuv_endpoint_free(server.ep);
}

/* covers: W098 PER.11 PER.17 EPT.11 */
static void bits_are_refused_where_they_do_not_belong(void **state) {
  static const struct {
    const char *octets;
    size_t len;
    int err;
  } rows[] = {
      {"\xa1\2\1a", 4, 0},
      {"\x21\2\1a\x80\2\1b", 8, 0},
      {"\x21\2\1a\xa0\2\1b", 8, WSUV_ERSV}, /* a message's bit on a continuation */
      {"\xa9\0", 2, WSUV_ERSV},             /* on a control frame */
      {"\xc1\1a", 3, WSUV_ERSV},            /* nobody's */
      {"\x91\1a", 3, WSUV_ERSV},
  };
  struct setup setup = {runs, 1, &whole, NULL, 0};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
    CHECK_ERR(rows[i].err, receive(&client, rows[i].octets, rows[i].len));
    CHECK_INT(rows[i].err == 0 ? 2 : 0, client.rsv);
    wsuv_endpoint_free(client.ep);
  }
}

/* ---- failures ---- */

static int close_code(const struct side *side) {
  wsuv_close_status_t status;
  wsuv_endpoint_close_status(side->ep, &status);
  return status.sent_code;
}

/* covers: PER.18 PMD.11 EPT.11 */
static void what_cannot_be_decoded_fails_the_endpoint(void **state) {
  static const struct {
    const wsuv_extension_t *const *extensions;
    const char *octets;
    size_t len;
    int err;
    int code;
  } rows[] = {
      {runs, "\xa1\2\0a", 4, WSUV_EPAYLOAD, 1007},
      {runs, "\xa1\1\3", 3, WSUV_EPAYLOAD, 1007},
      {runs, "\x21\1\3\x80\0", 5, WSUV_EPAYLOAD, 1007},
      {runs, "\xa1\2\3\xc3", 4, WSUV_EENCODING, 1007}, /* text that is none */
      {count, "\x91\1\2", 3, WSUV_EPAYLOAD, 1007},
      {count, "\x91\0", 2, WSUV_EPAYLOAD, 1007},
      {stuck, "\x81\1x", 3, WSUV_ETRANSFORM, 1011},
      {stuck, "\x81\0", 2, WSUV_ETRANSFORM, 1011},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct setup setup = {rows[i].extensions, 1, i % 2 == 0 ? &whole : &pieces, NULL, 0};
    CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
    CHECK_ERR(rows[i].err, receive(&client, rows[i].octets, rows[i].len));
    CHECK_ERR(rows[i].err, RECEIVE(&client, "\x81\0"));
    CHECK_INT(rows[i].code, close_code(&client));
    CHECK_INT(0, client.nmessages);
    wsuv_endpoint_free(client.ep);
  }
}

static void what_cannot_be_encoded_fails_the_endpoint(void **state) {
  struct setup setup = {runs, 1, &whole, NULL, 0};
  (void)state;
  CHECK_ERR(0, open_side(&server, WSUV_SERVER, &setup));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(server.ep, WSUV_BINARY, "\xEE", 1));
  CHECK_INT(1011, close_code(&server)); /* the peer could not follow what comes next */
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(server.ep, WSUV_TEXT, "a", 1));
  wsuv_endpoint_free(server.ep);
  setup.extensions = stuck;
  CHECK_ERR(0, open_side(&server, WSUV_SERVER, &setup));
  CHECK_ERR(WSUV_ETRANSFORM, wsuv_endpoint_send(server.ep, WSUV_TEXT, "a", 1));
  CHECK_INT(1011, close_code(&server));
  wsuv_endpoint_free(server.ep);
}

/* covers: PER.19 PMD.13 W205 */
static void limits_hold_while_decoding(void **state) {
  int mode;
  (void)state;
  for (mode = 0; mode < 2; mode++) {
    struct failing_alloc fa;
    struct setup setup = {runs, 1, mode == 0 ? &whole : &pieces, &fa.allocator, 1000};
    uint8_t bomb[2 + 2 * 60] = {0xa2, 2 * 60};
    size_t i;
    failing_alloc_init(&fa);
    for (i = 2; i < sizeof bomb; i++)
      bomb[i] = 255;
    CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
    CHECK_ERR(0, RECEIVE(&client, "\xa2\10\xffz\xffz\xffz\xebz")); /* 1000 */
    CHECK_SIZE(1000, client.nseen);
    CHECK_ERR(WSUV_EMSGSIZE, wsuv_endpoint_receive(client.ep, bomb, sizeof bomb));
    CHECK_INT(1009, close_code(&client));
    CHECK_INT(1, client.nmessages);
    CHECK_TRUE(fa.peak_size < 8192);
    wsuv_endpoint_free(client.ep);
    failing_alloc_check_no_leaks(&fa);
  }
}

/* ---- pauses ---- */

static void a_pause_comes_between_two_steps(void **state) {
  struct setup setup = {runs, 1, &pieces, NULL, 0};
  uint8_t long_runs[4 + 2 * 4000] = {0xa2, 126, 8000 >> 8, 8000 & 255};
  size_t i;
  (void)state;
  for (i = 4; i < sizeof long_runs; i++)
    long_runs[i] = 255;
  CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
  client.pause = 1;
  CHECK_ERR(0, wsuv_endpoint_receive(client.ep, long_runs, sizeof long_runs));
  CHECK_INT(1, client.npieces);
  CHECK_TRUE(client.nseen < 20000);
  while (client.nmessages == 0) {
    int before = client.npieces;
    CHECK_ERR(0, wsuv_endpoint_resume(client.ep));
    CHECK_INT(before + 1, client.npieces);
  }
  CHECK_SIZE(4000u * 255u, client.nseen);
  client.pause = 0;
  CHECK_ERR(0, wsuv_endpoint_resume(client.ep));
  CHECK_ERR(0, RECEIVE(&client, "\xa1\2\2x"));
  CHECK_INT(2, client.nmessages);
  wsuv_endpoint_free(client.ep);
}

static void an_end_in_the_middle_of_decoding_frees_what_waits(void **state) {
  struct setup setup = {runs, 1, &pieces, NULL, 0};
  uint8_t long_runs[2 + 2 * 62] = {0x22, 2 * 62};
  size_t i;
  (void)state;
  for (i = 2; i < sizeof long_runs; i++)
    long_runs[i] = 255;
  CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
  client.pause = 1;
  CHECK_ERR(0, wsuv_endpoint_receive(client.ep, long_runs, sizeof long_runs));
  CHECK_INT(1, client.npieces);
  wsuv_endpoint_free(client.ep);
  CHECK_INT(0, toy_sessions_alive());
}

/* ---- control frames ---- */

/* covers: EPT.12 EPT.13 PER.8 */
static void an_extension_may_take_its_control_frames(void **state) {
  struct setup setup = {opcodes, 1, &whole, NULL, 0};
  (void)state;
  CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
  CHECK_ERR(0, RECEIVE(&client, "\x8d\2tx\x8d\0\x8d\1x"));
  CHECK_INT(2, client.ncontrols);
  CHECK_INT(1, toy_controls_taken(client.ep->extensions->stages[0].session));
  CHECK_ERR(WSUV_EPAYLOAD, RECEIVE(&client, "\x8d\1e"));
  wsuv_endpoint_free(client.ep);
  setup.handler = &no_control;
  CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
  CHECK_ERR(0, RECEIVE(&client, "\x8d\2tx"));
  CHECK_ERR(WSUV_EOPCODE, RECEIVE(&client, "\x8d\1x"));
  CHECK_INT(1002, close_code(&client));
  wsuv_endpoint_free(client.ep);
}

/* ---- memory ---- */

static int exchange(const struct setup *setup) {
  static const uint8_t payload[3000] = "aaaabbbbcccc";
  int err = open_both(setup);
  if (err != 0)
    return err;
  client.pause = server.pause = 1;
  err = wsuv_endpoint_send(client.ep, WSUV_BINARY, payload, sizeof payload);
  if (err == 0)
    err = transfer(&client, &server, 5);
  if (err == 0)
    err = send_chunks(&server, WSUV_TEXT, payload, sizeof payload);
  if (err == 0)
    err = transfer(&server, &client, 4096);
  if (err == 0)
    CHECK_INT(1, client.nmessages);
  if (err == 0)
    CHECK_INT(1, server.nmessages);
  close_both();
  return err;
}

static void every_allocation_may_fail(void **state) {
  struct failing_alloc fa;
  size_t n;
  int mode;
  (void)state;
  for (mode = 0; mode < 2; mode++) {
    struct setup setup = {all, 4, mode == 0 ? &whole : &pieces, &fa.allocator, 0};
    int nuncounted = 0;
    for (n = 1;; n++) {
      int err;
      failing_alloc_init(&fa);
      failing_alloc_fail_once(&fa, n);
      err = exchange(&setup);
      CHECK_INT(0, toy_sessions_alive());
      failing_alloc_check_no_leaks(&fa);
      if (!failing_alloc_has_failed(&fa))
        break;
      if (err == 0)
        nuncounted++; /* memory for the counts of an endpoint, which can be done without */
      else
        CHECK_ERR(WSUV_ENOMEM, err);
    }
    CHECK_INT(2, nuncounted);
    CHECK_TRUE(n > 8);
  }
}

static void without_extensions_nothing_is_kept(void **state) {
  struct setup setup = {none, 0, &whole, NULL, 0};
  (void)state;
  CHECK_ERR(0, open_side(&client, WSUV_CLIENT, &setup));
  CHECK_NULL(client.ep->extensions);
  CHECK_ERR(WSUV_ERSV, RECEIVE(&client, "\xc1\0"));
  wsuv_endpoint_free(client.ep);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_claimed_twice_or_wrongly_is_refused),
      cmocka_unit_test(a_description_that_is_none_is_refused),
      cmocka_unit_test(bits_of_messages_stand_on_the_first_frame_only),
      cmocka_unit_test(bits_of_frames_stand_on_each),
      cmocka_unit_test(bits_are_refused_where_they_do_not_belong),
      cmocka_unit_test(what_cannot_be_decoded_fails_the_endpoint),
      cmocka_unit_test(what_cannot_be_encoded_fails_the_endpoint),
      cmocka_unit_test(limits_hold_while_decoding),
      cmocka_unit_test(a_pause_comes_between_two_steps),
      cmocka_unit_test(an_end_in_the_middle_of_decoding_frees_what_waits),
      cmocka_unit_test(an_extension_may_take_its_control_frames),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(without_extensions_nothing_is_kept),
  };
  int failed = CHECK_RUN_TABLE("extensions: there and back", round_trips, run_round_trip);
  return failed + cmocka_run_group_tests_name("extensions", tests, NULL, NULL);
}
