/* Extensions (RFC 6455 9): negotiated in the opening handshake, they may claim reserved bits and opcodes and transform what
 * is sent and received. One wsuv_extension_t describes an extension (make it static const); each connection that
 * negotiated it has a session of it.
 *
 *   client: offer                  -> the server answers -> accept  -> session
 *   server: answer (for each offer)                                -> session
 *
 * Threads: hooks are called on the thread that calls handshake or endpoint, inside the call or event that needs them: encode
 * inside the call that sends. A description is never written to.
 */
#ifndef WSUV_EXTENSION_H
#define WSUV_EXTENSION_H

#include "wsuv/errno.h"
#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sec-WebSocket-Extensions as text (RFC 6455 9.1) ---- */

/* extension-param. Both are NUL-terminated; `value` is NULL where there was no "=", which is not the same as "". */
typedef struct wsuv_extension_param {
  const char *name;
  const char *value;
} wsuv_extension_param_t;

/* One extension of the list: an offer of a client's or an answer of a server's. */
typedef struct wsuv_extension_element {
  const char *token;
  const wsuv_extension_param_t *params; /* in the order of the text, duplicates included */
  size_t nparams;
} wsuv_extension_element_t;

#define WSUV_EXTENSION_ELEMENTS_MAX 32  /* of one list */
#define WSUV_EXTENSION_PARAMS_MAX   128 /* of one list, all elements together */

typedef struct wsuv_extension_list wsuv_extension_list_t;

typedef enum wsuv_extension_grammar {
  WSUV_GRAMMAR_QUOTED = 0, /* RFC 9110's: a quoted value may hold any text */
  WSUV_GRAMMAR_STRICT = 1, /* RFC 6455's: a quoted value must be a token once unquoted */
  WSUV_GRAMMAR_TOLERANT =
      2 /* skips empty parameters, takes "name=" as an empty value, drops a value behind the token */
} wsuv_extension_grammar_t;

/* Parses a field value (several lines: joined by commas). Tokens and parameter names become lower case, quoted values are
 * unquoted, empty elements skipped. `allocator` NULL: malloc. 0 and *out, to be freed; else *out is NULL: WSUV_EHEADER
 * (malformed, or over one of the two limits), WSUV_EINVAL, WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_extension_list_parse(wsuv_extension_list_t **out,
                                          const wsuv_allocator_t *allocator, const char *text,
                                          size_t len, wsuv_extension_grammar_t grammar);
WSUV_EXTERN void wsuv_extension_list_free(wsuv_extension_list_t *list); /* NULL is allowed */
WSUV_EXTERN size_t wsuv_extension_list_len(const wsuv_extension_list_t *list);

/* Lives as long as the list. `index` is below len. */
WSUV_EXTERN const wsuv_extension_element_t *
wsuv_extension_list_at(const wsuv_extension_list_t *list, size_t index);

/* Writes "token; param; param=value, token": values that are no tokens in quotation marks. NUL-terminated. Returns the
 * length without NUL; WSUV_ENOBUFS (nothing usable in `out`), WSUV_EINVAL (a token or name that is none, a value with
 * control characters other than HTAB, over INT_MAX octets). */
WSUV_EXTERN int wsuv_extension_format(char *out, size_t size,
                                      const wsuv_extension_element_t *elements, size_t nelements);

/* ---- The extension itself ---- */

typedef struct wsuv_extension wsuv_extension_t;

/* Where offer and answer write their elements. */
typedef struct wsuv_extension_writer wsuv_extension_writer_t;

/* Begins an element with the extension's token; several from `offer` are alternatives, the preferred one first, `answer` has
 * one. Then its parameters, the first of which begins the first element if that was not done; `value` NULL: without one.
 * Errors (WSUV_EINVAL, WSUV_ENOMEM) are kept and found when the hook returns. */
WSUV_EXTERN void wsuv_extension_writer_element(wsuv_extension_writer_t *writer);
WSUV_EXTERN void wsuv_extension_writer_param(wsuv_extension_writer_t *writer, const char *name,
                                             const char *value);

typedef enum wsuv_extension_scope {
  WSUV_PER_MESSAGE =
      0, /* its bits stand on a message's first frame only; a fragment may yield no output */
  WSUV_PER_FRAME = 1 /* its bits stand on each frame; each frame is transformed by itself */
} wsuv_extension_scope_t;

/* Where a piece stands; beside WSUV_FIRST and WSUV_FINAL, which say it of the message. */
typedef enum wsuv_frame_flags { WSUV_FRAME_FIRST = 4, WSUV_FRAME_FINAL = 8 } wsuv_frame_flags_t;

