#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(json_t *json, const char *text, size_t len) {
  if (json->size - json->len < len && !json->failed) {
    size_t size = 2 * json->size + len + 64;
    char *grown = (char *)realloc(json->text, size);
    if (grown != NULL) {
      json->text = grown;
      json->size = size;
    }
    json->failed = grown == NULL;
  }
  if (json->failed)
    return;
  memcpy(json->text + json->len, text, len);
  json->len += len;
}

/* A string in quotation marks. Only these need an escape: " and \ and the control characters (RFC 8259 7). */
static void append_quoted(json_t *json, const char *text, size_t len) {
  append(json, "\"", 1);
  size_t start = 0; /* of a run that is copied as it is */
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
    append(json, text + start, i - start);
    append(json, escape, 6);
    start = i + 1;
  }
  append(json, text + start, len - start);
  append(json, "\"", 1);
}

/* The comma and the name in front of a value. */
static void begin_value(json_t *json, const char *name) {
  if (json->needs_comma)
    append(json, ",", 1);
  json->needs_comma = 1;
  if (name == NULL)
    return;
  append_quoted(json, name, strlen(name));
  append(json, ":", 1);
}

void json_begin(json_t *json, const char *name, char bracket) {
  begin_value(json, name);
  append(json, &bracket, 1);
  json->needs_comma = 0;
}

void json_end(json_t *json, char bracket) {
  append(json, &bracket, 1);
  json->needs_comma = 1;
}

void json_string(json_t *json, const char *name, const char *text, size_t len) {
  begin_value(json, name);
  append_quoted(json, text, len);
}

void json_number(json_t *json, const char *name, int64_t number) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%" PRId64, number);
  begin_value(json, name);
  append(json, digits, (size_t)len);
}

void json_free(json_t *json) {
  free(json->text);
  memset(json, 0, sizeof *json);
}
