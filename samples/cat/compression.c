/* What --compress adds to what is said: the library does the rest. */
#include <inttypes.h>

#include "cat/session.h"

/* permessage-deflate is the only extension that is offered. */
static int find_deflate(const session_t *session, wsuv_negotiated_t *out) {
  if (session->options->deflate == NULL || wsuv_conn_nextensions(session->conn) == 0)
    return 0;
  *out = wsuv_conn_extension_at(session->conn, 0);
  return 1;
}

static const char *name_takeover(int no_takeover) {
  return no_takeover ? "no context takeover" : "context takeover";
}

void session_say_negotiated(session_t *session) {
  wsuv_negotiated_t negotiated;
  wsuv_deflate_params_t p;
  if (session->options->deflate == NULL)
    return;
  if (!find_deflate(session, &negotiated))
    session_say(session, "compression: declined by the server");
  else if (wsuv_deflate_params(&negotiated, &p) == 0)
    session_say(session,
                "compression: sending with a window of %d bits, %s; receiving with %d bits, %s",
                p.deflate_max_window_bits, name_takeover(p.deflate_no_context_takeover),
                p.inflate_max_window_bits, name_takeover(p.inflate_no_context_takeover));
}

void session_say_compressed(session_t *session) {
  wsuv_negotiated_t negotiated;
  wsuv_deflate_stats_t n;
  if (find_deflate(session, &negotiated) && wsuv_deflate_stats(&negotiated, &n) == 0)
    session_say(session,
                "compressed messages: sent %" PRIu64 " octets as %" PRIu64 ", received %" PRIu64
                " as %" PRIu64,
                n.sent_octets, n.sent_compressed_octets, n.received_octets,
                n.received_compressed_octets);
}
