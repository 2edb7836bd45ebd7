/* The seed's rows about endpoints: EPT, and of STR those that an endpoint can follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "vectors/seed_endpoint.h"

/* ---- ept.feed: one outcome for each frame ---- */

/* The seed's names of faults. A received Close is an event here, not a fault. covers: ERR.12 ERR.13 ERR.14 ERR.23 */
static const struct {
  const char *name;
  int err;
} faults[] = {
    {"ReceivedBadControlFrame", WSUV_ECONTINUATION},
    {"ReceivedBadDataFrame", WSUV_EINTERLEAVED},
    {"Unmasked", WSUV_EUNMASKED},
    {"Masked", WSUV_EMASKED},
    {"ReservedBits", WSUV_ERSV},
    {"BadUTF8", WSUV_EENCODING},
    {"ControlFragmented", WSUV_ECONTROLFIN},
    {"ControlTooLong", WSUV_ECONTROLSIZE},
    {"UnknownOpcode", WSUV_EOPCODE},
    {"ReceivedClose", 0},
};

static int fault_by_name(const char *name) {
  size_t i;
  for (i = 0; i < sizeof faults / sizeof faults[0]; i++)
    if (strcmp(faults[i].name, name) == 0)
      return faults[i].err;
  fail_msg("no fault is called %s", name);
  return 0;
}

static void next_word(const char **at, char *word, size_t size) {
  size_t len;
  *at += strspn(*at, " ");
  len = strcspn(*at, " ");
  CHECK_TRUE(len < size);
  memcpy(word, *at, len);
  word[len] = '\0';
  *at += len;
}

static void check_hex(const char *bytes, const struct seed_text *actual) {
  struct seed_text expected = {NULL, 0};
  seed_text_add_bytes(&expected, bytes);
  CHECK_BYTES(expected.data, expected.len, actual->data, actual->len);
  seed_text_free(&expected);
}

/* "contains(dunno,5000)" */
static void check_contains(char *list, const char *reason) {
  char *piece = strtok(list + 9, ",)");
  while (piece != NULL) {
    CHECK_NOT_NULL(strstr(reason, piece));
    piece = strtok(NULL, ",)");
  }
}

/* "close:CODE", "close:CODE:nonempty", "close:CODE:contains(..)", "close:CODE:HEX" */
static void check_close(const struct seed_endpoint *s, char *text, int wants_mask) {
  struct seed_text payload = {NULL, 0};
  struct seed_text reason = {NULL, 0};
  int is_masked;
  char *rest;
  long code = strtol(text + 6, &rest, 10);
  CHECK_INT(WSUV_CLOSE, seed_endpoint_sent_frame(s, &payload, &is_masked));
  CHECK_TRUE(!wants_mask || is_masked);
  CHECK_TRUE(payload.len >= 2);
  CHECK_INT(code, (unsigned char)payload.data[0] * 256 + (unsigned char)payload.data[1]);
  seed_text_add(&reason, payload.data + 2, payload.len - 2);
  if (strcmp(rest, ":nonempty") == 0)
    CHECK_TRUE(reason.len > 0);
  else if (strncmp(rest, ":contains", 9) == 0)
    check_contains(rest + 1, reason.data);
  else if (*rest == ':')
    check_hex(rest + 1, &reason);
  seed_text_free(&payload);
  seed_text_free(&reason);
}

static void check_out(const struct seed_endpoint *s, char *text) {
  if (strncmp(text, "masked:", 7) == 0)
    check_close(s, text + 7, 1);
  else if (strncmp(text, "close:", 6) == 0)
    check_close(s, text, 0);
  else
    check_hex(text, &s->sent);
}

static void check_message(struct seed_endpoint *s, const char **outcome, int nbefore) {
  char *word = malloc(strlen(*outcome) + 1);
  CHECK_NOT_NULL(word);
  CHECK_INT(nbefore + 1, s->nmessages);
  next_word(outcome, word, strlen(*outcome) + 1);
  CHECK_STR(word, s->type);
  next_word(outcome, word, strlen(*outcome) + 1);
  check_hex(word, &s->message);
  free(word);
}

/* The fault of a custom opcode's row: nobody takes it. */
static int is_custom(const struct seed_endpoint *s) {
  return s->name[0] != '\0';
}

