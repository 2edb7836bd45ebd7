#include "deflate/session.h"

#include <string.h>

#include "deflate/probe.h"

#define RSV1 4

void wsuv__deflate_session_end(struct wsuv__deflate_session *session) {
  if (session->deflater != NULL)
    wsuv__pool_give_deflater(&session->base->pool, session->deflater);
  if (session->inflater != NULL)
    wsuv__pool_give_inflater(&session->base->pool, session->inflater);
}

/* ---- at rest ---- */

/* The counts while they are small. */
struct kept {
  uint32_t sent_octets;
  uint32_t sent_compressed_octets;
  uint32_t received_octets;
  uint32_t received_compressed_octets;
};

_Static_assert(sizeof(struct kept) <= WSUV_FOLD_MAX, "it has a place");

#define NBITS (WSUV__WINDOW_BITS_MAX - WSUV__WINDOW_BITS_MIN + 1)

/* A place for each agreement that there can be. */
static const void *name_of_agreement(const struct wsuv__deflate_session *session) {
  static const uint8_t places[NBITS][NBITS][2][2];

  return &places[session->deflate_bits - WSUV__WINDOW_BITS_MIN]
                [session->inflate_bits - WSUV__WINDOW_BITS_MIN][session->deflate_no_takeover]
                [session->inflate_no_takeover];
}

const void *wsuv__deflate_fold(const void *arg, void *kept) {
  const struct wsuv__deflate_session *session = arg;
  const wsuv_deflate_stats_t *stats = &session->stats;
  uint64_t any = stats->sent_octets | stats->sent_compressed_octets | stats->received_octets |
                 stats->received_compressed_octets;
  const struct kept counts = {(uint32_t)stats->sent_octets, (uint32_t)stats->sent_compressed_octets,
                              (uint32_t)stats->received_octets,
                              (uint32_t)stats->received_compressed_octets};

  if (session->deflater != NULL || session->inflater != NULL ||
      any > (kept != NULL ? UINT32_MAX : 0))
    return NULL;
  if (kept != NULL)
    memcpy(kept, &counts, sizeof counts);
  return name_of_agreement(session);
}

void wsuv__deflate_restore(struct wsuv__deflate_session *session, const void *kept) {
  struct kept counts = {0};

  if (kept != NULL)
    memcpy(&counts, kept, sizeof counts);
  session->stats.sent_octets = counts.sent_octets;
  session->stats.sent_compressed_octets = counts.sent_compressed_octets;
  session->stats.received_octets = counts.received_octets;
  session->stats.received_compressed_octets = counts.received_compressed_octets;
}

/* ---- sending ---- */

/* A message whose length is not known is never too short. */
static int is_worth_it(const struct wsuv__deflate_session *session,
                       const wsuv_extension_step_t *step) {
  const struct wsuv__deflate_policy *policy = &session->base->policy;

  if ((step->flags & WSUV_SEND_NO_COMPRESS) != 0)
    return 0;
  if ((step->flags & WSUV_FINAL) != 0 && step->in_len < policy->threshold)
    return 0;
  return !policy->probe || !wsuv__looks_random(step->in, step->in_len);
}

static int begin_deflating(struct wsuv__deflate_session *session) {
  if (session->deflater == NULL)
    session->deflater = wsuv__pool_take_deflater(&session->base->pool, session->deflate_bits);
  if (session->deflater == NULL)
    return 0;
  session->deflater->taken = 0;
  session->deflater->produced = 0;
  return 1;
}

static void release_deflater(struct wsuv__deflate_session *session) {
  wsuv__pool_give_deflater(&session->base->pool, session->deflater);
  session->deflater = NULL;
}

static void end_deflating(struct wsuv__deflate_session *session) {
  session->stats.sent_octets += session->deflater->taken;
  session->stats.sent_compressed_octets += session->deflater->produced;
  if (session->deflate_no_takeover)
    release_deflater(session);
}

