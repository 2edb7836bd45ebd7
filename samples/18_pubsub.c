/* Publish and subscribe, with a page that shows it live: the page on / (samples/web), a WebSocket on /topics, and for
 * Prometheus the library's numbers on /metrics.
 *
 *   18_pubsub                          then open http://127.0.0.1:9001/ in two tabs
 *   curl http://127.0.0.1:9001/metrics     for everybody here; a real server asks who wants to know, or where from
 *
 * A browser sends text messages: "subscribe NAME", "unsubscribe NAME", "publish NAME TEXT". The server sends JSON objects with
 * a "type": "subscribed", "unsubscribed", "published" (how many got it) and "error" to who asked; "message" and "value" to the
 * subscribers of a "topic". Some topics it publishes itself, each second: clock, presence (the subscribers of each topic), and
 * what wsuv/stats.h tells: connections, messages (sent in a second), dropped (since the start, for readers that are too slow),
 * queued (octets) and lag (milliseconds). Who reads too slowly gets of these only the newest.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "metrics_page.h"
#include "serve.h"
#include "web_files.h"

enum {
  NAME_MAX_LEN = 40,       /* octets of a topic's name: no spaces, no control characters */
  TOPICS_MAX = 64,         /* with the live ones */
  TOPICS_OF_ONE = 20,      /* connection */
  MESSAGE_MAX = 4096,      /* octets; over it the library closes with 1009 */
  UNREAD_MAX = 256 * 1024, /* octets that wait for one browser */
  CONNECTIONS_MAX = 10000  /* over it the library answers 503 */
};

/* Those of the server's own come first and stay. */
enum live { CLOCK, CONNECTIONS, MESSAGES, DROPPED, QUEUED, LAG, PRESENCE, NLIVE };

struct pubsub {
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  uv_timer_t timer;
  int interval_ms;
  uint64_t nsent;     /* messages, at the last tick */
  int64_t lag_max_ms; /* of all that was asked for since /metrics told it */
  char topics[TOPICS_MAX][NAME_MAX_LEN + 1];
  size_t ntopics;
};

static web_file_t page_files[] = {
    {.path = "/", .name = "pubsub.html", .type = "text/html; charset=utf-8"},
    {.path = "/pubsub.js", .name = "pubsub.js", .type = "text/javascript; charset=utf-8"},
    {.path = "/pubsub.css", .name = "pubsub.css", .type = "text/css; charset=utf-8"},
};

enum { NPAGE_FILES = sizeof page_files / sizeof page_files[0] };

/* The page may use nothing but its own files and a WebSocket to where it came from. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const web_files_t files = {
    .list = page_files, .count = NPAGE_FILES, .policy = policy, .where = "The page"};

static struct pubsub *pubsub_of(wsuv_conn_t *conn) {
  return (struct pubsub *)wsuv_server_data(wsuv_conn_server(conn));
}

static int64_t now_ms(void) {
  uv_timeval64_t now = {0};
  uv_gettimeofday(&now);
  return now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* ---- publishing ---- */

/* {"type": type, "topic": ... */
static void begin_object(json_t *json, const char *type, const char *topic) {
  json_begin(json, NULL, '{');
  json_string(json, "type", type, strlen(type));
  json_string(json, "topic", topic, strlen(topic));
}

/* Ends the object and publishes it: made into a message, and compressed, once for all. */
static wsuv_published_t publish(struct pubsub *ps, const char *topic, json_t *json,
                                const wsuv_publish_options_t *options) {
  wsuv_published_t published = {0};
  json_number(json, "time", now_ms());
  json_end(json, '}');
  if (!json->failed)
    wsuv_server_publish(ps->server, topic, WSUV_TEXT, json->text, json->len, options, &published);
  json_free(json);
  return published;
}

/* Of what a subscriber has not read yet only the newest is of interest; the key says of which topic. */
static void publish_live(struct pubsub *ps, enum live live, json_t *json) {
  wsuv_publish_options_t options = WSUV_PUBLISH_OPTIONS_INIT;
  options.slow = WSUV_SLOW_KEEP_LATEST;
  options.key = live;
  publish(ps, ps->topics[live], json, &options);
}

static void publish_number(struct pubsub *ps, enum live live, int64_t number) {
  json_t json = {0};
  begin_object(&json, "value", ps->topics[live]);
  json_number(&json, "value", number);
  publish_live(ps, live, &json);
}

static void publish_presence(struct pubsub *ps) {
  json_t json = {0};
  begin_object(&json, "value", ps->topics[PRESENCE]);
  json_number(&json, "value", (int64_t)wsuv_server_ntopics(ps->server));
  json_begin(&json, "topics", '[');
  for (size_t i = 0; i < ps->ntopics; i++) {
    json_begin(&json, NULL, '{');
    json_string(&json, "topic", ps->topics[i], strlen(ps->topics[i]));
    json_number(&json, "subscribers", (int64_t)wsuv_server_nsubscribers(ps->server, ps->topics[i]));
    json_end(&json, '}');
  }
  json_end(&json, ']');
  publish_live(ps, PRESENCE, &json);
}

