#!/bin/sh
# Builds wsuv with address and undefined-behaviour sanitizers and runs the tests.
#
# usage: sh tests/run.sh [--quick] [-R REGEX]
#
#   --quick    without other implementations, browser and install test: about four minutes
#   -R REGEX   only the tests whose names match, such as -R unit.utf8
#
# The build goes to build/tests. The last line is the count.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build/tests
quick=no
regex=

say() { printf '%s\n' "$*"; }

while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    -R)
      if [ $# -lt 2 ]; then
        say "-R needs a regular expression" >&2
        exit 2
      fi
      regex=$2
      shift
      ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      say "unknown option '$1'; try --help" >&2
      exit 2
      ;;
  esac
  shift
done

sh "$root/cmake/deps.sh" test || exit 1
if [ $quick = no ]; then
  sh "$root/cmake/deps.sh" interop --npm-dir "$build/interop" ||
    say "tests/run.sh: going on; tests that need what is missing skip and say so"
fi

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

did_not_build() {
  say "tests/run.sh: $1"
  say "wsuv tests: 0 passed, 1 failed, 0 skipped"
  exit 1
}

# configure GENERATOR-OPTIONS...
configure() {
  cmake -S "$root" -B "$build" "$@" -DCMAKE_BUILD_TYPE=Debug -DWSUV_SANITIZE=address,undefined \
    -DWSUV_BUILD_TESTS=ON -DWSUV_BUILD_SAMPLES=ON -DWSUV_INTEROP_DIR="$build/interop"
}

say "== build"
set --
if [ ! -f "$build/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then set -- -G Ninja; fi
configure "$@" || did_not_build "cmake could not configure"
cmake --build "$build" -j "$jobs" || did_not_build "the build failed"

say "== tests"
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
export ASAN_OPTIONS UBSAN_OPTIONS

set -- -j "$jobs" --output-on-failure --no-tests=error --output-junit "$build/results.xml" \
  --test-output-size-passed 10000000 --test-output-size-failed 10000000
if [ $quick = yes ]; then set -- "$@" -LE 'interop|install'; fi
if [ -n "$regex" ]; then set -- "$@" -R "$regex"; fi
rm -f "$build/results.xml"
ctest --test-dir "$build" "$@"
status=$?

if [ ! -f "$build/results.xml" ]; then did_not_build "no test was run"; fi
awk -f "$root/tests/summary.awk" "$build/results.xml"
exit $status
