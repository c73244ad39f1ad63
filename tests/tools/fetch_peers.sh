#!/bin/sh
# The programs that `python -m tests.bench peers` measures the console against: Debian's unpacked into .cache/servers (see
# fetch_servers.sh), PyPI's each into a virtual environment of its own under .cache/peers. What can't be had is named and
# left out. Usage: fetch_peers.sh [NAME...]   (default: all). Exit 1 when something is missing.
set -u
DEBIAN="htop:htop less:less btop:btop tig:tig vim:vim lnav:lnav"
PYPI="glances posting harlequin toolong"

here=$(cd "$(dirname "$0")/../.." && pwd)
cache=$here/.cache/peers
python=${PYTHON:-$here/.venv/bin/python}
mkdir -p "$cache"
exec 8>"$cache/lock"
command -v flock >/dev/null 2>&1 && flock 8

wanted() { # NAME ALL...: whether the command line asks for it
  name=$1
  shift
  [ $# -eq 0 ] && return 0
  for one in "$@"; do [ "$one" = "$name" ] && return 0; done
  return 1
}

also() { # PACKAGE: what it needs beside its own word, to run at all
  case $1 in
  posting) echo "tree-sitter>=0.25,<0.26" ;; # its grammars crash under 0.26
  esac
}

status=0
debian=
for item in $DEBIAN; do wanted "${item%%:*}" "$@" && debian="$debian $item"; done
# shellcheck disable=SC2086 # a list of words
[ -z "$debian" ] || sh "$here/tests/tools/fetch_servers.sh" $debian || status=1

for package in $PYPI; do
  wanted "$package" "$@" || continue
  folder=$cache/$package
  [ -e "$folder/.done" ] && continue
  # shellcheck disable=SC2046 # one word or none
  if "$python" -m venv "$folder" >"$cache/$package.log" 2>&1 &&
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package" $(also "$package") >>"$cache/$package.log" 2>&1; then
    "$folder/bin/python" -m compileall -q "$folder/lib" >/dev/null 2>&1
    : >"$folder/.done"
    echo "peer ready: $package" >&2
  else
    echo "peer missing: $package ($(tail -n 1 "$cache/$package.log" 2>/dev/null))" >&2
    status=1
  fi
done
exit $status
