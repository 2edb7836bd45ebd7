/* Heads of opening handshakes as lines of text. */
#ifndef WSUV_TESTS_HANDSHAKE_LINES_H
#define WSUV_TESTS_HANDSHAKE_LINES_H

#include "wsuv/handshake.h"

/* A request as it should be, and its parts. The key is that of RFC 6455 1.3. */
#define HOST         "Host: h\n"
#define ASK          "Upgrade: websocket\nConnection: Upgrade\n"
#define KEY_VALUE    "dGhlIHNhbXBsZSBub25jZQ=="
#define KEY          "Sec-WebSocket-Key: " KEY_VALUE "\n"
#define V13          "Sec-WebSocket-Version: 13\n"
#define GOOD_REQUEST HOST ASK KEY V13

/* Gives "Name: value\n" lines to a handshake; the value as it stands, blanks included. */
void give_lines(wsuv_handshake_t *h, const char *lines);

#endif
