#define _GNU_SOURCE /* mkostemp */
#include "server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "affinity.h"
#include "process.h"

#define MAX_SERVERS   256
#define STATUS_UNABLE 3
#define START_S       30U
#define START_NS      (START_S * UINT64_C(1000000000))
#define LAST_LINES    5
#define LAST_OCTETS   2000

/* Each server is the leader of a process group. */
static volatile sig_atomic_t groups[MAX_SERVERS];
static pid_t owner; /* a forked process that ends does not end them */

static void pause_shortly(void) {
  const struct timespec pause = {0, 5000000};
  (void)nanosleep(&pause, NULL);
}

static void kill_all(void) {
  for (size_t i = 0; i < MAX_SERVERS; i++) {
    if (groups[i] != 0 && owner == getpid()) {
      (void)kill(-groups[i], SIGKILL);
    }
  }
}

static void on_signal(int number) {
  kill_all();
  _exit(128 + number);
}

static void note_group(pid_t old, pid_t new) {
  if (owner == 0) {
    owner = getpid();
    (void)atexit(kill_all);
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGHUP, on_signal);
  }
  for (size_t i = 0; i < MAX_SERVERS; i++) {
    if (groups[i] == old) {
      groups[i] = new;
      return;
    }
  }
  fail("too many servers");
}

char *server_substitute(const char *text, const char *name, const char *value) {
  size_t room = strlen(text) + 1;
  for (const char *at = text; (at = strstr(at, name)) != NULL; at += strlen(name)) {
    room += strlen(value);
  }
  char *out = allocate(room);
  char *end = out;
  const char *at = text;
  for (const char *next; (next = strstr(at, name)) != NULL; at = next + strlen(name)) {
    end = mempcpy(end, at, (size_t)(next - at));
    end = stpcpy(end, value);
  }
  (void)strcpy(end, at);
  return out;
}

static unsigned int free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
    die("cannot find a free port");
  }
  (void)close(fd);
  return ntohs(address.sin_port);
}

static int accepts(unsigned int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int is_there = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
  (void)close(fd);
  return is_there;
}

/* A file that is gone when everybody has closed it. */
static int open_nameless(void) {
  char path[] = "/tmp/wsuv-bench-XXXXXX";
  int fd = mkostemp(path, O_CLOEXEC | O_APPEND);
  if (fd < 0) {
    die("cannot make a temporary file");
  }
  (void)unlink(path);
  return fd;
}

/* A simple command takes the place of the shell: its id is the one that is measured. */
static char *as_script(const char *command) {
  size_t first = strcspn(command, " ");
  int is_simple = strpbrk(command, ";&|()<>`$\n") == NULL && memchr(command, '=', first) == NULL;
  char *script = allocate(strlen(command) + 8);
  (void)sprintf(script, "%s%s", is_simple ? "exec " : "", command);
  return script;
}

