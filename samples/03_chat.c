/* A chat for browsers: the page on / (samples/web), a WebSocket on /chat.
 *
 *   03_chat --port 9001                            then open http://127.0.0.1:9001/ in two tabs
 *   03_chat --cert server.pem --key server.key     then https://localhost:9001/; the page takes wss:// by itself
 *
 * A browser sends text messages whose first letter says what they are: "N" and a nickname (first of all, and again for
 * another one), "M" and a message. The server sends JSON objects with a "type": "welcome" (id, nick, people), "join",
 * "leave", "rename", "message" (id, nick, and text and time).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "serve.h"
#include "web_files.h"

enum {
  NICK_MAX = 72,             /* octets that a person may choose */
  NICK_SIZE = NICK_MAX + 16, /* room for " (2)" and the NUL */
  MESSAGE_MAX = 16 * 1024,   /* octets with the letter; over it the library closes with 1009 */
  UNREAD_MAX = 256 * 1024,   /* octets that wait for one browser; over it the connection ends */
  PEOPLE_MAX = 200           /* connections; over it the library answers 503 */
};

static web_file_t page_files[] = {
    {.path = "/", .name = "index.html", .type = "text/html; charset=utf-8"},
    {.path = "/chat.js", .name = "chat.js", .type = "text/javascript; charset=utf-8"},
    {.path = "/chat.css", .name = "chat.css", .type = "text/css; charset=utf-8"},
};

enum { NPAGE_FILES = sizeof page_files / sizeof page_files[0] };

/* The page may use nothing but its own files and a WebSocket to where it came from. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const web_files_t files = {
    .list = page_files, .count = NPAGE_FILES, .policy = policy, .where = "The chat"};

struct chat {
  int64_t last_id; /* of a person */
};

struct person {
  int64_t id;
  char nick[NICK_SIZE]; /* "" until it was said */
};

static struct chat *chat_of(wsuv_conn_t *conn) {
  return (struct chat *)wsuv_server_data(wsuv_conn_server(conn));
}

/* ---- sending ---- */

/* A browser that does not read is let go: it will connect again. */
static void end_if_stuck(wsuv_conn_t *conn, int err) {
  if (err == WSUV_EQUEUEFULL || err == WSUV_ENOMEM)
    wsuv_conn_terminate(conn);
}

static void send_json(wsuv_conn_t *conn, const json_t *json) {
  end_if_stuck(conn, json->failed ? WSUV_ENOMEM : wsuv_conn_send_text(conn, json->text, json->len));
}

static void send_to_person(wsuv_conn_t *conn, void *arg) {
  const struct person *person = (const struct person *)wsuv_conn_data(conn);
  wsuv_prepared_t *message = (wsuv_prepared_t *)arg; /* NULL: there was no memory for it */
  if (person != NULL && person->nick[0] != '\0')
    end_if_stuck(conn, message != NULL ? wsuv_conn_send_prepared(conn, message) : WSUV_ENOMEM);
}

/* The start of every object: {"type": type, "id": ..., "nick": ... */
static void begin_event(json_t *json, const char *type, const struct person *person) {
  json_begin(json, NULL, '{');
  json_string(json, "type", type, strlen(type));
  json_number(json, "id", person->id);
  json_string(json, "nick", person->nick, strlen(person->nick));
}

/* Ends the object and sends it to everybody who is here. It is made into a message, and compressed, once for all of them. */
static void broadcast(wsuv_server_t *server, json_t *json) {
  wsuv_prepared_t *message = NULL;
  json_end(json, '}');
  if (!json->failed)
    (void)wsuv_prepared_new(&message, NULL, WSUV_TEXT, json->text, json->len, 0);
  wsuv_server_each(server, send_to_person, message);
  wsuv_prepared_free(message);
  json_free(json);
}

static void broadcast_event(wsuv_server_t *server, const char *type, const struct person *person) {
  json_t json = {0};
  begin_event(&json, type, person);
  broadcast(server, &json);
}

/* ---- nicknames ---- */

/* The length without the octets of a character that was begun and not ended. */
static size_t whole_characters(const char *text, size_t len) {
  while (len > 0 && (text[len - 1] & 0xc0) == 0x80)
    len--;
  return len > 0 ? len - 1 : 0;
}

