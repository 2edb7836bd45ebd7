#!/bin/sh
# Measures the echo server against a raw libuv TCP echo of the same octets and prints a table; then the same server with
# permessage-deflate against itself without; then an echo over TLS against the same without, or against another server; then
# broadcast against a raw libuv one, and another server's; then one loop against two; then the memory of idle connections. One
# part is by hand: firehose, a reader that is fed without end, by each policy.
#
# usage: sh tests/bench/bench.sh [-b DIR] [-r ROUNDS] [-p PERCENT] [-c CONNECTIONS] [-o PARTS] [-k DIR] [-a COMMAND]
#                                 [-n CONNECTIONS] [-s SECONDS]
#
#   -b DIR          the release build with -DWSUV_BUILD_BENCH=ON [build/bench]
#   -r ROUNDS       of all workloads, both servers by turns [7]
#   -p PERCENT      of the usual number of messages in a round [100]
#   -c CONNECTIONS  idle ones, for the memory of each; a tenth of them where each has contexts of its own [10000; 0: leave
#                   that out], and half of them where they have TLS
#   -o PARTS        only these, of: echo deflate tls broadcast loops memory [all], and firehose
#   -k DIR          has server.pem and server.key [tests/certs of the build, or else made with openssl]
#   -a COMMAND      another wss:// echo server, to compare TLS with, or with -o broadcast a ws:// one that sends every
#                  message of a client to all, to compare that with: prints a line that ends with its port
#   -n CONNECTIONS  of broadcast [1000]
#   -s SECONDS      of each of the two phases of a round of firehose [10]
#
# Linux only. A round takes 20 to 40 seconds. See README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=$root/build/bench
rounds=7
percent=100
idle=10000
parts="echo deflate tls broadcast loops memory"
certs=
against=
crowd=1000
seconds=10

while getopts b:r:p:c:o:k:a:n:s:h option; do
  case $option in
    b) build=$OPTARG ;;
    r) rounds=$OPTARG ;;
    p) percent=$OPTARG ;;
    c) idle=$OPTARG ;;
    o) parts=$OPTARG ;;
    k) certs=$OPTARG ;;
    a) against=$OPTARG ;;
    n) crowd=$OPTARG ;;
    s) seconds=$OPTARG ;;
    *)
      sed -n '2,24s/^# \{0,1\}//p' "$0"
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

# What is compressed: chat messages, one a line.
messages_file=$work/messages
if [ -x "$bin/bench_deflate_cost" ] && command -v python3 >/dev/null 2>&1; then
  python3 "$root/tests/bench/chat_messages.py" --count 1000 --size 1024 >"$messages_file"
fi
if [ ! -s "$messages_file" ]; then
  echo "bench.sh: nothing is compressed: no python3, or a build without permessage-deflate" >&2
  messages_file=
fi

# What TLS is measured with.
has_tls=
if [ -x "$bin/bench_tls_echo" ]; then
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
  start "$1" $on_cpu_0 "$bin/bench_tls_echo" --cert "$certs/server.pem" --key "$certs/server.key"
}

# load FLAG...: one load of the workload at hand
load() {
  # shellcheck disable=SC2086
  $on_cpu_1 "$bin/bench_echo_load" --in-flight "$in_flight" --messages "$messages" --warm-up $((messages / 10)) "$@"
}

# measure KIND PORT PID FLAG...: a line of the results
measure() {
  kind=$1 port=$2 pid=$3
  shift 3
  echo "$payload $in_flight $round $kind $(load --port "$port" --pid "$pid" "$@")" >>"$results"
}

# run_rounds RESULTS WORKLOADS FIRST SECOND: these commands measure a workload each. They do it right after each other, in
# turns who is first: the machine's mood then cancels out of the ratio. A workload is a line: payload, in flight, messages.
run_rounds() {
  results=$1
  round=1
  while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    while read -r payload in_flight messages; do
      messages=$((messages * percent / 100))
      if [ $((round % 2)) -eq 1 ]; then
        "$3"
        "$4"
      else
        "$4"
        "$3"
      fi
    done <<WORKLOADS
$2
WORKLOADS
    round=$((round + 1))
  done
}

