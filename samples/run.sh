#!/bin/sh
# Builds the samples (release, into build/samples-release) and runs one.
#
# usage: sh samples/run.sh [NAME [ARGUMENT...]]
#
#   without a name   the chat, at http://127.0.0.1:9001/
#   NAME             chat, echo, ticker, shell, pubsub, or another sample such as 02_client, client or 02; the arguments are
#                    the sample's own (sh samples/run.sh echo --help); chat --tls is the chat over TLS
#
# shell is a terminal in the browser: it also installs xterm.js, with npm, into build/xterm. The samples of TLS (13 to 17)
# get certificates for localhost, which are made once in 80 days, in build/samples-release/certs.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
build=$root/build/samples-release
log=$build/build.log
certs=$build/certs
chat=03_chat

say() { printf '%s\n' "$*"; }
die() { say "run.sh: $*" >&2; exit 1; }

# One name a line.
all_names() {
  for file in "$here"/[0-9]*_*.c; do
    if [ -f "$file" ]; then basename -- "$file" .c; fi
  done
  say wsuv-cat
  say wsuv-dev-certs
}

# find_sample WORD: the name it stands for, or nothing.
find_sample() {
  for name in $(all_names); do
    case $name in
      "$1" | "$1"_* | [0-9]*_"$1" | [0-9]*_"$1"_* | wsuv-"$1") say "$name" && return ;;
    esac
  done
}

case ${1:-} in
  -h | --help)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    say "samples: $(all_names | tr '\n' ' ')"
    exit 0
    ;;
esac

word=${1:-$chat}
sample=$(find_sample "${word%.c}")
if [ -z "$sample" ]; then
  say "run.sh: no sample is called '$word'; there are: $(all_names | tr '\n' ' ')" >&2
  exit 2
fi
page=
if [ $# -gt 0 ]; then
  shift
else
  page=http://127.0.0.1:9001/
  set -- --port 9001
fi

case $sample in
  *_shell_server) sh "$root/cmake/deps.sh" shell || exit 1 ;;
  *) sh "$root/cmake/deps.sh" build || exit 1 ;;
esac

# Quiet; the end of the log where something fails.
step() {
  title=$1
  shift
  if ! "$@" >>"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "$title failed; the whole log is $log"
  fi
}

configure() {
  set --
  if [ ! -f "$build/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then set -- -G Ninja; fi
  cmake -S "$root" -B "$build" "$@" -DCMAKE_BUILD_TYPE=Release -DWSUV_BUILD_SAMPLES=ON \
    -DWSUV_BUILD_TESTS=OFF -DWSUV_INSTALL=OFF -DWSUV_WERROR=OFF
}

mkdir -p "$build" || exit 1
: >"$log" || exit 1
program=$build/samples/$sample
if [ ! -x "$program" ]; then say "building the samples ..."; fi
if [ ! -f "$build/build.ninja" ] && [ ! -f "$build/Makefile" ]; then step "configuring" configure; fi
step "building" cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)"
if [ ! -x "$program" ]; then
  step "configuring" configure
  step "building" cmake --build "$build"
fi
if [ ! -x "$program" ]; then die "the build made no $program"; fi

# Good for 90 days.
make_certs() {
  if [ -z "$(find "$certs/ca.pem" -mtime -80 2>/dev/null)" ]; then
    step "making certificates" "$build/samples/wsuv-dev-certs" --force "$certs"
  fi
}

# The chat over TLS, as the first of its arguments.
if [ "$sample" = "$chat" ] && [ "${1:-}" = --tls ]; then
  shift
  make_certs
  set -- --cert "$certs/server.pem" --key "$certs/server.key" "$@"
fi

# Before the sample's own arguments, so that those win.
case $sample in *_tls_* | *_mutual_tls) make_certs ;; esac
case $sample in
  *_tls_echo_server | *_tls_forwarder) set -- --cert "$certs/server.pem" --key "$certs/server.key" "$@" ;;
  *_tls_client) set -- --ca "$certs/ca.pem" --cert "$certs/alice.pem" --key "$certs/alice.key" "$@" ;;
  *_tls_rotation)
    if [ $# -eq 0 ]; then
      set -- "$certs/server.pem" "$certs/server.key" "$certs/next.pem" "$certs/next.key" "$certs/next.pem" "$certs/alice.key"
    fi
    set -- --ca "$certs/ca.pem" "$@"
    ;;
  *_mutual_tls) set -- --cert "$certs/server.pem" --key "$certs/server.key" --ca "$certs/ca.pem" "$@" ;;
esac

if [ -n "$page" ]; then say "open $page (Ctrl-C ends it)"; fi
exec "$program" "$@"
