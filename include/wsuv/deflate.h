/* permessage-deflate (RFC 7692): compression of messages, as an extension (wsuv/extension.h).
 *
 *   wsuv_deflate_new(&deflate, NULL);                              once for a loop
 *   const wsuv_extension_t *extensions[] = {wsuv_deflate_extension(deflate)};
 *   options.extensions = extensions; options.nextensions = 1;      of servers and connects
 *   ...
 *   wsuv_deflate_free(deflate);                                    in the on_close of the last of them
 *
 * Both roles use the same settings: "deflate" is about what this side compresses, "inflate" about what the peer does.
 * src/deflate has a guide with measured figures.
 *
 * Memory comes in two modes. Shared: no context takeover either way, so that a zlib context is needed for the length of a
 * message only and is lent from a pool; an idle connection has none. Dedicated: with context takeover each connection has its
 * own contexts from its first compressed message on, about (1 << (bits + 2)) + (1 << (mem_level + 9)) octets to compress and
 * (1 << bits) + 7 KiB to decompress; small messages that resemble each other become smaller then.
 *
 * Security: where a secret and text of an attacker's choice are compressed together, the length of what is sent tells about the
 * secret, also under TLS (RFC 7692 8). Send such messages with WSUV_SEND_NO_COMPRESS; without context takeover nothing is
 * compressed together that is not in one message.
 *
 * Threads: a wsuv_deflate_t, and what was negotiated with it, belongs to one thread.
 */
#ifndef WSUV_DEFLATE_H
#define WSUV_DEFLATE_H

#include "wsuv/extension.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The pool of contexts, and the settings they are made with. */
typedef struct wsuv_deflate wsuv_deflate_t;

/* What the parameters of RFC 7692 7.1 are about. Of options: what is asked for; of a connection: what holds.
 *
 *                               client                          server
 *   deflate_max_window_bits     client_max_window_bits          server_max_window_bits
 *   inflate_max_window_bits     server_max_window_bits          client_max_window_bits
 *   deflate_no_context_takeover client_no_context_takeover      server_no_context_takeover
 *   inflate_no_context_takeover server_no_context_takeover      client_no_context_takeover
 *
 * A server's limit for the client is told, and holds, only if the client's offer has client_max_window_bits. */
typedef struct wsuv_deflate_params {
  int deflate_max_window_bits; /* base-2 logarithm of the window, 8-15; 0 in options: 15, and not mentioned */
  int inflate_max_window_bits;     /* the same */
  int deflate_no_context_takeover; /* non-zero: each message is compressed by itself */
  int inflate_no_context_takeover; /* non-zero: and so is the peer's */
} wsuv_deflate_params_t;

/* 0 in a number means the default in brackets; WSUV_OFF (where allowed) none. */
typedef struct wsuv_deflate_options {
  size_t size;                       /* sizeof(wsuv_deflate_options_t) */
  const wsuv_allocator_t *allocator; /* NULL: malloc; copied */
  wsuv_deflate_params_t params;
  /* Client: further offers, behind the first, for servers that decline that one (RFC 7692 5). Copied, up to 7. */
  const wsuv_deflate_params_t *fallbacks;
  size_t nfallbacks;
  /* Client, non-zero: the handshake fails if the server does not agree to the inflate_ parameters that were asked for. [It is
   * taken as it is: received messages are decompressed with a window of 15 bits that is kept.] */
  int strict;
  int level;     /* zlib's, 1-9 [6] */
  int mem_level; /* zlib's, 1-9 [8] */
  int strategy;  /* zlib's: 0 default, 1 filtered, 2 Huffman only, 3 run lengths, 4 fixed codes */
  /* Octets below which a message is not compressed, unless it is sent in chunks [64 with deflate_no_context_takeover, else 16];
   * WSUV_OFF: none is too short. */
  int64_t threshold;
  /* Non-zero: do not look whether a message of 512 octets or more is compressed already. [One whose octets look random, as
   * those of images, archives and ciphertext do, is sent as it is.] */
  int no_probe;
  /* Octets that a received message may become for each of its own, once it is over 1 MiB [256]; else 1009. DEFLATE can do
   * 1032; WSUV_OFF: all of that. */
  int64_t max_ratio;
  /* Octets that all contexts may take together before no new one is made [WSUV_OFF]. Where there is none for it, a message is
   * sent uncompressed, and a received one ends its connection (WSUV_ENOMEM, 1011). */
  int64_t max_memory;
} wsuv_deflate_options_t;

/* Shared mode, the preset: a window of 12 bits and memLevel 5 to compress with. Repeats further apart than 4 KiB are not
 * found. */
#define WSUV_DEFLATE_SHARED_INIT \
  { sizeof(wsuv_deflate_options_t), NULL, {12, 0, 1, 1}, NULL, 0, 0, 0, 5, 0, 0, 0, 0, 0 }

/* Dedicated mode: windows of 15 bits, with context takeover. */
#define WSUV_DEFLATE_DEDICATED_INIT \
  { sizeof(wsuv_deflate_options_t), NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* `options` NULL: shared mode. No context is made yet. WSUV_EINVAL (wsuv_deflate_fault names the option), WSUV_ENOMEM,
 * WSUV_ENODEFLATE (built without it); then *out is NULL. */
WSUV_EXTERN int wsuv_deflate_new(wsuv_deflate_t **out, const wsuv_deflate_options_t *options);

/* Gives up the caller's hold on it: the memory goes when the last session has ended. A server that was given the extension
 * needs it until its on_close. NULL is allowed. */
WSUV_EXTERN void wsuv_deflate_free(wsuv_deflate_t *deflate);

/* The extension, for the options of servers, connects and handshakes, in either role. Lives as long as `deflate`. */
WSUV_EXTERN const wsuv_extension_t *wsuv_deflate_extension(const wsuv_deflate_t *deflate);

/* The member of `options` that new refuses, such as "inflate_max_window_bits"; NULL if there is none. Static storage. Any
 * thread. */
WSUV_EXTERN const char *wsuv_deflate_fault(const wsuv_deflate_options_t *options);

/* Octets that the contexts take at present, those that wait in the pool included. */
WSUV_EXTERN size_t wsuv_deflate_memory(const wsuv_deflate_t *deflate);

/* What was negotiated, from wsuv_upgrade_extension_at, wsuv_conn_extension_at or wsuv_handshake_extension_at: 0 and *params,
 * the effective values, or WSUV_EINVAL if `negotiated` is another extension. */
WSUV_EXTERN int wsuv_deflate_params(const wsuv_negotiated_t *negotiated,
                                    wsuv_deflate_params_t *params);

/* Of the messages of one connection that were compressed: octets of their payloads, and those that took their place. */
typedef struct wsuv_deflate_stats {
  uint64_t sent_octets;
  uint64_t sent_compressed_octets;
  uint64_t received_octets;
  uint64_t received_compressed_octets;
} wsuv_deflate_stats_t;

/* The same for what went over it so far. Messages sent as they are do not count, and prepared ones (wsuv/prepared.h) only at
 * the connection that they were compressed for. WSUV_EINVAL. */
WSUV_EXTERN int wsuv_deflate_stats(const wsuv_negotiated_t *negotiated,
                                   wsuv_deflate_stats_t *stats);

/* Octets that the connection's own contexts take at present; 0 for another extension. */
WSUV_EXTERN size_t wsuv_deflate_contexts(const wsuv_negotiated_t *negotiated);

#ifdef __cplusplus
}
#endif

#endif
