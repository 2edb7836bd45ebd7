/* Heads in every split. Each row is parsed whole, octet by octet and cut in two at every place; input ends at a page
 * that cannot be touched. */
#include <stdlib.h>
#include <string.h>

#include "http/head_parser.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/errno.h"

#define STR(literal) literal, sizeof(literal) - 1
#define GET          "GET / HTTP/1.1\r\n"
#define ASK          "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static const struct wsuv__head_limits roomy = {4096, 20, 8};

/* What a parser says, as one line of text that can be compared: independent of how the bytes came. */
struct verdict {
  char text[2048];
  size_t len;
};

static void say(struct verdict *v, const void *data, size_t len) {
  CHECK_TRUE(v->len + len < sizeof v->text);
  if (len > 0)
    memcpy(v->text + v->len, data, len);
  v->len += len;
  v->text[v->len] = '\0';
}

static void say_text(struct verdict *v, const char *text) {
  say(v, text, strlen(text));
}

static void say_number(struct verdict *v, int number) {
  char digit;
  if (number >= 10)
    say_number(v, number / 10);
  digit = (char)('0' + number % 10);
  say(v, &digit, 1);
}

static void say_span(struct verdict *v, const char *before, wsuv_span_t span) {
  if (span.len == 0)
    return;
  say_text(v, before);
  say(v, span.data, span.len);
}

static void say_headers(struct verdict *v, const struct wsuv__head_parser *p) {
  size_t i;
  for (i = 0; i < wsuv__head_parser_nheaders(p); i++) {
    wsuv_header_t header = wsuv__head_parser_header(p, i);
    CHECK_INT('\0', header.name[header.name_len]);
    CHECK_INT('\0', header.value[header.value_len]);
    say_text(v, " {");
    say_text(v, header.name);
    say_text(v, "=");
    say_text(v, header.value);
    say_text(v, "}");
  }
}

/* "<method> [<authority>] <target> 1.1 {name=value} upgrade has_body" or "<status> <reason> ... body=..."; then "reading" where
 * nothing is complete; then "rest=" with what was left over. An error is its name. */
static void say_all(struct verdict *v, const struct wsuv__head_parser *p, int err) {
  static const char *const states[] = {"reading", "reading body", "", "failed"};
  if (err != 0) {
    say_text(v, wsuv_err_name(err));
    return;
  }
  say_span(v, "", wsuv__head_parser_method(p));
  say_span(v, " ", wsuv__head_parser_authority(p));
  say_span(v, " ", wsuv__head_parser_target(p));
  if (p->status != 0)
    say_number(v, p->status);
  say_span(v, " ", wsuv__head_parser_reason(p));
  if (wsuv__head_parser_method(p).len > 0 && p->version_minor != 1)
    say_text(v, " not 1.1");
  say_headers(v, p);
  say_text(v, p->upgrade ? " upgrade" : "");
  say_text(v, p->has_body && p->kind == HEAD_REQUEST ? " has_body" : "");
  say_span(v, " body=", wsuv__head_parser_body(p));
  if (p->state != HEAD_COMPLETE) {
    say_text(v, " ");
    say_text(v, states[p->state]);
  }
}

struct run {
  enum wsuv__head_kind kind;
  const struct wsuv__head_limits *limits;
  const wsuv_allocator_t *allocator;
  const char *input;
  size_t len;
  int with_eof;
};

/* Feeds the pieces, each from a page of its own, as a reader does: what is not used goes to the rest. */
static int feed(struct wsuv__head_parser *p, const char *data, size_t len, struct verdict *rest) {
  struct guard_page page = guard_page_new(data, len);
  size_t used = 99999;
  int err = wsuv__head_parser_feed(p, page.data, page.len, &used);
  CHECK_TRUE(used <= len);
  if (err == 0) {
    CHECK_TRUE(used == len || p->state == HEAD_COMPLETE);
    say(rest, page.data + used, len - used);
  } else {
    CHECK_INT(HEAD_FAILED, p->state);
    CHECK_ERR(err, wsuv__head_parser_feed(p, page.data, page.len, &used)); /* sticky */
    CHECK_SIZE(0, used);
    CHECK_ERR(err, wsuv__head_parser_eof(p));
  }
  guard_page_free(&page);
  return err;
}

