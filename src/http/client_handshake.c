#include "http/client_handshake.h"

#include <string.h>

#include "http/field_line.h"

#define CLAUSE "RFC 6455 4.1"

static struct wsuv__text text_of(const char *data) {
  struct wsuv__text text;
  text.data = data;
  text.len = strlen(data);
  return text;
}

/* ---- the request ---- */

static int take_key(wsuv_handshake_t *h, const char *key) {
  if (key == NULL)
    return wsuv__accept_key_generate(h->key);
  if (!wsuv__accept_key_is_valid(key, strlen(key)))
    return WSUV_EINVAL;
  memcpy(h->key, key, WSUV__KEY_LEN);
  return 0;
}

/* The application's own Authorization wins over the URL's user information. */
static int gives_authorization(const wsuv_handshake_options_t *options) {
  size_t i;
  for (i = 0; i < options->nheaders; i++) {
    struct wsuv__text name = wsuv__field_line_name(&options->headers[i]);
    if (wsuv__token_is(name.data, name.len, "Authorization"))
      return 1;
  }
  return 0;
}

static int has_origin(const wsuv_handshake_options_t *options) {
  return options->origin != NULL && options->origin[0] != '\0';
}

static int check_options(const wsuv_handshake_options_t *options) {
  if (has_origin(options) &&
      !wsuv__field_line_value_is_valid(options->origin, strlen(options->origin)))
    return WSUV_EINVAL;
  return wsuv__field_line_check_extra(options->headers, options->nheaders, has_origin(options));
}

static int write_text(wsuv_handshake_t *h, const char *text) {
  return wsuv__buf_append_text(&h->request, &h->allocator, text);
}

static int write_field(wsuv_handshake_t *h, const char *name, struct wsuv__text value) {
  return wsuv__field_line_write(&h->request, &h->allocator, name, value);
}

/* RFC 6455 4.1, the request's requirements; the numbers are those of that list. */
static int write_own_fields(wsuv_handshake_t *h) {
  if (write_text(h, "GET ") != 0 ||        /* 2 */
      write_text(h, h->url.target) != 0 || /* 3 */
      write_text(h, " HTTP/1.1\r\n") != 0 ||
      write_field(h, "Host", text_of(h->url.authority)) != 0 ||    /* 4 */
      write_text(h, "Upgrade: websocket\r\n") != 0 ||              /* 5 */
      write_text(h, "Connection: Upgrade\r\n") != 0 ||             /* 6 */
      write_field(h, "Sec-WebSocket-Key", text_of(h->key)) != 0 || /* 7 */
      write_text(h, "Sec-WebSocket-Version: 13\r\n") != 0)         /* 9 */
    return WSUV_ENOMEM;
  return 0;
}

static int write_extensions(wsuv_handshake_t *h) {
  struct wsuv__buf offers = {NULL, 0, 0};
  struct wsuv__text text;
  int err = wsuv__negotiation_offer(&h->negotiation, &h->allocator, &offers);
  text.data = (const char *)offers.base;
  text.len = offers.len;
  if (err == 0 && text.len > 0)
    err = write_field(h, "Sec-WebSocket-Extensions", text);
  wsuv__buf_free(&offers, &h->allocator);
  return err;
}

static int write_optional_fields(wsuv_handshake_t *h, const wsuv_handshake_options_t *options) {
  struct wsuv__text offers;
  offers.data = (const char *)h->subprotocols.base;
  offers.len = h->subprotocols.len;
  if (offers.len > 0 && write_field(h, "Sec-WebSocket-Protocol", offers) != 0) /* 10 */
    return WSUV_ENOMEM;
  if (has_origin(options) && write_field(h, "Origin", text_of(options->origin)) != 0) /* 8 */
    return WSUV_ENOMEM;
  if (h->url.basic_auth != NULL && !gives_authorization(options) && /* 12 */
      (write_text(h, "Authorization: Basic ") != 0 || write_text(h, h->url.basic_auth) != 0 ||
       write_text(h, "\r\n") != 0))
    return WSUV_ENOMEM;
  return wsuv__field_line_write_all(&h->request, &h->allocator, options->headers,
                                    options->nheaders); /* 12 */
}

int wsuv__client_handshake_prepare(wsuv_handshake_t *h, const wsuv_handshake_options_t *options) {
  int err = check_options(options);
  if (err == 0)
    err = wsuv__url_parse(&h->url, options->url, &h->allocator);
  if (err == 0)
    err = take_key(h, options->key);
  if (err == 0)
    err = wsuv_handshake_accept_key(h->key, WSUV__KEY_LEN, h->accept);
  if (err == 0)
    err = write_own_fields(h);
  if (err == 0)
    err = write_extensions(h); /* 11 */
  if (err == 0)
    err = write_optional_fields(h, options);
  return err == 0 ? write_text(h, "\r\n") : err;
}

