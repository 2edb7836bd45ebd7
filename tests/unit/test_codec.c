/* DEFLATE under any step sizes, windows and block forms. */
#include "deflate/codec.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"

enum { LEN_MAX = 200000 };

static const struct wsuv__codec_settings settings = {6, 8, 0};
static size_t total;

static struct wsuv__codec *new_deflater(int bits) {
  struct wsuv__codec *codec;
  CHECK_ERR(0,
            wsuv__deflater_new(&codec, wsuv__allocator_or_default(NULL), &total, bits, &settings));
  return codec;
}

static struct wsuv__codec *new_inflater(int bits) {
  struct wsuv__codec *codec;
  CHECK_ERR(0, wsuv__inflater_new(&codec, wsuv__allocator_or_default(NULL), &total, bits));
  return codec;
}

static uint32_t random_state;

static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

/* Words from a small set, with repeats at every distance. */
static size_t make_text(uint8_t *out, size_t len, uint32_t seed) {
  size_t at = 0;
  random_state = seed * 2654435761u + 1;
  while (at < len) {
    size_t n = 3 + next_random() % 40;
    size_t back = 1 + next_random() % 33000;
    size_t i;
    for (i = 0; i < n && at < len; i++, at++)
      out[at] = next_random() % 3 != 0 && back <= at ? out[at - back]
                                                     : (uint8_t)('a' + next_random() % 26);
  }
  return len;
}

/* ---- running a whole message in steps ---- */

struct sink {
  uint8_t *octets;
  size_t len;
  size_t cap;
};

static void add(struct sink *sink, const uint8_t *octets, size_t len) {
  if (len > sink->cap - sink->len) {
    sink->cap = 2 * (sink->len + len);
    sink->octets = realloc(sink->octets, sink->cap);
    CHECK_NOT_NULL(sink->octets);
  }
  if (len > 0)
    memcpy(sink->octets + sink->len, octets, len);
  sink->len += len;
}

static void compress_in_steps(struct wsuv__codec *codec, const uint8_t *data, size_t len,
                              size_t in_step, size_t out_step, struct sink *sink) {
  uint8_t *room = malloc(out_step);
  wsuv_extension_step_t step;
  size_t at = 0;
  int rc;
  CHECK_NOT_NULL(room);
  memset(&step, 0, sizeof step);
  do {
    size_t n = len - at < in_step ? len - at : in_step;
    enum wsuv__codec_end end = at + n == len ? CODEC_FINISH : CODEC_GO_ON;
    step.in = data + at;
    step.in_len = n;
    do {
      step.out = room;
      step.out_len = out_step;
      rc = wsuv__deflater_run(codec, &step, end);
      add(sink, room, (size_t)(step.out - room));
    } while (rc == WSUV_STEP_MORE);
    CHECK_INT(WSUV_STEP_DONE, rc);
    at += n;
  } while (at < len);
  free(room);
}

/* 0 or the error. */
static int decompress_in_steps(struct wsuv__codec *codec, const uint8_t *data, size_t len,
                               size_t in_step, size_t out_step, struct sink *sink) {
  uint8_t *room = malloc(out_step);
  wsuv_extension_step_t step;
  size_t at = 0;
  int rc;
  CHECK_NOT_NULL(room);
  memset(&step, 0, sizeof step);
  do {
    size_t n = len - at < in_step ? len - at : in_step;
    step.in = n > 0 ? data + at : NULL;
    step.in_len = n;
    do {
      step.out = room;
      step.out_len = out_step;
      rc = wsuv__inflater_run(codec, &step, at + n == len);
      add(sink, room, (size_t)(step.out - room));
    } while (rc == WSUV_STEP_MORE);
    at += n;
  } while (rc == WSUV_STEP_DONE && at < len);
  free(room);
  return rc;
}

static uint8_t text[LEN_MAX];

