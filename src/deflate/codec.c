#include "deflate/codec.h"

#include <limits.h>
#include <string.h>

#ifdef WSUV_ZLIB_NG
#include <zlib-ng.h>
#define Z(name) zng_##name
typedef zng_stream stream_t;
#else
#define ZLIB_CONST
#include <zlib.h>
#define Z(name) name
typedef z_stream stream_t;
#endif

#define DEFLATER_MIN_BITS 9

/* What ends each message and is not sent (RFC 7692 7.2.1): an empty stored block without its first octet. */
static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

/* The block with up to 15 bits that waited before it, and room for the compressor to see that there is some left. */
#define MARKER_MAX 8

/* Of stream_t.data_type, see inflate in zlib.h: between two blocks, and the bits of the last octet that were not used. */
#define AT_BLOCK_HEADER 128
#define UNUSED_BITS     63

struct codec {
  struct wsuv__codec head;
  stream_t z;
};

static stream_t *stream_of(struct wsuv__codec *codec) {
  return &((struct codec *)(void *)codec)->z;
}

/* ---- memory ---- */

static void *take_memory(void *opaque, unsigned n, unsigned size) {
  struct wsuv__codec *codec = opaque;
  void *ptr = wsuv__alloc(codec->allocator, (size_t)n * size);

  if (ptr == NULL)
    return NULL;
  codec->memory += (size_t)n * size;
  *codec->total += (size_t)n * size;
  return ptr;
}

static void give_memory(void *opaque, void *ptr) {
  const struct wsuv__codec *codec = opaque;
  wsuv__release(codec->allocator, ptr);
}

static struct wsuv__codec *make(const wsuv_allocator_t *a, size_t *total, int window_bits) {
  struct codec *codec = wsuv__alloc_zeroed(a, sizeof *codec);

  if (codec == NULL)
    return NULL;
  codec->head.allocator = a;
  codec->head.total = total;
  codec->head.memory = sizeof *codec;
  codec->head.window_bits = (uint8_t)window_bits;
  codec->head.is_fresh = 1;
  *total += sizeof *codec;
  codec->z.zalloc = take_memory;
  codec->z.zfree = give_memory;
  codec->z.opaque = codec;
  return &codec->head;
}

static void destroy(struct wsuv__codec *codec) {
  *codec->total -= codec->memory;
  wsuv__release(codec->allocator, codec);
}

int wsuv__deflater_new(struct wsuv__codec **out, const wsuv_allocator_t *a, size_t *total,
                       int window_bits, const struct wsuv__codec_settings *settings) {
  int bits = window_bits < DEFLATER_MIN_BITS ? DEFLATER_MIN_BITS : window_bits;
  struct wsuv__codec *codec = make(a, total, window_bits);

  *out = NULL;
  if (codec == NULL)
    return WSUV_ENOMEM;
  if (Z(deflateInit2)(stream_of(codec), settings->level, Z_DEFLATED, -bits, settings->mem_level,
                      settings->strategy) != Z_OK) {
    destroy(codec);
    return WSUV_ENOMEM;
  }
  *out = codec;
  return 0;
}

int wsuv__inflater_new(struct wsuv__codec **out, const wsuv_allocator_t *a, size_t *total,
                       int window_bits) {
  struct wsuv__codec *codec = make(a, total, window_bits);

  *out = NULL;
  if (codec == NULL)
    return WSUV_ENOMEM;
  if (Z(inflateInit2)(stream_of(codec), -window_bits) != Z_OK) {
    destroy(codec);
    return WSUV_ENOMEM;
  }
  *out = codec;
  return 0;
}

void wsuv__deflater_free(struct wsuv__codec *codec) {
  (void)Z(deflateEnd)(stream_of(codec));
  destroy(codec);
}

void wsuv__inflater_free(struct wsuv__codec *codec) {
  (void)Z(inflateEnd)(stream_of(codec));
  destroy(codec);
}

void wsuv__deflater_reset(struct wsuv__codec *codec) {
  (void)Z(deflateReset)(stream_of(codec));
  codec->is_fresh = 1;
}

void wsuv__inflater_reset(struct wsuv__codec *codec) {
  (void)Z(inflateReset)(stream_of(codec));
  codec->is_fresh = 1;
}

/* ---- steps ---- */

static unsigned clamp(size_t len) {
  return len < UINT_MAX ? (unsigned)len : UINT_MAX;
}

static void lend(stream_t *z, const wsuv_extension_step_t *step) {
  z->next_in = step->in;
  z->avail_in = clamp(step->in_len);
  z->next_out = step->out;
  z->avail_out = clamp(step->out_len);
}

