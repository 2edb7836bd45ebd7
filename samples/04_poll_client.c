/* The client of 02_client.c without libuv: the core, a socket and poll(2). It shows how a program that brings its own
 * transport drives an endpoint, and that the handshake takes header fields from any parser, here from a small one.
 *
 *   04_poll_client ws://127.0.0.1:9001/ hello       one message
 *   04_poll_client ws://127.0.0.1:9001/             a message for each line; Ctrl-D ends
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wsuv/endpoint.h>
#include <wsuv/handshake.h>

#include "cli.h"
#include "response_head.h"
#include "tcp_client.h"

#define NEVER UINT64_MAX

enum {
  CONNECT_MS = 10000, /* from the start to the end of the handshake */
  LINGER_MS = 1000,   /* for the server to end the TCP connection first (RFC 6455 7.1.1) */
  HEAD_MAX = 16 * 1024,
  LINE_SIZE = 1024 * 1024,
  HIGH_WATER = 1024 * 1024 /* octets waiting to be sent, and no more input is taken in */
};

struct client {
  const char *url;
  char *const *messages; /* from the command line, up to a NULL; if none, standard input is read */
  int wait_ms, ping_ms;
  int fd, stop_fd;
  wsuv_handshake_t *handshake;
  wsuv_endpoint_t *endpoint;
  uint8_t bytes[64 * 1024]; /* as they were read; large enough for HEAD_MAX */
  char line[LINE_SIZE];     /* the start of one */
  size_t line_len;
  int reading;   /* standard input */
  int all_sent;  /* no more messages are coming */
  int write_err; /* errno of the socket; after it nothing is written */
  int read_err;  /* errno of the socket */
  int nsignals;
  size_t nsent, nreceived;
  uint64_t wait_until; /* for answers */
  int status;          /* the program's */
};

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(CLI_RUNTIME_ERROR);
}

/* No more input; a Close goes behind what was sent. Harmless when repeated. */
static void stop(struct client *client, int code) {
  client->reading = 0;
  client->wait_until = NEVER;
  wsuv_endpoint_close(client->endpoint, code, NULL, 0);
}

static void fail(struct client *client, const char *what, const char *why) {
  if (client->status == 0)
    fprintf(stderr, "%s: %s\n", what, why);
  client->status = CLI_RUNTIME_ERROR;
  stop(client, WSUV_CLOSE_NORMAL);
}

/* ---- the opening handshake ---- */

/* Sends the request and judges the response. What came behind its head is the endpoint's first input: it is moved to the
 * start of client->bytes; returns its length. */
static size_t open_websocket(struct client *client, uint64_t deadline_ms) {
  size_t len = 0, head_len = 0;
  wsuv_span_t request;
  int err = wsuv_handshake_request(client->handshake, &request);
  if (err == 0)
    err = -tcp_write_all(client->fd, request.data, request.len, deadline_ms);
  while (err == 0 && (head_len = response_head_length(client->bytes, len)) == 0) {
    if (len == HEAD_MAX)
      die("cannot connect", wsuv_strerror(WSUV_EHEADSIZE));
    err = -tcp_wait(client->fd, POLLIN, deadline_ms);
    ssize_t n = err != 0 ? 0 : read(client->fd, client->bytes + len, HEAD_MAX - len);
    if (err == 0 && n == 0)
      die("cannot connect", "the server ended the connection without an answer");
    else if (n > 0)
      len += (size_t)n;
    else if (err == 0 && errno != EAGAIN)
      err = -errno;
  }
  if (err != 0)
    die("cannot connect", strerror(-err));
  err = response_head_take(client->handshake, (const char *)client->bytes, head_len);
  if (err != 0) {
    const char *detail = wsuv_handshake_detail(client->handshake);
    die("cannot connect", detail[0] != '\0' ? detail : wsuv_strerror(err));
  }
  memmove(client->bytes, client->bytes + head_len, len - head_len);
  return len - head_len;
}

static void connect_to_server(struct client *client, uint64_t deadline_ms) {
  char port[8];
  const char *why;
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  options.url = client->url;
  int err = wsuv_handshake_new(&client->handshake, &options);
  if (err != 0) {
    fprintf(stderr, "cannot connect to '%s': %s\n", client->url, wsuv_strerror(err));
    exit(err == WSUV_EURL ? CLI_USAGE_ERROR : CLI_RUNTIME_ERROR);
  }
  if (wsuv_handshake_is_secure(client->handshake))
    die("cannot connect", "this sample has no TLS, so it takes ws:// only");
  snprintf(port, sizeof port, "%d", wsuv_handshake_port(client->handshake));
  client->fd = tcp_connect(wsuv_handshake_host(client->handshake), port, deadline_ms,
                           &client->stop_fd, &why);
  if (client->fd < 0)
    die("cannot connect", why);
}

