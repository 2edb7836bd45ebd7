/* The seed's rows about token lists and the opening handshake: TOK, HSK, HSC, HSS.
 *
 * Each operation tells what the library did in the words of the file ("ok ...", "err Kind ..."), taken from the error
 * code and the fault's attributes, and the two texts are compared.
 *
 * covers: CORE.11 TOK.1 TOK.2 TOK.3 TOK.4 TOK.5 HSK.2 HSK.3 HSK.12 HSK.14 HSC.8 HSC.13 HSC.14 HSS.10 ERR.1 ERR.3 ERR.4
 * ERR.5 ERR.6 ERR.7 ERR.9 ERR.11 ERR.16 ERR.17 ERR.18 */
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "vectors/seed_setup.h"
#include "vectors/seed_vectors.h"
#include "vectors/seed_words.h"
#include "wsuv/handshake.h"

/* Where a later decision took the place of what the row asks for. */
static const struct {
  const char *id;
  const char *expected;
} decided[] = {
    /* DEC.7: user information becomes Authorization. */
    {"HSC-007",
     "ok GET / HTTP/1.1%0D%0AHost: haha.tld:81%0D%0AUpgrade: websocket%0D%0AConnection: "
     "Upgrade%0D%0ASec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==%0D%0ASec-WebSocket-Version: "
     "13%0D%0AAuthorization: Basic dTpw%0D%0A%0D%0A"},
};

static const char *expected_of(const struct seed_row *row) {
  size_t i;
  for (i = 0; i < sizeof decided / sizeof decided[0]; i++)
    if (strcmp(decided[i].id, row->id) == 0)
      return decided[i].expected;
  return seed_row_expected(row);
}

/* ---- steps ---- */

static void give_header(wsuv_handshake_t *h, const char *line, size_t len) {
  struct seed_text text = {NULL, 0};
  const char *colon;
  const char *value;
  size_t name_len;
  seed_text_add_unescaped(&text, line, len);
  colon = memchr(text.data, ':', text.len);
  CHECK_NOT_NULL(colon);
  name_len = (size_t)(colon - text.data);
  value = text.len > name_len + 1 ? colon + 2 : colon + 1;
  if (strcmp(line + name_len, ": %00undef") == 0)
    value = NULL; /* the seed's undefined value */
  CHECK_ERR(0, wsuv_handshake_header(h, text.data, name_len, value,
                                     value != NULL ? text.len - (size_t)(value - text.data) : 0));
  seed_text_free(&text);
}

static void give_headers(wsuv_handshake_t *h, const char *list) {
  const char *line;
  size_t len;
  if (strcmp(list, "-") == 0)
    return;
  while (seed_next_piece(&list, "|", &line, &len))
    if (len > 0)
      give_header(h, line, len);
}

static wsuv_handshake_t *new_handshake(struct seed_setup *s, const struct seed_row *row,
                                       wsuv_role_t role) {
  wsuv_handshake_t *h;
  seed_setup_init(s, row, role);
  CHECK_ERR(0, wsuv_handshake_new(&h, &s->options));
  if (role == WSUV_CLIENT)
    CHECK_ERR(0, wsuv_handshake_status_line(h, 101));
  else
    CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  return h;
}

static void add_agreed(struct seed_text *out, const wsuv_handshake_t *h) {
  const char *subprotocol = wsuv_handshake_subprotocol(h);
  size_t n = wsuv_handshake_nextensions(h);
  size_t i;
  seed_text_add_str(out, "ok sub=");
  seed_text_add_str(out, subprotocol != NULL ? subprotocol : "-");
  seed_text_add_str(out, " ext=");
  for (i = 0; i < n; i++) {
    seed_text_add_str(out, i > 0 ? "," : "");
    seed_text_add_str(out, wsuv_handshake_extension_at(h, i).extension->token);
  }
  seed_text_add_str(out, n == 0 ? "-" : "");
}

/* ---- operations ---- */

static void split_tokens(const struct seed_row *row, struct seed_text *out) {
  struct seed_text input = {NULL, 0};
  wsuv_span_t rest;
  wsuv_span_t token;
  size_t n = 0;
  int got;
  if (strcmp(row->input, "-") != 0)
    seed_text_add_unescaped(&input, row->input, strlen(row->input));
  rest.data = (const uint8_t *)input.data;
  rest.len = input.len;
  seed_text_add_str(out, "ok ");
  while ((got = wsuv_token_next(&rest, &token)) == 1) {
    seed_text_add_str(out, n++ > 0 ? "|" : "");
    seed_text_add_escaped(out, token.data, token.len);
  }
  if (got != 0) {
    seed_text_free(out);
    seed_text_add_str(out, "err BadToken ");
    seed_text_add_escaped(out, token.data, token.len);
  } else if (n == 0) {
    seed_text_add_str(out, "-");
  }
  seed_text_free(&input);
}

