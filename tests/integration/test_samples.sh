#!/bin/sh
# Runs every sample for real, servers with clients.
#
# usage: sh test_samples.sh DIRECTORY-OF-THE-BUILT-SAMPLES
#
# One line a check; exit status 0, or 1 after the first check that failed. Nothing waits for a fixed time: servers are
# known by the line that they print. WSUV_TEST_CERTS is where the certificates of the tests are; empty for a build without TLS.
set -u

if [ $# -ne 1 ]; then
  echo "usage: sh test_samples.sh DIRECTORY-OF-THE-BUILT-SAMPLES" >&2
  exit 2
fi
bin=$1
certs=${WSUV_TEST_CERTS:-}
work=$(mktemp -d) || exit 1
server=

cleanup() {
  if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

nchecks=0

# check WHAT COMMAND...
check() {
  what=$1
  shift
  if ! "$@"; then
    echo "FAILED: $what"
    for file in "$work"/out "$work"/err "$work"/server.out "$work"/server.err; do
      if [ -s "$file" ]; then
        echo "-- $(basename "$file")"
        head -c 2000 "$file"
      fi
    done
    exit 1
  fi
  nchecks=$((nchecks + 1))
  echo "ok: $what"
}

# run COMMAND...: its output in out and err, its status in $status.
run() {
  "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
}

status_is() { [ "$status" -eq "$1" ]; }
lines_are() { [ "$(wc -l <"$work/$1")" -eq "$2" ]; }
out_is() { [ "$(cat "$work/out")" = "$1" ]; }
has() { grep -q -- "$2" "$work/$1"; }

# count_is FILE N PATTERN
count_is() { [ "$(grep -c -- "$3" "$work/$1")" -eq "$2" ]; }

# wait_until COMMAND...: polls for at most 20 seconds.
wait_until() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ $tries -gt 400 ]; then return 1; fi
    sleep 0.05
  done
}

is_listening() { grep -q '^listening on ' "$work/server.out"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# One more SIGINT each time it is asked: two in a row may be merged into one.
is_gone_by_signals() { ! kill -s INT "$1" 2>/dev/null; }

# start_server SAMPLE OPTIONS...: sets $server and $url.
start_server() {
  name=$1
  shift
  : >"$work/server.out"
  "$bin/$name" "$@" >"$work/server.out" 2>"$work/server.err" </dev/null &
  server=$!
  check "$name $* listens" wait_until is_listening
  check "$name prints one line" lines_are server.out 1
  url=$(sed 's/^listening on //' "$work/server.out")
}

# stop_server SIGNAL
stop_server() {
  kill -s "$1" "$server"
  wait "$server"
  status=$?
  server=
  check "$name ends by SIG$1 with status 0" status_is 0
}

# ---- the command line ----

pty_sample=
if [ -x "$bin/10_shell_server" ]; then pty_sample=10_shell_server; fi
tls_samples=
if [ -n "$certs" ]; then tls_samples='13_tls_echo_server 14_tls_client 15_tls_rotation 16_mutual_tls 17_tls_forwarder'; fi
for sample in 01_echo_server 02_client 03_chat 04_poll_client 05_replay 07_frames 08_embedding 09_ticker $pty_sample 11_extension 12_deflate 18_pubsub 19_slow_readers 20_many_loops 21_authentication 22_tcp_proxy $tls_samples; do
  run "$bin/$sample" --help
  check "$sample --help exits with 0" status_is 0
  check "$sample --help tells the usage" has out "usage: $sample "
  check "$sample --help says nothing on standard error" lines_are err 0

  case $sample in
    04*) value=--ping ;;
    05*) value=--role ;;
    10*) value=--host ;;
    11*) value=--max ;;
    14* | 15*) value=--ca ;;
    17*) value=--to ;;
    22*) value=--target ;;
    *) value=--path ;;
  esac
  for mistake in --no-such-option "$value"; do
    run "$bin/$sample" $mistake
    check "$sample $mistake exits with 2" status_is 2
    check "$sample $mistake says why in one line" lines_are err 1
    check "$sample $mistake names it" has err "$mistake"
  done
done

for sample in 01_echo_server 03_chat 08_embedding 18_pubsub; do
  for port in 65536 -1 80x ''; do
    run "$bin/$sample" --port "$port"
    check "$sample --port '$port' exits with 2" status_is 2
    check "$sample --port '$port' says why in one line" lines_are err 1
  done
  run "$bin/$sample" stray
  check "$sample stray exits with 2" status_is 2
  run "$bin/$sample" --port 0 --host no-such-host.invalid
  check "$sample on a host that does not resolve exits with 1" status_is 1
  check "$sample on a host that does not resolve says why in one line" lines_are err 1
done

for interval in 0 3600001 1s; do
  run "$bin/09_ticker" --interval-ms "$interval"
  check "09_ticker --interval-ms $interval exits with 2" status_is 2
done

run "$bin/02_client"
check "02_client without a URL exits with 2" status_is 2
run "$bin/02_client" not-a-url
check "02_client not-a-url exits with 2" status_is 2
check "02_client not-a-url says why in one line" lines_are err 1
run "$bin/02_client" ws://no-such-host.invalid/
check "02_client to a host that does not resolve exits with 1" status_is 1
check "02_client to a host that does not resolve says why in one line" lines_are err 1
run "$bin/02_client" --path "$work/nothing" ws://localhost/
check "02_client to a unix socket that is not there exits with 1" status_is 1
check "02_client to a unix socket that is not there says why in one line" lines_are err 1
for sample in 03_chat 18_pubsub; do
  run "$bin/$sample" --port 0 --web "$work/nothing"
  check "$sample without its files exits with 1" status_is 1
  check "$sample without its files says why in one line" lines_are err 1
