#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

/* A program started with one of them closed would get a socket in its place, and libuv objects to that. */
static void open_standard_streams(void) {
#if !defined(_WIN32)
  int fd;
  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close(fd);
#endif
}

/* ---- the command line ---- */

static void print_option(const char *name, const char *value, const char *help) {
  char left[32];
  snprintf(left, sizeof left, "%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");
  printf("  %-14s %s\n", left, help);
}

static void print_help(const cli_t *cli) {
  printf("usage: %s [options]%s%s\n\n%s\n\noptions:\n", cli->program,
         cli->args[0] != '\0' ? " " : "", cli->args, cli->about);
  for (size_t i = 0; i < cli->noptions; i++)
    print_option(cli->options[i].name, cli->options[i].value, cli->options[i].help);
  print_option("--help", NULL, "print this and end");
}

void cli_usage_error(const cli_t *cli, const char *what, const char *argument) {
  fprintf(stderr, "%s '%s'; see %s --help\n", what, argument, cli->program);
  exit(CLI_USAGE_ERROR);
}

static const cli_option_t *find_option(const cli_t *cli, const char *arg, size_t name_len) {
  for (size_t i = 0; i < cli->noptions; i++) {
    const cli_option_t *option = &cli->options[i];
    if (strlen(option->name) == name_len && memcmp(option->name, arg, name_len) == 0)
      return option;
  }
  return NULL;
}

static void read_number(const cli_t *cli, const cli_option_t *option, const char *text) {
  char *end;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || number < option->min || number > option->max) {
    fprintf(stderr, "%s takes a number from %d to %d, not '%s'; see %s --help\n", option->name,
            option->min, option->max, text, cli->program);
    exit(CLI_USAGE_ERROR);
  }
  *option->number = (int)number;
}

/* Sets the option at argv[i] ("--name value" or "--name=value"); returns the index behind it. */
static int read_option(const cli_t *cli, char **argv, int i) {
  const char *arg = argv[i];
  const char *value = strchr(arg, '=');
  const cli_option_t *option = find_option(cli, arg, value ? (size_t)(value - arg) : strlen(arg));
  if (option == NULL || (option->flag != NULL && value != NULL))
    cli_usage_error(cli, "unknown option", arg);
  else if (option->flag != NULL)
    *option->flag = 1;
  else {
    value = value != NULL ? value + 1 : argv[++i];
    if (value == NULL)
      cli_usage_error(cli, "a value is missing after", arg);
    else if (option->number != NULL)
      read_number(cli, option, value);
    else
      *option->text = value;
  }
  return i + 1;
}

int cli_parse(const cli_t *cli, int argc, char **argv) {
  int i = 1;
  open_standard_streams();
  while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
    if (strcmp(argv[i], "--") == 0)
      return i + 1;
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      print_help(cli);
      exit(EXIT_SUCCESS);
    }
    i = read_option(cli, argv, i);
  }
  if (i < argc && cli->args[0] == '\0')
    cli_usage_error(cli, "unexpected argument", argv[i]);
  return i;
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number) {
  cli_signals_t *signals = (cli_signals_t *)handle->data;
  (void)number;
  signals->stop(signals->arg, signals->again);
  signals->again = 1;
}

int cli_signals_start(cli_signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                      void *arg) {
  static const int numbers[] = {SIGINT, SIGTERM};
  signals->stop = stop;
  signals->arg = arg;
  signals->again = 0;
  for (int i = 0; i < 2; i++) {
    uv_signal_t *handle = &signals->handles[i];
    uv_signal_init(loop, handle);
    handle->data = signals;
    uv_unref((uv_handle_t *)handle);
    int err = uv_signal_start(handle, on_signal, numbers[i]);
    if (err != 0)
      return err;
  }
  return 0;
}

void cli_signals_end(cli_signals_t *signals) {
  for (int i = 0; i < 2; i++)
    uv_close((uv_handle_t *)&signals->handles[i], NULL);
}

/* ---- servers ---- */

/* "127.0.0.1:9001", "[::1]:9001" or "unix:FILE" */
static void format_address(char *out, size_t size, const wsuv_server_options_t *options, int port) {
  const char *host = options->host != NULL ? options->host : "127.0.0.1";
  if (options->path != NULL)
    snprintf(out, size, "unix:%s", options->path);
  else
    snprintf(out, size, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

int cli_cannot_listen(const wsuv_server_options_t *options, int err) {
  char address[512];
  format_address(address, sizeof address, options, options->port);
  fprintf(stderr, "cannot listen on %s: %s\n", address, wsuv_strerror(err));
  return CLI_RUNTIME_ERROR;
}

enum { GRACE_MS = 10000 }; /* what has not ended so long after the signal is ended */

struct service {
  wsuv_loop_t *loop; /* NULL once it was closed */
  wsuv_server_t *server;
  uv_timer_t grace;
};

static void close_going_away(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_close(conn, WSUV_CLOSE_GOING_AWAY, "the server stops");
}

/* Terminates what is left. */
static void end_service(struct service *service) {
  if (service->loop != NULL)
    wsuv_loop_close(service->loop, NULL, NULL);
  service->loop = NULL;
}

static void on_grace_over(uv_timer_t *timer) {
  end_service((struct service *)timer->data);
}

static void stop_service(void *arg, int again) {
  struct service *service = (struct service *)arg;
  if (again) {
    end_service(service);
    return;
  }
  wsuv_server_close(service->server);
  wsuv_server_each(service->server, close_going_away, NULL);
  uv_timer_start(&service->grace, on_grace_over, GRACE_MS, 0);
}

int cli_serve(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options) {
  uv_loop_t *uv = wsuv_loop_uv(loop);
  struct service service = {.loop = loop, .server = server};
  cli_signals_t signals;
  uv_timer_init(uv, &service.grace);
  uv_unref((uv_handle_t *)&service.grace);
  service.grace.data = &service;
  int err = cli_signals_start(&signals, uv, stop_service, &service);
  if (err != 0) {
    fprintf(stderr, "cannot handle signals: %s\n", wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }

  char address[512];
  format_address(address, sizeof address, options, wsuv_server_port(server));
  printf(options->path != NULL ? "listening on %s\n" : "listening on ws://%s/\n", address);
  fflush(stdout);

  uv_run(uv, UV_RUN_DEFAULT); /* returns when the server and its connections are gone */
  cli_signals_end(&signals);
  uv_close((uv_handle_t *)&service.grace, NULL);
  end_service(&service);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? EXIT_SUCCESS : CLI_RUNTIME_ERROR;
}
