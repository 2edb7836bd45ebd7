/* The opening handshake as text: handshake/, every vector in every split and with every allocation failing. */
#include "support/check.h"
#include "vectors/opening_run.h"

static void run_split(void *vector, struct vector_split split) {
  int has_failed;
  opening_run_once(*(const struct vector **)vector, split, 0, &has_failed);
}

static void run_vector(const struct vector *vector) {
  struct vector_split whole = {SPLIT_NOT, 0, 0, 0};
  int has_failed = 1;
  size_t n;
  vector_split_all(opening_run_once(vector, whole, 0, &has_failed), run_split, &vector);
  for (n = 1, has_failed = 1; has_failed; n++)
    opening_run_once(vector, whole, n, &has_failed);
}

int main(void) {
  return vector_run_folder("handshake", run_vector);
}
