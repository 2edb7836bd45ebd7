/* libuv writes to sockets without MSG_NOSIGNAL: a peer that vanishes would end the process. */
#ifndef WSUV_IO_SIGPIPE_H
#define WSUV_IO_SIGPIPE_H

/* Sets SIGPIPE to ignored where it still has its default disposition. */
void wsuv__sigpipe_ignore(void);

#endif
