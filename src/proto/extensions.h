/* The extensions of one endpoint: their claims merged into the rules for frames, and where each one's transforms stand. */
#ifndef WSUV_PROTO_EXTENSIONS_H
#define WSUV_PROTO_EXTENSIONS_H

#include "base/alloc.h"
#include "proto/frame_parser.h"
#include "wsuv/extension.h"

enum wsuv__decoding {
  DECODING_OFF, /* the message (or frame) is not this extension's */
  DECODING_IDLE,
  DECODING_BUSY /* has input or output left */
};

enum wsuv__encoding {
  ENCODING_IDLE, /* between messages (or frames) */
  ENCODING_ON,
  ENCODING_PASSED /* the extension left this one as it is */
};

/* Octets that a decoder has not taken yet: lent for a call, or kept behind this struct in one block. */
struct wsuv__waiting {
  const uint8_t *data;
  size_t len;
  int is_kept;
};

struct wsuv__stage {
  const wsuv_extension_t *extension;
  void *session;
  struct wsuv__waiting *input; /* to be decoded; NULL: nothing */
  uint8_t input_flags;         /* of what waits, as wsuv_extension_step_t.flags */
  uint8_t output_flags;        /* WSUV_FIRST, WSUV_FRAME_FIRST: still to go with the first output */
  uint8_t decoding;            /* enum wsuv__decoding */
  uint8_t encoding;            /* enum wsuv__encoding */
  int error; /* of the decoder, to be told once what came out before it has been judged */
};

/* Stages in the order of sending: per message first, then per frame; each kind as negotiated. */
struct wsuv__extensions {
  struct wsuv__frame_rules rules;
  uint8_t nstages;     /* up to WSUV_EXTENSION_ELEMENTS_MAX */
  uint8_t sending_rsv; /* for the first frame of the message being sent */
  uint8_t is_lent;     /* somebody was told the sessions, which stay where they are from then on */
  uint32_t nsharers;   /* connections at rest that have this set; 0: it is one's own */
  struct wsuv__stage stages[];
};

/* WSUV_ECLAIM (two claim the same bit or opcode, or one that `rules` already has), WSUV_EINVAL (a description that is wrong in
 * itself), WSUV_ENOMEM. Sessions are the set's once 0 was returned; *out is NULL for none. */
int wsuv__extensions_new(struct wsuv__extensions **out, const wsuv_allocator_t *a,
                         const struct wsuv__frame_rules *rules, const wsuv_negotiated_t *negotiated,
                         size_t n);

/* Whether each extension could be used beside what `rules` has: 0, WSUV_ECLAIM, WSUV_EINVAL. Of two that claim the same, one
 * may be negotiated. */
int wsuv__extensions_judge(const struct wsuv__frame_rules *rules,
                           const wsuv_extension_t *const *extensions, size_t n);

/* Ends the sessions. NULL is allowed. */
void wsuv__extensions_free(struct wsuv__extensions *set, const wsuv_allocator_t *a);

/* The same but for the set's memory. */
void wsuv__extensions_end(struct wsuv__extensions *set, const wsuv_allocator_t *a);

/* A message of that opcode is its to transform, by opcode; where it claims none, every one. */
static inline int wsuv__stage_takes_opcode(const struct wsuv__stage *stage, uint8_t opcode) {
  return stage->extension->opcodes == 0 || ((stage->extension->opcodes >> opcode) & 1) != 0;
}

/* Its encoder is asked about messages of that opcode. */
static inline int wsuv__stage_encodes(const struct wsuv__stage *stage, uint8_t opcode) {
  return stage->extension->encode != NULL &&
         (stage->extension->rsv != 0 || wsuv__stage_takes_opcode(stage, opcode));
}

#endif
