#!/bin/sh
# Install Debian packages when we may: as root, or with sudo that asks for no password. Otherwise say what to install.
# Usage: debian_packages.sh PACKAGE...
set -u
[ $# -gt 0 ] || { echo "usage: debian_packages.sh PACKAGE..." >&2; exit 2; }
if ! command -v apt-get >/dev/null 2>&1; then
  echo "please install with your package manager: $*" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    echo "please install: sudo apt-get install $*" >&2
    exit 1
  fi
fi
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y --no-install-recommends install "$@"; }
install "$@" || { $as_root apt-get -q -q update && install "$@"; }