/* In pieces of `piece` octets, or of `first` and the rest if `first` is not 0. */
static int run_pieces(const struct run *run, size_t first, size_t piece, struct verdict *v) {
  struct wsuv__head_parser p;
  struct verdict rest = {{0}, 0};
  size_t at = 0;
  size_t step = first > 0 ? first : piece;
  int err = 0;

  memset(v, 0, sizeof *v);
  wsuv__head_parser_init(&p, run->kind, run->limits, run->allocator);
  while (at < run->len && err == 0) {
    size_t len = run->len - at < step ? run->len - at : step;
    err = feed(&p, run->input + at, len, &rest);
    at += len;
    step = first > 0 ? run->len : piece;
  }
  if (err == 0 && run->with_eof)
    err = wsuv__head_parser_eof(&p);
  say_all(v, &p, err);
  if (err == 0 && rest.len > 0) {
    say_text(v, " rest=");
    say_text(v, rest.text);
  }
  wsuv__head_parser_free(&p);
  return err;
}

static void run_every_split(const struct run *run, const char *expected) {
  struct verdict v;
  size_t cut;
  run_pieces(run, 0, run->len + 1, &v);
  CHECK_STR(expected, v.text);
  run_pieces(run, 0, 1, &v);
  CHECK_STR(expected, v.text);
  for (cut = 1; cut < run->len; cut++) {
    run_pieces(run, cut, 0, &v);
    CHECK_STR(expected, v.text);
  }
}

static void run_every_failure(struct run run) {
  size_t n;
  for (n = 1;; n++) {
    struct failing_alloc fa;
    struct verdict v;
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    run.allocator = &fa.allocator;
    err = run_pieces(&run, 0, 7, &v);
    failing_alloc_check_no_leaks(&fa);
    if (!failing_alloc_has_failed(&fa))
      return;
    CHECK_ERR(WSUV_ENOMEM, err);
  }
}

struct head_case {
  const char *name;
  const char *input;
  size_t len;
  const char *expected;
};

