/* Which Origin is that of the Host. */
#include <string.h>

#include "http/origin.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/handshake.h"

enum verdict { NEVER, PLAIN, ALWAYS }; /* PLAIN: not over TLS */

struct row {
  const char *name;
  const char *origin;
  const char *host;
  enum verdict same;
};

static const struct row rows[] = {
    {"http", "http://example.com", "example.com", PLAIN},
    {"https", "https://example.com", "example.com", ALWAYS},
    {"letter case of the host", "https://eXample.Com", "Example.cOm", ALWAYS},
    {"letter case of the scheme", "HTTPS://example.com", "example.com", ALWAYS},
    {"white space around both", " https://example.com\t", "\texample.com ", ALWAYS},
    {"a port", "https://example.com:8443", "example.com:8443", ALWAYS},
    {"another port", "https://example.com:8443", "example.com:8444", NEVER},
    {"a longer port", "https://example.com:8443", "example.com:84433", NEVER},
    {"a port at the page only", "https://example.com:8443", "example.com", NEVER},
    {"a port at the server only", "https://example.com", "example.com:8443", NEVER},
    {"the default port named in Host", "https://example.com", "example.com:443", ALWAYS},
    {"the default port named in Origin", "https://example.com:443", "example.com", ALWAYS},
    {"the default port of http", "http://example.com:80", "example.com", PLAIN},
    {"the default port of http in Host", "http://example.com", "example.com:80", PLAIN},
    {"the other default port", "https://example.com", "example.com:80", NEVER},
    {"the other default port, http", "http://example.com", "example.com:443", NEVER},
    {"an empty port in Host", "https://example.com", "example.com:", ALWAYS},
    {"a port with zeros", "https://example.com:443", "example.com:0443", ALWAYS},
    {"a port that overflows", "https://example.com:443", "example.com:4294967739", NEVER},
    {"a port over the range", "https://example.com:65536", "example.com:65536", NEVER},
    {"the largest port", "https://example.com:65535", "example.com:65535", ALWAYS},
    {"a port that is none", "https://example.com:a", "example.com:a", NEVER},
    {"a port with a sign", "https://example.com:+443", "example.com:+443", NEVER},
    {"IPv4", "http://127.0.0.1:9001", "127.0.0.1:9001", PLAIN},
    {"IPv6", "https://[::1]", "[::1]", ALWAYS},
    {"IPv6 with a port", "https://[::1]:9001", "[::1]:9001", ALWAYS},
    {"IPv6 in letters", "https://[2001:DB8::A]", "[2001:db8::a]:443", ALWAYS},
    {"IPv6, another address", "https://[::1]", "[::2]", NEVER},
    {"IPv6, another port", "https://[::1]:9001", "[::1]:9002", NEVER},
    {"IPv6 without brackets", "https://::1", "::1", NEVER},
    {"IPv6 not closed", "https://[::1", "[::1", NEVER},
    {"IPv6 and more", "https://[::1]x", "[::1]x", NEVER},
    {"a port that looks like part of an address", "https://[::1]:443", "[::1:443]", NEVER},
    {"a suffix", "https://example.com.evil.org", "example.com", NEVER},
    {"a prefix", "https://evil-example.com", "example.com", NEVER},
    {"a subdomain", "https://a.example.com", "example.com", NEVER},
    {"the domain above", "https://example.com", "a.example.com", NEVER},
    {"shorter", "https://example.co", "example.com", NEVER},
    {"longer", "https://example.comm", "example.com", NEVER},
    {"a final dot", "https://example.com.", "example.com", NEVER},
    {"the port as a name", "https://example.com:443.evil.org", "example.com", NEVER},
    {"user information", "https://example.com@evil.org", "example.com", NEVER},
    {"user information in both", "https://a@example.com", "a@example.com", NEVER},
    {"a path", "https://example.com/", "example.com", NEVER},
    {"a path in both", "https://example.com/", "example.com/", NEVER},
    {"a query", "https://example.com?x", "example.com?x", NEVER},
    {"two origins", "https://example.com https://example.com", "example.com", NEVER},
    {"two joined lines", "https://example.com, https://example.com", "example.com", NEVER},
    {"opaque", "null", "null", NEVER},
    {"empty", "", "", NEVER},
    {"no Host", "https://example.com", "", NEVER},
    {"no host in Origin", "https://", "example.com", NEVER},
    {"only ports", "https://:443", ":443", NEVER},
    {"no scheme", "example.com", "example.com", NEVER},
    {"a scheme cut", "https:/example.com", "example.com", NEVER},
    {"another scheme", "ftp://example.com", "example.com", NEVER},
    {"wss is no page's", "wss://example.com", "example.com", NEVER},
    {"a file", "file://", "example.com", NEVER},
    {"an extension's", "chrome-extension://example.com", "example.com", NEVER},
    {"a scheme that begins alike", "httpsx://example.com", "example.com", NEVER},
};

static void run_row(const void *data) {
  const struct row *row = data;
  struct guard_page origin = guard_page_new(row->origin, strlen(row->origin));
  struct guard_page host = guard_page_new(row->host, strlen(row->host));
  const char *o = (const char *)origin.data;
  const char *h = (const char *)host.data;

  CHECK_INT(row->same != NEVER, wsuv_origin_is_same(o, origin.len, h, host.len, 0) != 0);
  CHECK_INT(row->same == ALWAYS, wsuv_origin_is_same(o, origin.len, h, host.len, 1) != 0);
  guard_page_free(&origin);
  guard_page_free(&host);
}

static void absent_is_not_the_same(void **state) {
  (void)state;
  CHECK_INT(0, wsuv_origin_is_same(NULL, 0, "a", 1, 0));
  CHECK_INT(0, wsuv_origin_is_same("http://a", 8, NULL, 0, 0));
  CHECK_INT(0, wsuv_origin_is_same(NULL, 0, NULL, 0, 0));
}

static void what_can_be_listed(void **state) {
  (void)state;
  CHECK_TRUE(wsuv__origin_is_listable("https://example.com"));
  CHECK_TRUE(wsuv__origin_is_listable("nullx"));
  CHECK_FALSE(wsuv__origin_is_listable("null"));
  CHECK_FALSE(wsuv__origin_is_listable("Null"));
  CHECK_FALSE(wsuv__origin_is_listable("*"));
  CHECK_FALSE(wsuv__origin_is_listable(""));
  CHECK_FALSE(wsuv__origin_is_listable("a b"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(absent_is_not_the_same),
      cmocka_unit_test(what_can_be_listed),
  };
  int failures = CHECK_RUN_TABLE("same origin", rows, run_row);
  failures += cmocka_run_group_tests_name("origin", tests, NULL, NULL);
  return failures;
}
