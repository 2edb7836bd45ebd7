#include "http/server_handshake.h"

#include <string.h>

#include "http/field_line.h"
#include "http/origin.h"

#define CLAUSE        "RFC 6455 4.2.1"
#define RESPONSE_SIZE 256u /* what it is without headers of the application's */

/* ---- the request ---- */

int wsuv_handshake_request_line(wsuv_handshake_t *h, const char *method, size_t method_len,
                                int version_major, int version_minor) {
  if (h->role != WSUV_SERVER || h->state != HANDSHAKE_COLLECTING)
    return WSUV_ESTATE;
  memset(h->method, 0, sizeof h->method);
  memcpy(h->method, method, method_len < sizeof h->method ? method_len : sizeof h->method);
  h->method_len = method_len;
  h->version_major = version_major;
  h->version_minor = version_minor;
  h->has_line = 1;
  return 0;
}

static void add_http_version(struct wsuv__detail *text, int major, int minor) {
  wsuv__detail_add(text, "HTTP/");
  wsuv__detail_add_number(text, major > 0 ? (unsigned)major : 0);
  if (major > 1 && minor == 0)
    return; /* HTTP/2 has no minor version */
  wsuv__detail_add(text, ".");
  wsuv__detail_add_number(text, minor > 0 ? (unsigned)minor : 0);
}

/* HTTP/1.1 or a later 1.x; HTTP/2 has a handshake of its own (RFC 8441). */
static int check_http_version(wsuv_handshake_t *h) {
  struct wsuv__detail version = {0, ""};
  struct wsuv__text text;
  if (h->version_major == 1 && h->version_minor >= 1)
    return 0;
  add_http_version(&version, h->version_major, h->version_minor);
  text.data = version.text;
  text.len = version.len;
  wsuv__fault_set_value(&h->fault, "HTTP version", text, "HTTP/1.1", CLAUSE);
  return WSUV_EHTTPVERSION;
}

static int check_method(wsuv_handshake_t *h) {
  struct wsuv__text method;
  method.data = h->method;
  method.len = h->method_len < sizeof h->method ? h->method_len : sizeof h->method;
  if (h->method_len == 3 && memcmp(h->method, "GET", 3) == 0)
    return 0;
  wsuv__fault_set_value(&h->fault, "method", method, "GET", CLAUSE);
  return WSUV_EMETHOD;
}

static int asks_for_nothing(const wsuv_handshake_t *h) {
  return h->slots[FIELD_UPGRADE].count == 0 && h->slots[FIELD_VERSION].count == 0 &&
         h->slots[FIELD_KEY].count == 0 && h->slots[FIELD_PROTOCOL].count == 0 &&
         h->slots[FIELD_EXTENSIONS].count == 0;
}

static int check_missing(wsuv_handshake_t *h) {
  static const enum wsuv__handshake_field required[] = {FIELD_HOST, FIELD_CONNECTION, FIELD_UPGRADE,
                                                        FIELD_VERSION, FIELD_KEY};
  size_t skip = h->require_host ? 0 : 1;
  int err = wsuv__handshake_check_missing(h, required + skip, 5 - skip, CLAUSE);
  return err != 0 && asks_for_nothing(h) ? WSUV_ENOUPGRADE : err;
}

static int check_repeated(wsuv_handshake_t *h) {
  static const enum wsuv__handshake_field single[] = {FIELD_HOST, FIELD_VERSION, FIELD_KEY};
  return wsuv__handshake_check_repeated(h, single, 3, "RFC 6455 11.3, RFC 9112 3.2");
}

static int is_host(const wsuv_handshake_t *h) {
  struct wsuv__text host = wsuv__handshake_value(h, FIELD_HOST);
  return wsuv__token_is_host(host.data, host.len);
}

static int check_host(wsuv_handshake_t *h) {
  if (h->slots[FIELD_HOST].count == 0 || is_host(h))
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EHEADER, FIELD_HOST, "host[:port]", "RFC 9112 3.2");
}

static int check_upgrade(wsuv_handshake_t *h) {
  struct wsuv__text rest = wsuv__handshake_value(h, FIELD_UPGRADE);
  struct wsuv__protocol protocol;
  int found = 0;
  int got;
  while ((got = wsuv__token_next_protocol(&rest, &protocol)) == 1)
    found |= protocol.version.data == NULL &&
             wsuv__token_is(protocol.name.data, protocol.name.len, "websocket");
  if (got != 0)
    return wsuv__handshake_refuse_element(h, FIELD_UPGRADE, protocol.name);
  if (found)
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EHEADER, FIELD_UPGRADE, "websocket", CLAUSE);
}

