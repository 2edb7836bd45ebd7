#include "io/wheel.h"
#include "support/check.h"

enum { TICK = WSUV__WHEEL_TICK_MS, TURN = WSUV__WHEEL_SLOTS * WSUV__WHEEL_TICK_MS };

struct timer {
  struct wsuv__wheel_entry entry;
  int nfired;
  struct wsuv__wheel *wheel;
  struct timer *other;
  uint64_t again_ms;
};

static struct timer *timer_of(struct wsuv__wheel_entry *entry) {
  return (struct timer *)(void *)entry;
}

static void count(struct wsuv__wheel_entry *entry) {
  timer_of(entry)->nfired++;
}

static struct wsuv__wheel wheel;

static struct timer new_timer(void (*on_due)(struct wsuv__wheel_entry *entry)) {
  struct timer timer = {{{NULL, NULL}, 0, NULL}, 0, &wheel, NULL, 0};
  timer.entry.on_due = on_due;
  return timer;
}

static void init_timer(struct timer *timer, void (*on_due)(struct wsuv__wheel_entry *entry)) {
  *timer = new_timer(on_due);
  wsuv__wheel_entry_init(&timer->entry, on_due);
}

/* Never early, at most a tick late: for every phase of the clock, and turns of the wheel ahead. */
static void deadlines_fire_once_and_never_early(void **state) {
  static const uint64_t delays[] = {0,        1,    TICK - 1, TICK,         100,
                                    TURN - 1, TURN, TURN + 1, 3 * TURN + 7, 100000};
  uint64_t start;
  size_t i;
  (void)state;
  for (start = 1000; start < 1000 + 2 * TICK; start++) {
    for (i = 0; i < sizeof delays / sizeof delays[0]; i++) {
      uint64_t now = start;
      struct timer t;
      init_timer(&t, count);
      wsuv__wheel_init(&wheel, start);
      wsuv__wheel_set(&wheel, &t.entry, start + delays[i]);
      while (t.nfired == 0) {
        now = wsuv__wheel_next_ms(&wheel);
        CHECK_TRUE(now <= start + delays[i] + TICK);
        wsuv__wheel_advance(&wheel, now);
      }
      CHECK_TRUE(now > start + delays[i] || now == start + delays[i]);
      CHECK_SIZE(UINT64_MAX, wsuv__wheel_next_ms(&wheel));
      wsuv__wheel_advance(&wheel, now + 10 * TURN);
      CHECK_INT(1, t.nfired);
    }
  }
}

static void a_long_sleep_catches_up(void **state) {
  struct timer timers[50];
  size_t i;
  (void)state;
  wsuv__wheel_init(&wheel, 0);
  for (i = 0; i < 50; i++) {
    init_timer(&timers[i], count);
    wsuv__wheel_set(&wheel, &timers[i].entry, i * 400);
  }
  wsuv__wheel_advance(&wheel, 25 * 400 + TICK);
  for (i = 0; i < 50; i++)
    CHECK_INT(i <= 25, timers[i].nfired);
  wsuv__wheel_advance(&wheel, UINT64_C(1) << 40);
  for (i = 0; i < 50; i++)
    CHECK_INT(1, timers[i].nfired);
}

static void deadlines_move_and_clear(void **state) {
  struct timer a;
  struct timer b;
  (void)state;
  wsuv__wheel_init(&wheel, 0);
  init_timer(&a, count);
  init_timer(&b, count);
  CHECK_SIZE(UINT64_MAX, wsuv__wheel_next_ms(&wheel));
  wsuv__wheel_set(&wheel, &a.entry, 100);
  wsuv__wheel_set(&wheel, &b.entry, 100);
  wsuv__wheel_set(&wheel, &a.entry, 1000);
  wsuv__wheel_clear(&b.entry);
  wsuv__wheel_clear(&b.entry);
  wsuv__wheel_advance(&wheel, 500);
  CHECK_INT(0, a.nfired + b.nfired);
  CHECK_TRUE(wsuv__wheel_next_ms(&wheel) > 1000);
  wsuv__wheel_set(&wheel, &a.entry, 0); /* in the past: at the next tick */
  CHECK_TRUE(wsuv__wheel_next_ms(&wheel) <= 500 + 2 * TICK);
  wsuv__wheel_advance(&wheel, 500 + 2 * TICK);
  CHECK_INT(1, a.nfired);
}

static void set_again(struct wsuv__wheel_entry *entry) {
  struct timer *timer = timer_of(entry);
  timer->nfired++;
  wsuv__wheel_set(timer->wheel, entry, timer->again_ms);
}

static void a_callback_may_set_its_own_entry(void **state) {
  struct timer t;
  (void)state;
  wsuv__wheel_init(&wheel, 0);
  init_timer(&t, set_again);
  t.again_ms = 200;
  wsuv__wheel_set(&wheel, &t.entry, 100);
  wsuv__wheel_advance(&wheel, 150);
  CHECK_INT(1, t.nfired);
  t.again_ms = 0;
  wsuv__wheel_advance(&wheel, 250);
  CHECK_INT(2, t.nfired);
  wsuv__wheel_advance(&wheel, 250);
  CHECK_INT(2, t.nfired);
  wsuv__wheel_advance(&wheel, 250 + TICK);
  CHECK_INT(3, t.nfired);
}

static void clear_other(struct wsuv__wheel_entry *entry) {
  struct timer *timer = timer_of(entry);
  timer->nfired++;
  wsuv__wheel_clear(&timer->other->entry);
}

static void a_callback_may_clear_an_entry_that_is_due_too(void **state) {
  struct timer a;
  struct timer b;
  (void)state;
  wsuv__wheel_init(&wheel, 0);
  init_timer(&a, clear_other);
  init_timer(&b, clear_other);
  a.other = &b;
  b.other = &a;
  wsuv__wheel_set(&wheel, &a.entry, 100);
  wsuv__wheel_set(&wheel, &b.entry, 101);
  wsuv__wheel_advance(&wheel, 1000);
  CHECK_INT(1, a.nfired + b.nfired);
}

static void far_deadlines_do_not_wrap(void **state) {
  struct timer t;
  (void)state;
  wsuv__wheel_init(&wheel, 5000);
  init_timer(&t, count);
  wsuv__wheel_set(&wheel, &t.entry, UINT64_MAX);
  wsuv__wheel_advance(&wheel, UINT64_C(1) << 50);
  CHECK_INT(0, t.nfired);
  wsuv__wheel_clear(&t.entry);
}

static void time_that_stands_still_or_goes_back_is_harmless(void **state) {
  struct timer t;
  (void)state;
  wsuv__wheel_init(&wheel, 5000);
  init_timer(&t, count);
  wsuv__wheel_set(&wheel, &t.entry, 6000);
  wsuv__wheel_advance(&wheel, 5000);
  wsuv__wheel_advance(&wheel, 100);
  CHECK_INT(0, t.nfired);
  wsuv__wheel_advance(&wheel, 6000 + TICK);
  CHECK_INT(1, t.nfired);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(deadlines_fire_once_and_never_early),
      cmocka_unit_test(a_long_sleep_catches_up),
      cmocka_unit_test(deadlines_move_and_clear),
      cmocka_unit_test(a_callback_may_set_its_own_entry),
      cmocka_unit_test(a_callback_may_clear_an_entry_that_is_due_too),
      cmocka_unit_test(far_deadlines_do_not_wrap),
      cmocka_unit_test(time_that_stands_still_or_goes_back_is_harmless),
  };
  return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
