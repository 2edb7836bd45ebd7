/* The vectors of RFC 6455: every file of the folders below, each vector in every split and with every allocation failing, with
 * callbacks and without (CORE.9).
 * README.md describes the language. */
#include "support/check.h"
#include "vectors/vector_run.h"

static struct guard_page room;

struct case_of_role {
  const struct vector *vector;
  wsuv_role_t role;
};

static void run_split(void *arg, struct vector_split split) {
  const struct case_of_role *c = arg;
  int has_failed;
  vector_run_once(c->vector, c->role, split, 0, 0, &room, &has_failed);
}

static void run_failing(const struct case_of_role *c, enum vector_split_kind kind, int is_pull) {
  struct vector_split split = {kind, 0, 0, 0};
  int has_failed = 1;
  size_t n;
  for (n = 1; has_failed; n++)
    vector_run_once(c->vector, c->role, split, is_pull, n, &room, &has_failed);
}

/* covers: CORE.9 */
static void run_pull(const struct case_of_role *c, size_t total) {
  struct vector_split whole = {SPLIT_NOT, 0, 0, 0};
  struct vector_split bytes = {SPLIT_BYTES, 0, 0, 0};
  int has_failed;
  vector_run_once(c->vector, c->role, whole, 1, 0, &room, &has_failed);
  if (total < 2000)
    vector_run_once(c->vector, c->role, bytes, 1, 0, &room, &has_failed);
  run_failing(c, SPLIT_NOT, 1);
}

static void run_role(const struct vector *vector, wsuv_role_t role) {
  struct case_of_role c = {vector, role};
  struct vector_split whole = {SPLIT_NOT, 0, 0, 0};
  int has_failed;
  size_t total;
  if (!vector_wants_role(vector, role))
    return;
  total = vector_run_once(vector, role, whole, 0, 0, &room, &has_failed);
  vector_split_all(total, run_split, &c);
  run_failing(&c, SPLIT_NOT, 0);
  run_failing(&c, total < 2000 ? SPLIT_BYTES : SPLIT_NOT, 0);
  if (!vector_pauses(vector))
    run_pull(&c, total);
}

static void run_vector(const struct vector *vector) {
  run_role(vector, WSUV_SERVER);
  run_role(vector, WSUV_CLIENT);
}

int main(void) {
  const char *folder;
  int nfailed = 0;
  size_t i;
  room = guard_page_new(NULL, VECTOR_ROOM);
  for (i = 0; (folder = vector_protocol_folder(i)) != NULL; i++)
    nfailed += vector_run_folder(folder, run_vector);
  guard_page_free(&room);
  return nfailed;
}
