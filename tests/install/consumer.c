/* A program that uses the installed library: it opens and closes wsuv's side of a loop. */
#include <stdio.h>

#include <uv.h>
#include <wsuv.h>

static void on_loop_closed(void *arg) {
  *(int *)arg = 1;
}

int main(void) {
  uv_loop_t uv_loop;
  wsuv_loop_t *loop;
  int closed = 0;
  int err = uv_loop_init(&uv_loop);
  if (err == 0)
    err = wsuv_loop_new(&loop, &uv_loop, NULL);
  if (err == 0)
    err = wsuv_loop_close(loop, on_loop_closed, &closed);
  if (err != 0) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    return 1;
  }
  uv_run(&uv_loop, UV_RUN_DEFAULT);
  printf("wsuv %s, %s\n", wsuv_version_string(), wsuv_err_name(UV_EADDRINUSE));
  return closed && uv_loop_close(&uv_loop) == 0 ? 0 : 1;
}
