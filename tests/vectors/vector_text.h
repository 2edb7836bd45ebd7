/* The small language of the vector files (README.md): words, octets, names of errors. */
#ifndef WSUV_TESTS_VECTOR_TEXT_H
#define WSUV_TESTS_VECTOR_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Growing memory; zeroed at first; the program ends where there is none. */
struct vector_bytes {
  uint8_t *data;
  size_t len;
  size_t cap;
};

void vector_bytes_add(struct vector_bytes *bytes, const void *data, size_t len);
void vector_bytes_clear(struct vector_bytes *bytes);
void vector_bytes_free(struct vector_bytes *bytes);

/* Removes octets from the front. */
void vector_bytes_drop(struct vector_bytes *bytes, size_t len);

enum { VECTOR_WORD_MAX = 64 };

/* The next word of the line, moved past; empty at its end. */
const char *vector_next_word(const char **line, char word[VECTOR_WORD_MAX]);

/* Whether the next word is this one; if so, it is moved past. */
int vector_take_word(const char **line, const char *word);

/* Adds what the line describes up to its end or "->": hex pairs, XX*N, "text" with \n \r \t \" \\ \xHH. */
void vector_take_bytes(const char **line, struct vector_bytes *out);

uint64_t vector_take_number(const char **line);

/* "ESTATE" is -20001, "0" is 0; ends the test for a name that is none. */
int vector_error_by_name(const char *name);

/* "text" is 1; -1 for a word that names no opcode. */
int vector_opcode_by_name(const char *name);

/* "text", or "3" for one without a name. */
const char *vector_opcode_name(int opcode);

#endif