/* Presence once more with 0, then it is not listed any more. */
static void forget_empty_topics(struct pubsub *ps) {
  for (size_t i = ps->ntopics; i-- > NLIVE;)
    if (wsuv_server_nsubscribers(ps->server, ps->topics[i]) == 0)
      memmove(ps->topics[i], ps->topics[--ps->ntopics], sizeof ps->topics[i]);
}

/* The largest lag is told once by the library, and here to two: to the page each second, and to who asks for /metrics. */
static wsuv_loop_stats_t take_stats(struct pubsub *ps) {
  wsuv_loop_stats_t stats = {.size = sizeof stats};
  wsuv_loop_stats(ps->loop, &stats);
  if (stats.lag_max_ms > ps->lag_max_ms)
    ps->lag_max_ms = stats.lag_max_ms;
  return stats;
}

static void on_tick(uv_timer_t *timer) {
  struct pubsub *ps = (struct pubsub *)timer->data;
  const wsuv_loop_stats_t stats = take_stats(ps);
  const wsuv_server_stats_t *server = &stats.total; /* the loop has no other */
  const wsuv_drops_t *drops = &server->drops;
  int64_t nsent = (int64_t)(server->sent.text - ps->nsent);
  ps->nsent = server->sent.text;
  publish_number(ps, CLOCK, now_ms());
  publish_number(ps, CONNECTIONS, (int64_t)server->open);
  publish_number(ps, MESSAGES, nsent * 1000 / ps->interval_ms);
  publish_number(ps, DROPPED, (int64_t)(drops->oldest + drops->replaced + drops->refused));
  publish_number(ps, QUEUED, (int64_t)server->queued);
  publish_number(ps, LAG, stats.lag_max_ms);
  publish_presence(ps);
  forget_empty_topics(ps);
}

/* ---- what a browser asks for ---- */

static void answer(wsuv_conn_t *conn, json_t *json) {
  json_end(json, '}');
  int err = json->failed ? WSUV_ENOMEM : wsuv_conn_send_text(conn, json->text, json->len);
  json_free(json);
  if (err == WSUV_EQUEUEFULL || err == WSUV_ENOMEM) /* it asks and does not read */
    wsuv_conn_terminate(conn);
}

static void answer_simply(wsuv_conn_t *conn, const char *type, const char *topic) {
  json_t json = {0};
  begin_object(&json, type, topic);
  answer(conn, &json);
}

static void answer_error(wsuv_conn_t *conn, const char *topic, const char *text) {
  json_t json = {0};
  begin_object(&json, "error", topic);
  json_string(&json, "text", text, strlen(text));
  answer(conn, &json);
}

/* Puts the name among those whose presence is told; 0 if there are too many. */
static int know_topic(struct pubsub *ps, const char *name) {
  for (size_t i = 0; i < ps->ntopics; i++)
    if (strcmp(ps->topics[i], name) == 0)
      return 1;
  if (ps->ntopics == TOPICS_MAX)
    return 0;
  snprintf(ps->topics[ps->ntopics++], NAME_MAX_LEN + 1, "%s", name);
  return 1;
}

static void subscribe(wsuv_conn_t *conn, const char *topic) {
  int err = wsuv_conn_subscribe(conn, topic);
  if (err == 0 && !know_topic(pubsub_of(conn), topic)) {
    wsuv_conn_unsubscribe(conn, topic);
    err = WSUV_ESUBSCRIPTIONS;
  }
  if (err != 0)
    answer_error(conn, topic, wsuv_strerror(err));
  else
    answer_simply(conn, "subscribed", topic);
}

static void publish_text(wsuv_conn_t *conn, const char *topic, const char *text, size_t len) {
  struct pubsub *ps = pubsub_of(conn);
  json_t json = {0}, result = {0};
  for (int i = 0; i < NLIVE; i++) {
    if (strcmp(topic, ps->topics[i]) == 0) {
      answer_error(conn, topic, "this topic is the server's own");
      return;
    }
  }
  begin_object(&json, "message", topic);
  json_string(&json, "text", text, len);
  wsuv_published_t published = publish(ps, topic, &json, NULL);
  begin_object(&result, "published", topic);
  json_number(&result, "sent", (int64_t)published.sent);
  json_number(&result, "refused", (int64_t)(published.refused + published.failed));
  answer(conn, &result);
}