done

# ---- echo over TCP ----

start_server 01_echo_server --port 0
port=$(printf '%s' "$url" | sed 's/.*:\([0-9]*\)\/$/\1/')
check "the address is ws://127.0.0.1:PORT/" [ "$url" = "ws://127.0.0.1:$port/" ]

run "$bin/01_echo_server" --port "$port"
check "a second server on the port exits with 1" status_is 1
check "it says why in one line" lines_are err 1
check "it names the address" has err "127.0.0.1:$port"
check "it does not say that it listens" lines_are out 0

run "$bin/02_client" "$url" hello 'two words' ''
check "02_client with messages exits with 0" status_is 0
check "they come back in order" out_is 'hello
two words'
check "also the empty one" lines_are out 3
check "nothing is said on standard error" lines_are err 0

run "$bin/02_client" --wait 0 "$url"
check "02_client with an empty input exits with 0" status_is 0

"$bin/02_client" --wait 0 "$url" >"$work/out" 2>"$work/err" <&-
status=$?
check "02_client with a closed input exits with 0" status_is 0

printf 'first\nsecond\nthird without its end' | "$bin/02_client" "$url" >"$work/out" 2>"$work/err"
status=$?
check "02_client with a pipe as input exits with 0" status_is 0
check "its lines come back" out_is 'first
second
third without its end'

# Enough to make both sides wait for each other.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%d %0200d\n", i, i }' >"$work/lines"
"$bin/02_client" "$url" <"$work/lines" >"$work/out" 2>"$work/err"
status=$?
check "02_client with a file as input exits with 0" status_is 0
check "20000 lines come back unchanged" cmp -s "$work/lines" "$work/out"

awk 'BEGIN { for (i = 0; i < 3000000; i++) printf "x"; print "" }' >"$work/lines"
"$bin/02_client" "$url" <"$work/lines" >"$work/out" 2>"$work/err"
status=$?
check "02_client with one line of 3 MB exits with 0" status_is 0
check "it comes back unchanged" cmp -s "$work/lines" "$work/out"

printf 'good\nbad \377\n' >"$work/lines"
"$bin/02_client" "$url" <"$work/lines" >"$work/out" 2>"$work/err"
status=$?
check "02_client with a line that is not UTF-8 exits with 1" status_is 1
check "it says why in one line" lines_are err 1

# Both sides echo: a client that the server closes.
: >"$work/out" # or the last one's output would be taken for this one's
"$bin/02_client" --wait -1 "$url" 'from the server' >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "a waiting client is answered" wait_until has out 'from the server'
stop_server INT
wait "$waiting"
status=$?
check "the client that it closed with 1001 exits with 0" status_is 0
check "the server says that it was drained" has server.out '^draining: 1 of 1 connections closed$'

run "$bin/02_client" "$url" hello
check "02_client without a server exits with 1" status_is 1
check "it says why in one line" lines_are err 1

start_server 01_echo_server --port "$port"
check "a second start has the same port" [ "$url" = "ws://127.0.0.1:$port/" ]
: >"$work/echo"
"$bin/02_client" --echo "$url" >"$work/echo" 2>&1 </dev/null &
waiting=$!
check "02_client --echo says when it is connected" wait_until has echo '^connected'
run "$bin/02_client" "$url" hello
check "another client is served meanwhile" out_is hello
kill -s INT "$waiting"
wait "$waiting"
status=$?
check "02_client --echo ends by SIGINT with status 0" status_is 0
stop_server TERM

# ---- IPv6 ----

run "$bin/01_echo_server" --host ::1 --port bad
if [ -e /proc/net/if_inet6 ] && grep -q '^0\{31\}1 ' /proc/net/if_inet6; then
  start_server 01_echo_server --host ::1 --port 0
  check "an IPv6 address is in brackets" has server.out '^listening on ws://\[::1\]:[0-9]*/$'
  run "$bin/02_client" "$url" hello
  check "02_client over IPv6 is answered" out_is hello
  stop_server INT
else
  echo "skipped: IPv6, which this machine has not"
fi

# ---- unix socket ----

for round in first second; do
  start_server 01_echo_server --path "$work/socket"
  check "a unix socket is told as such" [ "$url" = "unix:$work/socket" ]
  run "$bin/02_client" --path "$work/socket" ws://localhost/ "$round"
  check "02_client over a unix socket is answered, $round start" out_is "$round"
  stop_server TERM
done

# ---- a second signal ----
# covers: UV.11

start_server 01_echo_server --port 0
mkfifo "$work/silent"
: >"$work/out"
"$bin/02_client" --wait -1 "$url" hello >"$work/out" 2>"$work/err" <"$work/silent" &
waiting=$!
exec 3>"$work/silent"
check "a client is connected" wait_until has out hello
kill -s STOP "$waiting" # it will not answer the Close
kill -s INT "$server"
kill -s TERM "$server"
check "a second signal ends the server at once" wait_until is_gone "$server"
wait "$server"
status=$?
server=
check "with status 0" status_is 0
kill -s CONT "$waiting"
exec 3>&-
wait "$waiting"

# ---- chat ----
# covers: DEM.8

start_server 03_chat --port 0
run "$bin/02_client" "${url}chat" 'NAda "L."' 'MHello \o/'
check "02_client in the chat exits with 0" status_is 0
check "it is welcomed" has out '"type":"welcome","id":1,"nick":"Ada \\u0022L.\\u0022"'
run "$bin/02_client" "${url}chat" 'Mtoo early'
check "who speaks without a nickname is sent away" has err 1008
run "$bin/02_client" "${url}elsewhere"
check "02_client is refused on another path" status_is 1
check "it says the status in one line" has err 404
stop_server INT

