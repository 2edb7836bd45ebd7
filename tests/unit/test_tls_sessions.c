/* A client's sessions: how many, which goes when there is no room, and how often each is used. */
#include <stdio.h>
#include <string.h>

#include "io/tls_sessions.h"
#include "support/check.h"
#include "support/failing_alloc.h"

struct fixture {
  struct failing_alloc fa;
  struct wsuv__tls_sessions sessions;
};

static void open_fixture(struct fixture *f) {
  failing_alloc_init(&f->fa);
  memset(&f->sessions, 0, sizeof f->sessions);
}

static void close_fixture(struct fixture *f) {
  wsuv__tls_sessions_clear(&f->sessions, &f->fa.allocator);
  CHECK_INT(0, f->sessions.n);
  failing_alloc_check_no_leaks(&f->fa);
}

static SSL_SESSION *put(struct fixture *f, const char *host, int version) {
  SSL_SESSION *session = SSL_SESSION_new();

  CHECK_NOT_NULL(session);
  CHECK_INT(1, SSL_SESSION_set_protocol_version(session, version));
  wsuv__tls_sessions_put(&f->sessions, &f->fa.allocator, host, session);
  return session;
}

/* Whether there was one, and that. */
static int take(struct fixture *f, const char *host, const SSL_SESSION *expected) {
  SSL_SESSION *session = wsuv__tls_sessions_take(&f->sessions, &f->fa.allocator, host);

  if (session == NULL)
    return 0;
  CHECK_PTR(expected, session);
  SSL_SESSION_free(session);
  return 1;
}

static void one_of_tls_1_3_is_used_once(void **state) {
  struct fixture f;
  SSL_SESSION *session;
  (void)state;

  open_fixture(&f);
  CHECK_INT(0, take(&f, "a:1", NULL));
  session = put(&f, "a:1", TLS1_3_VERSION);
  CHECK_INT(0, take(&f, "a:2", NULL));
  CHECK_INT(0, take(&f, "A:1", NULL));
  CHECK_INT(1, take(&f, "a:1", session));
  CHECK_INT(0, take(&f, "a:1", NULL));
  close_fixture(&f);
}

static void one_of_tls_1_2_is_kept(void **state) {
  struct fixture f;
  SSL_SESSION *session;
  (void)state;

  open_fixture(&f);
  session = put(&f, "a:1", TLS1_2_VERSION);
  CHECK_INT(1, take(&f, "a:1", session));
  CHECK_INT(1, take(&f, "a:1", session));
  CHECK_INT(1, f.sessions.n);
  close_fixture(&f);
}

static void a_new_one_replaces_the_hosts(void **state) {
  struct fixture f;
  SSL_SESSION *a;
  SSL_SESSION *b;
  (void)state;

  open_fixture(&f);
  (void)put(&f, "a:1", TLS1_2_VERSION);
  b = put(&f, "b:1", TLS1_2_VERSION);
  a = put(&f, "a:1", TLS1_2_VERSION);
  CHECK_INT(2, f.sessions.n);
  CHECK_INT(1, take(&f, "a:1", a));
  CHECK_INT(1, take(&f, "b:1", b));
  close_fixture(&f);
}

/* The one that was put in first goes; one that was replaced counts as new. */
static void the_oldest_goes(void **state) {
  SSL_SESSION *put_in[WSUV__TLS_SESSIONS_MAX + 2];
  struct fixture f;
  char host[16];
  unsigned i;
  (void)state;

  open_fixture(&f);
  for (i = 0; i < WSUV__TLS_SESSIONS_MAX; i++) {
    (void)snprintf(host, sizeof host, "h%u:1", i);
    put_in[i] = put(&f, host, TLS1_2_VERSION);
  }
  CHECK_INT(WSUV__TLS_SESSIONS_MAX, f.sessions.n);
  put_in[0] = put(&f, "h0:1", TLS1_2_VERSION);
  CHECK_INT(WSUV__TLS_SESSIONS_MAX, f.sessions.n);
  for (i = WSUV__TLS_SESSIONS_MAX; i < WSUV__TLS_SESSIONS_MAX + 2; i++) {
    (void)snprintf(host, sizeof host, "h%u:1", i);
    put_in[i] = put(&f, host, TLS1_2_VERSION);
  }
  CHECK_INT(WSUV__TLS_SESSIONS_MAX, f.sessions.n);
  for (i = 0; i < WSUV__TLS_SESSIONS_MAX + 2; i++) {
    (void)snprintf(host, sizeof host, "h%u:1", i);
    CHECK_INT(i != 1 && i != 2, take(&f, host, put_in[i]));
  }
  close_fixture(&f);
}

static void without_memory_it_is_dropped(void **state) {
  struct fixture f;
  SSL_SESSION *old;
  (void)state;

  open_fixture(&f);
  old = put(&f, "a:1", TLS1_2_VERSION);
  failing_alloc_fail_once(&f.fa, 1);
  (void)put(&f, "a:1", TLS1_2_VERSION);
  CHECK_INT(1, take(&f, "a:1", old)); /* the old one is as good */
  failing_alloc_fail_once(&f.fa, 1);
  (void)put(&f, "b:1", TLS1_2_VERSION);
  CHECK_INT(0, take(&f, "b:1", NULL));
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_of_tls_1_3_is_used_once),  cmocka_unit_test(one_of_tls_1_2_is_kept),
      cmocka_unit_test(a_new_one_replaces_the_hosts), cmocka_unit_test(the_oldest_goes),
      cmocka_unit_test(without_memory_it_is_dropped),
  };
  return cmocka_run_group_tests_name("TLS sessions", tests, NULL, NULL);
}