static _Noreturn void become_server(const server_t *server, const char *script, int processor) {
  (void)setpgid(0, 0);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* if we are killed, so is it */
  affinity_bind(processor);
  (void)signal(SIGINT, SIG_DFL);
  (void)signal(SIGTERM, SIG_DFL);
  (void)signal(SIGPIPE, SIG_DFL);
  (void)dup2(server->output, STDOUT_FILENO);
  (void)dup2(server->errors, STDERR_FILENO);
  (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
  _exit(127);
}

/* The first line, cut to `size`; 0 while it is not whole. */
static int first_line(int output, char *line, size_t size) {
  ssize_t n = pread(output, line, size - 1, 0);
  line[n > 0 ? n : 0] = '\0';
  char *end = strchr(line, '\n');
  if (end != NULL) {
    *end = '\0';
  }
  return end != NULL || n == (ssize_t)size - 1;
}

/* The number at the end of a line, 0 if there is none; other characters may follow it. */
static unsigned int port_in(const char *line) {
  const char *end = line + strlen(line);
  while (end > line && (end[-1] < '0' || end[-1] > '9')) {
    end--;
  }
  while (end > line && end[-1] >= '0' && end[-1] <= '9') {
    end--;
  }
  unsigned long port = strtoul(end, NULL, 10);
  return port <= UINT16_MAX ? (unsigned int)port : 0;
}

/* After the end of the process; others that it started end now. */
static void forget(server_t *server) {
  (void)kill(-server->pid, SIGKILL);
  note_group(server->pid, 0);
  (void)close(server->output);
  (void)close(server->errors);
  server->pid = 0;
}

static void say_last_lines(int errors) {
  char text[LAST_OCTETS + 1];
  off_t size = lseek(errors, 0, SEEK_END);
  ssize_t n = pread(errors, text, LAST_OCTETS, size > LAST_OCTETS ? size - LAST_OCTETS : 0);
  text[n > 0 ? n : 0] = '\0';
  char *line = text + strlen(text);
  for (int i = 0; line > text && i <= LAST_LINES; i += line[-1] == '\n') {
    line--;
    if (line == text || i == LAST_LINES) {
      break;
    }
  }
  for (line = strtok(line, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    (void)fprintf(stderr, "  | %s\n", line);
  }
}

static void say_end(const server_t *server, const char *label, int status) {
  if (WIFSIGNALED(status)) {
    (void)fprintf(stderr, "%s: the server was ended by signal %d (%s)\n", label, WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
  } else {
    (void)fprintf(stderr, "%s: the server ended with status %d\n", label, WEXITSTATUS(status));
  }
  say_last_lines(server->errors);
}

/* Whether it has ended, about which stderr then has why unless that is what it cannot do. */
static int has_ended(server_t *server, const char *command, server_start_t *result) {
  int status = 0;
  if (waitpid(server->pid, &status, WNOHANG) != server->pid) {
    return 0;
  }
  *result =
      WIFEXITED(status) && WEXITSTATUS(status) == STATUS_UNABLE ? SERVER_UNABLE : SERVER_FAILED;
  if (*result == SERVER_FAILED) {
    say_end(server, command, status);
  }
  forget(server);
  return 1;
}

static server_start_t give_up(server_t *server) {
  say_last_lines(server->errors);
  server_stop(server);
  return SERVER_FAILED;
}

/* Until it listens on the port that it was told. */
static server_start_t await_listener(server_t *server, const char *command) {
  uint64_t deadline = clock_ns() + START_NS;
  server_start_t result = SERVER_FAILED;
  while (clock_ns() < deadline) {
    if (has_ended(server, command, &result)) {
      return result;
    }
    if (accepts(server->port)) {
      return SERVER_STARTED;
    }
    pause_shortly();
  }
  (void)fprintf(stderr, "%s: it does not listen on port %u within %u s\n", command, server->port,
                START_S);
  return give_up(server);
}

/* Until it says its port. */
static server_start_t await_port(server_t *server, const char *command) {
  char line[1024];
  uint64_t deadline = clock_ns() + START_NS;
  server_start_t result = SERVER_FAILED;
  while (clock_ns() < deadline) {
    int is_whole = first_line(server->output, line, sizeof line);
    if (has_ended(server, command, &result)) {
      return result;
    }
    if (is_whole) {
      server->port = port_in(line);
      if (server->port != 0) {
        return SERVER_STARTED;
      }
      (void)fprintf(stderr, "%s: its first line does not end with a port: '%s'\n", command, line);
      return give_up(server);
    }
    pause_shortly();
  }
  (void)fprintf(stderr, "%s: no line that ends with a port within %u s\n", command, START_S);
  return give_up(server);
}

server_start_t server_start(server_t *server, const char *command, int processor) {
  char port[16] = "";
  server->port = strstr(command, "{port}") != NULL ? free_port() : 0;
  (void)snprintf(port, sizeof port, "%u", server->port);
  char *whole = server_substitute(command, "{port}", port);
  char *script = as_script(whole);
  server->output = open_nameless();
  server->errors = open_nameless();
  server->pid = fork();
  if (server->pid < 0) {
    die("fork");
  }
  if (server->pid == 0) {
    become_server(server, script, processor);
  }
  (void)setpgid(server->pid, server->pid);
  note_group(0, server->pid);
  server_start_t result =
      server->port != 0 ? await_listener(server, whole) : await_port(server, whole);
  free(script);
  free(whole);
  return result;
}

int server_is_alive(server_t *server, const char *label) {
  int status = 0;
  if (server->pid == 0 || waitpid(server->pid, &status, WNOHANG) != server->pid) {
    return server->pid != 0;
  }
  say_end(server, label, status);
  forget(server);
  return 0;
}

void server_stop(server_t *server) {
  if (server->pid == 0) {
    return;
  }
  (void)kill(-server->pid, SIGTERM);
  for (int i = 0; i < 400 && waitpid(server->pid, NULL, WNOHANG) != server->pid; i++) {
    pause_shortly();
    if (i == 399) {
      (void)kill(-server->pid, SIGKILL);
      (void)waitpid(server->pid, NULL, 0);
    }
  }
  forget(server);
}