# print_table RESULTS FIRST SECOND: the names of the two kinds
print_table() {
  echo "${clients:-64} connections; medians of $rounds rounds; ratio: median of each round's"
  echo
  echo "| payload | in flight | $2 messages/s | $3 messages/s | $2 CPU µs | $3 CPU µs | CPU ratio | $2 p50 / p99 µs | $3 p50 / p99 µs |"
  echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
  awk -v first="$2" -v second="$3" '
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
        for (i = 1; i <= nrounds; i++) ratio[i] = value[name, first, i, 2] / value[name, second, i, 2]
        printf "| %d B | %d | %d | %d | %.3f | %.3f | %.2f | %.0f / %.0f | %.0f / %.0f |\n", part[1], part[2],
          of(name, first, 1), of(name, second, 1), of(name, first, 2), of(name, second, 2), median(ratio, nrounds),
          of(name, first, 3), of(name, first, 4), of(name, second, 3), of(name, second, 4)
      }
    }' "$1"
}

# ---- echo ----

measure_wsuv() { measure wsuv "$wsuv_port" "$wsuv_pid" --payload "$payload"; }
measure_raw() { measure raw "$raw_port" "$raw_pid" --payload "$payload" --raw; }

if wants echo; then
  # shellcheck disable=SC2086 # prefixes of a command
  start raw $on_cpu_0 "$bin/bench_raw_echo"
  raw_pid=$pid raw_port=$port
  # shellcheck disable=SC2086
  start wsuv $on_cpu_0 "$bin/bench_wsuv_echo" --ping-interval-ms 20000
  wsuv_pid=$pid wsuv_port=$port
  run_rounds "$work/echo" "20 1 150000
20 32 3000000
1024 1 150000
1024 32 1000000
65536 1 20000
65536 32 20000" measure_wsuv measure_raw
  print_table "$work/echo" wsuv raw
  stop "$raw_pid"
  stop "$wsuv_pid"
fi

# ---- the same messages compressed and not ----

measure_deflate() { measure deflate "$deflate_port" "$deflate_pid" --file "$messages_file" --deflate; }
measure_plain() { measure plain "$plain_port" "$plain_pid" --file "$messages_file"; }

if wants deflate && [ -n "$messages_file" ]; then
  # shellcheck disable=SC2086
  start deflate $on_cpu_0 "$bin/bench_wsuv_echo" --deflate shared
  deflate_pid=$pid deflate_port=$port
  # shellcheck disable=SC2086
  start plain $on_cpu_0 "$bin/bench_wsuv_echo"
  plain_pid=$pid plain_port=$port
  run_rounds "$work/deflate-results" "1024 1 100000
1024 32 150000" measure_deflate measure_plain
  echo
  echo "JSON; permessage-deflate in shared mode against none"
  print_table "$work/deflate-results" deflate plain
  stop "$deflate_pid"
  stop "$plain_pid"
fi

# ---- TLS ----

measure_tls() { measure wsuv "$tls_port" "$tls_pid" --payload "$payload" --tls; }
measure_other() { measure other "$other_port" "$other_pid" --payload "$payload" --tls; }
measure_no_tls() { measure plain "$other_port" "$other_pid" --payload "$payload"; }

if wants tls && [ -n "$has_tls" ]; then
  start_tls tls
  tls_pid=$pid tls_port=$port
  if [ -n "$against" ]; then
    # shellcheck disable=SC2086
    start other $on_cpu_0 $against
    other=other other_does=measure_other
  else
    # shellcheck disable=SC2086
    start other $on_cpu_0 "$bin/bench_tls_echo"
    other=plain other_does=measure_no_tls
  fi
  other_pid=$pid other_port=$port
  run_rounds "$work/tls-results" "20 1 100000
