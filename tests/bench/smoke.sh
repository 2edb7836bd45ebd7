#!/bin/sh
# Whether wsuv-bench works: each mode against the servers here with few messages, the shape of its tables, and its errors. It
# says nothing about how long anything takes.
#
# usage: sh tests/bench/smoke.sh DIR    which has wsuv-bench and the bench_peer_ programs
set -u

bin=$1
bench=$bin/wsuv-bench
scratch=$(mktemp -d)
servers=
nfailed=0
trap 'kill $servers 2>/dev/null; rm -rf "$scratch"' EXIT

complain() {
  echo "FAILED: $1"
  sed 's/^/  /' "$scratch/out" "$scratch/err"
  nfailed=$((nfailed + 1))
}

# start NAME OPTION...: sets port and pid
start() {
  name=$1
  shift
  mkfifo "$scratch/fifo"
  "$bin/bench_peer_$name" "$@" >"$scratch/fifo" &
  pid=$!
  servers="$servers $pid"
  read -r line <"$scratch/fifo"
  rm "$scratch/fifo"
  port=${line##*[!0-9]}
}

# loads PATTERN OPTION...: a load succeeds, and its line fits the pattern
loads() {
  pattern=$1
  shift
  if ! "$bench" load --port "$port" --pid "$pid" --format keys "$@" >"$scratch/out" 2>"$scratch/err"; then
    complain "load $*"
  elif ! grep -Eq "^$pattern\$" "$scratch/out"; then
    complain "load $*: not $pattern"
  fi
}

# rejects STATUS PATTERN ARGUMENT...: wsuv-bench ends with that status and says something like the pattern
rejects() {
  status=$1 pattern=$2
  shift 2
  "$bench" "$@" >"$scratch/out" 2>"$scratch/err"
  result=$?
  if [ $result -ne "$status" ] || ! grep -q -e "$pattern" "$scratch/err"; then
    complain "$*: status $result, not $status and '$pattern'"
  fi
}

# has PATTERN...: the last output has such lines
has() {
  for pattern; do
    grep -Eq -e "$pattern" "$scratch/out" || complain "nothing like '$pattern'"
  done
}

number='[0-9.]+'
figures="seconds=$number rate=$number cpu_us=$number p50_us=$number p99_us=$number p999_us=$number max_us=$number late_us=$number"

start wsuv
loads "messages=64 $figures" --messages 64
loads "messages=128 $figures" --in-flight 32 --conns 4 --messages 100 --payload 1000
loads "messages=4 $figures" --conns 2 --messages 4 --payload 1000000
loads "messages=10 $figures" --conns 2 --messages 10 --kind unicode --payload 5000
loads "messages=10 $figures" --conns 2 --messages 10 --kind ascii --among 5
loads "messages=50 $figures" --conns 4 --messages 50 --rate 5000
loads "messages=30 $figures" --conns 3 --messages 30 --churn
loads "messages=$number $figures" --conns 2 --seconds 0.02
loads "connections=20 octets=$number cpu_us=$number held_us=$number" --conns 20 --idle --exchange 2
loads "connections=20 octets=$number cpu_us=$number held_us=$number" --conns 20 --idle --http --seconds 0.01
rejects 1 "^bench: " load --port "$port" --raw --messages 10
"$bench" load --port 1 --deflate 2>&1 | grep -q 'built without' ||
  rejects 1 "does not compress" load --port "$port" --deflate
start wsuv --broadcast
loads "messages=500 $figures" --broadcast --conns 10 --messages 50 --in-flight 5
start raw
loads "messages=64 $figures" --raw --messages 64
loads "messages=20 $figures" --raw --conns 2 --churn --messages 20
"$bench" run --quick --peers wsuv --only 'echo-20,tls-20,deflate-1k' >"$scratch/out" 2>"$scratch/err" || complain "run"

rejects 1 "Connection refused" load ws://127.0.0.1:1/
rejects 2 "unknown option '--frobnicate'" load --frobnicate
rejects 2 "a number up to" load --conns many
rejects 2 "begins with ws://" load http://127.0.0.1/
rejects 2 "a URL or --port is needed" load
rejects 2 "needs a value" load --port
rejects 2 "only one of" load --port 1 --churn --idle
rejects 2 "unknown command 'frobnicate'" frobnicate
rejects 2 "fits no workload" run --only nothing
rejects 2 "there is no such server" run --to nobody
rejects 2 "more than 0" scale --rounds 0
rejects 2 "NAME=COMMAND" run --server alone
rejects 1 "measurements failed" run --quick --only echo-20 --server "odd=$bin/bench_peer_raw"
rejects 1 "ended with status 127" run --quick --peers none --only echo-20 --server "none=$scratch/none {port}"
rejects 1 "nothing was measured" run --quick --peers none --only echo-20 --server "none=$scratch/none"
rejects 1 "does not end with a port: 'ready'" run --quick --peers none --only echo-20 --server 'mute=echo ready; exec sleep 60'
rejects 1 "ended with status 9" run --rounds 1 --seconds 10 --peers none --only echo-20 \
  --server "brief=$bin/bench_peer_wsuv & sleep 0.1; kill \$!; exit 9"
rejects 1 "address already in use" run --quick --peers none --only echo-20 --server "late=$bin/bench_peer_wsuv --port $port"
rejects 1 "No such file" run --quick --peers wsuv --only echo-20 --csv "$scratch/none/csv"

# A load that fails ends no other server.
"$bench" run --quick --peers wsuv --only 'echo-20,echo-125' --server "odd=$bin/bench_peer_raw" >"$scratch/out" 2>"$scratch/err"
has "^\| 64 × 125 B \| $number \| - \|\$"
if grep -q 'the server ended\|was ended by' "$scratch/err"; then complain "a server ended"; fi

"$bench" run --quick --peers 'raw,wsuv' --only 'echo-20,broadcast-1,churn,idle' --to wsuv --csv "$scratch/csv" \
  --server 'dead=echo out of order >&2; exit 7' >"$scratch/out" 2>"$scratch/err" || complain "run"
has '^\| workload \| raw \| wsuv \| dead \|$' '^### Server CPU, µs each \(ratio to raw; to wsuv\)$' \
  "^\| 64 × 20 B \| $number \(1\.00; $number\) \| $number \($number; 1\.00\) \| - \|\$" \
  "^\| idle \| $number \| $number \| - \|\$" '^\| broadcast to 1,000 × 125 B \|' '^\| connect, upgrade, close \|'
grep -q 'the server ended with status 7' "$scratch/err" || complain "nothing of the server that died"
grep -q '| out of order' "$scratch/err" || complain "nothing of what it said"
[ "$(wc -l <"$scratch/csv")" -eq 9 ] || complain "not 8 measurements in the CSV file"

"$bench" scale --quick >"$scratch/out" 2>"$scratch/err" || complain "scale"
has '^\| \| 1 \| 3 \| 20 \| exponent \|$' "^\| drain, both ends \| $number \| $number \| $number \| -?$number \|\$" \
  "^\| 64 × 20 B \| $number \| $number \| $number \|\$"

if [ -x "$bin/bench_deflate_cost" ]; then
  seq -f '{"message":%g,"text":"see you tomorrow"}' 2000 >"$scratch/messages"
  "$bin/bench_deflate_cost" --rounds 2 --conns 1 --only 12/5 "$scratch/messages" >"$scratch/out" 2>"$scratch/err" ||
    complain "bench_deflate_cost"
  has "^\| shared preset: 12/5, level 6 \| $number \| $number \| $number \| 0 \| [1-9][0-9]* \| $number \|\$" \
    '^\| dedicated 12/5 \|'
fi

[ $nfailed -eq 0 ] && echo "wsuv-bench works"
[ $nfailed -eq 0 ]
