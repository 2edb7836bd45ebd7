/* Lines of vectors that say what has to be true. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "vectors/vector_run.h"
#include "wsuv/frame.h"

static void check_octets(const struct vector_run *run, const struct vector_bytes *expected,
                         const uint8_t *actual, size_t len) {
  if (expected->len != len || (len > 0 && memcmp(expected->data, actual, len) != 0))
    vector_say_where(run);
  CHECK_BYTES(expected->data, expected->len, actual, len);
}

static void check_numbers(const struct vector_run *run, uint64_t expected, uint64_t actual) {
  if (expected != actual)
    vector_say_where(run);
  CHECK_SIZE(expected, actual);
}

static void check_errors(const struct vector_run *run, int expected, int actual) {
  if (expected != actual)
    vector_say_where(run);
  CHECK_ERR(expected, actual);
}

/* "out 81 05 ...": the next octets of the output. */
static void expect_out(struct vector_run *run, const char **line) {
  struct vector_bytes expected = {NULL, 0, 0};
  size_t len;
  vector_take_bytes(line, &expected);
  vector_drain(run, SIZE_MAX);
  len = expected.len < run->output.len ? expected.len : run->output.len;
  check_octets(run, &expected, run->output.data, len);
  vector_bytes_drop(&run->output, len);
  vector_bytes_free(&expected);
}

static void check_header(struct vector_run *run, const wsuv_frame_header_t *header, int opcode) {
  if (header->opcode != opcode || !header->fin || header->rsv != 0 ||
      header->masked != (run->role == WSUV_CLIENT))
    vector_say_where(run);
  CHECK_STR(vector_opcode_name(opcode), vector_opcode_name(header->opcode));
  CHECK_INT(1, header->fin);
  CHECK_INT(0, header->rsv);
  CHECK_INT(run->role == WSUV_CLIENT, header->masked);
  if (header->masked)
    CHECK_TRUE(memcmp(run->last_key, header->masking_key, 4) != 0);
  memcpy(run->last_key, header->masking_key, 4);
}

/* "code=1002 *" is that code and any text, "*" anything. */
static void check_payload(struct vector_run *run, const char **line, const uint8_t *payload,
                          size_t len) {
  struct vector_bytes expected = {NULL, 0, 0};
  size_t skipped = 0;
  if (strncmp(*line, "code=", 5) == 0) {
    char word[VECTOR_WORD_MAX];
    vector_next_word(line, word);
    check_numbers(run, strtoul(word + 5, NULL, 10),
                  len >= 2 ? (unsigned)(payload[0] << 8 | payload[1]) : 0);
    skipped = 2;
  }
  if (vector_take_word(line, "*")) {
    check_numbers(run, 1, len > skipped && wsuv_utf8_is_valid(payload + skipped, len - skipped));
    return;
  }
  vector_take_bytes(line, &expected);
  check_octets(run, &expected, payload + skipped, len - skipped);
  vector_bytes_free(&expected);
}

/* "sent text "Hello"": the next frame of the output, masked if the role wants it. "sent nothing": there is none. */
static void expect_sent(struct vector_run *run, const char **line) {
  wsuv_frame_header_t header;
  char word[VECTOR_WORD_MAX];
  uint8_t *payload;
  size_t len;
  int n;
  vector_drain(run, SIZE_MAX);
  if (vector_take_word(line, "nothing")) {
    check_numbers(run, 0, run->output.len);
    return;
  }
  n = wsuv_frame_header_decode(&header, run->output.data, run->output.len);
  if (n <= 0 || run->output.len - (size_t)n < header.payload_len)
    vector_say_where(run);
  CHECK_TRUE(n > 0);
  CHECK_TRUE(run->output.len - (size_t)n >= header.payload_len);
  check_header(run, &header, vector_opcode_by_name(vector_next_word(line, word)));
  payload = run->output.data + n;
  len = (size_t)header.payload_len;
  if (header.masked)
    wsuv_mask(payload, payload, len, header.masking_key, 0);
  check_payload(run, line, payload, len);
  vector_bytes_drop(&run->output, (size_t)n + len);
}