/* covers: D015 D016 D050 D053 PMD.1 PMD.5 PMD.10 */
static void any_steps_make_the_same(void **state) {
  static const size_t steps[] = {1, 2, 3, 7, 8, 64, 1000, LEN_MAX};
  enum { NSTEPS = sizeof steps / sizeof steps[0] };
  size_t len = make_text(text, 3000, 1);
  struct wsuv__codec *inflater = new_inflater(15);
  struct sink first = {NULL, 0, 0};
  size_t i;
  size_t k;
  (void)state;
  for (i = 0; i < NSTEPS; i++)
    for (k = 3; k < NSTEPS; k++) { /* room for the marker has to be there at some time */
      struct wsuv__codec *deflater = new_deflater(15);
      struct sink wire = {NULL, 0, 0};
      struct sink back = {NULL, 0, 0};
      compress_in_steps(deflater, text, len, steps[i], steps[k] + 7, &wire);
      if (first.len == 0)
        add(&first, wire.octets, wire.len);
      CHECK_BYTES(first.octets, first.len, wire.octets, wire.len);
      wsuv__inflater_reset(inflater);
      CHECK_ERR(0, decompress_in_steps(inflater, wire.octets, wire.len, steps[i], steps[k], &back));
      CHECK_BYTES(text, len, back.octets, back.len);
      free(wire.octets);
      free(back.octets);
      wsuv__deflater_free(deflater);
    }
  free(first.octets);
  wsuv__inflater_free(inflater);
  CHECK_SIZE(0, total);
}

/* An inflater with a window of `bits` that may put out one octet at a time sees nothing but its window.
 * covers: D041 D047 D049 D056 PMD.9 */
static void no_match_is_out_of_the_window(void **state) {
  int bits;
  (void)state;
  for (bits = 8; bits <= 15; bits++) {
    struct wsuv__codec *deflater = new_deflater(bits);
    struct wsuv__codec *inflater = new_inflater(bits);
    uint32_t seed;
    for (seed = 0; seed < 12; seed++) {
      size_t len = make_text(text, 40000, seed + 100 * (uint32_t)bits);
      struct sink wire = {NULL, 0, 0};
      struct sink back = {NULL, 0, 0};
      compress_in_steps(deflater, text, len, LEN_MAX, 1000, &wire);
      CHECK_ERR(0, decompress_in_steps(inflater, wire.octets, wire.len, LEN_MAX, 1, &back));
      CHECK_BYTES(text, len, back.octets, back.len);
      free(wire.octets);
      free(back.octets);
    }
    wsuv__deflater_free(deflater);
    wsuv__inflater_free(inflater);
  }
}

/* The test above would see it: with a window twice as large the same inflater fails. */
static void a_window_too_large_is_seen(void **state) {
  struct wsuv__codec *deflater = new_deflater(10);
  struct wsuv__codec *inflater = new_inflater(8);
  size_t len = make_text(text, 40000, 7);
  struct sink wire = {NULL, 0, 0};
  struct sink back = {NULL, 0, 0};
  (void)state;
  compress_in_steps(deflater, text, len, LEN_MAX, 1000, &wire);
  CHECK_ERR(WSUV_EPAYLOAD, decompress_in_steps(inflater, wire.octets, wire.len, LEN_MAX, 1, &back));
  free(wire.octets);
  free(back.octets);
  wsuv__deflater_free(deflater);
  wsuv__inflater_free(inflater);
}

/* ---- flushing ---- */

static size_t flush(struct wsuv__codec *codec, const char *data, enum wsuv__codec_end end,
                    uint8_t *room) {
  wsuv_extension_step_t step;
  memset(&step, 0, sizeof step);
  step.in = (const uint8_t *)data;
  step.in_len = strlen(data);
  step.out = room;
  step.out_len = 256;
  CHECK_INT(WSUV_STEP_DONE, wsuv__deflater_run(codec, &step, end));
  return (size_t)(step.out - room);
}

