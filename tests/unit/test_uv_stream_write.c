/* Writes of a TCP stream of our own and their end, which pass libuv where the system allows it, with libuv's results. */
#include "io/uv_stream_write.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/check.h"
#include "wsuv/errno.h"

#define MANY 65536

struct rig {
  uv_loop_t uv;
  struct wsuv__loop loop;
  struct wsuv__uv_stream stream;
  int peer;
  int nclosed;
  int nshut;
  int nwritten;
};

static void on_read(void *owner, ssize_t nread, uint8_t *bytes) {
  (void)owner;
  (void)nread;
  (void)bytes;
}

static void on_written(void *owner, int status) {
  struct rig *rig = owner;
  CHECK_INT(0, status);
  rig->nwritten++;
}

static void on_shutdown(void *owner, int status) {
  struct rig *rig = owner;
  CHECK_INT(0, status);
  rig->nshut++;
}

static void on_closed(void *owner) {
  struct rig *rig = owner;
  rig->nclosed++;
}

static const struct wsuv__stream_events events = {
    .on_read = on_read,
    .on_written = on_written,
    .on_shutdown = on_shutdown,
    .on_closed = on_closed,
};

static const struct wsuv__stream_events events_unasked = {
    .on_read = on_read,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* Two ends of one connection over the loopback. */
static void connect_pair(int fds[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT(0, bind(listener, (struct sockaddr *)&address, sizeof address));
  CHECK_INT(0, listen(listener, 1));
  CHECK_INT(0, getsockname(listener, (struct sockaddr *)&address, &len));
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT(0, connect(fds[0], (struct sockaddr *)&address, sizeof address));
  fds[1] = accept(listener, NULL, NULL);
  CHECK_TRUE(fds[1] >= 0);
  close(listener);
}

static void rig_open_with(struct rig *rig, const struct wsuv__stream_events *stream_events) {
  int fds[2];

  memset(rig, 0, sizeof *rig);
  CHECK_INT(0, uv_loop_init(&rig->uv));
  CHECK_ERR(0, wsuv__loop_init(&rig->loop, &rig->uv, wsuv__allocator_or_default(NULL)));
  CHECK_ERR(0, wsuv__uv_stream_init_tcp(&rig->stream, &rig->loop, stream_events, rig));
  connect_pair(fds);
  CHECK_INT(0, uv_tcp_open(&rig->stream.uv.tcp, fds[0]));
  rig->peer = fds[1];
  CHECK_INT(-1, rig->stream.send_fd);
  CHECK_INT(0, rig->stream.base.ops->read_start(&rig->stream.base));
}

static void rig_open(struct rig *rig) {
  rig_open_with(rig, &events);
}

static void on_loop_closed(struct wsuv__loop *loop) {
  (void)loop;
}

static void rig_close(struct rig *rig) {
  rig->stream.base.ops->close(&rig->stream.base);
  CHECK_INT(-1, rig->stream.send_fd);
  wsuv__loop_close(&rig->loop, on_loop_closed);
  uv_run(&rig->uv, UV_RUN_DEFAULT);
  CHECK_INT(1, rig->nclosed);
  close(rig->peer);
  CHECK_INT(0, uv_loop_close(&rig->uv));
}

static int try_write(struct rig *rig, const uv_buf_t *bufs, unsigned nbufs) {
  return rig->stream.base.ops->try_write(&rig->stream.base, bufs, nbufs);
}

static void octets_arrive_in_order_from_one_buffer_and_from_several(void **state) {
  static struct rig rig;
  uv_buf_t bufs[2];
  char got[16];
  (void)state;
  rig_open(&rig);
  bufs[0] = uv_buf_init((char *)(uintptr_t) "abc", 3);
  bufs[1] = uv_buf_init((char *)(uintptr_t) "defg", 4);
  CHECK_INT(3, try_write(&rig, bufs, 1));
  CHECK_INT(7, try_write(&rig, bufs, 2));
  CHECK_INT(10, recv(rig.peer, got, 10, MSG_WAITALL));
  CHECK_BYTES("abcabcdefg", 10, got, 10);
  rig_close(&rig);
}

static void a_full_socket_takes_nothing(void **state) {
  static struct rig rig;
  static char zeros[MANY];
  uv_buf_t buf = uv_buf_init(zeros, MANY);
  int rc;
  (void)state;
  rig_open(&rig);
  do
    rc = try_write(&rig, &buf, 1);
  while (rc > 0);
  CHECK_INT(0, rc);
  CHECK_INT(0, try_write(&rig, &buf, 1));
  rig_close(&rig);
}

static void a_broken_transport_is_an_error_and_no_signal(void **state) {
  static struct rig rig;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t) "abc", 3);
  uv_os_fd_t fd;
  (void)state;
  rig_open(&rig);
  CHECK_INT(0, uv_fileno(&rig.stream.uv.handle, &fd));
  CHECK_INT(0, shutdown(fd, SHUT_WR));
#if defined(__linux__)
  (void)signal(SIGPIPE, SIG_DFL);
#endif
  CHECK_INT(UV_EPIPE, try_write(&rig, &buf, 1));
  rig_close(&rig);
}

