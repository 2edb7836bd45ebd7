/* Extensions for tests, with sessions that are counted. */
#ifndef WSUV_TESTS_TOY_EXTENSION_H
#define WSUV_TESTS_TOY_EXTENSION_H

#include "wsuv/extension.h"

/* Per message, RSV2: run lengths, pairs of count and octet. Holds back the run it is in; leaves messages that begin with '!'
 * as they are; fails to encode "\xEE" with WSUV_EINVAL and to decode a count of 0 with WSUV_EPAYLOAD. */
extern const wsuv_extension_t toy_runs;

/* Per frame, RSV3: each frame's payload stands behind an octet that counts the frames of the direction, 1, 2, ... */
extern const wsuv_extension_t toy_count;

/* No claims: every octet of every message is XORed with 0x20. */
extern const wsuv_extension_t toy_case;

/* Opcodes 5 (data, reversed bit order of each octet) and 13 (control, which it takes if it begins with 't'). */
extern const wsuv_extension_t toy_opcodes;

/* Takes nothing and gives nothing, in the step that its session asks for. */
extern const wsuv_extension_t toy_stuck;

/* A session of one of these, or NULL without memory; the endpoint or handshake ends it. */
void *toy_session_new(void);

/* Sessions that were not ended. */
int toy_sessions_alive(void);

/* Control frames that toy_opcodes took. */
int toy_controls_taken(const void *session);

#endif
