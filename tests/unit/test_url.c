/* URLs of clients. */
#include <string.h>

#include "http/url.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/errno.h"

struct url_case {
  const char *name;
  const char *text;
  int secure;
  int port;
  const char *host;
  const char *authority;
  const char *target;
  const char *basic_auth;
};

/* covers: HSC.1 HSC.2 HSC.3 HSC.4 HSC.6 DEC.7 W001 W002 W004 W005 W006 W022 W023 H016 H017 U005 U007 U008 */
static const struct url_case good_cases[] = {
    {"ws, default port", "ws://h", 0, 80, "h", "h", "/", NULL},
    {"wss, default port", "wss://h/", 1, 443, "h", "h", "/", NULL},
    {"http is ws", "http://h/a", 0, 80, "h", "h", "/a", NULL},
    {"https is wss", "https://h/a", 1, 443, "h", "h", "/a", NULL},
    {"scheme in any case", "WSS://Host.Example/", 1, 443, "Host.Example", "Host.Example", "/",
     NULL},
    {"port", "ws://h:8080", 0, 8080, "h", "h:8080", "/", NULL},
    {"default port written out", "ws://h:80/", 0, 80, "h", "h", "/", NULL},
    {"the other scheme's default", "ws://h:443/", 0, 443, "h", "h:443", "/", NULL},
    {"empty port", "wss://h:/x", 1, 443, "h", "h", "/x", NULL},
    {"leading zeros", "ws://h:0081/", 0, 81, "h", "h:81", "/", NULL},
    {"largest port", "ws://h:65535/", 0, 65535, "h", "h:65535", "/", NULL},
    {"smallest port", "ws://h:1/", 0, 1, "h", "h:1", "/", NULL},
    {"IPv4", "ws://127.0.0.1:10000/", 0, 10000, "127.0.0.1", "127.0.0.1:10000", "/", NULL},
    {"IPv6", "ws://[::1]", 0, 80, "::1", "[::1]", "/", NULL},
    {"IPv6 and port", "ws://[::1]:8080/x", 0, 8080, "::1", "[::1]:8080", "/x", NULL},
    {"IPv6 with IPv4", "ws://[::ffff:1.2.3.4]:/", 0, 80, "::ffff:1.2.3.4", "[::ffff:1.2.3.4]", "/",
     NULL},
    {"path and query", "ws://h/chat?x=1&y=2", 0, 80, "h", "h", "/chat?x=1&y=2", NULL},
    {"query without path", "ws://h?x=1", 0, 80, "h", "h", "/?x=1", NULL},
    {"empty query", "ws://h/a?", 0, 80, "h", "h", "/a", NULL},
    {"question marks in the query", "ws://h/a?b?c", 0, 80, "h", "h", "/a?b?c", NULL},
    {"slash and colon in the query", "ws://h?a/b:c@d", 0, 80, "h", "h", "/?a/b:c@d", NULL},
    {"escapes are kept", "ws://h/a%23b?c=%23", 0, 80, "h", "h", "/a%23b?c=%23", NULL},
    {"user and password", "ws://u:p@h:81/", 0, 81, "h", "h:81", "/", "dTpw"},
    {"user alone", "ws://u@h/", 0, 80, "h", "h", "/", "dTo="},
    {"empty user", "ws://@h/", 0, 80, "h", "h", "/", "Og=="},
    {"escaped user information", "ws://a%40b:c%3Ad@h/", 0, 80, "h", "h", "/", "YUBiOmM6ZA=="},
    {"colons in the password", "ws://u:p:q@[::1]/", 0, 80, "::1", "[::1]", "/", "dTpwOnE="},
};

static void run_good(const void *data) {
  const struct url_case *row = data;
  struct guard_page page = guard_page_new(row->text, strlen(row->text) + 1);
  struct wsuv__url url;
  CHECK_ERR(0, wsuv__url_parse(&url, (const char *)page.data, &wsuv__default_allocator));
  CHECK_INT(row->secure, url.secure);
  CHECK_INT(row->port, url.port);
  CHECK_STR(row->host, url.host);
  CHECK_STR(row->authority, url.authority);
  CHECK_STR(row->target, url.target);
  CHECK_STR(row->basic_auth, url.basic_auth);
  wsuv__url_free(&url, &wsuv__default_allocator);
  guard_page_free(&page);
}

struct bad_case {
  const char *name;
  const char *text;
};

