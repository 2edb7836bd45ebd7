#define _GNU_SOURCE /* close_range */

#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#if defined(SAMPLES_HAVE_PTY_H)
#include <pty.h>
#elif defined(SAMPLES_HAVE_LIBUTIL_H)
#include <libutil.h>
#include <termios.h>
#else
#include <util.h>
#endif

extern char **environ;

enum { COLS = 80, ROWS = 24, NOT_EXECUTABLE = 127 };

static char *join(const char *left, const char *right) {
  size_t size = strlen(left) + strlen(right) + 1;
  char *both = (char *)malloc(size);
  if (both != NULL)
    snprintf(both, size, "%s%s", left, right);
  return both;
}

/* Variables that describe a terminal or a shell that is not this one. */
static int is_replaced(const char *variable) {
  static const char *const names[] = {"TERM=", "SHELL=", "COLUMNS=", "LINES="};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strncmp(variable, names[i], strlen(names[i])) == 0)
      return 1;
  }
  return 0;
}

/* Our environment with TERM and SHELL; only the latter's memory is ours. */
static char **make_env(const char *file) {
  static char term[] = "TERM=xterm-256color";
  size_t n = 0, count = 0;
  while (environ[count] != NULL)
    count++;
  char **env = (char **)calloc(count + 3, sizeof *env);
  char *shell = join("SHELL=", file);
  if (env == NULL || shell == NULL) {
    free(env);
    free(shell);
    return NULL;
  }
  env[n++] = shell;
  env[n++] = term;
  for (size_t i = 0; i < count; i++) {
    if (!is_replaced(environ[i]))
      env[n++] = environ[i];
  }
  return env;
}

int pty_program_init(pty_program_t *program, const char *file) {
  const struct passwd *user = getpwuid(getuid());
  const char *home = getenv("HOME");
  if (file == NULL && user != NULL && user->pw_shell[0] != '\0')
    file = user->pw_shell;
  if (file == NULL)
    file = getenv("SHELL");
  if (file == NULL || file[0] == '\0')
    file = "/bin/sh";
  const char *slash = strrchr(file, '/');
  memset(program, 0, sizeof *program);
  program->dir = home != NULL ? home : user != NULL ? user->pw_dir : NULL;
  program->file = join(file, "");
  program->arg0 = join("-", slash != NULL ? slash + 1 : file);
  program->env = make_env(file);
  if (program->file != NULL && program->arg0 != NULL && program->env != NULL)
    return 0;
  pty_program_free(program);
  return UV_ENOMEM;
}

void pty_program_free(pty_program_t *program) {
  free(program->file);
  free(program->arg0);
  if (program->env != NULL)
    free(program->env[0]);
  free(program->env);
  memset(program, 0, sizeof *program);
}

/* ---- between fork and exec: only what is safe there. All signals are blocked ---- */

/* The loop's handlers would write into the server's pipe. */
static void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++)
    signal(number, SIG_DFL); /* fails for SIGKILL and SIGSTOP, which have no handler */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_program(const pty_program_t *program) {
  static const char sorry[] = "the shell cannot be executed\r\n";
  char *argv[] = {program->arg0, NULL};
  setpgid(0, 0);
  tcsetpgrp(STDIN_FILENO, getpid());
  reset_signals();
  if (program->dir != NULL)
    (void)!chdir(program->dir); /* a shell without its home directory is better than none */
  execve(program->file, argv, program->env);
  (void)!write(STDERR_FILENO, sorry, sizeof sorry - 1);
  _exit(NOT_EXECUTABLE);
}

/* The server's descriptors: as long as one is open here, no connection of the server's would end. */
static void close_all_but(int kept) {
#if defined(SAMPLES_HAVE_CLOSE_RANGE)
  if (kept > STDERR_FILENO + 1)
    close_range(STDERR_FILENO + 1, (unsigned)kept - 1, 0);
  close_range((unsigned)kept + 1, ~0U, 0);
#else
  for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd > STDERR_FILENO; fd--) {
    if (fd != kept)
      close(fd);
  }
#endif
}

static volatile pid_t kept_program;

static void pass_on_hangup(int number) {
  kill(-kept_program, number);
  kill(-kept_program, SIGCONT); /* one that is stopped would not notice */
}

/* When the terminal is closed, also because the server was killed, the kernel tells only the leader of the session. */
static void watch_hangup(pid_t program) {
  struct sigaction action = {.sa_handler = pass_on_hangup};
  sigset_t hangup;
  kept_program = program;
  sigaction(SIGHUP, &action, NULL);
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  sigprocmask(SIG_UNBLOCK, &hangup, NULL);
}

/* The program's number must not be free before the server knows of the end, so it is not waited for. */
static void keep(const pty_program_t *program, int report) {
  char nothing;
  siginfo_t end = {0};
  close_all_but(report);
  pid_t pid = fork();
  if (pid == 0) {
    close(report);
    run_program(program);
  }
  if (pid < 0)
    _exit(NOT_EXECUTABLE);
  setpgid(pid, pid); /* whoever comes first: it is a group before its number is known */
  watch_hangup(pid);
  (void)!write(report, &pid, sizeof pid);
  while (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT) != 0 && errno == EINTR)
    ;
  int status = end.si_code == CLD_EXITED ? (end.si_status & 0xff) << 8 : end.si_status;
  (void)!write(report, &status, sizeof status);
  while (read(report, &nothing, 1) < 0 && errno == EINTR)
    ;
  waitpid(pid, NULL, 0);
  _exit(EXIT_SUCCESS);
}

/* ---- in the server ---- */

static int fork_keeper(const pty_program_t *program, pty_t *pty, const int ends[2]) {
  struct winsize size = {.ws_row = ROWS, .ws_col = COLS};
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pty->keeper = forkpty(&pty->terminal, NULL, NULL, &size);
  int err = pty->keeper < 0 ? uv_translate_sys_error(errno) : 0;
  if (pty->keeper == 0)
    keep(program, ends[1]);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return err;
}

int pty_start(const pty_program_t *program, pty_t *pty) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
    return uv_translate_sys_error(errno);
  int err = fork_keeper(program, pty, ends);
  close(ends[1]);
  if (err != 0) {
    close(ends[0]);
    return err;
  }
  pty->report = ends[0];
  fcntl(pty->report, F_SETFD, FD_CLOEXEC);
  fcntl(pty->terminal, F_SETFD, FD_CLOEXEC);
  return 0;
}

int pty_resize(int terminal, int cols, int rows) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
  return ioctl(terminal, TIOCSWINSZ, &size) == 0 ? 0 : uv_translate_sys_error(errno);
}

void pty_signal(int terminal, pid_t program, int number) {
  pid_t foreground = terminal >= 0 ? tcgetpgrp(terminal) : -1;
  if (foreground > 1 && foreground != program)
    kill(-foreground, number);
  kill(-program, number);
}
