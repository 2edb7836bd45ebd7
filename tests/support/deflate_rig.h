/* permessage-deflate between two endpoints without I/O: negotiated as in a handshake, and what each side received. */
#ifndef WSUV_TESTS_DEFLATE_RIG_H
#define WSUV_TESTS_DEFLATE_RIG_H

#include "wsuv/deflate.h"
#include "wsuv/endpoint.h"

enum { RIG_TEXT_MAX = 512 };

/* What came of offering and answering; texts are "" where there is none. */
struct deflate_deal {
  char offer[RIG_TEXT_MAX];
  char answer[RIG_TEXT_MAX];
  int err; /* of the client's accept */
  wsuv_negotiated_t client;
  wsuv_negotiated_t server; /* NULLs: declined */
};

/* The client's offers; 0 or what the handshake says. */
int deflate_rig_offer(const wsuv_deflate_t *client, char *out);

/* The server's answer to offers as text; declined: "" and NULLs. The session is the caller's. */
void deflate_rig_answer(const wsuv_deflate_t *server, const char *offers, char *out,
                        wsuv_negotiated_t *negotiated);

/* The client's verdict on an answer. The session is the caller's. */
int deflate_rig_accept(const wsuv_deflate_t *client, const char *answer,
                       wsuv_negotiated_t *negotiated);

/* All of it; both must agree. */
void deflate_rig_agree(const wsuv_deflate_t *client, const wsuv_deflate_t *server,
                       struct deflate_deal *deal);

void deflate_rig_end(const wsuv_negotiated_t *negotiated);

/* An endpoint with one extension, and what it received. */
struct deflate_side {
  wsuv_endpoint_t *ep;
  wsuv_negotiated_t negotiated;
  uint8_t *seen; /* the message so far, or the last one */
  size_t nseen;
  size_t cap;
  int nmessages;
  int npieces;
  int type;
};

struct deflate_side_options {
  const wsuv_allocator_t *allocator;
  int64_t max_message_size;
  int fragments;
};

/* The session is the endpoint's. `options` NULL: whole messages, 16 MiB. WSUV_ENOMEM: it has ended. */
int deflate_side_open(struct deflate_side *side, wsuv_role_t role,
                      const wsuv_negotiated_t *negotiated,
                      const struct deflate_side_options *options);
void deflate_side_close(struct deflate_side *side);

/* Moves what `from` has to send to `to`, `step` octets at a time (0: all at once). What `to` says. */
int deflate_rig_move(struct deflate_side *from, struct deflate_side *to, size_t step);

/* What `side` has to send: copied, to be freed by the caller, and gone from the queue. */
uint8_t *deflate_rig_take(struct deflate_side *side, size_t *len);

/* Has `side` receive a copy. */
int deflate_rig_receive(struct deflate_side *side, const void *octets, size_t len);

#endif