/* covers: HSC.1 HSC.3 HSC.5 W003 W007 W008 W009 U005 U006 U007 */
static const struct bad_case bad_cases[] = {
    {"nothing", ""},
    {"no scheme", "haha"},
    {"other scheme", "ftp://h/"},
    {"scheme without slashes", "ws:h"},
    {"one slash", "ws:/h"},
    {"blank in front", " ws://h/"},
    {"no authority", "ws://"},
    {"no authority, a path", "ws:///p"},
    {"no authority, a query", "ws://?x"},
    {"no host, a port", "ws://:80/"},
    {"no host, a user", "ws://u@/"},
    {"fragment", "ws://h/a#frag"},
    {"empty fragment", "ws://h/#"},
    {"fragment behind the host", "ws://h#x"},
    {"port 0", "ws://h:0/"},
    {"port too large", "ws://h:65536/"},
    {"port much too large", "ws://h:4294967376/"},
    {"port with a sign", "ws://h:+80/"},
    {"negative port", "ws://h:-1/"},
    {"hexadecimal port", "ws://h:0x50/"},
    {"two ports", "ws://h:80:80/"},
    {"blank in the user", "ws://u ser@h/"},
    {"blank in the path", "ws://h/a b"},
    {"tab", "ws://h/a\tb"},
    {"CRLF", "ws://h/\r\nX: y"},
    {"DEL", "ws://h/\x7f"},
    {"non-ASCII host", "ws://b\xc3\xbc"
                       "cher.example/"},
    {"non-ASCII path", "ws://h/\xc3\xa4"},
    {"backslash", "ws://h\\@evil/"},
    {"backslash in the path", "ws://h/a\\b"},
    {"two at signs", "ws://a@b@h/"},
    {"cut escape", "ws://h/%"},
    {"cut escape, one digit", "ws://h/%4"},
    {"escape that is not hexadecimal", "ws://h/%zz"},
    {"escape in the host", "ws://a%41/"},
    {"IPv6 without brackets", "ws://::1/"},
    {"unclosed bracket", "ws://[::1/"},
    {"unopened bracket", "ws://::1]/"},
    {"empty brackets", "ws://[]/"},
    {"brackets around a name", "ws://[abc]/"},
    {"text behind the bracket", "ws://[::1]x/"},
    {"zone identifier", "ws://[fe80::1%25eth0]/"},
    {"future address", "ws://[v1.fe80::a]/"},
    {"angle brackets in the host", "ws://<h>/"},
    {"control character as password", "ws://u:%0D%0A@h/"},
    {"NUL as user", "ws://%00@h/"},
    {"escaped colon in the user", "ws://a%3Ab:c@h/"},
};

static void run_bad(const void *data) {
  const struct bad_case *row = data;
  struct failing_alloc fa;
  struct wsuv__url url;
  failing_alloc_init(&fa);
  CHECK_ERR(WSUV_EURL, wsuv__url_parse(&url, row->text, &fa.allocator));
  CHECK_NULL(url.host);
  CHECK_NULL(url.basic_auth);
  failing_alloc_check_no_leaks(&fa);
}

static void null_and_endless_text_are_no_urls(void **state) {
  static char text[70000] = "ws://h/";
  struct wsuv__url url;
  (void)state;
  CHECK_ERR(WSUV_EURL, wsuv__url_parse(&url, NULL, &wsuv__default_allocator));
  memset(text + 7, 'a', sizeof text - 8);
  CHECK_ERR(WSUV_EURL, wsuv__url_parse(&url, text, &wsuv__default_allocator));
  text[40000] = '\0';
  CHECK_ERR(0, wsuv__url_parse(&url, text, &wsuv__default_allocator));
  wsuv__url_free(&url, &wsuv__default_allocator);
  text[5 + 256] = '/';
  memset(text + 5, 'h', 256);
  CHECK_ERR(WSUV_EURL, wsuv__url_parse(&url, text, &wsuv__default_allocator));
}

static void every_allocation_may_fail(void **state) {
  size_t n;
  (void)state;
  for (n = 1;; n++) {
    struct failing_alloc fa;
    struct wsuv__url url;
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = wsuv__url_parse(&url, "wss://u:p@[::1]:8080/x?y", &fa.allocator);
    CHECK_ERR(failing_alloc_has_failed(&fa) ? WSUV_ENOMEM : 0, err);
    wsuv__url_free(&url, &fa.allocator);
    failing_alloc_check_no_leaks(&fa);
    if (!failing_alloc_has_failed(&fa))
      break;
  }
  CHECK_SIZE(3, n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(null_and_endless_text_are_no_urls),
      cmocka_unit_test(every_allocation_may_fail),
  };
  int nfailed = cmocka_run_group_tests_name("url", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("URLs", good_cases, run_good);
  nfailed += CHECK_RUN_TABLE("no URLs", bad_cases, run_bad);
  return nfailed;
}