/* A nickname is at most NICK_MAX octets of whole characters, without control characters and spaces around it. */
static void clean_nick(char nick[NICK_MAX + 1], const char *text, size_t len) {
  size_t n = 0, i = 0;
  for (; i < len && n < NICK_MAX; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c != 0x7f && (c != ' ' || n > 0))
      nick[n++] = (char)c;
  }
  if (i < len && (text[i] & 0xc0) == 0x80) /* cut inside a character */
    n = whole_characters(nick, n);
  while (n > 0 && nick[n - 1] == ' ')
    n--;
  nick[n] = '\0';
}

struct nick_search {
  const struct person *person; /* who wants it */
  char nick[NICK_SIZE];
  int taken;
};

static void compare_nick(wsuv_conn_t *conn, void *arg) {
  struct nick_search *search = (struct nick_search *)arg;
  const struct person *person = (const struct person *)wsuv_conn_data(conn);
  if (person != NULL && person != search->person && strcmp(person->nick, search->nick) == 0)
    search->taken = 1;
}

/* "Otter", or "Otter (2)" where somebody else has that already. */
static void take_free_nick(wsuv_server_t *server, struct person *person, const char *nick) {
  struct nick_search search = {.person = person, .taken = 1};
  for (int i = 1; search.taken && i <= PEOPLE_MAX + 1; i++) {
    snprintf(search.nick, sizeof search.nick, i == 1 ? "%s" : "%s (%d)", nick, i);
    search.taken = 0;
    wsuv_server_each(server, compare_nick, &search);
  }
  memcpy(person->nick, search.nick, sizeof person->nick);
}

/* ---- what a browser says ---- */

static void add_person(wsuv_conn_t *conn, void *arg) {
  const struct person *person = (const struct person *)wsuv_conn_data(conn);
  json_t *json = (json_t *)arg;
  if (person == NULL || person->nick[0] == '\0')
    return;
  json_begin(json, NULL, '{');
  json_number(json, "id", person->id);
  json_string(json, "nick", person->nick, strlen(person->nick));
  json_end(json, '}');
}

static void welcome(wsuv_conn_t *conn, const struct person *person) {
  json_t json = {0};
  begin_event(&json, "welcome", person);
  json_begin(&json, "people", '[');
  wsuv_server_each(wsuv_conn_server(conn), add_person, &json);
  json_end(&json, ']');
  json_end(&json, '}');
  send_json(conn, &json);
  json_free(&json);
}

static void take_nick(wsuv_conn_t *conn, struct person *person, const char *text, size_t len) {
  wsuv_server_t *server = wsuv_conn_server(conn);
  char nick[NICK_MAX + 1];
  int is_new = person->nick[0] == '\0';
  clean_nick(nick, text, len);
  take_free_nick(server, person, nick[0] != '\0' ? nick : "Nobody");
  if (is_new) {
    broadcast_event(server, "join", person);
    welcome(conn, person);
  } else
    broadcast_event(server, "rename", person);
}

static void take_message(wsuv_conn_t *conn, const struct person *person, const char *text,
                         size_t len) {
  uv_timeval64_t now = {0};
  json_t json = {0};
  if (len == 0)
    return;
  uv_gettimeofday(&now);
  begin_event(&json, "message", person);
  json_number(&json, "time", now.tv_sec * 1000 + now.tv_usec / 1000);
  json_string(&json, "text", text, len);
  broadcast(wsuv_conn_server(conn), &json);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct person *person = (struct person *)wsuv_conn_data(conn);
  const char *text = (const char *)payload;
  char letter = len > 0 ? text[0] : '\0';
  if (type != WSUV_TEXT)
    wsuv_conn_close(conn, WSUV_CLOSE_UNSUPPORTED_DATA, "text only");
  else if (letter == 'N')
    take_nick(conn, person, text + 1, len - 1);
  else if (letter == 'M' && person->nick[0] != '\0')
    take_message(conn, person, text + 1, len - 1);
  else
    wsuv_conn_close(conn, WSUV_CLOSE_POLICY_VIOLATION, "N and a nickname, then M and a message");
}

/* ---- coming and going ---- */

