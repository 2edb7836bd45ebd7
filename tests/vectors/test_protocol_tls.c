/* The vectors of test_protocol and test_opening over TLS: what a vector puts in is written by one TLS stream and read by
 * another, which gives it to the endpoint; what the endpoint sends goes back the same way. Over TCP and over unix sockets, TLS
 * 1.3 and 1.2, with records of every size. Each mode below counts the vectors that it ran: they are those of the files, or left
 * out for the reason given. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "vectors/opening_run.h"
#include "vectors/vector_run.h"
#include "vectors/vector_tls.h"

enum { BYTES_MAX = 2048, CUTS_MAX = 40, NCARRIERS = 3 };

static struct guard_page room;
static size_t ncarriers = NCARRIERS; /* under valgrind the first one alone */
static size_t cut_step = 1;
static int is_opening; /* the folder that is run is handshake/ */

/* ---- connections ---- */

struct carrier {
  const char *name;
  enum vector_tls_path path;
  int is_1_2;
  struct vector_tls *wires[WSUV_CLIENT + 1]; /* by role of the endpoint */
  size_t nconnections;
};

static struct carrier carriers[NCARRIERS] = {
    {"TCP, TLS 1.3", OVER_TCP, 0, {NULL}, 0},
    {"unix sockets, TLS 1.3", OVER_PIPE, 0, {NULL}, 0},
    {"TCP, TLS 1.2", OVER_TCP, 1, {NULL}, 0},
};

/* While it is in use it is not in its place: a vector that fails leaves it as it is, and the next one gets another. */
static struct vector_tls *borrow(struct carrier *carrier, wsuv_role_t role) {
  struct vector_tls *wire = carrier->wires[role];
  carrier->wires[role] = NULL;
  return wire != NULL ? wire : vector_tls_open(carrier->path, role, carrier->is_1_2);
}

static void close_carrier(struct carrier *carrier, wsuv_role_t role) {
  struct vector_tls *wire = carrier->wires[role];
  if (wire == NULL)
    return;
  carrier->wires[role] = NULL;
  carrier->nconnections += wire->nconnections;
  vector_tls_close(wire);
}

/* ---- modes ---- */

struct mode {
  const char *name;
  enum vector_split_kind split;
  struct vector_tls_mode tls;
  int is_pull; /* events are asked for: not where the vector pauses by itself, nor in an opening */
  size_t max_len; /* of the input: longer ones are left out; 0: none is */
  int only_13;    /* there are no key updates before TLS 1.3 */
  size_t nrun;
  size_t ntoo_long;
  size_t nunasked;
};

static struct mode modes[] = {
    {.name = "all between two expectations is one write", .split = SPLIT_NOT},
    {.name = "and events are asked for", .split = SPLIT_NOT, .is_pull = 1},
    {.name = "each line is one write, the first with the handshake's last octets",
     .split = SPLIT_LINES,
     .tls = {.is_early = 1, .ends = 1}},
    {.name = "each line is one write", .split = SPLIT_LINES},
    {.name = "each line, with new keys", .split = SPLIT_LINES, .tls = {.rekeys = 1}, .only_13 = 1},
    {.name = "random records", .split = SPLIT_RANDOM},
    {.name = "each octet is a record", .split = SPLIT_BYTES, .max_len = BYTES_MAX},
    {.name = "each octet is a record and comes alone",
     .split = SPLIT_BYTES,
     .tls = {.is_apart = 1},
     .max_len = BYTES_MAX},
    {.name = "two records, cut at every place",
     .split = SPLIT_AT,
     .tls = {.is_apart = 1},
     .max_len = CUTS_MAX},
};

enum { NMODES = sizeof modes / sizeof modes[0] };

static void run_split(const struct vector *vector, wsuv_role_t role, struct carrier *carrier,
                      const struct mode *mode, struct vector_split split) {
  struct vector_tls *wire = borrow(carrier, role);
  struct vector_wire *base = vector_tls_begin(wire, mode->tls);
  if (is_opening)
    (void)opening_run_over(base, vector, split);
  else
    (void)vector_run_over(base, vector, role, split, mode->is_pull, &room);
  vector_tls_rest(wire);
  carrier->wires[role] = wire;
}

static void run_mode(const struct vector *vector, wsuv_role_t role, struct carrier *carrier,
                     struct mode *mode, size_t total) {
  struct vector_split split = {mode->split, 1, 1, 0};
  if (mode->only_13 && carrier->is_1_2)
    return;
  if (mode->is_pull && (is_opening || vector_pauses(vector))) {
    mode->nunasked++;
    return;
  }
  if (mode->max_len > 0 && total > mode->max_len) {
    mode->ntoo_long++;
    return;
  }
  do
    run_split(vector, role, carrier, mode, split);
  while (split.kind == SPLIT_AT && (split.at += cut_step) < total);
  mode->nrun++;
}