static int check_version(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_VERSION);
  if (value.len == 2 && memcmp(value.data, "13", 2) == 0)
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EVERSION, FIELD_VERSION, "13", "RFC 6455 4.2.2");
}

static int take_key(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_KEY);
  if (!wsuv__accept_key_is_valid(value.data, value.len)) {
    wsuv__fault_set(&h->fault, wsuv__handshake_field_name(FIELD_KEY), "is not 16 bytes in base64",
                    CLAUSE);
    return WSUV_EHEADER;
  }
  memcpy(h->key, value.data, WSUV__KEY_LEN);
  return wsuv_handshake_accept_key(h->key, WSUV__KEY_LEN, h->accept); /* 4.2.2 item 5.4 */
}

static int refuse_origin(wsuv_handshake_t *h, const char *expected) {
  return wsuv__handshake_refuse_value(h, WSUV_EORIGIN, FIELD_ORIGIN, expected, "RFC 6455 4.2.2");
}

/* Browsers always send one (RFC 6455 4.1); other programs need not. */
static int check_no_origin(wsuv_handshake_t *h) {
  if (!h->require_origin)
    return 0;
  wsuv__fault_set(&h->fault, wsuv__handshake_field_name(FIELD_ORIGIN), "is missing",
                  "RFC 6455 4.2.2");
  return WSUV_EORIGIN;
}

/* Scheme and host have no letter case (RFC 6454 4). */
static int check_origin_list(wsuv_handshake_t *h, struct wsuv__text value) {
  size_t at = 0;
  while (at < h->origins.len) {
    const char *allowed = (const char *)h->origins.base + at;
    if (wsuv__token_is(value.data, value.len, allowed))
      return 0;
    at += strlen(allowed) + 1;
  }
  return refuse_origin(h, "one that is allowed");
}

static int check_origin(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_ORIGIN);
  if (h->slots[FIELD_ORIGIN].count == 0)
    return check_no_origin(h);
  if (h->origins.len > 0)
    return check_origin_list(h, value);
  if (!h->same_origin ||
      wsuv__origin_is_same(value, wsuv__handshake_value(h, FIELD_HOST), h->secure))
    return 0;
  return refuse_origin(h, "that of Host");
}

/* The first in the client's order of preference that we support; none is no fault unless the application says so. */
static int take_subprotocol(wsuv_handshake_t *h) {
  struct wsuv__text rest = wsuv__handshake_value(h, FIELD_PROTOCOL);
  struct wsuv__text ours;
  struct wsuv__text token;
  int err = 0;
  int got;
  ours.data = (const char *)h->subprotocols.base;
  ours.len = h->subprotocols.len;
  while ((got = wsuv__token_next(&rest, &token)) == 1 && err == 0)
    if (h->chosen.len == 0 && wsuv__handshake_lists(ours, token))
      err = wsuv__handshake_choose(h, token);
  if (got < 0)
    return wsuv__handshake_refuse_element(h, FIELD_PROTOCOL, token);
  if (err == 0 && h->chosen.len == 0 && h->require_subprotocol)
    return wsuv__handshake_refuse_value(h, WSUV_ENOSUBPROTOCOL, FIELD_PROTOCOL,
                                        "one that is supported", CLAUSE);
  return err;
}

static int take_extensions(wsuv_handshake_t *h) {
  return wsuv__negotiation_answer(&h->negotiation, &h->allocator,
                                  wsuv__handshake_value(h, FIELD_EXTENSIONS), h->grammar,
                                  &h->fault);
}

/* RFC 6455 4.2.1; the numbers are those of that list. */
int wsuv__server_handshake_judge(wsuv_handshake_t *h) {
  int err = check_http_version(h); /* 1 */
  if (err == 0)
    err = check_method(h); /* 1 */
  if (err == 0)
    err = check_missing(h); /* 2-6: the fields are there */
  if (err == 0)
    err = check_repeated(h);
  if (err == 0)
    err = check_host(h); /* 2 */
  if (err == 0)
    err = check_upgrade(h); /* 3 */
  if (err == 0)
    err = wsuv__handshake_check_connection(h, CLAUSE); /* 4 */
  if (err == 0)
    err = check_version(h); /* 6, before the key: an old version may know another kind of key */
  if (err == 0)
    err = take_key(h); /* 5 */
  if (err == 0)
    err = check_origin(h); /* 7 */
  if (err == 0)
    err = take_subprotocol(h); /* 8 */
  if (err == 0)
    err = take_extensions(h); /* 9 */
  return err;
}

