#include "io/reuse_port.h"

#if defined(__linux__) || defined(__DragonFly__) || defined(__FreeBSD__)
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(SO_REUSEPORT_LB)
#define SPREADING SO_REUSEPORT_LB
#elif !defined(__FreeBSD__) && defined(SO_REUSEPORT)
#define SPREADING SO_REUSEPORT
#endif
#endif

#if defined(SPREADING)

int wsuv__reuse_port_spreads(void) {
  return 1;
}

int wsuv__reuse_port_bind(uv_tcp_t *tcp, const struct sockaddr *address) {
  int on = 1;
  int err = 0;
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    return uv_translate_sys_error(errno);
  if (setsockopt(fd, SOL_SOCKET, SPREADING, &on, sizeof on) != 0)
    err = uv_translate_sys_error(errno);
  if (err == 0)
    err = uv_tcp_open(tcp, fd);
  if (err != 0)
    close(fd);
  return err != 0 ? err : uv_tcp_bind(tcp, address, 0);
}

#else

int wsuv__reuse_port_spreads(void) {
  return 0;
}

int wsuv__reuse_port_bind(uv_tcp_t *tcp, const struct sockaddr *address) {
  (void)tcp;
  (void)address;
  return UV_ENOTSUP;
}

#endif
