#include "signals.h"

static void on_signal(uv_signal_t *handle, int number) {
  signals_t *signals = (signals_t *)handle->data;
  (void)number;
  signals->stop(signals->arg, signals->again);
  signals->again = 1;
}

int signals_start(signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                  void *arg) {
  static const int numbers[] = {SIGINT, SIGTERM};
  signals->stop = stop;
  signals->arg = arg;
  signals->again = 0;
  for (int i = 0; i < 2; i++) {
    uv_signal_t *handle = &signals->handles[i];
    uv_signal_init(loop, handle);
    handle->data = signals;
    uv_unref((uv_handle_t *)handle);
    int err = uv_signal_start(handle, on_signal, numbers[i]);
    if (err != 0)
      return err;
  }
  return 0;
}

void signals_end(signals_t *signals) {
  for (int i = 0; i < 2; i++)
    uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
