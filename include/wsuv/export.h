/* What a shared library exports: WSUV_EXTERN marks every public function. */
#ifndef WSUV_EXPORT_H
#define WSUV_EXPORT_H

#if defined(_WIN32)
#if defined(WSUV_BUILDING_SHARED)
#define WSUV_EXTERN __declspec(dllexport)
#elif defined(WSUV_USING_SHARED)
#define WSUV_EXTERN __declspec(dllimport)
#else
#define WSUV_EXTERN
#endif
#elif defined(__GNUC__)
#define WSUV_EXTERN __attribute__((visibility("default")))
#else
#define WSUV_EXTERN
#endif

#endif
