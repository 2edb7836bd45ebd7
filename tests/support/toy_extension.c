#include "support/toy_extension.h"

#include <stdlib.h>

struct session {
  unsigned run; /* toy_runs: length and octet of the run that was not written yet */
  uint8_t octet;
  int reading;  /* decoding: the count was read and its octet was not */
  uint8_t left; /* of the current pair, still to give */
  uint8_t given;
  uint8_t sent; /* toy_count */
  uint8_t received;
  int controls;
};

static int alive;

void *toy_session_new(void) {
  struct session *session = calloc(1, sizeof *session);
  alive += session != NULL;
  return session;
}

int toy_sessions_alive(void) {
  return alive;
}

int toy_controls_taken(const void *session) {
  return ((const struct session *)session)->controls;
}

static void end(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  alive -= session != NULL;
  free(session);
}

static int accept_offer(const wsuv_extension_t *extension, const wsuv_extension_element_t *offer,
                        wsuv_extension_writer_t *writer, void **session) {
  (void)extension;
  (void)writer;
  if (offer->nparams > 0)
    return WSUV_OFFER_DECLINED;
  *session = toy_session_new();
  return *session != NULL ? WSUV_OFFER_ACCEPTED : WSUV_ENOMEM;
}

static int accept_answer(const wsuv_extension_t *extension, const wsuv_extension_element_t *answer,
                         void **session) {
  (void)extension;
  (void)answer;
  *session = toy_session_new();
  return *session != NULL ? 0 : WSUV_ENOMEM;
}

static void put(wsuv_extension_step_t *step, uint8_t octet) {
  *step->out++ = octet;
  step->out_len--;
}

static uint8_t take(wsuv_extension_step_t *step) {
  step->in_len--;
  return *step->in++;
}

/* ---- runs ---- */

static int runs_encode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  if ((step->flags & WSUV_FIRST) != 0 && step->in_len > 0 && *step->in == '!')
    return WSUV_STEP_PASS;
  if ((step->flags & WSUV_FIRST) != 0)
    step->rsv = 2;
  while (step->in_len > 0) {
    if (*step->in == 0xEE)
      return WSUV_EINVAL;
    if (s->run > 0 && (*step->in != s->octet || s->run == 255)) {
      if (step->out_len < 2)
        return WSUV_STEP_MORE;
      put(step, (uint8_t)s->run);
      put(step, s->octet);
      s->run = 0;
    }
    s->octet = take(step);
    s->run++;
  }
  if ((step->flags & WSUV_FINAL) == 0 || s->run == 0)
    return WSUV_STEP_DONE;
  if (step->out_len < 2)
    return WSUV_STEP_MORE;
  put(step, (uint8_t)s->run);
  put(step, s->octet);
  s->run = 0;
  return WSUV_STEP_DONE;
}

static int runs_decode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  for (;;) {
    while (!s->reading && s->left > 0 && step->out_len > 0) {
      put(step, s->given);
      s->left--;
    }
    if (!s->reading && s->left > 0)
      return WSUV_STEP_MORE;
    if (step->in_len == 0)
      break;
    if (!s->reading) {
      s->left = take(step);
      s->reading = 1;
      if (s->left == 0)
        return WSUV_EPAYLOAD;
    } else {
      s->given = take(step);
      s->reading = 0;
    }
  }
  return (step->flags & WSUV_FINAL) != 0 && s->reading ? WSUV_EPAYLOAD : WSUV_STEP_DONE;
}

const wsuv_extension_t toy_runs = {.size = sizeof toy_runs,
                                   .token = "toy-runs",
                                   .rsv = 2,
                                   .answer = accept_offer,
                                   .accept = accept_answer,
                                   .end = end,
                                   .encode = runs_encode,
                                   .decode = runs_decode};

/* ---- count ---- */

static int copy(wsuv_extension_step_t *step) {
  while (step->in_len > 0 && step->out_len > 0)
    put(step, take(step));
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

static int count_encode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  if ((step->flags & WSUV_FRAME_FIRST) != 0) {
    step->rsv = 1;
    put(step, ++s->sent);
  }
  return copy(step);
}

static int count_decode(void *arg, wsuv_extension_step_t *step) {
  struct session *s = arg;
  if ((step->flags & WSUV_FRAME_FIRST) != 0)
    s->left = 1;
  if (s->left == 1 && step->in_len > 0) {
    s->left = 0;
    if (take(step) != ++s->received)
      return WSUV_EPAYLOAD;
  }
  if ((step->flags & WSUV_FRAME_FINAL) != 0 && s->left == 1)
    return WSUV_EPAYLOAD; /* without its octet */
  return copy(step);
}

const wsuv_extension_t toy_count = {.size = sizeof toy_count,
                                    .token = "toy-count",
                                    .rsv = 1,
                                    .scope = WSUV_PER_FRAME,
                                    .answer = accept_offer,
                                    .accept = accept_answer,
                                    .end = end,
                                    .encode = count_encode,
                                    .decode = count_decode};

/* ---- case ---- */

static int flip(void *arg, wsuv_extension_step_t *step) {
  (void)arg;
  while (step->in_len > 0 && step->out_len > 0)
    put(step, take(step) ^ 0x20);
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

const wsuv_extension_t toy_case = {.size = sizeof toy_case,
                                   .token = "toy-case",
                                   .answer = accept_offer,
                                   .accept = accept_answer,
                                   .end = end,
                                   .encode = flip,
                                   .decode = flip};

/* ---- opcodes ---- */

static int reverse(void *arg, wsuv_extension_step_t *step) {
  (void)arg;
  while (step->in_len > 0 && step->out_len > 0) {
    uint8_t octet = take(step);
    uint8_t reversed = 0;
    int i;
    for (i = 0; i < 8; i++)
      reversed = (uint8_t)(reversed << 1 | (octet >> i & 1));
    put(step, reversed);
  }
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

static int take_control(void *arg, int opcode, const uint8_t *payload, size_t len) {
  struct session *s = arg;
  if (opcode != 13 || len == 0 || payload[0] != 't')
    return len > 0 && payload[0] == 'e' ? WSUV_EPAYLOAD : 0;
  s->controls++;
  return 1;
}

const wsuv_extension_t toy_opcodes = {.size = sizeof toy_opcodes,
                                      .token = "toy-opcodes",
                                      .opcodes = 1u << 5 | 1u << 13,
                                      .answer = accept_offer,
                                      .accept = accept_answer,
                                      .end = end,
                                      .encode = reverse,
                                      .decode = reverse,
                                      .control = take_control};

/* ---- stuck ---- */

static int stand_still(void *arg, wsuv_extension_step_t *step) {
  (void)arg;
  (void)step;
  return WSUV_STEP_MORE;
}

const wsuv_extension_t toy_stuck = {.size = sizeof toy_stuck,
                                    .token = "toy-stuck",
                                    .answer = accept_offer,
                                    .accept = accept_answer,
                                    .end = end,
                                    .encode = stand_still,
                                    .decode = stand_still};
