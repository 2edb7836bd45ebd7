/* Messages that may go, and permessage-deflate: a peer that decodes what is left never goes astray. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/endpoint_policy.h"
#include "proto/outbox_policy.h"
#include "support/check.h"
#include "support/deflate_rig.h"

enum { NTURNS = 400, NKEYS = 5, LEN_MAX = 600 };

struct rig {
  wsuv_deflate_t *client;
  wsuv_deflate_t *server;
  struct deflate_side sender;
  struct deflate_side receiver;
  uint32_t random;
};

static uint32_t below(struct rig *rig, uint32_t n) {
  rig->random = rig->random * 1664525u + 1013904223u;
  return (rig->random >> 8) % n;
}

static void open_rig(struct rig *rig, int no_takeover, wsuv_role_t sender) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  struct deflate_deal deal;
  memset(rig, 0, sizeof *rig);
  rig->random = 1;
  options.params.deflate_no_context_takeover = no_takeover;
  options.params.inflate_no_context_takeover = no_takeover;
  options.threshold = WSUV_OFF;
  CHECK_ERR(0, wsuv_deflate_new(&rig->client, &options));
  CHECK_ERR(0, wsuv_deflate_new(&rig->server, &options));
  deflate_rig_agree(rig->client, rig->server, &deal);
  CHECK_ERR(0, deflate_side_open(&rig->sender, sender,
                                 sender == WSUV_SERVER ? &deal.server : &deal.client, NULL));
  CHECK_ERR(0, deflate_side_open(&rig->receiver, sender == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER,
                                 sender == WSUV_SERVER ? &deal.client : &deal.server, NULL));
}

static void close_rig(struct rig *rig) {
  deflate_side_close(&rig->sender);
  deflate_side_close(&rig->receiver);
  wsuv_deflate_free(rig->client);
  wsuv_deflate_free(rig->server);
}

/* Text in which each message is alike to others, so that contexts would be used. */
static size_t make_text(struct rig *rig, char *out, uint32_t number) {
  size_t len = 40 + below(rig, LEN_MAX - 80);
  size_t at = 0;
  while (at < len)
    at += (size_t)snprintf(out + at, LEN_MAX - at, "price of %u is %u; ", number, below(rig, 30));
  return at;
}

/* Some of it goes over; the message that came last says which one it is. */
static void move_some(struct rig *rig) {
  uint8_t copy[256];
  wsuv_span_t span;
  size_t len = below(rig, sizeof copy);
  if (wsuv_endpoint_output(rig->sender.ep, &span, 1) == 0)
    return;
  len = len < span.len ? len : span.len;
  memcpy(copy, span.data, len);
  wsuv_endpoint_output_done(rig->sender.ep, len);
  CHECK_ERR(0, deflate_rig_receive(&rig->receiver, copy, len));
}

/* Random policies, a little leaving in between; at the end one plain message that needs the context of all before it. */
static void run(int no_takeover, wsuv_role_t sender, int *nplain) {
  struct rig rig;
  char text[LEN_MAX + 40];
  size_t len;
  uint32_t i;
  open_rig(&rig, no_takeover, sender);
  for (i = 0; i < NTURNS; i++) {
    struct wsuv__whole s = {.type = WSUV_TEXT, .payload = text};
    len = make_text(&rig, text, i);
    s.len = len;
    s.keeping = (enum wsuv__outbox_keeping)below(&rig, 3);
    s.key = below(&rig, NKEYS);
    CHECK_ERR(0, wsuv__endpoint_send_whole(rig.sender.ep, &s));
    if (below(&rig, 3) == 0)
      move_some(&rig);
    if (below(&rig, 4) == 0)
      (void)wsuv__outbox_make_room(&rig.sender.ep->outbox, below(&rig, 900));
  }
  len = make_text(&rig, text, NTURNS);
  CHECK_ERR(0, wsuv_endpoint_send(rig.sender.ep, WSUV_TEXT, text, len));
  CHECK_ERR(0, deflate_rig_move(&rig.sender, &rig.receiver, 1));
  CHECK_BYTES(text, len, rig.receiver.seen, rig.receiver.nseen);
  *nplain = rig.receiver.nmessages;
  CHECK_TRUE(*nplain > NTURNS / 4 && *nplain < NTURNS - 20); /* some were dropped, not all */
  close_rig(&rig);
}

static void no_decoder_goes_astray(void **state) {
  int n;
  (void)state;
  run(0, WSUV_SERVER, &n);
  run(0, WSUV_CLIENT, &n);
  run(1, WSUV_SERVER, &n);
  run(1, WSUV_CLIENT, &n);
}

/* The first octet of the frame that a message which may go becomes: RSV1 where no context is kept, clear where one is. */
static void only_without_a_context_it_is_compressed(void **state) {
  int no_takeover;
  (void)state;
  for (no_takeover = 0; no_takeover < 2; no_takeover++) {
    struct rig rig;
    char text[200];
    struct wsuv__whole s = {.type = WSUV_TEXT, .payload = text, .len = sizeof text};
    wsuv_span_t span;
    open_rig(&rig, no_takeover, WSUV_SERVER);
    memset(text, 'a', sizeof text);
    s.keeping = KEEPING_LATEST;
    CHECK_ERR(0, wsuv__endpoint_send_whole(rig.sender.ep, &s));
    CHECK_SIZE(1, wsuv_endpoint_output(rig.sender.ep, &span, 1));
    CHECK_INT(no_takeover ? 0xc1 : 0x81, ((const uint8_t *)span.data)[0]);
    CHECK_ERR(0, deflate_rig_move(&rig.sender, &rig.receiver, 0));
    CHECK_BYTES(text, sizeof text, rig.receiver.seen, rig.receiver.nseen);
    close_rig(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_decoder_goes_astray),
      cmocka_unit_test(only_without_a_context_it_is_compressed),
  };
  return cmocka_run_group_tests_name("endpoint policy, deflate", tests, NULL, NULL);
}