/* ---- messages ---- */

/* When the last message was sent, and at each one received after that: closes once there are as many answers as messages,
 * or lets the time to wait begin anew. */
static void finish_when_answered(struct client *client) {
  if (!client->all_sent || client->wait_ms < 0)
    return;
  if ((client->nsent > 0 && client->nreceived >= client->nsent) || client->wait_ms == 0)
    stop(client, WSUV_CLOSE_NORMAL);
  else if (!wsuv_endpoint_sent_close(client->endpoint))
    client->wait_until = tcp_now_ms() + (uint64_t)client->wait_ms;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  enum { SHOWN = 16 };
  struct client *client = (struct client *)data;
  if (type == WSUV_TEXT)
    fwrite(payload, 1, len, stdout);
  else {
    printf("binary, %zu octets:", len);
    for (size_t i = 0; i < len && i < SHOWN; i++)
      printf(" %02x", payload[i]);
    fputs(len > SHOWN ? " ..." : "", stdout);
  }
  putchar('\n');
  if (fflush(stdout) != 0)
    fail(client, "cannot write to standard output", strerror(errno));
  client->nreceived++;
  finish_when_answered(client);
}

static void send_line(struct client *client, const char *line, size_t len) {
  if (wsuv_endpoint_sent_close(client->endpoint))
    return; /* the connection ends already */
  int err = wsuv_endpoint_send(client->endpoint, WSUV_TEXT, line, len);
  if (err != 0)
    fail(client, "not sent", wsuv_strerror(err)); /* such as: text is not valid UTF-8 */
  client->nsent++;
}

static void end_input(struct client *client) {
  client->reading = 0;
  client->all_sent = 1;
  finish_when_answered(client);
}

static void read_input(struct client *client) {
  ssize_t n = read(STDIN_FILENO, client->line + client->line_len, LINE_SIZE - client->line_len);
  if (n < 0) {
    if (errno != EINTR && errno != EAGAIN)
      fail(client, "cannot read standard input", strerror(errno));
    return;
  }
  client->line_len += (size_t)n;
  char *start = client->line;
  char *end = client->line + client->line_len;
  for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start))) != NULL;) {
    send_line(client, start, (size_t)(newline - start));
    start = newline + 1;
  }
  client->line_len = (size_t)(end - start);
  memmove(client->line, start, client->line_len);
  if (n == 0) {
    if (client->line_len > 0)
      send_line(client, client->line, client->line_len);
    end_input(client);
  } else if (client->line_len == LINE_SIZE)
    fail(client, "not sent", "the line is over 1 MiB");
}

/* ---- the endpoint and its transport ---- */

static void write_output(struct client *client) {
  wsuv_span_t span;
  while (client->write_err == 0 && wsuv_endpoint_output(client->endpoint, &span, 1) > 0) {
    ssize_t n = write(client->fd, span.data, span.len);
    if (n >= 0)
      wsuv_endpoint_output_done(client->endpoint, (size_t)n);
    else if (errno == EAGAIN || errno == EINTR)
      return;
    else
      client->write_err = errno; /* reading goes on: the server may have said why */
  }
}

static void read_socket(struct client *client) {
  ssize_t n = read(client->fd, client->bytes, sizeof client->bytes);
  if (n > 0)
    wsuv_endpoint_receive(client->endpoint, client->bytes, (size_t)n); /* -> on_message */
  else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    client->read_err = n < 0 ? errno : 0;
    wsuv_endpoint_receive_eof(client->endpoint);
  }
}

static void take_signal(struct client *client) {
  char octet;
  client->nsignals += read(client->stop_fd, &octet, 1) == 1;
  stop(client, WSUV_CLOSE_GOING_AWAY);
}

static void check_wait(struct client *client) {
  if (tcp_now_ms() < client->wait_until)
    return;
  if (wsuv_endpoint_queued(client->endpoint) > 0)
    finish_when_answered(client); /* not all is sent yet */
  else
    stop(client, WSUV_CLOSE_NORMAL);
}

