#include "io/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "wsuv/errno.h"

#define MANY 1000

struct letter {
  struct wsuv__mail mail;
  struct rig *rig;
  int number;
  int status; /* 1: it did not run */
};

struct rig {
  uv_loop_t uv;
  struct wsuv__mailbox box;
  struct letter letters[MANY];
  int order[MANY]; /* numbers, as they ran */
  int nrun;
  void (*on_run)(struct rig *rig, struct letter *letter);
  int nturns;
  int nrun_at_first_turn;
};

static void run_letter(struct wsuv__mail *mail, int status) {
  struct letter *letter = WSUV__LIST_ENTRY(mail, struct letter, mail);
  struct rig *rig = letter->rig;

  CHECK_INT(1, letter->status);
  letter->status = status;
  rig->order[rig->nrun++] = letter->number;
  if (rig->on_run != NULL)
    rig->on_run(rig, letter);
}

static void rig_open(struct rig *rig) {
  int i;

  memset(rig, 0, sizeof *rig);
  CHECK_INT(0, uv_loop_init(&rig->uv));
  CHECK_ERR(0, wsuv__mailbox_init(&rig->box, &rig->uv));
  CHECK_FALSE(uv_loop_alive(&rig->uv));
  uv_ref((uv_handle_t *)&rig->box.async); /* a uv_loop_t that nothing keeps alive does not turn */
  for (i = 0; i < MANY; i++)
    rig->letters[i] = (struct letter){{{NULL, NULL}, run_letter}, rig, i, 1};
}

static int put(struct rig *rig, int i) {
  return wsuv__mailbox_put(&rig->box, &rig->letters[i].mail);
}

static void on_closed(uv_handle_t *handle) {
  wsuv__mailbox_end(WSUV__LIST_ENTRY(handle, struct wsuv__mailbox, async));
}

static void rig_close(struct rig *rig) {
  wsuv__mailbox_close(&rig->box);
  uv_close((uv_handle_t *)&rig->box.async, on_closed);
  uv_run(&rig->uv, UV_RUN_DEFAULT);
  wsuv__mailbox_free(&rig->box);
  CHECK_INT(0, uv_loop_close(&rig->uv));
}

static void turn(struct rig *rig) {
  (void)uv_run(&rig->uv, UV_RUN_NOWAIT);
}

static void all_run_in_order_and_outside_of_put(void **state) {
  static struct rig rig;
  int i;
  (void)state;
  rig_open(&rig);
  for (i = 0; i < 100; i++)
    CHECK_ERR(0, put(&rig, i));
  CHECK_INT(0, rig.nrun);
  turn(&rig);
  CHECK_INT(100, rig.nrun);
  for (i = 0; i < 100; i++) {
    CHECK_INT(i, rig.order[i]);
    CHECK_ERR(0, rig.letters[i].status);
  }
  CHECK_ERR(0, put(&rig, 100));
  turn(&rig);
  CHECK_INT(101, rig.nrun);
  rig_close(&rig);
}

static void the_bound_is_exact(void **state) {
  static struct rig rig;
  int i;
  (void)state;
  rig_open(&rig);
  rig.box.max = 10;
  for (i = 0; i < 10; i++)
    CHECK_ERR(0, put(&rig, i));
  CHECK_ERR(WSUV_EQUEUEFULL, put(&rig, 10));
  turn(&rig);
  CHECK_INT(10, rig.nrun);
  CHECK_ERR(0, put(&rig, 10));
  turn(&rig);
  CHECK_INT(11, rig.nrun);
  rig_close(&rig);
}

static void put_the_next(struct rig *rig, struct letter *letter) {
  if (letter->number + 1 < MANY)
    CHECK_ERR(0, put(rig, letter->number + 1));
}

static void on_turn(uv_check_t *check) {
  struct rig *rig = check->data;
  if (rig->nturns++ == 0)
    rig->nrun_at_first_turn = rig->nrun;
}

/* A thousand are not one turn's work, and who puts from inside runs in a later turn. */
static void others_have_their_turns_in_between(void **state) {
  static struct rig rig;
  uv_check_t check;
  int i;
  (void)state;
  rig_open(&rig);
  CHECK_INT(0, uv_check_init(&rig.uv, &check));
  check.data = &rig;
  CHECK_INT(0, uv_check_start(&check, on_turn));
  for (i = 0; i < MANY; i++)
    CHECK_ERR(0, put(&rig, i));
  for (i = 0; i < 20 && rig.nrun < MANY; i++)
    turn(&rig);
  CHECK_INT(MANY, rig.nrun);
  CHECK_TRUE(rig.nrun_at_first_turn < MANY);
  CHECK_TRUE(rig.nturns > 2);
  for (i = 0; i < MANY; i++)
    CHECK_INT(i, rig.order[i]);
  uv_close((uv_handle_t *)&check, NULL);
  rig_close(&rig);
}

