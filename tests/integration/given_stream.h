/* Streams that the application opened, for the library to stand on: each with a peer made by hand at the other end. The
 * handle is on the heap and goes when it is closed, so that a sanitizer sees who comes too late. */
#ifndef WSUV_TESTS_GIVEN_STREAM_H
#define WSUV_TESTS_GIVEN_STREAM_H

#include <wsuv/adopt.h>

#include "integration/raw_peer.h"

enum given_kind { GIVEN_TCP, GIVEN_PIPE, GIVEN_TTY };

struct given {
  struct loopback *lb;
  union given_handle *handle; /* NULL once it was freed */
  uv_stream_t *stream;        /* the same */
  int ndone;                  /* how often close_cb came */
  int closed_by_library;      /* it was closing then */
  struct talker *talker;      /* whose on_close has to come first, or NULL */
};

/* 0, or 1 if the system has no such thing. `peer` is at the other end; the stream's data is the struct given. */
int given_open(struct given *given, struct raw *peer, struct loopback *lb, enum given_kind kind);

/* Two of them, connected with each other. A pipe or TCP, where `b` is who connected. */
void given_pair(struct given *a, struct given *b, struct loopback *lb, enum given_kind kind);

/* For close_cb: counts; frees a handle that the library closed, closes one that it gave back. Checks that the data was put
 * back. */
void given_done(uv_handle_t *handle);

/* The application's own uv_close. */
void given_close(struct given *given);

/* The same, of one that the library did not take: its data is as it was. */
void given_close_untouched(struct given *given);

/* The end of a torture's scenario: `err` is what the library said to a stream that it was to take, WSUV_ENOMEM if anything.
 * Where that is 0 the peer has sent all. Whether an allocation failed. */
int given_end_torture(struct given *given, struct raw *peer, int err);

/* Options with given_done and a leftover. */
wsuv_adopt_options_t given_options(int own, const void *leftover, size_t len);

#endif
