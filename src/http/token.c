#include "http/token.h"

#include <stdint.h>
#include <string.h>

#include "wsuv/errno.h"
#include "wsuv/handshake.h"

/* One bit a character: RFC 9110 5.6.2 lists the punctuation, digits and letters. */
static const uint32_t token_chars[8] = {
    0, 0x03ff6cfau, /* ! # $ % & ' * + - . 0-9 */
    0xc7fffffeu,    /* A-Z ^ _ */
    0x57ffffffu,    /* ` a-z | ~ */
};

/* All that can be seen but what could end the host or change its meaning. */
static const uint32_t host_chars[8] = {
    0, 0x2fff7ff2u, /* not SP " # / < > ? */
    0xaffffffeu,    /* not @ \ ^ */
    0x47fffffeu,    /* not ` { | } */
};

static inline int has_char(const uint32_t set[8], char c) {
  return (int)((set[(unsigned char)c / 32] >> ((unsigned char)c % 32)) & 1);
}

int wsuv__token_is_char(unsigned char c) {
  return has_char(token_chars, (char)c);
}

int wsuv__token_is_valid(const char *data, size_t len) {
  int all = len > 0;
  size_t i;
  for (i = 0; i < len; i++)
    all &= has_char(token_chars, data[i]);
  return all;
}

unsigned char wsuv__token_lower(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* How many characters of `name` these begin with; most names differ in the first. */
static size_t count_common(const char *data, size_t len, const char *name) {
  size_t n = 0;
  while (n < len && name[n] != '\0' && wsuv__token_lower(data[n]) == wsuv__token_lower(name[n]))
    n++;
  return n;
}

int wsuv__token_starts_with(const char *data, size_t len, const char *prefix) {
  return prefix[count_common(data, len, prefix)] == '\0';
}

int wsuv__token_is(const char *data, size_t len, const char *name) {
  if (strlen(name) != len)
    return 0;
  return memcmp(data, name, len) == 0 || count_common(data, len, name) == len;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

struct wsuv__text wsuv__token_trim(const char *data, size_t len) {
  struct wsuv__text text;
  while (len > 0 && is_blank(data[len - 1]))
    len--;
  while (len > 0 && is_blank(*data)) {
    data++;
    len--;
  }
  text.data = data;
  text.len = len;
  return text;
}

/* The next element that is not empty, unchecked. */
static int take_element(struct wsuv__text *rest, struct wsuv__text *element) {
  while (rest->len > 0) {
    const char *comma = memchr(rest->data, ',', rest->len);
    size_t len = comma != NULL ? (size_t)(comma - rest->data) : rest->len;
    size_t step = comma != NULL ? len + 1 : len;
    *element = wsuv__token_trim(rest->data, len);
    rest->data += step;
    rest->len -= step;
    if (element->len > 0)
      return 1;
  }
  return 0;
}

int wsuv__token_next(struct wsuv__text *rest, struct wsuv__text *token) {
  if (!take_element(rest, token))
    return 0;
  return wsuv__token_is_valid(token->data, token->len) ? 1 : WSUV_ETOKEN;
}

int wsuv_token_next(wsuv_span_t *rest, wsuv_span_t *token) {
  struct wsuv__text text;
  struct wsuv__text got;
  int result;
  text.data = (const char *)rest->data;
  text.len = rest->len;
  got.data = NULL;
  got.len = 0;
  result = wsuv__token_next(&text, &got);
  rest->data = (const uint8_t *)text.data;
  rest->len = text.len;
  token->data = result != 0 ? (const uint8_t *)got.data : NULL;
  token->len = result != 0 ? got.len : 0;
  return result;
}

int wsuv__token_next_protocol(struct wsuv__text *rest, struct wsuv__protocol *protocol) {
  struct wsuv__text element;
  const char *slash;

  protocol->version.data = NULL;
  protocol->version.len = 0;
  if (!take_element(rest, &element))
    return 0;
  protocol->name = element;
  slash = memchr(element.data, '/', element.len);
  if (slash == NULL)
    return wsuv__token_is_valid(element.data, element.len) ? 1 : WSUV_ETOKEN;
  protocol->name.len = (size_t)(slash - element.data);
  protocol->version.data = slash + 1;
  protocol->version.len = element.len - protocol->name.len - 1;
  if (wsuv__token_is_valid(protocol->name.data, protocol->name.len) &&
      wsuv__token_is_valid(protocol->version.data, protocol->version.len))
    return 1;
  protocol->name = element;
  return WSUV_ETOKEN;
}

int wsuv__token_is_host(const char *data, size_t len) {
  size_t nopen = 0;
  size_t nclosed = 0;
  size_t i;
  for (i = 0; i < len; i++) {
    char c = data[i];
    if (!has_char(host_chars, c))
      return 0;
    nopen += c == '[';
    nclosed += c == ']';
  }
  return len > 0 && nopen == nclosed && nopen <= 1 && (nopen == 0 || data[0] == '[');
}
