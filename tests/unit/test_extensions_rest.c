/* Sets of extensions that connections at rest have together: what is shared, what stays, and what is had back. */
#include "proto/extensions_rest.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"

enum { NSETS_MAX = WSUV__SHARED_SETS_MAX + 2 };

/* Sessions are alike if their kind is the same; the count is their own. */
struct session {
  const uint8_t *kind; /* NULL: it stays */
  uint32_t count;
};

static uint8_t kinds[NSETS_MAX];
static int nalive;
static int nunfolds_left; /* until one fails; -1: none does */

static void end(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  nalive--;
  free(session);
}

static const void *fold(const void *arg, void *kept) {
  const struct session *session = arg;

  if (kept == NULL && session->count != 0)
    return NULL;
  if (kept != NULL)
    memcpy(kept, &session->count, sizeof session->count);
  return session->kind;
}

static struct session *new_session(const uint8_t *kind, uint32_t count) {
  struct session *session = malloc(sizeof *session);

  CHECK_NOT_NULL(session);
  session->kind = kind;
  session->count = count;
  nalive++;
  return session;
}

static void *unfold(const wsuv_extension_t *extension, const void *example, const void *kept) {
  struct session *session;

  (void)extension;
  if (nunfolds_left == 0)
    return NULL;
  nunfolds_left -= nunfolds_left > 0;
  session = new_session(((const struct session *)example)->kind, 0);
  if (kept != NULL)
    memcpy(&session->count, kept, sizeof session->count);
  return session;
}

static const wsuv_extension_t first = {
    .size = sizeof first, .token = "first", .rsv = 4, .end = end, .fold = fold, .unfold = unfold};
static const wsuv_extension_t second = {
    .size = sizeof second, .token = "second", .rsv = 2, .end = end, .fold = fold, .unfold = unfold};
static const wsuv_extension_t unfoldable = {.size = sizeof unfoldable, .token = "u", .end = end};

/* Connections, of which only the sets are there. */
struct rig {
  struct failing_alloc fa;
  struct wsuv__shared_sets shared;
  struct wsuv__frame_rules rules;
  struct wsuv__extensions *sets[NSETS_MAX];
  uint8_t kept[NSETS_MAX][2 * WSUV_FOLD_MAX];
  size_t n;
};

static void open_rig(struct rig *rig) {
  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  wsuv__shared_sets_init(&rig->shared);
  rig->rules.max_payload_len = 1000;
  nunfolds_left = -1;
  nalive = 0;
}

/* With both extensions; the second's count is one more. */
static struct wsuv__extensions **add(struct rig *rig, const uint8_t *kind, uint32_t count) {
  wsuv_negotiated_t both[2] = {{&first, NULL}, {&second, NULL}};

  both[0].session = new_session(kind, count);
  both[1].session = new_session(&kinds[0], count + 1);
  CHECK_ERR(0, wsuv__extensions_new(&rig->sets[rig->n], &rig->fa.allocator, &rig->rules, both, 2));
  return &rig->sets[rig->n++];
}

static void share(struct rig *rig, size_t i) {
  wsuv__extensions_share(&rig->sets[i], &rig->shared, rig->kept[i], &rig->fa.allocator);
}

static int unshare(struct rig *rig, size_t i) {
  return wsuv__extensions_unshare(&rig->sets[i], rig->kept[i], &rig->fa.allocator);
}

static void add_and_share(struct rig *rig, const uint8_t *kind, uint32_t count) {
  (void)add(rig, kind, count);
  share(rig, rig->n - 1);
}

static uint32_t count_of(const struct rig *rig, size_t i, size_t stage) {
  return ((const struct session *)rig->sets[i]->stages[stage].session)->count;
}

static void close_rig(struct rig *rig) {
  while (rig->n > 0)
    wsuv__extensions_drop(rig->sets[--rig->n], &rig->fa.allocator);
  CHECK_INT(0, nalive);
  CHECK_SIZE(0, rig->shared.n);
  failing_alloc_check_no_leaks(&rig->fa);
}

static void test_there_and_back(void **state) {
  static struct rig rig;
  size_t i;
  (void)state;

  open_rig(&rig);
  for (i = 0; i < 3; i++)
    add_and_share(&rig, &kinds[1], (uint32_t)(10 * i + 5));
  CHECK_SIZE(1, rig.shared.n);
  CHECK_INT(2, nalive); /* those that are the example */
  CHECK_PTR(rig.sets[0], rig.sets[2]);
  share(&rig, 1); /* it is already */
  for (i = 0; i < 3; i++) {
    CHECK_ERR(0, unshare(&rig, i));
    CHECK_ERR(0, unshare(&rig, i));
    CHECK_INT((int)(10 * i + 5), (int)count_of(&rig, i, 0));
    CHECK_INT((int)(10 * i + 6), (int)count_of(&rig, i, 1));
  }
  CHECK_SIZE(0, rig.shared.n);
  CHECK_INT(6, nalive);
  close_rig(&rig);
}

