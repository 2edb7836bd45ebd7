/* The command line that all servers of the benchmark share, so that one runner starts any of them. */
#ifndef WSUV_BENCH_PEER_OPTIONS_H
#define WSUV_BENCH_PEER_OPTIONS_H

#ifdef __cplusplus
extern "C" {
#endif

#define PEER_MAX_MESSAGE ((size_t)16 << 20) /* octets that every server takes */

/* Of a program that cannot do what an option asks for: the runner leaves that row out. */
#define PEER_EXIT_CANNOT 3

/* What a server can do beyond an echo. */
enum {
  PEER_CAN_BROADCAST = 1,
  PEER_CAN_DEFLATE = 2,
  PEER_CAN_TLS = 4,
  PEER_CAN_LOOPS = 8,
  PEER_CAN_SUBSCRIBE = 16,
  PEER_CAN_LIBUV = 32,
  PEER_CAN_PING = 64
};

typedef struct peer_options {
  int port; /* 0: any free one */
  int broadcast; /* every message of a client goes to all of them, its own included; else it is echoed in kind */
  int deflate;           /* permessage-deflate, without context takeover */
  const char *cert_file; /* both or none */
  const char *key_file;
  int nloops;
  int nsubscriptions;   /* of each connection, the one that broadcast takes included */
  int ping_interval_ms; /* 0: none within a minute, which no load answers */
  int libuv;            /* on libuv instead of the library's own loop */
} peer_options_t;

/* Ends the program with 2 for a wrong use, with PEER_EXIT_CANNOT where an option needs what is not in `can`. */
void peer_take_options(peer_options_t *options, int argc, char **argv, unsigned can);

/* The line that whoever starts a server waits for: it ends with the port. */
void peer_say_port(int port);

#ifdef __cplusplus
}
#endif

#endif
