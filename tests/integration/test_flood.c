/* More connections than a server can or will serve. */
#include <string.h>

#include "integration/raw_peer.h"

#define NFLOOD 100

static size_t count_ended(const struct raw *raws) {
  size_t n = 0;
  size_t i;
  for (i = 0; i < NFLOOD; i++)
    n += raws[i].eof || raws[i].error != 0;
  return n;
}

/* What cannot be served for lack of memory is dropped, and the listener goes on. */
static void test_flood_without_memory(void **state) {
  static struct raw raws[NFLOOD];
  struct loopback lb;
  struct host host;
  struct talker client;
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  failing_alloc_fail_from(&lb.fa, 1);
  for (i = 0; i < NFLOOD; i++)
    raw_connect(&raws[i], &lb, host.port);
  RUN_UNTIL(&lb, count_ended(raws) == NFLOOD);
  CHECK_SIZE(0, wsuv_server_nconns(host.server));
  failing_alloc_fail_from(&lb.fa, 0);
  connect_pair(&host, &client);
  CHECK_ERR(0, talker_say(&client, "at last"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  loopback_close(&lb);
}

/* The first over the limit are told so, the rest is dropped; the listener goes on. */
static void test_flood_over_the_limit(void **state) {
  static struct raw raws[NFLOOD];
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker next;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  size_t ntold = 0;
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  options.max_connections = 1;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &client);
  for (i = 0; i < NFLOOD; i++) {
    raw_connect(&raws[i], &lb, host.port);
    raw_say(&raws[i], RAW_REQUEST);
  }
  RUN_UNTIL(&lb, count_ended(raws) == NFLOOD);
  for (i = 0; i < NFLOOD; i++)
    ntold += strncmp(raw_text(&raws[i]), "HTTP/1.1 503 ", 13) == 0;
  CHECK_SIZE(64, ntold);
  for (i = 0; i < NFLOOD; i++)
    raw_close(&raws[i]);
  CHECK_ERR(0, talker_say(&client, "undisturbed"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1 && wsuv_server_nconns(host.server) == 1);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  RUN_UNTIL(&lb, wsuv_server_nconns(host.server) == 0);
  connect_pair(&host, &next);
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_flood_without_memory),
      cmocka_unit_test(test_flood_over_the_limit),
  };
  return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