/* "log message text "Hello"": the next callback. */
static void expect_log(struct vector_run *run, const char **line) {
  struct vector_bytes expected = {NULL, 0, 0};
  const struct vector_event *event;
  char what[VECTOR_WHAT_MAX];
  char word[VECTOR_WORD_MAX];
  if (vector_take_word(line, "nothing")) {
    check_numbers(run, run->nseen, run->nevents);
    return;
  }
  vector_next_word(line, word);
  if (strcmp(word, "message") == 0 || strcmp(word, "control") == 0 || strcmp(word, "close") == 0) {
    char more[VECTOR_WORD_MAX];
    snprintf(what, sizeof what, "%.10s %.10s", word, vector_next_word(line, more));
  } else {
    snprintf(what, sizeof what, "%.10s", word);
  }
  if (run->nseen == run->nevents)
    vector_say_where(run);
  CHECK_TRUE(run->nseen < run->nevents);
  event = &run->events[run->nseen++];
  if (strcmp(what, event->what) != 0)
    vector_say_where(run);
  CHECK_STR(what, event->what);
  vector_take_bytes(line, &expected);
  check_octets(run, &expected, event->bytes.data, event->bytes.len);
  vector_bytes_free(&expected);
}

static void expect_error(struct vector_run *run, const char **line) {
  wsuv_close_status_t status;
  char word[VECTOR_WORD_MAX];
  run->expected_error = vector_error_by_name(vector_next_word(line, word));
  wsuv_endpoint_close_status(run->ep, &status);
  check_errors(run, run->expected_error, status.error);
  if (run->expected_error != WSUV_EIDLE) /* closed in order: what still comes is received */
    check_errors(run, run->expected_error, wsuv_endpoint_receive(run->ep, run->room->data, 0));
}

static void expect_wants_close(struct vector_run *run, const char **line) {
  int expected = vector_take_word(line, "yes");
  if (!expected)
    CHECK_TRUE(vector_take_word(line, "no"));
  check_numbers(run, (uint64_t)expected, wsuv_endpoint_wants_close(run->ep) != 0);
}

/* "status 1000 sent 1001 clean "bye"" or "status 1006 sent 0 unclean". covers: EPT.25 EPT.26 EPT.31 */
static void expect_status(struct vector_run *run, const char **line) {
  struct vector_bytes reason = {NULL, 0, 0};
  wsuv_close_status_t status;
  wsuv_endpoint_close_status(run->ep, &status);
  check_numbers(run, vector_take_number(line), (uint64_t)status.code);
  CHECK_TRUE(vector_take_word(line, "sent"));
  check_numbers(run, vector_take_number(line), (uint64_t)status.sent_code);
  check_numbers(run, (uint64_t)vector_take_word(line, "clean"), status.clean != 0);
  (void)vector_take_word(line, "unclean");
  vector_take_bytes(line, &reason);
  check_octets(run, &reason, (const uint8_t *)status.reason, status.reason_len);
  CHECK_INT('\0', status.reason[status.reason_len]);
  check_numbers(run, (uint64_t)(status.sent_code != 0), wsuv_endpoint_sent_close(run->ep) != 0);
  check_numbers(run, (uint64_t)(status.code != 1006), wsuv_endpoint_received_close(run->ep) != 0);
  vector_bytes_free(&reason);
}

static void expect_deadline(struct vector_run *run, const char **line) {
  uint64_t expected = vector_take_word(line, "never") ? UINT64_MAX : vector_take_number(line);
  check_numbers(run, expected, wsuv_endpoint_next_deadline(run->ep));
}

static void expect_queued(struct vector_run *run, const char **line) {
  check_numbers(run, vector_take_number(line), wsuv_endpoint_queued(run->ep));
}

int vector_expect(struct vector_run *run, const char *word, const char **line) {
  static const struct {
    const char *word;
    void (*judge)(struct vector_run *run, const char **line);
  } expectations[] = {
      {"out", expect_out},           {"sent", expect_sent},     {"log", expect_log},
      {"error", expect_error},       {"status", expect_status}, {"wants_close", expect_wants_close},
      {"deadline", expect_deadline}, {"queued", expect_queued},
  };
  size_t i;
  for (i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
    if (strcmp(expectations[i].word, word) != 0)
      continue;
    if (run->failing != 0) {
      if (strcmp(word, "out") == 0 || strcmp(word, "sent") == 0)
        vector_drain(run, SIZE_MAX);
      return 1;
    }
    expectations[i].judge(run, line);
    return 1;
  }
  return 0;
}
