/* A server in a process that has no descriptors left (EMFILE): it rests, and goes on. The program is linked with --wrap for
 * uv_accept and uv_sleep, which are here what they do where others interfere. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/server.h"
#include "integration/raw_peer.h"

#define NWAITING 10
#define NFDS     512

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raws[NWAITING];
  struct talker last;
  int fds[NFDS];
  size_t nfds;
};

static struct rlimit former;

/* A limit that is reached soon. */
static int lower_limit(void **state) {
  struct rlimit limit;
  int highest = open("/dev/null", O_RDONLY);
  (void)state;

  if (getrlimit(RLIMIT_NOFILE, &former) != 0)
    return 1;
  limit = former;
  limit.rlim_cur = (rlim_t)highest + 128;
  (void)close(highest);
  return setrlimit(RLIMIT_NOFILE, &limit);
}

static int restore_limit(void **state) {
  (void)state;
  return setrlimit(RLIMIT_NOFILE, &former);
}

static void open_all(struct rig *rig, const wsuv_server_options_t *options) {
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&rig->host, options));
}

/* All that there are; libuv's own spare is among them where it is taken away. */
static void use_up(struct rig *rig) {
  int fd = dup(STDIN_FILENO);

  while (fd >= 0) {
    CHECK_TRUE(rig->nfds < NFDS);
    rig->fds[rig->nfds++] = fd;
    fd = dup(STDIN_FILENO);
  }
}

static void give_back(struct rig *rig, size_t n) {
  while (n-- > 0 && rig->nfds > 0)
    (void)close(rig->fds[--rig->nfds]);
}

static void take_spare(struct rig *rig) {
  if (rig->lb.uv.emfile_fd < 0)
    return;
  (void)close(rig->lb.uv.emfile_fd);
  rig->lb.uv.emfile_fd = -1;
}

/* Clients that have their sockets and wait in the kernel's queue, and no descriptor for the server's. */
static void let_wait(struct rig *rig) {
  size_t i;

  for (i = 0; i < NWAITING; i++)
    raw_connect(&rig->raws[i], &rig->lb, rig->host.port);
  take_spare(rig);
  use_up(rig);
}

static const struct wsuv__reserve *reserve(const struct rig *rig) {
  return &rig->host.server->reserve;
}

/* ---- what others do ---- */

int __real_uv_accept(uv_stream_t *server, uv_stream_t *client);
int __wrap_uv_accept(uv_stream_t *server, uv_stream_t *client);
void __wrap_uv_sleep(unsigned ms);

static struct {
  int nfailing; /* so many accepts from now on fail */
  int nslept;
  struct rig *give_back_of; /* after 5 times */
} others;

/* As libuv does where the descriptor cannot be used: it is closed. */
int __wrap_uv_accept(uv_stream_t *server, uv_stream_t *client) {
  static uv_tcp_t used;

  if (others.nfailing == 0)
    return __real_uv_accept(server, client);
  others.nfailing--;
  if (uv_tcp_init_ex(server->loop, &used, AF_INET) != 0)
    return UV_EBADF;
  (void)client;
  CHECK_ERR(UV_EBUSY, __real_uv_accept(server, (uv_stream_t *)&used));
  uv_close((uv_handle_t *)&used, NULL);
  return UV_EBUSY;
}

void __wrap_uv_sleep(unsigned ms) {
  CHECK_TRUE(ms <= 1);
  if (++others.nslept == 5)
    give_back(others.give_back_of, NFDS);
}

/* All of them are served then; the listener is as good as before. */
static void check_service(struct rig *rig) {
  size_t i;

  for (i = 0; i < NWAITING; i++) {
    raw_say(&rig->raws[i], RAW_REQUEST);
    RUN_UNTIL(&rig->lb, raw_took_head(&rig->raws[i]));
    CHECK_NOT_NULL(strstr(raw_text(&rig->raws[i]), "HTTP/1.1 101 "));
  }
  connect_pair(&rig->host, &rig->last);
  CHECK_ERR(0, talker_say(&rig->last, "hello"));
  RUN_UNTIL(&rig->lb, rig->last.n[EV_MESSAGE] == 1);
  CHECK_INT(RESERVE_OPEN, reserve(rig)->state);
  CHECK_SIZE(0, reserve(rig)->pause_ms);
}

static void test_rests_and_goes_on(void **state) {
  static struct rig rig;
  size_t nturns = 0;
  (void)state;

  open_all(&rig, NULL);
  CHECK_INT(RESERVE_OPEN, reserve(&rig)->state);
  let_wait(&rig);
  RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
  use_up(&rig);                           /* what the reserve was, if it is still to be had */
  while (reserve(&rig)->pause_ms < 400) { /* it sleeps in between */
    loopback_turn(&rig.lb);
    nturns++;
  }
  CHECK_TRUE(nturns < 100);
  CHECK_SIZE(0, wsuv_server_nconns(rig.host.server));
  CHECK_INT(RESERVE_NONE, reserve(&rig)->state);
  give_back(&rig, NFDS);
  check_service(&rig);
  loopback_close(&rig.lb);
}

