#!/bin/sh
# Installs what is missing to build, test or check wsuv.
#
# usage: sh cmake/deps.sh build|shell|test|interop|bench-peers|checks|arm64... [--npm-dir DIR]
#
#   build    compiler, cmake, libuv, OpenSSL, llhttp, zlib
#   shell    build + npm; xterm.js, for the page of the sample 10_shell_server, into build/xterm
#   test     build + cmocka, a C++ compiler for the header check
#   interop  test + shell + node, python3-websockets, python3-prometheus-client, chromium, openssl, curl, nginx,
#             haproxy (neither is started); tests/interop's npm packages into DIR
#   bench-peers   build + the libraries that the benchmark compares with: libwebsockets, Boost.Beast, websocketpp; node,
#             tests/interop's npm packages into DIR
#   checks   test + clang and its tools, valgrind, pmccabe, shellcheck
#   arm64    a compiler for that processor, and qemu to run what it makes
#
# Says in one line what it is going to install and does it with apt-get (Debian, Ubuntu); elsewhere it names what is
# missing and stops. Silent when nothing is missing.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
npm_dir=$root/build/tests/interop
xterm_dir=$root/build/xterm
policy=/usr/sbin/policy-rc.d
holds=no
missing=

say() { printf 'deps: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
need() { case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac; }

# need_command PACKAGE COMMAND...: the package, unless one of the commands is there.
need_command() {
  package=$1
  shift
  for command in "$@"; do
    if have "$command"; then return; fi
  done
  need "$package"
}

# need_library PACKAGE PKG-CONFIG-NAME
need_library() {
  pkg-config --exists "$2" 2>/dev/null || need "$1"
}

have_llhttp() {
  pkg-config --exists libllhttp 2>/dev/null || [ -f /usr/share/llhttp/llhttp.c ] ||
    [ -f /usr/local/share/llhttp/llhttp.c ]
}

python_with() {
  for python in /usr/bin/python3 python3; do
    if "$python" -c "import $1" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

have_fuzzer_runtime() {
  have clang && ls "$(clang --print-runtime-dir 2>/dev/null)"/libclang_rt.fuzzer*.a >/dev/null 2>&1
}

probe_build() {
  need_command gcc cc gcc clang
  [ -f /usr/include/stdio.h ] || [ "$(uname)" != Linux ] || need libc6-dev
  need_command cmake cmake
  need_command ninja-build ninja make
  need_command pkg-config pkg-config pkgconf
  need_library libuv1-dev libuv
  need_library libssl-dev libcrypto
  need_library zlib1g-dev zlib
  have_llhttp || need llhttp
}

# npm fetches over TLS.
probe_shell() {
  probe_build
  need_command npm npm
  [ -f /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
}

probe_test() {
  probe_build
  need_command g++ c++ g++ clang++
  need_library libcmocka-dev cmocka
}

probe_interop() {
  probe_test
  probe_shell
  need_command nodejs node nodejs
  need_command python3 python3
  python_with websockets || need python3-websockets
  python_with prometheus_client || need python3-prometheus-client
  need_command chromium chromium chromium-browser google-chrome
  need_command openssl openssl
  need_command curl curl
  need_command nginx nginx /usr/sbin/nginx
  need_command haproxy haproxy /usr/sbin/haproxy
}

probe_bench_peers() {
  probe_build
  probe_shell
  need_command g++ c++ g++ clang++
  need_library libwebsockets-dev libwebsockets
  [ -f /usr/include/boost/beast/websocket.hpp ] || need libboost-dev
  [ -f /usr/include/websocketpp/server.hpp ] || need libwebsocketpp-dev
  need_command nodejs node nodejs
}

probe_checks() {
  probe_test
  need_command clang clang
  have_fuzzer_runtime || need libclang-rt-dev
  need_command clang-format clang-format
  need_command clang-tidy clang-tidy
  need_command valgrind valgrind
  need_command pmccabe pmccabe
  need_command shellcheck shellcheck
}

probe_arm64() {
  need_command gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
  [ -f /usr/aarch64-linux-gnu/include/stdio.h ] || need libc6-dev-arm64-cross
  need_command qemu-user-static qemu-aarch64-static
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_knows() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

# The name of llhttp's package changed: node-llhttp ships its C sources in Debian 12, libllhttp-dev is the later one.
resolve_llhttp() {
  llhttp=node-llhttp
  if apt_knows libllhttp-dev; then llhttp=libllhttp-dev; fi
  missing=$(printf '%s' "$missing" | sed "s/ llhttp/ $llhttp/")
}

apt_update_if_needed() {
  for package in $missing; do
    if [ "$package" = llhttp ]; then package=libuv1-dev; fi
    if ! apt_knows "$package"; then
      say "apt-get update"
      as_root apt-get update >"$log" 2>&1 || fail_with_log "apt-get update failed"
      return
    fi
  done
}

fail_with_log() {
  tail -n 15 "$log" >&2
  die "$1"
}

apt_install() {
  # $missing is a list of package names.
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing \
    >"$log" 2>&1
}

# Debian starts these two when they are installed, and at each boot; the tests run processes of their own.
hold_services() {
  case $missing in
    *" nginx"* | *" haproxy"*) ;;
    *) return 0 ;;
  esac
  if [ -e "$policy" ]; then return 0; fi
  printf '#!/bin/sh\nexit 101\n' >"$log.policy" && as_root install -m 755 "$log.policy" "$policy" && holds=yes
}

let_services_go() {
  if [ "$holds" = yes ]; then as_root rm -f "$policy"; fi
  holds=no
  rm -f "$log.policy"
}

disable_services() {
  have systemctl || return 0
  for service in nginx haproxy; do
    case " $missing " in
      *" $service "*) as_root systemctl --quiet disable "$service" >/dev/null 2>&1 ;;
    esac
  done
}

install_missing() {
  if [ -z "$missing" ]; then return; fi
  if ! have apt-get; then
    die "missing:$missing (Debian's names). Install them with this system's package manager and run again."
  fi
  if [ "$(id -u)" -ne 0 ] && ! have sudo; then
    case $missing in *llhttp*) resolve_llhttp ;; esac
    die "missing:$missing. Run as root: apt-get install$missing"
  fi
  log=$(mktemp) || exit 1
  trap 'let_services_go; rm -f "$log"' EXIT
  trap 'exit 1' INT TERM
  hold_services || die "cannot write $policy"
  apt_update_if_needed
  resolve_llhttp
  say "installing with apt-get:$missing"
  if ! apt_install; then
    say "that failed; apt-get update, then once more"
    as_root apt-get update >"$log" 2>&1 || fail_with_log "apt-get update failed"
    apt_install || fail_with_log "could not install:$missing"
  fi
  let_services_go
  disable_services
}