# ---- authentication, decided on late ----

alice=6f1c2a9be04d47d38a5be7c0913f52d8
bob=c58e07f2b3914a6f9d20e1847ab6c39d
start_server 21_authentication --port 0 --delay-ms 1
run "$bin/02_client" "${url}?ticket=$alice" hi
check "a ticket lets alice in" out_is 'hello, alice'
run "$bin/wsuv-cat" --header "Authorization: Bearer $alice" "$url"
check "and so does a token" has out 'hello, alice'
for refused in '' "?ticket=" "?ticket=x$alice" "?ticket=${alice%?}9" "?other=$alice"; do
  run "$bin/02_client" "$url$refused" hi
  check "'$refused' is refused" status_is 1
  check "with 401" has err 401
done
run "$bin/02_client" "${url}?ticket=$bob" hi
check "bob is known and may not connect" has err 403
if command -v curl >/dev/null; then
  http=http${url#ws}
  run curl -s --max-time 20 "${http}health" "${http}health" "${http}" -w '%{http_code} %{num_connects}\n'
  check "three requests take one connection" out_is 'ok
200 1
ok
200 0
404 0'
fi
stop_server INT

start_server 21_authentication --port 0 --delay-ms 2000
"$bin/02_client" "${url}?ticket=$alice" hi >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "a ticket is looked up" wait_until has server.out '^looking up$'
kill -s KILL "$waiting"
wait "$waiting" 2>/dev/null
check "who leaves meanwhile is not let in" wait_until has server.out '^looked up: operation canceled'
stop_server INT

# ---- ticker (its frames are looked at in interop/test_ticker.py) ----

start_server 09_ticker --port 0 --interval-ms 1
: >"$work/out"
"$bin/02_client" --wait -1 "$url" >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "02_client prints the ticker's messages" wait_until has out '^012$'
stop_server TERM
wait "$waiting"
status=$?
check "closed with 1001 it exits with 0" status_is 0

# ---- topics (the page is looked at in interop/test_pubsub_page.mjs) ----

start_server 18_pubsub --port 0 --interval-ms 20
: >"$work/stay"
"$bin/02_client" --wait -1 "${url}topics" 'subscribe news' 'subscribe connections' 'subscribe presence' \
  'subscribe dropped' 'subscribe lag' >"$work/stay" 2>&1 </dev/null &
waiting=$!
check "02_client subscribes" wait_until has stay '{"type":"subscribed","topic":"presence"}'
check "it gets live values" wait_until has stay '"topic":"connections","value":1,'
check "and hears who is there" wait_until has stay '{"topic":"news","subscribers":1}'
run "$bin/02_client" "${url}topics" 'publish news hello "you"' 'publish clock x' 'publish' 'join news' 'unsubscribe x'
check "another one publishes" has out '{"type":"published","topic":"news","sent":1,"refused":0}'
check "but not on the server's own topics" has out '"error","topic":"clock","text":"this topic is the server'
check "and is told what it did wrong" count_is out 3 '"type":"error"'
check "the subscriber hears it" wait_until has stay '"type":"message","topic":"news","text":"hello .u0022you.u0022"'
check "nothing was dropped" has stay '"topic":"dropped","value":0,'
check "the loop's lag is known" wait_until has stay '"topic":"lag","value":[0-9]'
"$bin/02_client" --wait -1 "${url}topics" 'subscribe flood' >"$work/out" 2>&1 </dev/null &
stopped=$!
check "one subscribes and is stopped" wait_until has out '"subscribed","topic":"flood"'
kill -s STOP "$stopped"
text=$(head -c 4000 /dev/zero | tr '\0' x)
awk -v text="$text" 'BEGIN { for (i = 0; i < 3000; i++) print "publish flood " text }' >"$work/flood"
"$bin/wsuv-cat" "${url}topics" <"$work/flood" >"$work/out" 2>"$work/err"
check "what it does not read is refused" has out '"topic":"flood","sent":0,"refused":1}'
check "and counted" wait_until has stay '"topic":"dropped","value":[1-9]'
if command -v curl >/dev/null; then
  http=http${url#ws}
  run curl -s --max-time 20 "${http}metrics" "${http}metrics" "${http}pubsub.js" -w '%{http_code} %{num_connects}\n'
  check "/metrics keeps its connection" count_is out 1 '^200 1$'
  check "also for the page's files" count_is out 2 '200 0$'
  check "the numbers end as they should" count_is out 2 '^# EOF$'
  check "and tell what was refused" count_is out 2 '^wsuv_messages_dropped_total{reason="refused"} [1-9]'
  run curl -sI --max-time 20 "${http}metrics"
  check "they are OpenMetrics" has out '^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8'
  run curl -si --max-time 20 -X POST "${http}metrics"
  check "and read only" has out '^HTTP/1.1 405 '
fi
kill -s KILL "$stopped"
stop_server TERM
wait "$waiting"
status=$?
check "closed with 1001 it exits with 0" status_is 0

# ---- several loops ----

run "$bin/20_many_loops" --loops 0
check "20_many_loops --loops 0 exits with 2" status_is 2
for how in '' --hand-off "--path $work/socket"; do
  # shellcheck disable=SC2086
  start_server 20_many_loops --port 0 --loops 3 $how
  for i in 1 2 3; do
    case $how in
      --path*) run "$bin/02_client" --path "$work/socket" ws://localhost/ "hello $i" ;;
      *) run "$bin/02_client" "$url" "hello $i" ;;
    esac
    check "20_many_loops $how answers client $i" out_is "hello $i"
  done
  kill -s HUP "$server"
  for i in 0 1 2; do
    check "loop $i says on SIGHUP what it served" wait_until has server.out "^loop $i: [0-9]* connections, [0-9]* before"
  done
  check "one line each" lines_are server.out 4
  stop_server INT
  check "and at the end" lines_are server.out 7
  sum=$(sed -n '5,7s/.* \([0-9]*\) messages$/\1/p' "$work/server.out" | awk '{ n += $1 } END { print n }')
  check "three messages in all" [ "$sum" = 3 ]
