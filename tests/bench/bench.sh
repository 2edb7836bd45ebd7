#!/bin/sh
# Two things beside what wsuv-bench measures: the memory of idle connections of this library's in more states, and, by hand, a
# reader that is fed without end, by each policy.
#
# usage: sh tests/bench/bench.sh [-b DIR] [-c CONNECTIONS] [-o PARTS] [-k DIR] [-s SECONDS] [-r ROUNDS]
#
#   -b DIR          the release build with -DWSUV_BUILD_BENCH=ON [build/bench]
#   -c CONNECTIONS  idle ones; a tenth of them where each has contexts of its own, and half of them where they have TLS [10000]
#   -o PARTS        only these, of: memory firehose [memory]
#   -k DIR          has server.pem and server.key [tests/certs of the build, or else made with openssl]
#   -s SECONDS      of each of the two phases of a round of firehose [10]
#   -r ROUNDS       of firehose, for each policy [5]
#
# Linux only. See README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=$root/build/bench
idle=10000
parts=memory
certs=
seconds=10
rounds=5

while getopts b:c:o:k:s:r:h option; do
  case $option in
    b) build=$OPTARG ;;
    c) idle=$OPTARG ;;
    o) parts=$OPTARG ;;
    k) certs=$OPTARG ;;
    s) seconds=$OPTARG ;;
    r) rounds=$OPTARG ;;
    *)
      sed -n '2,14s/^# \{0,1\}//p' "$0"
      exit 2
      ;;
  esac
done

bin=$build/bench
for program in bench_wsuv_echo bench_peer_wsuv wsuv-bench; do
  if [ ! -x "$bin/$program" ]; then
    echo "bench.sh: no $program in $bin; build with -DCMAKE_BUILD_TYPE=Release -DWSUV_BUILD_BENCH=ON" >&2
    exit 1
  fi
done
if [ ! -r /proc/self/schedstat ]; then
  echo "bench.sh: needs Linux with /proc/PID/schedstat" >&2
  exit 1
fi
# shellcheck disable=SC3045 # dash, bash and busybox know both
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true

on_cpu_0=
on_cpu_1=
if command -v taskset >/dev/null 2>&1 && taskset -c 0,1 true 2>/dev/null; then
  on_cpu_0="taskset -c 0"
  on_cpu_1="taskset -c 1"
fi

work=$(mktemp -d)
servers=
stop_all() {
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$servers" ] || kill $servers 2>/dev/null || true
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 1' INT TERM HUP

# start NAME COMMAND...: sets pid and port
start() {
  name=$1
  shift
  mkfifo "$work/$name"
  "$@" >"$work/$name" &
  pid=$!
  servers="$servers $pid"
  read -r line <"$work/$name"
  line=${line%/}
  port=${line##*[!0-9]}
}

# stop PID
stop() {
  kill "$1"
  wait "$1" 2>/dev/null || true
  servers=$(printf '%s' "$servers" | sed "s/ $1\$//; s/ $1 / /")
}

wants() {
  case " $parts " in *" $1 "*) return 0 ;; esac
  return 1
}

has_deflate=
[ ! -x "$bin/bench_deflate_cost" ] || has_deflate=yes

# What TLS is measured with.
has_tls=
can=0
"$bin/bench_peer_wsuv" --cert /dev/null --key /dev/null 2>/dev/null || can=$?
if [ $can -ne 3 ]; then
  has_tls=yes
  [ -n "$certs" ] || certs=$build/tests/certs
  if [ ! -r "$certs/server.pem" ] && command -v openssl >/dev/null 2>&1; then
    certs=$work
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
      -keyout "$certs/server.key" -out "$certs/server.pem" 2>/dev/null
  fi
fi

start_tls() {
  # shellcheck disable=SC2086
  start "$1" $on_cpu_0 "$bin/bench_peer_wsuv" --cert "$certs/server.pem" --key "$certs/server.key"
}

# ---- a reader that is fed without end ----

# feed MODE SERVER-FLAGS LOAD-FLAGS: a row for each policy, and one of a reader that never stops or comes
feed() {
  for policy in refuse drop-oldest keep-latest close same; do
    flags="--policy $policy"
    [ "$policy" != same ] || flags="--policy refuse --same"
    # shellcheck disable=SC2086
    start firehose $on_cpu_0 "$bin/bench_firehose_server" $2
    # shellcheck disable=SC2086
    row=$($on_cpu_1 "$bin/bench_firehose_load" --port "$port" --pid "$pid" --seconds "$seconds" --rounds "$rounds" $flags $3)
    echo "$1 $policy $row" | awk '{
      printf "| %s, %s | %s | %s | %s | %s | %s | %s / %s / %s / %s | %s / %s / %s | %s / %s / %s | %s / %s / %s | %s / %s |\n",
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22 }'
    stop "$pid"
    rm -f "$work/firehose"
  done
}