/* covers: PMS.7 PMD.6 D062 */
static void a_flush_lets_everything_out_once(void **state) {
  static const uint8_t flushed[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0, 0, 0xff, 0xff};
  static const uint8_t empty[] = {0};
  struct wsuv__codec *codec = new_deflater(15);
  uint8_t room[256];
  (void)state;
  CHECK_SIZE(0, flush(codec, "", CODEC_FLUSH, room));
  CHECK_SIZE(0, flush(codec, "Hello", CODEC_GO_ON, room));
  CHECK_SIZE(sizeof flushed, flush(codec, "", CODEC_FLUSH, room));
  CHECK_BYTES(flushed, sizeof flushed, room, sizeof flushed);
  CHECK_SIZE(0, flush(codec, "", CODEC_FLUSH, room));
  CHECK_SIZE(1, flush(codec, "", CODEC_FINISH, room));
  CHECK_BYTES(empty, 1, room, 1);
  CHECK_SIZE(1, flush(codec, "", CODEC_FINISH, room));
  CHECK_BYTES(empty, 1, room, 1);
  wsuv__deflater_free(codec);
}

/* ---- what peers send ---- */

struct inflate_case {
  const char *name;
  const char *messages[3]; /* hex */
  const char *outputs[3];  /* NULL: an error */
};

/* covers: D051 D052 D057 D058 D059 D060 D061 D062 D063 PMD.7 PMD.8 PMD.11 */
static const struct inflate_case inflate_cases[] = {
    {"fixed block", {"f248cdc9c90700"}, {"Hello"}},
    {"the window is kept", {"f248cdc9c90700", "f200110000"}, {"Hello", "Hello"}},
    {"stored block", {"000500faff48656c6c6f00"}, {"Hello"}},
    {"final block", {"f348cdc9c9070000"}, {"Hello"}},
    {"final block, then others",
     {"f348cdc9c9070000", "f348cdc9c9070000", "f248cdc9c90700"},
     {"Hello", "Hello", "Hello"}},
    {"the window outlives a final block", {"f348cdc9c9070000", "f200110000"}, {"Hello", "Hello"}},
    {"final block without an empty one", {"f348cdc9c90700", "f200110000"}, {"Hello", "Hello"}},
    {"final blocks within a message", {"f348cdc9c90700f348cdc9c90700", "00"}, {"HelloHello", ""}},
    {"two blocks", {"f24805000000ffffcac9c90700"}, {"Hello"}},
    {"empty block", {"00", "00", "f248cdc9c90700"}, {"", "", "Hello"}},
    {"nothing at all", {"", "f248cdc9c90700", ""}, {"", "Hello", ""}},
    {"empty stored blocks", {"000000ffff000000ffff00"}, {""}},
    {"empty final blocks", {"030003000300"}, {""}},
    {"block type 3", {"06"}, {NULL}},
    {"ff", {"ff"}, {NULL}},
    {"stored length without its complement", {"000500ffff48656c6c6f00"}, {NULL}},
    {"a distance too far", {"f200110000"}, {NULL}},
    {"a message that stops in a stored block, four octets before its end",
     {"000900f6ff48656c6c6f"},
     {NULL}},
    {"in a stored block, long before its end", {"00ff0000ff48656c6c6f"}, {NULL}},
    {"in the length of a stored block", {"000500"}, {NULL}},
    {"in a fixed block", {"f248cdc9"}, {NULL}},
    {"in a fixed block, behind its last octet", {"f248cdc9c907"}, {NULL}},
    {"in a dynamic block", {"05c08109000000"}, {NULL}},
    {"junk behind a final block", {"f348cdc9c90700ff"}, {NULL}},
    {"the end was not dropped", {"f248cdc9c907000000ffff"}, {NULL}},
};

