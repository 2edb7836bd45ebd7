/* zlib's or zlib-ng's streams and functions, whichever the library is built with: Z(inflate) and so on. No Z where it is
 * built without compression. */
#ifndef WSUV_BENCH_ZLIB_STREAM_H
#define WSUV_BENCH_ZLIB_STREAM_H

#ifdef WSUV_BENCH_ZLIB_NG
#include <zlib-ng.h>
#define Z(name) zng_##name
typedef zng_stream stream_t;
#elif defined WSUV_BENCH_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#define Z(name) name
typedef z_stream stream_t;
#endif

#endif
