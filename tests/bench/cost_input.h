/* What both sides of bench_deflate_cost are given: messages, and for each mode what clients make of them, prepared before
 * anything is measured. */
#ifndef WSUV_BENCH_COST_INPUT_H
#define WSUV_BENCH_COST_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "cost_mode.h"
#include "messages.h"

#define COST_TAIL 4 /* octets that a compressed message is sent without (RFC 7692 7.2.1) */

/* The messages, in turn on so many connections. */
typedef struct cost_texts {
  messages_t messages;
  size_t nconns;
  size_t total; /* octets of all messages */
  size_t room;  /* that is enough for any one of them as a frame, with its tail */
} cost_texts_t;

/* A row of frames or payloads; each begins where the one before it ends. */
typedef struct cost_row {
  uint8_t *octets;
  size_t len;
  size_t *ends;
} cost_row_t;

typedef struct cost_input {
  cost_row_t frames;     /* what a server receives */
  cost_row_t compressed; /* their payloads with the tail; none where nothing is compressed */
} cost_input_t;

/* The lines of a file. Ends the program where they are so few that context takeover would find them in the window, round for
 * round. */
void cost_texts_read(cost_texts_t *texts, const char *path, size_t nconns);

/* Each connection's messages, compressed as clients do: zlib's defaults but for what was negotiated. */
void cost_input_make(cost_input_t *input, const cost_texts_t *texts, const cost_mode_t *mode);

/* Octets that any row of these messages fits into. */
size_t cost_row_size(const cost_texts_t *texts);

/* One piece of a row. */
static inline const uint8_t *cost_piece(const cost_row_t *row, size_t i, size_t *len) {
  size_t begin = i > 0 ? row->ends[i - 1] : 0;
  *len = row->ends[i] - begin;
  return row->octets + begin;
}

#endif
