/* Who connects? A token is looked up in a slow user database, on another thread, and the request decided on when that is done.
 *
 *   21_authentication                                                          then, with $TOKEN as alice has it below:
 *   wsuv-cat --header "Authorization: Bearer $TOKEN" ws://127.0.0.1:9001/
 *   02_client "ws://127.0.0.1:9001/?ticket=$TOKEN" hello                       as pages do, which cannot set Authorization
 *   curl http://127.0.0.1:9001/health
 *
 * A ticket in a URL ends up in logs: a real one is good once, for some seconds. And all of this wants TLS (see 03_chat).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "serve.h"

enum { TOKEN_LEN = 32 };

struct user {
  const char *token; /* TOKEN_LEN characters; a real database has hashes of them */
  const char *name;
  int may_connect;
};

static const struct user users[] = {
    {"6f1c2a9be04d47d38a5be7c0913f52d8", "alice", 1},
    {"c58e07f2b3914a6f9d20e1847ab6c39d", "bob", 0},
};

/* One request while it is being looked up. */
struct inquiry {
  uv_work_t work;
  wsuv_upgrade_t *upgrade;
  char token[TOKEN_LEN];
  const struct user *user; /* NULL: nobody has that token */
  int delay_ms;
};

/* The time that this takes does not depend on where the two differ. */
static int is_same_secret(const char *a, const char *b) {
  volatile unsigned difference = 0;
  for (size_t i = 0; i < TOKEN_LEN; i++)
    difference |= (unsigned)(unsigned char)a[i] ^ (unsigned)(unsigned char)b[i];
  return difference == 0;
}

/* The database, on a thread of libuv's pool: nothing of the library's may be called here. */
static void look_up(uv_work_t *work) {
  struct inquiry *inquiry = (struct inquiry *)work->data;
  uv_sleep((unsigned)inquiry->delay_ms);
  for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
    if (is_same_secret(users[i].token, inquiry->token))
      inquiry->user = &users[i];
}

/* [readme] */
static int ask_for_token(wsuv_upgrade_t *upgrade) {
  const wsuv_header_t challenge = {.name = "WWW-Authenticate", .value = "Bearer realm=\"wsuv\""};
  return wsuv_upgrade_reject(upgrade, 401, &challenge, 1, NULL, 0);
}

/* On the loop's thread again. */
static int decide(wsuv_upgrade_t *upgrade, const struct user *user) {
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;
  if (user == NULL)
    return ask_for_token(upgrade);
  if (!user->may_connect)
    return wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0);
  options.data = (void *)(uintptr_t)user->name; /* as wsuv_conn_data, from on_open on */
  return wsuv_upgrade_accept(upgrade, &options);
}

/* The peer may be gone by now: the answer says so, and has to be given all the same. */
static void looked_up(uv_work_t *work, int status) {
  struct inquiry *inquiry = (struct inquiry *)work->data;
  int err = decide(inquiry->upgrade, inquiry->user);
  (void)status;           /* nobody cancels it */
  if (err == WSUV_ENOMEM) /* it still waits */
    err = wsuv_upgrade_reject(inquiry->upgrade, 503, NULL, 0, NULL, 0);
  printf("looked up: %s\n", err != 0 ? wsuv_strerror(err) : "answered");
  fflush(stdout);
  free(inquiry);
}

/* "Bearer TOKEN" in Authorization (RFC 6750 2.1), or "ticket=TOKEN" as the query; NULL: neither. */
static const char *token_of(const wsuv_upgrade_t *upgrade) {
  const char *field = wsuv_upgrade_header(upgrade, "Authorization");
  const char *query = wsuv_upgrade_query(upgrade);
  const char *token = NULL;
  if (field != NULL && strncmp(field, "Bearer ", 7) == 0)
    token = field + 7;
  else if (query != NULL && strncmp(query, "ticket=", 7) == 0)
    token = query + 7;
  return token != NULL && strlen(token) == TOKEN_LEN ? token : NULL;
}

static void start_inquiry(wsuv_upgrade_t *upgrade, const char *token, int delay_ms) {
  struct inquiry *inquiry = (struct inquiry *)calloc(1, sizeof *inquiry);
  if (inquiry == NULL) {
    wsuv_upgrade_reject(upgrade, 503, NULL, 0, NULL, 0);
    return;
  }
  inquiry->work.data = inquiry;
  inquiry->upgrade = upgrade;
  inquiry->delay_ms = delay_ms;
  memcpy(inquiry->token, token, TOKEN_LEN);
  printf("looking up\n");
  fflush(stdout);
  uv_queue_work(uv_default_loop(), &inquiry->work, look_up, looked_up);
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  const char *token = token_of(upgrade);
  if (token != NULL)
    start_inquiry(upgrade, token, *(const int *)wsuv_server_data(server));
  else
    ask_for_token(upgrade);
}

/* Other HTTP: a load balancer asks again and again, on one connection. */
static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  wsuv_span_t path = wsuv_upgrade_path(request);
  (void)server;
  if (path.len == 7 && memcmp(path.data, "/health", 7) == 0)
    wsuv_upgrade_respond(request, 200, NULL, 0, "ok\n", 3);
  else
    wsuv_upgrade_respond(request, 404, NULL, 0, NULL, 0);
}
/* [/readme] */

static void on_open(wsuv_conn_t *conn) {
  char line[64];
  int n = snprintf(line, sizeof line, "hello, %s", (const char *)wsuv_conn_data(conn));
  wsuv_conn_send_text(conn, line, (size_t)n);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t), .on_open = on_open, .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_request = on_request};

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  int delay_ms = 200;
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {SERVE_OPTIONS(options),
                                {.name = "--delay-ms",
                                 .value = "N",
                                 .help = "milliseconds that the user database takes [200]",
                                 .number = &delay_ms,
                                 .max = 60000}};
  const cli_t cli = {
      "21_authentication", "",
      "Lets in who has a token, as \"Authorization: Bearer TOKEN\" or ?ticket=TOKEN.\n"
      "GET /health is answered \"ok\".",
      table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  wsuv_loop_t *loop;
  wsuv_server_t *server;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &server, &options, &handler, &delay_ms);
  return err != 0 ? serve_cannot_listen(&options, err) : serve(loop, server, &options);
}