/* Octets that go in, by the runner without a wire. */
static size_t measure(const struct vector *vector, wsuv_role_t role) {
  const struct vector_split whole = {SPLIT_NOT, 0, 0, 0};
  int has_failed;
  return is_opening ? opening_run_once(vector, whole, 0, &has_failed)
                    : vector_run_once(vector, role, whole, 0, 0, &room, &has_failed);
}

static void run_role(const struct vector *vector, wsuv_role_t role) {
  size_t total;
  size_t i;
  size_t j;
  if (!vector_wants_role(vector, role))
    return;
  total = measure(vector, role);
  for (i = 0; i < ncarriers; i++)
    for (j = 0; j < NMODES; j++)
      run_mode(vector, role, &carriers[i], &modes[j], total);
}

static void run_vector(const struct vector *vector) {
  run_role(vector, WSUV_SERVER);
  run_role(vector, WSUV_CLIENT);
}

/* ---- what no vector is large enough for ---- */

/* More than a socket takes at once, and than a buffer of the reader's holds; the last piece that is encrypted is a small
 * one. */
enum { LARGE = 23 * 65536 + 1002, NSPANS = 5 };

struct reader {
  int stops; /* now and then, amid what was decrypted */
  int wants;
  size_t nread; /* what it was, the wire compares */
};

static int reader_wants(void *owner) {
  return ((struct reader *)owner)->wants;
}

static void reader_take(void *owner, const uint8_t *bytes, size_t len) {
  struct reader *reader = owner;
  (void)bytes;
  reader->nread += len;
  reader->wants = !reader->stops || reader->nread % 3 != 0;
}

static void attach_reader(struct vector_wire *base, struct reader *reader) {
  base->wants = reader_wants;
  base->take = reader_take;
  base->owner = reader;
}

/* The peer writes all of it while nobody reads. */
static void read_large(struct vector_tls *wire, const uint8_t *large) {
  struct vector_wire *base = &wire->base;
  struct reader reader = {1, 0, 0};
  attach_reader(base, &reader);
  base->put(base, large, 1);
  base->put(base, large + 1, LARGE / 2);
  base->put(base, large + 1 + LARGE / 2, LARGE - 1 - LARGE / 2);
  while (reader.nread < LARGE) {
    reader.wants = 1;
    base->arrive(base);
  }
  CHECK_SIZE(LARGE, reader.nread);
}

/* Every way that octets of several spans lie in records: in one, over several, with more behind them. Meanwhile the peer asks
 * for other keys, and the answer to that must not get lost among them. */
static void send_large(struct vector_tls *wire, const uint8_t *large) {
  static const size_t lens[NSPANS] = {4, 70000, 10, 16384, LARGE - 4 - 70000 - 10 - 16384};
  struct vector_wire *base = &wire->base;
  struct vector_bytes out = {NULL, 0, 0};
  struct reader reader = {0, 1, 0};
  size_t nsent = 0;
  attach_reader(base, &reader);
  while (nsent < LARGE) {
    wsuv_span_t spans[NSPANS];
    size_t nspans = 0;
    size_t start = 0;
    size_t i;
    for (i = 0; i < NSPANS; start += lens[i++]) {
      size_t skip = nsent > start ? nsent - start : 0;
      if (skip >= lens[i])
        continue;
      spans[nspans].data = large + start + skip;
      spans[nspans++].len = lens[i] - skip;
    }
    base->put(base, large, 1);
    nsent += base->send(base, spans, nspans);
  }
  base->collect(base, &out);
  base->arrive(base);
  CHECK_BYTES(large, LARGE, out.data, out.len);
  vector_bytes_free(&out);
}

/* The end is told behind the octets, even if they come together. */
static void read_little_and_end(struct vector_tls *wire, const uint8_t *large) {
  struct vector_wire *base = &wire->base;
  struct reader reader = {0, 0, 0};
  attach_reader(base, &reader);
  base->put(base, large, 100);
  VECTOR_TLS_UNTIL(wire, !wire->peer.is_writing);
  vector_tls_shut_down(&wire->peer);
  reader.wants = 1;
  base->arrive(base);
  CHECK_SIZE(100, reader.nread);
}

