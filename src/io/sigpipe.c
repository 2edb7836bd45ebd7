#include "io/sigpipe.h"

#include <signal.h>
#include <stddef.h>

#if defined(SIGPIPE)

void wsuv__sigpipe_ignore(void) {
  struct sigaction action;

  if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
    return;
  action.sa_handler = SIG_IGN;
  (void)sigaction(SIGPIPE, &action, NULL);
}

#else

void wsuv__sigpipe_ignore(void) {
}

#endif
