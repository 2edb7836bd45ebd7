/* Who may use a shell over the web. Three locks, each enough against what it is for:
 *
 * - the token in the page's URL: who has not read it where the server was started gets no shell;
 * - the Origin: a page from elsewhere, in the browser of who has the token, may not connect (RFC 6455 10.2). The library sees
 *   to that, since the server has no options.origins: what comes here is from its own page, or from no browser;
 * - the Host: a name of somebody else's that was made to lead to this machine (DNS rebinding) is not answered. Its page
 *   would have the right Origin.
 */
#ifndef SAMPLES_SHELL_ACCESS_H
#define SAMPLES_SHELL_ACCESS_H

#include <wsuv.h>

enum { SHELL_TOKEN_LEN = 32 };

typedef struct shell_access {
  const char *listen_host;
  char token[SHELL_TOKEN_LEN + 1]; /* 128 random bits as hexadecimal digits */
} shell_access_t;

/* 0 or an error of libuv. */
int shell_access_init(shell_access_t *access, const char *listen_host);

/* Non-zero for "localhost" and the addresses that only this machine can reach. */
int shell_access_is_loopback(const char *host);

/* NULL, or why the request is refused: one line of text. A page needs the right Host, a WebSocket the token, too. */
const char *shell_access_refuse_page(const shell_access_t *access, const wsuv_upgrade_t *request);
const char *shell_access_refuse_socket(const shell_access_t *access, const wsuv_upgrade_t *request);

#endif
