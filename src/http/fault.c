#include "http/fault.h"

#define CUT "..."

static void end_line(struct wsuv__fault *fault, const char *clause) {
  fault->is.clause = clause;
  if (clause == NULL)
    return;
  wsuv__detail_add(&fault->line, " (");
  wsuv__detail_add(&fault->line, clause);
  wsuv__detail_add(&fault->line, ")");
}

void wsuv__fault_add_missing(struct wsuv__fault *fault, const char *name) {
  wsuv__detail_add(&fault->line, fault->is.nnames == 0 ? "missing " : ", ");
  wsuv__detail_add(&fault->line, name);
  fault->names[fault->is.nnames++] = name;
  fault->is.names = fault->names;
}

void wsuv__fault_end_missing(struct wsuv__fault *fault, const char *clause) {
  fault->is.why = "missing";
  end_line(fault, clause);
}

static void keep(struct wsuv__detail *detail, struct wsuv__text text) {
  size_t room = WSUV__DETAIL_MAX - (sizeof CUT - 1);
  wsuv__detail_clear(detail);
  wsuv__detail_add_text(detail, text.data, text.len <= WSUV__DETAIL_MAX ? text.len : room);
  if (text.len > WSUV__DETAIL_MAX)
    wsuv__detail_add(detail, CUT);
}

void wsuv__fault_keep_value(struct wsuv__fault *fault, struct wsuv__text value) {
  keep(&fault->value, value);
  fault->is.value = fault->value.text;
}

void wsuv__fault_keep_reason(struct wsuv__fault *fault, struct wsuv__text reason) {
  keep(&fault->reason, reason);
}

void wsuv__fault_set(struct wsuv__fault *fault, const char *name, const char *why,
                     const char *clause) {
  fault->is.name = name;
  fault->is.why = why;
  wsuv__detail_add(&fault->line, name);
  wsuv__detail_add(&fault->line, " ");
  wsuv__detail_add(&fault->line, why);
  end_line(fault, clause);
}

void wsuv__fault_set_value(struct wsuv__fault *fault, const char *name, struct wsuv__text value,
                           const char *expected, const char *clause) {
  fault->is.name = name;
  fault->is.why = "unexpected value";
  fault->is.expected = expected;
  wsuv__fault_keep_value(fault, value);
  wsuv__detail_add(&fault->line, name);
  wsuv__detail_add(&fault->line, " is ");
  wsuv__detail_add_quoted(&fault->line, value.data, value.len);
  wsuv__detail_add(&fault->line, ", expected ");
  wsuv__detail_add(&fault->line, expected);
  end_line(fault, clause);
}

void wsuv__fault_set_element(struct wsuv__fault *fault, const char *name, struct wsuv__text value,
                             const char *why, const char *clause) {
  fault->is.name = name;
  fault->is.why = why;
  wsuv__fault_keep_value(fault, value);
  wsuv__detail_add(&fault->line, name);
  wsuv__detail_add(&fault->line, ": ");
  wsuv__detail_add_quoted(&fault->line, value.data, value.len);
  wsuv__detail_add(&fault->line, " ");
  wsuv__detail_add(&fault->line, why);
  end_line(fault, clause);
}

void wsuv__fault_set_status(struct wsuv__fault *fault, int status, struct wsuv__text versions,
                            const char *clause) {
  fault->is.name = "status";
  fault->is.why = "unexpected value";
  fault->is.expected = "101";
  fault->is.status = status;
  fault->is.reason = fault->reason.len > 0 ? fault->reason.text : NULL;
  wsuv__detail_add_number(&fault->value, status > 0 ? (unsigned)status : 0);
  fault->is.value = fault->value.text;
  wsuv__detail_add(&fault->line, "status is ");
  wsuv__detail_add(&fault->line, fault->value.text);
  wsuv__detail_add(&fault->line, ", expected 101");
  if (versions.len > 0) {
    wsuv__detail_add(&fault->line, ", Sec-WebSocket-Version is ");
    wsuv__detail_add_quoted(&fault->line, versions.data, versions.len);
  }
  end_line(fault, clause);
}
