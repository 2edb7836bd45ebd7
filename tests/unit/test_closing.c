/* The closing handshake's table, all of it. */
#include "proto/closing.h"
#include "support/check.h"

struct step_row {
  const char *name;
  enum wsuv__closing_state state;
  enum wsuv__closing_event event;
  enum wsuv__closing_state next;
  enum wsuv__closing_action action;
};

/* covers: W128 W134 W161 W162 W170 EPT.24 EPT.29 EPT.34 EPT.42 */
static const struct step_row steps[] = {
    {"open, we close", CLOSING_NONE, CLOSING_ON_LOCAL_CLOSE, CLOSING_CLOSE_SENT,
     CLOSING_DO_SEND_CLOSE},
    {"open, the peer closes", CLOSING_NONE, CLOSING_ON_PEER_CLOSE, CLOSING_EXCHANGED,
     CLOSING_DO_SEND_ECHO},
    {"open, failure", CLOSING_NONE, CLOSING_ON_FAIL, CLOSING_FAILING, CLOSING_DO_SEND_FAILURE},
    {"open, end", CLOSING_NONE, CLOSING_ON_EOF, CLOSING_ABNORMAL, CLOSING_DO_NOTHING},
    {"open, time", CLOSING_NONE, CLOSING_ON_TIMER, CLOSING_NONE, CLOSING_DO_NOTHING},
    {"sent, we close", CLOSING_CLOSE_SENT, CLOSING_ON_LOCAL_CLOSE, CLOSING_CLOSE_SENT,
     CLOSING_DO_REFUSE},
    {"sent, the peer closes", CLOSING_CLOSE_SENT, CLOSING_ON_PEER_CLOSE, CLOSING_EXCHANGED,
     CLOSING_DO_NOTHING},
    {"sent, failure", CLOSING_CLOSE_SENT, CLOSING_ON_FAIL, CLOSING_FAILING, CLOSING_DO_NOTHING},
    {"sent, end", CLOSING_CLOSE_SENT, CLOSING_ON_EOF, CLOSING_ABNORMAL, CLOSING_DO_NOTHING},
    {"sent, time", CLOSING_CLOSE_SENT, CLOSING_ON_TIMER, CLOSING_ABNORMAL, CLOSING_DO_NOTHING},
    {"exchanged, we close", CLOSING_EXCHANGED, CLOSING_ON_LOCAL_CLOSE, CLOSING_EXCHANGED,
     CLOSING_DO_REFUSE},
    {"exchanged, the peer closes", CLOSING_EXCHANGED, CLOSING_ON_PEER_CLOSE, CLOSING_EXCHANGED,
     CLOSING_DO_NOTHING},
    {"exchanged, failure", CLOSING_EXCHANGED, CLOSING_ON_FAIL, CLOSING_EXCHANGED,
     CLOSING_DO_NOTHING},
    {"exchanged, end", CLOSING_EXCHANGED, CLOSING_ON_EOF, CLOSING_CLEAN, CLOSING_DO_NOTHING},
    {"exchanged, time", CLOSING_EXCHANGED, CLOSING_ON_TIMER, CLOSING_CLEAN, CLOSING_DO_NOTHING},
    {"failing, we close", CLOSING_FAILING, CLOSING_ON_LOCAL_CLOSE, CLOSING_FAILING,
     CLOSING_DO_REFUSE},
    {"failing, the peer closes", CLOSING_FAILING, CLOSING_ON_PEER_CLOSE, CLOSING_FAILING,
     CLOSING_DO_NOTHING},
    {"failing, failure", CLOSING_FAILING, CLOSING_ON_FAIL, CLOSING_FAILING, CLOSING_DO_NOTHING},
    {"failing, end", CLOSING_FAILING, CLOSING_ON_EOF, CLOSING_ABNORMAL, CLOSING_DO_NOTHING},
    {"failing, time", CLOSING_FAILING, CLOSING_ON_TIMER, CLOSING_ABNORMAL, CLOSING_DO_NOTHING},
};

static void run_step(const void *data) {
  const struct step_row *row = data;
  struct wsuv__closing_step step = wsuv__closing_step(row->state, row->event);
  CHECK_STR(wsuv__closing_state_name(row->next), wsuv__closing_state_name(step.next));
  CHECK_INT(row->action, step.action);
}

static void the_end_is_the_end(void **state) {
  static const enum wsuv__closing_state ends[] = {CLOSING_CLEAN, CLOSING_ABNORMAL};
  size_t i;
  int event;
  (void)state;
  for (i = 0; i < 2; i++) {
    for (event = CLOSING_ON_LOCAL_CLOSE; event <= CLOSING_ON_TIMER; event++) {
      struct wsuv__closing_step step = wsuv__closing_step(ends[i], (enum wsuv__closing_event)event);
      CHECK_INT(ends[i], step.next);
      CHECK_INT(event == CLOSING_ON_LOCAL_CLOSE ? CLOSING_DO_REFUSE : CLOSING_DO_NOTHING,
                step.action);
    }
  }
}

/* At most one Close leaves, whatever happens. covers: W127 W128 */
static void no_path_sends_two_closes(void **state) {
  int path;
  (void)state;
  for (path = 0; path < 5 * 5 * 5 * 5 * 5; path++) {
    enum wsuv__closing_state at = CLOSING_NONE;
    int rest = path;
    int nsent = 0;
    int i;
    for (i = 0; i < 5; i++, rest /= 5) {
      struct wsuv__closing_step step = wsuv__closing_step(at, (enum wsuv__closing_event)(rest % 5));
      nsent += step.action >= CLOSING_DO_SEND_CLOSE;
      at = step.next;
    }
    CHECK_TRUE(nsent <= 1);
  }
}

static void states_have_names(void **state) {
  (void)state;
  CHECK_STR("CLOSING_NONE", wsuv__closing_state_name(CLOSING_NONE));
  CHECK_STR("CLOSING_ABNORMAL", wsuv__closing_state_name(CLOSING_ABNORMAL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_end_is_the_end),
      cmocka_unit_test(no_path_sends_two_closes),
      cmocka_unit_test(states_have_names),
  };
  return CHECK_RUN_TABLE("closing steps", steps, run_step) +
         cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