/* covers: HTR.3 IOC.5 HSS.13 HSK.4 W047 W048 W192 H001 H005 H018 H019 H024 H032 H042 C20 */
static const struct head_case requests[] = {
    {"a handshake", STR("GET /chat?x HTTP/1.1\r\nHost: h\r\n" ASK "\r\n"),
     "GET /chat?x {Host=h} {Upgrade=websocket} {Connection=Upgrade} upgrade"},
    {"what follows is left over", STR(GET ASK "\r\nframe\r\n\r\n"),
     "GET / {Upgrade=websocket} {Connection=Upgrade} upgrade rest=frame\r\n\r\n"},
    {"an ordinary request", STR(GET "\r\n"), "GET /"},
    {"empty lines in front", STR("\r\n\r\n" GET "\r\n"), "GET /"},
    {"blanks around values", STR(GET "A:\r\nB: \t \r\nC: \tx y\t \r\nD:z\r\n\r\n"),
     "GET / {A=} {B=} {C=x y} {D=z}"},
    {"tab behind upgrade", STR(GET "Upgrade: websocket\t\r\nConnection: x ,\tUpgrade\t\r\n\r\n"),
     "GET / {Upgrade=websocket} {Connection=x ,\tUpgrade} upgrade"},
    {"repeated fields stay apart", STR(GET "A: 1\r\na: 2\r\nA: 1\r\n\r\n"),
     "GET / {A=1} {a=2} {A=1}"},
    {"high octets in a value", STR(GET "A: \xc3\xa4\xff\r\n\r\n"), "GET / {A=\xc3\xa4\xff}"},
    {"absolute-form", STR("GET http://h/p?q HTTP/1.1\r\n\r\n"), "GET h /p?q"},
    {"absolute-form, port", STR("GET HTTP://[::1]:81// HTTP/1.1\r\n\r\n"), "GET [::1]:81 //"},
    {"absolute-form, no path", STR("GET https://h HTTP/1.1\r\n\r\n"), "GET h /"},
    {"absolute-form, query alone", STR("GET http://h?q=/ HTTP/1.1\r\n\r\n"), "GET h /?q=/"},
    {"unwise characters in the target", STR("GET /{}|\"<>\\^` HTTP/1.1\r\n\r\n"),
     "GET /{}|\"<>\\^`"},
    {"HTTP/1.0", STR("GET / HTTP/1.0\r\n\r\n"), "GET / not 1.1"},
    {"HTTP/2.0", STR("GET / HTTP/2.0\r\n\r\n"), "GET / not 1.1"},
    {"HTTP/0.9", STR("GET / HTTP/0.9\r\n\r\n"), "GET / not 1.1"},
    {"another method", STR("POST / HTTP/1.1\r\n\r\n"), "POST /"},
    {"CONNECT", STR("CONNECT h:80 HTTP/1.1\r\n\r\nx"), "CONNECT h:80 upgrade rest=x"},
    {"OPTIONS *", STR("OPTIONS * HTTP/1.1\r\n\r\n"), "OPTIONS *"},
    {"a body", STR(GET "Content-Length: 5\r\n\r\nhello"),
     "GET / {Content-Length=5} has_body rest=hello"},
    {"no body", STR(GET "Content-Length: 0\r\n\r\n"), "GET / {Content-Length=0}"},
    {"upgrade with a body", STR(GET ASK "Content-Length: 5\r\n\r\nhello"),
     "GET / {Upgrade=websocket} {Connection=Upgrade} {Content-Length=5} upgrade has_body "
     "rest=hello"},
    {"upgrade with chunks", STR(GET ASK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "GET / {Upgrade=websocket} {Connection=Upgrade} {Transfer-Encoding=chunked} upgrade has_body "
     "rest=0\r\n\r\n"},
    {"empty Transfer-Encoding", STR(GET "Transfer-Encoding:\r\n\r\n"),
     "GET / {Transfer-Encoding=} has_body"},
    {"not complete", STR(GET "A: 1\r\n"), " reading"},
    {"nothing", STR(""), " reading"},
};

/* covers: W045 W046 W047 H001 H002 H004 H005 H007 H008 H009 H010 H020 H021 H022 H026 H028 H029 H030 H031 H039 H044
 * H047 B17 C6 C7 C8 */
static const struct head_case bad_requests[] = {
    {"HTTP/1.2", STR("GET / HTTP/1.2\r\n\r\n"), "EHTTPVERSION"},
    {"HTTP/3.0", STR("GET / HTTP/3.0\r\n\r\n"), "EHTTPVERSION"},
    {"HTTP/2 preface", STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "EHTTPVERSION"},
    {"HTTP/0.9 without a version", STR("GET /\r\n\r\n"), "EHTTP"},
    {"HTTP/1.11", STR("GET / HTTP/1.11\r\n\r\n"), "EHTTP"},
    {"http/1.1", STR("GET / http/1.1\r\n\r\n"), "EHTTP"},
    {"RTSP", STR("GET / RTSP/1.0\r\n\r\n"), "EHTTP"},
    {"ICE", STR("SOURCE / ICE/1.0\r\n\r\n"), "EHTTP"},
    {"get", STR("get / HTTP/1.1\r\n\r\n"), "EMETHOD"},
    {"unknown method", STR("FOO / HTTP/1.1\r\n\r\n"), "EMETHOD"},
    {"longer method", STR("GETX / HTTP/1.1\r\n\r\n"), "EMETHOD"},
    {"shorter method", STR("GE / HTTP/1.1\r\n\r\n"), "EMETHOD"},
    {"another protocol's method", STR("DESCRIBE / HTTP/1.1\r\n\r\n"), "EMETHOD"},
    {"method that is no token", STR("G@T / HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"blank in front", STR(" GET / HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"two blanks", STR("GET  / HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"two blanks before the version", STR("GET /  HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"blank behind the version", STR("GET / HTTP/1.1 \r\n\r\n"), "EHTTP"},
    {"blank in the target", STR("GET /a b HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"tab in the request line", STR("GET\t/ HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"control character in the target", STR("GET /\x01 HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"DEL in the target", STR("GET /\x7f HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"NUL in the target", STR("GET /\0 HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"high octet in the target", STR("GET /\xc3\xa4 HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"fragment", STR("GET /#x HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"asterisk-form", STR("GET * HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"authority-form", STR("GET h:80 HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"user information in an absolute-form", STR("GET http://u:p@h/ HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"absolute-form without a host", STR("GET http:///p HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"absolute-form that is a scheme", STR("POST https:// HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"another scheme", STR("GET ftp://h/ HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"TLS on the plain port", STR("\x16\x03\x01\x02\x00\x01"), "EHTTP"},
    {"text", STR("hello\r\n"), "EHTTP"},
    {"bare LF in front", STR("\n" GET "\r\n"), "EHTTP"},
    {"bare LF behind the request line", STR("GET / HTTP/1.1\n\r\n"), "EHTTP"},
    {"bare LF behind a field", STR(GET "A: 1\n\r\n"), "EHTTP"},
    {"bare LF at the end", STR(GET "A: 1\r\n\n"), "EHTTP"},
    {"bare CR in a value", STR(GET "A: 1\rUpgrade: websocket\r\n\r\n"), "EHTTP"},
    {"bare CR in the request line", STR("GET /\r HTTP/1.1\r\n\r\n"), "EHTTP"},
    {"two CR", STR(GET "A: 1\r\r\n\r\n"), "EHTTP"},
    {"folded line", STR(GET "Upgrade: web\r\n socket\r\n\r\n"), "EHTTP"},
    {"folded by tab", STR(GET "A: 1\r\n\t2\r\n\r\n"), "EHTTP"},
    {"blank before the first field", STR(GET " Host: h\r\n\r\n"), "EHTTP"},
    {"blank before the colon", STR(GET "Upgrade : websocket\r\n\r\n"), "EHTTP"},
    {"tab before the colon", STR(GET "Upgrade\t: websocket\r\n\r\n"), "EHTTP"},
    {"blank before the colon of Content-Length", STR(GET "Content-Length : 0\r\n\r\n"), "EHTTP"},
    {"blank in a name", STR(GET "X Y: 1\r\n\r\n"), "EHTTP"},
    {"no colon", STR(GET "Host\r\n\r\n"), "EHTTP"},
    {"empty name", STR(GET ": 1\r\n\r\n"), "EHTTP"},
    {"high octet in a name", STR(GET "X\xe4: 1\r\n\r\n"), "EHTTP"},
    {"NUL in a name", STR(GET "X\0: 1\r\n\r\n"), "EHTTP"},
    {"NUL in a value", STR(GET "X: a\0b\r\n\r\n"), "EHTTP"},
    {"control character in a value", STR(GET "X: a\x01\r\n\r\n"), "EHTTP"},
    {"vertical tab before chunked",
     STR(GET "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n"),
     "EHTTP"},
    {"two lengths", STR(GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), "EHTTP"},
    {"list of lengths", STR(GET "Content-Length: 5, 5\r\n\r\n"), "EHTTP"},
    {"length with a blank", STR(GET "Content-Length: 5 5\r\n\r\n"), "EHTTP"},
    {"length with a sign", STR(GET "Content-Length: +5\r\n\r\n"), "EHTTP"},
    {"negative length", STR(GET "Content-Length: -1\r\n\r\n"), "EHTTP"},
    {"hexadecimal length", STR(GET "Content-Length: 0x5\r\n\r\n"), "EHTTP"},
    {"length of 2^64", STR(GET "Content-Length: 18446744073709551616\r\n\r\n"), "EHTTP"},
    {"empty length", STR(GET "Content-Length:\r\n\r\n"), "EHTTP"},
    {"length and chunks", STR(GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "EHTTP"},
    {"chunks and length", STR(GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
     "EHTTP"},
    {"length and an empty coding", STR(GET "Content-Length: 5\r\nTransfer-Encoding:\r\n\r\n"),
     "EHTTP"},
    {"chunked is not last", STR(GET "Transfer-Encoding: chunked, identity\r\n\r\n"), "EHTTP"},
    {"unknown coding", STR(GET "Transfer-Encoding: xchunked\r\n\r\n"), "EHTTP"},
};

static void run_request(const void *data) {
  const struct head_case *row = data;
  struct run run = {HEAD_REQUEST, &roomy, NULL, row->input, row->len, 0};
  run_every_split(&run, row->expected);
  run_every_failure(run);
}

/* covers: HSC.9 HSC.17 W042 W043 H023 H027 H033 H034 H062 H063 C1 */
static const struct head_case responses[] = {
    {"a handshake and a frame", STR("HTTP/1.1 101 Switching Protocols\r\n" ASK "\r\n\x81\x02hi"),
     "101 Switching Protocols {Upgrade=websocket} {Connection=Upgrade} upgrade rest=\x81\x02hi"},
    {"101 without upgrade", STR("HTTP/1.1 101 X\r\n\r\nhi"), "101 X rest=hi"},
    {"101 with a length", STR("HTTP/1.1 101 X\r\nContent-Length: 2\r\n\r\nhi"),
     "101 X {Content-Length=2} rest=hi"},
    {"101 with chunks", STR("HTTP/1.1 101 X\r\nTransfer-Encoding: chunked\r\n\r\nhi"),
     "101 X {Transfer-Encoding=chunked} rest=hi"},
    {"no reason", STR("HTTP/1.1 101\r\n\r\n"), "101"},
    {"empty reason", STR("HTTP/1.1 101 \r\n\r\n"), "101"},
    {"high octets in the reason", STR("HTTP/1.1 101 \xc3\xa4\tb c\r\n\r\n"), "101 \xc3\xa4\tb c"},
    {"other 1xx in front",
     STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\nContent-Length: 3\r\nConnection: "
         "close\r\n\r\nHTTP/1.1 101 S\r\nC: d\r\n\r\nx"),
     "101 S {C=d} rest=x"},
    {"body by length, cut", STR("HTTP/1.1 404 N\r\nContent-Length: 10\r\n\r\n0123456789x"),
     "404 N {Content-Length=10} body=01234567 rest=x"},
    {"empty body", STR("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\nx"),
     "404 N {Content-Length=0} rest=x"},
    {"body by chunks",
     STR("HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=f\r\nde\r\n0\r\nT: "
         "u\r\n\r\nx"),
     "500 E {Transfer-Encoding=chunked} body=abcde rest=x"},
    {"closing response", STR("HTTP/1.1 401 U\r\nConnection: close\r\nContent-Length: 2\r\n\r\nabx"),
     "401 U {Connection=close} {Content-Length=2} body=ab rest=x"},
    {"426 that names the upgrade", STR("HTTP/1.1 426 U\r\n" ASK "Content-Length: 2\r\n\r\nabx"),
     "426 U {Upgrade=websocket} {Connection=Upgrade} {Content-Length=2} upgrade body=ab rest=x"},
    {"204 with a length", STR("HTTP/1.1 204 N\r\nContent-Length: 2\r\n\r\nhi"),
     "204 N {Content-Length=2} rest=hi"},
    {"304 with chunks", STR("HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\nhi"),
     "304 N {Transfer-Encoding=chunked} rest=hi"},
    {"HTTP/1.0", STR("HTTP/1.0 503 B\r\nContent-Length: 1\r\n\r\na"),
     "503 B {Content-Length=1} body=a"},
    {"unknown status", STR("HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"),
     "999 X {Content-Length=0}"},
    {"body until the end, not there yet", STR("HTTP/1.1 200 OK\r\n\r\nab"),
     "200 OK body=ab reading body"},
    {"HTTP/1.0 101", STR("HTTP/1.0 101 X\r\n\r\n"), "EHTTPVERSION"},
    {"HTTP/2.0 101", STR("HTTP/2.0 101 X\r\n\r\n"), "EHTTPVERSION"},
    {"status of four digits", STR("HTTP/1.1 1010 X\r\n\r\n"), "EHTTP"},
    {"status of two digits", STR("HTTP/1.1 99 X\r\n\r\n"), "EHTTP"},
    {"status with a sign", STR("HTTP/1.1 +10 X\r\n\r\n"), "EHTTP"},
    {"no blank behind the status", STR("HTTP/1.1 101X\r\n\r\n"), "EHTTP"},
    {"two blanks", STR("HTTP/1.1  101 X\r\n\r\n"), "EHTTP"},
    {"another protocol", STR("ICY 101 X\r\n\r\n"), "EHTTP"},
    {"empty line in front", STR("\r\nHTTP/1.1 101 X\r\n\r\n"), "EHTTP"},
    {"folded field", STR("HTTP/1.1 101 X\r\nA: b\r\n c\r\n\r\n"), "EHTTP"},
    {"blank before the colon", STR("HTTP/1.1 101 X\r\nUpgrade : websocket\r\n\r\n"), "EHTTP"},
    {"bare LF", STR("HTTP/1.1 101 X\nA: b\r\n\r\n"), "EHTTP"},
    {"chunk size overflow",
     STR("HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n"), "EHTTP"},
    {"chunk size is no number", STR("HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
     "EHTTP"},
};

static void run_response(const void *data) {
  const struct head_case *row = data;
  struct run run = {HEAD_RESPONSE, &roomy, NULL, row->input, row->len, 0};
  run_every_split(&run, row->expected);
  run_every_failure(run);
}

static const struct head_case ends[] = {
    {"body until the end", STR("HTTP/1.1 200 OK\r\n\r\nab"), "200 OK body=ab"},
    {"empty body until the end", STR("HTTP/1.0 200 OK\r\n\r\n"), "200 OK"},
    {"unknown coding until the end", STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nab"),
     "200 OK {Transfer-Encoding=x} body=ab"},
    {"complete before", STR("HTTP/1.1 101 X\r\n\r\n"), "101 X"},
    {"nothing came", STR(""), "EABNORMAL"},
    {"in the head", STR("HTTP/1.1 101 X\r\n"), "EHTTP"},
    {"in a body by length", STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), "EHTTP"},
    {"in a chunk", STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"), "EHTTP"},
};

static void run_end(const void *data) {
  const struct head_case *row = data;
  struct run run = {HEAD_RESPONSE, &roomy, NULL, row->input, row->len, 1};
  run_every_split(&run, row->expected);
}

struct limit_case {
  const char *name;
  enum wsuv__head_kind kind;
  struct wsuv__head_limits limits;
  const char *input;
  size_t len;
  const char *expected;
};

/* covers: HSS.14 H005 H011 H043 H063 B10 */
static const struct limit_case limits[] = {
    {"exactly the bytes", HEAD_REQUEST, {18, 5, 0}, STR(GET "\r\n"), "GET /"},
    {"one byte less", HEAD_REQUEST, {17, 5, 0}, STR(GET "\r\n"), "EHEADSIZE"},
    {"what is left over does not count",
     HEAD_REQUEST,
     {18, 5, 0},
     STR(GET "\r\nabc"),
     "GET / rest=abc"},
    {"a line that never ends",
     HEAD_REQUEST,
     {20, 5, 0},
     STR("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     "EHEADSIZE"},
    {"empty lines for ever", HEAD_REQUEST, {8, 5, 0}, STR("\r\n\r\n\r\n\r\n\r\n\r\n"), "EHEADSIZE"},
    {"exactly the fields",
     HEAD_REQUEST,
     {99, 2, 0},
     STR(GET "A: 1\r\nB: 2\r\n\r\n"),
     "GET / {A=1} {B=2}"},
    {"a field too many", HEAD_REQUEST, {99, 1, 0}, STR(GET "A: 1\r\nB: 2\r\n\r\n"), "EHEADSIZE"},
    {"malformed within the limit",
     HEAD_REQUEST,
     {12, 1, 0},
     STR("GET /\x01 HTTP/1.1\r\n"),
     "EHTTP"},
    {"1xx for ever",
     HEAD_RESPONSE,
     {60, 1, 0},
     STR("HTTP/1.1 100 X\r\n\r\nHTTP/1.1 100 X\r\n\r\nHTTP/1.1 100 X\r\n\r\nHTTP/1.1 100 "
         "X\r\n\r\n"),
     "EHEADSIZE"},
    {"no body is kept",
     HEAD_RESPONSE,
     {99, 1, 0},
     STR("HTTP/1.1 404 X\r\nContent-Length: 3\r\n\r\nabc"),
     "404 X {Content-Length=3}"},
};

static void run_limit(const void *data) {
  const struct limit_case *row = data;
  struct run run = {row->kind, &row->limits, NULL, row->input, row->len, 0};
  run_every_split(&run, row->expected);
}

static void memory_is_bounded_by_the_limits(void **state) {
  static char input[100000];
  const struct wsuv__head_limits small = {1000, 10, 100};
  struct failing_alloc fa;
  struct run run = {HEAD_RESPONSE, &small, NULL, input, sizeof input, 0};
  struct verdict v;
  (void)state;
  memset(input, 'x', sizeof input);
  memcpy(input, "HTTP/1.1 200 OK\r\n\r\n", 19);
  failing_alloc_init(&fa);
  run.allocator = &fa.allocator;
  CHECK_ERR(0, run_pieces(&run, 0, 64, &v));
  CHECK_TRUE(fa.peak_size <= 2048 + 10 * sizeof(struct wsuv__field) * 2);
  failing_alloc_check_no_leaks(&fa);
}

static void fields_are_found_by_name(void **state) {
  static const char input[] = GET "A: 1\r\nb: 2\r\nB: 3\r\n\r\n";
  struct wsuv__head_parser p;
  wsuv_header_t header;
  size_t used;
  (void)state;
  wsuv__head_parser_init(&p, HEAD_REQUEST, &roomy, NULL);
  CHECK_ERR(0, wsuv__head_parser_feed(&p, (const uint8_t *)input, sizeof input - 1, &used));
  CHECK_INT(1, wsuv__head_parser_find(&p, "B", 1, &header));
  CHECK_STR("3", header.value);
  CHECK_INT(0, wsuv__head_parser_find(&p, "B", 2, &header));
  wsuv__head_parser_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_bounded_by_the_limits),
      cmocka_unit_test(fields_are_found_by_name),
  };
  int nfailed = cmocka_run_group_tests_name("head parser", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("requests", requests, run_request);
  nfailed += CHECK_RUN_TABLE("bad requests", bad_requests, run_request);
  nfailed += CHECK_RUN_TABLE("responses", responses, run_response);
  nfailed += CHECK_RUN_TABLE("ends", ends, run_end);
  nfailed += CHECK_RUN_TABLE("limits", limits, run_limit);
  return nfailed;
}
