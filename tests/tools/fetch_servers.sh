#!/bin/sh
# Unpack the servers and tools that the tests talk to into .cache/servers/root: no root, no started service, nothing
# installed. A tool that the host has already is left alone; what can't be fetched is named, and its tests are skipped.
# Usage: fetch_servers.sh [PACKAGE:BINARY...]   (default: the list below). Exit 1 when something is missing.
set -u
# package:binary. One line a package; later tests add theirs here.
WANTED="
openssh-client:ssh
openssh-server:sshd
strace:strace
htop:htop
less:less
tmux:tmux
iputils-ping:ping
nginx:nginx
prometheus:prometheus
prometheus-alertmanager:prometheus-alertmanager
prometheus-blackbox-exporter:prometheus-blackbox-exporter
prometheus-node-exporter:prometheus-node-exporter
"
[ $# -gt 0 ] && WANTED="$*"

here=$(cd "$(dirname "$0")/../.." && pwd)
cache=$here/.cache/servers
root=$cache/root
done_dir=$cache/done
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
mkdir -p "$root" "$done_dir" "$cache/deb"

missing_now() {
  for item in $WANTED; do
    package=${item%%:*} binary=${item#*:}
    command -v "$binary" >/dev/null 2>&1 && continue
    [ -e "$done_dir/$package" ] && continue
    echo "$package"
  done
}

todo=$(missing_now)
[ -z "$todo" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
  for package in $todo; do echo "test server missing: $package (no apt-get here)" >&2; done
  exit 1
fi

# One at a time: two test runs of one checkout share the cache.
exec 9>"$cache/lock"
command -v flock >/dev/null 2>&1 && flock 9

updated=
download() { # PACKAGE: leaves its .deb in $cache/deb
  (cd "$cache/deb" && apt-get -q -q download "$1") >"$cache/apt.log" 2>&1 && return 0
  # Without package lists (a container image) nothing can be found; only root may fetch them, once.
  if [ -z "$updated" ] && [ "$(id -u)" = 0 ]; then
    updated=1
    apt-get -q -q update >"$cache/apt.log" 2>&1
    (cd "$cache/deb" && apt-get -q -q download "$1") >"$cache/apt.log" 2>&1 && return 0
  fi
  return 1
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

unpack() { # PACKAGE DEPTH: the package, and the libraries it needs that the host lacks
  [ -e "$done_dir/$1" ] && return 0
  rm -f "$cache/deb/$1"_*.deb
  download "$1" || return 1
  for deb in "$cache/deb/$1"_*.deb; do
    [ -e "$deb" ] || return 1
    dpkg-deb -x "$deb" "$root" || return 1
    needs=$(dpkg-deb -f "$deb" Pre-Depends Depends | sed 's/^[A-Za-z-]*: //' | tr ',' '\n' |
      sed 's/|.*//; s/(.*//; s/:any//; s/ //g' | grep '^lib' | grep -v '^libjs-' | sort -u)
    rm -f "$deb"
    if [ "$2" -lt 4 ]; then
      for library in $needs; do
        installed "$library" && continue
        unpack "$library" $(($2 + 1)) || return 1
      done
    fi
  done
  : >"$done_dir/$1"
}

status=0
for package in $(missing_now); do
  if unpack "$package" 0; then
    echo "test server ready: $package" >&2
  else
    echo "test server missing: $package ($(tail -n 1 "$cache/apt.log" 2>/dev/null))" >&2
    status=1
  fi
done
exit $status
