#include "http/sha1.h"

const EVP_MD *wsuv__sha1(void) {
  return EVP_sha1();
}