static void accept_key(const struct seed_row *row, struct seed_text *out) {
  char accept[29];
  size_t len = strcmp(row->input, "-") == 0 ? 0 : strlen(row->input);
  int err = wsuv_handshake_accept_key(row->input, len, accept);
  seed_text_add_str(out, err == 0 ? "ok " : "err BadArg key");
  seed_text_add_str(out, err == 0 ? accept : "");
}

static void client_keylen(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_CLIENT);
  wsuv_span_t text;
  struct seed_text copy = {NULL, 0};
  const char *key;
  CHECK_ERR(0, wsuv_handshake_request(h, &text));
  seed_text_add(&copy, text.data, text.len);
  key = strstr(copy.data, "Sec-WebSocket-Key: ");
  CHECK_NOT_NULL(key);
  key += 19;
  CHECK_TRUE(strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22);
  CHECK_TRUE(strncmp(key + 22, "==\r\n", 4) == 0);
  seed_text_add_str(out,
                    "ok decoded_len=16"); /* 22 characters of 6 bits, the last 4 of them padding */
  seed_text_free(&copy);
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void client_text(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h;
  wsuv_span_t text;
  int err;
  seed_setup_init(&s, row, WSUV_CLIENT);
  err = wsuv_handshake_new(&h, &s.options);
  if (err == 0) {
    CHECK_ERR(0, wsuv_handshake_request(h, &text));
    seed_text_add_str(out, "ok ");
    seed_text_add_escaped(out, text.data, text.len);
  } else {
    seed_text_add_str(out, err == WSUV_EURL ? "err BadArg uri" : "err BadArg headers");
  }
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void client_new(const struct seed_row *row, struct seed_text *out) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_handshake_t *h;
  int err;
  options.url = strcmp(row->input, "-") == 0 ? NULL : row->input;
  err = wsuv_handshake_new(&h, &options);
  seed_text_add_str(out, err == 0 ? "ok" : err == WSUV_EURL ? "err BadArg uri" : "err other");
  wsuv_handshake_free(h);
}

