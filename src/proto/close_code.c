#include <string.h>

#include "base/bytes.h"
#include "wsuv/frame.h"

/* The first name of a code is the one it converts back to. */
static const struct {
  int code;
  const char *name;
} names[] = {
    {1000, "SUCCESS"},           {1001, "ENDPOINT_UNAVAILABLE"},   {1002, "PROTOCOL_ERROR"},
    {1003, "INVALID_DATA_TYPE"}, {1007, "INVALID_PAYLOAD"},        {1008, "POLICY_VIOLATION"},
    {1009, "MESSAGE_TOO_BIG"},   {1010, "UNSUPPORTED_EXTENSIONS"}, {1011, "INTERNAL_ERROR"},
    {1011, "SERVER_ERROR"},      {1012, "SERVICE_RESTART"},        {1013, "TRY_AGAIN_LATER"},
    {1014, "BAD_GATEWAY"},
};

#define NNAMES (sizeof names / sizeof names[0])

const char *wsuv_close_code_name(int code) {
  size_t i;
  for (i = 0; i < NNAMES; i++)
    if (names[i].code == code)
      return names[i].name;
  return NULL;
}

int wsuv_close_code_by_name(const char *name) {
  size_t i;
  for (i = 0; i < NNAMES; i++)
    if (strcmp(names[i].name, name) == 0)
      return names[i].code;
  return 0;
}

int wsuv_close_code_is_sendable(int code) {
  if (code >= 3000 && code <= 4999)
    return 1;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

int wsuv_close_payload_encode(int code, const char *reason, size_t reason_len,
                              uint8_t out[WSUV_CONTROL_PAYLOAD_MAX]) {
  if (code == 0)
    return reason_len == 0 ? 0 : WSUV_EINVAL;
  if (!wsuv_close_code_is_sendable(code) || reason_len > WSUV_CLOSE_REASON_MAX)
    return WSUV_EINVAL;
  if (reason_len > 0 && (reason == NULL || !wsuv_utf8_is_valid(reason, reason_len)))
    return WSUV_EINVAL;
  wsuv__store_be16(out, (uint16_t)code);
  if (reason_len > 0)
    memcpy(out + 2, reason, reason_len);
  return (int)(2 + reason_len);
}

int wsuv_close_payload_decode(const uint8_t *payload, size_t len, int *code, wsuv_span_t *reason) {
  *code = 0;
  reason->data = payload;
  reason->len = 0;
  if (len == 0)
    return 0;
  if (len == 1)
    return WSUV_ECLOSEPAYLOAD;
  if (!wsuv_close_code_is_sendable(wsuv__load_be16(payload)))
    return WSUV_ECLOSECODE;
  if (!wsuv_utf8_is_valid(payload + 2, len - 2))
    return WSUV_EENCODING;
  *code = wsuv__load_be16(payload);
  reason->data = payload + 2;
  reason->len = len - 2;
  return 0;
}