/* Takes the word in front of a space or the end; 0 if it does not fit or has control characters. */
static int take_word(const char **text, size_t *len, char *word, size_t size) {
  size_t n = 0;
  for (; n < *len && (*text)[n] != ' '; n++) {
    if (n + 1 >= size || (unsigned char)(*text)[n] < ' ')
      return 0;
    word[n] = (*text)[n];
  }
  word[n] = '\0';
  size_t taken = n < *len ? n + 1 : n;
  *text += taken;
  *len -= taken;
  return n > 0;
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  const char *text = (const char *)payload;
  char verb[16], topic[NAME_MAX_LEN + 1];
  if (type != WSUV_TEXT)
    wsuv_conn_close(conn, WSUV_CLOSE_UNSUPPORTED_DATA, "text only");
  else if (!take_word(&text, &len, verb, sizeof verb) ||
           !take_word(&text, &len, topic, sizeof topic))
    answer_error(conn, "", "a verb and a topic of 1 to 40 octets");
  else if (strcmp(verb, "subscribe") == 0)
    subscribe(conn, topic);
  else if (strcmp(verb, "publish") == 0)
    publish_text(conn, topic, text, len);
  else if (strcmp(verb, "unsubscribe") == 0) {
    wsuv_conn_unsubscribe(conn, topic);
    answer_simply(conn, "unsubscribed", topic);
  } else
    answer_error(conn, topic, "the verbs are subscribe, unsubscribe and publish");
}

/* The library ends the subscriptions. */
static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

/* ---- coming ---- */

/* Pages from elsewhere do not get here: the library answers 403 to any Origin but the server's own (RFC 6455 10.2). */
static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  (void)server;
  if (web_files_target_is(upgrade, "/topics"))
    wsuv_upgrade_accept(upgrade, NULL);
  else
    web_files_refuse(upgrade, 404, "The topics are at /topics\n");
}

static void answer_metrics(struct pubsub *ps, wsuv_upgrade_t *request) {
  wsuv_loop_stats_t stats = take_stats(ps);
  stats.lag_max_ms = ps->lag_max_ms;
  ps->lag_max_ms = 0;
  metrics_page_answer(&stats, request);
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  if (web_files_target_is(request, "/metrics"))
    answer_metrics((struct pubsub *)wsuv_server_data(server), request);
  else
    web_files_answer(&files, request);
}

static void on_server_close(wsuv_server_t *server) {
  struct pubsub *ps = (struct pubsub *)wsuv_server_data(server);
  uv_close((uv_handle_t *)&ps->timer, NULL);
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t), .on_message = on_message, .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_request = on_request,
                                              .on_close = on_server_close};

/* ---- the program ---- */

static void start_timer(struct pubsub *ps) {
  uv_timer_init(wsuv_loop_uv(ps->loop), &ps->timer);
  uv_unref((uv_handle_t *)&ps->timer);
  ps->timer.data = ps;
  uv_timer_start(&ps->timer, on_tick, (uint64_t)ps->interval_ms, (uint64_t)ps->interval_ms);
}

/* Without zlib messages are sent as they are; no context is kept, so that they are compressed once for all. */
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

static int run(wsuv_server_options_t options, struct pubsub *ps) {
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  limits.max_message_size = MESSAGE_MAX;
  limits.write_limit = UNREAD_MAX;
  options.conn = &limits;
  options.max_connections = CONNECTIONS_MAX;
  options.max_subscriptions = TOPICS_OF_ONE;

  const wsuv_extension_t *extensions[1];
  wsuv_deflate_t *deflate = allow_compression(&options, extensions);
  int err = wsuv_loop_new(&ps->loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(ps->loop, &ps->server, &options, &handler, ps);
  if (err == 0)
    start_timer(ps);
  int status =
      err != 0 ? serve_cannot_listen(&options, err) : serve(ps->loop, ps->server, &options);
  wsuv_deflate_free(deflate); /* when all connections are gone */
  return status;
}

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct pubsub ps = {
      .interval_ms = 1000,
      .topics = {"clock", "connections", "messages", "dropped", "queued", "lag", "presence"},
      .ntopics = NLIVE};
  const char *web = SAMPLES_WEB_DIR, *name;
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      SERVE_OPTIONS(options),
      {.name = "--interval-ms",
       .value = "N",
       .help = "milliseconds between two values of the server's own topics [1000]",
       .number = &ps.interval_ms,
       .min = 10,
       .max = 3600000},
      {.name = "--web", .value = "DIR", .help = "folder of the page's files", .text = &web}};
  const cli_t cli = {"18_pubsub", "",
                     "Topics: open http://HOST:PORT/ in several tabs. The WebSocket is on /topics.",
                     table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  int err = web_files_load(page_files, NPAGE_FILES, web, &name);
  if (err != 0)
    fprintf(stderr, "cannot read %s in %s: %s\n", name, web, uv_strerror(err));
  int status = err != 0 ? CLI_RUNTIME_ERROR : run(options, &ps);
  web_files_free(page_files, NPAGE_FILES);
  return status;
}
