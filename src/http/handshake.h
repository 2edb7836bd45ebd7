/* The object behind wsuv/handshake.h; what is of one role only is in client_handshake and server_handshake. */
#ifndef WSUV_HTTP_HANDSHAKE_H
#define WSUV_HTTP_HANDSHAKE_H

#include "base/buf.h"
#include "http/accept_key.h"
#include "http/fault.h"
#include "http/negotiation.h"
#include "http/token.h"
#include "http/url.h"
#include "wsuv/handshake.h"

enum wsuv__handshake_state {
  HANDSHAKE_COLLECTING, /* the peer's head is coming in */
  HANDSHAKE_ACCEPTED,   /* finish said 0 */
  HANDSHAKE_REFUSED     /* finish found a fault */
};

/* The fields that decide; all others are ignored (RFC 6455 4.2.1 item 10). */
enum wsuv__handshake_field {
  FIELD_HOST,
  FIELD_CONNECTION,
  FIELD_UPGRADE,
  FIELD_VERSION,
  FIELD_KEY,
  FIELD_ACCEPT,
  FIELD_PROTOCOL,
  FIELD_EXTENSIONS,
  FIELD_ORIGIN,
  FIELD_EXPECT,
  NFIELDS
};

#define WSUV__FIELD_NAME_MAX 24 /* "Sec-WebSocket-Extensions" */

struct wsuv__handshake_slot {
  size_t count;    /* field lines */
  size_t value_at; /* of the first line, trimmed, in `values` */
  size_t value_len;
  struct wsuv__buf joined;               /* repeated lines, by ", " (RFC 9110 5.3) */
  char repeat[WSUV__FIELD_NAME_MAX + 1]; /* the name as the second line spelled it */
};

struct wsuv_handshake {
  wsuv_allocator_t allocator;
  wsuv_role_t role;
  enum wsuv__handshake_state state;
  int verdict;
  struct wsuv__fault fault;
  struct wsuv__handshake_slot slots[NFIELDS];
  struct wsuv__buf values;
  struct wsuv__buf subprotocols; /* ours, as a list; offered or supported */
  struct wsuv__buf chosen;       /* NUL-terminated; empty for none */
  struct wsuv__negotiation negotiation;
  wsuv_extension_grammar_t grammar;
  char key[WSUV__KEY_LEN + 1];
  char accept[WSUV__ACCEPT_LEN + 1];
  int has_line; /* request line or status line was given */

  int require_host; /* server */
  int require_subprotocol;
  int require_origin;
  int same_origin;
  int secure;
  struct wsuv__buf origins; /* allowed, each with a NUL */
  int version_major;
  int version_minor;
  size_t method_len;
  char method[16]; /* cut */
  struct wsuv__buf response;

  int status; /* client */
  struct wsuv__url url;
  struct wsuv__buf request;
};

/* The field's canonical name. */
const char *wsuv__handshake_field_name(enum wsuv__handshake_field field);

/* What was received; "" if nothing was. */
struct wsuv__text wsuv__handshake_value(const wsuv_handshake_t *h,
                                        enum wsuv__handshake_field field);

/* Judgements that both roles share; each returns 0 or the fault, which it has written down with its `clause`:
 * - missing: all missing fields of the list are named, WSUV_EMISSING;
 * - repeated: WSUV_EDUPLICATE for the first field of the list that came twice;
 * - connection: RFC 6455 4.1 item 3, 4.2.1 item 4. */
int wsuv__handshake_check_missing(wsuv_handshake_t *h, const enum wsuv__handshake_field *fields,
                                  size_t nfields, const char *clause);
int wsuv__handshake_check_repeated(wsuv_handshake_t *h, const enum wsuv__handshake_field *fields,
                                   size_t nfields, const char *clause);
int wsuv__handshake_check_connection(wsuv_handshake_t *h, const char *clause);

/* `err`: the field's value is not what was expected; and WSUV_ETOKEN. */
int wsuv__handshake_refuse_value(wsuv_handshake_t *h, int err, enum wsuv__handshake_field field,
                                 const char *expected, const char *clause);
int wsuv__handshake_refuse_element(wsuv_handshake_t *h, enum wsuv__handshake_field field,
                                   struct wsuv__text element);

/* Non-zero if `name` is in the list, compared exactly. */
int wsuv__handshake_lists(struct wsuv__text list, struct wsuv__text name);

/* Sets the negotiated subprotocol. 0, WSUV_ENOMEM. */
int wsuv__handshake_choose(wsuv_handshake_t *h, struct wsuv__text name);

/* Client: where to connect. */
const struct wsuv__url *wsuv__handshake_url(const wsuv_handshake_t *h);

#endif
