#include "http/start_line.h"

#include <string.h>

#include "wsuv/errno.h"

#define VERSION_LEN 8u /* HTTP/1.1 */

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Cuts `out` off the front of `rest`, up to the next space, which goes too. */
static int take_word(struct wsuv__text *rest, struct wsuv__text *out) {
  const char *space = memchr(rest->data, ' ', rest->len);
  if (space == NULL)
    return 0;
  out->data = rest->data;
  out->len = (size_t)(space - rest->data);
  rest->data += out->len + 1;
  rest->len -= out->len + 1;
  return 1;
}

static int is_version(struct wsuv__text text) {
  return text.len == VERSION_LEN && memcmp(text.data, "HTTP/", 5) == 0 && is_digit(text.data[5]) &&
         text.data[6] == '.' && is_digit(text.data[7]);
}

/* Visible ASCII without "#": a fragment is never sent (RFC 9110 4.2.5). */
static int is_target(struct wsuv__text text) {
  size_t i;
  for (i = 0; i < text.len; i++)
    if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '#')
      return 0;
  return text.len > 0;
}

static size_t scheme_len(struct wsuv__text target) {
  if (wsuv__token_starts_with(target.data, target.len, "http://"))
    return 7;
  return wsuv__token_starts_with(target.data, target.len, "https://") ? 8 : 0;
}

/* RFC 9112 3.2: GET has origin-form or absolute-form. Other methods are refused later whatever they ask for. */
static int fits_method(const struct wsuv__start_line *line) {
  struct wsuv__text target = line->target;
  if (line->method.len != 3 || memcmp(line->method.data, "GET", 3) != 0)
    return 1;
  return target.data[0] == '/' || scheme_len(target) > 0;
}

/* RFC 9112 3.2.2. User information is refused (RFC 9110 4.2.4), and so is no host at all (4.2.1). */
static int take_authority(struct wsuv__start_line *line) {
  size_t at = scheme_len(line->target);
  struct wsuv__text *rest = &line->target;
  if (at == 0)
    return 0;
  line->authority.data = rest->data + at;
  while (at < rest->len && rest->data[at] != '/' && rest->data[at] != '?')
    at++;
  rest->data += at;
  rest->len -= at;
  line->authority.len = (size_t)(rest->data - line->authority.data);
  return wsuv__token_is_host(line->authority.data, line->authority.len) ? 0 : WSUV_EHTTP;
}

int wsuv__start_line_parse_request(struct wsuv__start_line *out, struct wsuv__text line) {
  memset(out, 0, sizeof *out);
  if (!take_word(&line, &out->method) || !take_word(&line, &out->target))
    return WSUV_EHTTP;
  if (!wsuv__token_is_valid(out->method.data, out->method.len) || !is_target(out->target) ||
      !is_version(line))
    return WSUV_EHTTP;
  if (out->method.len == 3 && memcmp(out->method.data, "PRI", 3) == 0)
    return WSUV_EHTTPVERSION;
  return fits_method(out) ? take_authority(out) : WSUV_EHTTP;
}

int wsuv__start_line_parse_response(struct wsuv__start_line *out, struct wsuv__text line) {
  struct wsuv__text version;
  memset(out, 0, sizeof *out);
  if (!take_word(&line, &version) || !is_version(version))
    return WSUV_EHTTP;
  if (line.len < 3 || line.data[0] < '1' || line.data[0] > '9' || !is_digit(line.data[1]) ||
      !is_digit(line.data[2]))
    return WSUV_EHTTP;
  if (line.len > 3 && line.data[3] != ' ')
    return WSUV_EHTTP;
  out->reason.data = line.data + (line.len > 3 ? 4 : 3);
  out->reason.len = line.len > 3 ? line.len - 4 : 0;
  return 0;
}