static void who_puts_from_inside_does_not_go_on_for_ever(void **state) {
  static struct rig rig;
  int i;
  (void)state;
  rig_open(&rig);
  rig.on_run = put_the_next;
  CHECK_ERR(0, put(&rig, 0));
  turn(&rig);
  CHECK_TRUE(rig.nrun > 0 && rig.nrun < MANY);
  for (i = 0; i < MANY && rig.nrun < MANY; i++)
    turn(&rig);
  CHECK_INT(MANY, rig.nrun);
  rig_close(&rig);
}

static void what_waits_at_the_close_is_canceled(void **state) {
  static struct rig rig;
  int i;
  (void)state;
  rig_open(&rig);
  for (i = 0; i < MANY; i++)
    CHECK_ERR(0, put(&rig, i));
  wsuv__mailbox_close(&rig.box);
  CHECK_INT(0, rig.nrun);
  turn(&rig); /* some run before the end ... */
  CHECK_TRUE(rig.nrun > 0 && rig.nrun < MANY);
  rig_close(&rig); /* ... and all others at the end */
  CHECK_INT(MANY, rig.nrun);
  for (i = 0; i < MANY; i++)
    CHECK_ERR(WSUV_ECANCELED, rig.letters[i].status);
}

static void close_at_the_third(struct rig *rig, struct letter *letter) {
  if (letter->number == 2)
    wsuv__mailbox_close(&rig->box);
  if (letter->number >= 2)
    CHECK_ERR(WSUV_ESTATE, put(rig, MANY - 1));
}

static void one_of_them_closes_it(void **state) {
  static struct rig rig;
  int i;
  (void)state;
  rig_open(&rig);
  rig.on_run = close_at_the_third;
  for (i = 0; i < 5; i++)
    CHECK_ERR(0, put(&rig, i));
  turn(&rig);
  CHECK_INT(5, rig.nrun);
  for (i = 0; i < 5; i++)
    CHECK_ERR(i < 3 ? 0 : WSUV_ECANCELED, rig.letters[i].status);
  CHECK_INT(1, rig.letters[MANY - 1].status);
  rig_close(&rig);
}

static void all_or_none(void **state) {
  static struct rig rigs[3];
  struct wsuv__mailbox *boxes[3];
  struct wsuv__mail *mails[3];
  int i;
  (void)state;
  for (i = 0; i < 3; i++) {
    rig_open(&rigs[i]);
    boxes[i] = &rigs[i].box;
    mails[i] = &rigs[i].letters[0].mail;
  }
  rigs[2].box.max = 1;
  CHECK_ERR(0, put(&rigs[2], 1));
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv__mailbox_put_all(boxes, mails, 3));
  for (i = 0; i < 3; i++)
    turn(&rigs[i]);
  CHECK_INT(0, rigs[0].nrun);
  CHECK_INT(0, rigs[1].nrun);
  CHECK_INT(1, rigs[2].nrun);
  CHECK_ERR(0, wsuv__mailbox_put_all(boxes, mails, 3));
  for (i = 0; i < 3; i++) {
    turn(&rigs[i]);
    CHECK_ERR(0, rigs[i].letters[0].status);
  }
  wsuv__mailbox_close(&rigs[1].box);
  for (i = 0; i < 3; i++)
    mails[i] = &rigs[i].letters[2].mail;
  CHECK_ERR(WSUV_ESTATE, wsuv__mailbox_put_all(boxes, mails, 3));
  for (i = 0; i < 3; i++) {
    rig_close(&rigs[i]);
    CHECK_INT(1, rigs[i].letters[2].status);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_run_in_order_and_outside_of_put),
      cmocka_unit_test(the_bound_is_exact),
      cmocka_unit_test(others_have_their_turns_in_between),
      cmocka_unit_test(who_puts_from_inside_does_not_go_on_for_ever),
      cmocka_unit_test(what_waits_at_the_close_is_canceled),
      cmocka_unit_test(one_of_them_closes_it),
      cmocka_unit_test(all_or_none),
  };
  return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
