#include "deflate/params.h"

#include <string.h>

#define FULL_WINDOW_BITS 15

/* ---- reading ---- */

/* Decimal, without a leading zero (RFC 7692 7.1.2): 0 for anything else than 8-15. */
static int read_bits(const char *value) {
  int number = 0;

  if (value[0] < '1' || value[0] > '9')
    return 0;
  for (; *value >= '0' && *value <= '9' && number <= FULL_WINDOW_BITS; value++)
    number = number * 10 + (*value - '0');
  return *value == '\0' && number >= 8 && number <= FULL_WINDOW_BITS ? number : 0;
}

static int take_flag(int *flag, const wsuv_extension_param_t *param) {
  if (*flag != 0 || param->value != NULL)
    return WSUV_EEXTENSION;
  *flag = 1;
  return 0;
}

static int take_bits(int *bits, const wsuv_extension_param_t *param, int may_lack_value) {
  if (*bits != BITS_ABSENT)
    return WSUV_EEXTENSION;
  if (param->value != NULL)
    *bits = read_bits(param->value);
  else if (may_lack_value)
    *bits = BITS_WITHOUT_VALUE;
  return *bits != BITS_ABSENT ? 0 : WSUV_EEXTENSION;
}

static int take_param(struct wsuv__deflate_element *out, const wsuv_extension_param_t *param,
                      enum wsuv__deflate_side side) {
  if (strcmp(param->name, "client_max_window_bits") == 0)
    return take_bits(&out->client_max_window_bits, param, side == DEFLATE_OFFER);
  if (strcmp(param->name, "server_max_window_bits") == 0)
    return take_bits(&out->server_max_window_bits, param, 0);
  if (strcmp(param->name, "client_no_context_takeover") == 0)
    return take_flag(&out->client_no_context_takeover, param);
  if (strcmp(param->name, "server_no_context_takeover") == 0)
    return take_flag(&out->server_no_context_takeover, param);
  return WSUV_EEXTENSION;
}

int wsuv__deflate_element_read(struct wsuv__deflate_element *out,
                               const wsuv_extension_element_t *text, enum wsuv__deflate_side side) {
  size_t i;
  int err = 0;

  memset(out, 0, sizeof *out);
  for (i = 0; i < text->nparams && err == 0; i++)
    err = take_param(out, &text->params[i], side);
  return err;
}

/* ---- writing ---- */

static void write_bits(wsuv_extension_writer_t *writer, const char *name, int bits) {
  char value[3] = {'0', '\0', '\0'};

  if (bits >= 10) {
    value[0] = '1';
    value[1] = (char)('0' + bits - 10);
  } else {
    value[0] = (char)('0' + bits);
  }
  wsuv_extension_writer_param(writer, name, value);
}

/* In the seed's order. */
void wsuv__deflate_element_write(const struct wsuv__deflate_element *element,
                                 wsuv_extension_writer_t *writer) {
  wsuv_extension_writer_element(writer);
  if (element->client_max_window_bits > BITS_WITHOUT_VALUE)
    write_bits(writer, "client_max_window_bits", element->client_max_window_bits);
  if (element->server_max_window_bits != BITS_ABSENT)
    write_bits(writer, "server_max_window_bits", element->server_max_window_bits);
  if (element->client_no_context_takeover)
    wsuv_extension_writer_param(writer, "client_no_context_takeover", NULL);
  if (element->server_no_context_takeover)
    wsuv_extension_writer_param(writer, "server_no_context_takeover", NULL);
  if (element->client_max_window_bits == BITS_WITHOUT_VALUE)
    wsuv_extension_writer_param(writer, "client_max_window_bits", NULL);
}

/* ---- negotiating ---- */

static int effective(int bits) {
  return bits != 0 ? bits : FULL_WINDOW_BITS;
}

static int smaller(int a, int b) {
  return a < b ? a : b;
}

/* client_max_window_bits is always there, so that the server may limit us. */
void wsuv__deflate_offer(const wsuv_deflate_params_t *wanted, struct wsuv__deflate_element *out) {
  out->client_max_window_bits = wanted->deflate_max_window_bits != 0
                                    ? wanted->deflate_max_window_bits
                                    : (int)BITS_WITHOUT_VALUE;
  out->server_max_window_bits = wanted->inflate_max_window_bits;
  out->client_no_context_takeover = wanted->deflate_no_context_takeover;
  out->server_no_context_takeover = wanted->inflate_no_context_takeover;
}

