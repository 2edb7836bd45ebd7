#include "ws_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "process.h"

#define PER_ADDRESS 5000 /* connections from one loopback address, well below the ephemeral ports */
#define NADDRESSES  250
#define PATIENCE_S  10 /* of a blocking socket, whatever it waits for */

static const unsigned char key[4] = {0x3a, 0xc5, 0x91, 0x6e};

size_t ws_put_header(unsigned char *p, unsigned char first, size_t len, int is_masked) {
  unsigned char mask_bit = is_masked ? 0x80 : 0;
  size_t n = 0;
  p[n++] = first;
  if (len < 126) {
    p[n++] = (unsigned char)(mask_bit | len);
  } else if (len < 65536) {
    p[n++] = mask_bit | 126;
    p[n++] = (unsigned char)(len >> 8);
    p[n++] = (unsigned char)len;
  } else {
    p[n++] = mask_bit | 127;
    for (int shift = 56; shift >= 0; shift -= 8) {
      p[n++] = (unsigned char)((uint64_t)len >> shift);
    }
  }
  return n;
}

size_t ws_put_frame(unsigned char *p, unsigned char first, const void *payload, size_t len,
                    int is_masked) {
  const unsigned char *from = payload;
  size_t n = ws_put_header(p, first, len, is_masked);
  if (is_masked) {
    memcpy(p + n, key, sizeof key);
    n += sizeof key;
  }
  for (size_t i = 0; i < len; i++) {
    p[n++] = is_masked ? from[i] ^ key[i % 4] : from[i];
  }
  return n;
}

size_t ws_whole_frame(const unsigned char *p, size_t len, size_t *head_len) {
  uint64_t payload_len = len >= 2 ? p[1] & 0x7f : 0;
  size_t nlength = payload_len == 126 ? 2 : (payload_len == 127 ? 8 : 0);
  *head_len = 2 + nlength;
  if (len < *head_len) {
    return 0;
  }
  payload_len = nlength > 0 ? 0 : payload_len;
  for (size_t i = 0; i < nlength; i++) {
    payload_len = payload_len << 8 | p[2 + i];
  }
  return len - *head_len < payload_len ? 0 : *head_len + (size_t)payload_len;
}

/* From an address of its own for each PER_ADDRESS connections, where the server is on this machine. */
static void choose_source(int fd, size_t index) {
  int on = 1;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / PER_ADDRESS % NADDRESSES));
  (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0) {
    die("bind");
  }
}

int ws_client_socket(const struct sockaddr *to, size_t index) {
  int on = 1;
  int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    die("socket");
  }
  const struct timeval patience = {.tv_sec = PATIENCE_S};
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (to->sa_family == AF_INET &&
      ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 ==
          IN_LOOPBACKNET) {
    choose_source(fd, index);
  }
  return fd;
}

int ws_client_connect(size_t index, unsigned int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = ws_client_socket((const struct sockaddr *)&to, index);
  if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
    die("connect");
  }
  return fd;
}

void ws_client_write(int fd, const void *data, size_t len) {
  const char *at = data;
  while (len > 0) {
    ssize_t n = write(fd, at, len);
    if (n <= 0) {
      die("write");
    }
    at += n;
    len -= (size_t)n;
  }
}

/* Octet by octet: what comes behind the head stays in the kernel. */
static void read_head(int fd, char *answer, size_t size) {
  size_t len = 0;
  do {
    if (len == size - 1 || read(fd, answer + len, 1) != 1) {
      die("no answer to the request");
    }
    answer[++len] = '\0';
  } while (len < 4 || strcmp(answer + len - 4, "\r\n\r\n") != 0);
}

size_t ws_put_request(char *p, size_t size, const char *host, const char *target,
                      const char *fields) {
  int len = snprintf(p, size, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, host, fields);
  if (len < 0 || (size_t)len >= size) {
    errno = ENAMETOOLONG;
    die("request");
  }
  return (size_t)len;
}

void ws_client_upgrade(int fd, const char *target, int plain) {
  char request[512];
  char answer[2048] = "";
  ws_client_write(
      fd, request,
      ws_put_request(request, sizeof request, "127.0.0.1", target, plain ? "" : WS_UPGRADE_FIELDS));
  read_head(fd, answer, sizeof answer);
  errno = 0;
  if (strncmp(answer, plain ? "HTTP/1.1 200 " : "HTTP/1.1 101 ", 13) != 0) {
    die(answer);
  }
}

void ws_set_nonblocking(int fd) {
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    die("cannot make a socket non-blocking");
  }
}
