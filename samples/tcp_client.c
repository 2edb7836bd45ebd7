#include "tcp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t tcp_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int tcp_poll_timeout(uint64_t deadline_ms) {
  uint64_t now = tcp_now_ms();
  if (deadline_ms == UINT64_MAX)
    return -1;
  if (deadline_ms <= now)
    return 0;
  return deadline_ms - now < INT_MAX ? (int)(deadline_ms - now) : INT_MAX;
}

/* ---- signals: a handler may do no more than write to a pipe, which poll watches ---- */

static int stop_pipe[2] = {-1, -1};

static void on_signal(int number) {
  int saved = errno;
  ssize_t written = write(stop_pipe[1], "", 1);
  (void)number;
  (void)written; /* a full pipe has enough to say */
  errno = saved;
}

static int catch_signals(void) {
  struct sigaction action;
  if (pipe(stop_pipe) != 0)
    return -1;
  for (int i = 0; i < 2; i++)
    if (fcntl(stop_pipe[i], F_SETFL, O_NONBLOCK) < 0)
      return -1;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
    return -1;
  action.sa_handler = SIG_IGN; /* writing to a connection that is gone is an error like others */
  return sigaction(SIGPIPE, &action, NULL);
}

/* ---- sockets ---- */

int tcp_wait(int fd, short events, uint64_t deadline_ms) {
  struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = stop_pipe[0], .events = POLLIN}};
  int n;
  do
    n = poll(fds, 2, tcp_poll_timeout(deadline_ms));
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno;
  if (fds[1].revents != 0)
    return EINTR;
  return n == 0 ? ETIMEDOUT : 0;
}

int tcp_write_all(int fd, const void *data, size_t len, uint64_t deadline_ms) {
  const char *at = (const char *)data;
  while (len > 0) {
    ssize_t n = write(fd, at, len);
    if (n >= 0) {
      at += n;
      len -= (size_t)n;
      continue;
    }
    int err = errno == EAGAIN ? tcp_wait(fd, POLLOUT, deadline_ms) : errno;
    if (err != 0)
      return err;
  }
  return 0;
}

/* The outcome of a connect in progress. */
static int finish_connect(int fd, uint64_t deadline_ms) {
  int err = tcp_wait(fd, POLLOUT, deadline_ms);
  socklen_t size = sizeof err;
  if (err == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0)
    err = errno;
  return err;
}

/* The socket in *out, or an error of errno.h. */
static int connect_to(const struct addrinfo *address, uint64_t deadline_ms, int *out) {
  int err = 0;
  int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
  if (fd < 0)
    return errno;
  if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
    err = errno;
  else if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
    err = errno == EINPROGRESS ? finish_connect(fd, deadline_ms) : errno;
  if (err != 0)
    close(fd);
  else
    *out = fd;
  return err;
}

int tcp_connect(const char *host, const char *port, uint64_t deadline_ms, int *stop_fd,
                const char **why) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *addresses;
  int fd = -1;
  int err = getaddrinfo(host, port, &hints, &addresses);
  if (err != 0) {
    *why = err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err);
    return -1;
  }
  err = catch_signals() != 0 ? errno : ECONNREFUSED;
  for (const struct addrinfo *a = addresses; a != NULL && fd < 0 && err != EINTR; a = a->ai_next)
    err = connect_to(a, deadline_ms, &fd);
  freeaddrinfo(addresses);
  *why = strerror(err);
  *stop_fd = stop_pipe[0];
  return fd;
}
