/* Error codes: every int that wsuv returns or reports is 0 or one of these negative numbers.
 *
 * Codes of libuv (the sockets' errors) pass through unchanged. The five in the first group are numerically
 * equal to libuv's codes of the same name, so that the core, which knows no libuv, shares them. Codes of
 * wsuv's own start at -20001; libuv uses no number near that.
 */
#ifndef WSUV_ERRNO_H
#define WSUV_ERRNO_H

#include <errno.h>

#include "wsuv/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define WSUV_EINVAL \
  (-4071) /* an argument or option is out of its documented range; nothing happened */
#define WSUV_ENOMEM    (-4057) /* an allocation failed */
#define WSUV_ECANCELED (-4081) /* a queued send did not leave because the connection ended */
#define WSUV_ETIMEDOUT (-4039) /* a deadline passed, or max_pings pings were not answered */
#define WSUV_ENOBUFS   (-4060) /* the caller's buffer is too small */
#else
#define WSUV_EINVAL    (-EINVAL)
#define WSUV_ENOMEM    (-ENOMEM)
#define WSUV_ECANCELED (-ECANCELED)
#define WSUV_ETIMEDOUT (-ETIMEDOUT)
#define WSUV_ENOBUFS   (-ENOBUFS)
#endif

/* XX(name, number, close code sent to the peer or 0, HTTP status sent by a server or 0, text) */
#define WSUV_ERRNO_MAP(XX)                                                                        \
  XX(ESTATE, -20001, 1011, 500, "not allowed in this state")                                      \
  XX(EQUEUEFULL, -20002, 0, 0, "the write queue is at its limit; nothing was queued")             \
  XX(ERANDOM, -20003, 1011, 500, "the system's random source failed")                             \
  XX(EUNMASKED, -20010, 1002, 0, "frame from a client is not masked (RFC 6455 5.1)")              \
  XX(EMASKED, -20011, 1002, 0, "frame from a server is masked (RFC 6455 5.1)")                    \
  XX(ERSV, -20012, 1002, 0, "reserved bit set without an extension (RFC 6455 5.2)")               \
  XX(EOPCODE, -20013, 1002, 0, "unknown opcode (RFC 6455 5.2)")                                   \
  XX(ECONTROLFIN, -20014, 1002, 0, "control frame is fragmented (RFC 6455 5.5)")                  \
  XX(ECONTROLSIZE, -20015, 1002, 0, "control frame payload over 125 octets (RFC 6455 5.5)")       \
  XX(ELENGTH, -20016, 1002, 0, "payload length is not in its shortest form (RFC 6455 5.2)")       \
  XX(ECONTINUATION, -20017, 1002, 0, "continuation frame without a message (RFC 6455 5.4)")       \
  XX(EINTERLEAVED, -20018, 1002, 0, "data frame inside an unfinished message (RFC 6455 5.4)")     \
  XX(ECLOSEPAYLOAD, -20019, 1002, 0, "Close frame with a payload of one octet (RFC 6455 5.5.1)")  \
  XX(ECLOSECODE, -20020, 1002, 0, "Close frame with a code that must not be sent (RFC 6455 7.4)") \
  XX(EENCODING, -20021, 1007, 0, "text is not valid UTF-8 (RFC 6455 8.1)")                        \
  XX(EMSGSIZE, -20022, 1009, 413, "message or frame is over the size limit (RFC 6455 10.4)")      \
  XX(EABNORMAL, -20023, 0, 0, "the transport ended without a closing handshake (RFC 6455 7.1.5)") \
  XX(ECLAIM, -20024, 1011, 500, "two claims on the same reserved bit or opcode")                  \
  XX(EPAYLOAD, -20025, 1007, 0, "payload that its extension cannot decode (RFC 6455 5.2)")        \
  XX(ETRANSFORM, -20026, 1011, 0, "an extension's transform made no progress")                    \
  XX(ERATIO, -20027, 1009, 0, "compressed message that is out of proportion to its content")      \
  XX(ENODEFLATE, -20028, 0, 0, "permessage-deflate is not available in this build")               \
  XX(EFRAGMENTS, -20029, 1008, 0, "message in more fragments than max_fragments (RFC 6455 10.4)") \
  XX(EPROGRESS, -20030, 1008, 0, "message that comes slower than min_receive_rate")               \
  XX(ECONTROLRATE, -20031, 1008, 0, "more control frames a second than max_control_rate")         \
  XX(EIDLE, -20032, 1001, 0, "no message in either direction for idle_timeout_ms")                \
  XX(ESLOWREADER, -20033, 1008, 0, "the peer reads slower than it is sent to")                    \
  XX(EBUDGET, -20034, 1013, 503, "the loop is over its memory_budget")                            \
  XX(EDROPPED, -20035, 0, 0, "dropped while it waited: the peer reads too slowly")                \
  XX(EGONE, -20036, 0, 0, "the connection of that id has ended")                                  \
  XX(EHTTP, -20040, 0, 400, "malformed HTTP message (RFC 9112)")                                  \
  XX(EHEADSIZE, -20041, 0, 431, "HTTP head is over the limit of bytes or fields")                 \
  XX(EHTTPVERSION, -20042, 0, 505, "HTTP version is not 1.1 (RFC 6455 4.2.1)")                    \
  XX(EMETHOD, -20043, 0, 405, "request method is not GET (RFC 6455 4.2.1)")                       \
  XX(ENOUPGRADE, -20044, 0, 426, "request does not ask for an upgrade to WebSocket")              \
  XX(EVERSION, -20045, 0, 426, "Sec-WebSocket-Version is not 13 (RFC 6455 4.2.2)")                \
  XX(EHEADER, -20046, 0, 400, "header field with a wrong value")                                  \
  XX(EMISSING, -20047, 0, 400, "required header field is missing")                                \
  XX(EDUPLICATE, -20048, 0, 400, "header field appears more than once")                           \
  XX(ETOKEN, -20049, 0, 400, "list element is not a token (RFC 9110 5.6.2)")                      \
  XX(EBODY, -20050, 0, 400, "upgrade request carries a body")                                     \
  XX(ESTATUS, -20051, 0, 0, "the server did not answer 101 (RFC 6455 4.1)")                       \
  XX(EACCEPT, -20052, 0, 0, "Sec-WebSocket-Accept does not match the key (RFC 6455 4.1)")         \
  XX(ESUBPROTOCOL, -20053, 0, 0, "the server chose a subprotocol that was not offered")           \
  XX(EEXTENSION, -20054, 0, 0, "the server chose an extension that was not offered")              \
  XX(EURL, -20055, 0, 0, "not a valid ws, wss, http or https URL (RFC 6455 3)")                   \
  XX(ENOTLS, -20056, 0, 0, "TLS is not available in this build")                                  \
  XX(EBADEXTENSION, -20057, 0, 0, "the server's extensions are not acceptable (RFC 6455 9.1)")    \
  XX(ENOSUBPROTOCOL, -20058, 0, 400, "the client offers no subprotocol that is supported")        \
  XX(EORIGIN, -20059, 0, 403, "requests of this origin are not allowed (RFC 6455 4.2.2)")         \
  XX(ESTREAM, -20060, 0, 500, "the stream is closing, not connected, or of another loop")         \
  XX(EBUSY, -20061, 0, 503, "the server is at max_connections, or stops")                         \
  XX(EADDRESS, -20062, 0, 429, "more connections of one address than are allowed")                \
  XX(EUNFINISHED, -20063, 0, 0, "a message was dropped before its final frame (RFC 6455 5.4)")    \
  XX(ESUBSCRIPTIONS, -20064, 1008, 0, "more topics than max_subscriptions")                       \
  XX(ETLS, -20070, 0, 0, "TLS failed")                                                            \
  XX(ENOTTLS, -20071, 0, 0, "the peer does not speak TLS on this port")                           \
  XX(ETLSVERSION, -20072, 0, 0, "no TLS version in common with the peer (RFC 8996)")              \
  XX(ETRUNCATED, -20073, 0, 0, "the transport ended without close_notify (RFC 8446 6.1)")         \
  XX(ECERTIFICATE, -20074, 0, 0, "the peer's certificate is not acceptable (RFC 5280 6)")         \
  XX(ECERTEXPIRED, -20075, 0, 0, "the peer's certificate, or its issuer's, has expired")          \
  XX(ECERTEARLY, -20076, 0, 0, "the peer's certificate, or its issuer's, is not valid yet")       \
  XX(ECERTHOST, -20077, 0, 0, "the peer's certificate is for another host (RFC 9525 6)")          \
  XX(ECERTAUTHORITY, -20078, 0, 0, "the peer's certificate is not from a trusted authority")      \
  XX(ECERTREVOKED, -20079, 0, 0, "the peer's certificate was revoked")                            \
  XX(ECERTPIN, -20080, 0, 0, "the peer's public key is not one of the pinned ones")               \
  XX(ECERTREFUSED, -20081, 0, 0, "the peer does not accept our certificate")                      \
  XX(ENOCERT, -20082, 0, 0, "the peer has shown no certificate")                                  \
  XX(EPEM, -20083, 0, 0, "not the PEM or DER data that it should be")                             \
  XX(EPASSWORD, -20084, 0, 0, "the private key is encrypted, and not with this password")         \
  XX(EKEYMISMATCH, -20085, 0, 0, "the private key does not belong to the certificate")

