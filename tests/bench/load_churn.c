/* Connections that come and go: connect, upgrade, closing handshake, and the end of the TCP connection, which is the server's
 * part (RFC 6455 7.1.1). So many are under way at once, each followed by the next. Without WebSocket the server sends the same
 * octets back, and the end is ours. The connect and a TLS handshake block. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "client.h"
#include "process.h"
#include "ws_client.h"

#define EVENTS      256
#define PATIENCE_MS 10000
#define ANSWER_SIZE 4096

typedef enum visit_state { AWAITS_ANSWER, AWAITS_CLOSE, AWAITS_END } visit_state_t;

typedef struct visit {
  client_t client;
  visit_state_t state;
  size_t len;
  uint64_t started;
  char answer[ANSWER_SIZE];
} visit_t;

static const unsigned char close_payload[] = {0x03, 0xe8}; /* 1000 */

static struct {
  const load_options_t *options;
  int epoll;
  visit_t *list;
  uint64_t left;
  uint64_t nstarted; /* all ever: the number chooses where a connection comes from */
  uint64_t ndone;
  size_t nbusy;
  unsigned char close_frame[WS_HEADER_MAX + sizeof close_payload];
  size_t close_len;
  load_meter_t meter;
} churn;

static void start_visit(visit_t *visit) {
  size_t len = 0;
  uint64_t now = clock_ns();
  if (churn.left == 0 || now >= churn.meter.deadline_ns) {
    churn.nbusy--;
    return;
  }
  churn.left--;
  visit->started = now;
  visit->state = AWAITS_ANSWER;
  visit->len = 0;
  visit->client.fd = target_connect(&churn.options->target, (size_t)churn.nstarted++);
  visit->client.tls = churn.options->target.tls ? tls_client_new(visit->client.fd) : NULL;
  const char *request = client_request(churn.options, &len);
  client_write_all(&visit->client, request, len);
  ws_set_nonblocking(visit->client.fd);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(visit - churn.list)};
  if (epoll_ctl(churn.epoll, EPOLL_CTL_ADD, visit->client.fd, &event) != 0) {
    die("epoll");
  }
}

static void end_visit(visit_t *visit) {
  client_close(&visit->client);
  histogram_add(&churn.meter.latency, clock_ns() - visit->started);
  churn.ndone++;
  start_visit(visit);
}

static void send_close(visit_t *visit) {
  client_write_all(&visit->client, churn.close_frame, churn.close_len);
  visit->state = AWAITS_CLOSE;
  visit->len = 0;
}

static void take_answer(visit_t *visit) {
  size_t request_len = 0;
  const char *request = client_request(churn.options, &request_len);
  visit->answer[visit->len] = '\0';
  if (churn.options->raw) {
    if (visit->len == request_len) {
      if (memcmp(visit->answer, request, request_len) != 0) {
        fail("an echo differs from what was sent");
      }
      send_close(visit);
    }
    return;
  }
  const char *end = strstr(visit->answer, "\r\n\r\n");
  if (end == NULL && visit->len == ANSWER_SIZE - 1) {
    fail("the answer to the opening handshake is too long");
  }
  if (end != NULL) {
    client_judge(churn.options, visit->answer);
    send_close(visit);
  }
}

static void take_close(visit_t *visit) {
  size_t wanted = churn.options->raw ? churn.close_len : 2 + sizeof close_payload;
  if (visit->len < wanted) {
    return;
  }
  if ((unsigned char)visit->answer[0] != WS_FIRST_CLOSE || visit->len > wanted) {
    fail("a Close was expected, and only that");
  }
  visit->state = AWAITS_END;
}

/* Octets that came, 0 at the end. Returns whether the visit goes on and more may have come with them. */
static int take_octets(visit_t *visit, size_t n) {
  visit->len += n;
  if (n == 0 && visit->state != AWAITS_END) {
    fail("the server ended a connection without a closing handshake");
  }
  if (n > 0 && visit->state == AWAITS_ANSWER) {
    take_answer(visit);
  } else if (n > 0 && visit->state == AWAITS_CLOSE) {
    take_close(visit);
  } else if (n > 0) {
    fail("the server sends something after its Close");
  }
  if (n == 0 || (visit->state == AWAITS_END && churn.options->raw)) {
    end_visit(visit);
    return 0;
  }
  return visit->client.tls != NULL || visit->state == AWAITS_END;
}

static void receive(visit_t *visit) {
  int goes_on = 1;
  while (goes_on) {
    ssize_t n =
        client_read(&visit->client, visit->answer + visit->len, ANSWER_SIZE - 1 - visit->len);
    if (n < 0 && errno == EAGAIN) {
      return;
    }
    if (n < 0 && (errno != ECONNRESET || visit->state != AWAITS_END)) {
      die("read");
    }
    goes_on = take_octets(visit, n > 0 ? (size_t)n : 0);
  }
}

static uint64_t run_visits(uint64_t nvisits) {
  struct epoll_event events[EVENTS];
  churn.left = nvisits;
  churn.ndone = 0;
  churn.nbusy = (size_t)churn.options->nconns;
  for (size_t i = 0; i < churn.options->nconns; i++) {
    start_visit(&churn.list[i]);
  }
  while (churn.nbusy > 0) {
    int n = epoll_wait(churn.epoll, events, EVENTS, PATIENCE_MS);
    if (n == 0) {
      fail("a connection did not end within %d s", PATIENCE_MS / 1000);
    }
    for (int i = 0; i < n; i++) {
      receive(&churn.list[events[i].data.u64]);
    }
  }
  return churn.ndone;
}

void load_churn(const load_options_t *options, load_result_t *result) {
  int is_timed = options->seconds > 0;
  churn.options = options;
  churn.list = allocate((size_t)options->nconns * sizeof *churn.list);
  churn.epoll = epoll_create1(EPOLL_CLOEXEC);
  churn.close_len =
      ws_put_frame(churn.close_frame, WS_FIRST_CLOSE, close_payload, sizeof close_payload, 1);
  load_meter_begin(&churn.meter, options, options->seconds / 10);
  (void)run_visits(is_timed ? UINT64_MAX : options->warm_up);
  load_meter_begin(&churn.meter, options, options->seconds);
  uint64_t n = run_visits(is_timed ? UINT64_MAX : options->nmessages);
  load_meter_end(&churn.meter, options, n, result);
}
