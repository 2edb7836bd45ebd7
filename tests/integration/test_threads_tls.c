/* One TLS context for the loops of several threads, connections spread by the kernel and handed over, and a reload between. */
#include "integration/crew.h"
#include "integration/tls_loopback.h"

static void play(int hand_off) {
  struct tls_party server;
  struct tls_party client;
  wsuv_tls_context_t *server_tls;
  wsuv_tls_context_t *client_tls;
  struct crew crew;

  party_init(&server, "server", NULL);
  party_init(&client, NULL, "ca");
  server_tls = party_context(&server, NULL, WSUV_SERVER);
  client_tls = party_context(&client, NULL, WSUV_CLIENT);
  crew_open(&crew, 3);
  crew.options.hand_off = hand_off;
  crew.server.tls = server_tls;
  crew.to.tls = client_tls;
  crew.to.tls_name = "localhost";
  crew_start(&crew);
  while (crew.nclients < 6)
    (void)crew_connect(&crew);
  party_reload(&server, server_tls);
  while (crew.nclients < 12)
    (void)crew_connect(&crew);
  crew_echo(&crew);
  CHECK_ERR(0, wsuv_threads_stop(crew.threads, &crew_at_once));
  crew_await_close(&crew);
  crew_join(&crew);
  crew_close(&crew);
  wsuv_tls_context_release(server_tls);
  wsuv_tls_context_release(client_tls);
}

static void test_spread(void **state) {
  (void)state;
  play(0);
}

static void test_handed_over(void **state) {
  (void)state;
  play(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spread),
      cmocka_unit_test(test_handed_over),
  };
  return cmocka_run_group_tests_name("tls threads", tests, NULL, NULL);
}