static size_t from_hex(const char *hex, uint8_t *out) {
  size_t n = 0;
  for (; *hex != '\0'; hex += 2) {
    char pair[3] = {hex[0], hex[1], '\0'};
    out[n++] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return n;
}

static void run_inflate_case_in(const struct inflate_case *c, size_t in_step, size_t out_step) {
  struct wsuv__codec *codec = new_inflater(15);
  size_t i;
  for (i = 0; i < 3 && c->messages[i] != NULL; i++) {
    struct sink back = {NULL, 0, 0};
    uint8_t octets[64];
    size_t len = from_hex(c->messages[i], octets);
    int err = decompress_in_steps(codec, octets, len, in_step, out_step, &back);
    CHECK_ERR(c->outputs[i] != NULL ? 0 : WSUV_EPAYLOAD, err);
    if (c->outputs[i] != NULL)
      CHECK_BYTES(c->outputs[i], strlen(c->outputs[i]), back.octets, back.len);
    free(back.octets);
  }
  wsuv__inflater_free(codec);
}

static void run_inflate_case(const void *row) {
  size_t in_step;
  size_t out_step;
  for (in_step = 1; in_step <= 16; in_step++)
    for (out_step = 1; out_step <= 16; out_step++)
      run_inflate_case_in(row, in_step, out_step);
}

/* covers: D054 D055 PMD.12 */
static void a_reset_forgets_the_window(void **state) {
  static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0};
  static const uint8_t again[] = {0xf2, 0x00, 0x11, 0x00, 0x00};
  struct wsuv__codec *codec = new_inflater(15);
  struct sink back = {NULL, 0, 0};
  (void)state;
  CHECK_ERR(0, decompress_in_steps(codec, hello, sizeof hello, 7, 7, &back));
  wsuv__inflater_reset(codec);
  CHECK_ERR(WSUV_EPAYLOAD, decompress_in_steps(codec, again, sizeof again, 7, 7, &back));
  wsuv__inflater_reset(codec);
  CHECK_ERR(0, decompress_in_steps(codec, hello, sizeof hello, 7, 7, &back));
  free(back.octets);
  wsuv__inflater_free(codec);
}

/* ---- memory ---- */

static int use_codecs(const wsuv_allocator_t *a, size_t *memory) {
  static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0};
  struct wsuv__codec *deflater;
  struct wsuv__codec *inflater;
  struct sink back = {NULL, 0, 0};
  int err = wsuv__deflater_new(&deflater, a, memory, 12, &settings);
  if (err != 0)
    return err;
  err = wsuv__inflater_new(&inflater, a, memory, 12);
  if (err == 0) {
    err = decompress_in_steps(inflater, hello, sizeof hello, 7, 2, &back);
    CHECK_SIZE(deflater->memory + inflater->memory, *memory);
    wsuv__inflater_free(inflater);
  }
  wsuv__deflater_free(deflater);
  free(back.octets);
  return err;
}

/* covers: W210 */
static void every_allocation_may_fail(void **state) {
  struct failing_alloc fa;
  size_t n;
  (void)state;
  for (n = 1;; n++) {
    size_t memory = 0;
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = use_codecs(&fa.allocator, &memory);
    CHECK_SIZE(0, memory);
    failing_alloc_check_no_leaks(&fa);
    if (!failing_alloc_has_failed(&fa)) {
      CHECK_ERR(0, err);
      break;
    }
    CHECK_ERR(WSUV_ENOMEM, err);
  }
  CHECK_TRUE(n > 4); /* two codecs and what they hold */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_steps_make_the_same),
      cmocka_unit_test(no_match_is_out_of_the_window),
      cmocka_unit_test(a_window_too_large_is_seen),
      cmocka_unit_test(a_flush_lets_everything_out_once),
      cmocka_unit_test(a_reset_forgets_the_window),
      cmocka_unit_test(every_allocation_may_fail),
  };
  int failed = cmocka_run_group_tests_name("codec", tests, NULL, NULL);
  return failed + CHECK_RUN_TABLE("codec: what peers send", inflate_cases, run_inflate_case);
}
