#include <string.h>

#include "proto/message.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static wsuv_frame_header_t header_of(uint8_t opcode, uint64_t len) {
  wsuv_frame_header_t header = {0, 0, 0, 1, 0, {0, 0, 0, 0}};
  header.opcode = opcode;
  header.payload_len = len;
  return header;
}

static int begin(struct wsuv__message *m, uint8_t opcode, uint64_t len, uint64_t max) {
  wsuv_frame_header_t header = header_of(opcode, len);
  int err = wsuv__message_begin_frame(m, &header, UINT32_MAX);
  return err != 0 ? err : wsuv__message_grow(m, len, max);
}

/* covers: W116 W117 DEF.4 DEF.11 */
static void frames_have_to_follow_each_other_rightly(void **state) {
  struct wsuv__message m;
  (void)state;
  wsuv__message_init(&m);
  CHECK_INT(MESSAGE_NONE, m.state);
  CHECK_ERR(WSUV_ECONTINUATION, begin(&m, WSUV_CONTINUATION, 0, 100));
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 5, 100));
  CHECK_INT(WSUV_BINARY, m.state);
  CHECK_ERR(0, begin(&m, WSUV_CONTINUATION, 5, 100));
  CHECK_ERR(WSUV_EINTERLEAVED, begin(&m, WSUV_TEXT, 5, 100));
  CHECK_ERR(WSUV_EINTERLEAVED, begin(&m, WSUV_BINARY, 5, 100));
  CHECK_INT(WSUV_BINARY, m.state);
}

/* covers: W205 W206 DEF.9 */
static void the_limit_counts_what_was_kept_and_what_is_announced(void **state) {
  struct failing_alloc fa;
  struct wsuv__message m;
  (void)state;
  failing_alloc_init(&fa);
  wsuv__message_init(&m);
  CHECK_ERR(WSUV_EMSGSIZE, begin(&m, WSUV_BINARY, 11, 10));
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 7, 10));
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, (const uint8_t *)"0123456", 7, 0));
  CHECK_ERR(WSUV_EMSGSIZE, begin(&m, WSUV_CONTINUATION, 4, 10));
  CHECK_ERR(0, begin(&m, WSUV_CONTINUATION, 3, 10));
  CHECK_ERR(0, begin(&m, WSUV_CONTINUATION, 0, 10));
  CHECK_ERR(WSUV_EMSGSIZE, begin(&m, WSUV_CONTINUATION, 1, 10));
  CHECK_ERR(WSUV_EMSGSIZE, begin(&m, WSUV_CONTINUATION, INT64_MAX, 10));
  CHECK_ERR(WSUV_EMSGSIZE, begin(&m, WSUV_CONTINUATION, UINT64_MAX, 10));
  wsuv__message_reset(&m, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

/* covers: PAR.4 W205 */
static void memory_grows_with_what_arrived_not_with_what_was_announced(void **state) {
  struct failing_alloc fa;
  struct wsuv__message m;
  uint8_t piece[1000];
  size_t i;
  (void)state;
  memset(piece, 'x', sizeof piece);
  failing_alloc_init(&fa);
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, INT64_MAX, INT64_MAX));
  for (i = 0; i < 50; i++) {
    size_t arrived = m.buf.len + sizeof piece;
    CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, piece, sizeof piece, INT64_MAX - arrived));
    CHECK_TRUE(m.buf.cap <= 4 * arrived);
  }
  CHECK_SIZE(50000, m.buf.len);
  wsuv__message_reset(&m, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

static void a_known_end_needs_one_allocation(void **state) {
  struct failing_alloc fa;
  struct wsuv__message m;
  uint8_t piece[1000];
  (void)state;
  memset(piece, 'x', sizeof piece);
  failing_alloc_init(&fa);
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 2000, 5000));
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, piece, 1000, 1000));
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, piece, 1000, 0));
  CHECK_SIZE(1, fa.ncalls);
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, NULL, 0, 0));
  wsuv__message_reset(&m, &fa.allocator);
}