/* Of the client's window: what it hinted lowers ours, and it can be told ours only if it knows the parameter. */
static void answer_client_bits(const wsuv_deflate_params_t *wanted, int offered,
                               wsuv_deflate_params_t *agreed, struct wsuv__deflate_element *out) {
  int is_limited = wanted->inflate_max_window_bits != 0 || offered > BITS_WITHOUT_VALUE;

  agreed->inflate_max_window_bits = FULL_WINDOW_BITS;
  if (offered == BITS_ABSENT || !is_limited)
    return;
  agreed->inflate_max_window_bits = effective(wanted->inflate_max_window_bits);
  if (offered > BITS_WITHOUT_VALUE)
    agreed->inflate_max_window_bits = smaller(offered, agreed->inflate_max_window_bits);
  out->client_max_window_bits = agreed->inflate_max_window_bits;
}

void wsuv__deflate_answer(const wsuv_deflate_params_t *wanted,
                          const struct wsuv__deflate_element *offer, wsuv_deflate_params_t *agreed,
                          struct wsuv__deflate_element *out) {
  memset(out, 0, sizeof *out);
  answer_client_bits(wanted, offer->client_max_window_bits, agreed, out);
  agreed->deflate_max_window_bits =
      smaller(effective(wanted->deflate_max_window_bits), effective(offer->server_max_window_bits));
  if (wanted->deflate_max_window_bits != 0 || offer->server_max_window_bits != BITS_ABSENT)
    out->server_max_window_bits = agreed->deflate_max_window_bits;
  agreed->deflate_no_context_takeover =
      wanted->deflate_no_context_takeover || offer->server_no_context_takeover;
  agreed->inflate_no_context_takeover =
      wanted->inflate_no_context_takeover || offer->client_no_context_takeover;
  out->server_no_context_takeover = agreed->deflate_no_context_takeover;
  out->client_no_context_takeover = agreed->inflate_no_context_takeover;
}

/* What the answer must have to be one to this offer (RFC 7692 7.1.1.1, 7.1.2.1). */
static int has_what_was_asked(const wsuv_deflate_params_t *wanted,
                              const struct wsuv__deflate_element *answer) {
  if (wanted->inflate_no_context_takeover && !answer->server_no_context_takeover)
    return 0;
  return wanted->inflate_max_window_bits == 0 || answer->server_max_window_bits != BITS_ABSENT;
}

static int stays_within(const wsuv_deflate_params_t *wanted,
                        const struct wsuv__deflate_element *answer) {
  return answer->server_max_window_bits <= effective(wanted->inflate_max_window_bits);
}

/* The first offer that is answered; else the first that is not contradicted, unless that is not enough. */
static const wsuv_deflate_params_t *find_answered(const wsuv_deflate_params_t *wanted,
                                                  size_t nwanted, int strict,
                                                  const struct wsuv__deflate_element *answer) {
  const wsuv_deflate_params_t *lenient = NULL;
  size_t i;

  for (i = 0; i < nwanted; i++) {
    if (!stays_within(&wanted[i], answer))
      continue;
    if (has_what_was_asked(&wanted[i], answer))
      return &wanted[i];
    if (lenient == NULL)
      lenient = &wanted[i];
  }
  return strict ? NULL : lenient;
}

/* Our own limits hold whatever the server said of them (RFC 7692 7.1.1.2, 7.1.2.2); the peer's hold as far as it said so. */
int wsuv__deflate_accept(const wsuv_deflate_params_t *wanted, size_t nwanted, int strict,
                         const struct wsuv__deflate_element *answer,
                         wsuv_deflate_params_t *agreed) {
  const wsuv_deflate_params_t *taken = find_answered(wanted, nwanted, strict, answer);

  if (taken == NULL)
    return WSUV_EEXTENSION;
  agreed->deflate_max_window_bits =
      smaller(effective(taken->deflate_max_window_bits), effective(answer->client_max_window_bits));
  agreed->inflate_max_window_bits = effective(answer->server_max_window_bits);
  agreed->deflate_no_context_takeover =
      taken->deflate_no_context_takeover || answer->client_no_context_takeover;
  agreed->inflate_no_context_takeover = answer->server_no_context_takeover;
  return 0;
}