1024 1 100000
16384 1 40000
65536 1 15000
1024 32 800000" measure_tls "$other_does"
  echo
  echo "TLS 1.3 against ${against:-the same without}"
  print_table "$work/tls-results" wsuv "$other"
  stop "$tls_pid"
  stop "$other_pid"
fi

# ---- broadcast ----

# spread KIND PORT PID FLAG...: a line of the results
spread() {
  kind=$1 port=$2 pid=$3
  shift 3
  # shellcheck disable=SC2086
  echo "$payload $in_flight $round $kind $($on_cpu_1 "$bin/bench_broadcast_load" --port "$port" --pid "$pid" \
    --conns "$crowd" --burst "$in_flight" --payload "$payload" --messages "$messages" --warm-up $((messages / 10)) "$@")" >>"$results"
}
spread_wsuv() { spread wsuv "$crowd_port" "$crowd_pid"; }
spread_raw() { spread raw "$base_port" "$base_pid" --raw; }
spread_other() { spread other "$base_port" "$base_pid"; }

# broadcast_against NAME MEASURE COMMAND...
broadcast_against() {
  base=$1 base_does=$2
  shift 2
  # shellcheck disable=SC2086
  start base $on_cpu_0 "$@"
  base_pid=$pid base_port=$port
  # shellcheck disable=SC2086
  start crowd $on_cpu_0 "$bin/bench_broadcast_server"
  crowd_pid=$pid crowd_port=$port
  run_rounds "$work/broadcast-$base" "125 1 500
125 16 8000
1024 1 500
1024 16 4000" spread_wsuv "$base_does"
  echo
  echo "Broadcast against $*; messages/s and CPU are those of deliveries"
  clients=$crowd
  print_table "$work/broadcast-$base" wsuv "$base"
  clients=
  stop "$base_pid"
  stop "$crowd_pid"
  rm -f "$work/base" "$work/crowd"
}

if wants broadcast; then
  broadcast_against raw spread_raw "$bin/bench_raw_broadcast"
  # shellcheck disable=SC2086
  [ "$parts" != broadcast ] || [ -z "$against" ] || broadcast_against other spread_other $against
fi

# ---- one loop and two, wherever the system runs them ----

measure_two() { measure two "$two_port" "$two_pid" --payload "$payload"; }
measure_one() { measure one "$one_port" "$one_pid" --payload "$payload"; }

loops_server=$(find "$build" -type f -name 20_many_loops -perm -u+x | head -n 1)
if wants loops && [ -n "$loops_server" ]; then
  start one "$loops_server" --port 0 --loops 1
  one_pid=$pid one_port=$port
  start two "$loops_server" --port 0 --loops 2
  two_pid=$pid two_port=$port
  pinned=$on_cpu_1
  on_cpu_1=
  run_rounds "$work/loops" "20 1 150000
1024 32 1000000" measure_two measure_one
  echo
  echo "Two loops against one; the load runs on the same processors"
  print_table "$work/loops" two one
  on_cpu_1=$pinned
  stop "$one_pid"
  stop "$two_pid"
fi

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
  grown=$($on_cpu_1 "$bin/bench_echo_load" --port "$port" --pid "$pid" --conns "$2" --idle $3)
  echo "| $1 | $2 | $grown |"
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
    start idle $on_cpu_0 "$bin/bench_broadcast_server" --subscriptions $n
    grown_row "with $n subscriptions" "$idle" ""
  done
  # shellcheck disable=SC2086
  start idle $on_cpu_0 "$bin/bench_broadcast_server"
  grown_row "kept after an HTTP request" "$idle" "--http"
  if [ -n "$messages_file" ]; then
    some=$(((idle + 9) / 10))
    one="--deflate --file $messages_file --exchange 1"
    many="--deflate --file $messages_file --exchange 100"
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
    if [ -n "$against" ]; then
      # shellcheck disable=SC2086
      start idle $on_cpu_0 $against
      grown_row "TLS 1.3, $against" "$half" "--tls"
    fi
  fi
fi
