/* The first line of a head, checked before llhttp sees it: llhttp skips extra spaces, takes other protocols' names and
 * any number of digits as a status. */
#ifndef WSUV_HTTP_START_LINE_H
#define WSUV_HTTP_START_LINE_H

#include "http/token.h"

struct wsuv__start_line {
  struct wsuv__text method; /* request */
  struct wsuv__text
      target; /* request; of an absolute-form what follows the authority, "" for nothing */
  struct wsuv__text authority; /* request in absolute-form, else NULL */
  struct wsuv__text reason;    /* response; may be empty */
};

/* "method SP target SP HTTP/x.y" without the CRLF (RFC 9112 3). 0; WSUV_EHTTP; WSUV_EHTTPVERSION for HTTP/2's
 * connection preface. */
int wsuv__start_line_parse_request(struct wsuv__start_line *out, struct wsuv__text line);

/* "HTTP/x.y SP 3DIGIT [SP reason]" (RFC 9112 4; the second space is often left out). 0, WSUV_EHTTP. */
int wsuv__start_line_parse_response(struct wsuv__start_line *out, struct wsuv__text line);

#endif