static void nothing_overtakes_a_shutdown(void **state) {
  static struct rig rig;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t) "abc", 3);
  char octet;
  (void)state;
  rig_open(&rig);
  CHECK_INT(0, rig.stream.base.ops->shutdown(&rig.stream.base));
  CHECK_INT(UV_EPIPE, try_write(&rig, &buf, 1));
  rig.stream.base.ops->read_stop(&rig.stream.base);
  CHECK_INT(0, rig.stream.base.ops->read_start(&rig.stream.base));
  CHECK_INT(UV_EPIPE, try_write(&rig, &buf, 1));
  while (rig.nshut == 0)
    uv_run(&rig.uv, UV_RUN_ONCE);
  CHECK_INT(0, recv(rig.peer, &octet, 1, 0));
  rig_close(&rig);
}

/* Reads what the peer gets up to its end, while the loop runs: how many octets. */
static size_t drain_peer(struct rig *rig) {
  static char octets[MANY];
  size_t total = 0;
  ssize_t n;

  do {
    uv_run(&rig->uv, UV_RUN_NOWAIT);
    n = recv(rig->peer, octets, sizeof octets, MSG_DONTWAIT);
    if (n > 0)
      total += (size_t)n;
  } while (n != 0);
  return total;
}

static void an_end_that_nobody_asks_about_needs_no_turn_of_the_loop(void **state) {
  static struct rig rig;
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t) "abc", 3);
  char got[4];
  (void)state;
  rig_open_with(&rig, &events_unasked);
  CHECK_INT(3, try_write(&rig, &buf, 1));
  CHECK_INT(0, rig.stream.base.ops->shutdown(&rig.stream.base));
#if defined(__linux__)
  CHECK_INT(3, recv(rig.peer, got, sizeof got, MSG_WAITALL));
  CHECK_BYTES("abc", 3, got, 3);
  CHECK_INT(0, recv(rig.peer, got, 1, 0));
#else
  (void)got;
  CHECK_INT(3, drain_peer(&rig));
#endif
  CHECK_INT(UV_EPIPE, try_write(&rig, &buf, 1));
  rig_close(&rig);
}

static void an_end_waits_for_what_libuv_has_to_write(void **state) {
  static struct rig rig;
  static char zeros[MANY];
  uv_buf_t buf = uv_buf_init(zeros, MANY);
  size_t total = 0;
  int rc;
  (void)state;
  rig_open_with(&rig, &events_unasked);
  do {
    rc = try_write(&rig, &buf, 1);
    total += rc > 0 ? (size_t)rc : 0;
  } while (rc > 0);
  CHECK_INT(0, rc);
  CHECK_INT(0, rig.stream.base.ops->write(&rig.stream.base, &buf, 1));
  CHECK_INT(0, rig.stream.base.ops->shutdown(&rig.stream.base));
  CHECK_INT(total + MANY, drain_peer(&rig));
  CHECK_INT(1, rig.nwritten);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(octets_arrive_in_order_from_one_buffer_and_from_several),
      cmocka_unit_test(a_full_socket_takes_nothing),
      cmocka_unit_test(a_broken_transport_is_an_error_and_no_signal),
      cmocka_unit_test(nothing_overtakes_a_shutdown),
      cmocka_unit_test(an_end_that_nobody_asks_about_needs_no_turn_of_the_loop),
      cmocka_unit_test(an_end_waits_for_what_libuv_has_to_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
