#include "vectors/vector_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "wsuv/deflate.h"

enum { MAX_FILES = 64, MAX_VECTORS = 400, MAX_PATH_LEN = 1024 };

struct folder {
  const char *name;
  char *files[MAX_FILES];
  char *texts[MAX_FILES];
  size_t nfiles;
  struct vector *vectors;
  size_t nvectors;
};

static void *checked(void *ptr) {
  if (ptr == NULL)
    abort();
  return ptr;
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = checked(calloc(1, 1 << 17));
  if (file == NULL || fread(text, 1, (1 << 17) - 1, file) == 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  fclose(file);
  return text;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(struct folder *folder) {
  char path[MAX_PATH_LEN];
  struct dirent *entry;
  DIR *dir;
  snprintf(path, sizeof path, "%s/vectors/%s", WSUV_TESTS_DIR, folder->name);
  dir = opendir(path);
  while (dir != NULL && (entry = readdir(dir)) != NULL && folder->nfiles < MAX_FILES) {
    size_t len = strlen(entry->d_name);
    if (len < 5 || strcmp(entry->d_name + len - 4, ".txt") != 0)
      continue;
    snprintf(path, sizeof path, "%s/%s", folder->name, entry->d_name);
    folder->files[folder->nfiles++] = checked(strdup(path));
  }
  if (dir != NULL)
    closedir(dir);
  qsort(folder->files, folder->nfiles, sizeof folder->files[0], by_name);
}

static void add_line(struct folder *folder, const char *file, char *line, size_t number) {
  struct vector *vector;
  if (line[0] == '=') {
    char name[MAX_PATH_LEN];
    if (folder->nvectors == MAX_VECTORS)
      abort();
    vector = &folder->vectors[folder->nvectors++];
    snprintf(name, sizeof name, "%s:%zu %s", file, number, line + 1 + strspn(line + 1, " "));
    vector->name = checked(strdup(name));
    vector->file = file;
    return;
  }
  if (line[0] == '\0' || line[0] == '#' || strncmp(line, "covers:", 7) == 0)
    return;
  vector = &folder->vectors[folder->nvectors - 1];
  if (folder->nvectors == 0 || vector->nlines == VECTOR_LINES_MAX) {
    fprintf(stderr, "%s:%zu: no title, or too many lines\n", file, number);
    exit(1);
  }
  vector->lines[vector->nlines] = line;
  vector->numbers[vector->nlines++] = number;
}

/* Cuts the text up in place. */
static void add_lines(struct folder *folder, const char *file, char *text) {
  size_t number = 1;
  while (text != NULL) {
    char *next = strchr(text, '\n');
    if (next != NULL)
      *next++ = '\0';
    add_line(folder, file, text, number++);
    text = next;
  }
}

static void read_folder(struct folder *folder) {
  size_t i;
  list_files(folder);
  folder->vectors = checked(calloc(MAX_VECTORS, sizeof *folder->vectors));
  for (i = 0; i < folder->nfiles; i++) {
    char path[MAX_PATH_LEN];
    snprintf(path, sizeof path, "%s/vectors/%s", WSUV_TESTS_DIR, folder->files[i]);
    folder->texts[i] = read_file(path);
    add_lines(folder, folder->files[i], folder->texts[i]);
  }
}

static void free_folder(struct folder *folder) {
  size_t i;
  for (i = 0; i < folder->nvectors; i++)
    free(folder->vectors[i].name);
  for (i = 0; i < folder->nfiles; i++) {
    free(folder->files[i]);
    free(folder->texts[i]);
  }
  free(folder->vectors);
}

static int has_deflate(void) {
  wsuv_deflate_t *deflate;
  int err = wsuv_deflate_new(&deflate, NULL);
  wsuv_deflate_free(deflate);
  return err != WSUV_ENODEFLATE;
}

const char *vector_protocol_folder(size_t i) {
  static const char *const folders[] = {"framing",       "opcodes", "reserved_bits",
                                        "fragmentation", "pings",   "utf8",
                                        "close",         "limits",  "deflate"};
  const size_t n = sizeof folders / sizeof folders[0] - (has_deflate() ? 0 : 1);
  return i < n ? folders[i] : NULL;
}

static vector_run_fn current_run;

static void run_one(void **state) {
  current_run(*state);
}

int vector_run_folder(const char *name, vector_run_fn run) {
  struct folder folder = {name, {NULL}, {NULL}, 0, NULL, 0};
  struct CMUnitTest *tests;
  int nfailed = 1;
  size_t i;
  read_folder(&folder);
  tests = checked(calloc(folder.nvectors + 1, sizeof *tests));
  for (i = 0; i < folder.nvectors; i++) {
    tests[i].name = folder.vectors[i].name;
    tests[i].test_func = run_one;
    tests[i].initial_state = &folder.vectors[i];
  }
  current_run = run;
  if (folder.nvectors > 0)
    nfailed = _cmocka_run_group_tests(name, tests, folder.nvectors, NULL, NULL);
  free(tests);
  free_folder(&folder);
  return nfailed;
}
