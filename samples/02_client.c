/* A client for the terminal: sends its arguments, or the lines of its standard input, and prints what comes.
 *
 *   02_client ws://127.0.0.1:9001/ hello       one message
 *   02_client ws://127.0.0.1:9001/             a message for each line; Ctrl-D ends
 *   02_client --echo ws://127.0.0.1:9001/      sends every message back until the server closes
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "cli.h"
#include "line_reader.h"
#include "signals.h"

/* More octets than this waiting to be sent, and no more are taken in; on_drain then tells when to go on. */
enum { HIGH_WATER = 1024 * 1024 };
static const wsuv_conn_options_t limits = {.size = sizeof(wsuv_conn_options_t),
                                           .write_high_water = HIGH_WATER};

struct client {
  wsuv_connect_options_t options;
  const wsuv_handler_t *handler;
  wsuv_conn_t *conn;     /* NULL after on_close */
  char *const *messages; /* from the command line, up to a NULL; if none, standard input is read */
  line_reader_t input;
  int input_ended;
  size_t nsent, nreceived;
  uv_timer_t wait; /* for answers, once the last message was sent */
  int wait_ms;     /* 0: not at all, -1: until the server closes */
  int status;      /* the program's */
};

static void send_line(struct client *client, const char *line, size_t len);
static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info);

/* No more input; the connection closes behind what was sent. Harmless when repeated. */
static void stop(struct client *client, int code) {
  line_reader_close(&client->input);
  uv_timer_stop(&client->wait);
  wsuv_conn_close(client->conn, code, NULL);
}

/* Says once what went wrong, and stops. */
static void fail(struct client *client, const char *what, const char *why) {
  if (client->status == 0)
    fprintf(stderr, "%s: %s\n", what, why);
  client->status = CLI_RUNTIME_ERROR;
  stop(client, WSUV_CLOSE_NORMAL);
}

/* The connection is gone. */
static void finish(struct client *client, const wsuv_close_info_t *info) {
  int ordinary = info->code == WSUV_CLOSE_NORMAL || info->code == WSUV_CLOSE_GOING_AWAY ||
                 info->code == WSUV_CLOSE_NO_STATUS;
  if (client->status == 0 && !ordinary)
    fprintf(stderr, "the server closed with %d %s\n", info->code, info->reason);
  line_reader_close(&client->input);
  uv_timer_stop(&client->wait);
  client->conn = NULL;
}

/* ---- input: the command line or standard input ---- */

static void on_wait_over(uv_timer_t *timer) {
  struct client *client = (struct client *)timer->data;
  if (wsuv_conn_queued(client->conn) > 0)
    uv_timer_start(timer, on_wait_over, (uint64_t)client->wait_ms, 0); /* not all is sent yet */
  else
    stop(client, WSUV_CLOSE_NORMAL);
}

/* When the last message was sent, and at each one received after that: ends the connection once there are as many
 * answers as messages, or lets the time to wait begin anew. */
static void finish_when_answered(struct client *client) {
  if (!client->input_ended || client->wait_ms < 0)
    return;
  int answered = client->nsent > 0 && client->nreceived >= client->nsent;
  if (answered || client->wait_ms == 0)
    stop(client, WSUV_CLOSE_NORMAL);
  else
    uv_timer_start(&client->wait, on_wait_over, (uint64_t)client->wait_ms, 0);
}

static void on_line(line_reader_t *input, const char *line, size_t len) {
  send_line((struct client *)input->data, line, len);
}

static void on_input_end(line_reader_t *input, int status) {
  struct client *client = (struct client *)input->data;
  if (status != 0)
    fail(client, "cannot read standard input", uv_strerror(status));
  client->input_ended = 1;
  finish_when_answered(client);
}

static void start_input(struct client *client) {
  if (client->messages[0] == NULL) {
    uv_loop_t *uv = wsuv_loop_uv(wsuv_conn_loop(client->conn));
    int err = line_reader_init(&client->input, uv, 0, on_line, on_input_end);
    client->input.data = client;
    if (err != 0)
      fail(client, "cannot read standard input", uv_strerror(err));
    line_reader_resume(&client->input);
    return;
  }
  for (char *const *message = client->messages; *message != NULL; message++)
    send_line(client, *message, strlen(*message));
  client->input_ended = 1;
  finish_when_answered(client);
}

static void pause_input(struct client *client) {
  line_reader_pause(&client->input);
}

static void resume_input(struct client *client) {
  line_reader_resume(&client->input);
}

/* ---- output ---- */

/* Text as a line, the start of a binary message in hexadecimal. */
static void print_message(struct client *client, wsuv_opcode_t type, const void *payload,
                          size_t len) {
  enum { SHOWN = 16 };
  const unsigned char *octets = (const unsigned char *)payload;
  if (type == WSUV_TEXT)
    fwrite(payload, 1, len, stdout);
  else {
    printf("binary, %zu octets:", len);
    for (size_t i = 0; i < len && i < SHOWN; i++)
      printf(" %02x", octets[i]);
    fputs(len > SHOWN ? " ..." : "", stdout);
  }
  putchar('\n');
  if (fflush(stdout) != 0)
    fail(client, "cannot write to standard output", strerror(errno));
  client->nreceived++;
  finish_when_answered(client);
}

