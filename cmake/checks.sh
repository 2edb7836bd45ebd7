#!/bin/sh
# Everything a machine can check beyond tests/run.sh. .ci/run runs both.
#
# usage: sh cmake/checks.sh [STEP...]
#
# Without a step, all of them: format sizes scripts clang tidy minimal bench arm64 valgrind tsan fuzz
# WSUV_FUZZ_SECONDS (30) is the time for each fuzz target, WSUV_FUZZ_SEED (1) what its inputs begin with: the same ones for the
# same build. 0 is another one each time.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
fuzz_seconds=${WSUV_FUZZ_SECONDS:-30}
fuzz_seed=${WSUV_FUZZ_SEED:-1}
clang_format_version=14
failed=

say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

sources() { find src include samples tests -name '*.[ch]' | sort; }

# build_preset NAME: configures and builds quietly; the end of the log where that fails.
build_preset() {
  log=build/$1.log
  set -- "$1"
  mkdir -p build
  generator=
  if [ ! -f "build/$1/CMakeCache.txt" ] && have ninja; then generator=-GNinja; fi
  if ! { cmake --preset "$1" $generator && cmake --build "build/$1" -j "$jobs"; } >"$log" 2>&1; then
    grep -E 'error:|warning:|CMake Error|undefined reference' "$log" | head -n 20
    tail -n 15 "$log"
    return 1
  fi
}

run_ctest() {
  dir=build/$1
  shift
  ctest --test-dir "$dir" -j "$jobs" --output-on-failure "$@" >"$dir.ctest.log" 2>&1
  result=$?
  if [ $result -eq 0 ]; then
    grep -E 'tests passed' "$dir.ctest.log"
  else
    sed -n '/Test *#/!p' "$dir.ctest.log" | tail -n 80
  fi
  return $result
}

step_format() {
  if ! clang-format --version | grep -q "version $clang_format_version\\."; then
    say "skipped: the format is that of clang-format $clang_format_version, here is $(clang-format --version)"
    return 0
  fi
  sources | xargs clang-format --dry-run -Werror
}

step_sizes() {
  result=0
  # shellcheck disable=SC2046
  pmccabe $(find src samples -name '*.c' | sort) | awk -f cmake/CheckSizes.awk || result=1
  # shellcheck disable=SC2044
  for file in $(find src -name '*.c'); do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 400 ]; then
      say "$file has $lines lines; 400 are allowed"
      result=1
    fi
  done
  # shellcheck disable=SC2044
  for file in $(find src include -name '*.h'); do
    lines=$(wc -l <"$file")
    limit=120
    case $file in include/*) limit=220 ;; esac
    if [ "$lines" -gt $limit ]; then
      say "$file has $lines lines; $limit are allowed"
      result=1
    fi
  done
  return $result
}

step_scripts() {
  if ! have shellcheck; then
    say "skipped: no shellcheck"
    return 0
  fi
  shellcheck cmake/*.sh tests/*.sh tests/*/*.sh samples/run.sh .ci/run
}

step_clang() {
  build_preset clang && run_ctest clang -L checks
}

# The interop tests among it skip what they have no compression or TLS for.
step_minimal() {
  build_preset minimal && run_ctest minimal -LE checks
}

# Whether the benchmarks work, not what they measure.
step_bench() {
  build_preset bench && run_ctest bench -L bench-smoke
}

# The vector kernels of another processor, by themselves: against the octet by octet way, over the fuzzer's corpus.
step_arm64() {
  if [ "$(uname -m)" = aarch64 ]; then
    say "not needed: the tests run them here"
    return 0
  fi
  if ! sh cmake/deps.sh arm64; then
    say "skipped: no compiler for it, or no qemu"
    return 0
  fi
  mkdir -p build/arm64
  aarch64-linux-gnu-gcc -std=gnu11 -O2 -static -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
    -Isrc -Iinclude -Itests -o build/arm64/fuzz_kernels_replay \
    tests/fuzz/fuzz_kernels.c tests/fuzz/replay.c tests/support/guard_page.c src/proto/utf8.c src/proto/mask.c \
    src/proto/kernels_words.c src/proto/kernels_neon.c src/proto/kernels_on_arm64.c &&
    qemu-aarch64-static build/arm64/fuzz_kernels_replay tests/fuzz/corpus/fuzz_kernels
}