/* "msg text 61", "none out=8a00 closed=1", "err Name out=close:1002", "ignored" covers: EPT.30 EPT.31 */
static void check_outcome(struct seed_endpoint *s, const char *outcome, int nbefore, int err) {
  char word[400];
  int has_out = 0;
  int has_message = 0;
  int has_frame = 0;
  while (*outcome != '\0') {
    next_word(&outcome, word, sizeof word);
    if (strcmp(word, "msg") == 0) {
      check_message(s, &outcome, nbefore);
      has_message = 1;
    } else if (strcmp(word, "ctl") == 0) {
      next_word(&outcome, word, sizeof word);
      check_hex(word, &s->message);
      CHECK_INT(1, s->ncontrols);
    } else if (strncmp(word, "log=", 4) == 0) {
      CHECK_STR(word + 4, s->frames.data);
      has_frame = 1;
    } else if (strcmp(word, "err") == 0) {
      next_word(&outcome, word, sizeof word);
      CHECK_ERR(is_custom(s) ? WSUV_EOPCODE : fault_by_name(word), err);
      CHECK_INT(strcmp(word, "ReceivedClose") == 0, s->nclosed);
    } else if (strncmp(word, "out=", 4) == 0) {
      check_out(s, word + 4);
      has_out = 1;
    } else if (strncmp(word, "closed=", 7) == 0) {
      CHECK_INT(word[7] == '1', wsuv_endpoint_sent_close(&s->ep));
    } else {
      CHECK_TRUE(strcmp(word, "none") == 0 || strcmp(word, "ignored") == 0 ||
                 strcmp(word, "/") == 0);
    }
  }
  CHECK_TRUE(has_out || s->sent.len == 0);
  CHECK_TRUE(has_message || s->nmessages == nbefore);
  CHECK_TRUE(has_frame || s->frames.len == 0);
}

static void feed_one(struct seed_endpoint *s, const char *frame, const char *outcome) {
  int nbefore = s->nmessages;
  int err;
  if (strcmp(frame, "EOF") == 0) {
    CHECK_STR("eof", outcome);
    err = seed_endpoint_take_events(s, wsuv_endpoint_receive_eof(&s->ep));
    CHECK_ERR(WSUV_EABNORMAL, err); /* no Close came: 1006 */
    return;
  }
  seed_text_free(&s->frames);
  seed_text_add(&s->frames, "", 0);
  err = seed_endpoint_receive(s, frame);
  seed_endpoint_drain(s);
  check_outcome(s, outcome, nbefore, err);
}

static void feed(const struct seed_row *row) {
  const char *frames = row->input;
  const char *outcomes = seed_row_expected(row);
  struct seed_endpoint s;
  const char *frame;
  const char *outcome;
  size_t frame_len;
  size_t len;
  CHECK_ERR(0, seed_endpoint_init(&s, row));
  while (seed_next_piece(&frames, "|", &frame, &frame_len)) {
    struct seed_text one_frame = {NULL, 0};
    struct seed_text one_outcome = {NULL, 0};
    CHECK_TRUE(seed_next_piece(&outcomes, " / ", &outcome, &len));
    seed_text_add(&one_frame, frame, frame_len);
    seed_text_add(&one_outcome, outcome, len);
    feed_one(&s, one_frame.data, one_outcome.data);
    seed_text_free(&one_frame);
    seed_text_free(&one_outcome);
  }
  CHECK_NULL(outcomes);
  seed_endpoint_free(&s);
}

/* ---- parse.customop ---- */

/* "ctl 71 / none" is of one frame: what its handler saw, and that no message came of it. */
static void custom_opcode(const struct seed_row *row) {
  struct seed_endpoint s;
  if (strchr(row->input, '|') != NULL) {
    feed(row);
    return;
  }
  CHECK_ERR(0, seed_endpoint_init(&s, row));
  feed_one(&s, row->input, seed_row_expected(row));
  seed_endpoint_free(&s);
}

/* ---- ept.script: one word for each step ---- */

static void add_hex(struct seed_text *out, const char *octets, size_t len) {
  size_t i;
  for (i = 0; i < len; i++) {
    char pair[3];
    snprintf(pair, sizeof pair, "%02x", (unsigned char)octets[i]);
    seed_text_add_str(out, pair);
  }
}

static void add_ping(struct seed_text *out, struct seed_endpoint *s, const char *payload,
                     int is_masked) {
  long number = strtol(payload + 6, NULL, 10);
  CHECK_TRUE(strncmp(payload, "ping #", 6) == 0 && number < 16);
  snprintf(s->pings[number], sizeof s->pings[number], "%s", payload);
  seed_text_add_str(out, is_masked ? "masked-ping#" : "ping#");
  seed_text_add_number(out, number);
}

