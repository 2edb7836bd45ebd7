/* Every message of a client goes to all clients, its own included. The first one writes a burst of messages in one go, then all
 * of what must come is waited for on all of them and compared, and the next burst is sent. What is counted are deliveries, a
 * message at one connection; the latency is the time from a burst to its last delivery. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "batch.h"
#include "process.h"
#include "ws_client.h"

#define EVENTS      1024
#define PATIENCE_MS 10000

typedef struct listener {
  client_t client;
  size_t received; /* octets of the burst */
} listener_t;

static struct {
  int epoll;
  listener_t *list;
  size_t n;
  batch_t batch;
  messages_t messages;
  size_t sent;     /* octets of the burst */
  size_t nwaiting; /* connections that have not got all of it */
  load_meter_t meter;
} crowd;

static void open_connections(const load_options_t *options) {
  crowd.n = (size_t)options->nconns;
  crowd.list = allocate(crowd.n * sizeof *crowd.list);
  crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < crowd.n; i++) {
    client_open(&crowd.list[i].client, options, i);
  }
  for (size_t i = 0; i < crowd.n; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    ws_set_nonblocking(crowd.list[i].client.fd);
    if (epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, crowd.list[i].client.fd, &event) != 0) {
      die("epoll");
    }
  }
}

static int receive(listener_t *listener) {
  ssize_t n = client_read(&listener->client, crowd.batch.read_buffer, BATCH_READ_SIZE);
  if (n < 0 && errno == EAGAIN) {
    return 0;
  }
  if (n <= 0) {
    errno = n == 0 ? 0 : errno;
    die("the server ended a connection");
  }
  size_t len = (size_t)n;
  if (len > crowd.batch.echo_len - listener->received ||
      memcmp(crowd.batch.read_buffer, crowd.batch.echo + listener->received, len) != 0) {
    fail("what came is not what was sent");
  }
  listener->received += len;
  crowd.nwaiting -= listener->received == crowd.batch.echo_len;
  return listener->client.tls != NULL && listener->received < crowd.batch.echo_len;
}

static void send_rest(void) {
  ssize_t n = client_write(&crowd.list[0].client, crowd.batch.sent + crowd.sent,
                           crowd.batch.sent_len - crowd.sent);
  if (n < 0 && errno != EAGAIN) {
    die("write");
  }
  crowd.sent += n > 0 ? (size_t)n : 0;
}

static void wait_for_all(void) {
  struct epoll_event events[EVENTS];
  while (crowd.nwaiting > 0) {
    int is_sent = crowd.sent == crowd.batch.sent_len;
    int n = epoll_wait(crowd.epoll, events, EVENTS, is_sent ? PATIENCE_MS : 1);
    if (n == 0 && is_sent) {
      fail("a message did not reach everybody within %d s", PATIENCE_MS / 1000);
    }
    for (int i = 0; i < n; i++) {
      while (receive(&crowd.list[events[i].data.u64])) {
      }
    }
    if (!is_sent) {
      send_rest();
    }
  }
}

/* Until so many were sent, or the time is over. Returns their number. */
static uint64_t run_bursts(uint64_t nbursts) {
  uint64_t done = 0;
  for (uint64_t now = clock_ns(); done < nbursts && now < crowd.meter.deadline_ns; done++) {
    for (size_t j = 0; j < crowd.n; j++) {
      crowd.list[j].received = 0;
    }
    crowd.nwaiting = crowd.n;
    crowd.sent = 0;
    send_rest();
    wait_for_all();
    uint64_t end = clock_ns();
    histogram_add(&crowd.meter.latency, end - now);
    now = end;
  }
  return done;
}

static uint64_t bursts_of(uint64_t nmessages, const load_options_t *options) {
  return options->seconds > 0 ? UINT64_MAX
                              : (nmessages + options->in_flight - 1) / options->in_flight;
}

void load_broadcast(const load_options_t *options, load_result_t *result) {
  batch_messages(&crowd.messages, options, (size_t)options->in_flight);
  batch_build(&crowd.batch, options, &crowd.messages, (size_t)options->in_flight);
  if (options->deflate) {
    batch_learn(&crowd.batch, options);
  }
  open_connections(options);
  load_meter_begin(&crowd.meter, options, options->seconds / 10);
  (void)run_bursts(bursts_of(options->warm_up, options));
  load_meter_begin(&crowd.meter, options, options->seconds);
  uint64_t n = run_bursts(bursts_of(options->nmessages, options));
  load_meter_end(&crowd.meter, options, n * options->in_flight * crowd.n, result);
}
