#include "io/descriptor.h"

#if !defined(_WIN32)

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int wsuv__descriptor_may_move(void) {
  return 1;
}

int wsuv__descriptor_copy(const uv_stream_t *stream, uv_file *out) {
  uv_os_fd_t fd;
  int err = uv_fileno((const uv_handle_t *)stream, &fd);

  if (err != 0)
    return err;
  *out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return *out >= 0 ? 0 : uv_translate_sys_error(errno);
}

int wsuv__descriptor_open(uv_stream_t *stream, uv_file descriptor) {
  return stream->type == UV_TCP ? uv_tcp_open((uv_tcp_t *)stream, descriptor)
                                : uv_pipe_open((uv_pipe_t *)stream, descriptor);
}

void wsuv__descriptor_close(uv_file descriptor) {
  close(descriptor);
}

#else

int wsuv__descriptor_may_move(void) {
  return 0;
}

int wsuv__descriptor_copy(const uv_stream_t *stream, uv_file *out) {
  (void)stream;
  (void)out;
  return UV_ENOTSUP;
}

int wsuv__descriptor_open(uv_stream_t *stream, uv_file descriptor) {
  (void)stream;
  (void)descriptor;
  return UV_ENOTSUP;
}

void wsuv__descriptor_close(uv_file descriptor) {
  (void)descriptor;
}

#endif