static void add_close(struct seed_text *out, const struct seed_endpoint *s,
                      const struct seed_text *payload, int is_heartbeat) {
  seed_text_add_str(out, "close:");
  seed_text_add_number(out, s->ep.sent_code);
  if (payload->len <= 2)
    return;
  seed_text_add_str(out, is_heartbeat ? ":nonempty" : ":");
  if (!is_heartbeat)
    add_hex(out, payload->data + 2, payload->len - 2);
}

/* "ping#1", "masked-ping#1", "close:1008:nonempty", "close:1000:627965", hex of anything else, "-" for nothing. */
static void add_sent(struct seed_text *out, struct seed_endpoint *s, int is_heartbeat) {
  struct seed_text payload = {NULL, 0};
  int is_masked = 0;
  int opcode;
  seed_endpoint_drain(s);
  opcode = seed_endpoint_sent_frame(s, &payload, &is_masked);
  if (opcode == WSUV_PING && is_heartbeat)
    add_ping(out, s, payload.data, is_masked);
  else if (opcode == WSUV_CLOSE)
    add_close(out, s, &payload, is_heartbeat);
  else if (s->sent.len == 0)
    seed_text_add_str(out, "-");
  else
    add_hex(out, s->sent.data, s->sent.len);
  seed_text_free(&payload);
}

/* covers: EPT.20 PNG.5 */
static void step_heartbeat(struct seed_endpoint *s, struct seed_text *out) {
  (void)wsuv_endpoint_check_heartbeat(&s->ep);
  add_sent(out, s, 1);
}

/* "close:CODE:REASON"; "-" for the code is the seed's default, which here is given. covers: EPT.21 */
static void step_close(struct seed_endpoint *s, const char *args, struct seed_text *out) {
  struct seed_text reason = {NULL, 0};
  char code_text[32];
  size_t len = strcspn(args, ":");
  int code;
  memcpy(code_text, args, len);
  code_text[len] = '\0';
  code = (int)strtol(code_text, NULL, 10);
  if (strcmp(code_text, "-") == 0)
    code = WSUV_CLOSE_GOING_AWAY;
  else if (code == 0)
    code = wsuv_close_code_by_name(code_text);
  seed_text_add_bytes(&reason, args + len + 1);
  if (wsuv_endpoint_close(&s->ep, code, reason.data, reason.len) == WSUV_ESTATE)
    seed_text_add_str(out, "err AlreadyClosed");
  else
    add_sent(out, s, 0);
  seed_text_free(&reason);
}

static void step_pong(struct seed_endpoint *s, const char *payload, size_t len,
                      struct seed_text *out) {
  uint8_t frame[2 + 125] = {0x8a};
  frame[1] = (uint8_t)len;
  memcpy(frame + 2, payload, len);
  CHECK_ERR(0, seed_endpoint_take_events(s, wsuv_endpoint_receive(&s->ep, frame, 2 + len)));
  seed_endpoint_drain(s);
  CHECK_SIZE(0, s->sent.len);
  seed_text_add_str(out, "none");
}

static void step_receive(struct seed_endpoint *s, const char *bytes, struct seed_text *out) {
  int nmessages = s->nmessages;
  int nclosed = s->nclosed;
  CHECK_ERR(0, seed_endpoint_receive(s, bytes));
  seed_endpoint_drain(s);
  CHECK_SIZE(0, s->sent.len);
  if (s->nclosed > nclosed)
    seed_text_add_str(out, "closed-clean");
  else
    seed_text_add_str(out, s->nmessages > nmessages ? "msg" : "none");
}

static void step_state(struct seed_endpoint *s, struct seed_text *out) {
  char text[64];
  snprintf(text, sizeof text, "closed=%d,rcvd=%d,sent=%d", wsuv_endpoint_sent_close(&s->ep) != 0,
           wsuv_endpoint_received_close(&s->ep) != 0, wsuv_endpoint_sent_close(&s->ep) != 0);
  seed_text_add_str(out, text);
}

static void run_step(struct seed_endpoint *s, const char *step, struct seed_text *out) {
  if (strcmp(step, "hb") == 0) {
    step_heartbeat(s, out);
  } else if (strcmp(step, "state") == 0) {
    step_state(s, out);
  } else if (strcmp(step, "count") == 0) {
    seed_text_add_number(out, s->ep.heartbeat.outstanding);
  } else if (strncmp(step, "close:", 6) == 0) {
    step_close(s, step + 6, out);
  } else if (strncmp(step, "pong:", 5) == 0) {
    const char *payload = s->pings[strtol(step + 5, NULL, 10)];
    step_pong(s, payload, strlen(payload), out);
  } else if (strncmp(step, "pongraw:", 8) == 0) {
    struct seed_text payload = {NULL, 0};
    seed_text_add_bytes(&payload, step + 8);
    step_pong(s, payload.data, payload.len, out);
    seed_text_free(&payload);
  } else if (strncmp(step, "rxout:", 6) == 0) {
    CHECK_ERR(0, seed_endpoint_receive(s, step + 6));
    add_sent(out, s, 0);
  } else if (strncmp(step, "rx:", 3) == 0) {
    step_receive(s, step + 3, out);
  } else {
    fail_msg("unknown step %s", step);
  }
}

