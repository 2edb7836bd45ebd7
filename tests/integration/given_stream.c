#define _GNU_SOURCE /* posix_openpt */
#include "integration/given_stream.h"

#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>
#endif

union given_handle {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
  uv_tty_t tty;
};

static void listener_closed(uv_handle_t *listener) {
  listener->data = NULL;
}

static void accept_given(uv_stream_t *listener, int status) {
  struct given *given = listener->data;

  CHECK_ERR(0, status);
  CHECK_ERR(0, uv_tcp_init(&given->lb->uv, &given->handle->tcp));
  CHECK_ERR(0, uv_accept(listener, &given->handle->stream));
  given->stream = &given->handle->stream;
  uv_close((uv_handle_t *)listener, listener_closed);
}

/* It accepts one connection, for `given`, and goes. */
static void listen_for(struct given *given, uv_tcp_t *listener, struct sockaddr_in *address) {
  int len = sizeof *address;

  CHECK_ERR(0, uv_tcp_init(&given->lb->uv, listener));
  listener->data = given;
  CHECK_ERR(0, uv_ip4_addr("127.0.0.1", 0, address));
  CHECK_ERR(0, uv_tcp_bind(listener, (const struct sockaddr *)address, 0));
  CHECK_ERR(0, uv_listen((uv_stream_t *)listener, 1, accept_given));
  CHECK_ERR(0, uv_tcp_getsockname(listener, (struct sockaddr *)address, &len));
}

static void open_tcp(struct given *given, struct raw *peer) {
  uv_tcp_t listener;
  struct sockaddr_in address;

  listen_for(given, &listener, &address);
  raw_connect(peer, given->lb, ntohs(address.sin_port));
  RUN_UNTIL(given->lb, peer->connected && listener.data == NULL);
}

static void take_pipe(struct given *given, uv_os_sock_t fd) {
  CHECK_ERR(0, uv_pipe_init(&given->lb->uv, &given->handle->pipe, 0));
  CHECK_ERR(0, uv_pipe_open(&given->handle->pipe, (uv_file)fd));
  given->stream = &given->handle->stream;
}

static void open_pipe(struct given *given, struct raw *peer) {
  uv_os_sock_t fds[2];

  CHECK_ERR(0, uv_socketpair(SOCK_STREAM, 0, fds, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE));
  take_pipe(given, fds[0]);
  raw_open_pipe(peer, given->lb, (uv_file)fds[1]);
}

#if defined(_WIN32)
static int open_tty(struct given *given, struct raw *peer) {
  (void)given;
  (void)peer;
  return 1;
}
#else
/* The terminal changes and echoes nothing: it is a wire. */
static void make_raw(int fd) {
  struct termios mode;

  CHECK_INT(0, tcgetattr(fd, &mode));
  cfmakeraw(&mode);
  CHECK_INT(0, tcsetattr(fd, TCSANOW, &mode));
}

static int open_tty(struct given *given, struct raw *peer) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  int terminal;

  if (master < 0)
    return 1;
  if (grantpt(master) != 0 || unlockpt(master) != 0) {
    close(master);
    return 1;
  }
  terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  if (terminal < 0) {
    close(master);
    return 1;
  }
  make_raw(terminal);
  CHECK_ERR(0, uv_tty_init(&given->lb->uv, &given->handle->tty, terminal, 0));
  given->stream = &given->handle->stream;
  raw_open_pipe(peer, given->lb, master);
  return 0;
}
#endif

static void begin(struct given *given, struct loopback *lb) {
  memset(given, 0, sizeof *given);
  given->lb = lb;
  given->handle = calloc(1, sizeof *given->handle);
  CHECK_NOT_NULL(given->handle);
}

int given_open(struct given *given, struct raw *peer, struct loopback *lb, enum given_kind kind) {
  begin(given, lb);
  if (kind == GIVEN_TTY && open_tty(given, peer) != 0) {
    free(given->handle);
    return 1;
  }
  if (kind == GIVEN_TCP)
    open_tcp(given, peer);
  if (kind == GIVEN_PIPE)
    open_pipe(given, peer);
  given->stream->data = given;
  return 0;
}

static void note_connected(uv_connect_t *req, int status) {
  struct given *given = req->data;

  CHECK_ERR(0, status);
  given->stream = req->handle;
}

static void pair_tcp(struct given *a, struct given *b) {
  uv_tcp_t listener;
  struct sockaddr_in address;
  uv_connect_t req;

  listen_for(a, &listener, &address);
  CHECK_ERR(0, uv_tcp_init(&b->lb->uv, &b->handle->tcp));
  req.data = b;
  CHECK_ERR(
      0, uv_tcp_connect(&req, &b->handle->tcp, (const struct sockaddr *)&address, note_connected));
  RUN_UNTIL(a->lb, b->stream != NULL && listener.data == NULL);
}

void given_pair(struct given *a, struct given *b, struct loopback *lb, enum given_kind kind) {
  uv_os_sock_t fds[2];

  begin(a, lb);
  begin(b, lb);
  if (kind == GIVEN_TCP) {
    pair_tcp(a, b);
  } else {
    CHECK_ERR(0, uv_socketpair(SOCK_STREAM, 0, fds, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE));
    take_pipe(a, fds[0]);
    take_pipe(b, fds[1]);
  }
  a->stream->data = a;
  b->stream->data = b;
}

static void forget(struct given *given) {
  free(given->handle);
  given->handle = NULL;
  given->stream = NULL;
}

static void closed(uv_handle_t *handle) {
  forget(handle->data);
}

void given_close(struct given *given) {
  if (given->handle != NULL && !uv_is_closing(&given->handle->handle))
    uv_close(&given->handle->handle, closed);
}

void given_done(uv_handle_t *handle) {
  struct given *given = handle->data;

  CHECK_PTR(given->handle, handle);
  CHECK_INT(0, given->lb->in_call);
  if (given->talker != NULL)
    CHECK_NULL(given->talker->conn);
  given->ndone++;
  if (uv_is_closing(handle)) {
    given->closed_by_library = 1;
    forget(given);
  } else {
    CHECK_INT(0, uv_is_active(handle)); /* nobody reads, writes or shuts down */
    given_close(given);
  }
}

void given_close_untouched(struct given *given) {
  CHECK_PTR(given, given->stream->data);
  given_close(given);
}

int given_end_torture(struct given *given, struct raw *peer, int err) {
  struct loopback *lb = given->lb;

  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  if (err == 0) {
    raw_end(peer);
    RUN_UNTIL(lb, given->ndone == 1);
  } else {
    given_close_untouched(given);
  }
  loopback_close(lb);
  return failing_alloc_has_failed(&lb->fa);
}

wsuv_adopt_options_t given_options(int own, const void *leftover, size_t len) {
  wsuv_adopt_options_t options = WSUV_ADOPT_OPTIONS_INIT;

  options.own = own;
  options.leftover = leftover;
  options.leftover_len = len;
  options.close_cb = given_done;
  return options;
}
