#include "vectors/seed_words.h"

#include <string.h>

#include "support/check.h"
#include "wsuv/errno.h"

/* What stands between the quotation marks of a detail. */
static void add_quoted(struct seed_text *out, const char *detail) {
  const char *start = strchr(detail, '"');
  const char *end = start != NULL ? strchr(start + 1, '"') : NULL;
  CHECK_NOT_NULL(end);
  seed_text_add_escaped(out, start + 1, (size_t)(end - start - 1));
}

static void add_word(struct seed_text *out, const char *text) {
  seed_text_add(out, text, strcspn(text, " :"));
}

/* "missing A, B (RFC ...)" as "A,B". */
static void add_missing(struct seed_text *out, const char *detail) {
  const char *at;
  CHECK_TRUE(strncmp(detail, "missing ", 8) == 0);
  for (at = detail + 8; strncmp(at, " (", 2) != 0; at++)
    if (*at != ' ')
      seed_text_add(out, at, 1);
}

static void add_bad_accept(struct seed_text *out, const char *detail) {
  const char *expected = strstr(detail, "expected ");
  CHECK_NOT_NULL(expected);
  seed_text_add_str(out, "expected=");
  add_word(out, expected + 9);
  seed_text_add_str(out, " received=");
  add_quoted(out, detail);
}

static const struct {
  int err;
  const char *words;
  void (*add)(struct seed_text *out, const char *detail);
} kinds[] = {
    {WSUV_EMISSING, "err MissingHeaders names=", add_missing},
    {WSUV_ENOUPGRADE, "err MissingHeaders names=", add_missing},
    {WSUV_EDUPLICATE, "err DuplicateHeader name=", add_word},
    {WSUV_EHEADER, "err BadHeader name=", add_word},
    {WSUV_ETOKEN, "err BadToken ", add_quoted},
    {WSUV_EVERSION, "err UnsupportedProtocolVersion ", add_quoted},
    {WSUV_EMETHOD, "err BadHTTPMethod ", add_quoted},
    {WSUV_EACCEPT, "err BadAccept ", add_bad_accept},
    {WSUV_ESUBPROTOCOL, "err UnknownSubprotocol ", add_quoted},
    {WSUV_EEXTENSION, "err UnknownExtension ", add_quoted},
};

void seed_words_add_error(struct seed_text *out, int err, const char *detail) {
  size_t i;
  for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].err != err)
      continue;
    seed_text_add_str(out, kinds[i].words);
    kinds[i].add(out, detail);
    return;
  }
  fail_msg("no words for %s", wsuv_err_name(err));
}
