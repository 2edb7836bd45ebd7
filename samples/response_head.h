/* A small, strict splitter of HTTP response heads: wsuv's handshake takes header fields from any parser. */
#ifndef SAMPLES_RESPONSE_HEAD_H
#define SAMPLES_RESPONSE_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <wsuv/handshake.h>

/* The length of the head at the start of `bytes` with its empty line; 0 if more has to come. */
size_t response_head_length(const uint8_t *bytes, size_t len);

/* Hands the head's lines to the handshake and asks for the verdict: its error, or WSUV_EHTTP. */
int response_head_take(wsuv_handshake_t *handshake, const char *head, size_t len);

#endif