# install_npm_packages FROM DIR: the packages that FROM pins, outside of the source tree.
install_npm_packages() {
  if [ ! -f "$1/package-lock.json" ]; then return; fi
  if cmp -s "$1/package-lock.json" "$2/installed.json"; then return; fi
  have npm || die "npm is missing"
  say "npm ci into $2"
  mkdir -p "$2" || exit 1
  cp "$1/package.json" "$1/package-lock.json" "$2/" || exit 1
  if ! (cd "$2" && npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1); then
    tail -n 15 "$2/npm.log" >&2
    die "npm ci failed"
  fi
  cp "$1/package-lock.json" "$2/installed.json"
}

wants_shell=no
wants_npm=no
if [ $# -eq 0 ]; then set -- --help; fi
while [ $# -gt 0 ]; do
  case $1 in
    build) probe_build ;;
    test) probe_test ;;
    checks) probe_checks ;;
    arm64) probe_arm64 ;;
    bench-peers)
      probe_bench_peers
      wants_npm=yes
      ;;
    shell)
      probe_shell
      wants_shell=yes
      ;;
    interop)
      probe_interop
      wants_shell=yes
      wants_npm=yes
      ;;
    --npm-dir)
      if [ $# -lt 2 ]; then die "--npm-dir needs a directory"; fi
      npm_dir=$2
      shift
      ;;
    -h | --help)
      sed -n '2,17s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      say "unknown word '$1': build, shell, test, interop, bench-peers, checks or arm64" >&2
      exit 2
      ;;
  esac
  shift
done

install_missing
if [ $wants_shell = yes ]; then install_npm_packages "$root/samples/shell" "$xterm_dir"; fi
if [ $wants_npm = yes ]; then install_npm_packages "$root/tests/interop" "$npm_dir"; fi
exit 0
