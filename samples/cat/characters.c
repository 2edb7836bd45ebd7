#include "cat/characters.h"

struct range {
  uint32_t first, last;
};

static int is_in(const struct range *ranges, size_t n, uint32_t character) {
  for (size_t i = 0; i < n; i++)
    if (character >= ranges[i].first && character <= ranges[i].last)
      return 1;
  return 0;
}

size_t character_len(unsigned char first) {
  if (first < 0x80)
    return 1;
  if (first < 0xC2)
    return 0;
  if (first < 0xE0)
    return 2;
  if (first < 0xF0)
    return 3;
  return first < 0xF5 ? 4 : 0;
}

int character_goes_on(unsigned char first, size_t at, unsigned char next) {
  unsigned char least = 0x80, most = 0xBF;
  if (at == 1) { /* no longer form than needed, no surrogate, nothing above U+10FFFF */
    if (first == 0xE0)
      least = 0xA0;
    else if (first == 0xED)
      most = 0x9F;
    else if (first == 0xF0)
      least = 0x90;
    else if (first == 0xF4)
      most = 0x8F;
  }
  return next >= least && next <= most;
}

uint32_t character_decode(const char *text, size_t len) {
  unsigned char first = (unsigned char)text[0];
  uint32_t character = len == 1 ? first : first & (0x7FU >> len);
  for (size_t i = 1; i < len; i++)
    character = character << 6 | ((unsigned char)text[i] & 0x3FU);
  return character;
}

int character_is_control(uint32_t character) {
  static const struct range controls[] = {
      {0x00, 0x1F}, {0x7F, 0x9F}, {0x2028, 0x202E}, {0x2066, 0x2069}};
  return is_in(controls, sizeof controls / sizeof controls[0], character);
}

size_t character_width(uint32_t character) {
  static const struct range combining[] = {
      {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},  {0x0E34, 0x0E3A},
      {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},  {0x20D0, 0x20FF},
      {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};
  static const struct range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                      {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                      {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  if (is_in(combining, sizeof combining / sizeof combining[0], character))
    return 0;
  return is_in(wide, sizeof wide / sizeof wide[0], character) ? 2 : 1;
}
