#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

/* A program started with one of them closed would get a socket in its place, and libuv objects to that. */
static void open_standard_streams(void) {
#if !defined(_WIN32)
  int fd;
  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close(fd);
#endif
}

static int print_option(const cli_option_t *option, int width) {
  char left[48];
  const char *alias = option->alias, *value = option->value;
  int n = snprintf(left, sizeof left, "%s%s%s%s%s", alias != NULL ? alias : "",
                   alias != NULL ? ", " : "", option->name, value != NULL ? " " : "",
                   value != NULL ? value : "");
  if (width > 0)
    printf("  %-*s %s\n", width, left, option->help);
  return n;
}

static void print_help(const cli_t *cli) {
  printf("usage: %s [options]%s%s\n\n%s\n\noptions:\n", cli->program,
         cli->args[0] != '\0' ? " " : "", cli->args, cli->about);
  const cli_option_t help = {.name = "--help", .help = "print this and end"};
  int width = 14;
  for (size_t i = 0; i < cli->noptions; i++) {
    int n = print_option(&cli->options[i], 0);
    width = n > width ? n : width;
  }
  for (size_t i = 0; i < cli->noptions; i++)
    print_option(&cli->options[i], width);
  print_option(&help, width);
}

void cli_usage_error(const cli_t *cli, const char *what, const char *argument) {
  fprintf(stderr, "%s '%s'; see %s --help\n", what, argument, cli->program);
  exit(CLI_USAGE_ERROR);
}

static int is_name(const char *name, const char *arg, size_t len) {
  return name != NULL && strlen(name) == len && memcmp(name, arg, len) == 0;
}

static const cli_option_t *find_option(const cli_t *cli, const char *arg, size_t name_len) {
  for (size_t i = 0; i < cli->noptions; i++) {
    const cli_option_t *option = &cli->options[i];
    if (is_name(option->name, arg, name_len) || is_name(option->alias, arg, name_len))
      return option;
  }
  return NULL;
}

static void read_number(const cli_t *cli, const cli_option_t *option, const char *text) {
  char *end;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || number < option->min || number > option->max) {
    fprintf(stderr, "%s takes a number from %d to %d, not '%s'; see %s --help\n", option->name,
            option->min, option->max, text, cli->program);
    exit(CLI_USAGE_ERROR);
  }
  *option->number = (int)number;
}

/* Sets the option at argv[i] ("--name value" or "--name=value"); returns the index behind it. */
static int read_option(const cli_t *cli, char **argv, int i) {
  const char *arg = argv[i];
  const char *value = strchr(arg, '=');
  const cli_option_t *option = find_option(cli, arg, value ? (size_t)(value - arg) : strlen(arg));
  if (option == NULL || (option->flag != NULL && value != NULL))
    cli_usage_error(cli, "unknown option", arg);
  else if (option->flag != NULL)
    *option->flag = 1;
  else {
    value = value != NULL ? value + 1 : argv[++i];
    if (value == NULL)
      cli_usage_error(cli, "a value is missing after", arg);
    else if (option->number != NULL)
      read_number(cli, option, value);
    else if (option->list != NULL)
      option->list->items[option->list->nitems++] = value;
    else
      *option->text = value;
  }
  return i + 1;
}

int cli_parse(const cli_t *cli, int argc, char **argv) {
  int i = 1;
  open_standard_streams();
  while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
    if (strcmp(argv[i], "--") == 0)
      return i + 1;
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      print_help(cli);
      exit(EXIT_SUCCESS);
    }
    i = read_option(cli, argv, i);
  }
  if (i < argc && cli->args[0] == '\0')
    cli_usage_error(cli, "unexpected argument", argv[i]);
  return i;
}