/* Some are served with what there is; the rest waits. */
static void test_twice(void **state) {
  static struct rig rig;
  int round;
  (void)state;

  open_all(&rig, NULL);
  let_wait(&rig);
  for (round = 0; round < 2; round++) {
    size_t before = wsuv_server_nconns(rig.host.server);
    RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
    use_up(&rig);
    give_back(&rig, 4); /* libuv's spare, the reserve, and two */
    RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) > before);
    take_spare(&rig);
    use_up(&rig);
  }
  RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
  give_back(&rig, NFDS);
  check_service(&rig);
  loopback_close(&rig.lb);
}

/* With its spare libuv drops those who wait; the server has no part in it. */
static void test_spare_of_libuv(void **state) {
  static struct rig rig;
  struct talker client;
  size_t i;
  (void)state;

  open_all(&rig, NULL);
  for (i = 0; i < NWAITING; i++)
    raw_connect(&rig.raws[i], &rig.lb, rig.host.port);
  use_up(&rig);
  for (i = 0; i < NWAITING; i++)
    RUN_UNTIL(&rig.lb, rig.raws[i].eof || rig.raws[i].error != 0);
  CHECK_SIZE(0, wsuv_server_nconns(rig.host.server));
  give_back(&rig, NFDS);
  connect_pair(&rig.host, &client);
  loopback_close(&rig.lb);
}

/* The end comes while it rests; also while the connection that was not taken waits. */
static void test_end_amid_rest(void **state) {
  int late;
  (void)state;

  for (late = 0; late < 2; late++) {
    static struct rig rig;

    open_all(&rig, NULL);
    let_wait(&rig);
    RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
    if (late) {
      use_up(&rig);
      RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 100);
    }
    CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
    RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
    give_back(&rig, NFDS);
    loopback_close(&rig.lb);
  }
}

/* Open connections do not notice. */
static void test_open_ones_live_on(void **state) {
  static struct rig rig;
  struct talker client;
  (void)state;

  open_all(&rig, NULL);
  connect_pair(&rig.host, &client);
  let_wait(&rig);
  RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
  use_up(&rig);
  CHECK_ERR(0, talker_say(&client, "hello"));
  RUN_UNTIL(&rig.lb, client.n[EV_MESSAGE] == 1);
  CHECK_SIZE(1, wsuv_server_nconns(rig.host.server));
  give_back(&rig, NFDS);
  check_service(&rig);
  loopback_close(&rig.lb);
}

/* Without a descriptor to spare there is no server. */
static void test_listen(void **state) {
  static struct rig rig;
  (void)state;

  memset(&rig, 0, sizeof rig);
  loopback_open(&rig.lb);
  host_init(&rig.host, &rig.lb);
  use_up(&rig);
  CHECK_ERR(UV_EMFILE, host_listen(&rig.host, NULL));
  give_back(&rig, 1);
  take_spare(&rig);
  use_up(&rig);
  give_back(&rig, 2); /* libuv's spare and the listener */
  CHECK_ERR(UV_EMFILE, host_listen(&rig.host, NULL));
  loopback_turn(&rig.lb);
  give_back(&rig, NFDS);
  CHECK_ERR(0, host_listen(&rig.host, NULL));
  loopback_close(&rig.lb);
  CHECK_INT(1, rig.host.nclosed);
}

/* No reserve, where there is no IPv4 or another thread has taken what it gave back: the loop waits for others. */
static void test_no_reserve(void **state) {
  static struct rig rig;
  (void)state;

  open_all(&rig, NULL);
  wsuv__reserve_close(rig.host.server);
  RUN_UNTIL(&rig.lb, reserve(&rig)->state == RESERVE_NONE);
  others.nslept = 0;
  others.give_back_of = &rig;
  let_wait(&rig);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == NWAITING);
  CHECK_INT(5, others.nslept);
  CHECK_ERR(0, wsuv__reserve_open(rig.host.server));
  check_service(&rig);
  loopback_close(&rig.lb);
}

/* A connection that cannot be taken, at first and after a rest: it is lost, and the listener is not. */
static void test_accept_fails(void **state) {
  int amid_rest;
  (void)state;

  for (amid_rest = 0; amid_rest < 2; amid_rest++) {
    static struct rig rig;
    struct talker client;
    uint64_t n;

    open_all(&rig, NULL);
    if (amid_rest) {
      let_wait(&rig);
      RUN_UNTIL(&rig.lb, reserve(&rig)->pause_ms > 0);
    } else {
      raw_connect(&rig.raws[0], &rig.lb, rig.host.port);
    }
    others.nfailing = 1;
    give_back(&rig, NFDS);
    RUN_UNTIL(&rig.lb, others.nfailing == 0);
    RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == (amid_rest ? NWAITING - 1 : 0));
    n = rig.host.server->rejected[WSUV_REJECTED_RESOURCES];
    CHECK_SIZE(1, n);
    connect_pair(&rig.host, &client);
    loopback_close(&rig.lb);
  }
}

/* A loop that spins does not come to its watchdog. */
int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rests_and_goes_on), cmocka_unit_test(test_twice),
      cmocka_unit_test(test_spare_of_libuv),    cmocka_unit_test(test_end_amid_rest),
      cmocka_unit_test(test_open_ones_live_on), cmocka_unit_test(test_listen),
      cmocka_unit_test(test_no_reserve),        cmocka_unit_test(test_accept_fails),
  };
  if (loopback_is_slow()) {
    (void)puts("skipped: valgrind accepts a connection before it says that there is no descriptor");
    return 77;
  }
  (void)alarm(60);
  return cmocka_run_group_tests_name("descriptors", tests, lower_limit, restore_limit);
}