typedef enum wsuv_errno {
#define WSUV__ERRNO_GEN(name, number, close_code, http_status, text) WSUV_##name = number,
  WSUV_ERRNO_MAP(WSUV__ERRNO_GEN)
#undef WSUV__ERRNO_GEN
      WSUV_ERRNO_LAST_ = -20100 /* keeps the enum's range open; never returned */
} wsuv_errno_t;

/* The code's name without prefix, such as "EQUEUEFULL"; codes of libuv are named by libuv where it is
 * linked. "UNKNOWN" for a number that is neither. Static storage (libuv's unknown codes excepted). Any thread. */
WSUV_EXTERN const char *wsuv_err_name(int err);

/* One line of English that says what went wrong; never NULL. Static storage. Any thread. */
WSUV_EXTERN const char *wsuv_strerror(int err);

/* The close code (RFC 6455 7.4) an endpoint sends when it fails with `err`: 1001, 1002, 1007-1009, 1011 or 1013; 0 where no
 * Close frame is sent (the opening handshake failed, the transport is gone). Any thread. */
WSUV_EXTERN int wsuv_err_close_code(int err);

/* The HTTP status a server answers when the opening handshake fails with `err`; 500 for any other error. Any
 * thread. */
WSUV_EXTERN int wsuv_err_http_status(int err);

#ifdef __cplusplus
}
#endif

#endif