/* A whole message that came out no smaller. With context takeover it is sent all the same: the context is worth more. */
static int is_in_vain(const struct wsuv__deflate_session *session, int progress,
                      const wsuv_extension_step_t *before) {
  if (!session->deflate_no_takeover || session->base->policy.threshold == 0 ||
      (before->flags & WSUV_FIRST) == 0 || (before->flags & WSUV_FINAL) == 0)
    return 0;
  return progress == WSUV_STEP_MORE || session->deflater->produced >= before->in_len;
}

static enum wsuv__codec_end end_of(const wsuv_extension_step_t *step) {
  if ((step->flags & WSUV_FINAL) != 0)
    return CODEC_FINISH;
  return (step->flags & WSUV_SEND_FLUSH) != 0 ? CODEC_FLUSH : CODEC_GO_ON;
}

int wsuv__deflate_encode(void *arg, wsuv_extension_step_t *step) {
  struct wsuv__deflate_session *session = arg;
  const wsuv_extension_step_t before = *step;
  int rc;

  if ((step->flags & WSUV_FIRST) != 0) {
    if (!is_worth_it(session, step) || !begin_deflating(session))
      return WSUV_STEP_PASS;
    step->rsv = RSV1;
  }
  rc = wsuv__deflater_run(session->deflater, step, end_of(step));
  if (rc >= 0 && is_in_vain(session, rc, &before)) {
    release_deflater(session);
    *step = before;
    return WSUV_STEP_PASS;
  }
  if (rc == WSUV_STEP_DONE && (step->flags & WSUV_FINAL) != 0)
    end_deflating(session);
  return rc;
}

const void *wsuv__deflate_variant(const void *arg) {
  const struct wsuv__deflate_session *session = arg;

  return session->deflate_no_takeover ? &session->base->pool.deflaters[session->deflate_bits]
                                      : NULL;
}

/* ---- receiving ---- */

/* What expands without end is judged once it is large. What comes to nothing, an endless row of empty blocks, has no size that
 * could be judged; who flushes behind every octet needs eight of them for each. */
#define FREE_OUTPUT   (1024u * 1024)
#define FREE_INPUT    (64u * 1024)
#define MAX_SHRINKAGE 16u

static int is_out_of_proportion(const struct wsuv__codec *inflater, uint64_t max_ratio) {
  uint64_t taken = inflater->taken;
  uint64_t produced = inflater->produced;

  if (produced > FREE_OUTPUT && produced / max_ratio > taken)
    return 1;
  return taken > FREE_INPUT && (taken - FREE_INPUT) / MAX_SHRINKAGE > produced;
}

static int begin_inflating(struct wsuv__deflate_session *session) {
  if (session->inflater == NULL)
    session->inflater = wsuv__pool_take_inflater(&session->base->pool, session->inflate_bits);
  if (session->inflater == NULL)
    return WSUV_ENOMEM;
  session->inflater->taken = 0;
  session->inflater->produced = 0;
  return 0;
}

static void end_inflating(struct wsuv__deflate_session *session) {
  session->stats.received_octets += session->inflater->produced;
  session->stats.received_compressed_octets += session->inflater->taken;
  if (!session->inflate_no_takeover)
    return;
  wsuv__pool_give_inflater(&session->base->pool, session->inflater);
  session->inflater = NULL;
}

int wsuv__deflate_decode(void *arg, wsuv_extension_step_t *step) {
  struct wsuv__deflate_session *session = arg;
  int is_final = (step->flags & WSUV_FINAL) != 0;
  int rc = (step->flags & WSUV_FIRST) != 0 ? begin_inflating(session) : 0;

  if (rc == 0)
    rc = wsuv__inflater_run(session->inflater, step, is_final);
  if (rc >= 0 && is_out_of_proportion(session->inflater, session->base->policy.max_ratio))
    return WSUV_ERATIO;
  if (rc == WSUV_STEP_DONE && is_final)
    end_inflating(session);
  return rc;
}
