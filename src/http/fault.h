/* What finish found wrong: as attributes (wsuv_handshake_fault_t) and as one line. The setters write both; they hold what they
 * are given by pointer (names, reasons, what was expected) and copy the peer's value. Clauses are "RFC 6455 4.1" or NULL. */
#ifndef WSUV_HTTP_FAULT_H
#define WSUV_HTTP_FAULT_H

#include "http/detail.h"
#include "http/token.h"
#include "wsuv/handshake.h"

#define WSUV__FAULT_NAMES_MAX 8

struct wsuv__fault {
  wsuv_handshake_fault_t is;
  const char *names[WSUV__FAULT_NAMES_MAX];
  struct wsuv__detail value;
  struct wsuv__detail reason; /* kept until there is a fault */
  struct wsuv__detail line;
};

/* One more missing field; then the clause. */
void wsuv__fault_add_missing(struct wsuv__fault *fault, const char *name);
void wsuv__fault_end_missing(struct wsuv__fault *fault, const char *clause);

/* "NAME WHY" */
void wsuv__fault_set(struct wsuv__fault *fault, const char *name, const char *why,
                     const char *clause);

/* 'NAME is "VALUE", expected EXPECTED' */
void wsuv__fault_set_value(struct wsuv__fault *fault, const char *name, struct wsuv__text value,
                           const char *expected, const char *clause);

/* 'NAME: "VALUE" WHY' */
void wsuv__fault_set_element(struct wsuv__fault *fault, const char *name, struct wsuv__text value,
                             const char *why, const char *clause);

/* "status is STATUS, expected 101", and of an answer that lists versions ', Sec-WebSocket-Version is "VERSIONS"' */
void wsuv__fault_set_status(struct wsuv__fault *fault, int status, struct wsuv__text versions,
                            const char *clause);

/* What stood behind the status, should that be the fault. */
void wsuv__fault_keep_reason(struct wsuv__fault *fault, struct wsuv__text reason);

/* What was received, for a line that does not show it. */
void wsuv__fault_keep_value(struct wsuv__fault *fault, struct wsuv__text value);

#endif
