#include "signals.h"

#include <signal.h>

/* Who is to outlive the terminal was started with SIGHUP ignored. */
static int is_ignored(int number) {
#if !defined(_WIN32)
  struct sigaction action;
  return number == SIGHUP && sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
#else
  (void)number;
  return 0;
#endif
}

static void on_signal(uv_signal_t *handle, int number) {
  signals_t *signals = (signals_t *)handle->data;
  signals->number = number;
  signals->stop(signals->arg, signals->again);
  signals->again = 1;
}

static void on_hangup(uv_signal_t *handle, int number) {
  signals_t *signals = (signals_t *)handle->data;
  (void)number;
  signals->hangup(signals->hangup_arg);
}

int signals_start(signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                  void *arg) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  signals->stop = stop;
  signals->arg = arg;
  signals->again = signals->number = 0;
  for (int i = 0; i < 3; i++) {
    uv_signal_t *handle = &signals->handles[i];
    uv_signal_init(loop, handle);
    handle->data = signals;
    uv_unref((uv_handle_t *)handle);
    int err = is_ignored(numbers[i]) ? 0 : uv_signal_start(handle, on_signal, numbers[i]);
    if (err != 0)
      return err;
  }
  return 0;
}

int signals_on_hangup(signals_t *signals, void (*hangup)(void *arg), void *arg) {
  signals->hangup = hangup;
  signals->hangup_arg = arg;
  return uv_signal_start(&signals->handles[2], on_hangup, SIGHUP);
}

void signals_end(signals_t *signals) {
  for (int i = 0; i < 3; i++)
    uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
