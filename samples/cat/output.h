/* Writing to standard output without waiting for it: what cannot be written yet is kept. */
#ifndef SAMPLES_CAT_OUTPUT_H
#define SAMPLES_CAT_OUTPUT_H

#include <uv.h>

#include "cat/octets.h"

typedef struct output output_t;

struct output {
  void *data; /* the user's */

  /* All was written after output_waiting had been above OUTPUT_HIGH_WATER. */
  void (*on_drain)(output_t *output);

  /* It cannot be written to any more, an error of libuv; once. What waited is dropped, and so is what follows. */
  void (*on_error)(output_t *output, int err);

  /* The rest is the output's. */
  uv_loop_t *loop;
  int fd;
  octets_t text;    /* goes with the next write; its owner may append to it before output_flush */
  octets_t writing; /* `written` octets of it are */
  size_t written;
  int busy;   /* a write or the wait for a retry is under way */
  int filled; /* on_drain is owed */
  int error;
  uv_fs_t req;
  uv_timer_t retry;
};

enum { OUTPUT_HIGH_WATER = 1024 * 1024 };

/* `on_drain` and `on_error` are to be set. The output keeps the loop alive while it writes. */
void output_init(output_t *output, uv_loop_t *loop, int fd);

/* Writes what was appended to `text`. */
void output_flush(output_t *output);

/* Octets that are not written yet. */
size_t output_waiting(const output_t *output);

/* When the loop is about to end, and nothing is under way. */
void output_close(output_t *output);

#endif