done

# ---- slow readers: four clients that are stopped, one for each policy ----

start_server 19_slow_readers --port 0 --instruments 1000
run "$bin/02_client" "${url}elsewhere"
check "19_slow_readers has no other paths" has err 404
stopped=
for policy in refuse drop-oldest keep-latest close; do
  "$bin/02_client" --wait -1 "$url$policy" >"$work/$policy" 2>"$work/$policy.err" </dev/null &
  stopped="$stopped $!"
  check "the client of /$policy gets prices" wait_until has "$policy" '^instrument 999: '
  kill -s STOP $!
done
check "newer prices are refused" wait_until has server.out '^/refuse: .* 0 dropped, [1-9][0-9]* refused$'
check "or older ones dropped" wait_until has server.out '^/drop-oldest: .* [1-9][0-9]* dropped, 0 refused$'
check "or those of the same instrument" wait_until has server.out '^/keep-latest: .* [1-9][0-9]* dropped, 0 refused$'
check "or the client is closed" wait_until has server.out '^/close: .*, closed: it reads too slowly$'
for client in $stopped; do kill -s CONT "$client"; done
check "the client that was closed ends by itself" wait_until is_gone $!
stop_server INT
check "what is lost is told at the end, too" has server.out '^/keep-latest: .* dropped, 0 refused, gone$'
for client in $stopped; do wait "$client"; done

# ---- the client without an event loop ----
# covers: CORE.1 CORE.2 CORE.5

client=$bin/04_poll_client
run "$client"
check "04_poll_client without a URL exits with 2" status_is 2
for bad_url in not-a-url ws:// 'ws://localhost:70000/' 'ws://localhost/#x'; do
  run "$client" "$bad_url"
  check "04_poll_client $bad_url exits with 2" status_is 2
  check "04_poll_client $bad_url says why in one line" lines_are err 1
done
for secure in wss://localhost/ HTTPS://localhost/; do
  run "$client" "$secure"
  check "04_poll_client $secure exits with 1" status_is 1
  check "it says in one line that there is no TLS" has err 'no TLS'
  check "and nothing else" lines_are err 1
done
run "$client" ws://no-such-host.invalid/
check "04_poll_client to a host that does not resolve exits with 1" status_is 1
check "it says why in one line" lines_are err 1

start_server 01_echo_server --port 0
port=$(printf '%s' "$url" | sed 's/.*:\([0-9]*\)\/$/\1/')
for target in "$url" "ws://localhost:$port/path?query" "ws://localhost:$port" "ws://name:word@127.0.0.1:$port?x"; do
  run "$client" "$target" hello 'two words' ''
  check "04_poll_client $target exits with 0" status_is 0
  check "its messages come back in order" out_is 'hello
two words'
  check "also the empty one" lines_are out 3
  check "nothing is said on standard error" lines_are err 0
done

run "$client" --wait 0 "$url"
check "04_poll_client with an empty input exits with 0" status_is 0
"$client" --wait 0 "$url" >"$work/out" 2>"$work/err" <&-
status=$?
check "04_poll_client with a closed input exits with 0" status_is 0
printf 'first\nsecond\nthird without its end' | "$client" "$url" >"$work/out" 2>"$work/err"
status=$?
check "04_poll_client with a pipe as input exits with 0" status_is 0
check "its lines come back" out_is 'first
second
third without its end'

awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%d %0200d\n", i, i }' >"$work/lines"
"$client" "$url" <"$work/lines" >"$work/out" 2>"$work/err"
status=$?
check "04_poll_client with a file as input exits with 0" status_is 0
check "20000 lines come back unchanged" cmp -s "$work/lines" "$work/out"
awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "x"; print "" }' >"$work/lines"
"$client" "$url" <"$work/lines" >"$work/out" 2>"$work/err"
check "04_poll_client sends a line of 1 MB unchanged" cmp -s "$work/lines" "$work/out"
cat "$work/lines" "$work/lines" | tr -d '\n' | "$client" "$url" >"$work/out" 2>"$work/err"
status=$?
check "04_poll_client with a line of 2 MB exits with 1" status_is 1
check "it says why in one line" lines_are err 1
printf 'good\nbad \377\n' | "$client" "$url" >"$work/out" 2>"$work/err"
status=$?
check "04_poll_client with a line that is not UTF-8 exits with 1" status_is 1
check "it says why in one line" lines_are err 1

for signal in INT TERM; do
  : >"$work/out"
  "$client" --wait -1 "$url" "until $signal" >"$work/out" 2>"$work/err" </dev/null &
  waiting=$!
  check "a waiting 04_poll_client is answered" wait_until has out "until $signal"
  kill -s $signal "$waiting"
  wait "$waiting"
  status=$?
  check "04_poll_client ends by SIG$signal with status 0" status_is 0
  check "and says nothing" lines_are err 0
done

# A server that says nothing any more, and Pings without an answer.
: >"$work/out"
"$client" --wait -1 --ping 100 "$url" hello >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "04_poll_client with Pings is answered" wait_until has out hello
sleep 0.5
check "answered Pings do not end it" kill -0 "$waiting"
kill -s STOP "$server"
check "a silent server ends it" wait_until is_gone "$waiting"
wait "$waiting"
status=$?
kill -s CONT "$server"
check "with status 1" status_is 1
check "and the reason" has err 'connection lost: '

