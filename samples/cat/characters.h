/* UTF-8 as a terminal shows it. */
#ifndef SAMPLES_CAT_CHARACTERS_H
#define SAMPLES_CAT_CHARACTERS_H

#include <stddef.h>
#include <stdint.h>

/* Octets of the character that begins with `first`: 1 to 4; 0 where none does (RFC 3629 4). */
size_t character_len(unsigned char first);

/* Non-zero if `next` may be the octet at index `at` (1 to 3) of the character that begins with `first`. */
int character_goes_on(unsigned char first, size_t at, unsigned char next);

/* The code point of a character of `len` octets, which is valid. */
uint32_t character_decode(const char *text, size_t len);

/* Non-zero for what would change the terminal rather than be shown: C0, DEL, C1, and what reverses text. */
int character_is_control(uint32_t character);

/* The columns it takes: 0 (combining), 1 or 2 (East Asian wide, emoji). Not for controls. */
size_t character_width(uint32_t character);

#endif
