#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

_Noreturn void options_reject(const char *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fprintf(stderr, "%s: ", command);
  (void)vfprintf(stderr, format, args);
  (void)fprintf(stderr, "; see %s --help\n", command);
  va_end(args);
  exit(EXIT_USAGE);
}

static void print_help(const command_t *command) {
  (void)printf("usage: %s\n\n", command->usage);
  for (size_t i = 0; i < command->noptions; i++) {
    const option_spec_t *option = &command->options[i];
    char left[64];
    (void)snprintf(left, sizeof left, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "");
    (void)printf("  %-24s %s\n", left, option->help);
  }
}

static const option_spec_t *find(const command_t *command, const char *name, size_t len) {
  for (size_t i = 0; i < command->noptions; i++) {
    const char *known = command->options[i].name;
    if (strlen(known) == len && memcmp(known, name, len) == 0) {
      return &command->options[i];
    }
  }
  return NULL;
}

static void take_number(const command_t *command, const option_spec_t *option, const char *text) {
  char *end = NULL;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > option->max) {
    options_reject(command->name, "--%s: a number up to %llu is wanted, not '%s'", option->name,
                   (unsigned long long)option->max, text);
  }
  *option->number = value;
}

static void take_decimal(const command_t *command, const option_spec_t *option, const char *text) {
  char *end = NULL;
  double value = strtod(text, &end);
  if (*text < '.' || *text > '9' || *end != '\0' || !(value >= 0 && value <= 1e9)) {
    options_reject(command->name, "--%s: a number is wanted, not '%s'", option->name, text);
  }
  *option->decimal = value;
}

static void take_value(const command_t *command, const option_spec_t *option, const char *value) {
  if (option->number != NULL) {
    take_number(command, option, value);
  } else if (option->decimal != NULL) {
    take_decimal(command, option, value);
  } else if (option->text != NULL) {
    *option->text = value;
  } else {
    option->take(value);
  }
}

/* Returns how many arguments that were. */
static int take_option(const command_t *command, char **argv) {
  const char *name = argv[0] + 2;
  size_t len = strcspn(name, "=");
  const option_spec_t *option = find(command, name, len);
  const char *value = name[len] == '=' ? name + len + 1 : NULL;
  if (option == NULL) {
    options_reject(command->name, "unknown option '%s'", argv[0]);
  }
  if (option->flag != NULL) {
    if (value != NULL) {
      options_reject(command->name, "--%s takes no value", option->name);
    }
    *option->flag = 1;
    return 1;
  }
  if (value == NULL && argv[1] == NULL) {
    options_reject(command->name, "--%s needs a value", option->name);
  }
  take_value(command, option, value != NULL ? value : argv[1]);
  return value != NULL ? 1 : 2;
}

const char *options_parse(const command_t *command, char **argv) {
  const char *operand = NULL;
  while (*argv != NULL) {
    if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
      print_help(command);
      exit(EXIT_SUCCESS);
    }
    if ((*argv)[0] == '-') {
      if ((*argv)[1] != '-') {
        options_reject(command->name, "unknown option '%s'", *argv);
      }
      argv += take_option(command, argv);
    } else if (operand == NULL) {
      operand = *argv++;
    } else {
      options_reject(command->name, "unexpected argument '%s'", *argv);
    }
  }
  return operand;
}
