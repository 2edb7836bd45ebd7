#include "roster.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

#define PROGRAM "bench_peer_"

static const char *const variant_options[NVARIANTS] = {"", " --cert {cert} --key {key}",
                                                       " --deflate", " --broadcast"};

size_t roster_index(const roster_t *roster, const char *name) {
  size_t i = 0;
  while (i < roster->n && strcmp(roster->list[i].name, name) != 0) {
    i++;
  }
  return i;
}

static contestant_t *find_or_add(roster_t *roster, const char *name) {
  size_t i = roster_index(roster, name);
  if (i == roster->n) {
    if (roster->n == ROSTER_MAX) {
      fail("more than %d servers", ROSTER_MAX);
    }
    roster->n++;
    (void)snprintf(roster->list[i].name, sizeof roster->list[i].name, "%s", name);
  }
  return &roster->list[i];
}

const char *roster_add(roster_t *roster, const char *text) {
  size_t len = strcspn(text, "=");
  size_t name_len = strcspn(text, ":=");
  char name[ROSTER_NAME_MAX];
  variant_t variant = VARIANT_ECHO;
  if (text[len] == '\0' || text[len + 1] == '\0') {
    return "NAME=COMMAND is wanted";
  }
  if (name_len == 0 || name_len >= sizeof name) {
    return "the name has 1 to 31 characters";
  }
  if (name_len < len) {
    const char *word = text + name_len + 1;
    size_t word_len = len - name_len - 1;
    size_t i = 0;
    while (i < NVARIANTS && (strlen(variant_names[i]) != word_len ||
                             memcmp(variant_names[i], word, word_len) != 0)) {
      i++;
    }
    if (i == NVARIANTS) {
      return "behind the name's colon comes echo, tls, deflate or broadcast";
    }
    variant = (variant_t)i;
  }
  (void)snprintf(name, sizeof name, "%.*s", (int)name_len, text);
  find_or_add(roster, name)->commands[variant] = text + len + 1;
  return NULL;
}

/* In quotes for the shell. */
static char *quote(const char *path) {
  char *inner = server_substitute(path, "'", "'\\''");
  char *out = allocate(strlen(inner) + 3);
  (void)sprintf(out, "'%s'", inner);
  free(inner);
  return out;
}

static void add_program(roster_t *roster, const char *directory, const char *name) {
  char path[4096];
  contestant_t *contestant = find_or_add(roster, name);
  if (contestant->commands[VARIANT_ECHO] != NULL) {
    return;
  }
  contestant->is_raw = strcmp(name, ROSTER_BASELINE) == 0;
  (void)snprintf(path, sizeof path, "%s/" PROGRAM "%s", directory, name);
  char *quoted = quote(path);
  for (size_t i = 0; i < NVARIANTS; i++) {
    char *command = allocate(strlen(quoted) + strlen(variant_options[i]) + 1);
    (void)sprintf(command, "%s%s", quoted, variant_options[i]);
    contestant->commands[i] = command;
  }
  free(quoted);
}

static int is_program(const struct dirent *entry) {
  return strncmp(entry->d_name, PROGRAM, sizeof PROGRAM - 1) == 0;
}

static void find_in(roster_t *roster, const char *directory, const char *patterns) {
  struct dirent **entries = NULL;
  int n = scandir(directory, &entries, is_program, alphasort);
  for (int pass = 0; pass < 3; pass++) {
    for (int i = 0; i < n; i++) {
      const char *name = entries[i]->d_name + sizeof PROGRAM - 1;
      int rank = strcmp(name, ROSTER_BASELINE) == 0 ? 0 : (strcmp(name, ROSTER_OURS) == 0 ? 1 : 2);
      if (rank == pass && name_fits(name, patterns)) {
        add_program(roster, directory, name);
      }
    }
  }
  for (int i = 0; i < n; i++) {
    free(entries[i]);
  }
  free(entries);
}

/* Where this program is, and where the servers are installed. */
static void list_places(char here[PATH_MAX], char installed[PATH_MAX]) {
  ssize_t len = readlink("/proc/self/exe", here, PATH_MAX - 1);
  if (len <= 0) {
    die("/proc/self/exe");
  }
  here[len] = '\0';
  *strrchr(here, '/') = '\0';
  int n = snprintf(installed, PATH_MAX, "%s/" WSUV_BENCH_PEERS, here);
  if (n < 0 || n >= PATH_MAX) {
    fail("the path of this program is too long");
  }
}

void roster_find_programs(roster_t *roster, const char *patterns) {
  char here[PATH_MAX];
  char installed[PATH_MAX];
  list_places(here, installed);
  find_in(roster, here, patterns);
  find_in(roster, installed, patterns);
}

char *roster_command(const char *program, const char *arguments) {
  char places[2][PATH_MAX];
  char path[2 * PATH_MAX + 64];
  list_places(places[0], places[1]);
  for (size_t i = 0; i < 2; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", places[i], program);
    if (access(path, X_OK) == 0) {
      char *quoted = quote(path);
      char *command = allocate(strlen(quoted) + strlen(arguments) + 2);
      (void)sprintf(command, "%s %s", quoted, arguments);
      free(quoted);
      return command;
    }
  }
  return NULL;
}

static char *complete(const char *command, const certificate_t *certificate) {
  char *with_cert = server_substitute(command, "{cert}", certificate->cert);
  char *whole = server_substitute(with_cert, "{key}", certificate->key);
  free(with_cert);
  return whole;
}

int roster_start(contestant_t *contestant, variant_t variant, const certificate_t *certificate,
                 int processor) {
  server_t *server = &contestant->servers[variant];
  if (server_is_alive(server, contestant->name)) {
    return 1;
  }
  if (contestant->commands[variant] == NULL) {
    return 0;
  }
  char *command = complete(contestant->commands[variant], certificate);
  server_start_t result = server_start(server, command, processor);
  free(command);
  if (result == SERVER_STARTED) {
    return 1;
  }
  (void)fprintf(stderr, "%s is left out of the rows of '%s': %s\n", contestant->name,
                variant_names[variant],
                result == SERVER_UNABLE ? "it cannot do that" : "its server does not start");
  contestant->commands[variant] = NULL;
  return 0;
}

void roster_stop_all(roster_t *roster) {
  for (size_t i = 0; i < roster->n; i++) {
    for (size_t j = 0; j < NVARIANTS; j++) {
      server_stop(&roster->list[i].servers[j]);
    }
  }
}