/* The status is judged first: any other fault means that it was right. */
static void client_status(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_CLIENT);
  CHECK_ERR(0, wsuv_handshake_status_line(h, (int)strtol(row->input, NULL, 10)));
  if (wsuv_handshake_finish(h) == WSUV_ESTATUS) {
    seed_words_add_error(out, h);
  } else {
    seed_text_add_str(out, "ok");
  }
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void client_consume(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_CLIENT);
  int err;
  give_headers(h, row->input);
  err = wsuv_handshake_finish(h);
  if (err == 0)
    add_agreed(out, h);
  else
    seed_words_add_error(out, h);
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void server_protocol(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  const char *dot = strchr(row->input, '.');
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, row->input[5] - '0',
                                           dot != NULL ? dot[1] - '0' : 0));
  if (wsuv_handshake_finish(h) == WSUV_EHTTPVERSION) {
    seed_words_add_error(out, h);
  } else {
    seed_text_add_str(out, "ok");
  }
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void server_method(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  int err;
  CHECK_ERR(0, wsuv_handshake_request_line(h, row->input, strlen(row->input), 1, 1));
  err = wsuv_handshake_finish(h);
  if (err == WSUV_EMETHOD)
    seed_words_add_error(out, h);
  else
    seed_text_add_str(out, "ok");
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void add_accept(struct seed_text *out, wsuv_handshake_t *h) {
  struct seed_text copy = {NULL, 0};
  wsuv_span_t text;
  const char *accept;
  CHECK_ERR(0, wsuv_handshake_response(h, NULL, 0, &text));
  seed_text_add(&copy, text.data, text.len);
  accept = strstr(copy.data, "Sec-WebSocket-Accept: ");
  CHECK_NOT_NULL(accept);
  seed_text_add_str(out, " accept=");
  seed_text_add(out, accept + 22, strcspn(accept + 22, "\r"));
  seed_text_free(&copy);
}

static void server_consume(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  int err;
  give_headers(h, row->input);
  err = wsuv_handshake_finish(h);
  if (err == 0) {
    add_agreed(out, h);
    add_accept(out, h);
  } else {
    seed_words_add_error(out, h);
  }
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void server_text(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  wsuv_span_t text;
  int err;
  give_headers(h, row->input);
  if (strcmp(row->input, "-") != 0)
    CHECK_ERR(0, wsuv_handshake_finish(h));
  err = wsuv_handshake_response(h, s.headers, s.nheaders, &text);
  if (err == 0) {
    seed_text_add_str(out, "ok ");
    seed_text_add_escaped(out, text.data, text.len);
  } else {
    CHECK_ERR(WSUV_ESTATE, err);
    seed_text_add_str(out, "err BadArg key"); /* no request, no key, no response */
  }
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

/* The input is the field's value, line by line; the answer is the value that the response carries. */
static void server_customext(const struct seed_row *row, struct seed_text *out) {
  static const char before[] = "Sec-WebSocket-Extensions: ";
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  struct seed_text copy = {NULL, 0};
  const char *lines = row->input;
  const char *line;
  const char *answer;
  size_t len;
  wsuv_span_t text;
  give_headers(h, "sec-websocket-version: 13|sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==|"
                  "connection: upgrade|upgrade: websocket");
  while (seed_next_piece(&lines, "|", &line, &len)) {
    struct seed_text value = {NULL, 0};
    seed_text_add_unescaped(&value, line, len);
    CHECK_ERR(0, wsuv_handshake_header(h, before, sizeof before - 3, value.data, value.len));
    seed_text_free(&value);
  }
  CHECK_ERR(0, wsuv_handshake_finish(h));
  CHECK_ERR(0, wsuv_handshake_response(h, NULL, 0, &text));
  seed_text_add(&copy, text.data, text.len);
  answer = strstr(copy.data, before);
  CHECK_NOT_NULL(answer);
  answer += sizeof before - 1;
  seed_text_add_str(out, "ok ");
  seed_text_add_escaped(out, answer, strcspn(answer, "\r"));
  seed_text_free(&copy);
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

static void server_subprotocol_early(const struct seed_row *row, struct seed_text *out) {
  struct seed_setup s;
  wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
  CHECK_NULL(wsuv_handshake_subprotocol(h));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_select_subprotocol(h, NULL));
  seed_text_add_str(out, "err BadState");
  wsuv_handshake_free(h);
  seed_setup_free(&s);
}

/* The seed judges after every call; here a handshake is judged once, so each stage gets one of its own. */
static void server_incremental(const struct seed_row *row, struct seed_text *out) {
  const char *stages = row->input;
  const char *stage;
  size_t len;
  size_t n = 0;
  while (seed_next_piece(&stages, "||", &stage, &len)) {
    struct seed_setup s;
    wsuv_handshake_t *h = new_handshake(&s, row, WSUV_SERVER);
    struct seed_text so_far = {NULL, 0};
    int err;
    seed_text_add(&so_far, row->input, (size_t)(stage + len - row->input));
    give_headers(h, so_far.data);
    err = wsuv_handshake_finish(h);
    seed_text_add_str(out, n++ > 0 ? " / " : "");
    if (err == 0)
      seed_text_add_str(out, "ok");
    else
      seed_words_add_error(out, h);
    seed_text_free(&so_far);
    wsuv_handshake_free(h);
    seed_setup_free(&s);
  }
}

static const struct {
  const char *op;
  void (*run)(const struct seed_row *row, struct seed_text *out);
} operations[] = {
    {"http.split_tokens", split_tokens},
    {"hs.accept", accept_key},
    {"hs.client.keylen", client_keylen},
    {"hs.client.text", client_text},
    {"hs.client.new", client_new},
    {"hs.client.status", client_status},
    {"hs.client.consume", client_consume},
    {"hs.server.protocol", server_protocol},
    {"hs.server.method", server_method},
    {"hs.server.consume", server_consume},
    {"hs.server.text", server_text},
    {"hs.server.customext", server_customext},
    {"hs.server.subprotocol_early", server_subprotocol_early},
    {"hs.server.incremental", server_incremental},
};

static void run_row(const struct seed_row *row) {
  struct seed_text actual = {NULL, 0};
  size_t i;
  if (strcmp(seed_row_expected(row), "n/a") == 0)
    seed_skip(row, row->note);
  for (i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].op, row->op) != 0)
      continue;
    operations[i].run(row, &actual);
    CHECK_STR(expected_of(row), actual.data);
    seed_text_free(&actual);
    return;
  }
  fail_msg("%s: unknown operation %s", row->id, row->op);
}

int main(void) {
  static const char *const prefixes[] = {"TOK-", "HSK-", "HSC-", "HSS-"};
  return seed_run("seed: http", prefixes, 4, run_row);
}