/* One step of a transform, as zlib's: take from `in`, give to `out`. The hook moves in, in_len, out and out_len on. */
typedef struct wsuv_extension_step {
  const uint8_t *in;
  size_t in_len;
  uint8_t *out;
  size_t out_len; /* room: at least 256 octets before the hook */
  wsuv_opcode_t type;
  /* Of the input as it was before this step: WSUV_FIRST, _FINAL, _FRAME_FIRST, _FRAME_FINAL; encode: also those of
   * wsuv_send_flags_t. */
  int flags;
  int rsv; /* decode: the extension's bits as received. encode, with WSUV_FIRST or WSUV_FRAME_FIRST: bits to set */
} wsuv_extension_step_t;

/* What a transform returns; or a negative error, with which the endpoint fails (its close code: wsuv_err_close_code). */
typedef enum wsuv_extension_progress {
  WSUV_STEP_DONE = 0, /* the input is used up, and nothing more is to come of it */
  WSUV_STEP_MORE = 1, /* call again: there is output left, or input, for want of room in `out` */
  WSUV_STEP_PASS =
      2 /* encode, at the first step of a message or frame: this one goes untransformed */
} wsuv_extension_progress_t;

#define WSUV_FOLD_MAX 16

struct wsuv_extension {
  size_t size;        /* sizeof(wsuv_extension_t) */
  const char *token;  /* extension-token, in lower case */
  const void *config; /* the extension's own settings */
  int rsv;            /* reserved bits it claims, as in wsuv_frame_header_t.rsv */
  unsigned opcodes;   /* opcodes it claims: bit n for opcode n of 3-7 and 11-15 */
  wsuv_extension_scope_t scope;

  /* Client: writes the offers; none if it writes nothing. NULL: one element without parameters. 0 or a negative error. */
  int (*offer)(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer);

  /* Server: judges one offer, also one that makes no sense. WSUV_OFFER_ACCEPTED: the answer's parameters were written and
   * *session set; WSUV_OFFER_DECLINED: the next offer is asked. A negative error fails the handshake. NULL: accepted
   * without parameters. */
  int (*answer)(const wsuv_extension_t *extension, const wsuv_extension_element_t *offer,
                wsuv_extension_writer_t *writer, void **session);

  /* Client: the server's answer. 0 and *session, or WSUV_EEXTENSION if it is not acceptable (finish then says
   * WSUV_EBADEXTENSION). NULL: only without parameters. */
  int (*accept)(const wsuv_extension_t *extension, const wsuv_extension_element_t *answer,
                void **session);

  /* The connection, or the handshake that did not become one, is gone. Once for each that was negotiated, also if its session
   * is NULL; and once for each that was unfolded. NULL: nothing to free. */
  void (*end)(const wsuv_extension_t *extension, void *session);

  /* Transform what is sent and received: messages (or frames) that carry one of the claimed bits or opcodes; of an extension
   * that claims neither, all. Control frames never. NULL: as it is. `encode` decides by `step->rsv` and WSUV_STEP_PASS. Both
   * make progress in every step; text is validated as UTF-8 before encode and after decode. */
  int (*encode)(void *session, wsuv_extension_step_t *step);
  int (*decode)(void *session, wsuv_extension_step_t *step);

  /* A control frame with a claimed opcode came. 1: taken; 0: the application's handler is asked; or a negative error, with
   * which the endpoint fails. */
  int (*control)(void *session, int opcode, const uint8_t *payload, size_t len);

  /* For messages prepared once for many (wsuv/prepared.h): sessions for which this is the same pointer encode every message to
   * the same octets, whatever they sent before. NULL, the hook or what it returns: they do not. */
  const void *(*variant)(const void *session);

  /* For connections at rest, between messages; both or neither. fold: the session can be made anew from one for which this is
   * the same pointer, and from up to WSUV_FOLD_MAX octets of its own, put into `kept` (NULL: there is no place for any). NULL:
   * it stays. Calls nothing and changes nothing; the session may be ended behind it. unfold: a session like `example` with
   * what was kept (or NULL); NULL: no memory, and the connection fails. */
  const void *(*fold)(const void *session, void *kept);
  void *(*unfold)(const wsuv_extension_t *extension, const void *example, const void *kept);
};

typedef enum wsuv_offer_verdict {
  WSUV_OFFER_DECLINED = 0,
  WSUV_OFFER_ACCEPTED = 1
} wsuv_offer_verdict_t;

/* A negotiated extension, in the order of the server's answer: the first transforms first when sending, last when
 * receiving. */
typedef struct wsuv_negotiated {
  const wsuv_extension_t *extension;
  void *session;
} wsuv_negotiated_t;

#ifdef __cplusplus
}
#endif

#endif