/* What any event loop would do: time and bytes in, bytes out, wait, until the endpoint has enough. */
static void converse(struct client *client) {
  wsuv_endpoint_t *endpoint = client->endpoint;
  while (client->nsignals < 2) {
    wsuv_endpoint_tick(endpoint, tcp_now_ms()); /* Pings, and gives up on a silent server */
    check_wait(client);
    write_output(client);
    if (wsuv_endpoint_wants_close(endpoint))
      return;

    size_t queued = wsuv_endpoint_queued(endpoint);
    int writing = queued > 0 && client->write_err == 0;
    int reading = client->reading && queued < HIGH_WATER && !wsuv_endpoint_sent_close(endpoint);
    uint64_t due_ms = wsuv_endpoint_next_deadline(endpoint);
    struct pollfd fds[] = {
        {.fd = client->fd, .events = (short)(writing ? POLLIN | POLLOUT : POLLIN)},
        {.fd = client->stop_fd, .events = POLLIN},
        {.fd = reading ? STDIN_FILENO : -1, .events = POLLIN},
    };
    if (due_ms > client->wait_until)
      due_ms = client->wait_until;
    if (poll(fds, 3, tcp_poll_timeout(due_ms)) <= 0)
      continue;
    wsuv_endpoint_tick(endpoint, tcp_now_ms()); /* deadlines count from now */
    if (fds[1].revents != 0)
      take_signal(client);
    if (fds[2].revents != 0)
      read_input(client);
    if (fds[0].revents & ~POLLOUT)
      read_socket(client);
  }
}

/* Lets the server end the connection, and says how it ended. */
static void end(struct client *client) {
  uint64_t deadline_ms = tcp_now_ms() + LINGER_MS;
  wsuv_close_status_t status;
  wsuv_endpoint_close_status(client->endpoint, &status);
  while (client->nsignals < 2 && tcp_wait(client->fd, POLLIN, deadline_ms) == 0 &&
         read(client->fd, client->bytes, sizeof client->bytes) > 0)
    continue;
  close(client->fd);

  int err = client->read_err != 0 ? client->read_err : client->write_err;
  if (!status.clean || status.error != 0) {
    if (client->status == 0)
      fprintf(stderr, "connection lost: %s\n",
              err != 0            ? strerror(err)
              : status.error != 0 ? wsuv_strerror(status.error)
                                  : "ended by a second signal");
    client->status = CLI_RUNTIME_ERROR;
  } else if (client->status == 0 && status.code != WSUV_CLOSE_NORMAL &&
             status.code != WSUV_CLOSE_GOING_AWAY && status.code != WSUV_CLOSE_NO_STATUS)
    fprintf(stderr, "the server closed with %d %s\n", status.code, status.reason);
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof(wsuv_endpoint_handler_t),
                                                .on_message = on_message};

static void start(struct client *client) {
  uint64_t deadline_ms = tcp_now_ms() + CONNECT_MS;
  connect_to_server(client, deadline_ms);
  size_t len = open_websocket(client, deadline_ms);

  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  options.random = wsuv_random;
  options.ping_interval_ms = client->ping_ms;
  int err = wsuv_endpoint_new(&client->endpoint, &options, &handler, client);
  if (err != 0)
    die("cannot connect", wsuv_strerror(err));
  wsuv_endpoint_tick(client->endpoint, tcp_now_ms());

  for (char *const *message = client->messages; *message != NULL; message++)
    send_line(client, *message, strlen(*message));
  if (client->messages[0] != NULL)
    end_input(client);
  else
    client->reading = 1;
  wsuv_endpoint_receive(client->endpoint, client->bytes, len);
}

static const char about[] =
    "Connects to a WebSocket server (ws://HOST[:PORT][/PATH]), sends each MESSAGE or, without\n"
    "any, each line of standard input as a text message, and prints what comes. Uses poll(2)\n"
    "and the library's core, no event loop.\n"
    "\n"
    "Once all is sent it closes as soon as as many messages came as were sent, or when none\n"
    "came for the time of --wait. The exit status is 0 after a clean close, 1 after anything\n"
    "else, 2 for a mistake on the command line.";

int main(int argc, char **argv) {
  static struct client client = {.wait_ms = 1000, .ping_ms = 20000, .wait_until = NEVER};
  const cli_option_t table[] = {
      {.name = "--wait",
       .value = "MS",
       .help = "time to wait for answers after the last message [1000]; 0: none, -1: for ever",
       .number = &client.wait_ms,
       .min = -1,
       .max = 86400000},
      {.name = "--ping",
       .value = "MS",
       .help = "time of silence before a Ping [20000]; the third one without an answer ends",
       .number = &client.ping_ms,
       .min = 1,
       .max = 86400000},
  };
  const cli_t cli = {"04_poll_client", "URL [MESSAGE ...]", about, table,
                     sizeof table / sizeof table[0]};
  int i = cli_parse(&cli, argc, argv);
  if (i == argc)
    cli_usage_error(&cli, "missing argument", "URL");
  client.url = argv[i];
  client.messages = argv + i + 1;

  start(&client);
  converse(&client);
  end(&client);
  wsuv_endpoint_free(client.endpoint);
  wsuv_handshake_free(client.handshake);
  return client.status;
}