if wants firehose; then
  echo
  echo "$rounds rounds of twice $seconds s"
  echo
  echo "| policy | sent | oldest | replaced | refused | received | MiB before / first 5 s / after / end | others' p50 / p99 / p99.9 µs before | with it | p99 ratio: least / median / most | waited for the processor, ms/s: before / with it |"
  echo "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
  feed paced "--rate 20000" "--reads"
  feed flood "" ""
fi

# ---- memory ----

# grown_row NAME CONNECTIONS LOAD-FLAGS: what the server just started grows by; ends it
grown_row() {
  # shellcheck disable=SC2086
  grown=$($on_cpu_1 "$bin/wsuv-bench" load --format keys --port "$port" --pid "$pid" --conns "$2" --idle $3)
  grown=${grown#*octets=}
  echo "| $1 | $2 | ${grown%% *} |"
  stop "$pid"
  rm -f "$work/idle"
}

# grow NAME CONNECTIONS SERVER-FLAGS LOAD-FLAGS: a row
grow() {
  # shellcheck disable=SC2086
  start idle $on_cpu_0 "$bin/bench_wsuv_echo" $3
  grown_row "$1" "$2" "$4"
}

if wants memory && [ "$idle" -gt 0 ]; then
  echo
  echo "| idle connections | how many | octets of resident memory each |"
  echo "| :--- | ---: | ---: |"
  grow "without compression" "$idle" "" ""
  for n in 1 10; do
    # shellcheck disable=SC2086
    start idle $on_cpu_0 "$bin/bench_peer_wsuv" --broadcast --subscriptions $n
    grown_row "with $n subscriptions" "$idle" ""
  done
  # shellcheck disable=SC2086
  start idle $on_cpu_0 "$bin/bench_peer_wsuv" --broadcast
  grown_row "kept after an HTTP request" "$idle" "--http"
  if [ -n "$has_deflate" ]; then
    some=$(((idle + 9) / 10))
    one="--deflate --payload 1024 --exchange 1"
    many="--deflate --payload 1024 --exchange 100"
    small="--deflate dedicated --deflate-bits 12 --inflate-bits 12 --deflate-mem-level 5"
    grow "shared mode" "$idle" "--deflate shared" "--deflate"
    grow "shared mode, after a message of 1 KiB each way" "$idle" "--deflate shared" "$one"
    grow "dedicated 15/8, after a message each way" "$some" "--deflate dedicated" "$one"
    grow "dedicated 15/8, after 100 messages" "$some" "--deflate dedicated" "$many"
    grow "dedicated 12/5, after a message each way" "$some" "$small" "$one"
    grow "dedicated 12/5, after 100 messages" "$some" "$small" "$many"
  fi
  if [ -n "$has_tls" ]; then
    half=$(((idle + 1) / 2))
    start_tls idle
    grown_row "TLS 1.3" "$half" "--tls"
    start_tls idle
    grown_row "TLS 1.2" "$half" "--tls --tls-version 1.2"
  fi
fi