/* The peer ends its side while it is still writing. */
static void read_large_and_end(struct vector_tls *wire, const uint8_t *large) {
  struct vector_wire *base = &wire->base;
  struct reader reader = {0, 1, 0};
  attach_reader(base, &reader);
  base->put(base, large, 1);
  base->put(base, large + 1, 1);
  base->put(base, large + 2, LARGE - 2);
  CHECK_TRUE(wire->peer.is_writing); /* a connection's third write is not tried at once */
  vector_tls_shut_down(&wire->peer);
  base->arrive(base);
  CHECK_SIZE(LARGE, reader.nread);
}

static void run_large(struct carrier *carrier, wsuv_role_t role, const uint8_t *large) {
  const struct vector_tls_mode mode = {.rekeys = !carrier->is_1_2, .ends = 1};
  struct vector_tls *wire = borrow(carrier, role);
  (void)vector_tls_begin(wire, mode);
  read_large(wire, large);
  send_large(wire, large);
  send_large(wire, large); /* begins with another way of writing */
  read_little_and_end(wire, large);
  vector_tls_rest(wire);
  (void)vector_tls_begin(wire, mode);
  read_large_and_end(wire, large);
  vector_tls_rest(wire);
  carrier->wires[role] = wire;
}

static void test_large(void **state) {
  uint8_t *large = malloc(LARGE);
  size_t i;
  (void)state;
  CHECK_NOT_NULL(large);
  for (i = 0; i < LARGE; i++)
    large[i] = (uint8_t)(i * 2654435761u >> 16);
  for (i = 0; i < ncarriers; i++) {
    run_large(&carriers[i], WSUV_SERVER, large);
    run_large(&carriers[i], WSUV_CLIENT, large);
  }
  free(large);
}

/* ---- that none was left out ---- */

/* Vectors of a file, each once for every role it asks for; read as plain text, not as the runner reads it. */
static size_t count_in_file(const char *path) {
  FILE *file = fopen(path, "r");
  char line[4096];
  size_t n = 0;
  CHECK_NOT_NULL(file);
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "role ", 5) == 0)
      n += strncmp(line + 5, "both", 4) == 0 ? 2 : 1;
  fclose(file);
  return n;
}

static size_t count_in_folder(const char *folder) {
  char path[1024];
  struct dirent *entry;
  size_t n = 0;
  DIR *dir;
  snprintf(path, sizeof path, "%s/vectors/%s", WSUV_TESTS_DIR, folder);
  dir = opendir(path);
  CHECK_NOT_NULL(dir);
  while ((entry = readdir(dir)) != NULL) {
    if (strstr(entry->d_name, ".txt") == NULL)
      continue;
    snprintf(path, sizeof path, "%s/vectors/%s/%.255s", WSUV_TESTS_DIR, folder, entry->d_name);
    n += count_in_file(path);
  }
  closedir(dir);
  return n;
}

static void test_all_were_run(void **state) {
  const char *folder;
  const size_t ncarriers13 = ncarriers < NCARRIERS ? ncarriers : NCARRIERS - 1;
  size_t expected = count_in_folder("handshake");
  size_t i;
  (void)state;
  for (i = 0; (folder = vector_protocol_folder(i)) != NULL; i++)
    expected += count_in_folder(folder);
  print_message("%zu vectors and roles in the files\n", expected);
  CHECK_TRUE(expected > 500);
  for (i = 0; i < NMODES; i++) {
    const struct mode *mode = &modes[i];
    print_message("%5zu run, left out: %zu with more than %zu octets, %zu for which events cannot "
                  "be asked: %s\n",
                  mode->nrun, mode->ntoo_long, mode->max_len, mode->nunasked, mode->name);
    CHECK_SIZE(expected * (mode->only_13 ? ncarriers13 : ncarriers),
               mode->nrun + mode->ntoo_long + mode->nunasked);
  }
}

static void test_connections_end(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < ncarriers; i++) {
    close_carrier(&carriers[i], WSUV_SERVER);
    close_carrier(&carriers[i], WSUV_CLIENT);
    print_message("%zu connections: %s\n", carriers[i].nconnections, carriers[i].name);
  }
}

int main(void) {
  static const struct CMUnitTest at_the_end[] = {
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_connections_end),
      cmocka_unit_test(test_all_were_run),
  };
  const char *folder;
  int nfailed = 0;
  size_t i;
  if (getenv("WSUV_SLOW_RUN") != NULL) {
    ncarriers = 1;
    cut_step = 31;
  }
  room = guard_page_new(NULL, VECTOR_ROOM);
  for (i = 0; (folder = vector_protocol_folder(i)) != NULL; i++)
    nfailed += vector_run_folder(folder, run_vector);
  is_opening = 1;
  nfailed += vector_run_folder("handshake", run_vector);
  nfailed += cmocka_run_group_tests_name("the end", at_the_end, NULL, NULL);
  guard_page_free(&room);
  return nfailed;
}
