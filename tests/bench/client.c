#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_deflate.h"
#include "process.h"
#include "ws_client.h"

ssize_t client_write(const client_t *client, const void *data, size_t len) {
  return client->tls != NULL ? tls_client_write(client->tls, data, len)
                             : write(client->fd, data, len);
}

ssize_t client_read(const client_t *client, void *data, size_t size) {
  return client->tls != NULL ? tls_client_read(client->tls, data, size)
                             : read(client->fd, data, size);
}

void client_write_all(const client_t *client, const void *data, size_t len) {
  const char *at = data;
  while (len > 0) {
    ssize_t n = client_write(client, at, len);
    if (n <= 0) {
      die("cannot write to the server");
    }
    at += n;
    len -= (size_t)n;
  }
}

const char *client_request(const load_options_t *options, size_t *len) {
  static char request[4096];
  static size_t request_len;
  if (request_len == 0) {
    char host[280];
    char fields[512];
    int is_v6 = strchr(options->target.host, ':') != NULL;
    (void)snprintf(host, sizeof host, "%s%s%s:%u", is_v6 ? "[" : "", options->target.host,
                   is_v6 ? "]" : "", options->target.port);
    (void)snprintf(fields, sizeof fields, "%s%s", options->http ? "" : WS_UPGRADE_FIELDS,
                   options->deflate ? client_deflate_offer(options->mode != LOAD_IDLE) : "");
    request_len = ws_put_request(request, sizeof request, host, options->target.path, fields);
  }
  *len = request_len;
  return request;
}

void client_judge(const load_options_t *options, const char *answer) {
  const char *wanted = options->http ? "HTTP/1.1 200 " : "HTTP/1.1 101 ";
  if (strncmp(answer, wanted, strlen(wanted)) != 0) {
    fail("the server answers '%.*s', not %.3s", (int)strcspn(answer, "\r\n"), answer, wanted + 9);
  }
  if (!options->http && strstr(answer, WS_ACCEPT) == NULL) {
    fail("the server's Sec-WebSocket-Accept is wrong");
  }
  if (options->deflate) {
    client_deflate_judge(answer, options->mode != LOAD_IDLE);
  }
}

static void upgrade(const client_t *client, const load_options_t *options) {
  char answer[4096];
  size_t len = 0;
  const char *end = NULL;
  const char *request = client_request(options, &len);
  client_write_all(client, request, len);
  for (len = 0; end == NULL && len < sizeof answer - 1; end = strstr(answer, "\r\n\r\n")) {
    ssize_t n = client_read(client, answer + len, sizeof answer - 1 - len);
    if (n <= 0) {
      errno = n == 0 ? 0 : errno;
      die("no answer to the opening handshake");
    }
    len += (size_t)n;
    answer[len] = '\0';
  }
  client_judge(options, answer);
  if (!options->http && (end == NULL || end + 4 != answer + len)) {
    fail("the server sends more than its answer to the opening handshake");
  }
}

void client_open(client_t *client, const load_options_t *options, size_t index) {
  client->fd = target_connect(&options->target, index);
  client->tls = options->target.tls ? tls_client_new(client->fd) : NULL;
  if (!options->raw) {
    upgrade(client, options);
  }
}

void client_close(client_t *client) {
  if (client->tls != NULL) {
    tls_client_free(client->tls);
  }
  (void)close(client->fd);
  client->fd = -1;
  client->tls = NULL;
}