/* ---- the response ---- */

int wsuv_handshake_select_subprotocol(wsuv_handshake_t *h, const char *subprotocol) {
  struct wsuv__text name;
  if (h->role != WSUV_SERVER || h->state != HANDSHAKE_ACCEPTED)
    return WSUV_ESTATE;
  if (subprotocol == NULL) {
    h->chosen.len = 0;
    return 0;
  }
  name.data = subprotocol;
  name.len = strlen(subprotocol);
  if (!wsuv__handshake_lists(wsuv__handshake_value(h, FIELD_PROTOCOL), name))
    return WSUV_EINVAL;
  return wsuv__handshake_choose(h, name);
}

int wsuv_handshake_decline_extension(wsuv_handshake_t *h, const char *token) {
  if (h->role != WSUV_SERVER || h->state != HANDSHAKE_ACCEPTED || h->negotiation.released)
    return WSUV_ESTATE;
  if (token == NULL)
    return WSUV_EINVAL;
  return wsuv__negotiation_decline(&h->negotiation, &h->allocator, token);
}

static int write_text(wsuv_handshake_t *h, const char *text) {
  return wsuv__buf_append_text(&h->response, &h->allocator, text);
}

static int write_extensions(wsuv_handshake_t *h) {
  if (h->negotiation.nagreed == 0)
    return 0;
  if (write_text(h, "Sec-WebSocket-Extensions: ") != 0 ||
      wsuv__negotiation_write(&h->negotiation, &h->allocator, &h->response) != 0)
    return WSUV_ENOMEM;
  return write_text(h, "\r\n");
}

/* RFC 9110 10.1.1; other expectations are ignored. */
static int expects_continue(const wsuv_handshake_t *h) {
  struct wsuv__text rest = wsuv__handshake_value(h, FIELD_EXPECT);
  struct wsuv__text token;
  while (wsuv__token_next(&rest, &token) == 1)
    if (wsuv__token_is(token.data, token.len, "100-continue"))
      return 1;
  return 0;
}

/* RFC 6455 4.2.2 item 5; the numbers are those of its list. */
static int write_response(wsuv_handshake_t *h, const wsuv_header_t *headers, size_t nheaders) {
  const char *subprotocol = wsuv_handshake_subprotocol(h);
  if (expects_continue(h) && write_text(h, "HTTP/1.1 100 Continue\r\n\r\n") != 0)
    return WSUV_ENOMEM;                                    /* RFC 9110 7.8: ahead of the 101 */
  if (write_text(h, "HTTP/1.1 101 Switching Protocols\r\n" /* 1 */
                    "Upgrade: websocket\r\n"               /* 2 */
                    "Connection: Upgrade\r\n"              /* 3 */
                    "Sec-WebSocket-Accept: ") != 0 ||      /* 4 */
      write_text(h, h->accept) != 0 ||
      write_text(h, "\r\n") != 0)
    return WSUV_ENOMEM;
  if (subprotocol != NULL && /* 5 */
      (write_text(h, "Sec-WebSocket-Protocol: ") != 0 || write_text(h, subprotocol) != 0 ||
       write_text(h, "\r\n") != 0))
    return WSUV_ENOMEM;
  if (write_extensions(h) != 0) /* 6 */
    return WSUV_ENOMEM;
  if (wsuv__field_line_write_all(&h->response, &h->allocator, headers, nheaders) != 0)
    return WSUV_ENOMEM;
  return write_text(h, "\r\n");
}

int wsuv_handshake_response(wsuv_handshake_t *h, const wsuv_header_t *headers, size_t nheaders,
                            wsuv_span_t *text) {
  int err;
  if (h->role != WSUV_SERVER || h->state != HANDSHAKE_ACCEPTED)
    return WSUV_ESTATE;
  err = wsuv__field_line_check_extra(headers, nheaders, 0);
  if (err != 0)
    return err;
  h->response.len = 0;
  if (wsuv__buf_reserve(&h->response, &h->allocator, RESPONSE_SIZE) != 0)
    return WSUV_ENOMEM;
  err = write_response(h, headers, nheaders);
  if (err != 0)
    return err;
  text->data = h->response.base;
  text->len = h->response.len;
  return 0;
}
