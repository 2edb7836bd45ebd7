#!/bin/sh
# Measures the echo server against a raw libuv TCP echo of the same octets and prints a table.
#
# usage: sh tests/bench/bench.sh [-b DIR] [-r ROUNDS] [-p PERCENT] [-c CONNECTIONS]
#
#   -b DIR          the release build with -DWSUV_BUILD_BENCH=ON [build/bench]
#   -r ROUNDS       of all workloads, both servers by turns [7]
#   -p PERCENT      of the usual number of messages in a round [100]
#   -c CONNECTIONS  idle ones, for the memory of each [10000; 0: leave that out]
#
# Linux only. A round takes 10 to 30 seconds. See README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=$root/build/bench
rounds=7
percent=100
idle=10000

while getopts b:r:p:c:h option; do
  case $option in
    b) build=$OPTARG ;;
    r) rounds=$OPTARG ;;
    p) percent=$OPTARG ;;
    c) idle=$OPTARG ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      exit 2
      ;;
  esac
done

bin=$build/bench
for program in bench_wsuv_echo bench_raw_echo bench_echo_load; do
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

# shellcheck disable=SC2086 # prefixes of a command
start raw $on_cpu_0 "$bin/bench_raw_echo"
raw_pid=$pid raw_port=$port
# shellcheck disable=SC2086
start wsuv $on_cpu_0 "$bin/bench_wsuv_echo" --ping-interval-ms 20000
wsuv_pid=$pid wsuv_port=$port

# payload, in flight, messages
workloads="20 1 150000
20 32 3000000
1024 1 150000
1024 32 1000000
65536 1 20000
65536 32 20000"

# load FLAG...: one load of the workload at hand
load() {
  # shellcheck disable=SC2086
  $on_cpu_1 "$bin/bench_echo_load" --payload "$payload" --in-flight "$in_flight" --messages "$messages" \
    --warm-up $((messages / 10)) "$@"
}

measure_wsuv() {
  echo "$payload $in_flight $round wsuv $(load --port "$wsuv_port" --pid "$wsuv_pid")" >>"$work/results"
}

measure_raw() {
  echo "$payload $in_flight $round raw $(load --port "$raw_port" --pid "$raw_pid" --raw)" >>"$work/results"
}

# Both servers right after each other, in turns who is first: the machine's mood then cancels out of the ratio.
round=1
while [ "$round" -le "$rounds" ]; do
  echo "round $round of $rounds" >&2
  echo "$workloads" | while read -r payload in_flight messages; do
    messages=$((messages * percent / 100))
    if [ $((round % 2)) -eq 1 ]; then
      measure_wsuv
      measure_raw
    else
      measure_raw
      measure_wsuv
    fi
  done
  round=$((round + 1))
done

echo "64 connections; medians of $rounds rounds; ratio: median of each round's"
echo
echo "| payload | in flight | wsuv messages/s | raw messages/s | wsuv CPU µs | raw CPU µs | CPU ratio | wsuv p50 / p99 µs | raw p50 / p99 µs |"
echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
awk '
  function median(list, n,    i, j, t) {
    for (i = 2; i <= n; i++)
      for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
        t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
      }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
  }
  function of(workload, kind, column,    i, list) {
    for (i = 1; i <= nrounds; i++) list[i] = value[workload, kind, i, column] + 0
    return median(list, nrounds)
  }
  {
    workload = $1 " " $2
    if (!(workload in seen)) { seen[workload] = 1; order[++nworkloads] = workload }
    for (i = 5; i <= 8; i++) value[workload, $4, $3, i - 4] = $i
    if ($3 > nrounds) nrounds = $3
  }
  END {
    for (w = 1; w <= nworkloads; w++) {
      name = order[w]
      split(name, part, " ")
      for (i = 1; i <= nrounds; i++) ratio[i] = value[name, "wsuv", i, 2] / value[name, "raw", i, 2]
      printf "| %d B | %d | %d | %d | %.3f | %.3f | %.2f | %.0f / %.0f | %.0f / %.0f |\n", part[1], part[2],
        of(name, "wsuv", 1), of(name, "raw", 1), of(name, "wsuv", 2), of(name, "raw", 2), median(ratio, nrounds),
        of(name, "wsuv", 3), of(name, "wsuv", 4), of(name, "raw", 3), of(name, "raw", 4)
    }
  }' "$work/results"

if [ "$idle" -gt 0 ]; then
  # shellcheck disable=SC2086
  start idle $on_cpu_0 "$bin/bench_wsuv_echo"
  # shellcheck disable=SC2086
  grown=$($on_cpu_1 "$bin/bench_echo_load" --port "$port" --pid "$pid" --conns "$idle" --idle)
  echo
  echo "memory of an idle connection, over $idle: $grown octets"
fi
