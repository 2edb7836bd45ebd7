/* The protocol's numbers (RFC 6455) and the small types that every layer shares. */
#ifndef WSUV_PROTOCOL_H
#define WSUV_PROTOCOL_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "wsuv/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In an option: switches a timer or limit off. 0 means the documented default. Any other negative number is
 * refused with WSUV_EINVAL. */
#define WSUV_OFF INT_MIN

/* Which side of the connection an endpoint is (RFC 6455 1.2). A client masks its frames, a server does not. */
typedef enum wsuv_role { WSUV_SERVER = 1, WSUV_CLIENT = 2 } wsuv_role_t;

/* Frame opcodes (RFC 6455 5.2). 3-7 and 11-15 are reserved. */
typedef enum wsuv_opcode {
  WSUV_CONTINUATION = 0,
  WSUV_TEXT = 1,
  WSUV_BINARY = 2,
  WSUV_CLOSE = 8,
  WSUV_PING = 9,
  WSUV_PONG = 10
} wsuv_opcode_t;

/* Those that may be claimed, as a set: bit n for opcode n of 3-7 and 11-15. */
#define WSUV_CUSTOM_OPCODES 0xF8F8u

/* Where in its message a piece stands; both for a message that came in one. */
typedef enum wsuv_fragment_flags { WSUV_FIRST = 1, WSUV_FINAL = 2 } wsuv_fragment_flags_t;

/* How a message is to be sent; for extensions, which see them in wsuv_extension_step_t.flags. Other bits are WSUV_EINVAL. */
typedef enum wsuv_send_flags {
  WSUV_SEND_NO_COMPRESS = 16, /* as it is, RSV1 clear (RFC 7692 6.1) */
  WSUV_SEND_FLUSH =
      32 /* of a chunk: nothing of what was given so far is held back for more to come */
} wsuv_send_flags_t;

/* Close codes (RFC 6455 7.4.1 and the IANA registry). 3000-3999 are registered by frameworks, 4000-4999 are
 * free for applications. 1005, 1006 and 1015 are reported, never sent. */
typedef enum wsuv_close_code {
  WSUV_CLOSE_NORMAL = 1000,
  WSUV_CLOSE_GOING_AWAY = 1001,
  WSUV_CLOSE_PROTOCOL_ERROR = 1002,
  WSUV_CLOSE_UNSUPPORTED_DATA = 1003,
  WSUV_CLOSE_NO_STATUS = 1005,
  WSUV_CLOSE_ABNORMAL = 1006,
  WSUV_CLOSE_INVALID_PAYLOAD = 1007,
  WSUV_CLOSE_POLICY_VIOLATION = 1008,
  WSUV_CLOSE_MESSAGE_TOO_BIG = 1009,
  WSUV_CLOSE_MANDATORY_EXTENSION = 1010,
  WSUV_CLOSE_INTERNAL_ERROR = 1011,
  WSUV_CLOSE_SERVICE_RESTART = 1012,
  WSUV_CLOSE_TRY_AGAIN_LATER = 1013,
  WSUV_CLOSE_BAD_GATEWAY = 1014,
  WSUV_CLOSE_TLS_HANDSHAKE = 1015
} wsuv_close_code_t;

/* A piece of memory, borrowed: not NUL-terminated, valid as long as the call that hands it over says. */
typedef struct wsuv_span {
  const uint8_t *data;
  size_t len;
} wsuv_span_t;

/* Round-trip times, from the moment a heartbeat's Ping was handed to the transport to the Pong that answers it. */
typedef struct wsuv_rtt {
  int64_t last_ms;
  int64_t min_ms;
  int64_t smoothed_ms; /* RFC 6298's SRTT: every new time counts an eighth */
} wsuv_rtt_t;

/* One header field, borrowed. `name` and `value` need not be NUL-terminated when their lengths are given; a
 * length of 0 with a non-NULL pointer means "use strlen". */
typedef struct wsuv_header {
  const char *name;
  const char *value;
  size_t name_len;
  size_t value_len;
} wsuv_header_t;

/* Where memory comes from. The three functions behave as malloc, realloc and free with `arg` in front. Copied
 * into the object that is created with it. */
typedef struct wsuv_allocator {
  void *(*alloc)(void *arg, size_t size);
  void *(*resize)(void *arg, void *ptr, size_t size);
  void (*release)(void *arg, void *ptr);
  void *arg;
} wsuv_allocator_t;

/* "text", "binary", "continuation", "close", "ping", "pong"; NULL for a reserved opcode. */
WSUV_EXTERN const char *wsuv_opcode_name(int opcode);

/* Non-zero for opcodes 8-15 (RFC 6455 5.5). */
WSUV_EXTERN int wsuv_opcode_is_control(int opcode);

/* "SUCCESS" for 1000, "ENDPOINT_UNAVAILABLE" for 1001, "PROTOCOL_ERROR" for 1002, ...; NULL where the code has no
 * name or cannot be sent (1004-1006, 1015, 3000 and up). */
WSUV_EXTERN const char *wsuv_close_code_name(int code);

/* The reverse, case-sensitive; 0 for an unknown name. "SERVER_ERROR" is a second name of 1011. */
WSUV_EXTERN int wsuv_close_code_by_name(const char *name);

#define WSUV_CLOSE_TEXT_MAX 160 /* room that wsuv_close_format never exceeds, NUL included */

/* A line for logs: "1001/ENDPOINT_UNAVAILABLE: going down", "4000: x", "1006", "no code" for 0. Control characters of the
 * reason, which may be NULL, become '?'. Returns the length without NUL; WSUV_ENOBUFS (nothing was written), WSUV_EINVAL (a
 * reason over 123 octets, NULLs). */
WSUV_EXTERN int wsuv_close_format(char *out, size_t size, int code, const char *reason,
                                  size_t reason_len);

/* Non-zero if a Close frame may carry `code`: 1000-1003, 1007-1014, 3000-4999 (RFC 6455 7.4). The same set is
 * accepted from the peer. */
WSUV_EXTERN int wsuv_close_code_is_sendable(int code);

#ifdef __cplusplus
}
#endif

#endif