# What is for another processor is not compiled here, and cannot be looked at.
tidied() {
  find src -name '*.c' | sort | while read -r file; do
    case $file in
      *_avx2.c | *_ssse3.c | *_neon.c) grep -q "/$file\"" build/clang/compile_commands.json || continue ;;
    esac
    printf '%s\n' "$file"
  done
}

step_tidy() {
  if [ ! -f build/clang/compile_commands.json ]; then build_preset clang || return 1; fi
  tidied | xargs -P "$jobs" -n 4 clang-tidy -p build/clang --quiet 2>build/tidy.log
}

# What scripts start does not run under it.
step_valgrind() {
  build_preset valgrind && run_ctest valgrind -L 'unit|vectors|integration' -LE script
}

# gcc's thread sanitizer fails to start where the kernel randomises addresses too widely.
tsan_launcher() {
  if setarch "$(uname -m)" -R true 2>/dev/null; then
    setarch "$(uname -m)" -R "$@"
  else
    "$@"
  fi
}

step_tsan() {
  TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
  export TSAN_OPTIONS
  build_preset tsan && tsan_launcher "$(command -v sh)" "$0" run-tsan-tests
}

fuzz_one() {
  name=$1
  work=build/fuzz/run/$name
  mkdir -p "$work/corpus" "$work/artifacts"
  set -- "$work/corpus"
  if [ -d "tests/fuzz/corpus/$name" ]; then set -- "$@" "tests/fuzz/corpus/$name"; fi
  if "build/fuzz/fuzz/$name" -seed="$fuzz_seed" -max_total_time="$fuzz_seconds" -max_len=4096 -timeout=10 \
    -artifact_prefix="$work/artifacts/" "$@" >"$work/log" 2>&1; then
    say "$name: $(grep -o 'Done [0-9]* runs' "$work/log" | tail -n 1)"
    return 0
  fi
  tail -n 40 "$work/log"
  say "$name failed; the input is in $work/artifacts"
  return 1
}

# Two at a time.
step_fuzz() {
  build_preset fuzz || return 1
  ls build/fuzz/fuzz/fuzz_* >/dev/null 2>&1 || {
    say "skipped: there is no fuzz target"
    return 0
  }
  find build/fuzz/fuzz -type f -name 'fuzz_*' -exec basename {} \; | sort |
    xargs -P 2 -n 1 sh "$0" fuzz-one
}

run_step() {
  say "== $1"
  began=$(date +%s)
  if "step_$(printf '%s' "$1" | tr - _)"; then verdict=ok; else
    verdict=FAILED
    failed="$failed $1"
  fi
  say "-- $1: $verdict, $(($(date +%s) - began)) s"
}

case ${1:-} in
  -h | --help)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  fuzz-one)
    fuzz_one "$2"
    exit
    ;;
  run-tsan-tests)
    # Where one thread runs there is no race: tests of several, and those for which libuv's resolve names.
    run_ctest tsan -L 'unit|integration' -R 'threads|post|connect|echo|kernels'
    exit
    ;;
esac

sh cmake/deps.sh checks || exit 1
if [ $# -eq 0 ]; then set -- format sizes scripts clang tidy minimal bench arm64 valgrind tsan fuzz; fi
for name; do
  case $name in
    format | sizes | scripts | clang | tidy | minimal | bench | arm64 | valgrind | tsan | fuzz) run_step "$name" ;;
    *)
      say "unknown step '$name'; try --help" >&2
      exit 2
      ;;
  esac
done

if [ -n "$failed" ]; then
  say "checks: failed:$failed"
  exit 1
fi
say "checks: all passed"
