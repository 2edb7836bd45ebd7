# wsuv_vectors: whose vector instructions masking and UTF-8 may use, by what the compiler can do: x86, arm64, or any processor's
# own words. Which of them the processor has is asked at run time (src/proto/kernels_on_*.c).

include(CheckCSourceCompiles)

function(wsuv_check_x86_kernels)
  set(CMAKE_REQUIRED_FLAGS -mavx2)
  check_c_source_compiles(
    "#include <stdatomic.h>
     #include <immintrin.h>
     static _Atomic(const char *) any = \"\";
     typedef unsigned char lanes __attribute__((vector_size(32)));
     int main(void) {
       __m256i v = (__m256i)((lanes)_mm256_set1_epi8(1) | 2);
       __builtin_cpu_init();
       return __builtin_cpu_supports(\"avx2\") + *atomic_load(&any) + _mm256_movemask_epi8(v);
     }"
    WSUV_HAS_X86_KERNELS)
endfunction()

function(wsuv_check_arm64_kernels)
  check_c_source_compiles(
    "#include <arm_neon.h>
     typedef uint8_t lanes __attribute__((vector_size(16)));
     int main(void) {
       return vmaxvq_u8((uint8x16_t)((lanes)vdupq_n_u8(1) | 2));
     }"
    WSUV_HAS_ARM64_KERNELS)
endfunction()

set(wsuv_vectors any)
if(WSUV_VECTOR_INSTRUCTIONS)
  wsuv_check_x86_kernels()
  if(WSUV_HAS_X86_KERNELS)
    set(wsuv_vectors x86)
  else()
    wsuv_check_arm64_kernels()
    if(WSUV_HAS_ARM64_KERNELS)
      set(wsuv_vectors arm64)
    endif()
  endif()
endif()
