/* Writes one JSON object of strings and numbers (RFC 8259) into memory that grows.
 *
 *   json_t json = {0};
 *   json_begin(&json, NULL, '{');
 *   json_string(&json, "nick", nick, strlen(nick));
 *   json_end(&json, '}');
 *   use json.text, json.len, unless json.failed
 *   json_free(&json);
 */
#ifndef SAMPLES_JSON_H
#define SAMPLES_JSON_H

#include <stddef.h>
#include <stdint.h>

typedef struct json {
  char *text; /* not NUL-terminated */
  size_t len, size;
  int failed;      /* memory ran out; what is written after that is left out */
  int needs_comma; /* a value came before in the same object or array */
} json_t;

/* An object ('{' and '}') or array ('[' and ']'), as a member when `name` is not NULL. */
void json_begin(json_t *json, const char *name, char bracket);
void json_end(json_t *json, char bracket);

/* Members, or elements when `name` is NULL. The text is UTF-8; names are plain ASCII. */
void json_string(json_t *json, const char *name, const char *text, size_t len);
void json_number(json_t *json, const char *name, int64_t number);

void json_free(json_t *json);

#endif
