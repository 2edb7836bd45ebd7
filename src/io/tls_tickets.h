/* The keys under which a server's session tickets are sealed (RFC 8446 4.6.1, RFC 5077 4): made here, changed as often as a
 * session may live, and kept as long again for what was sealed with them. */
#ifndef WSUV_IO_TLS_TICKETS_H
#define WSUV_IO_TLS_TICKETS_H

#include <openssl/evp.h>
#include <stdint.h>

#define WSUV__TICKET_NAME_SIZE 16

struct wsuv__ticket_key {
  unsigned char name[WSUV__TICKET_NAME_SIZE];
  unsigned char cipher[32];
  unsigned char mac[32];
};

struct wsuv__tickets {
  struct wsuv__ticket_key keys[2]; /* today's, and the one before */
  unsigned nkeys;
  uint64_t lifetime_s;
  uint64_t next_s; /* when today's is over */
};

/* Without keys; they are made when they are needed. */
void wsuv__tickets_init(struct wsuv__tickets *tickets, uint64_t lifetime_s);

/* To be called before either of the two below: changes the keys when it is time. WSUV_ERANDOM. */
int wsuv__tickets_rotate(struct wsuv__tickets *tickets, uint64_t now_s);

/* As OpenSSL's ticket callback has it: sets up the contexts for a new ticket, name and iv included, or for one that came. 1:
 * so; 2: so, and the ticket is to be replaced; 0: no such key; -1: failed. */
int wsuv__tickets_seal(const struct wsuv__tickets *tickets, unsigned char *name, unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int wsuv__tickets_open(const struct wsuv__tickets *tickets, const unsigned char *name,
                       const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);

/* Forgets the keys. */
void wsuv__tickets_wipe(struct wsuv__tickets *tickets);

#endif
