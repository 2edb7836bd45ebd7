/* The frames of one message whose end need not be known at the start (RFC 6455 5.4). */
#include <string.h>

#include "proto/utf8.h"
#include "wsuv/message.h"

enum streamer_state {
  STREAMER_ENDED, /* also what memory of zeros is */
  STREAMER_FIRST, /* no frame was made yet */
  STREAMER_MORE,
  STREAMER_FINISHED
};

int wsuv_streamer_init(wsuv_streamer_t *streamer, wsuv_role_t role, int type,
                       int (*random)(void *arg, void *buf, size_t len), void *random_arg) {
  memset(streamer, 0, sizeof *streamer);
  if ((role != WSUV_SERVER && role != WSUV_CLIENT) || (role == WSUV_CLIENT && random == NULL))
    return WSUV_EINVAL;
  if (type <= WSUV_CONTINUATION || type >= WSUV_CLOSE)
    return WSUV_EINVAL;
  streamer->random = random;
  streamer->random_arg = random_arg;
  streamer->role = (uint8_t)role;
  streamer->type = (uint8_t)type;
  streamer->state = STREAMER_FIRST;
  return 0;
}

static int judge_text(wsuv_utf8_t *utf8, const void *payload, size_t len, int fin) {
  if (len > 0 && !wsuv__utf8_feed(utf8, payload, len))
    return WSUV_EENCODING;
  return fin && !wsuv__utf8_is_complete(utf8) ? WSUV_EENCODING : 0;
}

static int make_frame(wsuv_streamer_t *s, const void *payload, size_t len, int fin,
                      wsuv_frame_t *frame) {
  wsuv_utf8_t utf8 = s->utf8;
  int err;

  memset(frame, 0, sizeof *frame);
  if (payload == NULL && len > 0)
    return WSUV_EINVAL;
  if (s->state != STREAMER_FIRST && s->state != STREAMER_MORE)
    return WSUV_ESTATE;
  err = s->type == WSUV_TEXT ? judge_text(&utf8, payload, len, fin) : 0;
  if (err == 0)
    err = wsuv_frame_create(frame, (wsuv_role_t)s->role, s->random, s->random_arg,
                            s->state == STREAMER_FIRST ? s->type : (int)WSUV_CONTINUATION, payload,
                            len);
  if (err != 0)
    return err;
  frame->header.fin = (uint8_t)fin;
  s->utf8 = utf8;
  s->state = fin ? STREAMER_FINISHED : STREAMER_MORE;
  return 0;
}

int wsuv_streamer_chunk(wsuv_streamer_t *streamer, const void *payload, size_t len,
                        wsuv_frame_t *frame) {
  return make_frame(streamer, payload, len, 0, frame);
}

int wsuv_streamer_final(wsuv_streamer_t *streamer, const void *payload, size_t len,
                        wsuv_frame_t *frame) {
  return make_frame(streamer, payload, len, 1, frame);
}

int wsuv_streamer_end(wsuv_streamer_t *streamer) {
  int is_open = streamer->state == STREAMER_FIRST || streamer->state == STREAMER_MORE;

  streamer->state = STREAMER_ENDED;
  return is_open ? WSUV_EUNFINISHED : 0;
}
