/* Several sockets that listen on one port, among which the kernel spreads the connections. */
#ifndef WSUV_IO_REUSE_PORT_H
#define WSUV_IO_REUSE_PORT_H

#include <uv.h>

/* Whether the system does that: Linux, FreeBSD and DragonFly BSD. Elsewhere SO_REUSEPORT, where there is one, gives all
 * connections to one of the sockets. */
int wsuv__reuse_port_spreads(void);

/* Binds a new uv_tcp_t to an address that others bound in the same way may have, too. Errors of libuv; UV_ENOTSUP. */
int wsuv__reuse_port_bind(uv_tcp_t *tcp, const struct sockaddr *address);

#endif
