#include "flows.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "process.h"
#include "ws_client.h"

#define EVENTS 256

static void watch(const flows_t *flows, size_t index) {
  int fd = flows->list[index].client.fd;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
  ws_set_nonblocking(fd);
  if (epoll_ctl(flows->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    die("epoll");
  }
}

void flows_open(flows_t *flows, const load_options_t *options, size_t nframes) {
  batch_messages(&flows->messages, options, nframes);
  batch_build(&flows->batch, options, &flows->messages, nframes);
  if (options->deflate) {
    batch_learn(&flows->batch, options);
  }
  for (size_t i = 0; i < options->namong; i++) {
    client_t idle;
    client_open(&idle, options, i);
  }
  flows->n = (size_t)options->nconns;
  flows->list = allocate(flows->n * sizeof *flows->list);
  flows->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < flows->n; i++) {
    client_open(&flows->list[i].client, options, (size_t)options->namong + i);
  }
  for (size_t i = 0; i < flows->n; i++) {
    watch(flows, i);
  }
}

static void await_room(const flows_t *flows, flow_t *flow, int awaits) {
  struct epoll_event event = {.events = EPOLLIN | (awaits ? (uint32_t)EPOLLOUT : 0),
                              .data.u64 = (uint64_t)(flow - flows->list)};
  flow->awaits_room = awaits;
  (void)epoll_ctl(flows->epoll, EPOLL_CTL_MOD, flow->client.fd, &event);
}

static void write_allowed(const flows_t *flows, flow_t *flow) {
  const batch_t *batch = &flows->batch;
  int is_full = 0;
  while (flow->unsent > 0 && !is_full) {
    size_t whole = batch->sent_len - flow->sent_at;
    size_t len = flow->unsent < whole ? flow->unsent : whole;
    ssize_t n = client_write(&flow->client, batch->sent + flow->sent_at, len);
    if (n < 0 && errno != EAGAIN) {
      die("write");
    }
    size_t taken = n > 0 ? (size_t)n : 0;
    is_full = taken < len && flow->client.tls == NULL ? 1 : n < 0;
    flow->unsent -= taken;
    flow->sent_at += taken;
    flow->sent_at = flow->sent_at == batch->sent_len ? 0 : flow->sent_at;
  }
  if (is_full != flow->awaits_room) {
    await_room(flows, flow, is_full);
  }
}

void flows_allow(flows_t *flows, flow_t *flow, size_t nmessages) {
  const batch_t *batch = &flows->batch;
  size_t first = (size_t)(flow->nallowed % batch->n);
  flow->unsent += batch_octets(batch->sent_ends, batch->n, first + nmessages) -
                  batch_octets(batch->sent_ends, batch->n, first);
  flow->unechoed += batch_octets(batch->echo_ends, batch->n, first + nmessages) -
                    batch_octets(batch->echo_ends, batch->n, first);
  flow->nallowed += nmessages;
  if (!flow->awaits_room) {
    write_allowed(flows, flow);
  }
}

static void compare_echo(const batch_t *batch, flow_t *flow, size_t len) {
  const unsigned char *at = batch->read_buffer;
  if (len > flow->unechoed) {
    fail("more came than the echoes of what was sent");
  }
  flow->unechoed -= len;
  while (len > 0) {
    size_t whole = batch->echo_len - flow->echo_at;
    size_t n = len < whole ? len : whole;
    if (memcmp(at, batch->echo + flow->echo_at, n) != 0) {
      fail("an echo differs from what was sent");
    }
    flow->echo_at = n == whole ? 0 : flow->echo_at + n;
    at += n;
    len -= n;
  }
}

/* Whether more may be there than one read brings. */
static int read_echo(const flows_t *flows, flow_t *flow, void (*on_echo)(flow_t *flow)) {
  ssize_t n = client_read(&flow->client, flows->batch.read_buffer, BATCH_READ_SIZE);
  if (n < 0 && errno == EAGAIN) {
    return 0;
  }
  if (n <= 0) {
    errno = n == 0 ? 0 : errno;
    die("the server ended a connection");
  }
  compare_echo(&flows->batch, flow, (size_t)n);
  int is_partial = flow->unechoed > 0;
  on_echo(flow);
  return is_partial && flow->client.tls != NULL;
}

int flows_turn(flows_t *flows, int timeout_ms, void (*on_echo)(flow_t *flow)) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(flows->epoll, events, EVENTS, timeout_ms);
  if (n < 0 && errno != EINTR) {
    die("epoll");
  }
  for (int i = 0; i < n; i++) {
    flow_t *flow = &flows->list[events[i].data.u64];
    if (events[i].events & EPOLLOUT) {
      write_allowed(flows, flow);
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
      while (read_echo(flows, flow, on_echo)) {
      }
    }
  }
  return n;
}
