/* A TCP connection for programs without an event loop: every wait has a deadline, and SIGINT or SIGTERM ends it. */
#ifndef SAMPLES_TCP_CLIENT_H
#define SAMPLES_TCP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of a monotonic clock. */
uint64_t tcp_now_ms(void);

/* What poll(2) takes for the time until `deadline_ms`; UINT64_MAX is for ever. */
int tcp_poll_timeout(uint64_t deadline_ms);

/* Resolves `host` and tries its addresses in turn. Returns a non-blocking socket, or -1 and the reason in *why. From then
 * on SIGINT and SIGTERM do not end the program but are read, an octet each, from *stop_fd. */
int tcp_connect(const char *host, const char *port, uint64_t deadline_ms, int *stop_fd,
                const char **why);

/* Waits for POLLIN or POLLOUT. 0, or an error of errno.h: ETIMEDOUT, EINTR for SIGINT and SIGTERM. */
int tcp_wait(int fd, short events, uint64_t deadline_ms);

/* All of it, or an error of errno.h. */
int tcp_write_all(int fd, const void *data, size_t len, uint64_t deadline_ms);

#endif