/* ---- --echo: what comes goes back ---- */

static void say_connected(wsuv_conn_t *conn) {
  (void)conn;
  fputs("connected; echoing until the server closes\n", stderr);
}

static void echo_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = type == WSUV_TEXT ? wsuv_conn_send_text(conn, payload, len)
                              : wsuv_conn_send_binary(conn, payload, len);
  if (err != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
  if (wsuv_conn_queued(conn) > HIGH_WATER)
    wsuv_conn_read_stop(conn);
}

static const wsuv_handler_t echo_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = say_connected,
                                            .on_message = echo_message,
                                            .on_drain = wsuv_conn_read_start,
                                            .on_close = on_close};

/* ---- the conversation ---- */

/* [readme] */
static void send_line(struct client *client, const char *line, size_t len) {
  int err = wsuv_conn_send_text(client->conn, line, len);
  if (err != 0)
    fail(client, "not sent", wsuv_strerror(err)); /* such as: text is not valid UTF-8 */
  client->nsent++;
  if (wsuv_conn_queued(client->conn) > HIGH_WATER)
    pause_input(client); /* the server is slow: take in no more ... */
}

static void on_open(wsuv_conn_t *conn) {
  start_input(wsuv_conn_data(conn)); /* calls send_line for each line, closes after the last one */
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  print_message(wsuv_conn_data(conn), type, payload, len);
}

static void on_drain(wsuv_conn_t *conn) {
  resume_input(wsuv_conn_data(conn)); /* ... until the lines that wait are sent */
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct client *client = wsuv_conn_data(conn);
  if (!info->clean || info->error != 0)
    fail(client, info->opened ? "connection lost" : "cannot connect", info->detail);
  finish(client, info); /* the connection's memory is the library's: nothing to free */
}

static const wsuv_handler_t handler = {.size = sizeof(wsuv_handler_t),
                                       .on_open = on_open,
                                       .on_message = on_message,
                                       .on_drain = on_drain,
                                       .on_close = on_close};

static int start(wsuv_loop_t *loop, struct client *client) {
  client->options.conn = &limits; /* the URL is in there already */
  return wsuv_connect(loop, &client->conn, &client->options, client->handler, client);
}
/* [/readme] */

/* ---- the program ---- */

static void on_signal(void *arg, int again) {
  struct client *client = (struct client *)arg;
  if (client->conn == NULL)
    return;
  if (again)
    wsuv_conn_terminate(client->conn);
  else
    stop(client, WSUV_CLOSE_GOING_AWAY);
}

static const char about[] =
    "Connects to a WebSocket server (ws://HOST[:PORT][/PATH]), sends each MESSAGE or, without\n"
    "any, each line of standard input as a text message, and prints what comes: text as a\n"
    "line, of a binary message the length and the first octets.\n"
    "\n"
    "Once all is sent it closes as soon as as many messages came as were sent, or when none\n"
    "came for the time of --wait. The exit status is 0 after a clean close, 1 after anything\n"
    "else, 2 for a mistake on the command line.";

static void read_options(int argc, char **argv, struct client *client) {
  int echo = 0;
  const cli_option_t table[] = {
      {.name = "--echo", .help = "send every message back until the server closes", .flag = &echo},
      {.name = "--path",
       .value = "FILE",
       .help = "connect to this unix socket",
       .text = &client->options.path},
      {.name = "--wait",
       .value = "MS",
       .help = "time to wait for answers after the last message [1000]; 0: none, -1: for ever",
       .number = &client->wait_ms,
       .min = -1,
       .max = 86400000},
  };
  const cli_t cli = {"02_client", "URL [MESSAGE ...]", about, table,
                     sizeof table / sizeof table[0]};

  int i = cli_parse(&cli, argc, argv);
  if (i == argc)
    cli_usage_error(&cli, "missing argument", "URL");
  client->options.url = argv[i];
  client->messages = argv + i + 1;
  client->handler = echo ? &echo_handler : &handler;
  if (echo && argv[i + 1] != NULL)
    cli_usage_error(&cli, "--echo sends nothing of its own, such as", argv[i + 1]);
}

int main(int argc, char **argv) {
  struct client client = {.options = WSUV_CONNECT_OPTIONS_INIT, .wait_ms = 1000};
  read_options(argc, argv, &client);

  uv_loop_t *uv = uv_default_loop();
  wsuv_loop_t *loop;
  int err = wsuv_loop_new(&loop, uv, NULL);
  if (err != 0) {
    fprintf(stderr, "cannot start: %s\n", wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }
  signals_t signals;
  signals_start(&signals, uv, on_signal, &client);
  uv_timer_init(uv, &client.wait);
  client.wait.data = &client;
  err = start(loop, &client);
  if (err != 0) {
    fprintf(stderr, "cannot connect to '%s': %s\n", client.options.url, wsuv_strerror(err));
    client.status = err == WSUV_EURL ? CLI_USAGE_ERROR : CLI_RUNTIME_ERROR;
  }
  uv_run(uv, UV_RUN_DEFAULT); /* returns when the connection is gone */

  signals_end(&signals);
  uv_close((uv_handle_t *)&client.wait, NULL);
  wsuv_loop_close(loop, NULL, NULL);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? client.status : CLI_RUNTIME_ERROR;
}