static void on_open(wsuv_conn_t *conn) {
  struct person *person = (struct person *)calloc(1, sizeof *person);
  if (person == NULL) {
    wsuv_conn_terminate(conn);
    return;
  }
  person->id = ++chat_of(conn)->last_id;
  wsuv_conn_set_data(conn, person);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct person *person = (struct person *)wsuv_conn_data(conn);
  (void)info;
  if (person == NULL)
    return;
  wsuv_conn_set_data(conn, NULL);
  if (person->nick[0] != '\0')
    broadcast_event(wsuv_conn_server(conn), "leave", person);
  free(person);
}

/* A page from elsewhere does not come so far: browsers say in Origin which page connects, and the server takes no other than
 * its own, unless options.origins says so. Without that any page on the web could talk to this server through the browser of
 * whoever looks at it (RFC 6455 10.2). */
static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  (void)server;
  if (!web_files_target_is(upgrade, "/chat"))
    web_files_refuse(upgrade, 404, "The chat is at /chat\n");
  else
    wsuv_upgrade_accept(upgrade, NULL);
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  (void)server;
  web_files_answer(&files, request);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_request = on_request};

/* ---- the program ---- */

/* Messages are compressed for browsers that offer it, each by itself. NULL without zlib: they are sent as they are then. */
static wsuv_deflate_t *allow_compression(wsuv_server_options_t *options,
                                         const wsuv_extension_t *extensions[1]) {
  wsuv_deflate_t *deflate;
  if (wsuv_deflate_new(&deflate, NULL) != 0)
    return NULL;
  extensions[0] = wsuv_deflate_extension(deflate);
  options->extensions = extensions;
  options->nextensions = 1;
  return deflate;
}

/* The page, too, comes over TLS then. 0, or the program's exit status. */
static int allow_tls(wsuv_server_options_t *options, const char *cert_file, const char *key_file) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t o = WSUV_TLS_OPTIONS_INIT;
  char why[160];
  if (cert_file == NULL)
    return 0;
  identity.cert_file = cert_file;
  identity.key_file = key_file;
  o.identities = &identity;
  o.nidentities = 1;
  int err = wsuv_tls_context_new(&options->tls, WSUV_SERVER, &o, why, sizeof why);
  return err != 0 ? serve_cannot_use_tls(err, why) : 0;
}

static int run(wsuv_server_options_t options, struct chat *chat) {
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  limits.max_message_size = MESSAGE_MAX;
  limits.write_limit = UNREAD_MAX;
  limits.write_high_water = UNREAD_MAX / 2;
  options.conn = &limits;
  options.max_connections = PEOPLE_MAX;

  wsuv_loop_t *loop;
  wsuv_server_t *server;
  const wsuv_extension_t *extensions[1];
  wsuv_deflate_t *deflate = allow_compression(&options, extensions);
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &server, &options, &handler, chat);
  int status = err != 0 ? serve_cannot_listen(&options, err) : serve(loop, server, &options);
  wsuv_deflate_free(deflate); /* when all connections are gone */
  return status;
}

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  options.port = SERVE_DEFAULT_PORT;
  const char *web = SAMPLES_WEB_DIR, *cert_file = NULL, *key_file = NULL;
  const cli_option_t table[] = {
      SERVE_OPTIONS(options),
      SERVE_TLS_OPTIONS(cert_file, key_file),
      {.name = "--web", .value = "DIR", .help = "folder of the page's files", .text = &web}};
  const cli_t cli = {
      "03_chat", "",
      "A chat: open http://HOST:PORT/ in several tabs, or https:// with --cert. The\n"
      "WebSocket is on /chat.",
      table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);
  if (key_file != NULL && cert_file == NULL)
    cli_usage_error(&cli, "--cert has to go with", "--key");

  struct chat chat = {0};
  const char *name;
  int err = web_files_load(page_files, NPAGE_FILES, web, &name);
  if (err != 0)
    fprintf(stderr, "cannot read %s in %s: %s\n", name, web, uv_strerror(err));
  int status = err != 0 ? CLI_RUNTIME_ERROR : allow_tls(&options, cert_file, key_file);
  if (status == 0)
    status = run(options, &chat);
  wsuv_tls_context_release(options.tls);
  web_files_free(page_files, NPAGE_FILES);
  return status;
}
