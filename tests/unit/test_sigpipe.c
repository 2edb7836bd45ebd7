#include <signal.h>
#include <uv.h>
#include <wsuv/loop.h>

#include "support/check.h"

typedef void (*disposition)(int);

static void own_handler(int number) {
  (void)number;
}

static disposition disposition_now(void) {
  struct sigaction action;
  CHECK_INT(0, sigaction(SIGPIPE, NULL, &action));
  return action.sa_handler;
}

/* The disposition after a loop was made while it was `before`. */
static disposition after_a_loop(disposition before, int keep_sigpipe) {
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  disposition after;
  wsuv_loop_t *loop;
  uv_loop_t uv;
  (void)signal(SIGPIPE, before);
  options.keep_sigpipe = keep_sigpipe;
  CHECK_INT(0, uv_loop_init(&uv));
  CHECK_ERR(0, wsuv_loop_new(&loop, &uv, &options));
  after = disposition_now();
  CHECK_ERR(0, wsuv_loop_close(loop, NULL, NULL));
  uv_run(&uv, UV_RUN_DEFAULT);
  CHECK_INT(0, uv_loop_close(&uv));
  (void)signal(SIGPIPE, SIG_DFL);
  return after;
}

/* covers: UV.12 */
static void a_loop_ignores_it_where_it_would_kill(void **state) {
  (void)state;
  CHECK_TRUE(after_a_loop(SIG_DFL, 0) == SIG_IGN);
}

static void what_the_program_set_stays(void **state) {
  (void)state;
  CHECK_TRUE(after_a_loop(own_handler, 0) == own_handler);
  CHECK_TRUE(after_a_loop(SIG_IGN, 0) == SIG_IGN);
  CHECK_TRUE(after_a_loop(SIG_DFL, 1) == SIG_DFL);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_loop_ignores_it_where_it_would_kill),
      cmocka_unit_test(what_the_program_set_stays),
  };
  return cmocka_run_group_tests_name("sigpipe", tests, NULL, NULL);
}
