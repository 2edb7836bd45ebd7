#include "proto/closing.h"

#include "base/unreachable.h"

typedef struct wsuv__closing_step step;

static step step_open(enum wsuv__closing_event event) {
  switch (event) {
  case CLOSING_ON_LOCAL_CLOSE:
    return (step){CLOSING_CLOSE_SENT, CLOSING_DO_SEND_CLOSE};
  case CLOSING_ON_PEER_CLOSE:
    return (step){CLOSING_EXCHANGED, CLOSING_DO_SEND_ECHO};
  case CLOSING_ON_FAIL:
    return (step){CLOSING_FAILING, CLOSING_DO_SEND_FAILURE};
  case CLOSING_ON_EOF:
    return (step){CLOSING_ABNORMAL, CLOSING_DO_NOTHING};
  case CLOSING_ON_TIMER:
    return (step){CLOSING_NONE, CLOSING_DO_NOTHING};
  default:
    WSUV__UNREACHABLE();
  }
}

/* One Close a side (RFC 6455 5.5.1): a failure now has none left to send. */
static step step_close_sent(enum wsuv__closing_event event) {
  switch (event) {
  case CLOSING_ON_LOCAL_CLOSE:
    return (step){CLOSING_CLOSE_SENT, CLOSING_DO_REFUSE};
  case CLOSING_ON_PEER_CLOSE:
    return (step){CLOSING_EXCHANGED, CLOSING_DO_NOTHING};
  case CLOSING_ON_FAIL:
    return (step){CLOSING_FAILING, CLOSING_DO_NOTHING};
  case CLOSING_ON_EOF:
  case CLOSING_ON_TIMER:
    return (step){CLOSING_ABNORMAL, CLOSING_DO_NOTHING};
  default:
    WSUV__UNREACHABLE();
  }
}

static step step_exchanged(enum wsuv__closing_event event) {
  switch (event) {
  case CLOSING_ON_LOCAL_CLOSE:
    return (step){CLOSING_EXCHANGED, CLOSING_DO_REFUSE};
  case CLOSING_ON_PEER_CLOSE:
  case CLOSING_ON_FAIL:
    return (step){CLOSING_EXCHANGED, CLOSING_DO_NOTHING};
  case CLOSING_ON_EOF:
  case CLOSING_ON_TIMER:
    return (step){CLOSING_CLEAN, CLOSING_DO_NOTHING};
  default:
    WSUV__UNREACHABLE();
  }
}

/* 7.1.7: once failing, not even the peer's Close is processed; the first failure is the one that counts. */
static step step_failing(enum wsuv__closing_event event) {
  switch (event) {
  case CLOSING_ON_LOCAL_CLOSE:
    return (step){CLOSING_FAILING, CLOSING_DO_REFUSE};
  case CLOSING_ON_PEER_CLOSE:
  case CLOSING_ON_FAIL:
    return (step){CLOSING_FAILING, CLOSING_DO_NOTHING};
  case CLOSING_ON_EOF:
  case CLOSING_ON_TIMER:
    return (step){CLOSING_ABNORMAL, CLOSING_DO_NOTHING};
  default:
    WSUV__UNREACHABLE();
  }
}

static step step_ended(enum wsuv__closing_state state, enum wsuv__closing_event event) {
  return (step){state, event == CLOSING_ON_LOCAL_CLOSE ? CLOSING_DO_REFUSE : CLOSING_DO_NOTHING};
}

struct wsuv__closing_step wsuv__closing_step(enum wsuv__closing_state state,
                                             enum wsuv__closing_event event) {
  switch (state) {
  case CLOSING_NONE:
    return step_open(event);
  case CLOSING_CLOSE_SENT:
    return step_close_sent(event);
  case CLOSING_EXCHANGED:
    return step_exchanged(event);
  case CLOSING_FAILING:
    return step_failing(event);
  case CLOSING_CLEAN:
  case CLOSING_ABNORMAL:
    return step_ended(state, event);
  default:
    WSUV__UNREACHABLE();
  }
}

const char *wsuv__closing_state_name(enum wsuv__closing_state state) {
  static const char *const names[] = {"CLOSING_NONE",    "CLOSING_CLOSE_SENT", "CLOSING_EXCHANGED",
                                      "CLOSING_FAILING", "CLOSING_CLEAN",      "CLOSING_ABNORMAL"};
  return names[state];
}