static void test_none(void **state) {
  static struct rig rig;
  (void)state;

  open_rig(&rig);
  rig.n = 1;
  share(&rig, 0);
  CHECK_ERR(0, unshare(&rig, 0));
  CHECK_PTR(NULL, rig.sets[0]);
  close_rig(&rig);
}

/* Where nothing was counted, nothing can be kept. */
static void test_without_a_place(void **state) {
  static struct rig rig;
  wsuv_negotiated_t one = {&first, NULL};
  (void)state;

  open_rig(&rig);
  one.session = new_session(&kinds[1], 0);
  CHECK_ERR(0, wsuv__extensions_new(&rig.sets[0], &rig.fa.allocator, &rig.rules, &one, 1));
  rig.n = 1;
  wsuv__extensions_share(&rig.sets[0], &rig.shared, NULL, &rig.fa.allocator);
  CHECK_SIZE(1, rig.shared.n);
  CHECK_ERR(0, wsuv__extensions_unshare(&rig.sets[0], NULL, &rig.fa.allocator));
  CHECK_INT(0, (int)count_of(&rig, 0, 0));
  ((struct session *)rig.sets[0]->stages[0].session)->count = 1;
  wsuv__extensions_share(&rig.sets[0], &rig.shared, NULL, &rig.fa.allocator);
  CHECK_SIZE(0, rig.shared.n);
  close_rig(&rig);
}

static void test_what_stays(void **state) {
  static struct rig rig;
  wsuv_negotiated_t mixed[2] = {{&first, NULL}, {&unfoldable, NULL}};
  size_t i;
  (void)state;

  open_rig(&rig);
  (void)add(&rig, NULL, 1);
  (*add(&rig, &kinds[1], 1))->is_lent = 1;
  (*add(&rig, &kinds[1], 1))->sending_rsv = 4;
  (*add(&rig, &kinds[1], 1))->stages[1].encoding = ENCODING_ON;
  (*add(&rig, &kinds[1], 1))->stages[1].decoding = DECODING_BUSY;
  (*add(&rig, &kinds[1], 1))->stages[0].error = WSUV_EPAYLOAD;
  mixed[0].session = new_session(&kinds[1], 1);
  mixed[1].session = new_session(&kinds[1], 1);
  CHECK_ERR(0, wsuv__extensions_new(&rig.sets[rig.n++], &rig.fa.allocator, &rig.rules, mixed, 2));
  for (i = 0; i < rig.n; i++) {
    share(&rig, i);
    CHECK_SIZE(0, rig.shared.n);
  }
  close_rig(&rig);
}

static void test_what_differs(void **state) {
  static struct rig rig;
  (void)state;

  open_rig(&rig);
  add_and_share(&rig, &kinds[1], 1);
  add_and_share(&rig, &kinds[2], 1);
  rig.rules.max_payload_len++;
  add_and_share(&rig, &kinds[1], 1);
  rig.rules.opcodes = 8;
  add_and_share(&rig, &kinds[1], 1);
  CHECK_SIZE(4, rig.shared.n);
  add_and_share(&rig, &kinds[1], 1);
  CHECK_SIZE(4, rig.shared.n);
  CHECK_PTR(rig.sets[3], rig.sets[4]);
  close_rig(&rig);
}

/* Too many kinds: the last ones are not worth it, those that are there go on. */
static void test_many_kinds(void **state) {
  static struct rig rig;
  size_t i;
  (void)state;

  open_rig(&rig);
  for (i = 0; i < NSETS_MAX - 1; i++)
    add_and_share(&rig, &kinds[i], 1);
  CHECK_SIZE(WSUV__SHARED_SETS_MAX, rig.shared.n);
  CHECK_INT(0, (int)rig.sets[i - 1]->nsharers);
  add_and_share(&rig, &kinds[7], 1);
  CHECK_PTR(rig.sets[7], rig.sets[rig.n - 1]);
  close_rig(&rig);
}

static void test_without_memory(void **state) {
  static struct rig rig;
  int left;
  (void)state;

  open_rig(&rig);
  (void)add(&rig, &kinds[1], 3);
  failing_alloc_fail_once(&rig.fa, 1);
  share(&rig, 0);
  CHECK_SIZE(0, rig.shared.n);
  share(&rig, 0);
  CHECK_SIZE(1, rig.shared.n);
  failing_alloc_fail_once(&rig.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, unshare(&rig, 0));
  for (left = 0; left < 2; left++) {
    nunfolds_left = left;
    CHECK_ERR(WSUV_ENOMEM, unshare(&rig, 0));
    CHECK_INT(2, nalive);
  }
  nunfolds_left = -1;
  CHECK_ERR(0, unshare(&rig, 0));
  CHECK_INT(3, (int)count_of(&rig, 0, 0));
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),  cmocka_unit_test(test_none),
      cmocka_unit_test(test_without_a_place), cmocka_unit_test(test_what_stays),
      cmocka_unit_test(test_what_differs),    cmocka_unit_test(test_many_kinds),
      cmocka_unit_test(test_without_memory),
  };

  return cmocka_run_group_tests_name("extensions_rest", tests, NULL, NULL);
}