/* covers: W142 W143 W190 DEF.10 */
static void text_is_validated_across_frames_and_binary_is_not(void **state) {
  struct wsuv__message m;
  (void)state;
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_TEXT, 1, 100));
  CHECK_ERR(0, wsuv__message_validate(&m, (const uint8_t *)"\xe2", 1));
  CHECK_ERR(WSUV_EENCODING, wsuv__message_finish(&m));
  CHECK_ERR(0, wsuv__message_validate(&m, (const uint8_t *)"\x82\xac", 2));
  CHECK_ERR(0, wsuv__message_finish(&m));
  CHECK_ERR(WSUV_EENCODING, wsuv__message_validate(&m, (const uint8_t *)"\xff", 1));
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 1, 100));
  CHECK_ERR(0, wsuv__message_validate(&m, (const uint8_t *)"\xff\xe2", 2));
  CHECK_ERR(0, wsuv__message_finish(&m));
}

static void reset_forgets_everything(void **state) {
  struct failing_alloc fa;
  struct wsuv__message m;
  (void)state;
  failing_alloc_init(&fa);
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_TEXT, 3, 100));
  CHECK_ERR(0, wsuv__message_validate(&m, (const uint8_t *)"ab\xc3", 3));
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, (const uint8_t *)"ab\xc3", 3, 0));
  wsuv__message_reset(&m, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
  CHECK_INT(MESSAGE_NONE, m.state);
  CHECK_ERR(0, wsuv__message_finish(&m));
  CHECK_SIZE(0, m.buf.len);
}

/* One block right behind the other, as pools hand them out. */
struct pool {
  uint8_t octets[4096];
  size_t used;
};

static void *take_block(void *arg, size_t size) {
  struct pool *pool = arg;
  void *block = pool->octets + pool->used;
  CHECK_TRUE(size <= sizeof pool->octets - pool->used);
  pool->used += size;
  return block;
}

static void *move_block(void *arg, void *block, size_t size) {
  void *moved = take_block(arg, size);
  if (block != NULL)
    memmove(moved, block, size);
  return moved;
}

static void keep_block(void *arg, void *block) {
  (void)arg;
  (void)block;
}

static void octets_that_lie_behind_a_full_buffer_are_not_in_it(void **state) {
  struct pool pool = {.used = 0};
  wsuv_allocator_t a = {take_block, move_block, keep_block, &pool};
  struct wsuv__message m;
  uint8_t piece[64];
  uint8_t *behind;
  (void)state;
  memset(piece, 'x', sizeof piece);
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 67, 100));
  CHECK_ERR(0, wsuv__message_keep(&m, &a, piece, sizeof piece, 0));
  CHECK_SIZE(sizeof piece, m.buf.cap);
  behind = take_block(&pool, 3);
  memcpy(behind, "yyy", 3);
  CHECK_PTR(m.buf.base + m.buf.len, behind);
  CHECK_ERR(0, wsuv__message_keep(&m, &a, behind, 3, 0));
  CHECK_TRUE(m.buf.cap >= m.buf.len);
  memset(behind, 'z', 3);
  CHECK_BYTES("xyyy", 4, m.buf.base + 63, m.buf.len - 63);
}

static void without_memory_the_message_stays_as_it_was(void **state) {
  struct failing_alloc fa;
  struct wsuv__message m;
  uint8_t piece[100];
  (void)state;
  memset(piece, 'x', sizeof piece);
  failing_alloc_init(&fa);
  wsuv__message_init(&m);
  CHECK_ERR(0, begin(&m, WSUV_BINARY, 150, 1000));
  CHECK_ERR(0, wsuv__message_keep(&m, &fa.allocator, piece, 50, 0));
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__message_keep(&m, &fa.allocator, piece, 100, 0));
  CHECK_SIZE(50, m.buf.len);
  wsuv__message_reset(&m, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_have_to_follow_each_other_rightly),
      cmocka_unit_test(the_limit_counts_what_was_kept_and_what_is_announced),
      cmocka_unit_test(memory_grows_with_what_arrived_not_with_what_was_announced),
      cmocka_unit_test(a_known_end_needs_one_allocation),
      cmocka_unit_test(text_is_validated_across_frames_and_binary_is_not),
      cmocka_unit_test(reset_forgets_everything),
      cmocka_unit_test(octets_that_lie_behind_a_full_buffer_are_not_in_it),
      cmocka_unit_test(without_memory_the_message_stays_as_it_was),
  };
  return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
