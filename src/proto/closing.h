/* The closing handshake as a pure table (RFC 6455 7.1): state and event in, next state and what to do out. */
#ifndef WSUV_PROTO_CLOSING_H
#define WSUV_PROTO_CLOSING_H

enum wsuv__closing_state {
  CLOSING_NONE,       /* open */
  CLOSING_CLOSE_SENT, /* our Close is queued, the peer's awaited */
  CLOSING_EXCHANGED,  /* both Close frames seen; nothing is parsed any more */
  CLOSING_FAILING, /* _Fail the WebSocket Connection_: our Close, if any, goes out; nothing is parsed any more */
  CLOSING_CLEAN,   /* the transport ended after the exchange */
  CLOSING_ABNORMAL /* the transport ended, or must end, without it: 1006 */
};

enum wsuv__closing_event {
  CLOSING_ON_LOCAL_CLOSE,
  CLOSING_ON_PEER_CLOSE,
  CLOSING_ON_FAIL,
  CLOSING_ON_EOF,
  CLOSING_ON_TIMER
};

enum wsuv__closing_action {
  CLOSING_DO_NOTHING,
  CLOSING_DO_REFUSE,      /* the caller may not do this now: WSUV_ESTATE */
  CLOSING_DO_SEND_CLOSE,  /* with the application's code */
  CLOSING_DO_SEND_ECHO,   /* with the peer's code */
  CLOSING_DO_SEND_FAILURE /* with the error's code, ahead of everything queued */
};

struct wsuv__closing_step {
  enum wsuv__closing_state next;
  enum wsuv__closing_action action;
};

struct wsuv__closing_step wsuv__closing_step(enum wsuv__closing_state state,
                                             enum wsuv__closing_event event);

/* "CLOSING_NONE" and so on. */
const char *wsuv__closing_state_name(enum wsuv__closing_state state);

#endif