static void script(const struct seed_row *row) {
  const char *steps = row->input;
  struct seed_text out = {NULL, 0};
  struct seed_endpoint s;
  int err = seed_endpoint_init(&s, row);
  if (err != 0) {
    CHECK_ERR(WSUV_EINVAL, err);
    seed_text_add_str(&out, "err BadArg max_pings");
  }
  while (err == 0 && *steps != '\0') {
    char step[128];
    next_word(&steps, step, sizeof step);
    if (out.len > 0)
      seed_text_add_str(&out, " ");
    run_step(&s, step, &out);
  }
  CHECK_STR(seed_row_expected(row), out.data);
  seed_endpoint_free(&s);
  seed_text_free(&out);
}

/* One step of a streamer: chunk:BYTES or final:BYTES. The frame it queued, or its error. */
static int run_streamer_step(struct seed_endpoint *s, const char *step, size_t len,
                             struct seed_text *out) {
  struct seed_text word = {NULL, 0};
  struct seed_text payload = {NULL, 0};
  int err;
  seed_text_add(&word, step, len);
  seed_text_add_bytes(&payload, word.data + 6);
  err = word.data[0] == 'c' ? wsuv_endpoint_send_chunk(&s->ep, payload.data, payload.len, 0)
                            : wsuv_endpoint_send_end(&s->ep, payload.data, payload.len);
  if (err == 0) {
    seed_text_add_str(out, out->len > 3 ? "|" : "");
    seed_endpoint_drain(s);
    add_hex(out, s->sent.data, s->sent.len);
  }
  seed_text_free(&word);
  seed_text_free(&payload);
  return err;
}

/* stream.encode: the frames one by one; an error takes the place of all. */
static void streamer(const struct seed_row *row, wsuv_opcode_t type) {
  const char *steps = row->input;
  struct seed_text out = {NULL, 0};
  struct seed_endpoint s;
  const char *step;
  size_t len;
  int err;
  CHECK_ERR(0, seed_endpoint_init(&s, row));
  seed_text_add_str(&out, "ok ");
  err = wsuv_endpoint_send_begin(&s.ep, type, 0);
  while (err == 0 && seed_next_piece(&steps, "|", &step, &len))
    err = run_streamer_step(&s, step, len, &out);
  if (err != 0)
    CHECK_STR(seed_row_expected(row), err == WSUV_ESTATE ? "err BadState" : "err BadArg type");
  else
    CHECK_STR(seed_row_expected(row), out.data);
  seed_endpoint_free(&s);
  seed_text_free(&out);
}

static void run_streamer(const struct seed_row *row) {
  if (strstr(row->params, "type=text") != NULL)
    streamer(row, WSUV_TEXT);
  else
    streamer(row, strstr(row->params, "type=close") != NULL ? WSUV_CLOSE : WSUV_BINARY);
}

static void run_row(const struct seed_row *row) {
  if (strcmp(row->op, "ept.feed") == 0)
    feed(row);
  else if (strcmp(row->op, "ept.script") == 0)
    script(row);
  else if (strcmp(row->op, "parse.customop") == 0)
    custom_opcode(row);
  else if (strncmp(row->op, "stream.", 7) == 0)
    run_streamer(row);
  else
    fail_msg("%s: unknown operation %s", row->id, row->op);
}

int main(void) {
  /* All of STR, and MSG, also are in test_seed_messages. */
  static const char *const prefixes[] = {"EPT-",    "STR-001", "STR-002", "STR-003", "STR-004",
                                         "STR-005", "STR-006", "PAR-085", "PAR-086", "PAR-087"};
  static const size_t nprefixes = sizeof prefixes / sizeof prefixes[0];
  int nfailed = seed_run("seed: endpoint", prefixes, nprefixes, run_row);
  seed_endpoint_pulls = 1; /* CORE.9 */
  return nfailed + seed_run("seed: endpoint, events asked for", prefixes, nprefixes, run_row);
}
