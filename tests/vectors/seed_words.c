#include "vectors/seed_words.h"

#include <string.h>

#include "support/check.h"
#include "wsuv/errno.h"

static void add_value(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  CHECK_NOT_NULL(fault->value);
  seed_text_add_escaped(out, fault->value, strlen(fault->value));
}

static void add_name(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  CHECK_NOT_NULL(fault->name);
  seed_text_add_str(out, fault->name);
}

static void add_names(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  size_t i;
  for (i = 0; i < fault->nnames; i++) {
    seed_text_add_str(out, i > 0 ? "," : "");
    seed_text_add_str(out, fault->names[i]);
  }
}

static void add_status(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  seed_text_add_number(out, fault->status);
}

static void add_bad_accept(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  seed_text_add_str(out, "expected=");
  seed_text_add_str(out, fault->expected);
  seed_text_add_str(out, " received=");
  add_value(out, fault);
}

/* The element's token. */
static void add_token(struct seed_text *out, const wsuv_handshake_fault_t *fault) {
  CHECK_NOT_NULL(fault->value);
  seed_text_add(out, fault->value, strcspn(fault->value, ";"));
}

static const struct {
  int err;
  const char *words;
  void (*add)(struct seed_text *out, const wsuv_handshake_fault_t *fault);
} kinds[] = {
    {WSUV_EMISSING, "err MissingHeaders names=", add_names},
    {WSUV_ENOUPGRADE, "err MissingHeaders names=", add_names},
    {WSUV_EDUPLICATE, "err DuplicateHeader name=", add_name},
    {WSUV_EHEADER, "err BadHeader name=", add_name},
    {WSUV_ETOKEN, "err BadToken ", add_value},
    {WSUV_EVERSION, "err UnsupportedProtocolVersion ", add_value},
    {WSUV_EHTTPVERSION, "err BadRequestProtocol ", add_value},
    {WSUV_EMETHOD, "err BadHTTPMethod ", add_value},
    {WSUV_ESTATUS, "err BadHTTPStatus code=", add_status},
    {WSUV_EACCEPT, "err BadAccept ", add_bad_accept},
    {WSUV_ESUBPROTOCOL, "err UnknownSubprotocol ", add_value},
    {WSUV_EEXTENSION, "err UnknownExtension ", add_value},
    {WSUV_EBADEXTENSION, "err BadExtension ", add_token},
};

void seed_words_add_error(struct seed_text *out, const wsuv_handshake_t *handshake) {
  wsuv_handshake_fault_t fault;
  int err = wsuv_handshake_fault(handshake, &fault);
  size_t i;
  for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].err != err)
      continue;
    seed_text_add_str(out, kinds[i].words);
    kinds[i].add(out, &fault);
    return;
  }
  fail_msg("no words for %s", wsuv_err_name(err));
}
