/* An endpoint for the rows of VECTORS.tsv: what it said and what it sent, in the words of the file. */
#ifndef WSUV_TESTS_SEED_ENDPOINT_H
#define WSUV_TESTS_SEED_ENDPOINT_H

#include "proto/endpoint_pull.h"
#include "vectors/seed_vectors.h"

struct seed_endpoint {
  struct wsuv__endpoint_config config;
  struct wsuv_endpoint ep;
  struct wsuv__pull pull;
  struct seed_text said;    /* "msg text 616263" of the messages since it was cleared */
  struct seed_text sent;    /* octets since it was cleared */
  struct seed_text message; /* payload of the last message */
  char type[16];
  struct seed_text
      frames; /* " log=text:0:6162" of each data frame that the hook was given since it was cleared */
  char name[16]; /* of the custom opcode, as the row registers it */
  int consume;   /* the hook lets nothing of a payload through */
  int nmessages;
  int ncontrols;
  int nclosed;
  char pings[16][WSUV__HEARTBEAT_PAYLOAD_MAX]; /* payloads of ours, by their number */
  uint8_t next_random;
};

/* Non-zero: events are asked for instead of called back, where the row needs no hook. */
extern int seed_endpoint_pulls;

/* Options from the row's params. 0 or WSUV_EINVAL. Do not move the struct. */
int seed_endpoint_init(struct seed_endpoint *s, const struct seed_row *row);
void seed_endpoint_free(struct seed_endpoint *s);

/* Gives it the octets of BYTES. */
int seed_endpoint_receive(struct seed_endpoint *s, const char *bytes);

/* Takes the events there are; returns `err`, or what asking ended with. */
int seed_endpoint_take_events(struct seed_endpoint *s, int err);

/* Takes its output. */
void seed_endpoint_drain(struct seed_endpoint *s);

/* The payload of the one frame in `sent`, unmasked; its opcode, or -1 if there is not exactly one frame. */
int seed_endpoint_sent_frame(const struct seed_endpoint *s, struct seed_text *payload,
                             int *is_masked);

#endif