: >"$work/out"
"$client" --wait -1 "$url" hello >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "a waiting 04_poll_client is answered once more" wait_until has out hello
kill -s STOP "$server" # it will not answer the Close
check "a second signal ends 04_poll_client" wait_until is_gone_by_signals "$waiting"
wait "$waiting"
status=$?
kill -s CONT "$server"
check "with status 1 and one line" status_is 1
check "that says so" has err 'second signal'

: >"$work/out"
"$client" --wait -1 "$url" hello >"$work/out" 2>"$work/err" </dev/null &
waiting=$!
check "04_poll_client waits for the server to close" wait_until has out hello
stop_server INT
wait "$waiting"
status=$?
check "closed with 1001 it exits with 0" status_is 0
run "$client" "$url" hello
check "04_poll_client without a server exits with 1" status_is 1
check "it says why in one line" has err 'refused'
check "and only that" lines_are err 1

start_server 03_chat --port 0
run "$client" "${url}elsewhere"
check "04_poll_client is refused on another path" status_is 1
check "it says the status in one line" has err 404
run "$client" "${url}chat" 'Mtoo early'
check "04_poll_client says the code that the server closed with" has err 1008
check "which is a clean end" status_is 0
stop_server TERM

# ---- embedding ----

# get PATH OPTIONS...: the answer of the server at $http in "out", head and all.
get() {
  path=$1
  shift
  run curl -si --max-time 20 "$@" "$http$path"
}

