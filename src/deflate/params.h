/* The parameters of permessage-deflate (RFC 7692 7.1): offering, answering and accepting them as pure functions. */
#ifndef WSUV_DEFLATE_PARAMS_H
#define WSUV_DEFLATE_PARAMS_H

#include "wsuv/deflate.h"

/* Where a number is 0 the parameter is not there. */
enum wsuv__bits { BITS_ABSENT = 0, BITS_WITHOUT_VALUE = 1 /* the others: 8-15 */ };

/* An element as it was read or is to be written. */
struct wsuv__deflate_element {
  int client_max_window_bits;
  int server_max_window_bits;
  int client_no_context_takeover;
  int server_no_context_takeover;
};

/* Whose element: an offer's client_max_window_bits may be without a value. */
enum wsuv__deflate_side { DEFLATE_OFFER, DEFLATE_ANSWER };

/* 0 or WSUV_EEXTENSION: a parameter that is unknown, there twice, or has a value that it cannot have. */
int wsuv__deflate_element_read(struct wsuv__deflate_element *out,
                               const wsuv_extension_element_t *text, enum wsuv__deflate_side side);
void wsuv__deflate_element_write(const struct wsuv__deflate_element *element,
                                 wsuv_extension_writer_t *writer);

/* Client: the element that asks for `wanted`. */
void wsuv__deflate_offer(const wsuv_deflate_params_t *wanted, struct wsuv__deflate_element *out);

/* Server: what holds if this offer is taken by who wants `wanted`, and the element that says so. */
void wsuv__deflate_answer(const wsuv_deflate_params_t *wanted,
                          const struct wsuv__deflate_element *offer, wsuv_deflate_params_t *agreed,
                          struct wsuv__deflate_element *out);

/* Client: what holds behind this answer to the offers of `wanted`. WSUV_EEXTENSION: it answers none of them, or, if `strict`,
 * leaves out what was asked for. */
int wsuv__deflate_accept(const wsuv_deflate_params_t *wanted, size_t nwanted, int strict,
                         const struct wsuv__deflate_element *answer, wsuv_deflate_params_t *agreed);

#endif
