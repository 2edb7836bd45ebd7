/* A login shell in the browser: the terminal page on / (samples/shell), the WebSocket on /shell.
 *
 *   sh samples/run.sh shell        then open the address that it prints
 *
 * Whoever opens that address does on this machine what you can do. See shell_access.h for what keeps others out.
 *
 * Binary messages are the terminal's octets, both ways. The page sends text messages, too, which are JSON: its size, and
 * that it has more to draw than it can (shell_control.h). The connection ends with 1000 and "shell exited with N".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "serve.h"
#include "shell_access.h"
#include "shell_control.h"
#include "shell_session.h"
#include "web_files.h"

enum {
  MESSAGE_MAX = 64 * 1024, /* octets; the page cuts what is pasted into smaller messages */
  CONNECTIONS_MAX = 32     /* page loads and shells; over it the library answers 503 */
};

static web_file_t page_files[] = {
    {.path = "/", .name = "index.html", .type = "text/html; charset=utf-8"},
    {.path = "/shell.js", .name = "shell.js", .type = "text/javascript; charset=utf-8"},
    {.path = "/shell.css", .name = "shell.css", .type = "text/css; charset=utf-8"},
    {.path = "/xterm.js", .name = "xterm/lib/xterm.js", .type = "text/javascript; charset=utf-8"},
    {.path = "/xterm.css", .name = "xterm/css/xterm.css", .type = "text/css; charset=utf-8"},
    {.path = "/addon-fit.js",
     .name = "addon-fit/lib/addon-fit.js",
     .type = "text/javascript; charset=utf-8"},
};

enum { NPAGE_FILES = 3, NFILES = sizeof page_files / sizeof page_files[0] };

/* As the chat's; xterm.js makes style sheets of its own. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const web_files_t files = {
    .list = page_files, .count = NFILES, .policy = policy, .where = "The terminal"};

struct shell_server {
  shell_access_t access;
  pty_program_t program;
};

/* ---- a connection ---- */

static void on_open(wsuv_conn_t *conn) {
  const struct shell_server *own =
      (const struct shell_server *)wsuv_server_data(wsuv_conn_server(conn));
  int err = shell_session_start(conn, &own->program);
  if (err != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, uv_strerror(err));
}

static void take_control(wsuv_conn_t *conn, shell_session_t *session, const char *text,
                         size_t len) {
  shell_control_t control;
  const char *why;
  int code = shell_control_parse(text, len, &control, &why);
  if (code != 0)
    wsuv_conn_close(conn, code, why);
  else if (control.verb == SHELL_RESIZE)
    shell_session_resize(session, control.cols, control.rows);
  else
    shell_session_pause(session, control.verb == SHELL_PAUSE);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  shell_session_t *session = (shell_session_t *)wsuv_conn_data(conn);
  if (session == NULL)
    return; /* it could not be started, and the connection is closing */
  if (type == WSUV_TEXT)
    take_control(conn, session, (const char *)payload, len);
  else
    shell_session_input(session, payload, len);
}

static void on_drain(wsuv_conn_t *conn) {
  shell_session_t *session = (shell_session_t *)wsuv_conn_data(conn);
  if (session != NULL)
    shell_session_drained(session);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  shell_session_t *session = (shell_session_t *)wsuv_conn_data(conn);
  (void)info;
  if (session != NULL)
    shell_session_leave(session);
}

/* ---- a request ---- */

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  const struct shell_server *own = (const struct shell_server *)wsuv_server_data(server);
  const char *why = shell_access_refuse_socket(&own->access, upgrade);
  if (why != NULL)
    web_files_refuse(upgrade, 403, why);
  else if (!web_files_target_is(upgrade, "/shell"))
    web_files_refuse(upgrade, 404, "The shell is at /shell\n");
  else
    wsuv_upgrade_accept(upgrade, NULL);
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  const struct shell_server *own = (const struct shell_server *)wsuv_server_data(server);
  const char *why = shell_access_refuse_page(&own->access, request);
  if (why != NULL)
    web_files_refuse(request, 403, why);
  else
    web_files_answer(&files, request);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_request = on_request};

/* ---- the program ---- */

static void print_address(const struct shell_server *own, int port) {
  const char *host = own->access.listen_host;
  printf(strchr(host, ':') != NULL ? "open http://[%s]:%d/?token=%s\n"
                                   : "open http://%s:%d/?token=%s\n",
         host, port, own->access.token);
}

static int run(wsuv_server_options_t options, struct shell_server *own) {
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  limits.max_message_size = MESSAGE_MAX;
  limits.write_high_water = SHELL_HIGH_WATER;
  options.conn = &limits;
  options.max_connections = CONNECTIONS_MAX;

  wsuv_loop_t *loop;
  wsuv_server_t *server;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &server, &options, &handler, own);
  if (err != 0)
    return serve_cannot_listen(&options, err);
  print_address(own, wsuv_server_port(server));
  return serve(loop, server, &options);
}

/* Says on standard error what is missing. */
static int load_files(const char *web, const char *xterm) {
  const char *name;
  int err = web_files_load(page_files, NPAGE_FILES, web, &name);
  if (err != 0) {
    fprintf(stderr, "cannot read %s in %s: %s\n", name, web, uv_strerror(err));
    return err;
  }
  err = web_files_load(page_files + NPAGE_FILES, NFILES - NPAGE_FILES, xterm, &name);
  if (err != 0)
    fprintf(stderr, "cannot read %s in %s: %s; 'sh cmake/deps.sh shell' installs xterm.js\n", name,
            xterm, uv_strerror(err));
  return err;
}

static int prepare(struct shell_server *own, const char *host, const char *shell) {
  int err = shell_access_init(&own->access, host);
  if (err == 0)
    err = pty_program_init(&own->program, shell);
  if (err != 0)
    fprintf(stderr, "cannot start: %s\n", uv_strerror(err));
  return err;
}

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  const char *web = SAMPLES_SHELL_DIR, *xterm = SAMPLES_XTERM_DIR, *shell = NULL;
  int knows = 0;
  options.host = "127.0.0.1";
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      {.name = "--host",
       .value = "HOST",
       .help = "address to listen on [127.0.0.1]; others than this machine's own need the next one",
       .text = &options.host},
      {.name = "--i-know-this-gives-a-shell",
       .help = "listen where other machines can connect, too, without encryption",
       .flag = &knows},
      {.name = "--port",
       .value = "PORT",
       .help = "port to listen on [9001]; 0 for any free one",
       .number = &options.port,
       .max = 65535},
      {.name = "--shell", .value = "FILE", .help = "instead of your login shell", .text = &shell},
      {.name = "--web", .value = "DIR", .help = "folder of the page's files", .text = &web},
      {.name = "--xterm", .value = "DIR", .help = "node_modules/@xterm", .text = &xterm}};
  const cli_t cli = {
      "10_shell_server", "",
      "A terminal with your login shell, in the browser, at the address that is printed.\n"
      "WARNING: whoever has that address can do on this machine what you can do.",
      table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);
  if (!shell_access_is_loopback(options.host) && !knows)
    cli_usage_error(&cli, "without --i-know-this-gives-a-shell no shell is offered on",
                    options.host);

  struct shell_server own = {0};
  int status = CLI_RUNTIME_ERROR;
  if (load_files(web, xterm) == 0 && prepare(&own, options.host, shell) == 0)
    status = run(options, &own);
  web_files_free(page_files, NFILES);
  pty_program_free(&own.program);
  return status;
}