static void take_back(struct wsuv__codec *codec, wsuv_extension_step_t *step) {
  const stream_t *z = stream_of(codec);
  size_t taken = clamp(step->in_len) - z->avail_in;
  size_t produced = clamp(step->out_len) - z->avail_out;

  codec->taken += taken;
  codec->produced += produced;
  if (taken > 0)
    codec->is_fresh = 0;
  step->in = taken > 0 ? step->in + taken : step->in;
  step->in_len -= taken;
  step->out += produced;
  step->out_len -= produced;
}

/* ---- compressing ---- */

/* The empty block goes through a buffer of its own: where zlib meets the end of its room inside it, it writes another one. Of
 * an empty message its first octet is all there is (RFC 7692 7.2.3.6); behind the Z_BLOCK before it zlib always writes one. */
static int put_marker(struct wsuv__codec *codec, wsuv_extension_step_t *step,
                      enum wsuv__codec_end end) {
  uint8_t marker[MARKER_MAX];
  stream_t *z = stream_of(codec);
  size_t len;
  int rc;

  if (end == CODEC_FLUSH && codec->is_fresh)
    return WSUV_STEP_DONE;
  if (step->out_len < sizeof marker)
    return WSUV_STEP_MORE;
  z->next_in = NULL;
  z->avail_in = 0;
  z->next_out = marker;
  z->avail_out = sizeof marker;
  rc = Z(deflate)(z, Z_SYNC_FLUSH);
  len = sizeof marker - z->avail_out;
  if (rc != Z_OK || z->avail_out == 0 || len <= sizeof tail ||
      memcmp(marker + len - sizeof tail, tail, sizeof tail) != 0)
    return WSUV_ETRANSFORM;
  if (end == CODEC_FINISH)
    len -= sizeof tail;
  memcpy(step->out, marker, len);
  step->out += len;
  step->out_len -= len;
  codec->produced += len;
  codec->is_fresh = 1;
  return WSUV_STEP_DONE;
}

/* Z_BLOCK ends a block without a trace in the output, however often it has to be called. */
int wsuv__deflater_run(struct wsuv__codec *codec, wsuv_extension_step_t *step,
                       enum wsuv__codec_end end) {
  stream_t *z = stream_of(codec);
  int is_all = step->in_len <= UINT_MAX;
  int rc;

  lend(z, step);
  rc = Z(deflate)(z, end == CODEC_GO_ON || !is_all ? Z_NO_FLUSH : Z_BLOCK);
  take_back(codec, step);
  if (rc != Z_OK && rc != Z_BUF_ERROR)
    return WSUV_ETRANSFORM;
  if (step->out_len == 0 || step->in_len > 0)
    return WSUV_STEP_MORE;
  return end == CODEC_GO_ON ? WSUV_STEP_DONE : put_marker(codec, step, end);
}

/* ---- decompressing ---- */

/* A final block ends the stream but not the message (RFC 7692 7.2.3.4), and the window is kept. */
static int end_stream(struct wsuv__codec *codec) {
  if (Z(inflateResetKeep)(stream_of(codec)) != Z_OK)
    return WSUV_EPAYLOAD;
  codec->is_fresh = 1;
  return 0;
}

static int inflate_step(struct wsuv__codec *codec, wsuv_extension_step_t *step) {
  stream_t *z = stream_of(codec);
  int rc;

  lend(z, step);
  rc = Z(inflate)(z, Z_SYNC_FLUSH);
  take_back(codec, step);
  if (rc == Z_STREAM_END)
    return end_stream(codec);
  if (rc == Z_MEM_ERROR)
    return WSUV_ENOMEM;
  return rc == Z_OK || rc == Z_BUF_ERROR ? 0 : WSUV_EPAYLOAD;
}

/* What the sender dropped. It must be what is left of an empty block, and not be taken for anything else. */
static int end_message(struct wsuv__codec *codec) {
  stream_t *z = stream_of(codec);
  uint8_t none[1];
  int rc;

  if (codec->is_fresh)
    return WSUV_STEP_DONE;
  z->next_in = tail;
  z->avail_in = sizeof tail;
  z->next_out = none;
  z->avail_out = sizeof none;
  rc = Z(inflate)(z, Z_SYNC_FLUSH);
  if (rc == Z_MEM_ERROR)
    return WSUV_ENOMEM;
  if (rc != Z_OK || z->avail_in > 0 || z->avail_out == 0 || (z->data_type & AT_BLOCK_HEADER) == 0 ||
      (z->data_type & UNUSED_BITS) != 0)
    return WSUV_EPAYLOAD;
  codec->is_fresh = 1;
  return WSUV_STEP_DONE;
}

int wsuv__inflater_run(struct wsuv__codec *codec, wsuv_extension_step_t *step, int is_final) {
  int err;

  do
    err = inflate_step(codec, step);
  while (err == 0 && step->in_len > 0 && step->out_len > 0);
  if (err != 0)
    return err;
  if (step->out_len == 0)
    return WSUV_STEP_MORE;
  return is_final ? end_message(codec) : WSUV_STEP_DONE;
}
