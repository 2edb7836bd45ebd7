/* DEFLATE (RFC 1951) as messages need it, by zlib or zlib-ng: codec.c is the only file that knows which. */
#ifndef WSUV_DEFLATE_CODEC_H
#define WSUV_DEFLATE_CODEC_H

#include "base/alloc.h"
#include "wsuv/extension.h"

/* A compressor or a decompressor. */
struct wsuv__codec {
  struct wsuv__codec *next; /* in the pool */
  const wsuv_allocator_t *allocator;
  size_t *total;  /* memory of all codecs together */
  size_t memory;  /* of this one; an inflater's window comes with its first output */
  uint64_t taken; /* octets of the message so far */
  uint64_t produced;
  uint8_t window_bits;
  uint8_t is_fresh; /* nothing was taken since the last place where a message may end */
};

struct wsuv__codec_settings {
  int level;
  int mem_level;
  int strategy;
};

/* How far what was compressed is to come out. */
enum wsuv__codec_end {
  CODEC_GO_ON, /* as it likes */
  CODEC_FLUSH, /* all of it */
  CODEC_FINISH /* all of it, as the end of a message (RFC 7692 7.2.1) */
};

/* window_bits 8-15. With 8, zlib's raw streams being impossible, the compressor works with 9: its matches reach back 250 octets
 * then, which a window of 256 can follow. WSUV_ENOMEM. */
int wsuv__deflater_new(struct wsuv__codec **out, const wsuv_allocator_t *a, size_t *total,
                       int window_bits, const struct wsuv__codec_settings *settings);
int wsuv__inflater_new(struct wsuv__codec **out, const wsuv_allocator_t *a, size_t *total,
                       int window_bits);
void wsuv__deflater_free(struct wsuv__codec *codec);
void wsuv__inflater_free(struct wsuv__codec *codec);

/* Forgets everything: as new. */
void wsuv__deflater_reset(struct wsuv__codec *codec);
void wsuv__inflater_reset(struct wsuv__codec *codec);

/* From step->in to step->out: wsuv_extension_progress_t, WSUV_ETRANSFORM. */
int wsuv__deflater_run(struct wsuv__codec *codec, wsuv_extension_step_t *step,
                       enum wsuv__codec_end end);

/* The same; `is_final`: the message ends with this input. WSUV_EPAYLOAD (also for a message that stops short), WSUV_ENOMEM. */
int wsuv__inflater_run(struct wsuv__codec *codec, wsuv_extension_step_t *step, int is_final);

#endif