int wsuv_handshake_request(wsuv_handshake_t *h, wsuv_span_t *text) {
  if (h->role != WSUV_CLIENT)
    return WSUV_ESTATE;
  text->data = h->request.base;
  text->len = h->request.len;
  return 0;
}

/* ---- the response ---- */

int wsuv_handshake_status_line(wsuv_handshake_t *h, int status) {
  if (h->role != WSUV_CLIENT || h->state != HANDSHAKE_COLLECTING)
    return WSUV_ESTATE;
  h->status = status;
  h->has_line = 1;
  return 0;
}

int wsuv_handshake_reason_phrase(wsuv_handshake_t *h, const char *reason, size_t len) {
  struct wsuv__text text;
  if (h->role != WSUV_CLIENT || h->state != HANDSHAKE_COLLECTING)
    return WSUV_ESTATE;
  text.data = reason;
  text.len = len;
  wsuv__fault_keep_reason(&h->fault, text);
  return 0;
}

static int check_status(wsuv_handshake_t *h) {
  if (h->status == 101)
    return 0;
  wsuv__fault_set_status(&h->fault, h->status, wsuv__handshake_value(h, FIELD_VERSION), CLAUSE);
  return WSUV_ESTATUS;
}

static int check_missing(wsuv_handshake_t *h) {
  static const enum wsuv__handshake_field required[] = {FIELD_CONNECTION, FIELD_UPGRADE,
                                                        FIELD_ACCEPT};
  return wsuv__handshake_check_missing(h, required, 3, CLAUSE);
}

static int check_repeated(wsuv_handshake_t *h) {
  static const enum wsuv__handshake_field single[] = {FIELD_ACCEPT, FIELD_PROTOCOL,
                                                      FIELD_EXTENSIONS};
  return wsuv__handshake_check_repeated(h, single, 3, "RFC 6455 11.3");
}

static int check_upgrade(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_UPGRADE);
  if (wsuv__token_is(value.data, value.len, "websocket"))
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EHEADER, FIELD_UPGRADE, "websocket", CLAUSE);
}

static int check_accept(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_ACCEPT);
  if (value.len == WSUV__ACCEPT_LEN && memcmp(value.data, h->accept, value.len) == 0)
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EACCEPT, FIELD_ACCEPT, h->accept, CLAUSE);
}

static int check_extensions(wsuv_handshake_t *h) {
  if (h->slots[FIELD_EXTENSIONS].count == 0)
    return 0;
  return wsuv__negotiation_accept(&h->negotiation, &h->allocator,
                                  wsuv__handshake_value(h, FIELD_EXTENSIONS), h->grammar,
                                  &h->fault);
}

/* A token, and one of ours: a list or an empty value is neither. */
static int check_subprotocol(wsuv_handshake_t *h) {
  struct wsuv__text value = wsuv__handshake_value(h, FIELD_PROTOCOL);
  struct wsuv__text offers;
  offers.data = (const char *)h->subprotocols.base;
  offers.len = h->subprotocols.len;
  if (h->slots[FIELD_PROTOCOL].count == 0)
    return 0;
  if (wsuv__handshake_lists(offers, value))
    return wsuv__handshake_choose(h, value);
  return wsuv__handshake_refuse_value(h, WSUV_ESUBPROTOCOL, FIELD_PROTOCOL,
                                      offers.len > 0 ? "one that was offered" : "none", CLAUSE);
}

/* RFC 6455 4.1, the response; the numbers are those of that list. */
int wsuv__client_handshake_judge(wsuv_handshake_t *h) {
  int err = check_status(h); /* 1 */
  if (err == 0)
    err = check_missing(h); /* 2, 3, 4: the fields are there */
  if (err == 0)
    err = check_repeated(h);
  if (err == 0)
    err = check_upgrade(h); /* 2 */
  if (err == 0)
    err = wsuv__handshake_check_connection(h, CLAUSE); /* 3 */
  if (err == 0)
    err = check_accept(h); /* 4 */
  if (err == 0)
    err = check_extensions(h); /* 5 */
  if (err == 0)
    err = check_subprotocol(h); /* 6 */
  return err;
}

/* ---- where to connect ---- */

const struct wsuv__url *wsuv__handshake_url(const wsuv_handshake_t *h) {
  return &h->url;
}

const char *wsuv_handshake_host(const wsuv_handshake_t *h) {
  return h->url.host;
}

int wsuv_handshake_port(const wsuv_handshake_t *h) {
  return h->url.port;
}

const char *wsuv_handshake_target(const wsuv_handshake_t *h) {
  return h->url.target;
}

int wsuv_handshake_is_secure(const wsuv_handshake_t *h) {
  return h->url.secure;
}
