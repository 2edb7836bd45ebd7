/* Runs a fuzz target over its corpus without a fuzzer: every file of the directories named on the command line, whole
 * and cut off at every length (long ones at 64 places), each in memory that ends at a page that cannot be touched. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/guard_page.h"

enum { MAX_PATH_LEN = 4096, MAX_CUTS = 64, SKIPPED = 77 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t ninputs;

static void run_input(const uint8_t *data, size_t size) {
  struct guard_page page = guard_page_new(data, size);
  LLVMFuzzerTestOneInput(page.data, page.len);
  guard_page_free(&page);
  ninputs++;
}

static void run_with_cuts(const uint8_t *data, size_t size) {
  size_t step = size / MAX_CUTS + 1;
  size_t cut;
  for (cut = 0; cut < size; cut += step)
    run_input(data, cut);
  run_input(data, size);
}

static int run_file(const char *path, size_t size) {
  uint8_t *data = malloc(size + 1);
  FILE *file = fopen(path, "rb");
  int ok = data != NULL && file != NULL && fread(data, 1, size, file) == size;
  if (ok)
    run_with_cuts(data, size);
  else
    fprintf(stderr, "cannot read %s\n", path);
  if (file != NULL)
    fclose(file);
  free(data);
  return ok ? 0 : 1;
}

static int run_directory(const char *path) {
  DIR *dir = opendir(path);
  struct dirent *entry;
  int failures = 0;
  if (dir == NULL)
    return 0;
  while ((entry = readdir(dir)) != NULL) {
    char name[MAX_PATH_LEN];
    struct stat st;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
      failures += run_file(name, (size_t)st.st_size);
  }
  closedir(dir);
  return failures;
}

int main(int argc, char **argv) {
  int failures = 0;
  int i;
  for (i = 1; i < argc; i++)
    failures += run_directory(argv[i]);
  if (ninputs == 0) {
    puts("skipped: the corpus is empty");
    return SKIPPED;
  }
  printf("%zu inputs\n", ninputs);
  return failures == 0 ? 0 : 1;
}