start_server 08_embedding --port 0
http=${url%/}
ws=ws${http#http}/ws
if command -v curl >/dev/null; then
  get /
  check "08_embedding serves a page" has out 'HTTP/1.1 200 OK'
  get /nothing
  check "and 404 for what is not there" has out 'HTTP/1.1 404 Not Found'
  get / -X POST -d x
  check "and takes no bodies" has out 'HTTP/1.1 413 '
  get /ws
  check "a plain request to the WebSocket's path is its own" has out 'HTTP/1.1 426 Upgrade Required'
  get /ws -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 8' \
    -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  check "it answers the faults of an opening handshake" has out 'Sec-WebSocket-Version: 13'
  run curl -s --max-time 20 "$http/status" "$http/status" -w "%{num_connects}\n"
  check "its connections are kept alive" out_is '{"connections":0,"messages":0}
1
{"connections":0,"messages":0}
0'
fi
run "$bin/02_client" "$ws" hello again
check "on the same port it echoes over a WebSocket" out_is 'hello
again'
run "$bin/02_client" "${ws}elsewhere" hello
check "on one path only" status_is 1
check "which is told with 404" has err 404
if command -v curl >/dev/null; then
  get /status
  check "its status counts messages" has out '"messages":2}'
fi
: >"$work/echo"
"$bin/02_client" --echo "$ws" >"$work/echo" 2>&1 </dev/null &
waiting=$!
check "a client stays" wait_until has echo '^connected'
stop_server INT
wait "$waiting"
status=$?
check "closed with 1001 it exits with 0" status_is 0

# ---- replay ----
# covers: UV.18 IOC.7

# replay WHAT STATUS OPTIONS...: of the file "capture"; its output is in "out".
replay() {
  what=$1
  expected=$2
  shift 2
  "$bin/05_replay" "$@" "$work/capture" >"$work/out" 2>"$work/err"
  status=$?
  check "05_replay, $what, exits with $expected" status_is "$expected"
}

run "$bin/05_replay" --role nobody
check "05_replay --role nobody exits with 2" status_is 2
run "$bin/05_replay" --chunk 0
check "05_replay --chunk 0 exits with 2" status_is 2
run "$bin/05_replay" one two
check "05_replay with two files exits with 2" status_is 2
for unreadable in "$work/nothing" "$work"; do
  run "$bin/05_replay" "$unreadable"
  check "05_replay of what cannot be read exits with 1" status_is 1
  check "it says why in one line" lines_are err 1
done

# A text in two fragments with a Ping between them, a binary message, a Pong, a Close; all masked.
{
  printf '\001\203\001\002\003\004Ign\211\202\0\0\0\0ab\200\202\0\0\0\0lo'
  printf '\202\203\0\0\0\0\001\002\003\212\200\0\0\0\0\210\205\0\0\0\0\003\350bye'
} >"$work/capture"
for chunk in 1 3 7 65536; do
  replay "in pieces of $chunk" 0 --chunk $chunk
  check "it tells the events and answers" out_is 'ping 2 61 62
answer pong 2
text 5 "Hemlo"
binary 3 01 02 03
pong 0
close 1000 "bye"
answer close 1000
end'
done
"$bin/05_replay" <"$work/capture" >"$work/out" 2>"$work/err"
check "05_replay reads standard input" has out '^close 1000 "bye"$'

size=$(wc -c <"$work/capture")
mv "$work/capture" "$work/whole"
for cut in 1 8 12 22 $((size - 1)); do
  head -c "$cut" "$work/whole" >"$work/capture"
  replay "cut off at octet $cut" 1
  check "it says that a frame is cut" has out "^end in the middle of a frame (octet $cut)\$"
done
head -c 9 "$work/whole" >"$work/capture"
replay "cut off between fragments" 1
check "it says that a message is cut" has out '^end in the middle of a message (octet 9)$'
head -c $((size - 11)) "$work/whole" >"$work/capture"
replay "without the Close" 0
check "it says that there was none" has out '^end without a close$'

printf '\201\205\0\0\0\0Hello\201\005Hello' >"$work/capture"
replay "an unmasked frame to a server" 1
check "it tells the piece" has out '^error EUNMASKED .* (octets 0 to 17)$'
check "and the answer" has out '^answer close 1002$'
replay "the same octet by octet" 1 --chunk 1
check "what came before is told" has out '^text 5 "Hello"$'
check "and the exact place" has out '^error EUNMASKED .* (octet 12)$'
replay "a masked frame to a client" 1 --role client
check "it is an error" has out '^error EMASKED '

{
  printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
  printf '\201\007\033[2J"\303\274\211\001x\210\000'
} >"$work/capture"
replay "with a head, as a client" 0 --role client --head --chunk 1
check "what could harm a terminal is escaped" out_is 'text 7 "\x1b[2J\"\xc3\xbc"
ping 1 78
answer pong 1
close 1005 ""
answer close 1005
end'
replay "with a head that is not skipped" 1 --role client
head -c 40 "$work/capture" >"$work/head"
mv "$work/head" "$work/capture"
replay "cut off in the head" 1 --head
check "it says so" has out '^end in the middle of the head$'

awk 'BEGIN { for (i = 0; i < 100; i++) printf "x" }' >"$work/x"
{ printf '\201\144' && cat "$work/x" && printf '\202\144' && cat "$work/x"; } >"$work/capture"
replay "of long messages" 0 --role client
check "a long text is cut" has out '^text 100 "x\{64\}" \.\.\.$'
check "a long binary is cut" has out '^binary 100\( 78\)\{24\} \.\.\.$'

# ---- 07_frames: the layers by hand ----

"$bin/07_frames" "Hemlo, frames" >"$work/out" 2>"$work/err"
check "07_frames reads what it wrote" out_is 'ping ?
text Hemlo, frames
7 frames, 56 octets, the same at every cut'
"$bin/07_frames" "" >"$work/out" 2>"$work/err"
check "07_frames sends an empty message, too" out_is 'ping ?
text 
3 frames, 19 octets, the same at every cut'

# ---- a proxy to TCP (what it does with octets is in interop/test_tcp_proxy.py) ----

start_server 22_tcp_proxy --port 0 --target 127.0.0.1:1
run "$bin/02_client" "$url" hello
check "02_client to a proxy without its target exits with 1" status_is 1
check "it says the status in one line" has err 502
check "so does the proxy say why" has server.err '^target: connection refused$'
stop_server TERM

# ---- an extension ----

run "$bin/11_extension" aaaaaaaaaaaaaaaab hello
check "11_extension ends with 0" status_is 0
check "messages travel shorter" out_is 'negotiated: x-run-length
echo: aaaaaaaaaaaaaaaab
echo: hello
sent 22 octets as 12'
run "$bin/11_extension" --max 4 aaaaaaaaaaaaaaaab
check "the server keeps to the client's limit" has out '^sent 17 octets as 10$'
run "$bin/11_extension" --plain aaaaaaaaaaaaaaaab
check "what is not offered is not negotiated" has out '^negotiated: nothing'
check "and the messages come all the same" has out '^echo: aaaaaaaaaaaaaaaab$'

# ---- compression ----
# covers: DEM.8

# upgrade_with EXTENSIONS: a request that offers them; $asking stays connected.
upgrade_with() {
  curl -s --max-time 20 "http${url#ws}" -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
    -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H "Sec-WebSocket-Extensions: $1" >/dev/null 2>&1 &
  asking=$!
}

# is_halved WORD FILE: each "WORD A octets as B" or "WORD A as B" of the file has a B below the half of A.
is_halved() {
  sed -n "s/.*$1 \([0-9]*\) \(octets \)\{0,1\}as \([0-9]*\).*/\1 \3/p" "$work/$2" |
    awk '{ n++; nhalved += $2 > 0 && $2 < $1 / 2 } END { exit n == 0 || nhalved != n }'
}

run "$bin/12_deflate" --min-window 13
check "12_deflate --min-window 13 exits with 2" status_is 2
run "$bin/wsuv-cat" -z ws://127.0.0.1:1/
if [ "$status" -eq 2 ]; then
  run "$bin/12_deflate" --port 0
  check "12_deflate in a build without zlib exits with 1" status_is 1
  check "it says why in one line" has err 'permessage-deflate is not available'
else
  start_server 12_deflate --port 0
  awk 'BEGIN { for (i = 0; i < 100; i++) { for (j = 0; j < 100; j++) printf "line %d word %d ", i, j; print "" } }' >"$work/lines"
  "$bin/wsuv-cat" -z -v "$url" <"$work/lines" >"$work/out" 2>"$work/err"
  status=$?
  check "wsuv-cat --compress with 12_deflate exits with 0" status_is 0
  check "all comes back" cmp -s "$work/lines" "$work/out"
  check "the client says what was negotiated" has err '^compression: sending with a window of 15 bits, no context takeover; receiving with 12 '
  check "so does the server" has server.out ': compression with a window of 12 bits, the client.s 15, each message by itself$'
  check "and at the end what that saved" wait_until has server.out ': received [0-9]* octets as [0-9]*, sent '
  check "less than the half was received" is_halved received server.out
  check "and sent" is_halved sent server.out
  run "$bin/02_client" "$url" hello
  check "a client that does not offer it is answered, too" out_is hello
  check "uncompressed" has server.out ': no compression$'
  stop_server INT

  if command -v curl >/dev/null; then
    start_server 12_deflate --port 0 --min-window 10
    upgrade_with 'permessage-deflate; server_max_window_bits=9'
    check "a client that wants too small a window is declined" wait_until has server.out ': no compression$'
    kill "$asking"
    upgrade_with 'permessage-deflate; server_max_window_bits=10'
    check "one that wants a larger one is not" wait_until has server.out ': compression with a window of 10 bits'
    kill "$asking"
    stop_server TERM
  fi

  # One message for two people, one of them without compression.
  start_server 03_chat --port 0
  mkfifo "$work/plain" "$work/compressed"
  : >"$work/plain.out"
  : >"$work/compressed.out"
  "$bin/wsuv-cat" -n "${url}chat" <"$work/plain" >"$work/plain.out" 2>&1 &
  plain=$!
  "$bin/wsuv-cat" -n -z -v "${url}chat" <"$work/compressed" >"$work/compressed.out" 2>&1 &
  compressed=$!
  exec 3>"$work/plain" 4>"$work/compressed"
  echo NPlain >&3
  echo NCompressed >&4
  check "the one without compression is welcomed" wait_until has plain.out '"welcome".*"Plain"'
  check "so is the one with it" wait_until has compressed.out '"welcome".*"Compressed"'
  check "which was negotiated" has compressed.out '^compression: sending '
  text=$(head -n 1 "$work/lines")
  echo "M$text" >&3
  for who in plain compressed; do
    check "a long message comes, $who" wait_until has $who.out "\"message\",\"id\":.*\"text\":\"$text\""
  done
  exec 3>&- 4>&-
  stop_server INT
  wait "$plain" "$compressed"
  check "compressed to less than the half" is_halved received compressed.out
fi

# ---- TLS ----
# covers: DEM.8

if [ -z "$certs" ]; then
  run "$bin/03_chat" --cert "$work/nothing" --port 0
  check "03_chat --cert in a build without TLS exits with 1" status_is 1
  check "it says why in one line" has err 'TLS is not available'
  run "$bin/02_client" wss://127.0.0.1:1/
  check "02_client to a wss URL in a build without TLS exits with 1" status_is 1
  check "it says why in one line" has err 'TLS is not available'
  echo "$nchecks checks passed"
  exit 0
fi

# secure ARGUMENT...: runs a client that trusts the tests' authority.
secure() { run "$bin/14_tls_client" --ca "$certs/ca.pem" "$@"; }

# use NAME: the server's certificate and key become those of this name.
use() { cp "$certs/$1.pem" "$work/cert.pem" && cp "$certs/$1.key" "$work/cert.key"; }

for mistake in '' "--key $certs/server.key"; do
  # shellcheck disable=SC2086
  run "$bin/13_tls_echo_server" --port 0 $mistake
  check "13_tls_echo_server $mistake without a certificate exits with 2" status_is 2
done
run "$bin/13_tls_echo_server" --port 0 --cert "$certs/server.pem" --key "$certs/alice.key"
check "13_tls_echo_server with another's key exits with 1" status_is 1
check "it says why in one line" lines_are err 1
check "and names the file" has err 'alice.key'
check "it does not say that it listens" lines_are out 0

use server
start_server 13_tls_echo_server --port 0 --cert "$work/cert.pem" --key "$work/cert.key"
port=$(printf '%s' "$url" | sed 's/.*:\([0-9]*\)\/$/\1/')
check "the address is wss://127.0.0.1:PORT/" [ "$url" = "wss://127.0.0.1:$port/" ]
secure "$url" hello 'two words'
check "14_tls_client exits with 0" status_is 0
check "it says what was agreed on, and with whom" has out '^TLSv1.3, TLS_.*, server CN=server, verified$'
check "its messages come back" has out '^two words$'
check "the server says who connected" has server.out '^127.0.0.1:.*: TLSv1.3, TLS_.*, for no name$'
secure "wss://localhost:$port/" hello
check "by its name, too" has server.out ': TLSv1.3, TLS_.*, for localhost$'
secure --name other.example "$url" hello
check "14_tls_client with a name that the certificate has not exits with 1" status_is 1
check "it says why in one line" lines_are err 1
check "and by name" has err ' ECERTHOST: .*other.example'
secure --name server.example --ca "$certs/other_ca.pem" "$url" hello
check "nor does it take another's authority" has err ' ECERTAUTHORITY: '
check "the server says who did not come through, and why" has server.err '^127.0.0.1:.*: no TLS, ECERTREFUSED: '

run "$bin/02_client" "$url" hello
check "02_client verifies, too" status_is 1
check "it says why in one line" lines_are err 1
run env SSL_CERT_FILE="$certs/ca.pem" "$bin/02_client" "wss://localhost:$port/" hello
check "02_client with an authority of the system's is answered" out_is hello
run "$bin/02_client" "ws://127.0.0.1:$port/" hello
check "a client without TLS is refused" status_is 1
check "with 400" has err 400
check "which the server says" has server.err ': no TLS, ENOTTLS: '

# The certificate is exchanged under an open connection.
: >"$work/stay"
mkfifo "$work/lines.in"
SSL_CERT_FILE="$certs/ca.pem" "$bin/02_client" "$url" <"$work/lines.in" >"$work/stay" 2>&1 &
waiting=$!
exec 3>"$work/lines.in"
echo before >&3
check "a client stays" wait_until has stay before
use server2
kill -s HUP "$server"
check "on SIGHUP the certificate is read again" wait_until has server.out '^reloaded: '
secure "$url" hello
check "new connections get it" has out ', server CN=server,O=second, verified$'
echo garbage >"$work/cert.key"
kill -s HUP "$server"
check "a key that is none is not taken" wait_until has server.out '^not reloaded, .*cert.key'
secure "$url" hello
check "and the certificate before stays" has out ', server CN=server,O=second, verified$'
echo after >&3
check "the connection that was open is still answered" wait_until has stay after
exec 3>&-
wait "$waiting"
status=$?
check "and ends as it should" status_is 0
stop_server INT

run "$bin/15_tls_rotation" --ca "$certs/ca.pem" "$certs/server.pem"
check "15_tls_rotation with half a pair exits with 2" status_is 2
run "$bin/15_tls_rotation" --ca "$certs/ca.pem" "$certs/server.pem" "$certs/server.key" "$certs/server2.pem" \
  "$certs/server2.key" "$certs/server2.pem" "$certs/alice.key" "$work/nothing" "$work/nothing"
check "15_tls_rotation exits with 0" status_is 0
check "the first connection is shown the first certificate" count_is out 1 '^client: was shown CN=server, serial '
check "all others the second" count_is out 3 '^client: was shown CN=server,O=second, serial '
check "a key of another's is refused" has out '^server: stays as it is, EKEYMISMATCH: .*alice.key'
check "so is a file that is not there" has out '^server: stays as it is, ENOENT: '
check "the first connection lives through all of it" has out '^client: the first connection is answered: still here$'
run "$bin/15_tls_rotation" --ca "$certs/other_ca.pem" "$certs/server.pem" "$certs/server.key"
check "15_tls_rotation with another authority exits with 1" status_is 1
check "it says why in one line" lines_are err 1

start_server 16_mutual_tls --port 0 --cert "$certs/server.pem" --key "$certs/server.key" --ca "$certs/ca.pem"
secure --cert "$certs/alice.pem" --key "$certs/alice.key" "$url" hello
check "16_mutual_tls answers with the name that it has verified" has out '^CN=alice,O=wsuv: hello$'
check "and says who was there" wait_until has server.out '^CN=alice,O=wsuv is gone$'
"$bin/wsuv-cat" --cacert "$certs/ca.pem" --cert "$certs/bob.pem" --key "$certs/bob.key" "$url" >"$work/out" 2>"$work/err" <<END
hello
END
check "so it does for wsuv-cat" out_is 'CN=bob,O=wsuv: hello'
secure "$url" hello
check "without a certificate 14_tls_client exits with 1" status_is 1
check "and says that it is refused" has err ' ECERTREFUSED: '
check "the server says so, too" wait_until has server.out ' stays out, ENOCERT: '
secure --cert "$certs/mallory.pem" --key "$certs/mallory.key" "$url" hello
check "with one of another authority it exits with 1, too" status_is 1
check "which the server says" wait_until has server.out ' stays out, ECERTAUTHORITY: '
stop_server INT

start_server 16_mutual_tls --port 0 --cert "$certs/server.pem" --key "$certs/server.key" --ca "$certs/ca.pem" \
  --only CN=alice,O=wsuv
secure --cert "$certs/alice.pem" --key "$certs/alice.key" "$url" hello
check "16_mutual_tls --only lets that one in" status_is 0
secure --cert "$certs/bob.pem" --key "$certs/bob.key" "$url" hello
check "and nobody else" status_is 1
check "which it answers 403" has err 403
stop_server TERM

start_server 03_chat --port 0 --cert "$certs/server.pem" --key "$certs/server.key"
check "03_chat --cert says wss" has server.out '^listening on wss://127.0.0.1:'
secure "${url}chat" 'NAda'
check "the chat speaks TLS" has out '"type":"welcome","id":1,"nick":"Ada"'
if command -v curl >/dev/null; then
  run curl -s --max-time 20 --cacert "$certs/ca.pem" "https${url#wss}"
  check "so does its page" has out '<script'
fi
stop_server INT
run "$bin/03_chat" --port 0 --cert "$certs/server.pem" --key "$work/nothing"
check "03_chat without the key's file exits with 1" status_is 1
check "it says why in one line" lines_are err 1

# The certificates that the samples make for themselves.
run "$bin/wsuv-dev-certs"
check "wsuv-dev-certs without a folder exits with 2" status_is 2
run "$bin/wsuv-dev-certs" "$work/missing/folder"
check "wsuv-dev-certs in a folder that is not there exits with 1" status_is 1
run "$bin/wsuv-dev-certs" "$work/dev"
check "wsuv-dev-certs exits with 0" status_is 0
check "it says what it made" lines_are out 4
for name in ca server next alice; do
  check "the key of $name is for its owner only" [ -n "$(find "$work/dev/$name.key" -perm 600)" ]
done
cp "$work/dev/server.key" "$work/former.key"
run "$bin/wsuv-dev-certs" "$work/dev"
check "wsuv-dev-certs does not overwrite" status_is 1
check "it says why in one line" lines_are err 1
check "and leaves all as it was" cmp -s "$work/dev/server.key" "$work/former.key"
start_server 16_mutual_tls --port 0 --cert "$work/dev/server.pem" --key "$work/dev/server.key" --ca "$work/dev/ca.pem"
port=$(printf '%s' "$url" | sed 's/.*:\([0-9]*\)\/$/\1/')
for host in localhost 127.0.0.1; do
  run "$bin/14_tls_client" --ca "$work/dev/ca.pem" --cert "$work/dev/alice.pem" --key "$work/dev/alice.key" "wss://$host:$port/" hello
  check "its certificates are good for $host and alice" has out '^CN=alice,O=wsuv development: hello$'
done
stop_server TERM
run "$bin/15_tls_rotation" --ca "$work/dev/ca.pem" "$work/dev/server.pem" "$work/dev/server.key" "$work/dev/next.pem" "$work/dev/next.key"
check "and for an exchange" has out '^client: was shown CN=localhost (next),O=wsuv development, serial '
run "$bin/wsuv-dev-certs" --force "$work/dev"
check "wsuv-dev-certs --force exits with 0" status_is 0
check "and makes new ones" [ "$(cmp -s "$work/dev/server.key" "$work/former.key" || echo differs)" = differs ]

echo "$nchecks checks passed"
